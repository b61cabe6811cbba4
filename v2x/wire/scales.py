"""The one table of scales, ranges and "unavailable" codes, as the field comments of `proto/v2x/v1` give them.

The kernel reads it through `DETECTION_TABLE`, everything else through `si` and `code`.
"""

import math
from enum import IntEnum
from typing import NamedTuple, TypeVar

import numpy as np

from positioning.samples import Detection, Verdict
from v2x.errors import WireError

E = TypeVar("E", bound=IntEnum)

DEGREE = math.pi / 180.0


class Scale(NamedTuple):
    """Codes lowest..highest are taken times `factor`; `unavailable` means the same as leaving the field out."""

    lowest: int
    highest: int
    unavailable: int
    factor: float


LATITUDE = Scale(-900_000_000, 900_000_000, 900_000_001, 1e-7 * DEGREE)
LONGITUDE = Scale(-1_800_000_000, 1_800_000_000, 1_800_000_001, 1e-7 * DEGREE)
HEIGHT_ABOVE_ELLIPSOID = Scale(-4095, 61439, -4096, 0.1)
SPEED = Scale(0, 8190, 8191, 0.02)
HEADING = Scale(0, 28799, 28800, 0.0125 * DEGREE)
ACCELERATION = Scale(-2000, 2000, 2001, 0.01)
YAW_RATE = Scale(-32767, 32767, 32768, 0.01 * DEGREE)
SIZE = Scale(1, 4095, 0, 0.01)
VEHICLE_HEIGHT = Scale(1, 1000, 0, 0.01)
POSITION_ACCURACY = Scale(1, 65534, 65535, 0.01)
SPEED_ACCURACY = Scale(1, 65534, 65535, 0.01)
HEADING_ACCURACY = Scale(1, 28799, 28800, 0.0125 * DEGREE)
EXISTENCE = Scale(0, 100, 101, 0.01)
LOAD_PERSONS = Scale(0, 65534, 65535, 1.0)
CORRECTION_AGE = Scale(0, 65534, 65535, 0.1)
SATELLITES = Scale(0, 254, 255, 1.0)
RANGE = Scale(1, 20_000_000, 0, 0.001)
RANGE_ACCURACY = Scale(1, 2**32 - 1, 0, 0.001)
PROTECTION_LEVEL = Scale(1, 65534, 65535, 0.01)
REQUEST_ID = Scale(0, 255, -1, 1.0)
REQUEST_SEQUENCE = Scale(0, 127, -1, 1.0)
ARRIVAL = Scale(0, 600_000, -1, 0.001)
IMPORTANCE = Scale(0, 14, -1, 1.0)
PERSONS = Scale(0, 200, -1, 1.0)
LATENESS = Scale(-3600, 3600, -(2**31), 1.0)
HEADWAY = Scale(0, 1000, -1, 0.01)
LOCAL_ID = Scale(0, 65535, -1, 1.0)

DETECTION_SCALES = {  # in the order of the columns, which these begin
    Detection.LATITUDE_RAD: LATITUDE,
    Detection.LONGITUDE_RAD: LONGITUDE,
    Detection.SPEED_MPS: SPEED,
    Detection.HEADING_RAD: HEADING,
    Detection.ACCELERATION_MPS2: ACCELERATION,
    Detection.YAW_RATE_RADPS: YAW_RATE,
    Detection.LENGTH_M: SIZE,
    Detection.WIDTH_M: SIZE,
    Detection.HEIGHT_M: SIZE,
    Detection.POSITION_SIGMA_M: POSITION_ACCURACY,
    Detection.SPEED_SIGMA_MPS: SPEED_ACCURACY,
    Detection.HEADING_SIGMA_RAD: HEADING_ACCURACY,
    Detection.EXISTENCE: EXISTENCE,
}
DETECTION_TABLE = np.array(list(DETECTION_SCALES.values()), dtype=np.float64)


def known(kind: type[E], number: int) -> E:
    """The member of that number; the member 0 for a number that a newer minor version has added."""
    return kind(number) if number in kind._value2member_map_ else kind(0)


def si(scale: Scale, raw: int | None) -> float:
    """A code in SI units, NaN where it is absent or unavailable; raises WireError out of range."""
    if raw is None or raw == scale.unavailable:
        return math.nan
    if not scale.lowest <= raw <= scale.highest:
        raise WireError(Verdict.OUT_OF_RANGE, f"{raw} is not in {scale.lowest}..{scale.highest}")
    return raw * scale.factor


def code(scale: Scale, value: float) -> int:
    """The code next to a value in SI units, held to the range; unavailable for NaN."""
    if math.isnan(value):
        return scale.unavailable
    return int(min(max(round(value / scale.factor), scale.lowest), scale.highest))
