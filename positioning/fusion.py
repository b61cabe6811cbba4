"""The fusion core: whatever each vehicle and the network can give, into positions with a covariance and a protection level.

Rules:
* One call into the kernel `positioning._fusion` per batch and per step; its readable twin is `positioning.fusion_model`.
* A measurement of up to `late_s` ago is put where it belongs; the result does not depend on the order of arrival inside that window.
* The protection level is a statistical promise tested on recorded drives; it claims no automotive integrity level.
* A vehicle belongs to the bank from the first fix or roadside detection on; until then to the wide block, if its pseudoranges place it
  (`positioning.wide`), or to the walkers, if anchors do and it has no wheels (`positioning.walker`).
* No evidence is counted twice: pseudoranges beside fused fixes are a DUPLICATE.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from positioning import _fusion, _walker, _wide, walker, wide
from positioning.block import ELSEWHERE, Block, rows_of
from positioning.frames import LocalFrame
from positioning.fusion_alignment import MAX_SOURCES, Alignments, alignments, in_zone, priors
from positioning.geodesy import SourceFrame
from positioning.measurements import Kind, MeasurementBatch, Positions
from positioning.samples import Verdict
from positioning.walker import WalkerConfig
from positioning.wide import WideBlock, WideConfig, sights

Arrays = dict[str, NDArray[np.generic]]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
PLACES = (Kind.FIX, Kind.ROADSIDE_DETECTION, Kind.LANE)
Tables = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
USED, FORGOTTEN, DISPLACED = range(3)  # in the kernel's tally
FORGET_S = 900.0  # ten minutes without any source are to be survived, and half as much again
YIELDS_S = 10.0


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """What the vehicles and the cell are like. Numbers in the kernel's order."""

    acceleration: float = 0.5  # m/s^1.5, with an odometer
    gyro: float = float(np.radians(0.1) * np.sqrt(0.2))  # rad/sqrt(s), of the data sheet
    gyro_bias: float = float(np.radians(0.0005))  # rad/s/sqrt(s)
    scale: float = 2e-5  # of the odometer, 1/sqrt(s)
    gnss_bias_m: float = 2.5
    gnss_time_s: float = 300.0
    slip: float = 0.01  # m/sqrt(m)
    lever_m: float = 0.30  # the reported point ahead of the one that moves where the vehicle points: the rear axle, but in SUMO the centre
    tyre_s: float = 0.05  # the tyres' slip angle per lateral acceleration, times speed
    acceleration_without_wheel: float = 1.5
    gyro_without: float = 1.0  # rad/sqrt(s): how a driver turns at most
    wheel_sigma_mps: float = 0.035
    grade: float = 0.14
    range_los_m: float = 0.9
    range_nlos_m: float = 2.7
    range_excess_m: float = 12.0
    range_outlier: float = 0.05
    range_los_share: float = 0.0  # 0: by distance (3GPP TR 38.901, urban micro)
    range_apart_m: float = 15.0  # errors of one anchor last this far
    tdoa_sigma_m: float = 1.4
    antenna_height_m: float = 1.5
    k_sigma: float = 3.4
    unmodelled_m: float = 0.40
    alert_level_m: float = 200.0
    late_s: float = 0.2
    forget_s: float = FORGET_S  # a vehicle silent for longer is forgotten
    yields_s: float = YIELDS_S  # one silent for longer makes room for a new one when all rows are taken
    anchor_delay_m: float = 1.0  # sigma of an anchor's group delay, before anything is known
    wide: WideConfig = field(default_factory=WideConfig)
    walker: WalkerConfig = field(default_factory=WalkerConfig)

    def __post_init__(self) -> None:
        if not all(np.isfinite(value) and value >= 0 for value in (*self.numbers, self.anchor_delay_m)):
            raise ValueError("every field must be finite and not negative")
        scales = self.gnss_time_s, self.range_apart_m, self.range_excess_m, self.range_los_m, self.anchor_delay_m
        if not (self.late_s <= 1 and min(scales) > 0):
            raise ValueError("late_s beyond 1 s, or a scale that is zero")

    @property
    def numbers(self) -> tuple[float, ...]:
        """What the bank's kernel reads."""
        return astuple(self)[:-3]


