"""GCJ-02, the shifted coordinates of Chinese map services, to WGS84 and back: an edge codec, never inside the filter.

The forward formula is the publicly known one (there is no published standard of it); the inverse iterates it until both agree.

Rules:
* Outside the formula's box there is no shift: identity both ways, decided by the coordinates given.
* The box is wider than China. Along its edge the shift jumps by up to 1 km, so there, at sea and abroad, no inverse can exist.
* NaN in, NaN out.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SOUTH_DEG, NORTH_DEG, WEST_DEG, EAST_DEG = 0.8293, 55.8271, 72.004, 137.8347
CENTRE_LATITUDE_DEG, CENTRE_LONGITUDE_DEG = 35.0, 105.0
KRASOVSKY_SEMI_MAJOR_M = 6378245.0
KRASOVSKY_ECCENTRICITY2 = 0.00669342162296594323
ITERATIONS = 8  # the shift changes by under 3 % of the way: 1 km becomes less than a nanometre


def gcj02_from_geodetic(latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> tuple[Floats, Floats]:
    """(n,) and (n,) WGS84 radians -> GCJ-02 radians."""
    latitude, longitude = np.asarray(latitude_rad, dtype=np.float64), np.asarray(longitude_rad, dtype=np.float64)
    inside = _in_box(latitude, longitude)
    north, east = _shift(latitude, longitude)
    return np.where(inside, latitude + north, latitude), np.where(inside, longitude + east, longitude)


def geodetic_from_gcj02(latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> tuple[Floats, Floats]:
    """(n,) and (n,) GCJ-02 radians -> WGS84 radians."""
    latitude, longitude = np.asarray(latitude_rad, dtype=np.float64), np.asarray(longitude_rad, dtype=np.float64)
    inside = _in_box(latitude, longitude)
    true_latitude, true_longitude = latitude, longitude
    for _ in range(ITERATIONS):
        north, east = _shift(true_latitude, true_longitude)
        true_latitude, true_longitude = latitude - north, longitude - east
    return np.where(inside, true_latitude, latitude), np.where(inside, true_longitude, longitude)


def _in_box(latitude_rad: Floats, longitude_rad: Floats) -> NDArray[np.bool_]:
    latitude, longitude = np.degrees(latitude_rad), np.degrees(longitude_rad)
    return (latitude >= SOUTH_DEG) & (latitude <= NORTH_DEG) & (longitude >= WEST_DEG) & (longitude <= EAST_DEG)


def _shift(latitude_rad: Floats, longitude_rad: Floats) -> tuple[Floats, Floats]:
    """Radians of latitude and longitude that GCJ-02 adds; x and y are degrees from the formula's centre."""
    x, y = np.degrees(longitude_rad) - CENTRE_LONGITUDE_DEG, np.degrees(latitude_rad) - CENTRE_LATITUDE_DEG
    root, product = np.sqrt(np.abs(x)), x * y
    ripple = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north_m = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * product + 0.2 * root
    north_m += (ripple + _waves(y, (20, 1), (40, 1 / 3), (160, 1 / 12), (320, 1 / 30))) * 2 / 3
    east_m = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * product + 0.1 * root
    east_m += (ripple + _waves(x, (20, 1), (40, 1 / 3), (150, 1 / 12), (300, 1 / 30))) * 2 / 3
    w = 1 - KRASOVSKY_ECCENTRICITY2 * np.sin(latitude_rad) ** 2
    normal = KRASOVSKY_SEMI_MAJOR_M / np.sqrt(w)
    return north_m / (normal * (1 - KRASOVSKY_ECCENTRICITY2) / w), east_m / (normal * np.cos(latitude_rad))


def _waves(degrees: Floats, *terms: tuple[float, float]) -> Floats:
    total = np.zeros_like(degrees)
    for amplitude, frequency in terms:
        total += amplitude * np.sin(frequency * np.pi * degrees)
    return total
