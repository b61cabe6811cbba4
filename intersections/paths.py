"""The map flattened to arrays: every element a road user can follow, what comes after it, and what it conflicts with.

Rules:
* An element is a lane, a connection's path or a crossing; elements are numbered in that order of the map.
* Lanes of kind INTERNAL and CROSSING are not elements: connections and crossings already say where they run.
* Nothing here changes after construction; kernels read it without asking Python.
* Paths between lanes side by side before and after are lane changes, not crossing conflicts.
* A merge is a conflict where the paths join, not along the lane that they share: beyond the joint, one follows the other.
"""

import math
from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

from intersections.geometry import arc_lengths, overlaps
from intersections.map import Connection, IntersectionMap, LaneKind, Priority

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

CELL_M = 8.0  # a lane and its neighbours: few segments in each cell
LOCALIZE_REACH_M = 5.0  # an object farther than this from a segment's end or edge is never on it
LATERAL_ACCELERATION_MPS2 = 4.0  # what drivers bear in a turn (AASHTO Green Book 2018, side friction at low speed, rounded up)
MIN_ZONE_M = 1.0  # a shorter overlap is lanes touching at their edges; bodies are narrower than lanes
MERGE_DEPTH_M = 2.0  # how far a merge conflict reaches beyond the joint
U_TURN_RAD = math.radians(150)
MERGE_ANGLE_RAD = math.radians(35)  # paths that lie on each other within this angle run together


class ElementKind(IntEnum):
    LANE = 0
    BICYCLE_LANE = 1
    SIDEWALK = 2
    CONNECTION = 3
    BICYCLE_CONNECTION = 4
    CROSSING = 5


class ZoneRule(IntFlag):
    """What the map says of one zone, from one party's side."""

    OWN_YIELDS = 1
    OTHER_YIELDS = 2
    MERGE = 4


