"""The map of one intersection: lanes, connections with priority, stop lines, crossings, conflict zones, signal groups.

Rules:
* Coordinates are metres east and north of `origin`; polylines run in the direction of travel.
* Construction is validation: a map that exists is consistent. Whatever is wrong raises `MapError` naming the element.
* Derived geometry (arc lengths, conflict zones' intervals) is computed once, here.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from intersections.geometry import Polyline, arc_lengths

JOINT_TOLERANCE_M = 0.5  # between a connection's path and the lanes it joins; surveyed maps do not meet exactly
ARC_TOLERANCE_M = 0.05  # arc lengths written by another program, from coordinates rounded to centimetres
WIDTH_MAX_M = 50.0  # wider is a wrong unit (walking areas can be wide)
SAME_VERTEX_M = 0.001  # a step shorter than this has no direction
EXTENT_M = 20_000.0  # farther from the origin is a wrong unit or a wrong origin

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # these ids stand in topics and URLs


class MapError(ValueError):
    """A map that contradicts itself or cannot be read; the text names the element."""


class LaneKind(StrEnum):
    DRIVING = "driving"
    BUS = "bus"
    BICYCLE = "bicycle"
    SIDEWALK = "sidewalk"
    CROSSING = "crossing"
    INTERNAL = "internal"  # inside the junction, the path of one connection


class Priority(StrEnum):
    """Who goes first where two connections cross (signals off or both green)."""

    MAJOR = "major"
    YIELD = "yield"
    EQUAL = "equal"  # no rule of the map: neither yields


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the local frame touches the ellipsoid; WGS84 radians and metres."""

    latitude_rad: float
    longitude_rad: float
    height_m: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """`speed_limit_mps` also bounds advice; `length_m` follows from the polyline."""

    id: str
    kind: LaneKind
    polyline: Polyline
    width_m: float
    speed_limit_mps: float
    allows_vehicles: bool


@dataclass(frozen=True, slots=True, eq=False)
class Connection:
    """One movement from the end of an ingress lane to the start of an egress lane, along its path.

    `signal_group` is '' where no lamp rules it. `stop_line_m` is the arc length on the ingress lane at which it must stop.
    """

    id: str
    ingress: str
    egress: str
    path: Polyline
    priority: Priority
    signal_group: str
    stop_line_m: float
    yields_to: tuple[str, ...]  # connection and crossing ids that have right of way over this one


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """A pedestrian crossing; `polyline` along the walking direction, `signal_group` '' where unsignalised."""

    id: str
    polyline: Polyline
    width_m: float
    signal_group: str


