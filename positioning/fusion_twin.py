"""The engine, readable: the same calls as `positioning.fusion.FusionEngine`, one Python object per vehicle, a thousand times slower.

Rules:
* It exists to be compared with: the tests run on both, and what differs is a fault of one of them.
* Late samples go where they belong in a list kept in order; the bank after the window is run again from the bank before it.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field
from math import hypot, isnan, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from positioning.frames import LocalFrame
from positioning.fusion import DELAY_SIGMA_M, FusionConfig, local, positions
from positioning.fusion_laws import FUTURE_NS, GRADES, NEVER_S, SINGLE, Delays, Floats, Sample, predict
from positioning.fusion_model import CHALLENGER, EMPTY, EXPLORING, MAIN, MEMORY_S, Bank
from positioning.measurements import Kind, MeasurementBatch, Positions
from positioning.samples import FixStatus, Verdict

RING = 24
ALERT_S = 1.5  # from the last contradiction
LIMITS = {  # of each kind's first columns, in the zone's plane
    Kind.WHEEL_SPEED: (120.0,),
    Kind.STANDSTILL: (),
    Kind.YAW_RATE: (10.0,),
    Kind.FIX: (1e6, 1e6),
    Kind.VELOCITY: (120.0, 120.0),
    Kind.HEADING: (100.0, 100.0),
    Kind.RANGE: (1e5,),
    Kind.TDOA: (1e5,),
    Kind.ANGLE_OF_ARRIVAL: (100.0, 100.0),
    Kind.ROADSIDE_DETECTION: (1e6, 1e6, 1e6),
    Kind.LANE: (1e6, 1e6, 100.0, 100.0),
}
LEAST_SIGMA = 1e-4  # m or rad: below it a sender is wrong, and its square may be nothing
LEAST = {  # column and what it must exceed
    Kind.HEADING: (1, LEAST_SIGMA),
    Kind.LANE: (3, LEAST_SIGMA),
    Kind.ROADSIDE_DETECTION: (2, LEAST_SIGMA),
    Kind.ANGLE_OF_ARRIVAL: (1, LEAST_SIGMA),
    Kind.RANGE: (0, 0.0),
}
ANCHORS = {Kind.RANGE: (1,), Kind.TDOA: (1, 2), Kind.ANGLE_OF_ARRIVAL: (2,)}  # columns


def read_sample(kind: int, measured_ns: int, v: Floats, anchors: int) -> Sample | Verdict:
    if kind not in LIMITS:
        return Verdict.MALFORMED
    if not all(abs(value) < limit for value, limit in zip(v, LIMITS[Kind(kind)], strict=False)):
        return Verdict.OUT_OF_RANGE
    column, least = LEAST.get(Kind(kind), (0, -np.inf))
    if not v[column] > least and kind in LEAST:
        return Verdict.OUT_OF_RANGE
    named = [v[column] for column in ANCHORS.get(Kind(kind), ())]
    if not all(0 <= value < anchors for value in named) or len(set(named)) < len(named):
        return Verdict.OUT_OF_RANGE
    if kind == Kind.FIX:
        return read_fix(measured_ns, v)
    if kind == Kind.VELOCITY and v[2] <= 0:
        return Verdict.OUT_OF_RANGE
    detail = int(named[0]) if named else 0
    if kind == Kind.VELOCITY:  # unsaid: as a source of speed without a count
        detail = int(min(v[3], 99)) if v[3] >= 0 else 13
    return Sample(measured_ns, kind, (detail, 0), tuple(float(value) for value in inside(kind, v)))


def read_fix(measured_ns: int, v: Floats) -> Sample | Verdict:
    height_fits = isnan(v[2]) or abs(v[2]) < 1e5
    if not height_fits or not 0 <= v[3] < 6 or int(v[3]) == FixStatus.NONE:
        return Verdict.OUT_OF_RANGE
    satellites = int(min(v[4], 99)) if v[4] > 0 else 0
    place = float(v[0]), float(v[1]), float(v[2]), float(v[5])
    return Sample(measured_ns, Kind.FIX, (GRADES.get(FixStatus(int(v[3])), SINGLE), satellites), place)


def inside(kind: int, v: Floats) -> tuple[float, ...]:
    """The values as the bank has them: angles from east to north."""
    match kind:
        case Kind.HEADING | Kind.ANGLE_OF_ARRIVAL:
            return pi / 2 - v[0], v[1], v[2], v[3]
        case Kind.LANE:
            return v[0], v[1], pi / 2 - v[2], v[3]
        case Kind.YAW_RATE:
            return -v[0], 0.0, 0.0, 0.0
        case Kind.WHEEL_SPEED:
            return v[0], 0.0, 0.0, 0.0
        case Kind.STANDSTILL:
            return 0.0, 0.0, 0.0, 0.0
        case Kind.TDOA:
            return v[0], v[2], v[2], v[3]
    return v[0], v[1], v[2], v[3]


@dataclass(slots=True)
class Vehicle:
    id: int
    base: Bank
    head: Bank
    heard_ns: int = 0
    floor_ns: int = 0
    ring: list[Sample] = field(default_factory=list)

    def insert(self, s: Sample) -> None:
        self.ring.append(s)
        self.ring.sort(key=lambda s: (s.measured_ns, s.kind, s.detail, [(isnan(value), value) for value in s.v]))

    def first_epoch(self, ring: list[Sample]) -> list[Sample]:
        return [s for s in ring if s.measured_ns == ring[0].measured_ns]

    def retire(self, delays: Delays) -> None:
        oldest = self.first_epoch(self.ring)
        self.base.epoch(oldest, delays, learn=True)
        self.floor_ns, self.ring = oldest[0].measured_ns, self.ring[len(oldest) :]

    def catch_up(self, delays: Delays) -> None:
        self.head, rest = self.base.copied(), self.ring
        while rest:
            now = self.first_epoch(rest)
            self.head.epoch(now, delays, learn=False)
            rest = rest[len(now) :]


def protection(b: Bank, sigma: float, t: float) -> float:
    """K sigma against the separation from each filter that does without one source (Blanch 2015, solution separation)."""
    k, floor = b.q["k_sigma"], b.q["unmodelled_m"] * (0.6 if t - b.seen_s.get(Kind.RANGE, NEVER_S) < 1 else 1)
    level = k * hypot(sigma, floor)
    apart = {i: hypot(*(f.x[:2] - b.f[b.best].x[:2])) for i, f in b.f.items()}
    if b.mode == EXPLORING:
        return max([level, *(apart[i] + k * sigma for i, f in b.f.items() if f.score > b.f[b.best].score - 6)])
    for i, f in b.f.items():
        if MAIN < i < CHALLENGER:
            level = max(level, apart[i] * min(max(apart[i] / f.major() - 3, 0), 1))
    if CHALLENGER in b.f and (b.f[CHALLENGER].score > 0.5 or t - b.times["swap"] < MEMORY_S):
        level = max(level, apart[CHALLENGER] + k * max(sigma, b.f[CHALLENGER].major()))
    return level


def alarmed(b: Bank, level: float, t: float) -> bool:
    rival = b.f.get(CHALLENGER) if b.mode != EXPLORING else None
    contradicted = rival is not None and rival.score > 0.7 and hypot(*(rival.x[:2] - b.f[b.best].x[:2])) > 2
    return bool(level > b.q["alert_level_m"] or t - b.times["contradicted"] < ALERT_S or contradicted)


class FusionTwin:
    """Interface and results of `FusionEngine`, but for snapshots."""

    def __init__(self, capacity: int, zone: LocalFrame, config: FusionConfig | None = None, anchors: ArrayLike = ()) -> None:
        surveyed = np.asarray(anchors, dtype=np.float64).reshape(-1, 3)
        self.capacity, self.zone, self.q = capacity, zone, asdict(config or FusionConfig())
        self.anchors = np.column_stack([zone.enu_from_geodetic(surveyed[:, 0], surveyed[:, 1]), surveyed[:, 2]])
        self.delays = Delays(len(surveyed), DELAY_SIGMA_M)
        self.vehicles: dict[int, Vehicle] = {}
        self.late_ns, self.forget_ns, self.yields_ns = (int(self.q[name] * 1e9) for name in ("late_s", "forget_s", "yields_s"))
        self.forgotten = self.displaced = 0

    def ingest(self, batch: MeasurementBatch) -> Counter[Verdict]:
        values = local(batch, self.zone)
        columns = (column.tolist() for column in (batch.kind, batch.vehicle, batch.measured_ns, batch.received_ns))
        return Counter(self.take_row(*row) for row in zip(*columns, values, strict=True))

    def take_row(self, kind: int, id: int, measured_ns: int, received_ns: int, v: Floats) -> Verdict:
        if id < 0 or measured_ns < 0:
            return Verdict.MALFORMED
        if measured_ns > received_ns + FUTURE_NS:
            return Verdict.CLOCK_JUMP
        if received_ns - measured_ns > self.late_ns:
            return Verdict.STALE
        s = read_sample(kind, measured_ns, v, len(self.anchors))
        if isinstance(s, Verdict):
            return s
        if id not in self.vehicles:
            if len(self.vehicles) == self.capacity and not self.displace(received_ns - self.yields_ns):
                return Verdict.QUEUE_FULL
            self.vehicles[id] = Vehicle(id, Bank(self.q, self.anchors), Bank(self.q, self.anchors))
        vehicle = self.vehicles[id]
        if len(vehicle.ring) == RING and measured_ns >= vehicle.ring[0].measured_ns > vehicle.floor_ns:
            vehicle.retire(self.delays)
        if (vehicle.floor_ns and measured_ns <= vehicle.floor_ns) or len(vehicle.ring) == RING:
            return Verdict.STALE
        vehicle.insert(s)
        vehicle.heard_ns = max(vehicle.heard_ns, received_ns)
        return Verdict.ACCEPTED

    def displace(self, before_ns: int) -> bool:
        oldest = min(self.vehicles.values(), key=lambda vehicle: vehicle.heard_ns)
        if oldest.heard_ns >= before_ns:
            return False
        self.displaced += self.forget([oldest.id])
        return True

    def forget(self, ids: ArrayLike) -> int:
        """As the engine's: the last vehicle takes a forgotten one's place."""
        known = 0
        for id in np.asarray(ids, dtype=np.int64).ravel().tolist():
            rows = list(self.vehicles.values())
            for row, vehicle in enumerate(rows):
                if vehicle.id == id:
                    rows[row] = rows[-1]
                    self.vehicles = {each.id: each for each in rows[:-1]}
                    known += 1
                    break
        return known

    def step(self, now_ns: int) -> Positions:
        for vehicle in reversed(list(self.vehicles.values())):
            if vehicle.heard_ns < now_ns - self.forget_ns:
                self.forgotten += self.forget([vehicle.id])
        for vehicle in self.vehicles.values():
            while vehicle.ring and vehicle.ring[0].measured_ns < now_ns - self.late_ns:
                vehicle.retire(self.delays)
        shown = []
        for vehicle in self.vehicles.values():
            vehicle.catch_up(self.delays)
            if vehicle.head.mode != EMPTY:
                shown.append((vehicle.id, *self.show(vehicle.head, now_ns)))
        self.delays.renew(now_ns)
        ids, out, marks = ([row[k] for row in shown] for k in range(3))
        numbers = np.array(out, dtype=np.float64).reshape(-1, 21), np.array(marks, dtype=np.uint32).reshape(-1, 2)
        return positions(self.zone, now_ns, np.array(ids, dtype=np.int64), *numbers)

    @staticmethod
    def show(b: Bank, now_ns: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
        f, ahead = b.f[b.best].copy(), max((now_ns - b.time_ns) * 1e-9, 0.0)
        t = (b.time_ns - b.born_ns) * 1e-9 + ahead
        if ahead > 0:
            predict(f, ahead, b.motion(f, t, odometer=t - b.times["wheel"] < 1, moving=b.still < 5))
        level = protection(b, f.major(), t)
        compass = np.diag([1.0, 1.0, 1.0, -1.0])
        covariance = compass @ f.p[:4, :4] @ compass
        sources = sum(1 << int(kind) for kind, at in b.seen_s.items() if t - at < 1)
        return np.concatenate([[f.x[0], f.x[1], pi / 2 - f.x[3], f.x[2], level], covariance.ravel()]), (int(alarmed(b, level, t)), sources)
