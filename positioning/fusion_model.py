"""The bank of one vehicle, readable: epochs, fixes, who leads, protection level. The twin of the kernel `positioning._fusion`.

Rules:
* All samples of one moment are one epoch: first what says how the vehicle moved until then, then what says where it is.
* Until the heading is known five filters start from five headings; then main, a fix-free and an RTK-free one run side by side.
* A refused but credible fix starts a challenger, which takes over once it has explained the fixes better for some seconds.
"""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from math import copysign, exp, hypot, isnan, log, sqrt

import numpy as np

from positioning import fusion_alignment
from positioning.fusion_heading import FIRST_FIX_M, bend_to, follow, hypotheses, settled
from positioning.fusion_laws import (
    FIXED,
    FLOAT,
    GYRO_SCALE,
    LEAST_WEIGHT,
    NEVER_S,
    SINGLE,
    SOFT,
    Delays,
    Filter,
    Floats,
    Motion,
    Sample,
    against_anchor,
    credence,
    fix_law,
    gross,
    line_of_sight,
    pair_weight,
    predict,
    range_moments,
    soft_update,
    unit,
)  # fmt: skip
from positioning.measurements import Kind

MAIN, FIXLESS, RTKLESS, RANGELESS, CHALLENGER = range(5)
BIT = {FIXED: 1, FLOAT: 2, SINGLE: 4}
RANGES = 8
USES = (15, 14, 12, 7, 15)
EMPTY, EXPLORING, RUNNING = range(3)
LINKS = 8
TIMES = ("wheel", "yaw", "stand", "fix", "swap", "primary", "other", "contradicted")
PATIENCE_S = 0.5  # refused for so long without being taken once, a source contradicts
STREAK_S = 2.5  # refusals farther apart are no streak
REFUSED = 0.05  # weight of a position that does not fit
UNSURE_M = 10.0  # who knows less than what a wrong fix is wrong by gives way sooner, and is not remembered
WRONG_ANCHOR = 8.5  # nats in a row
HEADING_VAGUE = 0.5  # rad^2: without a gyro it gets no worse
LEAST_MARGIN, HOPELESS, MEMORY_S = 3.0, -0.3, 30.0  # s of good fixes; a score; for how long who led before may lead again
PLACE_LOST_M, HEADING_LOST = 100.0, 1.0  # m, rad^2: linear no more; the vehicle starts again where it is seen next


