"""Polylines on the plane: arc lengths, points along them, distances, and where two swept strips overlap.

Rules:
* A polyline is float64 (n, 2), n >= 2, metres, without coinciding neighbours; positions along it are arc lengths from its first vertex.
* A strip is a polyline with a width: what a road user of that width sweeps on its way, cut square at both ends.
* Nothing here knows what a lane is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Polyline = NDArray[np.float64]
Floats = NDArray[np.float64]

MIN_STEP_M = 0.01  # vertices nearer than this say nothing about the direction
OVERLAP_STEP_M = 0.1  # how finely overlaps are found along a strip; half a vehicle's position noise
_OVERLAP_OFFSETS = np.linspace(-0.5, 0.5, 13)  # across it, as parts of the width; both edges included


@dataclass(frozen=True, slots=True)
class Overlap:
    """Where two strips lie on each other: an interval of arc lengths on each, and the middle of the common area."""

    first_from_m: float
    first_to_m: float
    second_from_m: float
    second_to_m: float
    x_m: float
    y_m: float


def arc_lengths(polyline: Polyline) -> Floats:
    """Arc length at each vertex, float64 (n,), starting at 0."""
    steps = np.hypot(*np.diff(polyline, axis=0).T)
    return np.concatenate(([0.0], np.cumsum(steps)))


def without_repeats(points: Polyline) -> Polyline:
    """The polyline without vertices that (nearly) repeat their predecessor; its two ends stay where they are."""
    kept = [points[0]]
    for point in points[1:]:
        if np.hypot(*(point - kept[-1])) >= MIN_STEP_M:
            kept.append(point)
    kept[-1] = points[-1] if len(kept) > 1 else kept[-1]
    while len(kept) > 2 and np.hypot(*(kept[-1] - kept[-2])) < MIN_STEP_M:
        del kept[-2]
    return np.array(kept, dtype=np.float64)


def points_at(polyline: Polyline, arcs_m: Floats) -> tuple[Polyline, Polyline]:
    """Points at the given arc lengths and the unit tangents there, each (m, 2)."""
    lengths = arc_lengths(polyline)
    steps = np.diff(polyline, axis=0)
    tangents = steps / np.diff(lengths)[:, None]
    segment = np.clip(np.searchsorted(lengths, arcs_m, side="right") - 1, 0, len(steps) - 1)
    return polyline[segment] + (arcs_m - lengths[segment])[:, None] * tangents[segment], tangents[segment]


def project(polyline: Polyline, points: Polyline) -> tuple[Floats, Floats]:
    """Arc length of the nearest place on the polyline and the distance to it, each (m,)."""
    starts, steps = polyline[:-1], np.diff(polyline, axis=0)
    squared = np.einsum("ij,ij->i", steps, steps)
    relative = points[:, None, :] - starts[None]
    part = np.clip(np.einsum("mij,ij->mi", relative, steps) / squared, 0.0, 1.0)
    away = relative - part[..., None] * steps
    distance = np.hypot(away[..., 0], away[..., 1])
    nearest = np.argmin(distance, axis=1)
    row = np.arange(len(points))
    return (arc_lengths(polyline)[nearest] + part[row, nearest] * np.sqrt(squared[nearest])), distance[row, nearest]


def crosses(first: Polyline, second: Polyline) -> bool:
    """Whether the two centre lines properly intersect."""
    a, r = first[:-1, None], np.diff(first, axis=0)[:, None]
    b, s = second[None, :-1], np.diff(second, axis=0)[None]
    determinant = r[..., 0] * s[..., 1] - r[..., 1] * s[..., 0]
    between = b - a
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (between[..., 0] * s[..., 1] - between[..., 1] * s[..., 0]) / determinant
        u = (between[..., 0] * r[..., 1] - between[..., 1] * r[..., 0]) / determinant
    return bool(np.any((determinant != 0) & (t > 0) & (t < 1) & (u > 0) & (u < 1)))


def overlaps(first: Polyline, first_width_m: float, second: Polyline, second_width_m: float) -> list[Overlap]:
    """Where the two strips overlap, one entry per connected stretch of the first; ends are found to OVERLAP_STEP_M.

    The first strip is sampled as a grid; a sample belongs to the overlap if it lies inside the second strip. Arc lengths on
    the first are those of the grid, arc lengths on the second come from projection, so one pass gives both intervals.
    """
    reach_m = (first_width_m + second_width_m) / 2
    if np.any(first.min(axis=0) - reach_m > second.max(axis=0)) or np.any(second.min(axis=0) - reach_m > first.max(axis=0)):
        return []
    length_m = float(arc_lengths(first)[-1])
    arcs = np.linspace(0.0, length_m, max(2, int(np.ceil(length_m / OVERLAP_STEP_M)) + 1))
    centres, tangents = points_at(first, arcs)
    near = project(second, centres)[1] <= reach_m
    if not near.any():
        return []
    arcs, centres, tangents, index = arcs[near], centres[near], tangents[near], np.flatnonzero(near)
    left = np.column_stack((-tangents[:, 1], tangents[:, 0]))
    grid = centres[:, None] + (_OVERLAP_OFFSETS * first_width_m)[None, :, None] * left[:, None]
    second_arcs, inside = _inside(second, second_width_m, grid.reshape(-1, 2))
    second_arcs, inside = second_arcs.reshape(grid.shape[:2]), inside.reshape(grid.shape[:2])
    touched = np.flatnonzero(inside.any(axis=1))
    runs = np.split(touched, np.flatnonzero(np.diff(index[touched]) > 1) + 1) if len(touched) else []
    return [_overlap(arcs[run], second_arcs[run], inside[run], grid[run]) for run in runs]


def _inside(strip: Polyline, width_m: float, points: Polyline) -> tuple[Floats, NDArray[np.bool_]]:
    """Arc lengths of the points on the strip's centre line and whether they lie in the strip, which ends square."""
    arcs, distance = project(strip, points)
    before = (points - strip[0]) @ (strip[1] - strip[0]) < -1e-9
    beyond = (points - strip[-1]) @ (strip[-1] - strip[-2]) > 1e-9
    length_m = arc_lengths(strip)[-1]
    outside_end = (before & (arcs <= 0.0)) | (beyond & (arcs >= length_m))
    return arcs, (distance <= width_m / 2 + 1e-9) & ~outside_end


def _overlap(first_arcs: Floats, second_arcs: Floats, inside: NDArray[np.bool_], grid: Polyline) -> Overlap:
    common, seconds = grid[inside], second_arcs[inside]
    middle = common.mean(axis=0)
    return Overlap(
        float(first_arcs[0]), float(first_arcs[-1]), float(seconds.min()), float(seconds.max()), float(middle[0]), float(middle[1])
    )
