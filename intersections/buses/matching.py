"""Positions of vehicles become states on trips and stop calls: what a vehicle says of itself is believed as far as its places fit.

Rules:
* A report that cannot be believed is counted by name and changes nothing else. A vehicle's silence or error never touches another.
* A trip is kept until it is finished, another one is claimed or found that fits, or its pattern has been left for DETOUR_S.
* One vehicle serves a trip. A second claimant is DOUBTED and makes no calls, until the first is silent, off, or clearly the worse fit.
* A finished trip does not begin again; the next one is the duty's, where duties are known.
* Everything follows from the reports and `now_ns`: the same reports give the same states.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, radians
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.calls import BEFORE_M, STANDING_MPS, Call, Fix, Progress
from intersections.buses.network import BusNetwork
from intersections.buses.places import TERMINAL_M, Moved, begun, moved
from intersections.buses.samples import BusPosition, BusState, Duty, StopCall
from intersections.buses.search import MAX_EARLY_S, search
from intersections.buses.vehicles import Assignment, PositionVerdict, Vehicle, as_record, from_record
from intersections.buses.ways import Ways

MAX_VEHICLES = 20_000
MAX_LAYOVER_S = 2 * 3600.0  # who claims a trip this long before it departs means another day's
FUTURE_NS = 30_000_000_000  # a vehicle's clock may be this far ahead
SILENT_NS = 600_000_000_000  # then a vehicle is no longer shown, and its trip is free
FORGET_NS = 4 * 3_600_000_000_000  # a layover is shorter; longer, and it begins as a stranger
LOST = 3  # reports in a row that do not fit: then something is wrong, with the place or with the trip
DETOUR_S = 900.0
RUN_S = 4 * 3600.0  # no run is told from the next by its departure longer ago than this
NEARBY_S = 20.0  # so short an absence from the way is noise, however many reports it spoiled
SEARCH_EVERY_S = 60.0
FIT_MEMORY = 0.3  # weight of the newest report in the fit: about the last five count
CLEARLY = 2.0  # by which a rival's claim must be better before it takes the trip over
DEVIATION_SCALE_S = 120.0  # how lateness weighs against fit between two claimants: four minutes are clear


@dataclass(frozen=True, slots=True)
class MatchStep:
    """`states`: of all vehicles heard of late. `verdicts`: of the reports of this step, and of what was concluded, by name."""

    states: tuple[BusState, ...]
    calls: tuple[StopCall, ...]
    verdicts: Counter[str]


class Matcher:
    """All vehicles of a network on one service day."""

    def __init__(self, network: BusNetwork) -> None:
        self.ways = Ways(network)
        self._network = network
        self._vehicles: dict[str, Vehicle] = {}
        self._holder: dict[str, str] = {}  # by trip: the vehicle that serves it
        self._served: set[str] = set()  # trips that were run to their end
        self._verdicts: Counter[str] = Counter()

    def step(self, positions: Sequence[BusPosition], now_ns: int) -> MatchStep:
        self._verdicts = Counter()
        calls = [call for position in sorted(positions, key=_order) for call in self._report(position, now_ns)]
        self._forget(now_ns)
        states = tuple(vehicle.state for vehicle in self._vehicles.values() if vehicle.state and now_ns - vehicle.measured_ns <= SILENT_NS)
        return MatchStep(states, tuple(calls), +self._verdicts)

    def state(self, vehicle: str) -> BusState | None:
        """As it was last seen."""
        known = self._vehicles.get(vehicle)
        return known.state if known is not None else None

    def snapshot(self) -> dict[str, NDArray[Any]]:
        known = {
            "vehicles": [as_record(vehicle) for vehicle in self._vehicles.values()],
            "holder": self._holder,
            "served": sorted(self._served),
        }
        return {"json": np.frombuffer(json.dumps(known).encode(), np.uint8).copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        known = json.loads(arrays["json"].tobytes())
        self._vehicles = {record["id"]: from_record(record, self.ways) for record in known["vehicles"]}
        self._holder, self._served = known["holder"], set(known["served"])

    def _report(self, position: BusPosition, now_ns: int) -> Iterator[StopCall]:
        verdict = _formal(position, now_ns)
        vehicle = self._vehicles.get(position.vehicle) or Vehicle(position.vehicle)
        if verdict is PositionVerdict.ACCEPTED and position.vehicle not in self._vehicles and len(self._vehicles) >= MAX_VEHICLES:
            verdict = PositionVerdict.TOO_MANY_VEHICLES
        if verdict is PositionVerdict.ACCEPTED:
            point = self.ways.frame.enu_from_geodetic(radians(position.latitude_deg), radians(position.longitude_deg))[0]
            verdict = vehicle.take(position, float(point[0]), float(point[1]))
        self._verdicts[verdict.name] += 1
        if verdict is not PositionVerdict.ACCEPTED:
            return
        self._vehicles[vehicle.id] = vehicle
        vehicle.time_s = (position.measured_ns - self._network.midnight_ns) / 1e9
        vehicle.leave_trail()
        calls = self._follow(vehicle)
        vehicle.doubted = self._is_doubted(vehicle, now_ns)
        vehicle.state = self._state(vehicle)
        if not vehicle.doubted and vehicle.assignment:
            yield from self._stop_calls(vehicle, vehicle.assignment, calls)
        self._finish(vehicle)

    # On a trip, or looking for one.

    def _follow(self, vehicle: Vehicle) -> list[Call]:
        claim = self._claim(vehicle)
        current = vehicle.assignment
        if current and claim and claim != current.trip and self._claimed(vehicle, claim):
            return self._begun_calls(vehicle)
        if current:
            calls = self._moved(vehicle, current)
            if current.lost < LOST:
                return calls
        elif claim and self._claimed(vehicle, claim):
            return self._begun_calls(vehicle)
        if self._searched(vehicle):
            self._verdicts["TRIP_FOUND"] += 1
            self._verdicts["CLAIM_WRONG"] += bool(claim)
            return self._begun_calls(vehicle)
        if current and self._claimed(vehicle, current.trip):
            self._verdicts["PLACE_BEGUN_ANEW"] += 1
        return []

    def _claim(self, vehicle: Vehicle) -> str:
        """The trip it says it is on, where it may begin it; of several runs under one id, the one that is due."""
        if not vehicle.claim:
            return ""
        runs = self.ways.runs.get(vehicle.claim)
        if not runs:
            self._verdicts["TRIP_UNKNOWN"] += 1
            return ""
        current = vehicle.assignment.trip if vehicle.assignment else ""
        trip = (
            current if current in runs else min(runs, key=lambda run: (self._untimely_s(run, vehicle), run)) if len(runs) > 1 else runs[0]
        )
        if trip in self._served:
            self._verdicts["TRIP_SERVED_BEFORE"] += 1
            return ""
        return trip

    def _untimely_s(self, trip: str, vehicle: Vehicle) -> float:
        """How early or late the vehicle would be where it is; out of reach of the way, at the terminal."""
        planned, way = self._network.trips[trip], self.ways.way(trip)
        if abs(vehicle.time_s - float(planned.departure_s[0])) > RUN_S:
            return RUN_S
        places_m = [near.place_m for near in way.near(vehicle.x_m, vehicle.y_m)] or [0.0]
        return min(abs(vehicle.time_s - way.scheduled_s(planned, place_m)) for place_m in places_m)

    def _claimed(self, vehicle: Vehicle, claim: str) -> bool:
        trip, way = self._network.trips[claim], self.ways.way(claim)
        place = begun(way, vehicle.x_m, vehicle.y_m, trip, vehicle.time_s)
        if place is None:
            self._verdicts["CLAIM_ELSEWHERE"] += 1
            return False
        ahead = tuple(guess for guess in place.guesses if guess.place_m < way.stop_m[-1] - BEFORE_M)
        if not ahead:  # where the trip ends, none begins; on a loop the same point is its beginning as well
            self._verdicts["CLAIM_AT_END"] += 1
            return False
        patience_s = MAX_EARLY_S if ahead[0].place_m > way.stop_m[0] + TERMINAL_M else MAX_LAYOVER_S
        if vehicle.time_s < way.scheduled_s(trip, ahead[0].place_m) - patience_s:
            self._verdicts["CLAIM_TOO_EARLY"] += 1
            return False
        place = Moved(ahead, place.cost)
        self._assign(vehicle, claim, place)
        return True

    def _searched(self, vehicle: Vehicle) -> bool:
        if vehicle.time_s - vehicle.searched_s < SEARCH_EVERY_S or vehicle.trail[-1][0] <= vehicle.searched_s:
            return False  # just now, or it has hardly moved since
        vehicle.searched_s = vehicle.time_s
        found = search(
            self.ways,
            [*vehicle.trail, (vehicle.time_s, vehicle.x_m, vehicle.y_m)],
            vehicle.line,
            vehicle.duty,
            lambda trip: trip in self._holder or trip in self._served,
        )
        if found is None:
            return False
        self._assign(vehicle, found.trip.id, found.place)
        return True

    def _assign(self, vehicle: Vehicle, trip: str, place: Moved) -> None:
        self._release(vehicle)
        fix = Fix(place.guesses[0].place_m, vehicle.time_s, _standing(vehicle))
        vehicle.assignment = Assignment(
            trip, place.guesses, Progress(self.ways.way(trip), self._network.trips[trip], fix), vehicle.x_m, vehicle.y_m, place.cost
        )
        vehicle.duty = self._network.trips[trip].duty or vehicle.duty

    def _begun_calls(self, vehicle: Vehicle) -> list[Call]:
        assert vehicle.assignment
        return vehicle.assignment.progress.advance(
            Fix(vehicle.assignment.guesses[0].place_m, vehicle.time_s, _standing(vehicle)), direct=True
        )

    def _moved(self, vehicle: Vehicle, on: Assignment) -> list[Call]:
        elapsed_s = vehicle.time_s - on.progress.time_s
        straight_m = hypot(vehicle.x_m - on.x_m, vehicle.y_m - on.y_m)
        place = moved(self.ways.way(on.trip), on.guesses, vehicle.x_m, vehicle.y_m, straight_m, elapsed_s)
        if place is None:
            on.lost += 1
            self._verdicts["OFF_PATTERN"] += 1
            return []
        direct, on.lost, on.reports = on.lost < 2 or elapsed_s < NEARBY_S, 0, on.reports + 1
        on.x_m, on.y_m = vehicle.x_m, vehicle.y_m
        on.guesses = place.guesses
        on.fit += FIT_MEMORY * (place.cost - on.fit)
        return on.progress.advance(Fix(place.guesses[0].place_m, vehicle.time_s, _standing(vehicle)), direct=direct)

    def _finish(self, vehicle: Vehicle) -> None:
        """Its trip at an end, a vehicle is free for the next one of its duty."""
        on = vehicle.assignment
        if on is None or not (on.progress.finished or _left(vehicle, on)):
            return
        self._verdicts["LEFT_PATTERN"] += not on.progress.finished
        if on.progress.finished and not vehicle.doubted:
            self._served.add(on.trip)
        self._release(vehicle)
        vehicle.assignment = None
        following = self.ways.following.get(on.trip, "")
        if on.progress.finished and following and not vehicle.doubted:
            self._wait_for(vehicle, following)
        vehicle.trail.clear()  # what was driven on this trip says nothing of the next

    def _wait_for(self, vehicle: Vehicle, trip: str) -> None:
        way = self.ways.way(trip)
        place = begun(way, vehicle.x_m, vehicle.y_m, self._network.trips[trip], vehicle.time_s)
        if place and place.guesses[0].place_m <= way.stop_m[1] and self._holder.get(trip, vehicle.id) == vehicle.id:
            self._assign(vehicle, trip, place)
            self._holder[trip] = vehicle.id

    # Who serves a trip that two claim.

    def _is_doubted(self, vehicle: Vehicle, now_ns: int) -> bool:
        on = vehicle.assignment
        if on is None or on.trip in self._served:
            return on is not None
        holder = self._vehicles.get(self._holder.get(on.trip, vehicle.id))
        if holder is None or holder is vehicle or not _holds(holder, on.trip, now_ns):
            self._holder[on.trip] = vehicle.id
            return False
        if holder.assignment and _claim_cost(on) + CLEARLY < _claim_cost(holder.assignment) and on.reports >= LOST:
            self._holder[on.trip] = vehicle.id
            holder.doubted, holder.state = True, holder.state and self._state(holder)
            self._verdicts["TRIP_TAKEN_OVER"] += 1
            return False
        self._verdicts["TRIP_CLAIMED_TWICE"] += 1
        return True

    def _release(self, vehicle: Vehicle) -> None:
        if vehicle.assignment and self._holder.get(vehicle.assignment.trip) == vehicle.id:
            del self._holder[vehicle.assignment.trip]

    def _forget(self, now_ns: int) -> None:
        for id in [id for id, vehicle in self._vehicles.items() if now_ns - vehicle.measured_ns > FORGET_NS]:
            self._release(self._vehicles.pop(id))

    # What is told.

    def _state(self, vehicle: Vehicle) -> BusState:
        on = vehicle.assignment
        if on is None or _left(vehicle, on):
            return BusState(vehicle.id, Duty.OFF, "", "", 0.0, 0, vehicle.speed_mps, False, 0.0, vehicle.load, vehicle.measured_ns)
        progress = on.progress
        duty = Duty.DETOUR if on.lost else Duty.ON_TRIP if progress.departed else Duty.AT_TERMINAL
        return BusState(
            vehicle.id,
            Duty.DOUBTED if vehicle.doubted else duty,
            on.trip,
            progress.way.pattern.id,
            progress.place_m,
            progress.next_stop,
            vehicle.speed_mps,
            progress.at_stop,
            progress.deviation_s,
            vehicle.load,
            vehicle.measured_ns,
        )

    @staticmethod
    def _stop_calls(vehicle: Vehicle, on: Assignment, calls: list[Call]) -> Iterator[StopCall]:
        pattern = on.progress.way.pattern.id
        for call in calls:
            yield StopCall(vehicle.id, on.trip, pattern, call.stop, call.arrived_s, call.left_s, vehicle.load)


def _order(position: BusPosition) -> tuple[int, str]:
    return position.measured_ns, position.vehicle


def _formal(position: BusPosition, now_ns: int) -> PositionVerdict:
    place = abs(position.latitude_deg) < 90.0 and abs(position.longitude_deg) <= 180.0
    if not (place and position.vehicle and position.measured_ns > 0) or position.latitude_deg == position.longitude_deg == 0.0:
        return PositionVerdict.MALFORMED
    return PositionVerdict.FUTURE if position.measured_ns > now_ns + FUTURE_NS else PositionVerdict.ACCEPTED


def _left(vehicle: Vehicle, on: Assignment) -> bool:
    return on.lost >= LOST and vehicle.time_s - on.progress.time_s > DETOUR_S


def _standing(vehicle: Vehicle) -> bool:
    return vehicle.doors_open or vehicle.speed_mps < STANDING_MPS


def _holds(holder: Vehicle, trip: str, now_ns: int) -> bool:
    return holder.assignment is not None and holder.assignment.trip == trip and now_ns - holder.measured_ns <= SILENT_NS


def _claim_cost(on: Assignment) -> float:
    return on.fit + abs(on.progress.deviation_s) / DEVIATION_SCALE_S + on.lost
