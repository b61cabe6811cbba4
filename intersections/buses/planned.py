"""A timetable becomes a BusNetwork: journeys grouped to patterns, stops placed along their way, times made whole.

Rules:
* Journeys of one line, direction, shape and sequence of stops are one pattern; the ways without a usable shape are the stops' polyline.
* Stops are placed in their order, at the least squared distance: a loop's first and last stop share a point of the earth, not a place.
* What does not fit is left out or mended and counted by name in `notes`; nothing here raises for what a feed says.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import radians

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import BusNetwork, Floats, Pattern, Stop, Trip
from intersections.geometry import arc_lengths, without_repeats
from positioning.frames import LocalFrame

STOP_REACH_M = 150.0  # a stop farther from its shape than this is not on it: the shape is another trip's
SAMPLE_M = 10.0  # places at which a stop may lie along a shape, before they are refined
MAX_SAMPLES = 20_000
MIN_WAY_M = 1.0  # a way shorter than this is a point


@dataclass(frozen=True, slots=True, eq=False)
class Journey:
    """One run of the timetable. Times (stops,) s of the service day; NaN where the timetable gives none. `shape`, `duty`: '' for none."""

    id: str
    line: str
    direction: str
    stops: tuple[str, ...]
    arrival_s: Floats
    departure_s: Floats
    shape: str = ""
    duty: str = ""
    timed: tuple[int, ...] = ()  # rows of stops where a bus waits for its time
    sequence: tuple[int, ...] = ()  # see Trip


@dataclass(slots=True, eq=False)
class _Ways:
    stop_xy: Mapping[str, Floats]
    shapes: Mapping[str, Floats]
    notes: Counter[str]
    patterns: dict[tuple[str, str, str, tuple[str, ...]], Pattern] = field(default_factory=dict)

    def pattern(self, journey: Journey) -> Pattern | None:
        key = (journey.line, journey.direction, journey.shape, journey.stops)
        if key not in self.patterns:
            points = np.array([self.stop_xy[stop] for stop in journey.stops])
            way = self._way(journey.shape, points)
            if way is None:
                return None
            id = f"{journey.line}:{journey.direction}:{len(self.patterns)}"
            self.patterns[key] = Pattern(id, journey.line, journey.direction, journey.stops, *way)
        return self.patterns[key]

    def _way(self, shape: str, points: Floats) -> tuple[Floats, Floats] | None:
        if shape in self.shapes:
            place_m = places_along(self.shapes[shape], points)
            if place_m is not None:
                return self.shapes[shape], place_m
            self.notes["shape_off_stops"] += 1
        elif shape:
            self.notes["shape_unknown"] += 1
        else:
            self.notes["pattern_without_shape"] += 1
        return stop_polyline(points)


def planned_network(
    stops: Mapping[str, Stop],
    journeys: Iterable[Journey],
    shapes: Mapping[str, Floats],
    midnight_ns: int,
    notes: Counter[str],
    headway_lines: frozenset[str] = frozenset(),
) -> BusNetwork:
    """`shapes`: (n, 2) degrees latitude and longitude by id. `notes` is added to."""
    origin_deg = _middle(stops)
    frame = LocalFrame(*map(radians, origin_deg))
    ways = _Ways(_planar(frame, stops), _planar_shapes(frame, shapes, notes), notes)
    trips: dict[str, Trip] = {}
    control: dict[str, tuple[int, ...]] = {}
    for journey in journeys:
        if journey.id in trips:
            notes["trip_repeated"] += 1
            continue
        pattern = ways.pattern(journey)
        if pattern is None:
            notes["trip_without_way"] += 1
            continue
        trip = _trip(journey, pattern, notes)
        if trip is None:
            notes["trip_without_times"] += 1
            continue
        trips[trip.id] = trip
        if journey.timed and len(journey.timed) < len(journey.stops):
            control[pattern.id] = journey.timed
    _count_twins(trips, notes)
    patterns = {pattern.id: pattern for pattern in ways.patterns.values()}
    return BusNetwork(dict(stops), patterns, trips, origin_deg, midnight_ns, control, headway_lines)


def _middle(stops: Mapping[str, Stop]) -> tuple[float, float]:
    """The median stop: one stop on another continent does not move it."""
    if not stops:
        return (0.0, 0.0)
    return float(np.median([stop.latitude_deg for stop in stops.values()])), float(
        np.median([stop.longitude_deg for stop in stops.values()])
    )


def _planar(frame: LocalFrame, stops: Mapping[str, Stop]) -> dict[str, Floats]:
    latitude = np.radians([stop.latitude_deg for stop in stops.values()])
    longitude = np.radians([stop.longitude_deg for stop in stops.values()])
    return dict(zip(stops, frame.enu_from_geodetic(latitude, longitude), strict=True)) if stops else {}


def _planar_shapes(frame: LocalFrame, shapes: Mapping[str, Floats], notes: Counter[str]) -> dict[str, Floats]:
    planar = {}
    for id, degrees in shapes.items():
        points = without_repeats(frame.enu_from_geodetic(*np.radians(degrees).T)) if len(degrees) > 1 else np.zeros((1, 2))
        if len(points) > 1 and arc_lengths(points)[-1] >= MIN_WAY_M:
            planar[id] = points
        else:
            notes["shape_too_short"] += 1
    return planar


def _trip(journey: Journey, pattern: Pattern, notes: Counter[str]) -> Trip | None:
    arrival, departure = whole_times(journey.arrival_s, journey.departure_s, pattern.stop_m)
    if not len(arrival):
        return None
    notes["times_go_back"] += _decreases(journey)
    return Trip(journey.id, pattern.id, arrival, departure, journey.duty, journey.sequence)


def _decreases(journey: Journey) -> bool:
    times = np.column_stack([journey.arrival_s, journey.departure_s]).ravel()
    return bool(np.any(np.diff(times[np.isfinite(times)]) < 0.0))


def _count_twins(trips: Mapping[str, Trip], notes: Counter[str]) -> None:
    """Trips that repeat another's pattern and times under an id of their own: kept (a relief bus is one), and told."""
    seen = set()
    for trip in trips.values():
        key = (trip.pattern, trip.departure_s.tobytes())
        notes["trip_same_times"] += key in seen
        seen.add(key)


