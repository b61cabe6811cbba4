"""Connected vehicles from one second to the next: which loops each has passed, and which of them behave as if nobody were there.

Rules:
* A vehicle's word is weighed, never believed alone: what the loops contradict loses weight, and is dropped when it has stood through
  enough green before an empty stop line. Others are served whatever one approach claims.
* No more vehicles are kept than fit into sight: MOST_PER_LANE of each lane, or of each turn upstream, the nearest first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import ADVANCE_LOOP_M, SIGHT_M, Floats, Ints, Observation

MOST_PER_LANE = int(SIGHT_M / 6.0)  # standing cars
START_WAVE_MPS = 4.0  # queues start to move at about this speed from the stop line back, Newell 2002
MOST_PERSONS = 400.0  # a long tram, full
STILL_M = 2.0  # moved less: stands
DOUBT_HALVES_S = 20.0  # of green stood through, before an empty stop line
DROPPED_S = 60.0
CLAIM_MEMORY_S = 300.0
LEAST_TRUST = 0.1  # of a lane whose vehicles no loop has seen: its loops may be at fault
ENOUGH_CLAIMS = 8.0


@dataclass(slots=True)
class _Followed:
    lane: int
    connection: int
    distance_m: float
    speed_mps: float
    stood_m: float  # where it was when it last moved
    doubt_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """By lane: connected vehicles that passed the advance loop and the stop line since last time; by connection: the latter."""

    advance: Ints
    stop: Ints
    turns: Floats


class Connected:
    def __init__(self, lanes: int, connections: int) -> None:
        self._lanes, self._connections = lanes, connections
        self._followed: dict[int, _Followed] = {}
        self._claimed = np.zeros(lanes)
        self._counted = np.zeros(lanes)

    def step(self, seen: Observation, connection: Ints, passed_s: float) -> Crossings:
        """`connection`: of each row, by its actual lane; -1 where it is in none yet."""
        advance, stop = np.zeros(self._lanes, np.int32), np.zeros(self._lanes, np.int32)
        turns = np.zeros(self._connections)
        before, self._followed = self._followed, {}
        columns = (seen.vehicle, seen.lane, connection, seen.distance_m, seen.speed_mps)
        for vehicle, lane, row, distance_m, speed_mps in zip(*(column.tolist() for column in columns), strict=True):
            last = before.pop(vehicle, None)
            if last is None:
                self._followed[vehicle] = _Followed(lane, row, distance_m, speed_mps, distance_m, 0.0)
                continue
            if last.distance_m > ADVANCE_LOOP_M >= distance_m and lane >= 0:
                advance[lane] += 1
            if abs(last.stood_m - distance_m) > STILL_M:
                last.stood_m, last.doubt_s = distance_m, 0.0
            last.lane, last.connection, last.distance_m, last.speed_mps = lane, row, distance_m, speed_mps
            self._followed[vehicle] = last
        for last in before.values():
            if last.lane >= 0 and last.distance_m < 5.0 + 1.5 * last.speed_mps * passed_s:
                stop[last.lane] += 1
                if last.connection >= 0:
                    turns[last.connection] += 1.0
        return Crossings(advance, stop, turns)

    def weigh(self, crossings: Crossings, counted: Ints, passed_s: float) -> None:
        """`counted`: by the loops of each lane, the higher of the two."""
        keep = np.exp(-passed_s / CLAIM_MEMORY_S)
        self._claimed = keep * self._claimed + crossings.stop
        self._counted = keep * self._counted + counted

    def doubt(self, seen: Observation, connection: Ints, green_s: Floats, empty: NDArray[np.bool_], passed_s: float) -> None:
        """`green_s`: by connection, for how long it has been green; `empty`: lanes whose stop line loop lies free."""
        if not green_s.any():
            return
        waves_m = np.where(connection >= 0, green_s[connection] * START_WAVE_MPS, 0.0)
        due = (waves_m > seen.distance_m + STILL_M) & (seen.lane >= 0) & empty[seen.lane] & (seen.stop_m < 0.0)
        for vehicle in seen.vehicle[due].tolist():
            followed = self._followed[vehicle]
            followed.doubt_s = min(followed.doubt_s + passed_s, DROPPED_S)

    def trust(self, seen: Observation) -> Floats:
        """(rows,) factor on each vehicle's weight, 0: it is not there."""
        trust = np.where(
            self._claimed >= ENOUGH_CLAIMS, np.clip(self._counted / np.maximum(self._claimed, 1.0) + 0.2, LEAST_TRUST, 1.0), 1.0
        )
        doubt_s = np.array([self._followed[vehicle].doubt_s for vehicle in seen.vehicle.tolist()])
        factor: Floats = np.where(doubt_s >= DROPPED_S, 0.0, 0.5 ** (doubt_s / DOUBT_HALVES_S))
        return factor * np.where(seen.lane >= 0, trust[seen.lane], 1.0)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        rows = [(v, f.lane, f.connection, f.distance_m, f.speed_mps, f.stood_m, f.doubt_s) for v, f in self._followed.items()]
        table = np.array(rows, np.float64).reshape(-1, 7)
        return {
            "vehicle": np.array(list(self._followed), np.int64),
            "followed": table[:, 1:],
            "claimed": self._claimed,
            "counted": self._counted,
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        rows = zip(arrays["vehicle"].tolist(), arrays["followed"].tolist(), strict=True)
        self._followed = {vehicle: _Followed(int(row[0]), int(row[1]), *row[2:]) for vehicle, row in rows}
        self._claimed, self._counted = arrays["claimed"].copy(), arrays["counted"].copy()


def nearest(seen: Observation) -> NDArray[np.intp]:
    """Rows worth a look: sane, each vehicle once, and no more of a lane than fit into it."""
    told = seen.distance_m + seen.speed_mps + seen.weight + seen.length_m + seen.waited_s
    sane = np.isfinite(told) & (seen.distance_m <= SIGHT_M) & (seen.weight >= 0.0) & (seen.weight <= MOST_PERSONS) & (seen.length_m >= 0.0)
    rows = np.flatnonzero(sane)
    rows = np.sort(rows[np.unique(seen.vehicle[rows], return_index=True)[1]])
    if len(rows) <= MOST_PER_LANE:
        return rows
    place = np.where(seen.lane[rows] >= 0, -1 - seen.lane[rows], seen.movement[rows])
    order = np.lexsort((seen.distance_m[rows], place))
    place = place[order]
    rank = np.arange(len(order)) - np.searchsorted(place, place)
    return np.sort(rows[order[rank < MOST_PER_LANE]])
