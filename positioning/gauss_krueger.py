"""Gauss-Krueger 3-degree zones on the CGCS2000 ellipsoid: the plane coordinates of Chinese surveys (EPSG:4513-4533 and 4534-4554).

Surveyed stations and maps come in these coordinates, a few thousand points at start: speed does not matter, so there is no kernel. The
series is our own, because 40 lines need no PROJ database at run time and give pyproj, which tests hold them to, something to check.

Rules:
* The series is Krueger's in the third flattening, through n^4 (Karney 2011, J. Geodesy 85, eq. 35 and 36): below 1 micrometre in a zone.
* Northing counts from the equator; easting carries 500 km, and before it the zone's number where the plane is a numbered one.
* NaN in, NaN out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from positioning.geodesy import CGCS2000

Floats = NDArray[np.float64]

ZONE_WIDTH_DEG = 3
FIRST_ZONE, LAST_ZONE = 25, 45  # central meridians 75 to 135 degrees east
FALSE_EASTING_M = 500_000.0
ZONE_PREFIX_M = 1_000_000.0
ITERATIONS = 7  # each divides the error by 1 / eccentricity2 = 150

_ECCENTRICITY = float(np.sqrt(CGCS2000.eccentricity2))
_N = CGCS2000.flattening / (2 - CGCS2000.flattening)  # third flattening
_RECTIFYING_RADIUS_M = CGCS2000.semi_major_m / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_POWERS = _N ** np.arange(1, 5)
_PLANE_FROM_SPHERE = _POWERS @ np.array(
    [[1 / 2, 0, 0, 0], [-2 / 3, 13 / 48, 0, 0], [5 / 16, -3 / 5, 61 / 240, 0], [41 / 180, 557 / 1440, -103 / 140, 49561 / 161280]]
)
_SPHERE_FROM_PLANE = _POWERS @ np.array(
    [[1 / 2, 0, 0, 0], [-2 / 3, 1 / 48, 0, 0], [37 / 96, 1 / 15, 17 / 480, 0], [-1 / 360, -437 / 1440, -37 / 840, 4397 / 161280]]
)


@dataclass(frozen=True, slots=True)
class GaussKruegerZone:
    """One 3-degree zone; `numbered` planes write the zone's number before the easting (EPSG:4513-4533), the others do not (4534-4554)."""

    number: int
    numbered: bool = True

    def __post_init__(self) -> None:
        if not FIRST_ZONE <= self.number <= LAST_ZONE:
            raise ValueError(f"China's 3-degree zones are {FIRST_ZONE} to {LAST_ZONE}, not {self.number}")

    @property
    def central_meridian_rad(self) -> float:
        return float(np.radians(ZONE_WIDTH_DEG * self.number))

    @property
    def false_easting_m(self) -> float:
        return FALSE_EASTING_M + (ZONE_PREFIX_M * self.number if self.numbered else 0.0)

    @property
    def epsg(self) -> int:
        return (4513 if self.numbered else 4534) + self.number - FIRST_ZONE

    def plane_from_geodetic(self, latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> tuple[Floats, Floats]:
        """(n,) and (n,) radians on EPSG:4490 -> northing (n,), easting (n,) metres."""
        latitude = np.asarray(latitude_rad, dtype=np.float64)
        turn = np.asarray(longitude_rad, dtype=np.float64) - self.central_meridian_rad
        sine = np.sin(latitude)
        conformal = np.sinh(np.arctanh(sine) - _ECCENTRICITY * np.arctanh(_ECCENTRICITY * sine))  # tangent of the conformal latitude
        north = np.arctan2(conformal, np.cos(turn))
        east = np.arcsinh(np.sin(turn) / np.hypot(conformal, np.cos(turn)))
        north, east = _with_series(north, east, _PLANE_FROM_SPHERE)
        return _RECTIFYING_RADIUS_M * north, self.false_easting_m + _RECTIFYING_RADIUS_M * east

    def geodetic_from_plane(self, northing_m: ArrayLike, easting_m: ArrayLike) -> tuple[Floats, Floats]:
        """(n,) and (n,) metres -> latitude (n,), longitude (n,) radians on EPSG:4490."""
        north = np.asarray(northing_m, dtype=np.float64) / _RECTIFYING_RADIUS_M
        east = (np.asarray(easting_m, dtype=np.float64) - self.false_easting_m) / _RECTIFYING_RADIUS_M
        north, east = _with_series(north, east, -_SPHERE_FROM_PLANE)
        conformal = np.arcsinh(np.sin(north) / np.hypot(np.sinh(east), np.cos(north)))
        sine = np.tanh(conformal)
        for _ in range(ITERATIONS):
            sine = np.tanh(conformal + _ECCENTRICITY * np.arctanh(_ECCENTRICITY * sine))
        return np.arcsin(sine), self.central_meridian_rad + np.arctan2(np.sinh(east), np.cos(north))


def zone_of(longitude_rad: float, *, numbered: bool = True) -> GaussKruegerZone:
    """The zone whose central meridian is nearest."""
    return GaussKruegerZone(int(np.floor(np.degrees(longitude_rad) / ZONE_WIDTH_DEG + 0.5)), numbered)


def _with_series(north: Floats, east: Floats, coefficients: Floats) -> tuple[Floats, Floats]:
    """Both coordinates plus their trigonometric series in the doubled angle."""
    more_north, more_east = np.zeros_like(north), np.zeros_like(east)
    for order, coefficient in enumerate(coefficients, 1):
        more_north += coefficient * np.sin(2 * order * north) * np.cosh(2 * order * east)
        more_east += coefficient * np.cos(2 * order * north) * np.sinh(2 * order * east)
    return north + more_north, east + more_east
