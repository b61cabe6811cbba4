"""The block of vehicles that no receiver's fix and no roadside detection places: what they are like, and their records in the engine.

Rules:
* It takes no memory and no time until the first such vehicle is heard; it has its own bound, for a record is ten times a common one.
* Pseudoranges must be free of the atmosphere and of the satellite's clock. Whether they are also free of the earth's turn during the flight
  (Sagnac) is declared here, per source, never guessed: it is 30 m.
* The kernel is `positioning._wide`; its readable twin `positioning.wide_model`.
"""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from positioning import _fusion, _wide
from positioning.frames import LocalFrame
from positioning.geodesy import WGS84, geocentric_from_geodetic
from positioning.measurements import Kind
from positioning.samples import Verdict

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[np.generic]]
Fleet = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # records, slots, heard_ns, tally
Rows = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]
OPENING = (Kind.PSEUDORANGE,)  # what gives a vehicle a place here
ELSEWHERE = 128  # beside a verdict or alone, as the kernels have it
USED, SINCE_NS = 0, 3  # the kernels' tally
TABLES = "wide_vehicles", "wide_slots", "wide_heard_ns", "wide_tally"  # in a snapshot
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
    pseudorange_apart_m: float = 25.0  # errors of one satellite last this far
    direct_half_dbhz: float = 41.0  # as often direct as not
    direct_slope_dbhz: float = 3.0
    most_direct: float = 0.98
    climb: float = 0.1  # m/sqrt(m)
    clock: float = 0.1  # m/sqrt(s)
    clock_drift: float = 0.05  # m/s/sqrt(s)
    inter_system_m: float = 8.0  # between the clocks of two systems, before anything is known
    tight_k_sigma: float = 2.8
    tight_unmodelled_m: float = 2.0

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


class WideBlock:
    """Records of up to `capacity` vehicles. numbers: the kernel's configuration; delays are the bank's, only read here."""

    def __init__(self, capacity: int, numbers: Floats, anchors: Floats, delays: Floats, bank_tally: NDArray[np.int64]) -> None:
        self._capacity, self._shared, self._bank_tally = capacity, (numbers, anchors, delays), bank_tally
        self._fleet = _empty(0)

    @property
    def alive(self) -> int:
        return int(self._fleet[3][USED])

    def ingest(self, rows: Rows, bank: Fleet) -> NDArray[np.uint8]:
        """Columns of measurements in the zone's plane (`sights`) -> a verdict each, ELSEWHERE where the vehicle is none of these.

        What the bank keeps of a vehicle that is new here, this batch's included, is taken over from its ring.
        """
        verdicts = np.full(len(rows[0]), ELSEWHERE, dtype=np.uint8)
        opening = np.isin(rows[0], OPENING)
        if not self.alive and not opening.any():
            return verdicts
        if not len(self._fleet[2]):
            self._fleet = _empty(self._capacity)
        self._fleet[3][SINCE_NS] = self._bank_tally[SINCE_NS]
        verdicts[opening] = self._take(rows, opening)
        opened = verdicts == Verdict.ACCEPTED | ELSEWHERE
        verdicts[opened] = Verdict.ACCEPTED
        for id in rows[1][opened].tolist():
            self._adopt(id, bank)
        new = np.isin(rows[1], rows[1][opened]) & ~opening
        verdicts[new] = Verdict.ACCEPTED
        known = ~opening & ~new
        verdicts[known] = self._take(rows, known)
        return verdicts

    def _take(self, rows: Rows, chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
        kind, vehicle, measured_ns, received_ns, values = rows
        verdicts = np.empty(np.count_nonzero(chosen), dtype=np.uint8)
        fleet, shared = self._fleet, self._shared
        _wide.ingest(
            *fleet, *shared, kind[chosen], vehicle[chosen], measured_ns[chosen], received_ns[chosen], values[chosen], verdicts
        )  # fmt: skip
        return verdicts

    def _adopt(self, id: int, bank: Fleet) -> None:
        stamps, values = np.empty((_fusion.SIZES["ring"], 3), dtype=np.int64), np.empty((_fusion.SIZES["ring"], 4))
        count = _fusion.waiting(*bank, id, stamps, values)
        _wide.adopt(*self._fleet, id, stamps[:count], values[:count])

    def step(self, now_ns: int) -> tuple[NDArray[np.int64], Floats, NDArray[np.uint32]]:
        """-> ids (n,), numbers (n, outputs) and marks (n, 2), as the bank's."""
        self._fleet[3][SINCE_NS] = self._bank_tally[SINCE_NS]
        ids, out = np.empty(self.alive, dtype=np.int64), np.empty((self.alive, _wide.SIZES["outputs"]))
        marks = np.empty((self.alive, 2), dtype=np.uint32)
        rows = _wide.step(*self._fleet, *self._shared, now_ns, ids, out, marks) if self.alive else 0
        return ids[:rows], out[:rows], marks[:rows]

    def forget(self, ids: NDArray[np.int64]) -> int:
        return _wide.forget(*self._fleet, ids) if self.alive else 0

    def snapshot(self) -> Arrays:
        used = self.alive * _wide.SIZES["vehicle"]
        tables = self._fleet[0][:used], *self._fleet[1:]
        return {name: np.array(table) for name, table in zip(TABLES, tables, strict=True)}

    def restore(self, state: Arrays) -> None:
        vehicles, *tables = (state[name] for name in TABLES)
        fleet = _empty(self._capacity if len(tables[0]) else 0)
        if any(mine.shape != given.shape for mine, given in zip(fleet[1:], tables, strict=True)) or vehicles.size > fleet[0].size:
            raise ValueError("a snapshot of another engine")
        fleet[0][: vehicles.size] = vehicles
        for mine, given in zip(fleet[1:], tables, strict=True):
            mine[:] = given
        self._fleet = fleet


def _empty(capacity: int) -> Fleet:
    slots = np.zeros((1 << (2 * capacity - 1).bit_length() if capacity else 0, 2), dtype=np.int64)
    vehicles = np.zeros(capacity * _wide.SIZES["vehicle"], dtype=np.uint8)
    return vehicles, slots, np.zeros(capacity, dtype=np.int64), np.zeros(_wide.SIZES["tally"], dtype=np.int64)


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
