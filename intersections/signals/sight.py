"""What signal control sees in the road: the map's lanes as approaches, and the tracks on them as an observation.

Rules:
* Every confirmed track of a vehicle is a row, whoever saw it; its number is the track's, or made of the name of a connected vehicle.
* A road is a lane here: a map knows no roads. The turn of a vehicle is taken for the straightest where one lamp rules all ways of its lane,
  for unknown elsewhere.
* A track has crossed a stop line when it was on an approach at the last sight and is beyond it now: on a connection, or a lane after one.
* There are no loops: the counts at stop lines are of tracks, and no lane has an advance loop.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.localize import Places
from intersections.paths import ElementKind, Paths
from intersections.signals.approaches import SIGHT_M, Approaches, Floats, Ints, Observation
from positioning.samples import ObjectClass
from positioning.tracks import TrackView

PERSONS: dict[ObjectClass, float] = {ObjectClass.BUS: 20.0, ObjectClass.TRAM: 60.0, ObjectClass.MOTORCYCLE: 1.1, ObjectClass.BICYCLE: 1.0}
_PERSONS = np.array([PERSONS.get(object_class, 1.4) for object_class in ObjectClass])  # a car's where nothing better is known
_CONNECTIONS = (ElementKind.CONNECTION, ElementKind.BICYCLE_CONNECTION)
_NOT_VEHICLES = (ObjectClass.PEDESTRIAN, ObjectClass.OBSTACLE, ObjectClass.ANIMAL)
_NO_LOOP = -1
_NAMED = 1 << 60
NO_STOP_M = -1.0
KERB_M = 3.0  # who stands so near to an end of a crossing waits for it
CALLS_S = 0.1  # the least wait that is a call


def approaches_of(intersection: str, paths: Paths, limits_mps: Floats, bit_of_group: Mapping[str, int]) -> Approaches:
    """Lanes from which a signal group lets somebody drive. `limits_mps` by element; `bit_of_group`: the map's groups that are signalled."""
    signalled = np.isin(paths.kinds, _CONNECTIONS) & np.array([group in bit_of_group for group in paths.groups], np.bool_)
    lanes = sorted(set(paths.ingress[signalled].tolist()))
    connections = _connections_from(paths, lanes)
    ends = [int(paths.next_element[paths.next_start[row]]) for row in connections]
    exits = sorted(set(ends))
    turns = [(paths.ids[int(paths.ingress[row])], paths.ids[end]) for row, end in zip(connections, ends, strict=True)]
    movements = tuple(dict.fromkeys(turns))
    crossing = np.zeros(max(bit_of_group.values(), default=-1) + 1, np.int32)
    bits = _crossing_bits(paths, bit_of_group)
    crossing[bits[bits >= 0]] = 1
    return Approaches(
        intersection=intersection,
        lanes=tuple(paths.ids[row] for row in lanes),
        lane_length_m=paths.length_m[lanes],
        lane_speed_mps=limits_mps[lanes],
        movements=movements,
        connection_lane=np.array([lanes.index(int(paths.ingress[row])) for row in connections], np.int32),
        connection_movement=np.array([movements.index(turn) for turn in turns], np.int32),
        connection_group=np.array([bit_of_group.get(paths.groups[row], -1) for row in connections], np.int32),
        connection_exit=np.array([exits.index(end) for end in ends], np.int32),
        connection_speed_mps=np.minimum(paths.curve_mps[connections], limits_mps[paths.ingress[connections]]),
        exits=tuple(paths.ids[row] for row in exits),
        exit_length_m=paths.length_m[exits],
        exit_speed_mps=limits_mps[exits],
        exit_neighbour=("",) * len(exits),
        group_crossing=crossing,
    )


