"""Local east-north plane of an intersection on the WGS84 ellipsoid (CGCS2000 differs by less than 0.2 mm).

Rules:
* A point without a height is taken to lie at the origin's height; then east and north are exact, at any distance.
* NaN in, NaN out; what cannot lie on the earth becomes NaN, never an exception.
* The kernel `positioning._frames` and the NumPy twins below hold the same equations; tests compare both with pyproj.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from positioning import _frames

Floats = NDArray[np.float64]

SEMI_MAJOR_M = 6378137.0  # WGS84 (NIMA TR8350.2 table 3.1)
FLATTENING = 1 / 298.257223563
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)
ITERATIONS = 30  # each divides the error by about earth radius / distance
CLOSE_ENOUGH_M = 1e-8


@dataclass(frozen=True, slots=True)
class LocalFrame:
    """East and north in metres about an origin in WGS84 radians and metres above the ellipsoid."""

    latitude_rad: float
    longitude_rad: float
    height_m: float = 0.0

    def __post_init__(self) -> None:
        if not abs(self.latitude_rad) < np.pi / 2:  # at a pole there is no east
            raise ValueError(f"latitude_rad must lie inside (-pi/2, pi/2), not {self.latitude_rad}")
        if not abs(self.longitude_rad) <= np.pi:
            raise ValueError(f"longitude_rad must lie in [-pi, pi], not {self.longitude_rad}")
        if not -12_000 < self.height_m < 100_000:
            raise ValueError(f"height_m must lie between the deepest trench and space, not {self.height_m}")

    def enu_from_geodetic(self, latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> Floats:
        """(n,) and (n,) radians -> (n, 2) metres east and north."""
        latitude, longitude = _columns(latitude_rad, longitude_rad)
        enu = np.empty((len(latitude), 2))
        _frames.enu_from_geodetic(self.latitude_rad, self.longitude_rad, self.height_m, latitude, longitude, enu)
        return enu

    def geodetic_from_enu(self, east_m: ArrayLike, north_m: ArrayLike) -> tuple[Floats, Floats]:
        """(n,) and (n,) metres -> latitude (n,), longitude (n,) radians of the point at the origin's height."""
        east, north = _columns(east_m, north_m)
        geodetic = np.empty((len(east), 2))
        _frames.geodetic_from_enu(self.latitude_rad, self.longitude_rad, self.height_m, east, north, geodetic)
        return geodetic[:, 0].copy(), _wrapped(geodetic[:, 1])


def _columns(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim == other.ndim == 0:
        one, other = one[None], other[None]
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(f"two columns of one length wanted, not {one.shape} and {other.shape}")
    return one, other


def _wrapped(longitude_rad: Floats) -> Floats:
    return np.asarray(np.mod(longitude_rad + np.pi, 2 * np.pi) - np.pi)


def enu_by_numpy(frame: LocalFrame, latitude: Floats, longitude: Floats) -> Floats:
    """Twin of the kernel. Groves 2013 eq. 2.112 and 2.150, turned about the axis by the origin's longitude first."""
    radius, z = _axis_and_height(latitude, frame.height_m)
    radius0, z0 = _axis_and_height(np.float64(frame.latitude_rad), frame.height_m)
    turn = longitude - frame.longitude_rad
    inward = radius * np.cos(turn) - radius0
    north = np.cos(frame.latitude_rad) * (z - z0) - np.sin(frame.latitude_rad) * inward
    return np.column_stack([radius * np.sin(turn), north])


def geodetic_by_numpy(frame: LocalFrame, east: Floats, north: Floats) -> Floats:
    """Twin of the kernel: correct latitude and longitude by what the forward equations still miss."""
    latitude = np.full_like(east, frame.latitude_rad)
    longitude = np.full_like(east, frame.longitude_rad)
    for _ in range(ITERATIONS):
        missed = np.column_stack([east, north]) - enu_by_numpy(frame, latitude, longitude)
        far = ~(np.abs(missed).sum(axis=1) < CLOSE_ENOUGH_M)
        w = 1 - ECCENTRICITY2 * np.sin(latitude) ** 2
        normal = SEMI_MAJOR_M / np.sqrt(w)
        latitude = np.where(far, latitude + missed[:, 1] / (normal * (1 - ECCENTRICITY2) / w + frame.height_m), latitude)
        longitude = np.where(far, longitude + missed[:, 0] / ((normal + frame.height_m) * np.cos(latitude)), longitude)
    return np.where(far[:, None], np.nan, np.column_stack([latitude, longitude]))


def _axis_and_height(latitude: Floats | np.float64, height_m: float) -> tuple[Floats, Floats]:
    """Distance from the earth's axis, and from the equator's plane."""
    normal = SEMI_MAJOR_M / np.sqrt(1 - ECCENTRICITY2 * np.sin(latitude) ** 2)
    return np.asarray((normal + height_m) * np.cos(latitude)), np.asarray((normal * (1 - ECCENTRICITY2) + height_m) * np.sin(latitude))
