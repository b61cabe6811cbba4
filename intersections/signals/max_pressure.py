"""Max pressure (Varaiya 2013, "Max pressure control of a network of signalized intersections", Transp. Res. C 36): of all stages the one
that moves most vehicles from where there are many to where there are few.

Rules:
* The pressure of a movement is the vehicles that wait for it, less those on the lane it leads into (eq. 6; turning ratios beyond are
  unknown). A stage's pressure is the sum over its greens.
* Only the stages of the local plan: with all compatible sets to choose from it changes more often than it discharges.
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
NEAR_M = 100.0  # who is farther from the stop line does not wait yet; counting all in sight leaves short queues unserved


class MaxPressurePlanner:
    """Keeps the stage, since when all of it is green, and what its estimator keeps."""

    def __init__(self, layout: SignalLayout, approaches: Approaches) -> None:
        self._layout = layout
        self._approaches = approaches
        self._estimator = Estimator(approaches, layout)
        self._stages = [layout.stages[number].greens for number in dict.fromkeys(number for number, _ in layout.local)]
        self._stage = 0
        self._green_ns = -1  # since when all of it is green; -1: not yet

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        of_group = self._group_pressure(seen, shown, neighbours)
        pressure = [float(of_group[list(bits(greens))].sum()) for greens in self._stages]
        if self._stages[self._stage] & ~shown.greens:
            self._green_ns = -1
        elif self._green_ns < 0:
            self._green_ns = seen.now_ns
        best = max(range(len(pressure)), key=lambda stage: (pressure[stage], stage == self._stage))
        if best != self._stage and self._green_ns >= 0 and seen.now_ns - self._green_ns >= HOLD_NS:
            self._stage, self._green_ns = best, -1
        return plain_plan(self._layout.intersection, seen, [self._stages[self._stage]], [seen.now_ns])

    def _group_pressure(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Floats:
        """(groups,): the sum over the group's movements; for a crossing, one for anybody who waits."""
        approaches = self._approaches
        arrivals = self._estimator.arrivals(seen, shown, neighbours)
        near = arrivals.distance_m <= NEAR_M
        waiting = np.bincount(arrivals.connection[near], minlength=len(approaches.connection_lane)).astype(np.float64)
        beyond = (approaches.exit_length_m - arrivals.exit_room_m) / STORED_M
        lamp = approaches.connection_group >= 0
        pressure = np.zeros(len(self._layout.groups))
        np.add.at(pressure, approaches.connection_group[lamp], (waiting - (waiting > 0) * beyond[approaches.connection_exit])[lamp])
        return pressure + (approaches.group_crossing * (seen.pedestrian_wait_s > 0.0)).astype(np.float64)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {"stage": np.array([self._stage, self._green_ns], np.int64), **self._estimator.snapshot()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._stage, self._green_ns = (int(value) for value in arrays["stage"])
        self._estimator.restore(arrays)
