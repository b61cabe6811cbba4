"""Fixed-time control: the program of the hour, played by the clock. It looks at nobody."""

from typing import Any

from numpy.typing import NDArray

from intersections.signals.approaches import Observation
from intersections.signals.control import Plan, PlannedDepartures, Shown
from intersections.signals.layout import SignalLayout
from intersections.signals.plain_plan import plain_plan
from intersections.signals.plan import SignalPlan


class FixedTimePlanner:
    """Raises LayoutError where the plan is for another layout. It keeps nothing: the clock says it all."""

    def __init__(self, layout: SignalLayout, plan: SignalPlan) -> None:
        plan.check(layout)
        self._layout = layout
        self._plan = plan

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        del shown, neighbours
        program = self._plan.program_at(seen.now_ns)
        stages, start_ns, at_ns = list[int](), list[int](), seen.now_ns
        for _ in range(len(program.steps) + 1):  # once round: when what is green now gets green again
            number, end_ns = program.step_at(at_ns)
            stages.append(program.steps[number].greens)
            start_ns.append(at_ns)
            at_ns = end_ns
        return plain_plan(self._layout.intersection, seen, stages, start_ns)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        del arrays