_RANK = {Priority.YIELD: 0, Priority.EQUAL: 1, Priority.MAJOR: 2}
_LANE_KIND = {
    LaneKind.DRIVING: ElementKind.LANE,
    LaneKind.BUS: ElementKind.LANE,
    LaneKind.BICYCLE: ElementKind.BICYCLE_LANE,
    LaneKind.SIDEWALK: ElementKind.SIDEWALK,
}


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Struct of arrays over E elements, P points, S cell entries and Z zone sides (each zone twice, once from each side).

    Points of element e are points[point_start[e]:point_start[e + 1]], with arc lengths `arc_m`. Successors and zones of e
    are rows next_start[e]:next_start[e + 1] and zone_start[e]:zone_start[e + 1]. zone_m columns: own from, own to, other from, other to.
    `stop_back_m`: how far before its start a connection's stop line lies; `curve_mps`: at which speed its bend can be driven;
    `ingress`: the element that leads to it; `controlled`: 1 where its drivers must be ready to stop (a lamp, or right of way of
    others); `u_turn`: 1 where it leads back; `straight`: 1 where its ingress leads straight on as well, by another connection;
    `direction`: the same number for connections of one ingress to lanes side by side, -1 elsewhere.
    A grid of CELL_M lists the segments (by first point) near each cell.
    """

    ids: tuple[str, ...]
    kinds: Bytes
    points: Floats
    arc_m: Floats
    point_start: Ints
    half_width_m: Floats
    length_m: Floats
    next_start: Ints
    next_element: Ints
    stop_back_m: Floats
    curve_mps: Floats
    ingress: Ints
    controlled: Bytes
    u_turn: Bytes
    straight: Bytes
    direction: Ints
    zone_start: Ints
    zone_other: Ints
    zone_m: Floats
    zone_place_m: Floats
    zone_rule: Bytes
    cell_start: Ints
    cell_segment: Ints
    cell_element: Ints
    grid: Floats  # west, south, columns, rows
    groups: tuple[str, ...]  # signal group of each element, '' for none


@dataclass(slots=True, eq=False)
class _Element:
    id: str
    kind: ElementKind
    polyline: Floats
    width_m: float
    connection: Connection | None = None
    group: str = ""


def flatten(map: IntersectionMap) -> Paths:
    """All arrays of the map, in its order of elements."""
    elements = _elements(map)
    index = {element.id: number for number, element in enumerate(elements)}
    points = np.concatenate([element.polyline for element in elements])
    arcs = [arc_lengths(element.polyline) for element in elements]
    point_start = _starts([len(element.polyline) for element in elements])
    successors = _successors(elements, index)
    zones = _zone_sides(map, elements, index)
    cells = _cells(elements, point_start)
    return Paths(
        ids=tuple(index),
        kinds=np.array([element.kind for element in elements], np.uint8),
        points=np.ascontiguousarray(points),
        arc_m=np.concatenate(arcs),
        point_start=point_start,
        half_width_m=np.array([element.width_m / 2 for element in elements]),
        length_m=np.array([arc[-1] for arc in arcs]),
        next_start=_starts([len(row) for row in successors]),
        next_element=np.array([number for row in successors for number in row], np.int32),
        stop_back_m=np.array([_stop_back_m(map, element) for element in elements]),
        curve_mps=np.array([_curve_mps(element) for element in elements]),
        ingress=np.array([index.get(element.connection.ingress, -1) if element.connection else -1 for element in elements], np.int32),
        controlled=np.array([_controlled(element) for element in elements], np.uint8),
        u_turn=np.array([abs(_turned_rad(element)) > U_TURN_RAD for element in elements], np.uint8),
        straight=_straight_beside(elements),
        direction=_directions(map, elements),
        zone_start=_starts([len(rows) for rows in zones]),
        zone_other=np.array([row[0] for rows in zones for row in rows], np.int32),
        zone_m=np.array([row[1] for rows in zones for row in rows], np.float64).reshape(-1, 4),
        zone_place_m=np.array([row[2] for rows in zones for row in rows], np.float64).reshape(-1, 2),
        zone_rule=np.array([row[3] for rows in zones for row in rows], np.uint8),
        cell_start=cells[0],
        cell_segment=cells[1],
        cell_element=cells[2],
        grid=cells[3],
        groups=tuple(element.group for element in elements),
    )


def _elements(map: IntersectionMap) -> list[_Element]:
    lanes = [_Element(lane.id, _LANE_KIND[lane.kind], lane.polyline, lane.width_m) for lane in map.lanes if lane.kind in _LANE_KIND]
    connections = []
    for connection in map.connections:
        ingress, egress = map.lane[connection.ingress], map.lane[connection.egress]
        bicycle = LaneKind.BICYCLE in (ingress.kind, egress.kind)
        kind = ElementKind.BICYCLE_CONNECTION if bicycle else ElementKind.CONNECTION
        width_m = (ingress.width_m + egress.width_m) / 2
        connections.append(_Element(connection.id, kind, connection.path, width_m, connection, connection.signal_group))
    crossings = [
        _Element(crossing.id, ElementKind.CROSSING, crossing.polyline, crossing.width_m, group=crossing.signal_group)
        for crossing in map.crossings
    ]
    return lanes + connections + crossings


def _starts(counts: list[int]) -> Ints:
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int32)


def _successors(elements: list[_Element], index: dict[str, int]) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in elements]
    for number, element in enumerate(elements):
        if element.connection is None:
            continue
        if element.connection.ingress in index:
            rows[index[element.connection.ingress]].append(number)
        if element.connection.egress in index:
            rows[number].append(index[element.connection.egress])
    return rows


def _stop_back_m(map: IntersectionMap, element: _Element) -> float:
    connection = element.connection
    return 0.0 if connection is None else max(0.0, map.length_m(connection.ingress) - connection.stop_line_m)


def _controlled(element: _Element) -> bool:
    connection = element.connection
    return connection is not None and bool(connection.signal_group or connection.yields_to or connection.priority is Priority.YIELD)


def _curve_mps(element: _Element) -> float:
    """Speed at which the mean curvature of the path keeps lateral acceleration bearable; infinite on straight paths."""
    turned_rad = abs(_turned_rad(element))
    if turned_rad < math.radians(20):
        return math.inf
    radius_m = float(arc_lengths(element.polyline)[-1]) / turned_rad
    return math.sqrt(LATERAL_ACCELERATION_MPS2 * radius_m)


def _straight_beside(elements: list[_Element]) -> Bytes:
    """1 for turns from lanes that also lead straight on."""
    ahead = {e.connection.ingress for e in elements if e.connection and math.isinf(_curve_mps(e))}
    return np.array([bool(e.connection and e.connection.ingress in ahead and not math.isinf(_curve_mps(e))) for e in elements], np.uint8)


def _directions(map: IntersectionMap, elements: list[_Element]) -> Ints:
    """Connections from one lane that lead the same way are one movement; each movement is named by its first element."""
    numbers = np.full(len(elements), -1, np.int32)
    for row, element in enumerate(elements):
        if element.connection is None:
            continue
        same = (
            other
            for other in range(row)
            if (before := elements[other].connection) is not None
            and before.ingress == element.connection.ingress
            and _parallel(map, elements[other], element)
        )
        numbers[row] = next(same, row)
    return numbers


def _turned_rad(element: _Element) -> float:
    """How far a connection turns from its first to its last segment, clockwise."""
    steps = np.diff(element.polyline, axis=0)
    headings = np.unwrap(np.arctan2(steps[:, 0], steps[:, 1]))
    return 0.0 if element.connection is None else float(headings[-1] - headings[0])


ZoneSide = tuple[int, tuple[float, float, float, float], tuple[float, float], int]


def _zone_sides(map: IntersectionMap, elements: list[_Element], index: dict[str, int]) -> list[list[ZoneSide]]:
    """The map's zones and those of lanes with crossings (a crossing may lie before the junction), from both sides."""
    sides: list[list[ZoneSide]] = [[] for _ in elements]
    for zone in map.zones:
        if zone.first in index and zone.second in index:
            intervals = (zone.first_from_m, zone.first_to_m, zone.second_from_m, zone.second_to_m)
            _add_zone(map, sides, elements, index[zone.first], index[zone.second], intervals, (zone.east_m, zone.north_m))
    lanes = [number for number, element in enumerate(elements) if element.kind in (ElementKind.LANE, ElementKind.BICYCLE_LANE)]
    crossings = [number for number, element in enumerate(elements) if element.kind is ElementKind.CROSSING]
    for lane in lanes:
        for crossing in crossings:
            first, second = elements[lane], elements[crossing]
            for overlap in overlaps(first.polyline, first.width_m, second.polyline, second.width_m):
                intervals = (overlap.first_from_m, overlap.first_to_m, overlap.second_from_m, overlap.second_to_m)
                _add_zone(map, sides, elements, lane, crossing, intervals, (overlap.x_m, overlap.y_m))
    return sides


