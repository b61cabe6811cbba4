"""The map of one intersection: lanes, connections with priority, stop lines, crossings, conflict zones, signal groups.

Rules:
* Coordinates are metres east and north of `origin`; polylines run in the direction of travel.
* Construction is validation: a map that exists is consistent. Whatever is wrong raises `MapError` naming the element.
* Derived geometry (arc lengths, conflict zones' intervals) is computed once, here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from intersections.geometry import arc_lengths

Polyline = NDArray[np.float64]  # (n, 2), n >= 2, east and north, m


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

    `arc_m` holds the arc length at each vertex of every lane, connection path and crossing, by id; the last one is its length.
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
        derived = {
            "lane": {lane.id: lane for lane in self.lanes},
            "connection": {connection.id: connection for connection in self.connections},
            "crossing": {crossing.id: crossing for crossing in self.crossings},
            "arc_m": {
                **{lane.id: arc_lengths(lane.polyline) for lane in self.lanes},
                **{connection.id: arc_lengths(connection.path) for connection in self.connections},
                **{crossing.id: arc_lengths(crossing.polyline) for crossing in self.crossings},
            },
        }
        for name, value in derived.items():
            object.__setattr__(self, name, MappingProxyType(value))

    def length_m(self, id: str) -> float:
        """Length of a lane, a connection's path or a crossing."""
        return float(self.arc_m[id][-1])
