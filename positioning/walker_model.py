"""Whoever is seen by surveyed anchors only, readable: a walker with a tag. The twin of the kernel `positioning._walker`.

Rules:
* Ranges or differences of ranges to several anchors at once are enough to start; while two places explain them equally well there is
  no position.
* A link's error is noise, an error that lasts a second or so (reflections, bodies) and the anchor's delay. The latter two are states:
  a hundred ranges are not a hundred witnesses.
* A walker goes straight when fast and turns when slow: its velocity's noise is along it, not across.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import atan2, cos, exp, hypot, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from positioning.fusion_laws import NEVER_S, Delays, Filter, Floats, Numbers, Sample, line_of_sight, range_moments, soft_update
from positioning.measurements import Kind

STATES, LINKS = 12, 4
EMPTY, RUNNING = 0, 2
SPEED, DELAY, ERROR = 2, 4, 8  # after east and north: their speeds, the links' delays, the links' lasting errors
FRESH_S = 1.0  # links heard within it can start together
PATIENCE_S = 0.5  # three links wait so long for a fourth
DIRECTIONS, ITERATIONS = 8, 40
FIRST_DAMPING = 1e-3
ROUNDING = 1 + 1e-12  # the cost is flat at its least: the last steps change it by less than it can tell
AMBIGUOUS = 3.0  # less difference between two costs is none
APART_M = 1.0  # closer places are one
BRISK_MPS = 1.5
START_SPEED_MPS = 1.0
COAST_S = 0.3  # without news for longer, one is taken to stand
BLIND_S = 1.0
WANDER = 0.25  # m/sqrt(s), of one who stood when last heard
REFUSALS = 10  # of one link in a row
WRONG_DIFFERENCE = 0.3, 20.0
WITH_ANCHORS = 0.6  # of what is not modelled, as in the bank


@dataclass(slots=True)
class Link:
    anchor: int = -1
    heard_s: float = NEVER_S
    range_m: float = 0.0
    refused: int = 0


@dataclass(slots=True)
class Walker:
    """One walker. apart_m: how far the place of the start moves without one link or by the filter, fading as the links' errors do."""

    q: Numbers
    anchors: Floats
    mode: int = EMPTY
    time_ns: int = 0
    born_ns: int = 0
    t: float = 0.0
    lonely_s: float = 0.0  # when less than three links were last heard together
    apart_m: float = 0.0
    f: Filter = field(default_factory=lambda: Filter(np.zeros(STATES), np.zeros((STATES, STATES))))
    links: list[Link] = field(default_factory=lambda: [Link() for _ in range(LINKS)])
    seen_s: dict[int, float] = field(default_factory=dict)
    driven: bool = False

    def copied(self) -> "Walker":
        return deepcopy(self)

    def epoch(self, samples: list[Sample], delays: Delays, *, learn: bool) -> None:
        del learn  # a walker teaches nothing about the anchors: nothing else says where it is
        now = samples[0].measured_ns
        if not self.born_ns:
            self.born_ns = self.time_ns = now
        dt, self.t = (now - self.time_ns) * 1e-9, (now - self.born_ns) * 1e-9
        self.time_ns = now
        self.driven |= any(s.kind == Kind.WHEEL_SPEED for s in samples)
        if self.driven:
            self.mode = EMPTY
            return
        if self.mode == EMPTY:
            self.start(samples, delays)
            return
        predict(self, dt)
        for s in samples:
            if s.kind == Kind.RANGE and (k := self.link(s.detail[0], delays)) >= 0:
                self.links[k].heard_s = self.t
                self.take_range(k, s.v[0], 0.0)
            elif s.kind == Kind.TDOA:
                self.take_difference(s, delays)
        if all(link.refused >= REFUSALS for link in self.links if self.t - link.heard_s < FRESH_S):
            self.mode, self.links = EMPTY, [Link() for _ in range(LINKS)]

    def link(self, anchor: int, delays: Delays) -> int:
        """The anchor's place among the links; one that is silent gives way; -1 where none is."""
        for k, known in enumerate(self.links):
            if known.anchor == anchor:
                return k
        k = min(range(LINKS), key=lambda k: self.links[k].heard_s)
        if self.t - self.links[k].heard_s < FRESH_S:
            return -1
        self.links[k] = Link(anchor)
        for i, mean, variance in (DELAY + k, *delays.at(anchor, self.time_ns)), (ERROR + k, 0.0, self.q["link_error_m"] ** 2):
            self.f.p[i, :], self.f.p[:, i] = 0, 0
            self.f.x[i], self.f.p[i, i] = mean, variance
        return k

    def start(self, samples: list[Sample], delays: Delays) -> None:
        for s in samples:
            if s.kind == Kind.RANGE and (k := self.link(s.detail[0], delays)) >= 0:
                self.links[k].heard_s, self.links[k].range_m = self.t, s.v[0]
        if not self.start_by_ranges(delays):
            self.start_by_differences([s for s in samples if s.kind == Kind.TDOA], delays)

    def start_by_ranges(self, delays: Delays) -> bool:
        fresh = [k for k in range(LINKS) if self.links[k].anchor >= 0 and self.t - self.links[k].heard_s <= FRESH_S]
        if len(fresh) < 3:
            self.lonely_s = self.t
        if len(fresh) < 3 or (len(fresh) < LINKS and self.t - self.lonely_s < PATIENCE_S):
            return False
        place = self.settle([self.links[k].anchor for k in fresh], [self.links[k].range_m for k in fresh], delays, common=False)
        if place is None:
            return False
        for k in fresh:
            self.take_range(k, self.links[k].range_m, BRISK_MPS * (self.t - self.links[k].heard_s))
        self.apart_m += hypot(*(self.f.x[:2] - place))
        return True

    def start_by_differences(self, differences: list[Sample], delays: Delays) -> None:
        """The first three of one moment to one reference."""
        same = [s for s in differences if s.v[1] == differences[0].v[1]]
        first = same[: LINKS - 1]
        anchors = [*(int(s.v[1]) for s in first[:1]), *(s.detail[0] for s in first)]
        if len(set(anchors)) < LINKS:
            return
        place = self.settle(anchors, [0.0, *(s.v[0] for s in first)], delays, common=True)
        if place is not None:
            for s in same:
                self.take_difference(s, delays)
            self.apart_m += hypot(*(self.f.x[:2] - place))

    def settle(self, anchors: Sequence[int], metres: Sequence[float], delays: Delays, *, common: bool) -> Floats | None:
        """Begin where these ranges meet, if that is one place."""
        q, places = self.q, self.anchors[list(anchors)]
        offsets, variances = np.transpose([delays.at(anchor, self.time_ns) for anchor in anchors])
        ranges = np.array(metres) - offsets
        scale = 3 * sqrt(q["range_los_m"] ** 2 + q["link_error_m"] ** 2 + float(np.mean(variances)))
        found = meeting(places, ranges, q["antenna_height_m"], scale, common=common)
        if found is None:
            return None
        place, reach = found
        self.apart_m = separation(places, ranges, q["antenna_height_m"], scale, place, reach, common=common)
        prior = places[:, :2].mean(axis=0), reach
        normal = misfit(places, ranges, q["antenna_height_m"], scale, place, prior, common=common)[1]
        self.f.x[:DELAY] = [place[0], place[1], 0, 0]
        self.f.p[:DELAY], self.f.p[:, :DELAY] = 0, 0
        self.f.p[:2, :2] = np.linalg.inv(normal)  # in units of three sigma: what is taken below a second time is a tenth of the evidence
        self.f.p[[2, 3], [2, 3]] = START_SPEED_MPS**2
        self.mode = RUNNING
        return place

    def ray(self, k: int) -> tuple[float, Floats]:
        """-> what the link measures, and its row."""
        anchor, h = self.anchors[self.links[k].anchor], np.zeros(STATES)
        east, north = self.f.x[:2] - anchor[:2]
        distance = sqrt(east * east + north * north + (anchor[2] - self.q["antenna_height_m"]) ** 2) + 1e-9
        h[0], h[1], h[DELAY + k], h[ERROR + k] = east / distance, north / distance, 1, 1
        return distance + self.f.x[DELAY + k] + self.f.x[ERROR + k], h

    def take_range(self, k: int, measured_m: float, walked_m: float) -> None:
        """walked_m: how far the walker may have come since."""
        expected, h = self.ray(k)
        link, r, prior = self.links[k], measured_m - expected, self.f.variance(h)
        law = self.q | {name: hypot(self.q[name], walked_m) for name in ("range_los_m", "range_nlos_m")}
        mean, ratio, _ = range_moments(r, prior, 1.0, law["range_los_share"] or line_of_sight(expected), law)
        self.f.shift(h, mean, ratio)
        far = 4 * sqrt(prior + law["range_nlos_m"] ** 2)
        link.refused = link.refused + 1 if r < -far or r > far + 5 * law["range_excess_m"] else 0
        if not link.refused:
            self.seen_s[Kind.RANGE] = self.t

    def take_difference(self, s: Sample, delays: Delays) -> None:
        near, far = self.link(s.detail[0], delays), -1
        if near >= 0:
            self.links[near].heard_s = self.t
            far = self.link(int(s.v[1]), delays)
        if far < 0:
            return
        self.links[far].heard_s = self.t
        (near_m, h), (far_m, minus) = self.ray(near), self.ray(far)
        taken = soft_update(self.f, h - minus, s.v[0] - near_m + far_m, self.q["tdoa_sigma_m"], WRONG_DIFFERENCE, exploring=False)
        if taken:
            self.seen_s[Kind.TDOA] = self.t
        for k in near, far:
            self.links[k].refused = 0 if taken else self.links[k].refused + 1

    def seen(self, now_ns: int) -> tuple[Floats, tuple[int, int]]:
        """As a row of the kernel's output, at `now_ns`."""
        ahead, dt = self.copied(), max((now_ns - self.time_ns) * 1e-9, 0.0)
        predict(ahead, dt)
        x, p, t = ahead.f.x, ahead.f.p, self.t + dt
        sigma = sqrt((p[0, 0] + p[1, 1]) / 2 + hypot((p[0, 0] - p[1, 1]) / 2, p[0, 1]))
        level = max(self.q["k_sigma"] * hypot(sigma, WITH_ANCHORS * self.q["unmodelled_m"]), ahead.apart_m)
        refused = any(link.refused >= REFUSALS and t - link.heard_s < FRESH_S for link in self.links)
        sources = sum(1 << int(kind) for kind, at in self.seen_s.items() if t - at < 1)
        place = [x[0], x[1], pi / 2 - atan2(x[3], x[2]), hypot(x[2], x[3]), level]
        return np.concatenate([place, polar(x, p).ravel()]), (int(level > self.q["alert_level_m"] or refused), sources)