@dataclass(frozen=True, slots=True)
class ConflictZone:
    """Where the swept paths of two connections (or a connection and a crossing) overlap.

    Intervals are arc lengths on each one's path; east_m, north_m is the middle of the overlap.
    """

    first: str
    second: str
    first_from_m: float
    first_to_m: float
    second_from_m: float
    second_to_m: float
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True, eq=False)
class IntersectionMap:
    """One intersection, valid by construction. Lanes, connections and crossings share one space of ids.

    `lane`, `connection`, `crossing` look up by id. `arc_m` holds the arc length at each vertex of every lane, connection path and
    crossing, by id; the last one is its length. Polylines are made read-only.
    """

    id: str
    origin: Origin
    lanes: tuple[Lane, ...]
    connections: tuple[Connection, ...]
    crossings: tuple[Crossing, ...] = ()
    zones: tuple[ConflictZone, ...] = ()
    signal_groups: tuple[str, ...] = ()
    region: str = "district"
    lane: Mapping[str, Lane] = field(init=False, repr=False)
    connection: Mapping[str, Connection] = field(init=False, repr=False)
    crossing: Mapping[str, Crossing] = field(init=False, repr=False)
    arc_m: Mapping[str, NDArray[np.float64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lines = _check_lines(self.lanes, self.connections, self.crossings)
        object.__setattr__(self, "lane", MappingProxyType({lane.id: lane for lane in self.lanes}))
        object.__setattr__(self, "connection", MappingProxyType({connection.id: connection for connection in self.connections}))
        object.__setattr__(self, "crossing", MappingProxyType({crossing.id: crossing for crossing in self.crossings}))
        object.__setattr__(self, "arc_m", MappingProxyType({id: arc_lengths(line) for id, line in lines.items()}))
        _check_head(self)
        for lane in self.lanes:
            _check_lane(lane)
        for connection in self.connections:
            _check_connection(self, connection)
        for crossing in self.crossings:
            _check_crossing(self, crossing)
        for zone in self.zones:
            _check_zone(self, zone)

    def length_m(self, id: str) -> float:
        """Length of a lane, a connection's path or a crossing."""
        return float(self.arc_m[id][-1])


def _require(condition: object, element: str, problem: str) -> None:
    if not condition:
        raise MapError(f"{element}: {problem}")


def _check_lines(lanes: Sequence[Lane], connections: Sequence[Connection], crossings: Sequence[Crossing]) -> dict[str, Polyline]:
    """Every polyline by its element's id, each checked and made read-only."""
    elements = [("lane", lane.id, lane.polyline) for lane in lanes]
    elements += [("connection", connection.id, connection.path) for connection in connections]
    elements += [("crossing", crossing.id, crossing.polyline) for crossing in crossings]
    lines: dict[str, Polyline] = {}
    for noun, id, line in elements:
        element = f"{noun} {id!r}"
        _require(id, element, "has no id")
        _require(id not in lines, element, "this id is taken twice (lanes, connections and crossings share their ids)")
        _check_polyline(element, line)
        line.setflags(write=False)
        lines[id] = line
    return lines


def _check_polyline(element: str, line: Polyline) -> None:
    _require(isinstance(line, np.ndarray) and line.dtype == np.float64, element, "its polyline is not a float64 array")
    _require(line.ndim == 2 and line.shape[1] == 2 and len(line) >= 2, element, f"its polyline has shape {line.shape}, not (n >= 2, 2)")
    _require(np.isfinite(line).all(), element, "its polyline holds a NaN or infinity")
    _require(float(np.abs(line).max()) <= EXTENT_M, element, f"its polyline leaves the {EXTENT_M / 1000:.0f} km around the origin")
    _require(float(np.hypot(*np.diff(line, axis=0).T).min()) >= SAME_VERTEX_M, element, "its polyline repeats a vertex")


def _check_head(map: IntersectionMap) -> None:
    element = f"map {map.id!r}"
    for word, value in (("id", map.id), ("region", map.region)):
        _require(_ID.fullmatch(value), element, f"{word} {value!r} is not 1 to 64 characters of [A-Za-z0-9._-]")
    _require(map.lanes, element, "has no lanes")
    origin = (map.origin.latitude_rad, map.origin.longitude_rad, map.origin.height_m)
    _require(all(math.isfinite(value) for value in origin), element, "its origin is not finite")
    _require(abs(origin[0]) <= math.pi / 2 and abs(origin[1]) <= math.pi, element, "its origin is not on the ellipsoid (radians?)")
    _require(all(map.signal_groups), element, "a signal group has no name")
    _require(len(set(map.signal_groups)) == len(map.signal_groups), element, "a signal group is named twice")


def _check_lane(lane: Lane) -> None:
    element = f"lane {lane.id!r}"
    _require(0 < lane.width_m <= WIDTH_MAX_M, element, f"width {lane.width_m} m is not in (0, {WIDTH_MAX_M:.0f}]")
    _require(0 < lane.speed_limit_mps < math.inf, element, f"speed limit {lane.speed_limit_mps} m/s is not positive")


def _check_connection(map: IntersectionMap, connection: Connection) -> None:
    element = f"connection {connection.id!r}"
    for word, id in (("ingress", connection.ingress), ("egress", connection.egress)):
        _require(id in map.lane, element, f"{word} lane {id!r} is unknown")
    ingress, egress = map.lane[connection.ingress], map.lane[connection.egress]
    start_gap_m = float(np.hypot(*(connection.path[0] - ingress.polyline[-1])))
    end_gap_m = float(np.hypot(*(connection.path[-1] - egress.polyline[0])))
    _require(start_gap_m <= JOINT_TOLERANCE_M, element, f"its path starts {start_gap_m:.2f} m from the end of lane {ingress.id!r}")
    _require(end_gap_m <= JOINT_TOLERANCE_M, element, f"its path ends {end_gap_m:.2f} m from the start of lane {egress.id!r}")
    on_ingress = 0 <= connection.stop_line_m <= map.length_m(ingress.id) + ARC_TOLERANCE_M
    _require(on_ingress, element, f"stop line {connection.stop_line_m} m is not on its ingress lane")
    _check_group(map, element, connection.signal_group)
    for id in connection.yields_to:
        _require(id in map.connection or id in map.crossing, element, f"yields to {id!r}, which is unknown")
        _require(id != connection.id, element, "yields to itself")
        mutual = id in map.connection and connection.id in map.connection[id].yields_to
        _require(not mutual, element, f"and {id!r} yield to each other")


def _check_crossing(map: IntersectionMap, crossing: Crossing) -> None:
    element = f"crossing {crossing.id!r}"
    _require(0 < crossing.width_m <= WIDTH_MAX_M, element, f"width {crossing.width_m} m is not in (0, {WIDTH_MAX_M:.0f}]")
    _check_group(map, element, crossing.signal_group)


def _check_group(map: IntersectionMap, element: str, group: str) -> None:
    _require(group == "" or group in map.signal_groups, element, f"signal group {group!r} is unknown")


def _check_zone(map: IntersectionMap, zone: ConflictZone) -> None:
    element = f"zone {zone.first!r} x {zone.second!r}"
    _require(zone.first != zone.second, element, "a path does not conflict with itself")
    _require(math.isfinite(zone.east_m) and math.isfinite(zone.north_m), element, "its middle is not finite")
    for id, start_m, end_m in ((zone.first, zone.first_from_m, zone.first_to_m), (zone.second, zone.second_from_m, zone.second_to_m)):
        _require(id in map.connection or id in map.crossing, element, f"{id!r} is neither a connection nor a crossing")
        on_path = 0 <= start_m < end_m <= map.length_m(id) + ARC_TOLERANCE_M
        _require(on_path, element, f"[{start_m}, {end_m}] m is not an interval of {id!r}, {map.length_m(id):.2f} m long")
