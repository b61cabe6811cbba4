"""One intersection's signal control, composed: what is seen goes to the planner each second, its word to the guard, the guard each 100 ms.

Rules:
* No clock, no chance: the same steps give the same decisions from any snapshot on. Times are given; the guard's are whole ticks.
* Nobody but the guard says what the lamps show. A planner that is silent, fails or takes too long only stops being asked: the guard's
  local plan follows by itself when the last command runs out.
* What a planner raises is counted and told as an event, never passed on: a wrong optimiser must not end the guard.
* Preemption comes before the plan: while a way is being cleared, or given back, the planner is not asked.
* Without sight for SIGHT_STALE_NS every group counts as called: nobody waits for a sensor that says nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.samples import PhaseState
from intersections.signals.approaches import Approaches, Observation
from intersections.signals.calls import Calls
from intersections.signals.control import AUTHORS, GuardMode, Plan, PlannedDepartures, Planner, Shown
from intersections.signals.guard import Guard
from intersections.signals.guard_words import GuardAct, GuardEvent, Refusal
from intersections.signals.kept import (
    Arrays,
    mask_rows,
    masks_of,
    observation_arrays,
    observation_of,
    packed,
    plan_arrays,
    plan_of,
    shown_arrays,
    shown_of,
    unpacked,
)
from intersections.signals.layout import SECOND_NS, TICK_NS, SignalLayout
from intersections.signals.ordered import requests_for
from intersections.signals.preemption import Preemption
from intersections.signals.priority import PriorityRequest, PriorityResponse, PriorityServer, Role
from intersections.signals.spat import SpatMessage, SpatPublisher

PLAN_PERIOD_NS = SECOND_NS
SIGHT_STALE_NS = 3 * SECOND_NS
OVERRUN_PAUSE_NS = 10 * SECOND_NS  # a planner that took too long is left alone for so long
IN_SERVICE = frozenset({GuardMode.COMMANDED, GuardMode.LOCAL})
PLANNER_DEFECTS = (ArithmeticError, LookupError, ValueError)


class PlanVerdict(IntEnum):
    """What became of a second's plan."""

    TAKEN = 0
    REFUSED = 1  # by the guard, which tells why
    FAILED = 2
    OVERRUN = 3
    PAUSED = 4


@dataclass(frozen=True, slots=True)
class PlannerEvent:
    """Why the planner is silent."""

    now_ns: int
    verdict: PlanVerdict
    text: str


ControlEvent = GuardEvent | PlannerEvent


@dataclass(frozen=True, slots=True, eq=False)
class ControllerStep:
    """`plan`: the one made in this step, None in the nine ticks between. `answers`: to requests that are new or stand otherwise now."""

    shown: Shown
    plan: Plan | None
    spat: SpatMessage
    answers: tuple[PriorityResponse, ...]
    events: tuple[ControlEvent, ...]


def public_transport_only(requester: int, role: Role) -> bool:  # noqa: ARG001 - nobody vouches for anybody
    """Who may ask for what where no vehicle is known by name."""
    return role in (Role.PUBLIC_TRANSPORT, Role.TRANSIT)


