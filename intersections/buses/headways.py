"""Who follows whom on one direction of a line, and what a bus will meet at a stop ahead.

Rules:
* Buses of all patterns of a direction that serve a stop are one sequence there: riders take the first that comes.
* A bus is expected ready at a stop at the median of its arrival and its planned dwell, never before now.
* Trips that no vehicle has begun are expected by the timetable: the next departure is a follower too.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, nan, sqrt

import numpy as np

from intersections.buses.holding import AtControlStop
from intersections.buses.network import BusNetwork, Pattern, Trip
from intersections.buses.order_effects import RidersPerS
from intersections.buses.plans import LinePlan
from intersections.buses.samples import UNKNOWN_LOAD, BusState, Duty, Prediction

DWELL_S = 15.0  # the least between arrival and departure, where riders wait at every stop
SIGMA_PER_ROOT_S = 2.0  # of an arrival foreseen by the timetable alone, by root of the seconds until then
Z90 = 1.2816
FOLLOWERS_KEPT = 4
CONTROL_EVERY = 4  # stops, where the network names none: as often as a driver can be asked to wait
LAST_WITHOUT = 2  # a hold there helps nobody behind
FREQUENT_S = 600.0  # riders come without a timetable where buses come so often

Direction = tuple[str, str]  # line, direction
Place = tuple[str, int]  # a stop of a direction, and the how-manieth visit of the pattern


class Timetable:
    """What propositions need of the network, made once. `headway_s`: by trip, to the departure before it; nan for the first."""

    def __init__(self, network: BusNetwork) -> None:
        self.network = network
        self.places = {pattern.id: _places(pattern) for pattern in network.patterns.values()}
        self.rows = {id: {place: row for row, place in enumerate(places)} for id, places in self.places.items()}
        self.control = {pattern.id: _control(network, pattern) for pattern in network.patterns.values()}
        self.trips: dict[Direction, list[Trip]] = defaultdict(list)
        for trip in sorted(network.trips.values(), key=lambda trip: float(trip.departure_s[0])):
            self.trips[self.direction(trip)].append(trip)
        self.departure_s = {direction: [float(trip.departure_s[0]) for trip in trips] for direction, trips in self.trips.items()}
        self.headway_s: dict[str, float] = {}
        self.usual_s: dict[Direction, float] = {}
        for direction, times in self.departure_s.items():
            gaps = [nan, *(later - sooner for sooner, later in pairwise(times))]
            self.headway_s.update(zip((trip.id for trip in self.trips[direction]), gaps, strict=True))
            self.usual_s[direction] = float(np.median(gaps[1:])) if len(gaps) > 1 else inf
        self.next_of_duty = _duties(network)

    def direction(self, trip: Trip) -> Direction:
        pattern = self.network.patterns[trip.pattern]
        return pattern.line, pattern.direction

    def departing(self, direction: Direction, begin_s: float, end_s: float) -> list[Trip]:
        times = self.departure_s.get(direction, [])
        return self.trips[direction][bisect_right(times, begin_s) : bisect_right(times, end_s)] if times else []


def _places(pattern: Pattern) -> tuple[Place, ...]:
    visits: dict[str, int] = defaultdict(int)
    places = []
    for stop in pattern.stops:
        places.append((stop, visits[stop]))
        visits[stop] += 1
    return tuple(places)


def _control(network: BusNetwork, pattern: Pattern) -> tuple[int, ...]:
    named = network.control_stops.get(pattern.id)
    last = len(pattern.stops) - LAST_WITHOUT
    return tuple(row for row in (named or range(CONTROL_EVERY - 1, last, CONTROL_EVERY)) if 0 < row < last)


def dwell_s(trip: Trip, row: int) -> float:
    """What a stop is expected to take."""
    return max(float(trip.departure_s[row] - trip.arrival_s[row]), DWELL_S if row else 0.0)


def _duties(network: BusNetwork) -> dict[str, Trip]:
    """By trip: the next one of the same duty."""
    duties: dict[str, list[Trip]] = defaultdict(list)
    for trip in network.trips.values():
        if trip.duty:
            duties[trip.duty].append(trip)
    following = {}
    for trips in duties.values():
        trips.sort(key=lambda trip: float(trip.departure_s[0]))
        following.update({trip.id: later for trip, later in pairwise(trips)})
    return following


@dataclass(frozen=True, slots=True, eq=False)
class Bus:
    """One vehicle of a direction and what is foreseen of it."""

    state: BusState
    trip: Trip
    prediction: Prediction | None
    arrived_s: float  # at the stop where it stands; nan where that is not known
    end: int  # the row from which on it does not run

    def ready_s(self, row: int, now_s: float) -> float:
        """When it will be ready to leave a stop; nan where nobody knows, or where it has left."""
        if not self.state.next_stop <= row < self.end:
            return nan
        if row == 0:
            return max(float(self.trip.departure_s[0]), now_s)
        if self.state.at_stop and row == self.state.next_stop:
            return self.arrived_s + dwell_s(self.trip, row) if isfinite(self.arrived_s) else now_s
        return max(self.arrival_s(row), now_s) + dwell_s(self.trip, row)

    def arrival_s(self, row: int) -> float:
        known = self.prediction
        if known is not None and known.first_stop <= row < known.first_stop + len(known.p50_s):
            return float(known.p50_s[row - known.first_stop])
        return float(self.trip.arrival_s[row]) + (self.state.deviation_s if isfinite(self.state.deviation_s) else 0.0)

    def sigma_s(self, row: int, now_s: float) -> float:
        """Standard deviation of its arrival at a stop."""
        known = self.prediction
        if known is not None and known.first_stop <= row < known.first_stop + len(known.p50_s):
            index = row - known.first_stop
            return float(known.p90_s[index] - known.p10_s[index]) / (2.0 * Z90)
        return SIGMA_PER_ROOT_S * sqrt(max(self.arrival_s(row) - now_s, 1.0))

    def load(self, plan: LinePlan) -> int:
        return plan.load if self.state.load == UNKNOWN_LOAD else self.state.load


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One direction of one line at one moment. `left_s`: when a bus last left a place, and which."""

    direction: Direction
    plan: LinePlan
    timetable: Timetable
    buses: tuple[Bus, ...]
    to_come: tuple[Trip, ...]
    left_s: Mapping[Place, tuple[float, str]]
    now_s: float
    now_ns: int
    vehicles: int  # of the line, both directions
    busy: frozenset[str]  # vehicles on a trip of any line, or waiting for one
    absent: frozenset[str]  # trips that are due and have no vehicle
    counted: RidersPerS | None

    @property
    def by_headway(self) -> bool:
        line = self.direction[0]
        often = self.timetable.usual_s.get(self.direction, inf) <= FREQUENT_S
        return self.plan.headway_s > 0.0 or often or line in self.timetable.network.headway_lines

    def headway_s(self, trip: Trip) -> float:
        """What is wanted before this trip: the dispatcher's word, else the timetable's."""
        if self.plan.headway_s > 0.0:
            return self.plan.headway_s
        planned = self.timetable.headway_s.get(trip.id, nan)
        return planned if isfinite(planned) and planned > 0.0 else self.timetable.usual_s.get(self.direction, inf)

    def next_control(self, bus: Bus) -> int | None:
        return next((row for row in self.timetable.control[bus.trip.pattern] if bus.state.next_stop <= row < bus.end), None)

    def riders_ahead_per_s(self, trip: Trip, row: int) -> float:
        """Who come each second to the stops from `row` on: as counted, or as the plan assumes; nobody boards at the last."""
        if self.counted is not None:
            return self.counted(trip.pattern, row)
        return self.plan.riders_per_s * max(len(trip.arrival_s) - 1 - row, 0)

    def at(self, bus: Bus, row: int) -> AtControlStop | None:
        """What this bus will meet when it is ready to leave a stop; None where no other bus has been there or none follows."""
        ready_s = bus.ready_s(row, self.now_s)
        if not isfinite(ready_s):
            return None
        place = self.timetable.places[bus.trip.pattern][row]
        before_s, behind = self._neighbours(bus, place, ready_s)
        if not (isfinite(before_s) and behind):
            return None
        scheduled_s, gap_s, behind_s = float(bus.trip.departure_s[row]), ready_s - before_s, tuple(time_s for time_s, _ in behind)
        return AtControlStop(ready_s, bus.load(self.plan), self.headway_s(bus.trip), scheduled_s, gap_s, behind_s, behind[0][1])

    def _neighbours(self, bus: Bus, place: Place, ready_s: float) -> tuple[float, list[tuple[float, str]]]:
        """When the bus before leaves the place, -inf if none is known; when those behind will be ready there, and their trips."""
        left_s, vehicle = self.left_s.get(place, (-inf, ""))
        before_s = left_s if vehicle != bus.state.vehicle else -inf
        behind: list[tuple[float, str]] = []
        for other in self.buses:
            row = self.timetable.rows[other.trip.pattern].get(place)
            if other is bus or row is None or not isfinite(time_s := other.ready_s(row, self.now_s)):
                continue
            if (time_s, other.trip.id) < (ready_s, bus.trip.id):
                before_s = max(before_s, time_s)
            else:
                behind.append((time_s, other.trip.id))
        for trip in self.to_come:
            row = self.timetable.rows[trip.pattern].get(place)
            if row is not None and (not trip.duty or trip.duty != bus.trip.duty):
                behind.append((float(trip.departure_s[row]) + max(self.now_s - float(trip.departure_s[0]), 0.0), trip.id))
        return before_s, sorted(one for one in behind if one[0] >= ready_s)[:FOLLOWERS_KEPT]


ON_THE_LINE = frozenset({Duty.ON_TRIP, Duty.AT_TERMINAL})


def buses_by_direction(
    timetable: Timetable,
    states: Sequence[BusState],
    predictions: Sequence[Prediction],
    arrived_s: Mapping[str, float],
    cancelled: Mapping[str, int],
) -> dict[Direction, list[Bus]]:
    """Vehicles on a trip of the network, or waiting for one; what is said of trips nobody knows is left out.

    `arrived_s`: by vehicle, at the stop where it stands. `cancelled`: by trip, the stop from which on it is not run.
    """
    foreseen = {(one.vehicle, one.trip): one for one in predictions}
    found: dict[Direction, list[Bus]] = defaultdict(list)
    for state in states:
        trip = timetable.network.trips.get(state.trip)
        if state.duty not in ON_THE_LINE or trip is None:
            continue
        end = cancelled.get(trip.id, len(trip.arrival_s))
        if state.next_stop < end:
            prediction = foreseen.get((state.vehicle, state.trip))
            found[timetable.direction(trip)].append(Bus(state, trip, prediction, arrived_s.get(state.vehicle, nan), end))
    return found