def _add_zone(
    map: IntersectionMap,
    sides: list[list[ZoneSide]],
    elements: list[_Element],
    first: int,
    second: int,
    intervals: tuple[float, float, float, float],
    place_m: tuple[float, float],
) -> None:
    first_from_m, first_to_m, second_from_m, second_to_m = intervals
    crossing = elements[second].kind is ElementKind.CROSSING
    if min(first_to_m - first_from_m, second_to_m - second_from_m) < MIN_ZONE_M:
        return
    if not crossing and _parallel(map, elements[first], elements[second]):
        return
    rule = _rule(elements[first], elements[second])
    if not crossing and _runs_together(elements[first], elements[second], intervals):
        rule |= ZoneRule.MERGE
        first_to_m = min(first_to_m, first_from_m + MERGE_DEPTH_M)
        second_to_m = min(second_to_m, second_from_m + MERGE_DEPTH_M)
    mirrored = (rule & ZoneRule.MERGE) | (rule & 1) << 1 | (rule & 2) >> 1
    sides[first].append((second, (first_from_m, first_to_m, second_from_m, second_to_m), place_m, int(rule)))
    sides[second].append((first, (second_from_m, second_to_m, first_from_m, first_to_m), place_m, int(mirrored)))


def _rule(first: _Element, second: _Element) -> ZoneRule:
    """Who yields by the map: named right of way first, then priority; over a crossing, vehicles let pedestrians go."""
    if second.kind is ElementKind.CROSSING:
        return ZoneRule.OWN_YIELDS
    assert first.connection is not None  # zones of the map name connections and crossings only
    assert second.connection is not None
    if second.id in first.connection.yields_to:
        return ZoneRule.OWN_YIELDS
    if first.id in second.connection.yields_to:
        return ZoneRule.OTHER_YIELDS
    difference = _RANK[first.connection.priority] - _RANK[second.connection.priority]
    return ZoneRule.OTHER_YIELDS if difference > 0 else ZoneRule.OWN_YIELDS if difference < 0 else ZoneRule(0)


