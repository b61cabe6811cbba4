"""Service figures of a day so far: what riders and the operator get, by line, direction and hour, from stop calls alone.

Rules:
* What is kept is the last word on every call of every trip: figures do not depend on the order in which calls came, nor on repetitions.
* It is bounded by the timetable: a call of what is not planned is not kept.
* A figure that nothing is known for is NaN. Small numbers are shown with their count, never hidden.
* Headways are between departures of successive buses of a line and direction from one stop; scheduled ones as the timetable has them.

Definitions: waiting of riders who come at any time is half the mean square headway over the mean (Welding 1957); excess waiting is the
actual less the scheduled one; headway adherence is the standard deviation of headway deviations over the mean scheduled headway (as in the
Transit Capacity and Quality of Service Manual). The sources were not at hand: what is stated here is what is computed and tested.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import BusNetwork, Floats
from intersections.buses.samples import UNKNOWN_LOAD, StopCall

Ints = NDArray[np.int64]
EARLY_S, LATE_S = -60.0, 300.0  # on time is no more than a minute early and five late, as many agencies have it
BUNCHED = 0.25  # of the scheduled headway: two buses this close run as one
LONGEST_HEADWAY_S = 2 * 3600.0  # beyond it, service was interrupted and nobody waits at random
MIN_CALLS = 6  # at a stop, for a coefficient of variation there
ARRIVED, LEFT, LOAD = 0, 1, 2
BY = ("line", "direction", "hour")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one group. `line`, `direction`: '' for all; `hour`: of the service day, -1 for all. Shares are 0 to 1."""

    line: str
    direction: str
    hour: int
    calls: int
    on_time: float
    early: float
    late: float
    deviation_s: float
    headways: int
    headway_cv: float  # mean over stops with MIN_CALLS headways
    headway_adherence: float
    waiting_s: float
    excess_waiting_s: float
    bunched: float
    speed_mps: float  # commercial: stops included, layovers not
    bus_hours: float
    passenger_km_per_bus_hour: float
    load: float  # mean on board between stops, by distance
    load_max: float


