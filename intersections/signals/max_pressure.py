"""Max pressure (Varaiya 2013, "Max pressure control of a network of signalized intersections", Transp. Res. C 36): of all stages the one
that moves most vehicles from where there are many to where there are few.

Rules:
* The pressure of a movement is the vehicles that wait for it, less the vehicles on a lane of the road it leads to (eq. 6, with turning
  ratios unknown: an even split over the lanes). A stage's pressure is the sum over its greens, each by the flow it can discharge.
* A stage is held for HOLD_NS once its greens are shown: a change costs its yellow.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Approaches, Floats, Observation
from intersections.signals.control import Plan, PlannedDepartures, Shown
from intersections.signals.estimate import STORED_M, Estimator
from intersections.signals.layout import SECOND_NS, SignalLayout, bits
from intersections.signals.plain_plan import plain_plan

HOLD_NS = 7 * SECOND_NS
PERMISSIVE_FLOW = 0.3  # share of a protected movement's flow that finds gaps; HCM 6th ed. ch. 31 has 0.2 to 0.4 at usual opposing flows


class MaxPressurePlanner:
    """Keeps the stage, since when all of it is green, and what its estimator keeps."""

    def __init__(self, layout: SignalLayout, approaches: Approaches) -> None:
        self._layout = layout
        self._approaches = approaches
        self._estimator = Estimator(approaches, layout)
        self._stages = [stage.greens for stage in layout.stages]
        self._flow = np.array([_flows(layout, greens) for greens in self._stages]).reshape(len(self._stages), -1)
        self._greens = layout.stages[layout.local[0][0]].greens
        self._green_ns = -1  # since when all of it is green; -1: not yet

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        pressure = self._flow @ self._group_pressure(seen, shown, neighbours)
        if self._greens & ~shown.greens:
            self._green_ns = -1
        elif self._green_ns < 0:
            self._green_ns = seen.now_ns
        best = int(np.argmax(pressure))
        if self._green_ns >= 0 and seen.now_ns - self._green_ns >= HOLD_NS and self._better(best, pressure):
            self._greens, self._green_ns = self._stages[best], -1
        return plain_plan(self._layout.intersection, seen, [self._greens], [seen.now_ns])

    def _better(self, best: int, pressure: Floats) -> bool:
        """Ties are for the stage that is green."""
        return self._stages[best] != self._greens and bool(pressure[best] > pressure[self._stages.index(self._greens)])

    def _group_pressure(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Floats:
        """(groups,): the sum over the group's movements; for a crossing, one for anybody who waits."""
        approaches = self._approaches
        arrivals = self._estimator.arrivals(seen, shown, neighbours)
        waiting = np.bincount(arrivals.connection, minlength=len(approaches.connection_lane)).astype(np.float64)
        beyond = (approaches.exit_length_m - arrivals.exit_room_m) / STORED_M
        lamp = approaches.connection_group >= 0
        pressure = np.zeros(len(self._layout.groups))
        np.add.at(pressure, approaches.connection_group[lamp], (waiting - (waiting > 0) * beyond[approaches.connection_exit])[lamp])
        return pressure + (approaches.group_crossing * (seen.pedestrian_wait_s > 0.0)).astype(np.float64)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {"stage": np.array([self._stages.index(self._greens), self._green_ns], np.int64)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        stage, self._green_ns = (int(value) for value in arrays["stage"])
        self._greens = self._stages[stage]


def _flows(layout: SignalLayout, greens: int) -> list[float]:
    yielding = layout.permissive(greens)
    flows = [0.0] * len(layout.groups)
    for bit in bits(greens):
        flows[bit] = PERMISSIVE_FLOW if yielding >> bit & 1 else 1.0
    return flows