def _parallel(map: IntersectionMap, first: _Element, second: _Element) -> bool:
    """Whether both come from lanes side by side and go on to lanes side by side."""
    one, other = first.connection, second.connection
    assert one is not None  # as in `_rule`
    assert other is not None
    arriving = _heading(map.lane[one.ingress].polyline, math.inf) - _heading(map.lane[other.ingress].polyline, math.inf)
    leaving = _heading(map.lane[one.egress].polyline, 0.0) - _heading(map.lane[other.egress].polyline, 0.0)
    return all(abs(math.remainder(angle, math.tau)) < MERGE_ANGLE_RAD for angle in (arriving, leaving))


def _runs_together(first: _Element, second: _Element, intervals: tuple[float, float, float, float]) -> bool:
    """Whether the two paths point the same way at the end of their common stretch."""
    angle = _heading(first.polyline, intervals[1]) - _heading(second.polyline, intervals[3])
    return abs(math.remainder(angle, math.tau)) < MERGE_ANGLE_RAD


def _heading(polyline: Floats, arc_m: float) -> float:
    arcs = arc_lengths(polyline)
    segment = int(np.clip(np.searchsorted(arcs, arc_m) - 1, 0, len(polyline) - 2))
    east_m, north_m = polyline[segment + 1] - polyline[segment]
    return math.atan2(east_m, north_m)


def _cells(elements: list[_Element], point_start: Ints) -> tuple[Ints, Ints, Ints, Floats]:
    """Segments near each cell of a uniform grid: cell starts, first points, elements, and the grid itself."""
    everything = np.concatenate([element.polyline for element in elements])
    west, south = everything.min(axis=0) - LOCALIZE_REACH_M - CELL_M
    columns, rows = (int(size) for size in np.ceil((everything.max(axis=0) + LOCALIZE_REACH_M + CELL_M - (west, south)) / CELL_M))
    cells: list[list[tuple[int, int]]] = [[] for _ in range(columns * rows)]
    for number, element in enumerate(elements):
        reach_m = element.width_m / 2 + LOCALIZE_REACH_M
        for segment in range(len(element.polyline) - 1):
            ends = element.polyline[segment : segment + 2]
            low = np.floor((ends.min(axis=0) - reach_m - (west, south)) / CELL_M).astype(int)
            high = np.floor((ends.max(axis=0) + reach_m - (west, south)) / CELL_M).astype(int)
            for row in range(max(0, low[1]), min(rows, high[1] + 1)):
                for column in range(max(0, low[0]), min(columns, high[0] + 1)):
                    centre = np.array([west + (column + 0.5) * CELL_M, south + (row + 0.5) * CELL_M])
                    if _segment_distance_m(ends, centre) <= reach_m + CELL_M * math.sqrt(0.5):
                        cells[row * columns + column].append((int(point_start[number]) + segment, number))
    entries = [entry for cell in cells for entry in cell]
    segments, numbers = (np.array(column, np.int32) for column in zip(*entries, strict=True))
    return _starts([len(cell) for cell in cells]), segments, numbers, np.array([west, south, columns, rows])


def _segment_distance_m(ends: Floats, point: Floats) -> float:
    step = ends[1] - ends[0]
    part = float(np.clip((point - ends[0]) @ step / (step @ step), 0.0, 1.0))
    return float(np.hypot(*(point - ends[0] - part * step)))
