"""Conflict zones from geometry: where the swept paths of two movements, or of a movement and a crossing, overlap.

Rules:
* Two connections from the same ingress lane diverge: whoever is behind follows, so they have no zone.
* Two connections into the same egress lane merge: their zone reaches to the end of both paths.
* Others conflict where their centre lines cross, or where the source of the map names them foes.
* A path is as wide as the mean of its ingress and egress lane; paths that only pass side by side have no zone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

from intersections.geometry import Polyline, crosses, overlaps
from intersections.map import ConflictZone, Connection, Crossing, Lane

MIN_ZONE_M = 0.2  # a shorter touch of two strips' edges is the width's inaccuracy, not a place to collide

Foes = Collection[frozenset[str]]


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    id: str
    path: Polyline
    width_m: float


def conflict_zones(
    lanes: Mapping[str, Lane], connections: Collection[Connection], crossings: Collection[Crossing], foes: Foes | None = None
) -> tuple[ConflictZone, ...]:
    """All zones, in the order of their connections. `foes` limits the pairs where the source knows which conflict."""
    width_m = {c.id: (lanes[c.ingress].width_m + lanes[c.egress].width_m) / 2 for c in connections}
    strip = {c.id: _Strip(c.id, c.path, width_m[c.id]) for c in connections}
    zones: list[ConflictZone] = []
    for first, second in combinations(connections, 2):
        if _conflict(first, second, foes):
            zones += _zones(strip[first.id], strip[second.id])
    for connection in connections:
        for crossing in crossings:
            if foes is None or frozenset((connection.id, crossing.id)) in foes:
                zones += _zones(strip[connection.id], _Strip(crossing.id, crossing.polyline, crossing.width_m))
    return tuple(zones)


def _conflict(first: Connection, second: Connection, foes: Foes | None) -> bool:
    if first.ingress == second.ingress:
        return False
    if foes is not None:
        return frozenset((first.id, second.id)) in foes
    return first.egress == second.egress or crosses(first.path, second.path)


def _zones(first: _Strip, second: _Strip) -> list[ConflictZone]:
    return [
        ConflictZone(
            first=first.id,
            second=second.id,
            first_from_m=round(overlap.first_from_m, 3),
            first_to_m=round(overlap.first_to_m, 3),
            second_from_m=round(overlap.second_from_m, 3),
            second_to_m=round(overlap.second_to_m, 3),
            east_m=round(overlap.x_m, 3),
            north_m=round(overlap.y_m, 3),
        )
        for overlap in overlaps(first.path, first.width_m, second.path, second.width_m)
        if min(overlap.first_to_m - overlap.first_from_m, overlap.second_to_m - overlap.second_from_m) >= MIN_ZONE_M
    ]