class Sight:
    """Keeps from one second to the next who stood where, and who has crossed a stop line."""

    def __init__(self, paths: Paths, approaches: Approaches, bit_of_group: Mapping[str, int]) -> None:
        index = {id: row for row, id in enumerate(paths.ids)}
        self._paths = paths
        self._approaches = approaches
        self._lane, self._line_m = _ways_to_lines(paths, [index[id] for id in approaches.lanes])
        self._exit = np.full(len(paths.ids), -1, np.int32)
        self._exit[[index[id] for id in approaches.exits]] = np.arange(len(approaches.exits))
        self._connection = np.full(len(paths.ids), -1, np.int32)
        self._connection[_connections_from(paths, [index[id] for id in approaches.lanes])] = np.arange(len(approaches.connection_lane))
        self._beyond = np.isin(paths.kinds, _CONNECTIONS) | (self._exit >= 0)
        self._crossing = _crossing_bits(paths, bit_of_group)
        crossings = np.flatnonzero(self._crossing >= 0)
        ends = np.concatenate((paths.point_start[crossings], paths.point_start[crossings + 1] - 1))
        self._kerbs, self._kerb_group = paths.points[ends], np.tile(self._crossing[crossings], 2)
        self._turn = _only_turns(approaches)
        self._ids = np.zeros(0, np.int64)
        self._at = np.zeros(0, np.int32)  # approach lane of each, -1 for none
        self._since_ns = np.zeros(0, np.int64)  # standing since; 0: moves
        self._crossed = np.zeros(len(approaches.lanes), np.int64)

    def observe(self, view: TrackView, places: Places, now_ns: int) -> Observation:
        """To be called in order of time; `places` are of the view's rows."""
        element = places.element
        vehicles = (element >= 0) & ~np.isin(view.classes, _NOT_VEHICLES)
        lane = np.where(vehicles, self._lane[element], -1).astype(np.int32)
        near = vehicles & np.isfinite(self._line_m[element])
        waited_s = self._take(view, places, lane, vehicles & self._beyond[element], now_ns)
        distance_m = self._line_m[element] - places.place[:, 0] - view.size_m[:, 0] / 2
        rows = np.flatnonzero(near & (distance_m <= SIGHT_M))
        turn = np.where(lane >= 0, self._turn[lane], -1)
        exit_vehicles, exit_queue_m = self._on_exits(view, places, vehicles)
        approaches = self._approaches
        return Observation(
            now_ns=now_ns,
            vehicle=_numbers(view)[rows],
            lane=lane[rows],
            place=element[rows].astype(np.int64),
            movement=turn[rows].astype(np.int32),
            distance_m=np.maximum(distance_m[rows], 0.0),
            speed_mps=view.motion[rows, 2].copy(),
            length_m=view.size_m[rows, 0].copy(),
            weight=_PERSONS[view.classes[rows]],
            waited_s=waited_s[rows],
            stop_m=np.full(len(rows), NO_STOP_M),
            stop_line_count=self._crossed.copy(),
            stop_line_occupied=np.zeros(len(approaches.lanes), np.uint8),
            advance_count=np.full(len(approaches.lanes), _NO_LOOP, np.int64),
            advance_occupied=np.zeros(len(approaches.lanes), np.uint8),
            exit_vehicles=exit_vehicles,
            exit_queue_m=exit_queue_m,
            inside=self._inside(places, vehicles),
            pedestrian_wait_s=self._walkers(view, places, waited_s),
        )

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {"ids": self._ids.copy(), "at": self._at.copy(), "since_ns": self._since_ns.copy(), "crossed": self._crossed.copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._ids, self._at = arrays["ids"].astype(np.int64), arrays["at"].astype(np.int32)
        self._since_ns, self._crossed = arrays["since_ns"].astype(np.int64), arrays["crossed"].astype(np.int64)

    def _take(self, view: TrackView, places: Places, lane: Ints, beyond: NDArray[np.bool_], now_ns: int) -> Floats:
        """Note where everybody is; -> how long each has stood, s."""
        known, before = _rows_of(self._ids, view.ids)
        was_at = np.where(known, self._at[before], -1) if len(self._ids) else np.full(len(view.ids), -1)
        since_ns = np.where(known, self._since_ns[before], 0) if len(self._ids) else np.zeros(len(view.ids), np.int64)
        np.add.at(self._crossed, was_at[beyond & (was_at >= 0)], 1)
        since_ns = np.where(places.moving > 0, 0, np.where(since_ns > 0, since_ns, now_ns))
        order = np.argsort(view.ids, kind="stable")
        self._ids, self._at, self._since_ns = view.ids[order].copy(), lane[order], since_ns[order]
        return np.where(since_ns > 0, (now_ns - since_ns) / 1e9, 0.0)

    def _on_exits(self, view: TrackView, places: Places, vehicles: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Vehicles on each exit, and how far back from its end the last one stands, m."""
        count, queue_m = np.zeros(len(self._approaches.exits)), np.zeros(len(self._approaches.exits))
        rows = np.flatnonzero(vehicles & (self._exit[places.element] >= 0))
        exits = self._exit[places.element[rows]]
        np.add.at(count, exits, 1.0)
        standing = places.moving[rows] == 0
        back_m = self._paths.length_m[places.element[rows]] - places.place[rows, 0] + view.size_m[rows, 0] / 2
        np.maximum.at(queue_m, exits[standing], back_m[standing])
        return count, queue_m

    def _inside(self, places: Places, vehicles: NDArray[np.bool_]) -> NDArray[np.uint8]:
        inside = np.zeros(len(self._approaches.connection_lane), np.uint8)
        rows = np.flatnonzero(vehicles & (self._connection[places.element] >= 0) & (places.moving == 0))
        inside[self._connection[places.element[rows]]] = 1
        return inside

    def _walkers(self, view: TrackView, places: Places, waited_s: Floats) -> Floats:
        """The longest wait at the kerb, by group: of those who walk towards a crossing, and of those who stand where one begins."""
        wait_s = np.zeros(len(self._approaches.group_crossing))
        outside = (view.classes == ObjectClass.PEDESTRIAN) & (places.on_crossing == 0)
        group = np.where(places.element >= 0, self._crossing[places.element], -1)
        rows = np.flatnonzero(outside & (group >= 0))
        np.maximum.at(wait_s, group[rows], np.maximum(waited_s[rows], CALLS_S))
        rows = np.flatnonzero(outside & (places.moving == 0))
        near = np.hypot(*(view.motion[rows, None, :2] - self._kerbs).transpose(2, 0, 1)) <= KERB_M
        walker, kerb = np.nonzero(near)
        np.maximum.at(wait_s, self._kerb_group[kerb], np.maximum(waited_s[rows[walker]], CALLS_S))
        return wait_s


def _connections_from(paths: Paths, lanes: list[int]) -> list[int]:
    """The elements that lead through the intersection, in the order of their rows in `Approaches`."""
    return np.flatnonzero(np.isin(paths.kinds, _CONNECTIONS) & np.isin(paths.ingress, lanes)).tolist()


def number_of(vehicle: str) -> int:
    """A connected vehicle's, the same whatever track shows it; far from any track's."""
    return _NAMED | int.from_bytes(blake2b(vehicle.encode(), digest_size=7).digest())


def _numbers(view: TrackView) -> NDArray[np.int64]:
    numbers = view.ids.copy()
    for row in np.flatnonzero(np.isin(view.ids, list(view.vehicles))).tolist() if view.vehicles else ():
        numbers[row] = number_of(view.vehicles[int(view.ids[row])])
    return numbers


def _crossing_bits(paths: Paths, bit_of_group: Mapping[str, int]) -> Ints:
    """By element: the group of a crossing that has one, else -1."""
    on = paths.kinds == ElementKind.CROSSING
    return np.where(on, np.array([bit_of_group.get(group, -1) for group in paths.groups], np.int32), np.int32(-1))


def _rows_of(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each of `wanted` is among the sorted `ids`, and its row there."""
    if not len(ids):
        return np.zeros(len(wanted), np.bool_), np.zeros(len(wanted), np.int64)
    rows = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return ids[rows] == wanted, rows


def _ways_to_lines(paths: Paths, lanes: list[int]) -> tuple[Ints, Floats]:
    """By element: the approach lane it is or -1, and the arc length at which a stop line is reached by driving on; inf where none is."""
    row = np.full(len(paths.ids), -1, np.int32)
    row[lanes] = np.arange(len(lanes))
    line_m = np.full(len(paths.ids), np.inf)
    for element in lanes:
        stops_m = [float(paths.stop_back_m[c]) for c in np.flatnonzero(paths.ingress == element).tolist()]
        line_m[element] = float(paths.length_m[element]) - max(stops_m)
    waiting = list(lanes)
    while waiting:
        element = waiting.pop()
        for before in _led_by(paths, element):
            way_m = float(paths.length_m[before]) + float(line_m[element])
            if row[before] < 0 and way_m < line_m[before] and way_m - float(paths.length_m[before]) <= SIGHT_M:
                line_m[before] = way_m
                waiting.append(before)
    return row, line_m


def _led_by(paths: Paths, element: int) -> list[int]:
    """The elements that `element` comes after."""
    entries = np.flatnonzero(paths.next_element == element)
    return [int(row) for row in np.searchsorted(paths.next_start, entries, side="right") - 1]


def _only_turns(approaches: Approaches) -> Ints:
    """The movement of each lane whose ways are ruled by one group, the straightest of them; else -1."""
    turns = np.full(len(approaches.lanes), -1, np.int32)
    for lane in range(len(approaches.lanes)):
        ways = np.flatnonzero(approaches.connection_lane == lane)
        if len(set(approaches.connection_group[ways].tolist())) == 1:
            turns[lane] = approaches.connection_movement[ways[np.argmax(approaches.connection_speed_mps[ways])]]
    return turns
