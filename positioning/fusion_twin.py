"""The engine, readable: the same calls as `positioning.fusion.FusionEngine`, one Python object per vehicle, a thousand times slower.

Rules:
* It exists to be compared with: the tests run on both, and what differs is a fault of one of them.
* Late samples are the matter of `positioning.fusion_fleet`, a vehicle's state that of `fusion_model` or `wide_model`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from math import hypot, isnan, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from positioning.frames import LocalFrame
from positioning.fusion import FusionConfig, local, positions
from positioning.fusion_alignment import Alignments, alignments, priors
from positioning.fusion_fleet import Fleet
from positioning.fusion_heading import HEADING_LEAD, merge
from positioning.fusion_laws import FUTURE_NS, GRADES, NEVER_S, SINGLE, Delays, Filter, Floats, Sample, predict
from positioning.fusion_model import CHALLENGER, EXPLORING, MAIN, MEMORY_S, Bank
from positioning.geodesy import SourceFrame
from positioning.measurements import Kind, MeasurementBatch, Positions
from positioning.samples import FixStatus, Verdict
from positioning.walker import OPENING
from positioning.walker_model import Walker
from positioning.wide_model import Tight
from positioning.wide_start import read_signal

RING, WIDE_RING = 24, 128
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

LONGEST_AGE_S = 1e4  # of the corrections; beyond, nothing gets worse


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
    place = float(v[0]), float(v[1]), float(v[2]), float(np.minimum(v[5], LONGEST_AGE_S))
    source = int(min(v[7], 255)) if v[7] > 0 else 0
    return Sample(measured_ns, Kind.FIX, (GRADES.get(FixStatus(int(v[3])), SINGLE), satellites, source), place)


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


def apart(one: Filter, other: Filter) -> float:
    return hypot(*(one.x[:2] - other.x[:2]))


def protection(b: Bank, f: dict[int, Filter], shown: Filter, t: float) -> float:
    """K sigma against the separation from each filter that does without one source (Blanch 2015, solution separation)."""
    k, floor = b.q["k_sigma"], b.q["unmodelled_m"] * (0.6 if t - b.seen_s.get(Kind.RANGE, NEVER_S) < 1 else 1)
    sigma = shown.major()
    level = k * hypot(sigma, floor)
    if b.mode == EXPLORING:
        least = max(each.score for each in f.values()) - HEADING_LEAD
        return max([level, *(apart(each, shown) + k * each.major() for each in f.values() if each.score > least)])
    main = b.f[MAIN]
    for i, each in b.f.items():
        if MAIN < i < CHALLENGER:
            level = max(level, apart(each, main) * min(max(apart(each, main) / each.major() - 3, 0), 1))
    if CHALLENGER in b.f and (b.f[CHALLENGER].score > 0.5 or t - b.times["swap"] < MEMORY_S):
        level = max(level, apart(b.f[CHALLENGER], main) + k * max(sigma, b.f[CHALLENGER].major()))
    return level


class FusionTwin:
    """Interface and results of `FusionEngine`, but for snapshots."""

    def __init__(
        self,
        capacity: int,
        zone: LocalFrame,
        config: FusionConfig | None = None,
        anchors: ArrayLike = (),
        sources: Sequence[SourceFrame] = (),
    ) -> None:
        self.zone, self.config = zone, config or FusionConfig()
        surveyed = np.asarray(anchors, dtype=np.float64).reshape(-1, 3)
        self.anchors = np.column_stack([zone.enu_from_geodetic(surveyed[:, 0], surveyed[:, 1]), surveyed[:, 2]])
        q = asdict(self.config)
        wide, walker = q.pop("wide"), q.pop("walker")
        self.sources, self.delays = sources, Delays(len(surveyed), self.config.anchor_delay_m, priors(len(sources)))
        self.bank = Fleet(capacity, RING, lambda: Bank(q, self.anchors), self.delays, q)
        self.wide = Fleet(min(capacity, wide["capacity"]), WIDE_RING, lambda: Tight(q | wide, self.anchors), self.delays, q)
        self.walkers = Fleet(min(capacity, walker["capacity"]), RING, lambda: Walker(q | walker, self.anchors), self.delays, q)

    @property
    def forgotten(self) -> int:
        return self.bank.forgotten

    @property
    def displaced(self) -> int:
        return self.bank.displaced

    def ingest(self, batch: MeasurementBatch) -> Counter[Verdict]:
        values = local(batch, self.zone, self.sources, sagnac_applied=self.config.wide.sagnac_applied)
        columns = (column.tolist() for column in (batch.kind, batch.vehicle, batch.measured_ns, batch.received_ns))
        return Counter(self.take_row(*row) for row in zip(*columns, values, strict=True))

    def take_row(self, kind: int, id: int, measured_ns: int, received_ns: int, v: Floats) -> Verdict:
        if id < 0 or measured_ns < 0:
            return Verdict.MALFORMED
        if kind == Kind.PSEUDORANGE and id in self.bank.vehicles and self.bank.vehicles[id].placed:
            return Verdict.DUPLICATE
        if measured_ns > received_ns + FUTURE_NS:
            return Verdict.CLOCK_JUMP
        if received_ns - measured_ns > self.bank.late_ns:
            return Verdict.STALE
        s = read_signal(measured_ns, v) if kind == Kind.PSEUDORANGE else read_sample(kind, measured_ns, v, len(self.anchors))
        return s if isinstance(s, Verdict) else self.route(id, s, received_ns)

    def route(self, id: int, s: Sample, received_ns: int) -> Verdict:
        """Until a place of its own was measured the bank keeps the vehicle's motion, and the wide block has all of it."""
        if s.kind == Kind.PSEUDORANGE:
            new = id not in self.wide.vehicles
            verdict = self.wide.take(id, s, received_ns)
            for early in self.bank.vehicles[id].ring if new and verdict is Verdict.ACCEPTED and id in self.bank.vehicles else []:
                self.wide.vehicles[id].insert(early)
            return verdict
        verdict = self.bank.take(id, s, received_ns)
        if verdict is not Verdict.ACCEPTED:
            return verdict
        self.bank.vehicles[id].placed |= s.kind in {Kind.FIX, Kind.ROADSIDE_DETECTION}
        if self.bank.vehicles[id].placed:
            return verdict
        if id in self.wide.vehicles:
            return self.wide.take(id, s, received_ns)
        if s.kind in OPENING or (s.kind == Kind.WHEEL_SPEED and id in self.walkers.vehicles):
            self.walkers.take(id, s, received_ns)
        return verdict

    def alignments(self) -> Alignments:
        return alignments(self.delays.current[self.delays.anchors :])

    def forget(self, ids: ArrayLike) -> int:
        return sum(
            self.bank.forget(id) | self.wide.forget(id) | self.walkers.forget(id) for id in np.asarray(ids, dtype=np.int64).ravel().tolist()
        )

    def step(self, now_ns: int) -> Positions:
        shown = [(vehicle.id, *self.show(vehicle.head, now_ns)) for vehicle in self.bank.step(now_ns)]
        self.delays.renew(now_ns - self.bank.late_ns)
        for block in self.wide, self.walkers:
            for id, *_ in shown:
                block.forget(id)
            shown += [(vehicle.id, *vehicle.head.seen(now_ns)) for vehicle in block.step(now_ns)]
        ids, out, marks = ([row[k] for row in shown] for k in range(3))
        numbers = np.array(out, dtype=np.float64).reshape(-1, 21), np.array(marks, dtype=np.uint32).reshape(-1, 2)
        return positions(self.zone, now_ns, np.array(ids, dtype=np.int64), *numbers)

    @staticmethod
    def show(b: Bank, now_ns: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
        ahead = max((now_ns - b.time_ns) * 1e-9, 0.0)
        t = (b.time_ns - b.born_ns) * 1e-9 + ahead
        hypotheses = {i: each.copy() for i, each in b.f.items() if b.mode == EXPLORING or i == MAIN}
        if ahead > 0:
            motion = b.motion(odometer=t - b.times["wheel"] < 1, gyro=t - b.times["yaw"] < 0.5)
            for each in hypotheses.values():
                predict(each, ahead, motion)
        f = merge(list(hypotheses.values()))
        level = protection(b, hypotheses, f, t)
        alarmed = level > b.q["alert_level_m"] or t - b.times["contradicted"] < ALERT_S  # too wide to be of use, or irreconcilable sources
        compass = np.diag([1.0, 1.0, 1.0, -1.0])
        covariance = compass @ f.p[:4, :4] @ compass
        sources = sum(1 << int(kind) for kind, at in b.seen_s.items() if t - at < 1)
        return np.concatenate([[f.x[0], f.x[1], pi / 2 - f.x[3], f.x[2], level], covariance.ravel()]), (int(alarmed), sources)
