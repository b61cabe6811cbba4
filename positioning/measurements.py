"""What enters and leaves the fusion core: struct-of-arrays batches of measurements, and positions that say how far they can be believed.

Rules:
* One row is one measurement of one vehicle with its own time; any subset of kinds, in any order.
* A value that the sender did not know is NaN. Headings are clockwise from true north, yaw rates positive clockwise.
* Rows of one vehicle and one `measured_ns` are one epoch; kinds are applied in the order of their numbers.
"""

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from positioning.samples import Verdict

VALUES = 8  # columns of `MeasurementBatch.values`; those a kind does not use are not read


class Kind(IntEnum):
    """What a row measures, and its columns in `values`."""

    WHEEL_SPEED = 1  # speed_mps at measured_ns, >= 0 forward
    STANDSTILL = 2  # no columns: the vehicle says that it stands
    YAW_RATE = 3  # yaw_rate_radps: the mean over the interval that ended at measured_ns
    FIX = 4  # latitude_rad, longitude_rad, height_m, status (`FixStatus`), satellites, age_s,
    # horizontal_sigma_m (as the receiver claims), source (row of the engine's declared sources; NaN: the first)
    VELOCITY = 5  # east_mps, north_mps, sigma_mps (per axis), satellites
    HEADING = 6  # heading_rad, sigma_rad
    RANGE = 7  # range_m (5G round trip or UWB), anchor (row of the engine's anchors)
    TDOA = 8  # difference_m (range to anchor - range to reference), anchor, reference
    ANGLE_OF_ARRIVAL = 9  # bearing_rad from the anchor to the vehicle, sigma_rad, anchor
    ROADSIDE_DETECTION = 10  # latitude_rad, longitude_rad, sigma_m (per axis): a raw detection, never a track's estimate
    LANE = 11  # latitude_rad, longitude_rad of a point of the centre line, heading_rad of the line there, sigma_m across
    # pseudorange_m without atmosphere and satellite clock, satellite ECEF x, y, z m, carrier_to_noise_dbhz, elevation_rad,
    # system (0 GPS, 1 GLONASS, 2 Galileo, 3 BeiDou, 4 QZSS, 5 SBAS), satellite
    PSEUDORANGE = 12


@dataclass(frozen=True, slots=True, eq=False)
class MeasurementBatch:
    """n measurements: kind uint8 (n,), vehicle int64 (n,) >= 0, measured_ns and received_ns int64 (n,), values float64 (n, VALUES)."""

    kind: NDArray[np.uint8]
    vehicle: NDArray[np.int64]
    measured_ns: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        count = len(self.kind)
        columns = (self.kind, np.uint8), (self.vehicle, np.int64), (self.measured_ns, np.int64), (self.received_ns, np.int64)
        for column, kind in columns:
            if column.shape != (count,) or column.dtype != kind:
                raise ValueError(f"a column of {count} {kind.__name__} wanted, not {column.shape} {column.dtype}")
        if self.values.shape != (count, VALUES) or self.values.dtype != np.float64:
            raise ValueError(f"values must be float64 {(count, VALUES)}, not {self.values.dtype} {self.values.shape}")


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Every vehicle that has a position, at one moment. Arrays of n rows.

    sources: bit `1 << Kind` for each kind accepted within the last second (a kind refused by its gate is none).
    """

    id: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    latitude_rad: NDArray[np.float64]
    longitude_rad: NDArray[np.float64]
    east_m: NDArray[np.float64]
    north_m: NDArray[np.float64]
    heading_rad: NDArray[np.float64]  # clockwise from north, [0, 2 pi)
    speed_mps: NDArray[np.float64]
    covariance: NDArray[np.float64]  # (n, 4, 4) of east m, north m, speed m/s, heading rad (clockwise)
    protection_level_m: NDArray[np.float64]
    alert: NDArray[np.bool_]
    sources: NDArray[np.uint32]


class Fusion(Protocol):
    """What `positioning.fusion.FusionEngine(capacity, zone: LocalFrame, config: FusionConfig, anchors: float64 (a, 3))` offers.

    The anchors' columns are latitude_rad, longitude_rad and height above the road, m.
    """

    def ingest(self, batch: MeasurementBatch) -> Counter[Verdict]:
        """Take the measurements in; say what became of them."""

    def step(self, now_ns: int) -> Positions:
        """Every vehicle's position at `now_ns`, from all that was ingested; call with times that never decrease."""

    def forget(self, ids: ArrayLike) -> int:
        """Give the rows of these vehicles back; -> how many of them were known."""

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """The whole state, as arrays."""

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue exactly where `snapshot` was taken."""
