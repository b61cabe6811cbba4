"""From what is known of an intersection to the table of arrivals: connected vehicles, each in the lane it will queue in."""

import numpy as np

from intersections.signals.approaches import Approaches, Floats, Ints, Observation
from intersections.signals.arrivals import STANDING_MPS, Arrivals, connection_table, earliest_s
from intersections.signals.control import PlannedDepartures, Shown
from intersections.signals.layout import SignalLayout

SPACING_M = 7.5  # one standing car with its gap


class Estimator:
    """Of one intersection. `arrivals` is called once a second with what is then known."""

    def __init__(self, approaches: Approaches, layout: SignalLayout) -> None:
        self._approaches = approaches
        self._layout = layout
        self._table = connection_table(approaches)
        self._lanes_of = [np.flatnonzero(column >= 0).tolist() for column in self._table.T]
        first = np.full(len(approaches.lanes), -1, np.int32)
        first[approaches.connection_lane[::-1]] = np.arange(len(approaches.connection_lane), dtype=np.int32)[::-1]
        self._first = first

    def arrivals(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Arrivals:
        del shown, neighbours  # every vehicle is connected as yet
        approaches = self._approaches
        lane, connection = self._placed(seen)
        kept = np.flatnonzero(connection >= 0)
        kept = kept[np.lexsort((seen.distance_m[kept], lane[kept]))]
        lane = lane[kept]
        distance_m, speed_mps = np.maximum(seen.distance_m[kept], 0.0), np.maximum(seen.speed_mps[kept], 0.0)
        standing = (speed_mps < STANDING_MPS) & ((seen.waited_s[kept] > 0.0) | (speed_mps < 0.1))
        return Arrivals(
            vehicle=seen.vehicle[kept],
            observed=kept.astype(np.int32),
            lane=lane,
            connection=connection[kept],
            arrival_s=earliest_s(distance_m, speed_mps, approaches.lane_speed_mps[lane]),
            distance_m=distance_m,
            speed_mps=speed_mps,
            length_m=seen.length_m[kept],
            weight=seen.weight[kept],
            waited_s=seen.waited_s[kept],
            queued=standing.astype(np.uint8),
            exit_room_m=self._room_m(seen),
            exit_drain_mps=np.zeros(len(approaches.exits)),
        )

    def _placed(self, seen: Observation) -> tuple[Ints, Ints]:
        """Lane and connection of each vehicle. Who is not yet in a lane that serves its turn takes the shortest queue of those that do."""
        lane, movement = seen.lane.copy(), seen.movement
        count = self._table.shape[1]
        turning = (movement >= 0) & (movement < count)
        connection = np.where((lane >= 0) & turning, self._table[lane, np.where(turning, movement, 0)], -1)
        length = np.bincount(lane[connection >= 0], minlength=len(self._approaches.lanes)).tolist()
        undecided = np.flatnonzero(connection < 0)
        for row in undecided[np.argsort(seen.distance_m[undecided], kind="stable")].tolist():
            choice = self._lanes_of[movement[row]] if turning[row] else ()
            if choice:
                lane[row] = min(choice, key=length.__getitem__)
                connection[row] = self._table[lane[row], movement[row]]
            elif lane[row] >= 0:  # its turn is not on the map: as if it took the lane's first
                connection[row] = self._first[lane[row]]
            if connection[row] >= 0:
                length[lane[row]] += 1
        return lane, connection

    def _room_m(self, seen: Observation) -> Floats:
        taken_m = np.maximum(seen.exit_vehicles * SPACING_M, seen.exit_queue_m)
        return np.clip(self._approaches.exit_length_m - taken_m, 0.0, self._approaches.exit_length_m)