def whole_times(arrival_s: Floats, departure_s: Floats, stop_m: Floats) -> tuple[Floats, Floats]:
    """Times that are missing follow from the places between those that are given (GTFS reference, stop_times.txt: consumers interpolate).

    None of them decreases; empty where both ends are not known.
    """
    arrival = np.where(np.isfinite(arrival_s), arrival_s, departure_s)
    departure = np.where(np.isfinite(departure_s), departure_s, arrival_s)
    given = np.isfinite(arrival)
    if not (len(given) and given[0] and given[-1]):
        return np.empty(0), np.empty(0)
    both = np.column_stack([arrival, departure])
    both[given] = np.maximum.accumulate(both[given].ravel()).reshape(-1, 2)
    for row in np.flatnonzero(~given):
        before, after = np.flatnonzero(given[:row])[-1], row + np.flatnonzero(given[row:])[0]
        length_m = stop_m[after] - stop_m[before]
        part = (stop_m[row] - stop_m[before]) / length_m if length_m > 0.0 else (row - before) / (after - before)
        both[row] = both[before, 1] + part * (both[after, 0] - both[before, 1])
    return both[:, 0].copy(), both[:, 1].copy()


def stop_polyline(points: Floats) -> tuple[Floats, Floats] | None:
    """The way straight from stop to stop: its points, and the place of each stop. None where all stops are one point."""
    steps = np.hypot(*np.diff(points, axis=0).T) if len(points) > 1 else np.zeros(0)
    stop_m = np.concatenate(([0.0], np.cumsum(steps)))
    if stop_m[-1] < MIN_WAY_M:
        return None
    return points[np.concatenate(([True], steps > 0.0))], stop_m


def places_along(way: Floats, points: Floats) -> Floats | None:
    """(n,) not decreasing places of `points` along `way` with the least sum of squared distances; None where one is out of reach.

    Dynamic programming over samples of the way; then each place is refined on the pieces beside its sample.
    """
    lengths = arc_lengths(way)
    samples_m = np.unique(np.concatenate([np.arange(0.0, lengths[-1], max(SAMPLE_M, lengths[-1] / MAX_SAMPLES)), lengths]))
    samples = np.column_stack([np.interp(samples_m, lengths, way[:, axis]) for axis in (0, 1)])
    costs = ((points[:, None] - samples[None]) ** 2).sum(axis=2)
    if np.any(costs.min(axis=1) > STOP_REACH_M**2):
        return None
    chosen = _in_order(costs)
    if np.any(costs[np.arange(len(points)), chosen] > STOP_REACH_M**2):
        return None
    return np.maximum.accumulate(_refined(samples_m, samples, points, chosen))


def _in_order(costs: Floats) -> NDArray[np.intp]:
    """A column for each row, not decreasing, of the least sum."""
    reach = np.zeros(costs.shape[1])
    came = np.empty(costs.shape, np.intp)
    for row, cost in enumerate(costs):
        best = np.minimum.accumulate(reach)
        came[row] = np.maximum.accumulate(np.where(reach == best, np.arange(len(reach)), 0))
        reach = best + cost
    chosen = np.empty(len(costs), np.intp)
    column = int(np.argmin(reach))
    for row in range(len(costs) - 1, -1, -1):
        chosen[row] = column
        column = int(came[row, column])
    return chosen


def _refined(samples_m: Floats, samples: Floats, points: Floats, chosen: NDArray[np.intp]) -> Floats:
    refined = np.empty(len(points))
    for row, column in enumerate(chosen):
        best = (np.inf, 0.0)
        for start in (column - 1, column):
            if not 0 <= start < len(samples) - 1:
                continue
            step = samples[start + 1] - samples[start]
            part = float(np.clip((points[row] - samples[start]) @ step / (step @ step), 0.0, 1.0))
            distance = float(np.hypot(*(points[row] - samples[start] - part * step)))
            best = min(best, (distance, float(samples_m[start] + part * (samples_m[start + 1] - samples_m[start]))))
        refined[row] = best[1]
    return refined
