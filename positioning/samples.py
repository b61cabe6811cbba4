"""The samples that enter the core: frozen, SI units, radians, integer nanoseconds.

Rules:
* A value that the sender did not know is NaN (floats) or None (flags); codes for "unavailable" end in `v2x.wire`.
* Headings are clockwise from true north in [0, 2 pi); yaw rates are positive clockwise.
* `measured_ns` is the source's clock brought onto ours, `received_ns` our own clock; both since the Unix epoch.
* Arrays of a sample are never written to after construction.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import nan

import numpy as np
from numpy.typing import NDArray


class ObjectClass(IntEnum):
    """Road users, numbered as in `proto/v2x/v1/common.proto`."""

    UNKNOWN = 0
    CAR = 1
    BUS = 2
    TRUCK = 3
    MOTORCYCLE = 4
    BICYCLE = 5
    PEDESTRIAN = 6
    OBSTACLE = 7
    VAN = 8
    TRAM = 9
    ANIMAL = 10


class Role(IntEnum):
    """What a connected vehicle is used for, numbered as in `vehicle.proto`."""

    UNKNOWN = 0
    PRIVATE = 1
    BUS = 2
    EMERGENCY = 3
    DRIVERLESS = 4
    MAINTENANCE = 5


class FixStatus(IntEnum):
    """How a receiver got its position, numbered as in `vehicle.proto`."""

    UNKNOWN = 0
    NONE = 1
    SINGLE = 2
    DIFFERENTIAL = 3
    RTK_FLOAT = 4
    RTK_FIXED = 5
    DEAD_RECKONING = 6


class Verdict(IntEnum):
    """What became of a message or an object, numbered as in `common.proto`."""

    ACCEPTED = 1
    MALFORMED = 2
    OUT_OF_RANGE = 3
    OVERSIZED = 4
    RATE_LIMITED = 5
    DUPLICATE = 6
    STALE = 7
    CLOCK_JUMP = 8
    OUT_OF_AREA = 9
    UNKNOWN_INTERSECTION = 10
    QUEUE_FULL = 11
    OUT_OF_GATE = 12
    UNKNOWN_ANCHOR = 13


class Detection(IntEnum):
    """Columns of a detection row (float64); NaN = unavailable. One array holds it all, for a frame is read thousands of times a second."""

    LATITUDE_RAD = 0
    LONGITUDE_RAD = 1
    SPEED_MPS = 2
    HEADING_RAD = 3
    ACCELERATION_MPS2 = 4
    YAW_RATE_RADPS = 5
    LENGTH_M = 6
    WIDTH_M = 7
    HEIGHT_M = 8
    POSITION_SIGMA_M = 9
    SPEED_SIGMA_MPS = 10
    HEADING_SIGMA_RAD = 11
    EXISTENCE = 12  # 0..1
    LOCAL_ID = 13  # the station's own number, 0..65535; of a vehicle's own sample unavailable
    OBJECT_CLASS = 14  # `ObjectClass`


DETECTION_COLUMNS = len(Detection)


@dataclass(slots=True, eq=False)  # not frozen: that alone would cost a tenth of a frame's way from bytes into the queue
class RsuFrame:
    """What one roadside station saw at one moment. Never written to after construction.

    rows: float64 (n, DETECTION_COLUMNS), C-contiguous, columns by `Detection`.
    """

    station: str
    intersection: str
    sequence: int
    measured_ns: int
    received_ns: int
    rows: NDArray[np.float64]

    def __post_init__(self) -> None:
        assert self.rows.ndim == 2
        assert self.rows.shape[1] == DETECTION_COLUMNS


@dataclass(frozen=True, slots=True, eq=False)
class MotionSample:
    """What a connected vehicle says of itself.

    `row`: float64 (DETECTION_COLUMNS,), columns by `Detection`; OBJECT_CLASS is `object_class`, LOCAL_ID is unavailable, the speed is
    the wheels'. Without a fix (`fix_status` NONE) the position may be NaN.
    HEADING_SIGMA_RAD is that of a heading that owes nothing to fixes.
    """

    vehicle: str
    intersection: str
    sequence: int
    measured_ns: int
    received_ns: int
    object_class: ObjectClass
    role: Role
    fix_status: FixStatus
    row: NDArray[np.float64]
    brake_applied: bool | None = None
    hazard_lights: bool | None = None
    stability_control_active: bool | None = None
    doors_open: bool | None = None
    load_persons: int | None = None
    satellites: int | None = None  # used in the fix
    correction_age_s: float = nan
    altitude_m: float = nan  # of the fix, above the ellipsoid

    def __post_init__(self) -> None:
        assert self.row.shape == (DETECTION_COLUMNS,)
        assert self.row[Detection.OBJECT_CLASS] == self.object_class


@dataclass(frozen=True, slots=True)
class Anchor:
    """A gNB whose antenna was surveyed, `height_m` above the road."""

    id: str
    latitude_rad: float
    longitude_rad: float
    height_m: float


@dataclass(frozen=True, slots=True, eq=False)
class RangeSample:
    """A connected vehicle's ranges to anchors at one moment. range_m, sigma_m: float64 (n,) in the order of `anchors`, their ids."""

    vehicle: str
    intersection: str
    sequence: int
    measured_ns: int
    received_ns: int
    anchors: tuple[str, ...]
    range_m: NDArray[np.float64]
    sigma_m: NDArray[np.float64]

    def __post_init__(self) -> None:
        assert self.range_m.shape == self.sigma_m.shape == (len(self.anchors),)
