"""What a signal controller may know of SUMO's traffic, and nothing else.

Rules:
* A connected vehicle tells its position, speed, lane and next turn within SIGHT_M of the stop line. Who is connected is drawn from its
  name and the seed. Buses are the operator's and always are; they tell the next stop and how many ride as well.
* Of everybody else only the loops know (`signal_loops`), and of pedestrians only the buttons (`signal_buttons`).
* Who is inside the junction has left its approach; all that is known of it is whether a connected vehicle stands there.
* Who waits outside the network is known to nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import libsumo
import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import ADVANCE_LOOP_M, SIGHT_M, Floats, Observation
from intersections.signals.priority import DRIVER_PERSONS
from v2x.importers.sumo_signals import SignalSite
from v2x.sim.signal_loops import LaneLoops, clear, settle
from v2x.sim.signal_roads import Ahead, Roads, road_of

CAR_PERSONS = 1.4
STANDING_MPS = 1.4  # 5 km/h
LOOP_QUEUE_S = 4.0  # a loop occupied for so long lies under a queue
CAR_ROOM_M = 7.5


@dataclass(slots=True)
class _Vehicle:
    number: int
    connected: bool
    bus: bool
    length_m: float
    lane: str = ""
    road: str = ""
    front_m: float = 0.0
    speed_mps: float = 0.0
    waited_s: float = 0.0
    serving: bool = False  # a bus at its stop stands, but not in a queue
    ahead: Ahead | None = None
    left: LaneLoops | None = None  # whose stop line its rear may still lie over


@dataclass(frozen=True, slots=True)
class _Exit:
    site: int
    row: int
    length_m: float
    after_m: float  # from the lane's end to the exit's downstream end


def is_connected(name: str, seed: int, penetration: float) -> bool:
    drawn = int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=8).digest())
    return drawn < penetration * 2**64


class SignalSensors:
    """Of all intersections of a running simulation. `step` after each of SUMO's steps; `observe` when a plan is due."""

    def __init__(self, sites: Sequence[SignalSite], seed: int, penetration: float, *, persons: bool = True) -> None:
        """`persons`: buses tell how many ride; else they count like a car."""
        self._approaches = tuple(site.approaches for site in sites)
        self._seed, self._penetration, self._persons = seed, penetration, persons
        self._step_s = float(libsumo.simulation.getDeltaT())
        self._roads = Roads(self._approaches)
        self._lane_row = [{lane: row for row, lane in enumerate(place.lanes)} for place in self._approaches]
        self._loops = {lane: LaneLoops(self._roads.lane_length_m[lane]) for place in self._approaches for lane in place.lanes}
        self._exits = _exit_lanes(sites, self._roads)
        self._inner = {lane: (site, row) for site, own in enumerate(sites) for row, way in enumerate(own.inner) for lane in way}
        self._vehicles: dict[str, _Vehicle] = {}
        self._count = 0
        self._places: dict[str, int] = {}

    def step(self) -> None:
        clear(self._loops.values())
        present = {}
        for name in libsumo.vehicle.getIDList():
            vehicle = self._vehicles.get(name) or self._enrol(name)
            present[name] = vehicle
            self._move(name, vehicle)
        self._vehicles = present
        settle(self._loops.values(), self._step_s)

    def names(self) -> dict[int, str]:
        """SUMO's, of those who are connected, by their number in the observations."""
        return {vehicle.number: name for name, vehicle in self._vehicles.items() if vehicle.connected}

    def observe(self, now_ns: int, pedestrian_wait_s: Sequence[Floats]) -> list[Observation]:
        """One for each intersection, in their order."""
        rows: list[list[tuple[float, ...]]] = [[] for _ in self._approaches]
        filled = [np.zeros((2, len(place.exits))) for place in self._approaches]
        inside = [np.zeros(len(place.connection_lane), np.uint8) for place in self._approaches]
        for name, vehicle in self._vehicles.items():
            if vehicle.connected and vehicle.lane:
                self._tell(name, vehicle, rows)
                self._fill(vehicle, filled)
                if vehicle.speed_mps < STANDING_MPS and (within := self._inner.get(vehicle.lane)):
                    inside[within[0]][within[1]] = 1
        self._fill_by_loops(filled)
        parts = zip(rows, filled, inside, pedestrian_wait_s, strict=True)
        return [self._observation(site, now_ns, *part) for site, part in enumerate(parts)]

    def _enrol(self, name: str) -> _Vehicle:
        bus = bool(libsumo.vehicle.getLine(name))  # of a line; some scenarios have cars of class bus
        connected = bus or is_connected(name, self._seed, self._penetration)
        self._count += connected  # numbers tell nothing of the others
        return _Vehicle(self._count, connected, bus, float(libsumo.vehicle.getLength(name)))

    def _move(self, name: str, vehicle: _Vehicle) -> None:
        lane, front_m = libsumo.vehicle.getLaneID(name), libsumo.vehicle.getLanePosition(name)
        before_m = vehicle.front_m
        if lane != vehicle.lane:
            road = road_of(lane)
            if road != vehicle.road:
                before_m = -1.0 if vehicle.road else front_m  # who departs here has passed nothing
                self._enter(name, vehicle, road)
            vehicle.lane = lane
        vehicle.front_m = front_m
        loops = self._loops.get(lane)
        if loops is not None:
            loops.drive(before_m, front_m, vehicle.length_m)
        elif vehicle.left is not None and front_m < vehicle.length_m:
            vehicle.left.stop_occupied = True
        if vehicle.connected:
            vehicle.speed_mps = libsumo.vehicle.getSpeed(name)
            vehicle.serving = vehicle.bus and libsumo.vehicle.isStopped(name)
            if vehicle.speed_mps < STANDING_MPS and not vehicle.serving:
                vehicle.waited_s += self._step_s

    def _enter(self, name: str, vehicle: _Vehicle, road: str) -> None:
        """Another road: over a stop line perhaps, and another one ahead."""
        vehicle.left = self._loops.get(vehicle.lane) if road else None  # a teleported vehicle crosses nothing
        if vehicle.left is not None:
            vehicle.left.cross()
            vehicle.waited_s = 0.0
        vehicle.road = road
        if vehicle.connected:
            route, index = libsumo.vehicle.getRoute(name), libsumo.vehicle.getRouteIndex(name)
            vehicle.ahead = self._roads.ahead(route, index, inside=road.startswith(":")) if road and index >= 0 else None

    def _tell(self, name: str, vehicle: _Vehicle, rows: list[list[tuple[float, ...]]]) -> None:
        ahead = vehicle.ahead
        if ahead is None:
            return
        distance_m = ahead.after_m + self._roads.lane_length_m[vehicle.lane] - vehicle.front_m
        if distance_m > SIGHT_M:
            return
        lane = self._lane_row[ahead.site].get(vehicle.lane, -1)
        persons, stop_m = self._ride(name, ahead, distance_m) if vehicle.bus else (CAR_PERSONS, -1.0)
        place = self._places.setdefault(vehicle.lane, len(self._places))
        told = (vehicle.number, lane, ahead.movement, distance_m, vehicle.speed_mps, vehicle.length_m, persons, vehicle.waited_s)
        rows[ahead.site].append((*told, stop_m, place))

    def _ride(self, name: str, ahead: Ahead, distance_m: float) -> tuple[float, float]:
        """Persons of a bus, and the stop it serves before the stop line."""
        persons = DRIVER_PERSONS + float(libsumo.vehicle.getPersonNumber(name)) if self._persons else CAR_PERSONS
        for stop in libsumo.vehicle.getStops(name, 1):
            road = road_of(stop.lane)
            if road in ahead.offsets_m:
                stop_m = ahead.offsets_m[road] + self._roads.lane_length_m[stop.lane] - stop.endPos
                if stop_m <= distance_m + CAR_ROOM_M:  # it may stand a little past the mark
                    return persons, stop_m
        return persons, -1.0

    def _fill(self, vehicle: _Vehicle, filled: list[Floats]) -> None:
        """Count it on the exits it is on; where it stands, everything before it is taken. In the middle of a long exit nobody hears it."""
        for place in self._exits.get(vehicle.lane, ()):
            ahead_m = place.after_m + self._roads.lane_length_m[vehicle.lane] - vehicle.front_m
            if min(ahead_m, place.length_m - ahead_m) > SIGHT_M:
                continue
            filled[place.site][0, place.row] += 1.0
            if vehicle.speed_mps < STANDING_MPS and not vehicle.serving:
                filled[place.site][1, place.row] = max(filled[place.site][1, place.row], ahead_m + vehicle.length_m)

    def _fill_by_loops(self, filled: list[Floats]) -> None:
        """The next intersection's loops tell of its queue whoever stands in it."""
        for lane, loops in self._loops.items():
            at_line = CAR_ROOM_M if loops.stop_standing_s >= LOOP_QUEUE_S else 0.0
            queue_m = ADVANCE_LOOP_M + CAR_ROOM_M if loops.advance_standing_s >= LOOP_QUEUE_S else at_line
            if queue_m:
                for place in self._exits.get(lane, ()):
                    filled[place.site][1, place.row] = max(filled[place.site][1, place.row], place.after_m + queue_m)

    def _observation(
        self, site: int, now_ns: int, rows: list[tuple[float, ...]], filled: Floats, inside: NDArray[np.uint8], pedestrian_wait_s: Floats
    ) -> Observation:
        place = self._approaches[site]
        columns = np.array(sorted(rows), dtype=np.float64).reshape(-1, 10).T
        loops = [self._loops[lane] for lane in place.lanes]
        return Observation(
            now_ns=now_ns,
            vehicle=columns[0].astype(np.int64),
            lane=columns[1].astype(np.int32),
            movement=columns[2].astype(np.int32),
            distance_m=columns[3],
            speed_mps=columns[4],
            length_m=columns[5],
            weight=columns[6],
            waited_s=columns[7],
            stop_m=columns[8],
            place=columns[9].astype(np.int64),
            stop_line_count=np.array([loop.stop_count for loop in loops], np.int64),
            stop_line_occupied=np.array([loop.stop_occupied for loop in loops], np.uint8),
            advance_count=np.array([loop.advance_count for loop in loops], np.int64),
            advance_occupied=np.array([loop.advance_occupied for loop in loops], np.uint8),
            exit_vehicles=filled[0],
            exit_queue_m=filled[1],
            inside=inside,
            pedestrian_wait_s=pedestrian_wait_s,
        )


def _exit_lanes(sites: Sequence[SignalSite], roads: Roads) -> dict[str, list[_Exit]]:
    """By lane: the exits it is part of."""
    exits: dict[str, list[_Exit]] = {}
    for number, site in enumerate(sites):
        for row, way in enumerate(site.exits):
            after_m = way.length_m
            for lane in way.chain:
                after_m -= roads.lane_length_m[lane]
                exits.setdefault(lane, []).append(_Exit(number, row, way.length_m, after_m))
    return exits
