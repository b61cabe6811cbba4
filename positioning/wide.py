"""The block of vehicles that no receiver's fix and no roadside detection places: what they are like, and their records in the engine.

Rules:
* It has its own bound (`positioning.block`), for a record is ten times a common one.
* Pseudoranges must be free of the atmosphere and of the satellite's clock. Whether they are also free of the earth's turn during the flight
  (Sagnac) is declared here, per source, never guessed: it is 30 m.
* The kernel is `positioning._wide`; its readable twin `positioning.wide_model`.
"""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from positioning import _fusion, _wide
from positioning.block import ELSEWHERE, Block, Fleet, Rows, rows_of
from positioning.frames import LocalFrame
from positioning.geodesy import WGS84, geocentric_from_geodetic
from positioning.measurements import Kind
from positioning.samples import Verdict

Floats = NDArray[np.float64]
OPENING = (Kind.PSEUDORANGE,)  # what gives a vehicle a place here
EARTH_RATE_RADPS = 7.2921151467e-5  # WGS84
LIGHT_MPS = 299_792_458.0
SHARED = (  # of the bank's configuration, in the kernel's order
    "gyro", "gyro_bias", "gyro_without", "acceleration", "acceleration_without_wheel", "scale", "slip", "wheel_sigma_mps",
    "range_los_m", "range_nlos_m", "range_excess_m", "range_outlier", "range_los_share", "range_apart_m", "tdoa_sigma_m",
    "antenna_height_m", "alert_level_m", "late_s", "forget_s", "yields_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WideConfig:
    """What pseudoranges and the receiver's clock are like. From the third field on in the kernel's order."""

    capacity: int = 1000  # vehicles
    sagnac_applied: bool = False
    pseudorange_los_m: float = 3.0
    pseudorange_nlos_m: float = 5.0
    pseudorange_excess_m: float = 35.0
    pseudorange_outlier: float = 0.01
    pseudorange_apart_m: float = 55.0  # errors of one satellite last this far
    direct_half_dbhz: float = 41.0  # as often direct as not
    direct_slope_dbhz: float = 3.0
    most_direct: float = 0.98
    climb: float = 0.1  # m/sqrt(m)
    clock: float = 0.1  # m/sqrt(s)
    clock_drift: float = 0.05  # m/s/sqrt(s)
    inter_system_m: float = 8.0  # between the clocks of two systems, before anything is known
    tight_k_sigma: float = 2.8
    tight_unmodelled_m: float = 1.8
    tight_fresh_m: float = 20.0  # what the delays of the first signals hide, fading as the vehicle leaves them behind

    def __post_init__(self) -> None:
        if not 0 < self.capacity <= 1_000_000 or not all(np.isfinite(value) and value >= 0 for value in self.numbers):
            raise ValueError("capacity must be 1 to a million, every other field finite and not negative")
        if (
            not min(
                self.pseudorange_los_m, self.pseudorange_excess_m, self.pseudorange_apart_m, self.direct_slope_dbhz, self.inter_system_m
            )
            > 0
        ):
            raise ValueError("a scale that is zero")

    @property
    def numbers(self) -> tuple[float, ...]:
        return astuple(self)[2:]


class WideBlock(Block):
    """The records of these vehicles."""

    def take(self, rows: Rows, bank: Fleet) -> NDArray[np.uint8]:
        """As `ingest`; what the bank keeps of a vehicle that is new here, this batch's included, is taken over from its ring."""
        verdicts = np.full(len(rows[0]), ELSEWHERE, dtype=np.uint8)
        opening = np.isin(rows[0], OPENING)
        if not self.alive and not opening.any():
            return verdicts
        verdicts[opening] = self.ingest(rows_of(rows, opening))
        opened = verdicts == Verdict.ACCEPTED | ELSEWHERE
        verdicts[opened] = Verdict.ACCEPTED
        for id in rows[1][opened].tolist():
            self._adopt(id, bank)
        new = np.isin(rows[1], rows[1][opened]) & ~opening
        verdicts[new] = Verdict.ACCEPTED
        known = ~opening & ~new
        verdicts[known] = self.ingest(rows_of(rows, known))
        return verdicts

    def _adopt(self, id: int, bank: Fleet) -> None:
        stamps, values = np.empty((_fusion.SIZES["ring"], 3), dtype=np.int64), np.empty((_fusion.SIZES["ring"], 4))
        count = _fusion.waiting(*bank, id, stamps, values)
        _wide.adopt(*self._fleet, id, stamps[:count], values[:count])


def sights(zone: LocalFrame, values: Floats, *, sagnac_applied: bool) -> Floats:
    """Rows of pseudoranges -> satellites in the zone's east, north, up, and the range less their distance from the zone's origin.

    The earth turns during the flight and lengthens what is measured by omega / c (Xs Yr - Ys Xr) (Groves 2013 eq. 9.80), taken at the
    origin: 5 cm in 10 km. Row by row: the same numbers whatever else is in the batch.
    """
    origin = geocentric_from_geodetic(WGS84, zone.latitude_rad, zone.longitude_rad, zone.height_m)
    seen = values.copy()
    if not sagnac_applied:
        seen[:, 0] -= EARTH_RATE_RADPS / LIGHT_MPS * (values[:, 1] * origin[1] - values[:, 2] * origin[0])
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number becomes none, and is refused
        x, y, z = (values[:, 1:4] - origin).T
        for column, (a, b, c) in enumerate(enu_from_geocentric(zone), 1):
            seen[:, column] = a * x + b * y + c * z
        seen[:, 0] -= np.sqrt(seen[:, 1] ** 2 + seen[:, 2] ** 2 + seen[:, 3] ** 2)
    return seen


def enu_from_geocentric(zone: LocalFrame) -> Floats:
    """(3, 3) rotation at the zone's origin. Groves 2013 eq. 2.150."""
    north, east = zone.latitude_rad, zone.longitude_rad
    sin_north, cos_north, sin_east, cos_east = np.sin(north), np.cos(north), np.sin(east), np.cos(east)
    return np.array([
        [-sin_east, cos_east, 0.0],
        [-sin_north * cos_east, -sin_north * sin_east, cos_north],
        [cos_north * cos_east, cos_north * sin_east, sin_north],
    ])  # fmt: skip
