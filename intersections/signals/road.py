"""Signal control in the real road: tracks in, lamp commands, SPaT, advice and answers out, and what the lamps really show back in.

Rules:
* A layout's group may drive several groups of the map (`members`): all of them are commanded alike, and all have to show it.
* Nothing is commanded before somebody who drives the lamps has spoken: then the guard starts as after power-up, from flashing.
* Who drives the lamps speaks each 100 ms. A silence of FEEDBACK_GAP_NS is wrong feedback of every lamp: the guard makes a fault of it.
* Nothing here knows how commands travel: they are decisions like any other, made at whole ticks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.decisions import LampCommand, PriorityAnswer, SignalDecision, SignalEvent, SpeedAdvices, SpeedBand
from intersections.localize import Places
from intersections.map import IntersectionMap
from intersections.paths import Paths
from intersections.samples import CommandKind, CommandSample, PhaseState, PrioritySample, SignalSample
from intersections.signals.approaches import Approaches, Observation
from intersections.signals.control import OPERATOR, Planner, Shown
from intersections.signals.controller import ControlEvent, PlannerEvent, SignalController
from intersections.signals.estimate import Estimator
from intersections.signals.glosa import SpeedAdvisor
from intersections.signals.guard_words import GuardAct
from intersections.signals.kept import packed, unpacked
from intersections.signals.layout import SignalLayout, bits
from intersections.signals.priority import PriorityRequest, PriorityResponse, RequestKind, Role
from intersections.signals.sight import Sight, approaches_of, number_of
from intersections.signals.spat import MovementEvent, SpatMessage
from positioning.tracks import TrackView

COMMAND_VALIDITY_NS = 500_000_000  # five ticks: then whoever drives the lamps is on its own
FEEDBACK_GAP_NS = 300_000_000  # a gap over 300 ms is a fault (CTI 4501)
NEVER_NS = 2**63 - 1
REQUESTS_PER_STEP = 64

WORDS: dict[GuardAct, str] = {
    GuardAct.MODE: "the signals are now: {reason}",
    GuardAct.REFUSED: "a command was refused ({reason}) for {groups}; the lamps are as they were",
    GuardAct.FAULT: "{reason} at {groups}: the signals flash until an operator resets them",
    GuardAct.RESET: "{reason} was reset: the signals start anew",
    GuardAct.CLOCK_BACK: "the clock went back; the guard held its time",
    GuardAct.FORCED: "{groups} waited too long and gets green now",
    GuardAct.CUT: "the green of {groups} reached its maximum while somebody waits",
    GuardAct.SNAPSHOT_REFUSED: "a snapshot was not this intersection's",
}

Look = Callable[[int], tuple[TrackView, Places]]
Ordered = Callable[[int], Mapping[str, int]]  # at a time: for whom a dispatcher has ordered priority, and how many ride there or -1
MakePlanner = Callable[[SignalLayout, Approaches], Planner]


@dataclass(frozen=True, slots=True)
class SignalConfig:
    """`members`: the map's groups that each of the layout's drives. `constant`: groups of the map that always show the same.

    `planner`: made once the approaches are known.
    """

    layout: SignalLayout
    members: Mapping[str, tuple[str, ...]]
    constant: Mapping[str, PhaseState]
    planner: MakePlanner


class RoadSignals:
    """Of one intersection. What comes in takes effect at once; `step` it when it is due."""

    def __init__(self, map: IntersectionMap, paths: Paths, config: SignalConfig) -> None:
        layout = config.layout
        self._intersection = map.id
        self._members = tuple(config.members[group.id] for group in layout.groups)
        self._constant = tuple((group, int(state)) for group, state in config.constant.items())
        bit_of_group = {member: bit for bit, members in enumerate(self._members) for member in members}
        limits_mps = np.array([map.lane[id].speed_limit_mps if id in map.lane else np.inf for id in paths.ids])
        approaches = approaches_of(map.id, paths, limits_mps, bit_of_group)
        planner = config.planner(layout, approaches)
        self.controller = SignalController(layout, approaches, planner, 0, authority=_entitled)
        self._sight = Sight(paths, approaches, bit_of_group)
        self._estimator = Estimator(approaches, layout)
        self._advisor = SpeedAdvisor(approaches)
        self._movements = {turn: row for row, turn in enumerate(approaches.movements)}
        self._requests: list[PrioritySample] = []  # since the last step
        self._names: dict[int, str] = {}  # of those who ask for priority
        self._heard_ns = 0  # when the lamps last spoke; 0: never
        self._due_ns = NEVER_NS
        self._sequence = 0
        self.granted: tuple[str, ...] = ()  # whose ordered priority the plan of the latest step counted

    @property
    def due_ns(self) -> int:
        """When to step next; never before the lamps have spoken."""
        return self._due_ns

    def take(self, sample: SignalSample) -> None:
        """Lamps as whoever drives them says they are."""
        said = dict(sample.groups)
        if not self._heard_ns:
            self._due_ns = sample.received_ns
        elif self._due_ns < NEVER_NS:
            self.controller.feedback([_agreed(said, members) for members in self._members], sample.received_ns)
        self._heard_ns = sample.received_ns

    def ask(self, sample: PrioritySample) -> None:
        """A request for priority; looked at in the next step."""
        if self._due_ns < NEVER_NS and len(self._requests) < REQUESTS_PER_STEP:
            self._requests.append(sample)

    def obey(self, command: CommandSample) -> None:
        """An operator's reset, or word that a plan took too long."""
        if command.kind is CommandKind.RESET_SIGNALS:
            self.controller.reset(OPERATOR, command.received_ns)
        else:
            self.controller.overrun(command.received_ns, command.reason)

    def step(self, now_ns: int, look: Look, orders: Ordered | None = None) -> list[SignalDecision]:
        """The lamps of this tick first; `look` and `orders` are asked only when a plan is due."""
        if now_ns - self._heard_ns > FEEDBACK_GAP_NS:
            self.controller.feedback((), now_ns)
        view, seen = None, None
        ordered: dict[str, int] = {}
        if self.controller.wants_sight(now_ns):
            view, places = look(now_ns)
            seen = self._sight.observe(view, places, now_ns)
            told = orders(now_ns) if orders is not None else {}
            ordered = {name: told[name] for name in view.vehicles.values() if name in told}
        names = {number_of(name): name for name in ordered}
        riding = {number: ordered[name] for number, name in names.items()}
        done = self.controller.step(now_ns, seen, requests=self._taken_requests(names), ordered=riding)
        self.granted = tuple(names[number] for number in self.controller.priority.granted_orders if number in names)
        self._due_ns = self.controller.next_deadline_ns
        self._sequence = (self._sequence + 1) % 2**32
        decisions: list[SignalDecision] = [self._command(done.shown, now_ns), self._spat(done.spat)]
        decisions += [self._event(event, number) for number, event in enumerate(done.events)]
        decisions += self._answers(done.answers, now_ns)
        if view is not None and seen is not None and view.vehicles:
            decisions += self._advices(seen, view, done.shown, done.spat, now_ns)
        return decisions

    def snapshot(self) -> dict[str, NDArray[Any]]:
        own = {
            "requests": [asdict(sample) for sample in self._requests],
            "names": list(self._names.items()),
            "numbers": [self._heard_ns, self._due_ns, self._sequence],
        }
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            "controller": self.controller.snapshot(),
            "sight": self._sight.snapshot(),
            "advice": self._advisor.snapshot() | {f"of {name}": array for name, array in self._estimator.snapshot().items()},
            "own": {"state": packed(own)},
        }
        return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        parts: dict[str, dict[str, NDArray[Any]]] = {"controller": {}, "sight": {}, "advice": {}, "own": {}}
        for key, array in arrays.items():
            part, name = key.split("/", 1)
            parts[part][name] = array
        self.controller.restore(parts["controller"])
        self._sight.restore(parts["sight"])
        self._advisor.restore(parts["advice"])
        self._estimator.restore({name.removeprefix("of "): array for name, array in parts["advice"].items() if name.startswith("of ")})
        own = unpacked(parts["own"]["state"])
        self._requests = [PrioritySample(**fields) for fields in own["requests"]]
        self._names = dict(own["names"])
        self._heard_ns, self._due_ns, self._sequence = own["numbers"]

    def _taken_requests(self, ordered: Mapping[int, str]) -> list[PriorityRequest]:
        """Each by its number and its turn; who leaves by a lane that his own does not lead to has no turn, and is told so.

        `ordered`: who may be asked for from here; they are told how that stands.
        """
        requests = [
            PriorityRequest(
                requester=number_of(asked.vehicle),
                role=Role(asked.role),
                request_id=asked.request_id,
                sequence=asked.sequence,
                kind=RequestKind(asked.kind),
                movement=self._movements.get((asked.ingress, asked.egress), -1),
                arrival_ns=asked.arrival_ns,
                issued_ns=asked.received_ns,
                importance=asked.importance,
                persons=asked.persons,
                lateness_s=asked.lateness_s,
                headway_ratio=asked.headway_ratio,
            )
            for asked in self._requests
        ]
        known = {told.requester for told in self.controller.priority.responses()}
        asking = {number_of(asked.vehicle): asked.vehicle for asked in self._requests}
        self._names = {number: name for number, name in self._names.items() if number in known} | dict(ordered) | asking
        self._requests = []
        return requests

    def _command(self, shown: Shown, now_ns: int) -> LampCommand:
        states = tuple((member, int(state)) for members, state in zip(self._members, shown.states, strict=True) for member in members)
        valid_until_ns = now_ns + COMMAND_VALIDITY_NS
        return LampCommand(self._intersection, self._sequence, now_ns, valid_until_ns, shown.mode, states + self._constant)

    def _spat(self, spat: SpatMessage) -> SpatMessage:
        """By the map's groups."""
        events = tuple(
            MovementEvent(member, event.state, event.since_ns, event.timing)
            for members, event in zip(self._members, spat.events, strict=True)
            for member in members
        )
        return replace(spat, events=events)

    def _answers(self, told: Sequence[PriorityResponse], now_ns: int) -> list[PriorityAnswer]:
        return [
            PriorityAnswer(
                self._intersection, self._names[one.requester], one.request_id, one.sequence, one.status, one.reason.value, now_ns
            )
            for one in told
            if one.requester in self._names
        ]

    def _advices(self, seen: Observation, view: TrackView, shown: Shown, spat: SpatMessage, now_ns: int) -> list[SpeedAdvices]:
        arrivals = self._estimator.arrivals(seen, shown, ())
        names = {number_of(name): name for name in view.vehicles.values()}
        bands = tuple(
            SpeedBand(
                vehicle=names[advice.vehicle],
                group=self._members[advice.group][0],
                low_mps=advice.low_mps,
                high_mps=advice.high_mps,
                advised_mps=advice.advised_mps,
                arrive_s=advice.arrive_s,
                distance_m=advice.distance_m,
            )
            for advice in self._advisor.advise(now_ns, arrivals, spat)
            if advice.vehicle in names and advice.group >= 0
        )
        return [SpeedAdvices(self._intersection, now_ns, bands)] if bands else []

    def _event(self, event: ControlEvent, number: int) -> SignalEvent:
        id = f"{self._intersection}-signals-{event.now_ns // 1_000_000}-{number}"
        if isinstance(event, PlannerEvent):
            return SignalEvent(id, self._intersection, "planner", event.verdict.name, event.text, event.now_ns)
        groups = ", ".join(member for bit in bits(event.groups) for member in self._members[bit])
        text = WORDS[event.act].format(reason=event.reason.lower().replace("_", " "), groups=groups or "no group")
        return SignalEvent(id, self._intersection, event.author or "guard", f"{event.act.name} {event.reason}".strip(), text, event.now_ns)


def _entitled(requester: int, role: Role) -> bool:  # noqa: ARG001 - whoever may not ask for this does not get here
    return True


def _agreed(said: Mapping[str, PhaseState], members: tuple[str, ...]) -> PhaseState:
    """What all members show. Where they differ, or one is not named, the lamps of the group do not do what they should: dark."""
    states = {said.get(member, PhaseState.UNKNOWN) for member in members}
    return states.pop() if len(states) == 1 and PhaseState.UNKNOWN not in states else PhaseState.DARK