class ServiceRecord:
    """The calls of one service day."""

    def __init__(self, network: BusNetwork) -> None:
        self._network = network
        self._calls: dict[str, Floats] = {}  # by trip: (stops, 3) arrival, departure, load
        self._planned_headway_s = _planned_headways(network)

    def observe(self, calls: Iterable[StopCall]) -> None:
        for call in calls:
            trip = self._network.trips.get(call.trip)
            if trip is None or not 0 <= call.stop < len(trip.arrival_s):
                continue
            if call.trip not in self._calls:
                self._calls[call.trip] = np.full((len(trip.arrival_s), 3), np.nan)
            load = np.nan if call.load == UNKNOWN_LOAD else call.load
            self._calls[call.trip][call.stop] = call.arrived_s, call.left_s, load

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Arrays by trip, as `restore` takes them."""
        return {trip: calls.copy() for trip, calls in self._calls.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._calls = {trip: np.array(calls) for trip, calls in arrays.items() if trip in self._network.trips}

    def copy(self) -> "ServiceRecord":
        """As it is now, for whoever looks at it while calls go on."""
        other = copy(self)
        other._calls = {trip: calls.copy() for trip, calls in self._calls.items()}
        return other

    def calls(self) -> Mapping[str, Floats]:
        """By trip: (stops, 3) arrival, departure (s of the service day) and load; NaN where not known."""
        return self._calls

    def figures(self, by: Sequence[str] = ()) -> list[Figures]:
        """One row for each group that was served, in order. `by`: some of 'line', 'direction', 'hour'."""
        rows = self._rows()
        if not len(rows.time_s):
            return []
        keys = np.column_stack([rows.key[name] if name in by else np.full(len(rows.time_s), -1) for name in BY])
        groups, group = np.unique(keys, axis=0, return_inverse=True)
        group = group.reshape(-1)
        found = [_figures(rows, rows.labels(key), group == number) for number, key in enumerate(groups.tolist())]
        return sorted(found, key=lambda one: (one.line, one.direction, one.hour))

    def headway_ratios(self) -> Floats:
        """Actual over scheduled headways, of all calls that have both."""
        rows = self._rows()
        paired = _paired(rows.headway_s, rows.planned_headway_s)
        return np.asarray(rows.headway_s[paired] / rows.planned_headway_s[paired])

    def _rows(self) -> "_Rows":
        return _Rows(self._network, dict(sorted(self._calls.items())), self._planned_headway_s)


class _Rows:
    """Every call as a row of arrays."""

    def __init__(self, network: BusNetwork, calls: Mapping[str, Floats], planned_headway_s: Mapping[str, Floats]) -> None:
        patterns = {id: number for number, id in enumerate(network.patterns)}
        self._lines = sorted({pattern.line for pattern in network.patterns.values()})
        self._directions = sorted({pattern.direction for pattern in network.patterns.values()})
        line_of = {id: self._lines.index(pattern.line) for id, pattern in network.patterns.items()}
        direction_of = {id: self._directions.index(pattern.direction) for id, pattern in network.patterns.items()}
        stop_of = {stop: number for number, stop in enumerate(network.stops)}
        stops_of = {id: np.array([stop_of[stop] for stop in network.patterns[id].stops]) for id in patterns}
        known = {trip: network.trips[trip].pattern for trip in calls}
        sizes = [len(one) for one in calls.values()]
        actual = np.concatenate([*calls.values(), np.empty((0, 3))])
        arrival = _joined(network.trips[trip].arrival_s for trip in calls)
        departure = _joined(network.trips[trip].departure_s for trip in calls)
        first = _joined(np.arange(size) == 0 for size in sizes).astype(bool)
        self.time_s = np.where(first, actual[:, LEFT], actual[:, ARRIVED])  # the first stop is served by leaving it
        self.left_s = np.where(np.isnan(actual[:, LEFT]), actual[:, ARRIVED], actual[:, LEFT])
        self.deviation_s = self.time_s - np.where(first, departure, arrival)
        self.last = _joined(np.arange(size) == size - 1 for size in sizes).astype(bool)
        line = np.repeat(np.array([line_of[id] for id in known.values()], np.int64), sizes)
        direction = np.repeat(np.array([direction_of[id] for id in known.values()], np.int64), sizes)
        self.stop = _joined(stops_of[id] for id in known.values()).astype(np.int64)
        self.planned_headway_s = _joined(planned_headway_s[trip] for trip in calls)
        self.length_m = _joined(np.append(np.diff(network.patterns[id].stop_m), np.nan) for id in known.values())
        following_s = np.append(np.where(self.last[1:], actual[1:, ARRIVED], self.left_s[1:]), np.nan)
        self.driven_s = np.where(self.last, np.nan, following_s - self.left_s)
        self.load = actual[:, LOAD]
        seen = ~np.isnan(self.time_s)
        hour = np.where(seen, self.time_s // 3600.0, -1.0).astype(np.int64)
        self.key = {"line": line, "direction": direction, "hour": hour}
        self._keep(seen)
        self.headway_s = self._headways()

    def _keep(self, seen: NDArray[np.bool_]) -> None:
        for name in ("time_s", "left_s", "deviation_s", "last", "stop", "planned_headway_s", "length_m", "driven_s", "load"):
            setattr(self, name, getattr(self, name)[seen])
        self.key = {name: column[seen] for name, column in self.key.items()}

    def _headways(self) -> Floats:
        """Since the bus before at the stop, of the same line and direction; NaN for the first, and where buses end."""
        headway = np.full(len(self.left_s), np.nan)
        rows = np.flatnonzero(~self.last)
        order = rows[np.lexsort((self.left_s[rows], self.stop[rows], self.key["direction"][rows], self.key["line"][rows]))]
        place = np.column_stack([self.key["line"], self.key["direction"], self.stop])[order]
        same = np.all(place[1:] == place[:-1], axis=1)
        headway[order[1:]] = np.where(same, np.diff(self.left_s[order]), np.nan)
        headway[~(headway <= LONGEST_HEADWAY_S)] = np.nan
        return headway

    def labels(self, key: Sequence[int]) -> tuple[str, str, int]:
        line, direction, hour = key
        return self._lines[line] if line >= 0 else "", self._directions[direction] if direction >= 0 else "", hour


def _joined(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([*parts, np.empty(0)])


def _planned_headways(network: BusNetwork) -> dict[str, Floats]:
    """By trip, at each stop: since the trip planned before it there, of the same line and direction. NaN for the first."""
    at: dict[tuple[str, str, str], list[tuple[float, str, int]]] = {}
    for trip in network.trips.values():
        pattern = network.patterns[trip.pattern]
        for row, stop in enumerate(pattern.stops):
            at.setdefault((pattern.line, pattern.direction, stop), []).append((float(trip.departure_s[row]), trip.id, row))
    headways = {id: np.full(len(trip.departure_s), np.nan) for id, trip in network.trips.items()}
    for planned in at.values():
        planned.sort()
        for before, now in pairwise(planned):
            headways[now[1]][now[2]] = now[0] - before[0]
    return headways


def _figures(rows: _Rows, labels: tuple[str, str, int], of: NDArray[np.bool_]) -> Figures:
    deviation = rows.deviation_s[of]
    headway, planned = rows.headway_s[of], rows.planned_headway_s[of]
    paired = _paired(headway, planned)
    actual, scheduled = headway[paired], planned[paired]
    driven = of & (rows.driven_s > 0.0) & ~np.isnan(rows.length_m)
    counted = driven & ~np.isnan(rows.load)
    bus_s, counted_s = float(rows.driven_s[driven].sum()), float(rows.driven_s[counted].sum())
    passenger_m = float((rows.length_m[counted] * rows.load[counted]).sum())
    waiting_s = waiting_of(actual)
    return Figures(
        *labels,
        calls=int(of.sum()),
        on_time=_mean((deviation >= EARLY_S) & (deviation <= LATE_S)),
        early=_mean(deviation < EARLY_S),
        late=_mean(deviation > LATE_S),
        deviation_s=_mean(deviation),
        headways=len(actual),
        headway_cv=_headway_cv(rows, of),
        headway_adherence=float(np.std(actual - scheduled) / np.mean(scheduled)) if len(actual) > 1 else np.nan,
        waiting_s=waiting_s,
        excess_waiting_s=waiting_s - waiting_of(scheduled),
        bunched=_mean(actual < BUNCHED * scheduled),
        speed_mps=float(rows.length_m[driven].sum()) / bus_s if bus_s > 0.0 else np.nan,
        bus_hours=bus_s / 3600.0,
        passenger_km_per_bus_hour=passenger_m / 1000.0 / (counted_s / 3600.0) if counted_s > 0.0 else np.nan,
        load=passenger_m / length_m if (length_m := float(rows.length_m[counted].sum())) > 0.0 else np.nan,
        load_max=float(rows.load[counted].max()) if counted.any() else np.nan,
    )


def _paired(headway_s: Floats, planned_s: Floats) -> NDArray[np.bool_]:
    return ~np.isnan(headway_s) & (planned_s > 0.0) & (planned_s <= LONGEST_HEADWAY_S)


def waiting_of(headway_s: Floats) -> float:
    """Mean waiting of riders who come at any time. Welding 1957."""
    total_s = float(headway_s.sum())
    return float((headway_s**2).sum()) / (2.0 * total_s) if total_s > 0.0 else np.nan


def _headway_cv(rows: _Rows, of: NDArray[np.bool_]) -> float:
    used = of & ~np.isnan(rows.headway_s)
    if not used.any():
        return np.nan
    place = np.column_stack([rows.key["line"], rows.key["direction"], rows.stop])[used]
    cell = np.unique(place, axis=0, return_inverse=True)[1].reshape(-1)
    headway = rows.headway_s[used]
    count = np.bincount(cell)
    mean = np.bincount(cell, headway) / count
    spread = np.sqrt(np.bincount(cell, (headway - mean[cell]) ** 2) / count)
    enough = (count >= MIN_CALLS) & (mean > 0.0)
    return float(np.mean(spread[enough] / mean[enough])) if enough.any() else np.nan


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else np.nan
