"""From a network's plane through the ellipsoid into a map's own east and north.

A SUMO network's x and y, less its offset, are coordinates of its projection; without one they are taken as metres east and
north of an origin that somebody gives.
"""

import math
from collections.abc import Callable

import numpy as np
import pyproj
from numpy.typing import NDArray

from intersections.geometry import Polyline
from intersections.map import MapError, Origin
from positioning.frames import LocalFrame

Floats = NDArray[np.float64]
Geodetic = tuple[Floats, Floats]  # latitude, longitude, radians
NO_PROJECTION = "!"


def geodetic_from_plane(projection: str, origin: Origin | None) -> Callable[[Floats, Floats], Geodetic]:
    """The inverse of a PROJ projection, as SUMO itself applies it; without one, metres east and north of `origin`."""
    if projection != NO_PROJECTION:
        try:
            plane = pyproj.Proj(projection)
        except pyproj.exceptions.ProjError as error:
            raise MapError(f"the network's projection {projection!r} is not understood: {error}") from error
        return lambda x, y: _inverse(plane, x, y)
    if origin is None:
        raise MapError('the network has no projection (projParameter="!"): give the place of its x = 0, y = 0 with --origin LAT,LON')
    frame = LocalFrame(origin.latitude_rad, origin.longitude_rad, origin.height_m)
    return frame.geodetic_from_enu


def _inverse(plane: pyproj.Proj, x: Floats, y: Floats) -> Geodetic:
    longitude, latitude = plane(x, y, inverse=True, radians=True)
    return np.asarray(latitude), np.asarray(longitude)


def rounded_origin(latitude_rad: float, longitude_rad: float) -> Origin:
    """An origin in whole 1e-7 degrees, so that it is the same in every message and file."""
    return Origin(math.radians(round(math.degrees(latitude_rad), 7)), math.radians(round(math.degrees(longitude_rad), 7)))


def enu_polyline(frame: LocalFrame, latitude_rad: Floats, longitude_rad: Floats) -> Polyline:
    """East and north, rounded to millimetres."""
    points = frame.enu_from_geodetic(latitude_rad, longitude_rad)
    return np.round(points, 3, out=np.empty_like(points)) + 0.0
