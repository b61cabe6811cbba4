"""What a MAP message tells of an intersection, and the map made from it.

A MAP message surveys lanes up to the junction and names which connect; it has no paths through the junction and no right of way.
So paths are drawn as smooth curves, zones follow from them, and pairs are EQUAL except for movements marked to yield always.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from intersections.geometry import Polyline, arc_lengths, without_repeats
from intersections.map import ConflictZone, Connection, Crossing, IntersectionMap, Lane, LaneKind, MapError, Origin, Priority
from intersections.zones import conflict_zones

DEFAULT_SPEED_LIMIT_MPS = 50 / 3.6  # where the message gives none: the usual limit in towns
CURVE_SEGMENTS = 16
ROUNDNESS = 0.39  # control points this part of the chord away make a right-angled turn nearly a circle
TOUCHING_M = 0.1
BACK_M = 0.25  # where two lanes touch, their path begins this far before the joint


@dataclass(frozen=True, slots=True, eq=False)
class SurveyedLane:
    """`polyline` in the direction of travel; a CROSSING is walked both ways. `signal_group` only for crossings."""

    id: str
    kind: LaneKind
    polyline: Polyline
    width_m: float
    speed_limit_mps: float
    signal_group: str = ""

    def __post_init__(self) -> None:
        if len(self.polyline) < 2:
            raise MapError(f"lane {self.id!r}: it has fewer than two distinct points")


@dataclass(frozen=True, slots=True)
class SurveyedMovement:
    ingress: str
    egress: str
    signal_group: str
    yields: bool


@dataclass(frozen=True, slots=True)
class Survey:
    id: str
    origin: Origin
    lanes: tuple[SurveyedLane, ...]
    movements: tuple[SurveyedMovement, ...]


def map_from_survey(survey: Survey, map_id: str | None = None, region: str = "district") -> IntersectionMap:
    lanes = tuple(_lane(lane) for lane in survey.lanes if lane.kind is not LaneKind.CROSSING)
    crossings = tuple(
        Crossing(lane.id, lane.polyline, lane.width_m, lane.signal_group) for lane in survey.lanes if lane.kind is LaneKind.CROSSING
    )
    by_id = {lane.id: lane for lane in lanes}
    connections = tuple(_connections(survey, by_id))
    zones = conflict_zones(by_id, connections, crossings)
    connections = _with_yields(connections, zones, {f"{move.ingress}>{move.egress}" for move in survey.movements if move.yields})
    groups = {connection.signal_group for connection in connections} | {crossing.signal_group for crossing in crossings}
    return IntersectionMap(
        map_id or survey.id, survey.origin, lanes, connections, crossings, zones, tuple(sorted(groups - {""}, key=_natural)), region
    )


def _natural(group: str) -> tuple[int, str]:
    return (int(group) if group.isdigit() else 0, group)


def _lane(lane: SurveyedLane) -> Lane:
    motor = lane.kind in (LaneKind.DRIVING, LaneKind.BUS)
    return Lane(lane.id, lane.kind, lane.polyline, lane.width_m, lane.speed_limit_mps, allows_vehicles=motor)


def _connections(survey: Survey, lane: dict[str, Lane]) -> Iterator[Connection]:
    crossings = {one.id for one in survey.lanes if one.kind is LaneKind.CROSSING}
    for move in survey.movements:
        if crossings & {move.ingress, move.egress}:
            continue  # a crosswalk connects sidewalks, which is no movement of ours
        for id in (move.ingress, move.egress):
            if id not in lane:
                raise MapError(f"connection {move.ingress!r} to {move.egress!r}: lane {id!r} is not in the message")
        ingress, egress = lane[move.ingress], lane[move.egress]
        yield Connection(
            id=f"{ingress.id}>{egress.id}",
            ingress=ingress.id,
            egress=egress.id,
            path=curve(ingress.polyline, egress.polyline),
            priority=Priority.EQUAL,
            signal_group=move.signal_group,
            stop_line_m=round(float(arc_lengths(ingress.polyline)[-1]), 3),
            yields_to=(),
        )


def _with_yields(connections: tuple[Connection, ...], zones: tuple[ConflictZone, ...], yielding: set[str]) -> tuple[Connection, ...]:
    """Movements marked to yield always give way to whatever shares a zone with them and is not marked itself."""
    foes: dict[str, set[str]] = {id: set() for id in yielding}
    for zone in zones:
        for own, other in ((zone.first, zone.second), (zone.second, zone.first)):
            if own in yielding and other not in yielding:
                foes[own].add(other)
    return tuple(
        replace(connection, priority=Priority.YIELD, yields_to=tuple(sorted(foes[connection.id])))
        if connection.id in yielding
        else connection
        for connection in connections
    )


def curve(ingress: Polyline, egress: Polyline) -> Polyline:
    """A cubic Bezier curve that leaves one lane and enters the other in their directions, rounded to millimetres."""
    start, end = ingress[-1], egress[0]
    chord_m = float(np.hypot(*(end - start)))
    leave, enter = _direction(ingress[-2], start), _direction(end, egress[1])
    if chord_m < TOUCHING_M:
        return np.vstack([start - BACK_M * leave, end])
    first, second = start + ROUNDNESS * chord_m * leave, end - ROUNDNESS * chord_m * enter
    t = np.linspace(0.0, 1.0, CURVE_SEGMENTS + 1)[:, None]
    points = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3 * end
    return without_repeats(np.round(points, 3, out=points))


def _direction(start: Polyline, end: Polyline) -> Polyline:
    step = end - start
    return np.asarray(step / np.hypot(*step), dtype=np.float64)
