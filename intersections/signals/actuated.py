"""Vehicle-actuated control as controllers in the field do it (NEMA TS 2, FHWA Signal Timing Manual 2nd ed. ch. 5-6).

Rules:
* The local plan's stages in their order; a stage that nobody has called is passed over, and where nobody else calls, green rests.
* A stage ends by gap-out (for a gap nobody has passed, or is about to pass, where its green would end) or by max-out.
* Loops see that somebody is there, connected vehicles where they are going as well: a loop in a lane that connected vehicles stand on
  calls for nobody else. Who stands although his lamp is green holds no green: he waits for something else.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import ADVANCE_LOOP_M, Approaches, Ints, Observation
from intersections.signals.arrivals import STANDING_MPS
from intersections.signals.control import Plan, PlannedDepartures, Shown
from intersections.signals.layout import SECOND_NS, SignalLayout, bits
from intersections.signals.plain_plan import plain_plan
from intersections.signals.plan import Actuation

_LONG_AGO_NS = -(2**62)


class ActuatedPlanner:
    """Keeps the stage, since when it is fully green, the loops' last counts, when each lane last saw a vehicle, and who has called."""

    def __init__(self, layout: SignalLayout, approaches: Approaches, actuation: Actuation | None = None) -> None:
        self._layout = layout
        self._approaches = approaches
        self._settings = actuation or Actuation()
        self._ring = [layout.stages[number].greens for number, _ in layout.local]
        self._groups_of = [0] * len(approaches.lanes)
        for lane, group in zip(approaches.connection_lane.tolist(), approaches.connection_group.tolist(), strict=True):
            self._groups_of[lane] |= 1 << group if group >= 0 else 0
        self._stage = 0
        self._green_ns = _LONG_AGO_NS  # since when all groups of the stage are green; long ago: not yet
        self._calls = 0
        self._counts = np.full((2, len(approaches.lanes)), -1, np.int64)  # at the stop line, at the advance loop
        self._passed_ns = np.full((2, len(approaches.lanes)), _LONG_AGO_NS, np.int64)
        self._group_table = _group_table(approaches)

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        del neighbours
        self._detect(seen, shown)
        greens, now_ns = self._ring[self._stage], seen.now_ns
        if greens & ~shown.greens:
            self._green_ns = _LONG_AGO_NS
        elif self._green_ns == _LONG_AGO_NS:
            self._green_ns = now_ns
        following = self._next_called(greens)
        if following is not None and self._green_ns != _LONG_AGO_NS and self._may_end(greens, greens & ~self._ring[following], seen):
            self._stage, self._green_ns = following, _LONG_AGO_NS
        return plain_plan(self._layout.intersection, seen, [self._ring[self._stage]], [now_ns])

    def _detect(self, seen: Observation, shown: Shown) -> None:
        """When each loop was last passed, and who calls: groups that are not green, or only permissively."""
        counts = np.stack((seen.stop_line_count, seen.advance_count))
        passed = (counts > self._counts) & (self._counts >= 0)
        self._passed_ns[passed] = seen.now_ns
        self._counts = counts
        self._calls &= ~(shown.greens & ~self._layout.permissive(shown.greens))
        near = (seen.lane >= 0) & (seen.distance_m <= ADVANCE_LOOP_M)
        told = set(seen.lane[near].tolist())
        for lane in np.flatnonzero((seen.stop_line_occupied > 0) | (seen.advance_occupied > 0) | passed[1]).tolist():
            if lane not in told:
                self._calls |= self._groups_of[lane]
        self._calls |= self._groups(seen, near)
        for group in np.flatnonzero(seen.pedestrian_wait_s > 0.0).tolist():
            self._calls |= 1 << group

    def _groups(self, seen: Observation, rows: NDArray[np.bool_]) -> int:
        """Of these vehicles, all on approach lanes."""
        groups = self._group_table[seen.lane[rows], seen.movement[rows]]
        return sum(1 << group for group in set(groups.tolist()) if group >= 0)

    def _next_called(self, greens: int) -> int | None:
        """The next stage of the ring with a called group that is not served now: closed, or yielding where it would not have to."""
        yielding = self._layout.permissive(greens)
        for ahead in range(1, len(self._ring)):
            number = (self._stage + ahead) % len(self._ring)
            candidate = self._ring[number]
            gained = candidate & ~greens | candidate & yielding & ~self._layout.permissive(candidate)
            if self._calls & gained:
                return number
        return None

    def _may_end(self, greens: int, ending: int, seen: Observation) -> bool:
        held_ns = seen.now_ns - self._green_ns
        if held_ns < max((self._layout.groups[bit].min_green_ns for bit in bits(ending)), default=0):
            return False
        if held_ns >= self._settings.max_green_ns:
            return True
        coming = (seen.lane >= 0) & (seen.speed_mps > STANDING_MPS)
        coming &= seen.distance_m <= seen.speed_mps * (self._settings.gap_ns / SECOND_NS)
        if self._groups(seen, coming) & ending:
            return False
        recent = seen.now_ns - self._passed_ns < self._settings.gap_ns
        lanes = [(lane, groups) for lane, groups in enumerate(self._groups_of) if groups & ending]
        return not any(recent[0, lane] or (recent[1, lane] and not groups & ~greens) for lane, groups in lanes)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {
            "stage": np.array([self._stage, self._green_ns], np.int64),
            "calls": np.array([self._calls >> bit & 1 for bit in range(len(self._layout.groups))], np.uint8),
            "counts": self._counts.copy(),
            "passed_ns": self._passed_ns.copy(),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._stage, self._green_ns = (int(value) for value in arrays["stage"])
        self._calls = sum(1 << bit for bit in np.flatnonzero(arrays["calls"]).tolist())
        self._counts, self._passed_ns = arrays["counts"].copy(), arrays["passed_ns"].copy()


def _group_table(approaches: Approaches) -> Ints:
    """(lanes, movements and one for unknown, which is taken for the lane's first) -> bit of the group, -1 for none."""
    table = np.full((len(approaches.lanes), len(approaches.movements) + 1), -1, np.int32)
    table[approaches.connection_lane, approaches.connection_movement] = approaches.connection_group
    ruled = np.flatnonzero(approaches.connection_group >= 0)[::-1]
    table[approaches.connection_lane[ruled], -1] = approaches.connection_group[ruled]
    return table
