"""The tight model of one vehicle, readable: pseudoranges, the receiver's clock, wheel speed, yaw rate. Twin of `positioning._wide`.

Rules:
* x = (east, north, speed, course from east to north, yaw-rate bias, odometer scale, up, clock m, its drift m/s, bias between systems m).
* It starts at the least-squares place of one epoch with eight courses; beside the filter of all satellites run three that each do without a
  third of them. One course is left when every other one is unlikely or the same.
* A signal's error lasts for some metres of the way: it counts by the metres travelled since its last use, and not while the vehicle stands.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from math import atan2, copysign, cos, exp, hypot, isnan, log, pi, sin, sqrt

import numpy as np

from positioning.fusion_laws import (
    NEVER_S,
    SOFT,
    Delays,
    Filter,
    Floats,
    Numbers,
    Sample,
    line_of_sight,
    range_moments,
    soft_update,
    turned,
)  # fmt: skip
from positioning.measurements import Kind
from positioning.wide_start import Systems, cold_start, sight, strength

EAST, NORTH, SPEED, COURSE, TURN_BIAS, SCALE, UP, CLOCK, DRIFT, SYSTEMS = range(10)
EMPTY, EXPLORING, RUNNING = range(3)
SUBSETS, HEADINGS = 4, 8  # filter SUBSETS * heading + subset
START_SIGMA = np.array([40, 40, 5, 0.45, np.radians(0.3), 0.02, 40, 60, 100, 8])
FARTHEST_M, FARTHEST_START_M = 1e6, 300.0
COURSE_KNOWN, COURSE_LOST, COURSE_LEAD, COURSE_SAME = 0.05, 1.0, 6.0, 0.2
LEAST_SIGNALS, LEAST_CLEAR, CLEAR = 5, 3, 0.5
CLOCK_JUMP_M = 150.0  # no echo delays half the sky by so much: the receiver has set its clock
REFUSED_ALERT_S, REFUSED_LOST_S = 1.0, 10.0
FIRST_POWER, LEAST_POWER = 0.5, 0.005
LINKS = 64
Seen = tuple[Floats, tuple[int, int]]


def unit(terms: dict[int, float]) -> Floats:
    """A measurement's row."""
    h = np.zeros(10)
    for state, value in terms.items():
        h[state] = value
    return h


