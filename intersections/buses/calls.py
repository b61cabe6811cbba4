"""Stop calls from places along a way: when a bus came to a stop and when it left, from reports every second or every few minutes.

Rules:
* Arrival is the crossing of the stop's place, in proportion between two reports, or the first report of standing just before it.
* A bus has left a stop when it is clear of it. When it left between two reports follows from the timetable's speed to the next stop.
* Where reports are too far apart, or the place jumped, nobody knows when stops between were served: they get no call.
* At the first stop only the departure counts, at the last only the arrival.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from intersections.buses.network import Trip
from intersections.buses.places import SLACK_M, TOP_SPEED_MPS
from intersections.buses.ways import Way

BEFORE_M = 30.0  # a bus standing this near before a stop is at it: the second bus of two, and noise
CLEAR_M = 30.0  # a bus's length and noise behind it
CLEAR_TERMINAL_M = 60.0  # at the terminal they also move up and stand elsewhere
STANDING_MPS = 1.0
MAX_GAP_S = 600.0  # between reports; after more than this, calls between would be made up
USUAL_MPS = 5.0  # of a bus in a town, stops included: where the timetable gives no time between two stops


@dataclass(frozen=True, slots=True)
class Fix:
    """A place along the way at a time of the service day."""

    place_m: float
    time_s: float
    standing: bool


@dataclass(frozen=True, slots=True)
class Call:
    stop: int
    arrived_s: float
    left_s: float


class Progress:
    """One vehicle on one trip: its last fix, the next stop, and since when it has been there."""

    __slots__ = ("arrived_s", "deviation_s", "left_s", "next_stop", "place_m", "stood", "time_s", "trip", "way")

    def __init__(self, way: Way, trip: Trip, fix: Fix) -> None:
        self.way = way
        self.trip = trip
        self.place_m, self.time_s = fix.place_m, fix.time_s
        self._begin(fix)
        self.deviation_s = self._deviation_at(fix)

    @property
    def at_stop(self) -> bool:
        return not isnan(self.arrived_s) and self.stood

    @property
    def finished(self) -> bool:
        """At the last stop, or behind it."""
        last = len(self.way.stop_m) - 1
        return self.next_stop > last or (self.next_stop == last and not isnan(self.arrived_s))

    @property
    def departed(self) -> bool:
        return self.next_stop > 0

    def snapshot(self) -> list[float]:
        return [self.place_m, self.time_s, self.left_s, self.arrived_s, float(self.stood), float(self.next_stop), self.deviation_s]

    def restore(self, values: list[float]) -> None:
        self.place_m, self.time_s, self.left_s, self.arrived_s = values[:4]
        self.stood, self.next_stop, self.deviation_s = bool(values[4]), int(values[5]), values[6]

    def advance(self, fix: Fix, *, direct: bool) -> list[Call]:
        """Calls made by this fix, an open one included. `direct`: the bus is not known to have left its way since the last fix."""
        gap_s = fix.time_s - self.time_s
        known = direct and gap_s <= MAX_GAP_S and fix.place_m - self.place_m <= TOP_SPEED_MPS * gap_s + SLACK_M
        if not known or self._is_behind(fix.place_m):
            self._begin(fix)
        calls = list(self._calls(fix))
        self.place_m, self.time_s = fix.place_m, fix.time_s
        for call in calls:
            self._note_deviation(call)
        if not self.departed and not self.finished:
            self.deviation_s = max(0.0, fix.time_s - float(self.trip.departure_s[0]))
        return calls

    def _begin(self, fix: Fix) -> None:
        self.place_m, self.time_s, self.left_s = fix.place_m, fix.time_s, -np.inf
        self.arrived_s, self.stood = nan, False
        self.next_stop = next(
            (row for row, stop_m in enumerate(self.way.stop_m) if fix.place_m <= stop_m + self._clear_m(row)), len(self.way.stop_m)
        )

    def _is_behind(self, place_m: float) -> bool:
        """Whether a better guess put the bus before stops that it was thought to have left."""
        return self.next_stop > 0 and place_m < self.way.stop_m[self.next_stop - 1] - BEFORE_M

    @staticmethod
    def _clear_m(row: int) -> float:
        return CLEAR_M if row else CLEAR_TERMINAL_M

    def _calls(self, fix: Fix) -> Iterator[Call]:
        last = len(self.way.stop_m) - 1
        while self.next_stop <= last:
            row, through = self.next_stop, False
            if isnan(self.arrived_s):
                arrived_s = self._arrival(row, fix)
                if isnan(arrived_s):
                    return
                self.arrived_s, self.stood, through = max(arrived_s, self.left_s), False, True
            self.stood |= fix.standing and fix.place_m <= self.way.stop_m[row] + self._clear_m(row)
            if row == last or fix.place_m <= self.way.stop_m[row] + self._clear_m(row):
                if through:
                    yield Call(row, self.arrived_s, nan)
                return
            self.left_s = self.arrived_s if through and row else self._departure(row, fix)
            yield Call(row, self.arrived_s, self.left_s)
            self.next_stop, self.arrived_s, self.stood = row + 1, nan, False

    def _arrival(self, row: int, fix: Fix) -> float:
        stop_m = self.way.stop_m[row]
        if row == 0:
            return self.time_s
        if fix.place_m >= stop_m:
            part = (stop_m - self.place_m) / (fix.place_m - self.place_m) if fix.place_m > self.place_m else 1.0
            return self.time_s + min(max(part, 0.0), 1.0) * (fix.time_s - self.time_s)
        near = fix.place_m >= stop_m - BEFORE_M
        return fix.time_s if near and (fix.standing or row == len(self.way.stop_m) - 1) else nan

    def _departure(self, row: int, fix: Fix) -> float:
        driven_m = fix.place_m - max(self.place_m, self.way.stop_m[row])
        return min(max(fix.time_s - driven_m / self._usual_mps(row), self.time_s, self.arrived_s), fix.time_s)

    def _usual_mps(self, row: int) -> float:
        time_s = float(self.trip.arrival_s[row + 1] - self.trip.departure_s[row])
        length_m = self.way.stop_m[row + 1] - self.way.stop_m[row]
        return length_m / time_s if time_s > 0.0 and length_m > 0.0 else USUAL_MPS

    def _note_deviation(self, call: Call) -> None:
        if call.stop:
            self.deviation_s = call.arrived_s - float(self.trip.arrival_s[call.stop])
        elif not isnan(call.left_s):
            self.deviation_s = call.left_s - float(self.trip.departure_s[0])

    def _deviation_at(self, fix: Fix) -> float:
        if not self.departed:
            return max(0.0, fix.time_s - float(self.trip.departure_s[0]))
        return fix.time_s - self.way.scheduled_s(self.trip, fix.place_m)
