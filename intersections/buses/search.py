"""Which trip a vehicle runs that does not say so, or says so wrongly: by the way it drove, the timetable, and the duty it has been seen on.

Rules:
* The direction must show: who has hardly moved is on no trip yet.
* Lines that share the street driven so far cannot be told apart: then nothing is said until they part.
* A trip that another vehicle runs is not given away.
* Nobody runs a trip that could not have brought him where he is: left two minutes early at most, at twice the timetable's speed at most.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import hypot

from intersections.buses.network import Trip
from intersections.buses.places import EARLY_SCALE_S, LATE_SCALE_S, Moved, begun, moved
from intersections.buses.ways import Way, Ways

MIN_REPORTS = 3
MIN_DRIVEN_M = 300.0
MAX_PATTERNS = 60
MAX_EARLY_S, MAX_LATE_S = 900.0, 3600.0
LEAVES_EARLY_S = 120.0
MAX_FIT = 3.0  # mean cost of a report: beyond this the way is another
MARGIN = 1.0  # by which the best line must beat the next: odds of e
OWN_DUTY = 2.0  # what a trip of the vehicle's own duty is given ahead: it may be 40 minutes late, or e squared less likely by its way


@dataclass(frozen=True, slots=True)
class Found:
    trip: Trip
    place: Moved
    cost: float


Trail = Iterable[tuple[float, float, float]]  # time of the service day, east, north


def search(ways: Ways, trail: Trail, line: str, duty: str, taken: Callable[[str], bool]) -> Found | None:
    """The trip driven along the trail. Of the line that is claimed, where one of its trips fits; else of any."""
    reports = list(trail)
    if len(reports) < MIN_REPORTS or hypot(reports[-1][1] - reports[0][1], reports[-1][2] - reports[0][2]) < MIN_DRIVEN_M:
        return None
    near = [set(ways.passing(*report[1:])) for report in reports[-MIN_REPORTS:]]
    passing = [pattern for pattern in ways.passing(*reports[-1][1:]) if all(pattern in some for some in near)][:MAX_PATTERNS]
    claimed = [pattern for pattern in passing if ways.of[pattern].pattern.line == line]
    return _best(ways, reports, claimed, duty, taken) or _best(ways, reports, [one for one in passing if one not in claimed], duty, taken)


def _best(
    ways: Ways, reports: list[tuple[float, float, float]], patterns: list[str], duty: str, taken: Callable[[str], bool]
) -> Found | None:
    found = []
    for pattern in patterns:
        if not any(_runs(trip, reports[-1][0]) and not taken(trip.id) for trip in ways.trips.get(pattern, ())):
            continue
        driven = _driven(ways.of[pattern], reports)
        if driven is not None:
            found += _timely(ways, ways.of[pattern], driven, reports[-1][0], duty, taken)
    if not found:
        return None
    found.sort(key=lambda one: (one.cost, one.trip.id))
    best = found[0]
    line = ways.way(best.trip.id).pattern.line
    rival = next((one for one in found if ways.way(one.trip.id).pattern.line != line), None)
    return None if rival and rival.cost - best.cost < MARGIN else best


def _driven(way: Way, reports: list[tuple[float, float, float]]) -> Moved | None:
    """The reports along the way from the first that is on it; None where they do not run along it."""
    state: Moved | None = None
    cost, count, from_m = 0.0, 0, 0.0
    for before, now in zip([reports[0], *reports], reports, strict=False):
        if state is None:
            state = begun(way, now[1], now[2])
        else:
            state = moved(way, state.guesses, now[1], now[2], hypot(now[1] - before[1], now[2] - before[2]), now[0] - before[0])
            if state is None:
                return None
        if state is not None:
            from_m = state.guesses[0].place_m if not count else min(from_m, state.guesses[0].place_m)
            cost, count = cost + state.cost, count + 1
    if state is None or count < MIN_REPORTS or state.guesses[0].place_m - from_m < MIN_DRIVEN_M or cost / count > MAX_FIT:
        return None
    return Moved(state.guesses, cost / count)


def _runs(trip: Trip, time_s: float) -> bool:
    return float(trip.departure_s[0]) - MAX_EARLY_S <= time_s <= float(trip.arrival_s[-1]) + MAX_LATE_S


def _timely(ways: Ways, way: Way, driven: Moved, time_s: float, duty: str, taken: Callable[[str], bool]) -> list[Found]:
    found = []
    for trip in ways.trips.get(way.pattern.id, ()):
        scheduled_s = way.scheduled_s(trip, driven.guesses[0].place_m)
        late_s = time_s - scheduled_s
        most_early_s = min(LEAVES_EARLY_S + 0.5 * (scheduled_s - float(trip.departure_s[0])), MAX_EARLY_S)
        if not -most_early_s <= late_s <= MAX_LATE_S or taken(trip.id):
            continue
        untimely = late_s / LATE_SCALE_S if late_s >= 0.0 else -late_s / EARLY_SCALE_S
        own = OWN_DUTY if duty and trip.duty == duty else 0.0
        found.append(Found(trip, driven, driven.cost + untimely - own))
    return found
