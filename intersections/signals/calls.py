"""Which groups somebody waits for: what binds the guard to a maximum green and a maximum red.

Rules:
* A vehicle calls for the groups of its own movement where it stands, or so near the line that it is about to.
* A loop cannot tell who stands on it: it calls for every group of its lane.
"""

import numpy as np

from intersections.signals.approaches import Approaches, Observation
from intersections.signals.layout import SignalLayout

STANDING_MPS = 2.0
AT_LINE_M = 15.0  # two vehicles' lengths


class Calls:
    def __init__(self, layout: SignalLayout, approaches: Approaches) -> None:
        self.everybody = (1 << len(layout.groups)) - 1
        self._of_lane = [0] * len(approaches.lanes)
        self._of_turn: dict[tuple[int, int], int] = {}
        rows = zip(
            approaches.connection_lane.tolist(), approaches.connection_movement.tolist(), approaches.connection_group.tolist(), strict=True
        )
        for lane, movement, group in rows:
            if group >= 0:
                self._of_lane[lane] |= 1 << group
                self._of_turn[lane, movement] = self._of_turn.get((lane, movement), 0) | 1 << group

    def of(self, seen: Observation) -> int:
        """The groups that are called for, as a set."""
        waiting = (seen.lane >= 0) & ((seen.speed_mps < STANDING_MPS) | (seen.waited_s > 0.0) | (seen.distance_m < AT_LINE_M))
        called = 0
        for lane, movement in {*zip(seen.lane[waiting].tolist(), seen.movement[waiting].tolist(), strict=True)}:
            called |= self._of_turn.get((lane, movement), self._of_lane[lane])
        for lane in np.flatnonzero(seen.stop_line_occupied).tolist():
            called |= self._of_lane[lane]
        for group in np.flatnonzero(seen.pedestrian_wait_s > 0.0).tolist():
            called |= 1 << group
        return called