def meeting(places: Floats, ranges: Floats, height: float, scale: float, *, common: bool) -> tuple[Floats, float] | None:
    """-> where the ranges meet, how far from the anchors that may be; None where two places are as good. common: all lack the same."""
    centre = places[:, :2].mean(axis=0)
    spread = sqrt(float(((places[:, :2] - centre) ** 2).sum(axis=1).mean()))
    reach = spread if common else spread + float(np.abs(ranges).mean())
    found = []
    for turn in range(DIRECTIONS):
        begin = centre + reach * np.array([cos(turn * 2 * pi / DIRECTIONS), sin(turn * 2 * pi / DIRECTIONS)])
        found.append(descend(places, ranges, height, scale, begin, (centre, reach), common=common))
    cost, best = found[0]
    for other_cost, other in found[1:]:
        if other_cost < cost - 1e-9:
            cost, best = other_cost, other
    if any(other_cost < cost + AMBIGUOUS and hypot(*(other - best)) > APART_M for other_cost, other in found):
        return None
    return best, reach


def separation(places: Floats, ranges: Floats, height: float, scale: float, best: Floats, reach: float, *, common: bool) -> float:
    """How far the place moves without one of the links, where there are too few for weights to find the wrong one."""
    if len(places) - 2 - common != 1:
        return 0.0
    prior = places[:, :2].mean(axis=0), reach
    less = (np.arange(len(places)) != left_out for left_out in range(len(places)))
    return max(hypot(*(descend(places[rest], ranges[rest], height, scale, best, prior, common=common)[1] - best)) for rest in less)