@dataclass(slots=True)
class Tight:
    q: Numbers
    anchors: Floats
    mode: int = EMPTY
    time_ns: int = 0
    born_ns: int = 0
    best: int = 0
    still: int = 0
    f: list[Filter] = field(default_factory=list)
    systems: Systems = field(default_factory=Systems)
    times: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("wheel", "yaw", "stand"), NEVER_S))
    seen_s: dict[int, float] = field(default_factory=dict)
    links: list[list[float]] = field(default_factory=list)  # key, travelled at its last use
    yaw_rate: float = 0.0
    travelled: float = 0.0
    refused_s: float = 0.0
    wheel_refused_s: float = 0.0
    t: float = 0.0
    odometer: bool = False
    moving: bool = True
    clear: int = 0
    refused: int = 0

    def copied(self) -> "Tight":
        return copy.deepcopy(self)

    def epoch(self, samples: list[Sample], delays: Delays, *, learn: bool) -> None:
        del learn  # the anchors' delays are the bank's to learn
        signals = [s for s in samples if s.kind == Kind.PSEUDORANGE]
        if self.mode == EMPTY and not self.start(signals):
            return
        now = samples[0].measured_ns
        dt, self.t = (now - self.time_ns) * 1e-9, (now - self.born_ns) * 1e-9
        self.travel(dt, *self.read_controls(samples, dt))
        if self.mode == RUNNING and self.lost() and self.start(signals):
            dt = self.t = 0.0
        self.clear = self.refused = 0
        self.steady_clock(signals)
        for s in samples:
            if s.kind == Kind.RANGE:
                self.take_range(s, delays)
            elif s.kind in TAKE:
                TAKE[Kind(s.kind)](self, s)
        if self.clear >= LEAST_CLEAR:
            self.refused_s = self.refused_s + min(dt, 1.0) if 2 * self.refused > self.clear else 0.0
        if self.mode == EXPLORING:
            self.choose_course()
        self.time_ns = now

    def start(self, signals: list[Sample]) -> bool:
        found = cold_start(signals, self.q) if signals else None
        if found is None:
            return False
        systems, place, spread = found
        if not (0 < 3 * spread < FARTHEST_START_M and abs(place[0]) < FARTHEST_M and abs(place[1]) < FARTHEST_M):
            return False
        fresh = Tight(self.q, self.anchors, odometer=self.odometer, moving=self.moving, systems=systems)
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))
        sigma = START_SIGMA.copy()
        sigma[:2], sigma[SYSTEMS] = max(sigma[EAST], 3 * spread), self.q["inter_system_m"]
        for i in range(HEADINGS * SUBSETS):
            x = np.zeros(10)
            x[[EAST, NORTH, UP, CLOCK, SYSTEMS]] = place
            x[COURSE] = 2 * pi * (i // SUBSETS) / HEADINGS
            self.f.append(Filter(x, np.diag(sigma**2)))
        self.mode, self.born_ns, self.time_ns = EXPLORING, signals[0].measured_ns, signals[0].measured_ns
        return True

    def lost(self) -> bool:
        f = self.f[0]
        return bool(f.p[COURSE, COURSE] > COURSE_LOST or f.major() > FARTHEST_START_M or self.refused_s > REFUSED_LOST_S)

    def read_controls(self, samples: list[Sample], dt: float) -> tuple[float, float]:
        """-> wheel speed and the yaw rate's interval, NaN where there is none."""
        wheel, yaw_dt, f = np.nan, np.nan, self.f[self.best]
        for s in samples:
            if s.kind == Kind.WHEEL_SPEED:
                limit = 3 + 12 * min(self.t - self.times["wheel"], 0.5) + 5 * sqrt(f.p[SPEED, SPEED])
                if self.mode == RUNNING and abs(s.v[0] - f.x[SPEED]) > limit:
                    self.wheel_refused_s += min(dt, 0.5)
                    continue
                wheel, self.wheel_refused_s, self.times["wheel"] = s.v[0], 0.0, self.t
                self.still = self.still + 1 if abs(wheel) < 0.10 else 0
            elif s.kind == Kind.STANDSTILL:
                self.still, self.times["stand"] = max(self.still, 5), self.t
            elif s.kind == Kind.YAW_RATE:
                yaw_dt = min(max(self.t - self.times["yaw"], 0.02), 1.0)
                self.yaw_rate, self.times["yaw"] = s.v[0], self.t
            else:
                continue
            self.seen_s[s.kind] = self.t
        self.odometer = self.t - self.times["wheel"] < 1.0
        if not self.odometer and not self.t - self.times["stand"] < 1.0:
            self.still = 0
        self.moving = self.still < 5
        return wheel, yaw_dt

    def predict(self, f: Filter, dt: float, t: float, *, odometer: bool, moving: bool, silent: bool = False) -> None:
        """The bank's motion, without its lever; the clock's offset and drift are random walks (Groves 2013 eq. 9.148)."""
        q, x = self.q, f.x
        gyro = t - self.times["yaw"] < 0.5 and not silent
        turn = (self.yaw_rate if gyro else x[TURN_BIAS]) - x[TURN_BIAS] if moving else 0.0
        middle, d = x[COURSE] + 0.5 * turn * dt, x[SPEED] * dt
        along = np.array([cos(middle), sin(middle)])
        across = np.array([-along[1], along[0]])
        step = np.eye(10)
        step[:2, SPEED], step[:2, COURSE], step[CLOCK, DRIFT] = along * dt, across * d, dt
        if moving:
            step[:2, TURN_BIAS], step[COURSE, TURN_BIAS] = -0.5 * d * dt * across, -dt
        x[:2] += along * d
        x[COURSE] += turn * dt
        x[CLOCK] += x[DRIFT] * dt
        f.p = step @ f.p @ step.T
        added = {TURN_BIAS: q["gyro_bias"] ** 2, CLOCK: q["clock"] ** 2, DRIFT: q["clock_drift"] ** 2}
        if moving:
            a = q["acceleration" if odometer and not silent else "acceleration_without_wheel"] ** 2
            f.p[:2, :2] += np.outer(along, along) * a * dt**3 / 3 + np.eye(2) * q["slip"] ** 2 * abs(d)
            f.p[:2, SPEED] += along * a * dt * dt / 2
            f.p[SPEED, :2] += along * a * dt * dt / 2
            f.p[UP, UP] += q["climb"] ** 2 * abs(d)
            added |= {SPEED: a, COURSE: q["gyro" if gyro else "gyro_without"] ** 2, SCALE: q["scale"] ** 2}
        for state, density in added.items():
            f.p[state, state] += density * dt

    def travel(self, dt: float, wheel: float, yaw_dt: float) -> None:
        for f in self.f:
            if dt > 0:
                self.predict(f, dt, self.t, odometer=self.odometer, moving=self.moving, silent=dt > 1.0)
            if self.moving:
                if not isnan(wheel):
                    h = unit({SPEED: 1 + f.x[SCALE], SCALE: f.x[SPEED]})
                    f.update(h, wheel - f.x[SPEED] * (1 + f.x[SCALE]), self.q["wheel_sigma_mps"] ** 2)
                continue
            if not isnan(wheel) or self.times["stand"] == self.t:
                f.update(unit({SPEED: 1}), -f.x[SPEED], 0.005**2)
            if not isnan(yaw_dt):
                f.update(unit({TURN_BIAS: 1}), self.yaw_rate - f.x[TURN_BIAS], self.q["gyro"] ** 2 / yaw_dt)
        if self.moving:  # as fast as it may be: a speed that nobody measured is only learnt if the signals count
            best = self.f[self.best]
            self.travelled += sqrt(best.x[SPEED] ** 2 + best.p[SPEED, SPEED]) * dt

    def missed(self, f: Filter, s: Sample, part: int) -> tuple[float, Floats]:
        """-> residual and row of a pseudorange; part: 0 the clock's system, 1 the one with the bias, 2 a third."""
        distance, slope = sight(np.array([f.x[EAST], f.x[NORTH], f.x[UP]]), s)
        h = unit({EAST: slope[0], NORTH: slope[1], UP: slope[2], CLOCK: 1.0, SYSTEMS: float(part == 1)})
        return float(s.v[0] - distance - f.x[CLOCK] - (f.x[SYSTEMS] if part == 1 else 0.0)), h

    def steady_clock(self, signals: list[Sample]) -> None:
        """A receiver sets its clock by whole milliseconds: all signals jump together."""
        f = self.f[self.best]
        missed = sorted(self.missed(f, s, self.systems.role(s.detail[0]))[0] for s in signals)
        if len(missed) < LEAST_SIGNALS:
            return
        median = missed[len(missed) // 2]
        if abs(median) < CLOCK_JUMP_M + 5 * sqrt(f.p[CLOCK, CLOCK]):
            return
        for f in self.f:
            f.x[CLOCK] += median
            f.p[CLOCK], f.p[:, CLOCK] = 0, 0
            f.p[CLOCK, CLOCK] = START_SIGMA[CLOCK] ** 2

    def link(self, key: int) -> list[float]:
        """A satellite's or an anchor's own memory; the longest unused gives way."""
        for known in self.links:
            if known[0] == key:
                return known
        fresh = [key, NEVER_S]
        if len(self.links) < LINKS:
            self.links.append(fresh)
        else:
            self.links[min(range(LINKS), key=lambda i: self.links[i][1])] = fresh
        return fresh

    def take_pseudorange(self, s: Sample) -> None:
        q, (system, satellite) = self.q, s.detail
        link, part = self.link(system << 16 | satellite), self.systems.role(system)
        power = FIRST_POWER if link[1] == NEVER_S else min(1.0, (self.travelled - link[1]) / q["pseudorange_apart_m"])
        if power < LEAST_POWER:
            return
        link[1] = self.travelled
        direct = 1 / (1 + exp(-(strength(s, q) - q["direct_half_dbhz"]) / q["direct_slope_dbhz"]))
        direct = min(max(direct, 0.01), q["most_direct"])
        law = {f"range_{name}": q[f"pseudorange_{name}"] for name in ("los_m", "nlos_m", "excess_m", "outlier")}
        for i, f in enumerate(self.f):
            if i % SUBSETS == satellite % 3 + 1:
                continue
            r, h = self.missed(f, s, part)
            along = f.variance(h)
            prior = along + (q["inter_system_m"] ** 2 if part == 2 else 0.0)
            mean, ratio, evidence = range_moments(r, prior, power, direct, law)
            if self.mode == EXPLORING:
                f.score += power * evidence
            f.shift(h, mean * along / prior, 1 - (1 - ratio) * along / prior)
            if i == self.best:
                if direct > CLEAR:
                    self.clear += 1
                    self.refused += abs(r) > 5 * sqrt(prior + q["pseudorange_los_m"] ** 2)
                self.seen_s[Kind.PSEUDORANGE] = self.t

    def take_range(self, s: Sample, delays: Delays) -> None:
        anchor, q, (offset, spread) = self.anchors[s.detail[0]], self.q, delays.at(s.detail[0], s.measured_ns)
        link = self.link(-1 - s.detail[0])
        power = min(1.0, (self.travelled - link[1]) / q["range_apart_m"])
        if power < 0.02:
            return
        link[1] = self.travelled
        for i, f in enumerate(self.f):
            east, north = f.x[:2] - anchor[:2]
            distance = sqrt(east * east + north * north + (anchor[2] - q["antenna_height_m"]) ** 2) + 1e-9
            h = unit({EAST: east / distance, NORTH: north / distance})
            along = f.variance(h)
            prior = along + spread
            direct = q["range_los_share"] or line_of_sight(distance)
            mean, ratio, evidence = range_moments(s.v[0] - distance - offset, prior, power, direct, q)
            if self.mode == EXPLORING:
                f.score += power * evidence
            f.shift(h, mean * along / prior, 1 - (1 - ratio) * along / prior)
            if i == self.best:
                self.seen_s[Kind.RANGE] = self.t

    def take_velocity(self, s: Sample) -> None:
        sigma = (0.15 if isnan(s.v[2]) else max(s.v[2], 0.02)) * (4 if s.detail[0] < 13 else 1)
        speed = hypot(s.v[0], s.v[1])
        if s.detail[0] < 9:
            return
        for i, f in enumerate(self.f):
            if speed <= max(0.5, 10 * sigma):
                if not self.odometer and self.moving:
                    f.update(unit({SPEED: 1}), copysign(speed, f.x[SPEED]) - f.x[SPEED], sigma * sigma)
                continue
            if f.p[COURSE, COURSE] > 0.1 and self.mode == EXPLORING:  # exact, where the linear update is not
                f.update(unit({COURSE: 1}), turned(atan2(s.v[1], s.v[0]) - f.x[COURSE]), (sigma / speed) ** 2)
            for axis in (0, 1):
                c = cos(f.x[COURSE] - axis * pi / 2)
                h = unit({SPEED: c, COURSE: -f.x[SPEED] * sin(f.x[COURSE] - axis * pi / 2)})
                r, variance = s.v[axis] - f.x[SPEED] * c, f.variance(h) + sigma * sigma
                if self.mode == EXPLORING:
                    f.score += max(-0.5 * r * r / variance, -8.0) - 0.5 * log(variance)
                if r * r > 9 * variance and f.p[COURSE, COURSE] < 0.03:
                    continue
                f.update(h, r, sigma * sigma)
                if i == self.best:
                    self.seen_s[Kind.VELOCITY] = self.t

    def take_soft(self, s: Sample) -> None:
        """Headings, lanes, differences of ranges and bearings: scalars that may be wrong."""
        for i, f in enumerate(self.f):
            row = SOFT[Kind(s.kind)](f, s, self.anchors, self.q)
            if row is None:
                continue
            h, r, sigma, wrong = row
            if (
                soft_update(f, np.pad(h, (0, 2)), r, sigma, wrong, exploring=self.mode == EXPLORING) and i == self.best
            ):  # the first four states are the bank's
                self.seen_s[s.kind] = self.t

    def likeliest(self, subset: int) -> int:
        return max(range(subset, HEADINGS * SUBSETS, SUBSETS), key=lambda i: (self.f[i].score, -i))

    def choose_course(self) -> None:
        """One hypothesis is left when every other one is either unlikely or the same; each subset keeps its own likeliest."""
        self.best = self.likeliest(0)
        f = self.f[self.best]
        rivals = [o for o in self.f[::SUBSETS] if o.score > f.score - COURSE_LEAD and abs(turned(o.x[COURSE] - f.x[COURSE])) > COURSE_SAME]
        if f.p[COURSE, COURSE] > COURSE_KNOWN or rivals:
            return
        self.f = [self.f[self.likeliest(subset)] for subset in range(SUBSETS)]
        self.best, self.mode = 0, RUNNING

    def protection(self, sigma: float) -> float:
        """Of K sigma and the greatest separation: of a subset, or of a course that is not ruled out (Blanch 2015).

        sigma with what the first signals' delays hide, until the vehicle has left them behind.
        """
        q = self.q
        fresh = q["tight_fresh_m"] * exp(-self.travelled / (2 * q["pseudorange_apart_m"]))
        best = self.f[self.best]
        apart = [
            hypot(*(f.x[:2] - best.x[:2]))
            for i, f in enumerate(self.f)
            if (f.score > best.score - COURSE_LEAD if i % SUBSETS == 0 else i // SUBSETS == self.best // SUBSETS)
        ]
        return sqrt(q["tight_k_sigma"] ** 2 * (sigma * sigma + q["tight_unmodelled_m"] ** 2 + fresh * fresh) + max(apart) ** 2)

    def seen(self, now_ns: int) -> Seen:
        f, ahead = self.f[self.best].copy(), max((now_ns - self.time_ns) * 1e-9, 0.0)
        t = (self.time_ns - self.born_ns) * 1e-9 + ahead
        if ahead > 0:
            self.predict(f, ahead, t, odometer=t - self.times["wheel"] < 1.0, moving=self.still < 5)
        level = self.protection(f.major())
        compass = np.diag([1.0, 1.0, 1.0, -1.0])
        covariance = compass @ f.p[:4, :4] @ compass
        sources = sum(1 << int(kind) for kind, at in self.seen_s.items() if t - at < 1)
        alert = level > self.q["alert_level_m"] or self.refused_s >= REFUSED_ALERT_S or self.wheel_refused_s >= 0.3
        return np.concatenate([[f.x[EAST], f.x[NORTH], pi / 2 - f.x[COURSE], f.x[SPEED], level], covariance.ravel()]), (int(alert), sources)


TAKE: dict[Kind, Callable[[Tight, Sample], None]] = {
    Kind.PSEUDORANGE: Tight.take_pseudorange,
    Kind.VELOCITY: Tight.take_velocity,
    **dict.fromkeys(SOFT, Tight.take_soft),
}
