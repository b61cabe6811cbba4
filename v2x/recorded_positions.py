"""Recorded positions of some days in columns, to be replayed in order of time: a day of a large city has millions of them.

Rules:
* A position costs 44 bytes, and its place in the order of its day 8 more; what vehicles and trips are called is kept once.
* A service day ends long after midnight: a report belongs to the day on which the trip it names is due, one that names none to the
  day on which most service runs.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import BusNetwork
from intersections.buses.samples import BusPosition
from v2x.importers.position_table import Claim, Reported
from v2x.importers.vehicle_positions import run_of

EARLY_S, LATE_S = 3_600.0, 10_800.0  # how long before and after its timetable a trip may be named
UNNAMED_S = (10_800.0, 97_200.0)  # 3 to 27 o'clock
HOUR_NS = 3_600_000_000_000
TOLD_EVERY = 1_000_000


class RecordedPositions:
    """`tell` is called with the number read so far, once a million."""

    def __init__(self, reports: Iterable[Reported], tell: Callable[[int], None] = lambda _: None) -> None:
        vehicles: dict[str, int] = {}
        claims: dict[Claim, int] = {}
        times, places, names = array("q"), array("d"), array("i")
        for count, one in enumerate(reports, 1):
            times.append(one.measured_ns)
            places.extend((one.latitude_deg, one.longitude_deg, one.speed_mps))
            names.extend((vehicles.setdefault(one.vehicle, len(vehicles)), claims.setdefault(one.claim, len(claims)), one.load))
            if not count % TOLD_EVERY:
                tell(count)
        self._vehicles, self._claims = list(vehicles), list(claims)
        self._measured_ns = np.asarray(times, np.int64)
        self._places = np.asarray(places, np.float64).reshape(-1, 3)
        self._names = np.asarray(names, np.intc).reshape(-1, 3)

    def __len__(self) -> int:
        return len(self._measured_ns)

    def days(self, zone: tzinfo) -> Counter[date]:
        """How many were measured on each service day, if it begins at 3 o'clock. To the hour: it only tells which timetables to read."""
        hours, counts = np.unique(self._measured_ns // HOUR_NS, return_counts=True)
        found: Counter[date] = Counter()
        for hour, count in zip(hours.tolist(), counts.tolist(), strict=True):
            found[(datetime.fromtimestamp(3600 * hour, zone) - timedelta(seconds=UNNAMED_S[0])).date()] += count
        return found

    def of_day(self, network: BusNetwork) -> tuple[int, Iterator[BusPosition]]:
        """How many, and these in order of time."""
        runs = [run_of(claim, network.trips) for claim in self._claims]
        trips = [network.trips.get(run) for run in runs]
        spans_s = [(float(trip.departure_s[0]) - EARLY_S, float(trip.arrival_s[-1]) + LATE_S) if trip else UNNAMED_S for trip in trips]
        begin_ns, end_ns = network.midnight_ns + (np.array(spans_s).reshape(-1, 2).T * 1e9).astype(np.int64)
        claim = self._names[:, 1]
        rows = np.flatnonzero((begin_ns[claim] <= self._measured_ns) & (self._measured_ns < end_ns[claim]))
        rows = rows[np.lexsort((self._names[rows, 0], self._measured_ns[rows]))]
        return len(rows), self._positions(rows, runs)

    def _positions(self, rows: NDArray[np.int64], runs: list[str]) -> Iterator[BusPosition]:
        for row in rows:
            vehicle, claim, load = self._names[row].tolist()
            latitude, longitude, speed = self._places[row].tolist()
            at_ns, line = int(self._measured_ns[row]), self._claims[claim].line
            yield BusPosition(self._vehicles[vehicle], at_ns, latitude, longitude, speed, runs[claim], line, load)