class FusionEngine:
    """Up to `capacity` vehicles on one road zone. anchors (a, 3): latitude_rad, longitude_rad, height above the road m.

    sources: the frame of each source of fixes; the zone is in the first one's epoch, and so are anchors, lanes and roadside detections.
    """

    def __init__(
        self,
        capacity: int,
        zone: LocalFrame,
        config: FusionConfig | None = None,
        anchors: ArrayLike = (),
        sources: Sequence[SourceFrame] = (),
    ) -> None:
        if not 0 < capacity <= 10_000_000:
            raise ValueError(f"capacity must be 1 to ten million, not {capacity}")
        surveyed = np.asarray(anchors, dtype=np.float64).reshape(-1, 3)
        if not np.isfinite(surveyed).all():
            raise ValueError("anchors must be finite")
        if len(sources) > MAX_SOURCES:
            raise ValueError(f"at most {MAX_SOURCES} sources, not {len(sources)}")
        self.capacity, self.zone, self.config = capacity, zone, config or FusionConfig()
        self._config = np.array(self.config.numbers, dtype=np.float64)
        self._anchors = np.ascontiguousarray(np.column_stack([zone.enu_from_geodetic(surveyed[:, 0], surveyed[:, 1]), surveyed[:, 2]]))
        known = np.concatenate([np.tile([0.0, self.config.anchor_delay_m**2], (len(surveyed), 1)), priors(len(sources))])
        self.sources, self._delays = tuple(sources), np.column_stack([known, known, np.zeros((len(known), 4))])
        self._vehicles = np.zeros(capacity * _fusion.SIZES["vehicle"], dtype=np.uint8)
        self._slots = np.zeros((1 << (2 * capacity - 1).bit_length(), 2), dtype=np.int64)
        self._heard_ns = np.zeros(capacity, dtype=np.int64)
        self._tally = np.zeros(_fusion.SIZES["tally"], dtype=np.int64)
        self._wide = WideBlock(_wide, wide.OPENING, *self._block(wide.SHARED, self.config.wide))
        self._walkers = Block(_walker, walker.OPENING, *self._block(walker.SHARED, self.config.walker))

    def _block(self, names: tuple[str, ...], config: WideConfig | WalkerConfig) -> tuple[int, tuple[Floats, Floats, Floats], Counts]:
        """-> what a block needs of the engine."""
        numbers = np.array([*(getattr(self.config, name) for name in names), *config.numbers], dtype=np.float64)
        return min(self.capacity, config.capacity), (numbers, self._anchors, self._delays), self._tally

    @property
    def _blocks(self) -> dict[str, Block]:
        return {"wide": self._wide, "walkers": self._walkers}

    @property
    def _fleet(self) -> Tables:
        return self._vehicles, self._slots, self._heard_ns, self._tally

    @property
    def _small(self) -> Arrays:
        """All of the state but the vehicles."""
        return {"slots": self._slots, "heard_ns": self._heard_ns, "tally": self._tally, "delays": self._delays}

    @property
    def forgotten(self) -> int:
        """Vehicles that were silent for longer than `forget_s`."""
        return int(self._tally[FORGOTTEN])

    @property
    def displaced(self) -> int:
        """Vehicles that made room for new ones."""
        return int(self._tally[DISPLACED])

    def ingest(self, batch: MeasurementBatch) -> Counter[Verdict]:
        """Take the measurements in; say what became of them."""
        verdicts = np.zeros(len(batch.kind), dtype=np.uint8)
        vehicle, measured_ns, received_ns = map(np.ascontiguousarray, (batch.vehicle, batch.measured_ns, batch.received_ns))
        shared = self._config, self._anchors, self._delays
        kind, values = (
            np.ascontiguousarray(batch.kind),
            local(batch, self.zone, self.sources, sagnac_applied=self.config.wide.sagnac_applied),
        )
        _fusion.ingest(*self._fleet, *shared, kind, vehicle, measured_ns, received_ns, values, verdicts)
        asked = np.flatnonzero(verdicts >= ELSEWHERE)
        if len(asked):
            rows = rows_of((kind, vehicle, measured_ns, received_ns, values), asked)
            answers = self._wide.take(rows, self._fleet)
            verdicts[asked] = np.where(answers == ELSEWHERE, verdicts[asked] - ELSEWHERE, answers)
            self._walkers.ingest(rows_of(rows, answers == ELSEWHERE))  # the bank has them too: its verdicts stand
        return Counter({Verdict(code): int(count) for code, count in enumerate(np.bincount(verdicts)) if count})

    def step(self, now_ns: int) -> Positions:
        """Every vehicle's position at `now_ns`, from all that was ingested; call with times that never decrease."""
        room = self._tally[USED]
        ids = np.empty(room, dtype=np.int64)
        out = np.empty((room, _fusion.SIZES["outputs"]))
        marks = np.empty((room, 2), dtype=np.uint32)
        rows = _fusion.step(*self._fleet, self._config, self._anchors, self._delays, now_ns, ids, out, marks)
        ids, out, marks = ids[:rows], out[:rows], marks[:rows]
        for block in self._blocks.values():
            if block.alive:
                block.forget(ids)  # what has a place needs no other
                more = block.step(now_ns)
                ids, out, marks = np.concatenate([ids, more[0]]), np.concatenate([out, more[1]]), np.concatenate([marks, more[2]])
        return positions(self.zone, now_ns, ids, out, marks)

    def alignments(self) -> Alignments:
        """How far each declared source's fixes lie from the first one's, as far as vehicles have shown it."""
        return alignments(self._delays[len(self._anchors) :, :2])

    def forget(self, ids: ArrayLike) -> int:
        """Give the rows of these vehicles back; -> how many of them were known. The last vehicle's row takes a forgotten one's place."""
        named = np.ascontiguousarray(ids, dtype=np.int64).reshape(-1, 1)
        return sum(max(_fusion.forget(*self._fleet, one), self._wide.forget(one), self._walkers.forget(one)) for one in named)

    def snapshot(self) -> Arrays:
        """The whole state, as arrays."""
        used = self._tally[USED] * _fusion.SIZES["vehicle"]
        state = {name: array.copy() for name, array in self._small.items()} | {"vehicles": self._vehicles[:used].copy()}
        for name, block in self._blocks.items():
            state |= block.snapshot(name)
        return state

    def restore(self, state: Arrays) -> None:
        """Continue exactly where `snapshot` was taken, in an engine of the same capacity, configuration and anchors."""
        vehicles = state["vehicles"]
        fits = all(state[name].shape == array.shape for name, array in self._small.items())
        if not fits or vehicles.size != state["tally"][USED] * _fusion.SIZES["vehicle"] or vehicles.size > self._vehicles.size:
            raise ValueError("a snapshot of another engine")
        self._vehicles[: vehicles.size], self._vehicles[vehicles.size :] = vehicles, 0
        for name, array in self._small.items():
            array[:] = state[name]
        for name, block in self._blocks.items():
            block.restore(name, state)


