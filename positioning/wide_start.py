"""Where a vehicle is by one epoch's pseudoranges alone, readable: the twin of `_wide_start.pxi`.

Rules:
* Iterated least squares in the zone's east, north, up, with the receiver's clock and one bias between two systems.
* What is too long counts for less, what is too short in full: only delays lengthen.
"""

from collections import Counter
from dataclasses import dataclass
from math import isnan, sqrt

import numpy as np

from positioning.fusion_laws import Floats, Numbers, Sample
from positioning.measurements import Kind
from positioning.samples import Verdict

LEAST_SIGNALS, ROUNDS, BLIND_ROUNDS = 5, 15, 7
LEVEL_WEIGHT = 1e-3  # of the zone's height against one good signal: about 100 m
REFERENCE_SIGMA_M, REFERENCE_DBHZ = 3.0, 45.0  # of a signal of weight one
DELAYED_M = 20.0
SYSTEMS_KNOWN = 16
LOWEST_SATELLITE_M = 1e6


@dataclass(slots=True)
class Systems:
    """The system whose time the receiver's clock is told by, and the one with a bias to it; -1: none yet."""

    first: int = -1
    second: int = -1

    def role(self, system: int) -> int:
        """0 the first, 1 the second, 2 a third."""
        if system == self.first:
            return 0
        if self.second < 0:
            self.second = system
        return 1 if system == self.second else 2


def read_signal(measured_ns: int, v: Floats) -> Sample | Verdict:
    """A row of `sights` -> sample; detail: system, satellite."""
    if not all(abs(value) < 1e9 for value in v[:4]) or not np.hypot(np.hypot(v[1], v[2]), v[3]) > LOWEST_SATELLITE_M:
        return Verdict.OUT_OF_RANGE
    if not (isnan(v[4]) or 0 <= v[4] < 100) or v[5] < 0:
        return Verdict.OUT_OF_RANGE
    if not (0 <= v[6] < SYSTEMS_KNOWN and 0 <= v[7] < 65536):
        return Verdict.OUT_OF_RANGE
    return Sample(measured_ns, Kind.PSEUDORANGE, (int(v[6]), int(v[7])), tuple(float(value) for value in v))


def strength(s: Sample, q: Numbers) -> float:
    return q["direct_half_dbhz"] if isnan(s.v[4]) else s.v[4]


def sight(place: Floats, s: Sample) -> tuple[float, Floats]:
    """-> how much farther than from the zone's origin the satellite is, and the slope of that along east, north, up.

    As a difference of squares, for that of two distances is known to 4e-9 m only.
    """
    satellite = np.array(s.v[1:4])
    apart = place - satellite
    distance, origin = np.linalg.norm(apart), np.linalg.norm(satellite)
    return float(place @ (apart - satellite) / (distance + origin)), apart / distance


def most_heard(signals: list[Sample]) -> Systems:
    counted = Counter(s.detail[0] for s in signals)
    ranked = sorted(counted, key=lambda system: (-counted[system], system))
    return Systems(*ranked[:2])


def cold_start(signals: list[Sample], q: Numbers) -> tuple[Systems, Floats, float] | None:
    """-> systems, (east, north, up, clock, inter-system bias) and the standard deviation of the place; None where it gives none."""
    if len(signals) < LEAST_SIGNALS:
        return None
    systems, place = most_heard(signals), np.zeros(5)
    for attempt in range(ROUNDS):
        normal, right = np.diag([0, 0, LEVEL_WEIGHT, 0, (REFERENCE_SIGMA_M / q["inter_system_m"]) ** 2]), np.zeros(5)
        right[[2, 4]] = -np.diag(normal)[[2, 4]] * place[[2, 4]]
        for s in signals:
            part = systems.role(s.detail[0])
            if part == 2:
                continue
            distance, slope = sight(place[:3], s)
            h = np.array([*slope, 1.0, part])
            r = s.v[0] - distance - place[3] - part * place[4]
            weight = 10 ** ((strength(s, q) - REFERENCE_DBHZ) / 10)
            if attempt >= BLIND_ROUNDS:
                weight /= 1 + (max(r, 0.0) / DELAYED_M) ** 2
            normal += weight * np.outer(h, h)
            right += weight * h * r
        if not np.all(np.isfinite(normal)) or not solvable(normal):
            return None
        place += np.linalg.solve(normal, right)
    spread = np.linalg.inv(normal)
    return systems, place, REFERENCE_SIGMA_M * sqrt(max(spread[0, 0], spread[1, 1]))


def solvable(normal: Floats) -> bool:
    """Do Cholesky's pivots stay clear of zero?"""
    left = normal.copy()
    for i in range(len(left)):
        if not left[i, i] > 1e-9:
            return False
        left[i + 1 :, i + 1 :] -= np.outer(left[i + 1 :, i], left[i, i + 1 :]) / left[i, i]
    return True
