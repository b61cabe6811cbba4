"""Where the two masts stand: on opposite corners of the crossing, as near to its middle as the carriageways allow."""

import numpy as np
from numpy.typing import NDArray

from intersections.geometry import project
from intersections.map import IntersectionMap, LaneKind

CLEARANCE_M = 2.0  # from the edge of any lane that carries vehicles
BEARINGS_RAD = np.radians(np.arange(0.0, 180.0, 10.0))
RADII_M = np.arange(8.0, 60.0, 1.0)
CARRIAGEWAYS = (LaneKind.DRIVING, LaneKind.BUS, LaneKind.INTERNAL, LaneKind.BICYCLE)


def opposite_corners(map: IntersectionMap) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two places (east, north), m, across the crossing's middle from each other."""
    paths = [(connection.path, 3.5) for connection in map.connections]
    paths += [(lane.polyline, lane.width_m) for lane in map.lanes if lane.kind in CARRIAGEWAYS]
    middle = np.mean([np.vstack([connection.path[0], connection.path[-1]]) for connection in map.connections], axis=(0, 1))
    best: tuple[float, NDArray[np.float64], NDArray[np.float64]] | None = None
    for bearing in BEARINGS_RAD:
        direction = np.array([np.sin(bearing), np.cos(bearing)])
        first, second = (_nearest_free(middle, side * direction, paths) for side in (1.0, -1.0))
        if first is not None and second is not None and (best is None or first + second < best[0]):
            best = (first + second, middle + first * direction, middle - second * direction)
    if best is None:
        north = np.array([0.0, RADII_M[-1]])
        return middle + north, middle - north
    return best[1], best[2]


def _nearest_free(middle: NDArray[np.float64], direction: NDArray[np.float64],
                  paths: list[tuple[NDArray[np.float64], float]]) -> float | None:  # fmt: skip
    """The least radius from the middle at which no path comes closer than its half width and the clearance."""
    points = middle + np.outer(RADII_M, direction)
    free = np.ones(len(points), dtype=bool)
    for path, width_m in paths:
        _, distance_m = project(path, points)
        free &= np.abs(distance_m) > width_m / 2.0 + CLEARANCE_M
    return float(RADII_M[np.argmax(free)]) if free.any() else None