def local(batch: MeasurementBatch, zone: LocalFrame, sources: Sequence[SourceFrame], *, sagnac_applied: bool) -> NDArray[np.float64]:
    """-> values in the zone's plane: the places' latitude and longitude made east and north, satellites made east, north and up."""
    values = np.array(batch.values, order="C")
    fixes, places = batch.kind == Kind.FIX, np.isin(batch.kind, PLACES)
    if fixes.any():
        values[fixes, :2] = in_zone(batch.values[fixes], sources)
    if places.any():
        values[places, :2] = zone.enu_from_geodetic(values[places, 0], values[places, 1])
    signals = batch.kind == Kind.PSEUDORANGE
    if signals.any():
        values[signals] = sights(zone, batch.values[signals], sagnac_applied=sagnac_applied)
    return values


def positions(zone: LocalFrame, now_ns: int, ids: NDArray[np.int64], out: NDArray[np.float64], marks: NDArray[np.uint32]) -> Positions:
    """The kernel's rows, with names."""
    latitude, longitude = zone.geodetic_from_enu(out[:, 0], out[:, 1])
    heading = np.mod(out[:, 2], 2 * np.pi)
    return Positions(
        id=ids,
        time_ns=np.full(len(ids), now_ns, dtype=np.int64),
        latitude_rad=latitude,
        longitude_rad=longitude,
        east_m=out[:, 0],
        north_m=out[:, 1],
        heading_rad=np.where(heading >= 2 * np.pi, 0.0, heading),
        speed_mps=out[:, 3],
        covariance=out[:, 5:].reshape(-1, 4, 4),
        protection_level_m=out[:, 4],
        alert=marks[:, 0] != 0,
        sources=marks[:, 1],
    )