@dataclass(slots=True)
class Bank:
    """One vehicle."""

    q: dict[str, float]
    anchors: Floats
    mode: int = EMPTY
    time_ns: int = 0
    born_ns: int = 0
    still: int = 0
    f: dict[int, Filter] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TIMES, NEVER_S))
    seen_s: dict[int, float] = field(default_factory=dict)
    links: list[list[float]] = field(default_factory=list)  # anchor, travelled at its last use, nats against it in a row
    yaw_rate: float = 0.0
    streak_s: float = 0.0
    travelled: float = 0.0
    margin: float = 0.0
    refused_s: dict[str, tuple[float, float]] = field(default_factory=dict)  # since and last
    t: float = 0.0
    odometer: bool = False
    gyro: bool = False
    moving: bool = True

    def copied(self) -> "Bank":
        return copy.deepcopy(self)

    def using(self, source: int) -> Iterator[tuple[int, Filter]]:
        for i in range(5):  # a challenger born on the way takes part at once
            if i in self.f and (self.mode == EXPLORING or USES[i] & source):
                yield i, self.f[i]

    def epoch(self, unaligned: list[Sample], delays: Delays, *, learn: bool) -> None:
        samples = [fusion_alignment.aligned(s, delays) for s in unaligned]
        place = next((s for s in samples if s.kind in {Kind.FIX, Kind.ROADSIDE_DETECTION}), None)
        if self.mode == EMPTY:
            if place is None:
                return
            self.start(place)
        now = samples[0].measured_ns
        dt, self.t = (now - self.time_ns) * 1e-9, (now - self.born_ns) * 1e-9
        self.travel(dt, *self.read_controls(samples, dt))
        main = self.f[MAIN]
        if self.mode == RUNNING and (main.p[3, 3] > HEADING_LOST or main.major() > PLACE_LOST_M) and place is not None:
            self.start(place)
        if self.mode == RUNNING and dt > 0:
            for f in self.f.values():
                f.score *= exp(-dt / 10)
        exploring = self.mode == EXPLORING
        for s in samples:
            if s.kind == Kind.RANGE:
                self.take_range(s, delays, learn=learn)
            elif s.kind == Kind.FIX and s.detail[0] != SINGLE and s.detail[2]:
                self.take_other(s, delays, learn=learn)
            elif s.kind in TAKE:
                TAKE[Kind(s.kind)](self, s)
        if exploring:
            self.choose_heading()
        else:
            self.judge_challenger()
        self.time_ns = now

    def start(self, s: Sample) -> None:
        fresh = Bank(self.q, self.anchors, odometer=self.odometer, moving=self.moving)
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))
        self.f = dict(enumerate(hypotheses(s, self.q["gnss_bias_m"])))
        self.mode, self.born_ns, self.time_ns = EXPLORING, s.measured_ns, s.measured_ns

    def judge_source(self, source: str, *, refused: bool) -> None:
        if not refused:
            self.refused_s.pop(source, None)
            return
        since, last = self.refused_s.get(source, (self.t, self.t))
        since = since if self.t - last <= STREAK_S else self.t
        self.refused_s[source] = since, self.t
        if self.t - since >= PATIENCE_S:
            self.times["contradicted"] = self.t

    def contradicts(self, missed: Iterable[float], least: float) -> bool:
        """Is it a position that neither the protection level nor its own kind of error covers?"""
        covered = self.q["k_sigma"] * hypot(self.f[MAIN].major(), self.q["unmodelled_m"])
        return self.mode == RUNNING and hypot(*missed) > max(least, covered)

    def judge_anchor(self, link: list[float], against: float) -> None:
        link[2] = min(link[2] + against, 2 * WRONG_ANCHOR) if against > 0 and self.mode == RUNNING else 0
        if link[2] >= WRONG_ANCHOR:
            self.times["contradicted"] = self.t

    def read_controls(self, samples: list[Sample], dt: float) -> tuple[float, float]:
        """-> wheel speed and the yaw rate's interval, NaN where there is none."""
        wheel, yaw_dt, main = np.nan, np.nan, self.f[MAIN]
        for s in samples:
            if s.kind == Kind.WHEEL_SPEED:
                # no vehicle changes its speed faster; and what has been refused must come closer than what never was
                sigma = sqrt(main.p[2, 2])
                limit = 0.5 + 3 * sigma if "wheel" in self.refused_s else 1 + 12 * min(dt, 2.0) + 4 * sigma
                reversed_sign = s.v[0] < -0.5 and main.x[2] > 0.5 and main.p[2, 2] < 1
                if self.mode == RUNNING and (abs(s.v[0] - main.x[2]) > limit or reversed_sign):
                    self.judge_source("wheel", refused=True)
                    continue
                self.judge_source("wheel", refused=False)
                wheel, self.times["wheel"] = s.v[0], self.t
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

    def motion(self, *, odometer: bool, gyro: bool) -> Motion:
        """Without a gyro the vehicle turns as a driver does, whose sideways acceleration is like that along."""
        q, main = self.q, self.f[MAIN]
        sideways = min(q["gyro_without"], q["acceleration_without_wheel"] / max(abs(main.x[2]), 0.1))
        unseen = sideways if main.p[3, 3] < HEADING_VAGUE else 0.0
        turning = hypot(q["gyro"], sqrt(GYRO_SCALE * abs(self.yaw_rate - main.x[4]))) if gyro else unseen
        along = q["acceleration" if odometer else "acceleration_without_wheel"]
        return Motion(along, turning, self.yaw_rate if gyro else np.nan, self.still < 5, q)

    def travel(self, dt: float, wheel: float, yaw_dt: float) -> None:
        silent = dt > 1.0  # what speaks again now did not speak for the interval before
        self.gyro = self.t - self.times["yaw"] < 0.5 and not silent
        motion = self.motion(odometer=self.odometer and not silent, gyro=self.gyro)
        for f in self.f.values():
            if dt > 0:
                predict(f, dt, motion)
            if self.moving:
                f.height_variance += self.q["grade"] ** 2 * abs(f.x[2]) * dt
                if not isnan(wheel):
                    f.update(unit(v=1 + f.x[5], s=f.x[2]), wheel - f.x[2] * (1 + f.x[5]), self.q["wheel_sigma_mps"] ** 2)
                continue
            if not isnan(wheel) or self.times["stand"] == self.t:
                f.update(unit(v=1), -f.x[2], 0.005**2)
            if not isnan(yaw_dt):
                f.update(unit(bg=1), self.yaw_rate - f.x[4], self.q["gyro"] ** 2 / yaw_dt)
        if self.moving:
            self.travelled += abs(self.f[MAIN].x[2]) * dt

    def take_other(self, s: Sample, delays: Delays, *, learn: bool) -> None:
        if learn and self.mode == RUNNING:
            fusion_alignment.learn(self.f[MAIN], s, delays, self.t, self.times)
        self.times["other"] = self.t
        self.take_fix(s)

    def take_fix(self, s: Sample) -> None:
        grade, satellites, _ = s.detail
        if grade == SINGLE:
            self.take_single(s)
            return
        sigma, wrong = fix_law(grade, satellites)
        sigma = hypot(sigma, 0.01 * min(max(s.v[3] - 5, 0), 1000) if not isnan(s.v[3]) else 0)
        gap = min(self.t - self.times["fix"], 1.0)
        if grade == FIXED:
            since = self.t - self.times["fix"]
            self.streak_s = self.streak_s + since if since < 2.5 else 0
            self.times["fix"] = self.t
            if self.streak_s < 2:  # the first fixes after a gap are the wrong ones
                sigma, wrong = max(sigma, FIRST_FIX_M), max(wrong, 0.1)
        for i, f in self.using(BIT[grade]):
            self.weigh_rtk(i, f, s, (sigma, wrong, gap))

    def weigh_rtk(self, i: int, f: Filter, s: Sample, law: tuple[float, float, float]) -> None:
        (grade, satellites, source), (sigma, wrong, gap) = s.detail, law
        lasting = (1.0 if satellites >= 13 else 5.0) if grade == FIXED else (10.0 if self.moving else 60.0)
        inflation = lasting / min(max(self.t - f.rtk_s, 0.2), lasting)
        f.rtk_s, straight = self.t, f.copy()
        bend_to(f, np.array(s.v[:2]), sigma * sigma)
        missed, up = np.array(s.v[:2]) - f.x[:2], 0.0 if isnan(s.v[2]) else s.v[2] - f.height
        fits = []
        for spread in (sigma, 10.0 if grade == FIXED else 15.0):
            plane, height = f.p[:2, :2] + np.eye(2) * spread**2, f.height_variance + 4 * spread**2
            d2, det = float(missed @ np.linalg.solve(plane, missed)), float(np.linalg.det(plane))
            fits.append((d2 + up * up / height, det * height, d2))
        weight, evidence = pair_weight(fits[0][:2], fits[1][:2], wrong)
        if self.mode == EXPLORING:
            f.score += evidence
        elif grade == FIXED:
            f.score += credence(satellites) * (2 * weight - 1) * gap
        if i == MAIN:
            if weight > 0.5:
                self.seen_s[Kind.FIX] = self.t
                if grade == FIXED and satellites >= 13 and source == 0:
                    self.times["primary"] = self.t
            self.judge_source("rtk", refused=weight < REFUSED and self.contradicts(missed, gross(grade, satellites)))
            if grade == FIXED and satellites >= 11 and weight < REFUSED and self.mode == RUNNING and CHALLENGER not in self.f:
                self.challenge(s, fits[0][2])
        if weight <= LEAST_WEIGHT:
            f.x, f.p = straight.x, straight.p
        else:
            variance = sigma * sigma * inflation / weight
            f.update(unit(e=1), s.v[0] - f.x[0], variance)
            f.update(unit(n=1), s.v[1] - f.x[1], variance)
            gain = f.height_variance / (f.height_variance + 4 * variance)
            f.height, f.height_variance = f.height + gain * up, f.height_variance * (1 - gain)

    def challenge(self, s: Sample, d2: float) -> None:
        f = self.f[CHALLENGER] = self.f[MAIN].copy()
        f.p[:2], f.p[:, :2] = 0, 0
        f.p[0, 0] = f.p[1, 1] = 1
        f.p[3, 3] += 0.03
        f.x[:2] = s.v[:2]
        f.height, f.height_variance, f.score = f.height if isnan(s.v[2]) else s.v[2], 4.0, 0.0
        self.margin = (LEAST_MARGIN + min(0.1 * d2, 2)) * min(1, UNSURE_M / self.f[MAIN].major())

    def take_single(self, s: Sample) -> None:
        sigma, lasting = fix_law(*s.detail[:2])[0], 10.0 if self.moving else 60.0
        axes = unit(e=1, be=1), unit(n=1, bn=1)
        for i, f in self.using(BIT[SINGLE]):
            inflation = lasting / min(max(self.t - f.single_s, 0.2), lasting)
            f.single_s, straight = self.t, f.copy()
            bend_to(f, np.array(s.v[:2]) - f.x[6:8], sigma * sigma)
            variance = (f.variance(axes[0]) + f.variance(axes[1])) / 2 + sigma * sigma
            d2 = sum(float(s.v[k] - axes[k] @ f.x) ** 2 for k in (0, 1)) / variance
            if self.mode == EXPLORING:
                f.score += max(-0.5 * d2, -8.0) - log(variance)
            if i == MAIN:
                missed = [s.v[k] - float(axis @ f.x) for k, axis in enumerate(axes)]
                self.judge_source("single", refused=self.contradicts(missed, gross(*s.detail[:2])))
            if d2 >= 25:
                f.x, f.p = straight.x, straight.p
                continue
            if i == MAIN:
                self.seen_s[Kind.FIX] = self.t
            for k in (0, 1):
                f.update(axes[k], float(s.v[k] - axes[k] @ f.x), sigma * sigma * inflation / (1 if d2 < 4 else 4 / d2))

    def take_velocity(self, s: Sample) -> None:
        sigma = (0.15 if isnan(s.v[2]) else max(s.v[2], 0.02)) * (4 if s.detail[0] < 13 else 1)
        speed = hypot(s.v[0], s.v[1])
        if s.detail[0] < 9:
            return
        for i, f in sorted(self.f.items()):
            if speed <= max(0.5, 10 * sigma):
                if not self.odometer and self.moving:
                    f.update(unit(v=1), copysign(speed, f.x[2]) - f.x[2], sigma * sigma)
                continue
            turn = self.yaw_rate - f.x[4] if self.gyro else 0.0
            if follow(f, s.v[:2], sigma, turn, self.q, exploring=self.mode == EXPLORING) and i == MAIN:
                self.seen_s[Kind.VELOCITY] = self.t

    def link(self, anchor: int) -> list[float]:
        """The anchor's own memory; the longest unused gives way."""
        for known in self.links:
            if known[0] == anchor:
                return known
        fresh = [anchor, NEVER_S, 0]
        if len(self.links) < LINKS:
            self.links.append(fresh)
        else:
            self.links[min(range(LINKS), key=lambda i: self.links[i][1])] = fresh
        return fresh

    def take_range(self, s: Sample, delays: Delays, *, learn: bool) -> None:
        anchor, q, los = self.anchors[s.detail[0]], self.q, self.q["range_los_share"]
        link, (offset, spread) = self.link(s.detail[0]), delays.at(s.detail[0], s.measured_ns)
        power = min(1.0, (self.travelled - link[1]) / q["range_apart_m"])
        if power < 0.02:  # nothing new, but the range stands by the place
            if link[2] == 0 and self.mode == RUNNING:
                self.seen_s[Kind.RANGE] = self.t
            return
        link[1] = self.travelled
        if self.mode == RUNNING and RANGELESS not in self.f:
            self.f[RANGELESS] = self.f[MAIN].copy()
        for i, f in self.using(RANGES):
            east, north = f.x[:2] - anchor[:2]
            distance = sqrt(east * east + north * north + (anchor[2] - q["antenna_height_m"]) ** 2) + 1e-9
            los = los or line_of_sight(distance)  # as the first of them sees it: the way is the same for all
            h, r = unit(e=east / distance, n=north / distance), s.v[0] - distance - offset
            along = f.variance(h)
            prior = along + spread
            if i == MAIN:
                self.judge_anchor(link, against_anchor(r, sqrt(prior), power, q))
            mean, ratio, evidence = range_moments(r, prior, power, los, q)
            if self.mode == EXPLORING:
                f.score += evidence
            share = along / prior
            f.shift(h, mean * share, 1 - (1 - ratio) * share)
            if i == MAIN and link[2] == 0:
                self.seen_s[Kind.RANGE] = self.t
            if i == MAIN and learn and self.mode == RUNNING:
                delays.learn(s, (offset, spread), mean * (1 - share), 1 - (1 - ratio) * (1 - share))

    def take_soft(self, s: Sample) -> None:
        """Headings, lanes, bearings and differences of ranges: scalars that may be wrong."""
        every = s.kind in {Kind.HEADING, Kind.LANE}
        for i, f in sorted(self.f.items()) if every else self.using(RANGES):
            row = SOFT[Kind(s.kind)](f, s, self.anchors, self.q)
            if row is not None and soft_update(f, *row, exploring=self.mode == EXPLORING) and i == MAIN:
                self.seen_s[s.kind] = self.t

    def take_seen(self, s: Sample) -> None:
        for i, f in sorted(self.f.items()):
            d2 = (s.v[0] - f.x[0]) ** 2 + (s.v[1] - f.x[1]) ** 2
            good = (f.p[0, 0] + f.p[1, 1]) / 2 + s.v[2] ** 2
            bad = good + 100
            weight, evidence = pair_weight((d2 / good, good * good), (d2 / bad, bad * bad), 0.05)
            f.score += evidence if self.mode == EXPLORING else 0
            if i == MAIN:
                self.judge_source("detection", refused=weight < REFUSED and self.contradicts(np.array(s.v[:2]) - f.x[:2], 0))
            if weight >= LEAST_WEIGHT:
                f.update(unit(e=1), s.v[0] - f.x[0], s.v[2] ** 2 / weight)
                f.update(unit(n=1), s.v[1] - f.x[1], s.v[2] ** 2 / weight)
                if i == MAIN:
                    self.seen_s[s.kind] = self.t

    def choose_heading(self) -> None:
        merged = settled(list(self.f.values()))
        if merged is not None:
            self.f, self.mode = {i: merged.copy() for i in (MAIN, FIXLESS, RTKLESS)}, RUNNING
            self.f[FIXLESS].p[[0, 1], [0, 1]] += 4
            self.f[RTKLESS].p[[0, 1], [0, 1]] += 9

    def judge_challenger(self) -> None:
        if CHALLENGER not in self.f:
            return
        main, rival = self.f[MAIN], self.f[CHALLENGER]
        if self.t - self.times["swap"] < MEMORY_S:
            rival.score = max(rival.score, HOPELESS)
        if rival.score < HOPELESS:
            del self.f[CHALLENGER]
        elif rival.score > max(main.score, 0) + self.margin:
            self.f[MAIN], self.f[CHALLENGER], main.score = rival, main, 0.0
            remembered = self.t - self.times["swap"] >= MEMORY_S and main.major() < UNSURE_M  # who comes back has seen the other one fail
            self.times["swap"], self.margin = self.t if remembered else NEVER_S, LEAST_MARGIN
            self.judge_source("rtk", refused=False)
        elif hypot(*(main.x[:2] - rival.x[:2])) < 0.2:
            del self.f[CHALLENGER]


TAKE = {Kind.FIX: Bank.take_fix, Kind.VELOCITY: Bank.take_velocity, Kind.ROADSIDE_DETECTION: Bank.take_seen} | dict.fromkeys(
    SOFT, Bank.take_soft
)
