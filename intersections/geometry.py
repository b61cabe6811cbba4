"""Polylines on the plane: arc lengths, points along them, offsets, and where two swept paths overlap.

Rules:
* A polyline is float64 (n, 2), n >= 2, metres; positions along it are arc lengths from its first vertex.
* Nothing here knows what a lane is.
"""

import numpy as np
from numpy.typing import NDArray

Polyline = NDArray[np.float64]


def arc_lengths(polyline: Polyline) -> NDArray[np.float64]:
    """Arc length at each vertex, float64 (n,), starting at 0."""
    steps = np.hypot(*np.diff(polyline, axis=0).T)
    return np.concatenate(([0.0], np.cumsum(steps)))
