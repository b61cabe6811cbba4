"""Planner, guard and SPaT of one intersection without anything else: no priority, no preemption, no commitments."""

from collections import Counter
from dataclasses import dataclass

from intersections.samples import PhaseState
from intersections.signals.approaches import Observation
from intersections.signals.control import AUTHORS, Plan, PlannedDepartures, Planner, Shown
from intersections.signals.guard import Guard
from intersections.signals.guard_words import GuardEvent, Refusal
from intersections.signals.layout import SignalLayout
from intersections.signals.spat import SpatMessage, SpatPublisher


@dataclass(frozen=True, slots=True, eq=False)
class BareStep:
    shown: Shown
    plan: Plan | None
    spat: SpatMessage
    events: tuple[GuardEvent, ...]


class BareController:
    def __init__(self, layout: SignalLayout, planner: Planner, now_ns: int) -> None:
        self.guard = Guard(layout, now_ns, AUTHORS)
        self.verdicts: Counter[Refusal] = Counter()
        self._planner = planner
        self._spat = SpatPublisher(layout)
        self._everybody = (1 << len(layout.groups)) - 1
        self._shown: Shown | None = None
        self._plan: Plan | None = None

    def step(self, now_ns: int, seen: Observation | None, neighbours: tuple[PlannedDepartures, ...]) -> BareStep:
        plan = None
        if seen is not None and self._shown is not None:
            plan = self._plan = self._planner.plan(seen, self._shown, neighbours)
            self.verdicts[self.guard.command(plan.command, now_ns)] += 1
        self._shown = self.guard.step(now_ns, self._everybody)
        return BareStep(self._shown, plan, self._spat.publish(self._shown, self._plan), tuple(self.guard.take_events()))

    def feedback(self, states: tuple[PhaseState, ...], now_ns: int) -> None:
        self.guard.feedback(states, now_ns)
