"""Which frame and epoch a source's coordinates are in, and how they become CGCS2000 or WGS84 coordinates of the filter's epoch.

Rules:
* A source declares its frame once, where it is configured; what it sends is converted at the edge, before the filter sees it.
* The ellipsoids of WGS84 and CGCS2000 differ by 0.1 mm: the same numbers serve both. Their *epochs* do not: eastern Asia drifts about
  3 cm a year, so coordinates of epoch 2000.0 (CGCS2000's) and today's from a satellite receiver lie decimetres apart.
* The plate motion is one rigid rotation; parts of China move up to 1 cm a year differently. It removes most of the shift, not all.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from positioning import gcj02

Floats = NDArray[np.float64]

ITERATIONS = 8  # each divides the error by 1 / eccentricity2 = 150 near the ground
EARLIEST_EPOCH_YEAR, LATEST_EPOCH_YEAR = 1980.0, 2100.0
MILLIARCSECOND_RAD = np.pi / 180 / 3_600_000
EURASIA_RAD_PER_YEAR = np.array([-0.085, -0.531, 0.770]) * MILLIARCSECOND_RAD  # ITRF2014, Altamimi et al. 2017 table 1


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    semi_major_m: float
    flattening: float

    @property
    def eccentricity2(self) -> float:
        return self.flattening * (2 - self.flattening)


WGS84 = Ellipsoid(6378137.0, 1 / 298.257223563)  # NIMA TR8350.2 table 3.1
CGCS2000 = Ellipsoid(6378137.0, 1 / 298.257222101)  # EPSG:1024, of EPSG:4490 (geographic) and EPSG:4479 (geocentric)


class Datum(Enum):
    """What a source calls its coordinates."""

    WGS84 = "wgs84"
    CGCS2000 = "cgcs2000"
    GCJ02 = "gcj02"  # Chinese map services; shifted by hundreds of metres


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """The datum a source's coordinates refer to, and the decimal year in which the ground had them."""

    datum: Datum
    epoch_year: float

    def __post_init__(self) -> None:
        if not EARLIEST_EPOCH_YEAR <= self.epoch_year <= LATEST_EPOCH_YEAR:
            raise ValueError(f"epoch_year must be a year of satellite navigation, not {self.epoch_year}")

    def geodetic_at(self, epoch_year: float, latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> tuple[Floats, Floats]:
        """(n,) and (n,) radians as the source gives them -> the same points' latitude and longitude in the frame of `epoch_year`."""
        latitude, longitude = np.asarray(latitude_rad, dtype=np.float64), np.asarray(longitude_rad, dtype=np.float64)
        if self.datum is Datum.GCJ02:
            latitude, longitude = gcj02.geodetic_from_gcj02(latitude, longitude)
        return moved_with_eurasia(latitude, longitude, epoch_year - self.epoch_year)


def geocentric_from_geodetic(ellipsoid: Ellipsoid, latitude_rad: ArrayLike, longitude_rad: ArrayLike, height_m: ArrayLike) -> Floats:
    """(n,) radians, radians, metres -> (n, 3) earth-centred metres. Groves 2013 eq. 2.112; EPSG method 9602."""
    latitude, longitude, height = (np.asarray(values, dtype=np.float64) for values in (latitude_rad, longitude_rad, height_m))
    normal = ellipsoid.semi_major_m / np.sqrt(1 - ellipsoid.eccentricity2 * np.sin(latitude) ** 2)
    radius = (normal + height) * np.cos(latitude)
    z = (normal * (1 - ellipsoid.eccentricity2) + height) * np.sin(latitude)
    return np.stack(np.broadcast_arrays(radius * np.cos(longitude), radius * np.sin(longitude), z), axis=-1)


def geodetic_from_geocentric(ellipsoid: Ellipsoid, geocentric_m: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """(n, 3) metres -> latitude, longitude in radians and height in metres, for points within 1,000 km of the ground.

    The latitude is that of the point where the normal meets the axis, found again until it stays (Groves 2013 eq. 2.113, iterated).
    """
    x, y, z = np.moveaxis(np.asarray(geocentric_m, dtype=np.float64), -1, 0)
    radius = np.hypot(x, y)
    latitude = np.arctan2(z, radius * (1 - ellipsoid.eccentricity2))
    for _ in range(ITERATIONS):
        normal = ellipsoid.semi_major_m / np.sqrt(1 - ellipsoid.eccentricity2 * np.sin(latitude) ** 2)
        latitude = np.arctan2(z + ellipsoid.eccentricity2 * normal * np.sin(latitude), radius)
    sine, cosine = np.sin(latitude), np.cos(latitude)
    height = radius * cosine + z * sine - ellipsoid.semi_major_m * np.sqrt(1 - ellipsoid.eccentricity2 * sine**2)
    return latitude, np.arctan2(y, x), height


def moved_with_eurasia(latitude_rad: ArrayLike, longitude_rad: ArrayLike, years: float) -> tuple[Floats, Floats]:
    """Latitude and longitude the ground has `years` later, carried by the Eurasian plate (the rotation vector above, linear in time)."""
    ground = geocentric_from_geodetic(WGS84, latitude_rad, longitude_rad, 0.0)
    latitude, longitude, _ = geodetic_from_geocentric(WGS84, ground + np.cross(EURASIA_RAD_PER_YEAR * years, ground))
    return latitude, longitude
