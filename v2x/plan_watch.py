"""A signal planner held to its budget: the core has no clock, so the process that runs it measures.

Rules:
* CPU time of this thread, not wall time: a machine that is busy elsewhere does not make a plan wrong.
* What is measured goes the way of every input, through the queue and the log: replay leaves the planner alone at the same step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import thread_time_ns
from typing import Any

from numpy.typing import NDArray

from intersections.samples import CommandKind, CommandSample
from intersections.signals.approaches import Approaches, Observation
from intersections.signals.control import Plan, PlannedDepartures, Planner, Shown
from intersections.signals.layout import SignalLayout
from intersections.signals.road import MakePlanner
from v2x.arrivals import Arrival
from v2x.commands import command_arrival, encode_command

BUDGET_NS = 50_000_000  # half of the guard's period: a longer plan would make its next step late
VALIDITY_NS = 10_000_000_000
AUTHOR = "plan-watch"


@dataclass(frozen=True, slots=True)
class WatchedPlanner:
    """The planner, and whom to tell when it took too long."""

    planner: Planner
    tell: Callable[[int], None]

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        began_ns = thread_time_ns()
        try:
            return self.planner.plan(seen, shown, neighbours)
        finally:
            took_ns = thread_time_ns() - began_ns
            if took_ns > BUDGET_NS:
                self.tell(took_ns)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return self.planner.snapshot()

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.planner.restore(arrays)


def watched(make: MakePlanner, intersection: str, now_ns: Callable[[], int], put: Callable[[Arrival], None]) -> MakePlanner:
    """The same planners, each overrun put into the queue as a command of our own."""

    def tell(took_ns: int) -> None:
        at_ns = now_ns()
        text = f"a plan took {took_ns // 1_000_000} ms, {BUDGET_NS // 1_000_000} are allowed"
        sample = CommandSample(f"overrun-{at_ns}", CommandKind.PLAN_OVERRUN, intersection, AUTHOR, "", "", at_ns + VALIDITY_NS, at_ns, text)
        put(command_arrival(sample, encode_command(sample)))

    def planner(layout: SignalLayout, approaches: Approaches) -> Planner:
        return WatchedPlanner(make(layout, approaches), tell)

    return planner
