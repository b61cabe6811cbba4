"""The bus network as it is planned: stops, patterns, trips, duties. Static for a service day; read by `v2x.importers`.

Rules:
* A pattern is one sequence of stops along one way; all its trips serve the same stops. Two ways of a line are two patterns.
* Places are metres along the pattern's polyline. A loop or an out-and-back street passes one point of the earth at several places.
* Times are seconds of the service day (noon minus 12 h, GTFS): they may exceed 86,400.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stop:
    id: str
    name: str
    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """`points_m`: (n, 2) east and north of the network's origin. `stop_m`: (stops,) place of each stop, not decreasing."""

    id: str
    line: str
    direction: str
    stops: tuple[str, ...]
    points_m: Floats
    stop_m: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Trip:
    """`arrival_s`, `departure_s`: (stops,) of the service day, not decreasing. `duty`: the vehicle duty it is part of (GTFS: block), ''.

    `sequence`: (stops,) the timetable's own numbers of its stops, increasing; () where it has none.
    """

    id: str
    pattern: str
    arrival_s: Floats
    departure_s: Floats
    duty: str = ""
    sequence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class BusNetwork:
    """Of one service day. `origin_deg`: latitude, longitude of the local plane; `midnight_ns`: epoch of second 0 of the service day."""

    stops: dict[str, Stop]
    patterns: dict[str, Pattern]
    trips: dict[str, Trip]
    origin_deg: tuple[float, float]
    midnight_ns: int
    control_stops: dict[str, tuple[int, ...]] = field(default_factory=dict)  # by pattern: rows of stops where buses may be held
    headway_lines: frozenset[str] = frozenset()  # run by headway, not by timetable
    through_lines: frozenset[str] = frozenset()  # have no terminal here, and stand in the traffic's way at their first stop