def descend(
    places: Floats, ranges: Floats, height: float, scale: float, begin: Floats, prior: tuple[Floats, float], *, common: bool
) -> tuple[float, Floats]:
    """From one beginning down to the least cost near it (Levenberg and Marquardt; Nocedal 2006 section 10.3). -> cost, place."""
    place, damping = begin, FIRST_DAMPING
    cost, normal, right = misfit(places, ranges, height, scale, place, prior, common=common)
    for _ in range(ITERATIONS):
        tried = place + np.linalg.solve(normal * (1 + damping * np.eye(2)), right)
        new = misfit(places, ranges, height, scale, tried, prior, common=common)
        if new[0] <= cost * ROUNDING:
            place, damping, (cost, normal, right) = tried, damping / 10, new
        else:
            damping *= 10
    return cost, place


def misfit(
    places: Floats, ranges: Floats, height: float, scale: float, place: Floats, prior: tuple[Floats, float], *, common: bool
) -> tuple[float, Floats, Floats]:
    """Of a place, with the normal equations there: squares, or Cauchy's cost where two witnesses can outvote a third, and a wide prior."""
    away = place - places[:, :2]
    distance = np.sqrt((away**2).sum(axis=1) + (places[:, 2] - height) ** 2) + 1e-9
    r, rows = (ranges - distance) / scale, away / distance[:, None] / scale
    if common:
        r, rows = r - r.mean(), rows - rows.mean(axis=0)
    robust = len(places) - 2 - common >= 2
    weight = 1 / (1 + r * r) if robust else np.ones(len(places))
    off = (place - prior[0]) / prior[1]
    cost = float((np.log1p(r * r) if robust else r * r).sum() + off @ off)
    return cost, (rows * weight[:, None]).T @ rows + np.eye(2) / prior[1] ** 2, (rows * weight[:, None]).T @ r - off / prior[1]


