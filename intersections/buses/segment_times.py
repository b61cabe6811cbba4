"""What buses needed beyond the timetable between two stops: lately, and by the time of day on all days so far.

Rules:
* A mean is shrunk as if `SHRINK` buses had kept to what is known otherwise: the hour to the whole day, the whole day to the timetable.
* Buses of all lines that serve the same two stops one after the other count.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import Floats
from intersections.buses.timetable import Rows, Timetable

LATELY_S = 7_200.0  # memory of what is going on today. Of 0.25, 0.5, 1 and 2 h it had the least error on the day of docs/results/eta.md
SHRINK = 1.0
DAYS_SHRINK = 3.0
PERIOD_S = 10_800.0  # of the day: shorter ones hold too few buses of one segment
PERIODS = 10  # of a service day of up to 30 h
BUSES_REMEMBERED = 500.0  # of a segment and period; then the oldest fade
EXCESS_MOST_S = 900.0  # more is no driving: a break, a wrong match


class SegmentTimes:
    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable
        count = len(timetable.segments)
        self._weight, self._excess_s, self._last_s = np.zeros(count), np.zeros(count), np.zeros(count)
        self._days_weight, self._days_excess_s = np.zeros((PERIODS, count)), np.zeros((PERIODS, count))

    def add(self, segments: Rows, excess_s: Floats, at_s: Floats) -> None:
        """Buses that have passed a segment at these times."""
        fine = (np.abs(excess_s) <= EXCESS_MOST_S) & (segments > 0)
        segments, excess_s, at_s = segments[fine], excess_s[fine], at_s[fine]
        later_s = self._last_s.copy()
        np.maximum.at(later_s, segments, at_s)
        fade = np.exp((self._last_s - later_s) / LATELY_S)
        self._weight, self._excess_s, self._last_s = self._weight * fade, self._excess_s * fade, later_s
        kept = np.exp((at_s - later_s[segments]) / LATELY_S)
        np.add.at(self._weight, segments, kept)
        np.add.at(self._excess_s, segments, kept * excess_s)
        cells = _period(at_s), segments
        np.add.at(self._days_weight, cells, 1.0)
        np.add.at(self._days_excess_s, cells, excess_s)
        fade = np.minimum(BUSES_REMEMBERED / np.maximum(self._days_weight[cells], 1.0), 1.0)
        self._days_weight[cells] *= fade
        self._days_excess_s[cells] *= fade

    def usual_s(self, now_s: float) -> Floats:
        """(segments,) excess by all days, at this time of day."""
        weight, excess_s = self._days_weight.sum(axis=0), self._days_excess_s.sum(axis=0)
        day_s = excess_s / (weight + DAYS_SHRINK)
        period = int(_period(np.array(now_s)))
        usual: Floats = (self._days_excess_s[period] + DAYS_SHRINK * day_s) / (self._days_weight[period] + DAYS_SHRINK)
        return usual

    def lately_s(self, now_s: float) -> tuple[Floats, Floats]:
        """(segments,) excess of today's buses, shrunk to the timetable, and the weight of these buses."""
        fade = np.exp(np.minimum(self._last_s - now_s, 0.0) / LATELY_S)
        weight = self._weight * fade
        return self._excess_s * fade / (weight + SHRINK), weight

    def learnt(self) -> dict[str, NDArray[Any]]:
        """What holds for other days as well, by the names of stops."""
        known = [pair for pair, segment in self._timetable.segments.items() if self._days_weight[:, segment].any()]
        columns = [self._timetable.segments[pair] for pair in known]
        return {
            "segments": np.array(known, dtype=np.str_).reshape(-1, 2),
            "days_weight": self._days_weight[:, columns],
            "days_excess_s": self._days_excess_s[:, columns],
        }

    def begin(self, learnt: Mapping[str, NDArray[Any]]) -> None:
        """A new day. Segments that are no longer served are forgotten."""
        for column, (one, other) in enumerate(learnt["segments"].tolist()):
            segment = self._timetable.segments.get((one, other))
            if segment:
                self._days_weight[:, segment] = learnt["days_weight"][:, column]
                self._days_excess_s[:, segment] = learnt["days_excess_s"][:, column]

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {"lately": np.array([self._weight, self._excess_s, self._last_s]), **self.learnt()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._weight, self._excess_s, self._last_s = (row.copy() for row in arrays["lately"])
        self.begin(arrays)


def _period(at_s: Floats) -> NDArray[np.int64]:
    return np.clip(at_s // PERIOD_S, 0, PERIODS - 1).astype(np.int64)