class SignalController:
    """All state of one intersection's signals. `step` it each 100 ms."""

    def __init__(
        self,
        layout: SignalLayout,
        approaches: Approaches,
        planner: Planner,
        now_ns: int,
        *,
        authority: Callable[[int, Role], bool] = public_transport_only,
        spat: SpatPublisher | None = None,
    ) -> None:
        """`authority`: whether a requester of priority is what it says."""
        self.layout = layout
        self.approaches = approaches
        self.priority = PriorityServer(approaches, authority)
        self._preemption = Preemption(approaches, layout)
        self.guard = Guard(layout, _tick(now_ns), AUTHORS)
        self.verdicts: Counter[PlanVerdict] = Counter()  # for display, not part of the state
        self._planner = planner
        self._spat = spat or SpatPublisher(layout)
        self._calls = Calls(layout, approaches)
        self._called = self._calls.everybody
        self._shown: Shown | None = None
        self._plan: Plan | None = None  # in force
        self._seen: Observation | None = None
        self._paused_until_ns = 0
        self._due_ns = self._plan_due_ns = 0
        self._events: list[ControlEvent] = []  # since the last step

    @property
    def next_deadline_ns(self) -> int:
        """When to step next."""
        return self._due_ns

    def wants_sight(self, now_ns: int) -> bool:
        """Whether a step at `now_ns` would plan, if it is given what is seen."""
        return self._shown is not None and self._shown.mode in IN_SERVICE and _tick(now_ns) >= self._plan_due_ns

    def step(
        self,
        now_ns: int,
        seen: Observation | None = None,
        neighbours: tuple[PlannedDepartures, ...] = (),
        requests: Sequence[PriorityRequest] = (),
        ordered: Mapping[int, int] | None = None,
    ) -> ControllerStep:
        """Each 100 ms; `seen` where there is news of the road. Plans at most once a second, and only on what is seen.

        `ordered`: vehicles for which a dispatcher's order of priority is in force, with their riders or -1.
        """
        tick_ns = _tick(now_ns)
        before = frozenset(self.priority.responses())
        answers = self.priority.receive(requests, tick_ns)
        self.priority.observe(seen, tick_ns, requests_for(ordered, seen, tick_ns) if ordered and seen is not None else None)
        self._look(seen, tick_ns)
        plan = self._rule(tick_ns, seen, neighbours) if self._shown is not None and self._shown.mode in IN_SERVICE else None
        if self._plan is not None and self._plan.command.valid_until_ns < tick_ns:
            self._plan = None
        self._shown = self.guard.step(tick_ns, self._called)
        self._due_ns = tick_ns + TICK_NS
        changed = [told for told in self.priority.responses() if told not in before]
        news = {(told.requester, told.request_id, told.sequence): told for told in (*answers, *changed)}
        events = (*self._events, *self.guard.take_events())
        self._events.clear()
        return ControllerStep(self._shown, plan, self._spat.publish(self._shown, self._plan), tuple(news.values()), events)

    def feedback(self, states: Sequence[PhaseState], now_ns: int) -> None:
        """What the lamps really show, by group."""
        self.guard.feedback(tuple(states), _tick(now_ns))
        self._events += self.guard.take_events()

    def reset(self, author: str, now_ns: int) -> None:
        """Somebody has looked at a latched fault."""
        self.guard.reset(author, _tick(now_ns))
        self._events += self.guard.take_events()

    def overrun(self, now_ns: int, text: str) -> None:
        """Whoever has a clock measured that a plan took too long."""
        self._paused_until_ns = _tick(now_ns) + OVERRUN_PAUSE_NS
        self._silent(_tick(now_ns), PlanVerdict.OVERRUN, text)

    def snapshot(self) -> Arrays:
        """To be taken between steps."""
        times_ns = (self._due_ns, self._plan_due_ns, self._paused_until_ns)
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            "guard": {"state": packed(self.guard.snapshot())},
            "priority": {"state": packed(self.priority.snapshot())},
            "preemption": {"state": packed(self._preemption.snapshot())},
            "events": {"state": packed([_plain_event(event) for event in self._events])},
            "planner": self._planner.snapshot(),
            "spat": self._spat.snapshot(),
            "shown": {} if self._shown is None else shown_arrays(self._shown),
            "seen": {} if self._seen is None else observation_arrays(self._seen),
            "plan": {} if self._plan is None else plan_arrays(self._plan, len(self.layout.groups)),
            "own": {"times_ns": np.array(times_ns, np.int64), "called": mask_rows([self._called], len(self.layout.groups))},
        }
        return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of a controller with the same layout, approaches and planner."""
        parts: defaultdict[str, Arrays] = defaultdict(dict)
        for key, array in arrays.items():
            part, name = key.split("/", 1)
            parts[part][name] = array
        self._shown = shown_of(parts["shown"]) if parts["shown"] else None
        self.guard.restore(unpacked(parts["guard"]["state"]), self._shown.now_ns if self._shown else 0)
        self._events = [_event_of(plain) for plain in unpacked(parts["events"]["state"])]
        self.priority.restore(unpacked(parts["priority"]["state"]))
        self._preemption.restore(unpacked(parts["preemption"]["state"]))
        self._planner.restore(parts["planner"])
        self._spat.restore(parts["spat"])
        self._seen = observation_of(parts["seen"]) if parts["seen"] else None
        self._plan = plan_of(parts["plan"], self.layout.intersection) if parts["plan"] else None
        self._due_ns, self._plan_due_ns, self._paused_until_ns = parts["own"]["times_ns"].tolist()
        self._called = masks_of(parts["own"]["called"])[0]

    def _look(self, seen: Observation | None, now_ns: int) -> None:
        if seen is not None:
            self._seen, self._called = seen, self._calls.of(seen)
        elif self._seen is None or now_ns - self._seen.now_ns >= SIGHT_STALE_NS:
            self._seen, self._called = None, self._calls.everybody

    def _rule(self, now_ns: int, seen: Observation | None, neighbours: tuple[PlannedDepartures, ...]) -> Plan | None:
        """One word to the guard, of the preemption or else of the planner; -> the plan, if one was made."""
        assert self._shown is not None
        clearing = self._preemption.command(self.priority.preemptions(), self._seen, self._shown)
        if clearing is not None:
            self.guard.command(clearing, now_ns)
            self._plan = None
            return None
        if seen is None or now_ns < self._plan_due_ns:
            return None
        self._plan_due_ns = (now_ns // PLAN_PERIOD_NS + 1) * PLAN_PERIOD_NS
        return self._command(now_ns, seen, self._shown, neighbours)

    def _command(self, now_ns: int, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan | None:
        """The planner's word, passed on to the guard; None where it has none."""
        if now_ns < self._paused_until_ns:
            self.verdicts[PlanVerdict.PAUSED] += 1
            return None
        try:
            plan = self._planner.plan(replace(seen, weight=self.priority.weights(seen)), shown, neighbours)
        except PLANNER_DEFECTS as defect:
            self._silent(now_ns, PlanVerdict.FAILED, f"{type(defect).__name__}: {defect}")
            return None
        taken = self.guard.command(plan.command, now_ns) is Refusal.ACCEPTED
        if not taken and plan.command.commitment is not None:  # the greens are wanted even where the promise cannot be made
            taken = self.guard.command(replace(plan.command, commitment=None), now_ns) is Refusal.ACCEPTED
        self.verdicts[PlanVerdict.TAKEN if taken else PlanVerdict.REFUSED] += 1
        self._plan = plan if taken else self._plan
        return plan

    def _silent(self, now_ns: int, verdict: PlanVerdict, text: str) -> None:
        self.verdicts[verdict] += 1
        self._events.append(PlannerEvent(now_ns, verdict, text))


def _plain_event(event: ControlEvent) -> list[Any]:
    kind = "guard" if isinstance(event, GuardEvent) else "planner"
    return [kind, *(getattr(event, field.name) for field in fields(event))]


def _event_of(plain: list[Any]) -> ControlEvent:
    kind, now_ns, word, *rest = plain
    return GuardEvent(now_ns, GuardAct(word), *rest) if kind == "guard" else PlannerEvent(now_ns, PlanVerdict(word), *rest)


def _tick(now_ns: int) -> int:
    return now_ns // TICK_NS * TICK_NS