def predict(b: Walker, dt: float) -> None:
    """A random walk of the velocity (Bar-Shalom 2001 eq. 6.2.2-12), then, unheard for long, of the place."""
    if dt <= 0:
        return
    x, p, near = b.f.x, b.f.p, min(dt, BLIND_S)
    least = max(hypot(x[2], x[3]) - 2 * sqrt(p[2, 2] + p[3, 3]), 0.0)
    step, noise = np.eye(STATES), velocity_noise(b)
    step[0, 2] = step[1, 3] = near
    p[:] = step @ p @ step.T
    p[:2, :2] += noise * near**3 / 3
    p[:2, 2:4] += noise * near**2 / 2
    p[2:4, :2] += noise * near**2 / 2
    p[2:4, 2:4] += noise * near
    x[:2] += x[2:4] * min(near, COAST_S)
    if dt > near:
        wander(b, dt - near, least)
    lasting = exp(-dt / b.q["link_time_s"])
    x[ERROR:] *= lasting
    p[ERROR:] *= lasting
    p[:, ERROR:] *= lasting
    p[range(ERROR, STATES), range(ERROR, STATES)] += b.q["link_error_m"] ** 2 * (1 - lasting * lasting)
    b.apart_m *= lasting


def velocity_noise(b: Walker) -> Floats:
    """Per second: round while slow, along the course while fast, as far as that is known."""
    v, spread, q = b.f.x[2:4], b.f.p[2:4, 2:4], b.q
    square = float(v @ v)
    fast = square / (square + q["walk_slow_mps"] ** 2)
    along = (np.outer(v, v) + spread) / (square + spread[0, 0] + spread[1, 1] + 1e-12)
    noise = q["walk"] ** 2 * (np.eye(2) * (1 - fast) + along * fast) + q["walk_across"] ** 2 * fast * (np.eye(2) - along)
    return np.asarray(noise)


def wander(b: Walker, dt: float, speed: float) -> None:
    """Who stood stays about there; who walked may have walked on."""
    b.f.p[2:4], b.f.p[:, 2:4] = 0, 0
    b.f.p[range(4), range(4)] += [WANDER**2 * dt + (speed * dt) ** 2] * 2 + [START_SPEED_MPS**2] * 2
    b.f.x[2:4] = 0


def polar(x: Floats, p: Floats) -> NDArray[np.float64]:
    """Covariance of east, north, speed and course (clockwise); a course of one who stands may be any."""
    speed, turn = hypot(x[2], x[3]), np.zeros((4, 4))
    c, s = (x[2] / speed, x[3] / speed) if speed > 0 else (1.0, 0.0)
    known = speed * speed > p[2, 2] + p[3, 3]
    turn[0, 0] = turn[1, 1] = 1
    turn[2, 2:] = c, s
    turn[3, 2:] = (s / speed, -c / speed) if known else (0, 0)
    covariance = turn @ p[:4, :4] @ turn.T
    covariance[3, 3] += 0 if known else pi**2 / 3
    return np.asarray(covariance)
