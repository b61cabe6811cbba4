"""A network's timetable as flat arrays, for arithmetic on all buses at once: one row per stop of a pattern, one per call of a trip.

Rules:
* Two patterns that serve the same two stops one after the other share that segment, whatever their lines.
* A trip whose times do not go with its pattern's stops is not here; `importers` have counted it.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import BusNetwork, Floats

Rows = NDArray[np.int64]


class Timetable:
    """`*_first`: the row of a pattern's or a trip's first stop. `segment`: (rows,) that ends at the row; 0 for first stops: none.

    `timed`: (rows,) running number of stops where buses wait for their time.
    """

    def __init__(self, network: BusNetwork) -> None:
        patterns = [pattern for pattern in network.patterns.values() if pattern.stops]
        first = np.cumsum([0, *(len(pattern.stops) for pattern in patterns)])
        self.pattern_first = {pattern.id: int(row) for pattern, row in zip(patterns, first, strict=False)}
        self.stop_m: Floats = _joined([pattern.stop_m for pattern in patterns])
        self.segments: dict[tuple[str, str], int] = {("", ""): 0}
        self.segment: Rows = np.array([segment for pattern in patterns for segment in self._segments(pattern.stops)], np.int64)
        trips = [trip for trip in network.trips.values() if trip.pattern in self.pattern_first]
        trips = [trip for trip in trips if len(trip.arrival_s) == len(network.patterns[trip.pattern].stops)]
        self.trips = {trip.id: number for number, trip in enumerate(trips)}
        self.trip_ids = [trip.id for trip in trips]
        self.trip_length: Rows = np.array([len(trip.arrival_s) for trip in trips], np.int64)
        self.trip_first: Rows = np.concatenate(([0], np.cumsum(self.trip_length)))[: len(trips)]
        self.trip_row: Rows = np.array([self.pattern_first[trip.pattern] for trip in trips], np.int64)
        self.arrival_s: Floats = _joined([trip.arrival_s for trip in trips])
        self.departure_s: Floats = _joined([trip.departure_s for trip in trips])
        self.timed: Rows = np.cumsum(self._timed(network))

    def _timed(self, network: BusNetwork) -> NDArray[np.bool_]:
        """(rows,) where buses wait for their time: as the network says, or else where all trips are due at a full minute."""
        timed = np.ones(len(self.stop_m), np.bool_)
        call = np.repeat(self.trip_row - self.trip_first, self.trip_length) + np.arange(len(self.arrival_s))
        np.logical_and.at(timed, call, self.arrival_s % 60.0 == 0.0)
        for pattern, stops in network.control_stops.items():
            if pattern in self.pattern_first:
                first = self.pattern_first[pattern]
                timed[first : first + len(network.patterns[pattern].stops)] = False
                timed[first + np.array(stops, np.int64)] = True
        return timed

    def _segments(self, stops: tuple[str, ...]) -> list[int]:
        return [0, *(self.segments.setdefault(pair, len(self.segments)) for pair in pairwise(stops))]

    def along(self, of_segment: Floats) -> Floats:
        """(rows,) running sum of a quantity of segments: the difference of two rows of a pattern is what lies between them."""
        return np.cumsum(of_segment[self.segment])


def _joined(arrays: list[Floats]) -> Floats:
    return np.concatenate(arrays, dtype=np.float64) if arrays else np.zeros(0)
