"""What a measurement is worth, readable: the twin of the laws in the kernel `positioning._fusion`.

Rules:
* A fix is judged by status and satellites only, as learnt on recorded drives; the receiver's own sigma says nothing
  (Nagoya: formal 0.25 m, true 25 m).
* A range is too long far more often than too short: line-of-sight noise, or noise and an exponential excess, or an outlier.
"""

from dataclasses import dataclass, field
from math import atan2, cos, erfc, exp, hypot, isnan, log, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from positioning.measurements import Kind
from positioning.samples import FixStatus

Floats = NDArray[np.float64]
Numbers = dict[str, float]
Soft = tuple[Floats, float, float, tuple[float, float]]  # row, residual, sigma; probability and sigma of a wrong one
NEVER_S = -1e9
FUTURE_NS = 1_000_000_000  # a stamp may be so far ahead of its receipt
RENEWAL_NS = 3_000_000_000  # of the anchors' delays: longer than FUTURE_NS and the longest window together
LEAST_WEIGHT = 0.02
GROSS_OF_FIX_M = 10.0  # farther off than wrong fixes are, of too few satellites to be hardly ever wrong
GROSS_M, GROSS_OF_FEW_M = 60.0, 300.0  # than reflections make what is no fixed solution, of many satellites or few
TOO_SHORT = 3.0  # nats against a range that is shorter than can be; the most that one range counts
TOO_LONG = 2.5  # nats for a range that is only long: log of its 300 m against an excess of 12 m, half of them in sight
GYRO_SCALE = 1e-5  # rad: variance of the heading per angle turned, of what is wrong with the gyro's scale
ROOT_2PI_INVERSE = 0.3989422804014327
FIXED, FLOAT, SINGLE = 1, 2, 3
GRADES = {FixStatus.RTK_FIXED: FIXED, FixStatus.RTK_FLOAT: FLOAT}  # the rest are single
LAWS = {  # least satellites, sigma m, share of wrong ones
    FIXED: ((13, 0.06, 0.01), (11, 1.0, 0.1), (9, 2.5, 0.3), (0, 8.0, 0.5)),
    FLOAT: ((15, 0.8, 0.2), (13, 2.0, 0.3), (0, 12.0, 0.3)),
    SINGLE: ((13, 2.0, 0.1), (0, 12.0, 0.1)),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement in the zone's plane; detail: (grade, satellites, source) of a fix, satellites of a velocity, or an anchor's row."""

    measured_ns: int
    kind: int
    detail: tuple[int, ...]
    v: tuple[float, ...]


@dataclass(slots=True, eq=False)
class Filter:
    """x = (east, north, speed, heading from east to north, yaw-rate bias, odometer scale, GNSS bias east, north)."""

    x: Floats
    p: Floats
    height: float = 0.0
    height_variance: float = 0.0
    rtk_s: float = NEVER_S
    single_s: float = NEVER_S
    score: float = 0.0

    def copy(self) -> "Filter":
        return Filter(self.x.copy(), self.p.copy(), self.height, self.height_variance, self.rtk_s, self.single_s, self.score)

    def update(self, h: Floats, residual: float, variance: float) -> None:
        """One scalar measurement (Groves 2013 eq. 3.21-3.25)."""
        g = self.p @ h
        s = 1 / (h @ g + variance)
        self.x += g * residual * s
        self.p -= np.outer(g, g) * s

    def shift(self, h: Floats, mean: float, ratio: float) -> None:
        """Along h the prior N(0, S) becomes N(mean, ratio S): assumed density."""
        g = self.p @ h
        s = h @ g
        if s > 0:
            self.x += g * mean / s
            self.p -= np.outer(g, g) * (1 - ratio) / s

    def major(self) -> float:
        """Root of the larger eigenvalue of the position's covariance."""
        p = self.p
        return sqrt(max((p[0, 0] + p[1, 1]) / 2 + hypot((p[0, 0] - p[1, 1]) / 2, p[0, 1]), 0.0))

    def variance(self, h: Floats) -> float:
        return float(h @ self.p @ h)


class Delays:
    """Each anchor's group delay and, after them, each source's offsets east and north, m: N(offset, variance) for samples after `since_ns`,
    what it was before, and what was learnt.

    Of the moments that are whole multiples of RENEWAL_NS one after another: what is learnt until one holds for samples after the next.
    So every sample meets the same delays, whenever it comes and whenever a step is asked for.
    """

    def __init__(self, anchors: int, sigma_m: float, offsets: Floats) -> None:
        self.anchors, self.sources = anchors, len(offsets) // 2
        self.current = np.concatenate([np.tile([0.0, sigma_m**2], (anchors, 1)), offsets])
        self.before = self.current.copy()
        self.learnt = [
            np.zeros_like(self.current),
            np.zeros_like(self.current),
        ]  # until `since_ns` and after: precision, its offset times that
        self.since_ns = 0

    def row_of_source(self, source: int) -> int:
        return self.anchors + 2 * source

    def of_source(self, s: Sample) -> tuple[tuple[float, float], tuple[float, float]]:
        row = self.row_of_source(s.detail[2])
        return self.at(row, s.measured_ns), self.at(row + 1, s.measured_ns)

    def add(self, row: int, measured_ns: int, precision: float, moment: float) -> None:
        self.learnt[measured_ns > self.since_ns][row] += precision, moment

    def at(self, row: int, measured_ns: int) -> tuple[float, float]:
        offset, variance = (self.current if measured_ns > self.since_ns else self.before)[row]
        return float(offset), float(variance)

    def learn(self, s: Sample, prior: tuple[float, float], mean: float, ratio: float) -> None:
        """What makes N(offset, variance) into N(offset + mean, ratio variance), as a factor: such evidence adds up in any order."""
        offset, variance = prior
        precision = (1 / ratio - 1) / variance
        self.add(s.detail[0], s.measured_ns, precision, precision * offset + mean / (ratio * variance))

    def renew(self, settled_ns: int) -> None:
        if settled_ns <= self.since_ns:
            return
        for _ in range(2 if settled_ns > self.since_ns + RENEWAL_NS else 1):
            offset, variance = self.current.T
            precision = 1 / variance + self.learnt[0][:, 0]
            self.before = self.current
            self.current = np.column_stack([(offset / variance + self.learnt[0][:, 1]) / precision, 1 / precision])
            self.learnt = [self.learnt[1], np.zeros_like(self.learnt[0])]
        self.since_ns = (settled_ns // RENEWAL_NS + 1) * RENEWAL_NS


@dataclass(slots=True)
class Motion:
    """How the vehicle is taken to move over one interval; a yaw rate that is NaN is not known."""

    acceleration: float
    gyro: float
    yaw_rate: float
    moving: bool
    numbers: dict[str, float] = field(default_factory=dict)


def unit(**terms: float) -> Floats:
    """A measurement's row by the states' names."""
    h = np.zeros(8)
    for name, value in terms.items():
        h[("e", "n", "v", "psi", "bg", "s", "be", "bn").index(name)] += value
    return h


def predict(f: Filter, dt: float, m: Motion) -> None:
    """A turn along its middle heading; speed a random walk, with its cross terms to the position (Bar-Shalom 2001 eq. 6.3.2-4)."""
    q, x = m.numbers, f.x
    turn = m.yaw_rate - x[4] if m.moving and not isnan(m.yaw_rate) else 0.0
    middle, d = x[3] + 0.5 * turn * dt, x[2] * dt
    c, s, fade = cos(middle), sin(middle), exp(-dt / q["gnss_time_s"])
    across = (q["lever_m"] - q["tyre_s"] * x[2]) * turn * dt
    step = np.eye(8)
    step[0, 2:4], step[1, 2:4], step[6, 6], step[7, 7] = (c * dt, -d * s), (s * dt, d * c), fade, fade
    if m.moving:
        step[0, 4], step[1, 4], step[3, 4] = 0.5 * d * s * dt, -0.5 * d * c * dt, -dt
    x[:2] += d * c - across * s, d * s + across * c
    x[3] += turn * dt
    x[6:] *= fade
    noise = np.zeros((8, 8))
    noise[6, 6] = noise[7, 7] = q["gnss_bias_m"] ** 2 * (1 - fade * fade)
    noise[4, 4] = q["gyro_bias"] ** 2 * dt
    if m.moving:
        a, along = m.acceleration**2, np.array([c, s])
        noise[2, 2], noise[3, 3], noise[5, 5] = a * dt, m.gyro**2 * dt, q["scale"] ** 2 * dt
        noise[:2, 2] = noise[2, :2] = along * a * dt**2 / 2
        noise[:2, :2] = np.outer(along, along) * a * dt**3 / 3 + np.eye(2) * q["slip"] ** 2 * abs(d)
    f.p = step @ f.p @ step.T + noise


def fix_law(grade: int, satellites: int) -> tuple[float, float]:
    """-> sigma m per axis, probability of being grossly wrong."""
    return next((sigma, wrong) for least, sigma, wrong in LAWS[grade] if satellites >= least)


def credence(satellites: int) -> float:
    return 1.0 if satellites >= 13 else (0.3 if satellites >= 11 else 0.05)


def gross(grade: int, satellites: int) -> float:
    """Farther off than such a fix ever is by its own kind of error."""
    if grade == FIXED and satellites >= 11:
        return 0.0 if satellites >= 13 else GROSS_OF_FIX_M
    return GROSS_M if satellites >= 13 else GROSS_OF_FEW_M


def line_of_sight(distance: float) -> float:
    """3GPP TR 38.901 table 7.4.2-1, urban micro."""
    return 18 / distance + exp(-distance / 36) * (1 - 18 / distance) if distance > 18 else 1.0


def delayed_normal(r: float, variance: float, tau: float) -> tuple[float, float, float]:
    """N(0, variance) + Exp(tau) at r, and its derivatives: the exponentially modified Gaussian."""
    s = sqrt(variance)
    z = (s / tau - r / s) / sqrt(2)
    normal = exp(-0.5 * r * r / variance) / s * ROOT_2PI_INVERSE
    if z < 5:
        density = 0.5 / tau * exp(0.5 * variance / tau / tau - r / tau) * erfc(z)
    else:
        density = normal / tau * s / (z * sqrt(2)) * (1 - 1 / (2 * z * z))
    first = (normal - density) / tau
    return density, first, (-r / variance * normal - first) / tau


def range_moments(r: float, prior: float, power: float, los: float, q: dict[str, float]) -> tuple[float, float, float]:
    """-> mean, variance ratio and evidence of the state along the range (Masreliez 1975), tempered by `power`."""
    direct = prior + q["range_los_m"] ** 2
    g = exp(-0.5 * r * r / direct) / sqrt(direct) * ROOT_2PI_INVERSE
    density, first, second = delayed_normal(r, prior + q["range_nlos_m"] ** 2, q["range_excess_m"])
    p = los * g + (1 - los) * density + q["range_outlier"] / 300 * (1.0 if r > -5 else 1e-3) + 1e-300
    slope = (-los * r / direct * g + (1 - los) * first) / p
    bend = (los * g * (r * r / direct - 1) / direct + (1 - los) * second) / p - slope * slope
    ratio = min(max(1 + prior * bend, 0.02), 0.999)
    tempered = 1 / (1 + power * (1 / ratio - 1))
    return -prior * slope * power / ratio * tempered, tempered, log(p)


def against_anchor(r: float, sigma: float, power: float, q: Numbers) -> float:
    """Nats. Nothing makes a range too short; what makes it too long is one value per `range_apart_m` (Page 1954: a running sum)."""
    return TOO_SHORT if r < -5 - 4 * sigma else min(power * ((r - 4 * sigma) / q["range_excess_m"] - TOO_LONG), TOO_SHORT)


def pair_weight(good: tuple[float, float], bad: tuple[float, float], wrong: float) -> tuple[float, float]:
    """(d2, determinant) of both -> posterior of "as good as claimed" in a mixture of two normals, and its evidence."""
    likely, unlikely = (-0.5 * (d2 + log(det)) for d2, det in (good, bad))
    most = max(likely, unlikely)
    a, b = (1 - wrong) * exp(likely - most), wrong * exp(unlikely - most)
    return a / (a + b), most + log(a + b)


def soft_update(f: Filter, h: Floats, r: float, sigma: float, wrong: tuple[float, float], *, exploring: bool) -> bool:
    """A scalar that may be wrong; wrong: its probability and then its sigma. -> was it taken?"""
    s = f.variance(h)
    good, bad = s + sigma * sigma, s + wrong[1] ** 2
    weight, evidence = pair_weight((r * r / good, good), (r * r / bad, bad), wrong[0])
    if exploring:
        f.score += evidence
    if weight < LEAST_WEIGHT:
        return False
    f.update(h, r, sigma * sigma / weight)
    return True


def turned(angle: float) -> float:
    """To [-pi, pi]."""
    return float(angle - 2 * pi * np.rint(angle / (2 * pi)))


def bearing(f: Filter, anchor: Floats) -> tuple[float, Floats, float]:
    """-> angle from the anchor, its row, squared distance."""
    east, north = f.x[:2] - anchor[:2]
    square = east * east + north * north
    return atan2(north, east), unit(e=-north / max(square, 1e-9), n=east / max(square, 1e-9)), square


def difference(f: Filter, s: Sample, anchors: Floats, q: Numbers) -> Soft:
    h, expected = np.zeros(8), 0.0
    for sign, anchor in ((1, anchors[s.detail[0]]), (-1, anchors[int(s.v[1])])):
        east, north = f.x[:2] - anchor[:2]
        distance = sqrt(east * east + north * north + (anchor[2] - q["antenna_height_m"]) ** 2) + 1e-9
        h += sign * unit(e=east / distance, n=north / distance)
        expected += sign * distance
    return h, s.v[0] - expected, q["tdoa_sigma_m"], (0.3, 20.0)


def angle(f: Filter, s: Sample, anchors: Floats, _q: Numbers) -> Soft | None:
    expected, h, square = bearing(f, anchors[s.detail[0]])
    return None if square < 1 else (h, turned(s.v[0] - expected), s.v[1], (0.2, 0.5))


def heading(f: Filter, s: Sample, _anchors: Floats, _q: Numbers) -> Soft:
    return unit(psi=1), turned(s.v[0] - f.x[3]), s.v[1], (0.1, 1.0)


def lane(f: Filter, s: Sample, _anchors: Floats, _q: Numbers) -> Soft:
    h = unit(e=-sin(s.v[2]), n=cos(s.v[2]))
    return h, float(h[:2] @ (np.array(s.v[:2]) - f.x[:2])), s.v[3], (0.2, 10.0)


SOFT = {Kind.TDOA: difference, Kind.ANGLE_OF_ARRIVAL: angle, Kind.HEADING: heading, Kind.LANE: lane}
