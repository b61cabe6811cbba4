"""A vehicle's GNSS receiver in a city: a status that comes and goes, errors that stay for a minute, and claims that lie.

What an antenna hears depends on the houses around it, so the sky comes first: open, partly hidden, a deep street, none. Under each sky
the receiver finds each kind of solution for some seconds; how good that is follows from the satellites far more than from its name.

Rules:
* The shares, satellites and sizes of errors are of the kind that RTKLIB shows on a recorded city drive (Nagoya): of 961 fixes with 13
  or more satellites none was wrong by 0.5 m, with fewer a third were; floats are 0.4 m off, but 2.5 m where the sky is narrow, and a
  tenth of those 18 m.
* The error is a Gauss-Markov process per axis, scaled by sky and status and by how bad this stretch of road is: reflections and
  ambiguities that were not found do not average out while one waits.
* A wrong fix is off by a constant for as long as it lasts, and claims a centimetre like a right one.
* The claimed sigma follows from the status alone, as a receiver's filter believes it: that the houses reflect it does not know.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from positioning.samples import FixStatus


class Sky(IntEnum):
    OPEN = 0
    PARTIAL = 1  # houses on one side, trees
    DEEP = 2  # a street canyon
    BLOCKED = 3  # below a bridge, beside a lorry, or tracking lost


@dataclass(frozen=True, slots=True)
class Solution:
    """A status under one sky: its share of the time there, the error's sigma per axis, and how often a fix is a wrong one."""

    status: FixStatus
    share: float
    sigma_m: float
    wrong: float = 0.0


@dataclass(frozen=True, slots=True)
class SkyConfig:
    """`share` of all time, in stretches of `stretch_s` on average (some 100 m of road); satellites used, least and most; `spread`: standard
    deviation of the logarithm of how bad a stretch is for its kind."""

    share: float
    stretch_s: float
    satellites: tuple[int, int]
    spread: float
    solutions: tuple[Solution, ...]


URBAN = MappingProxyType({
    Sky.OPEN: SkyConfig(0.45, 15.0, (13, 19), 0.5, (
        Solution(FixStatus.RTK_FIXED, 0.65, 0.02, wrong=0.003),  # none of 961 seen: at most 3 in 961 (the rule of three)
        Solution(FixStatus.RTK_FLOAT, 0.30, 0.5),
        Solution(FixStatus.SINGLE, 0.05, 2.5),  # the corrections are away
    )),
    Sky.PARTIAL: SkyConfig(0.35, 10.0, (9, 12), 0.8, (
        Solution(FixStatus.RTK_FIXED, 0.12, 0.03, wrong=0.5),  # with the open sky's: 6 % of all fixes
        Solution(FixStatus.RTK_FLOAT, 0.76, 3.0),
        Solution(FixStatus.DIFFERENTIAL, 0.12, 3.0),
    )),
    Sky.DEEP: SkyConfig(0.12, 6.0, (5, 8), 0.8, (
        Solution(FixStatus.RTK_FLOAT, 0.30, 5.0),
        Solution(FixStatus.DIFFERENTIAL, 0.35, 5.0),
        Solution(FixStatus.SINGLE, 0.35, 8.0),
    )),
    Sky.BLOCKED: SkyConfig(0.08, 8.0, (0, 3), 0.0, (Solution(FixStatus.NONE, 1.0, 0.0),)),
})  # fmt: skip
CLAIMED_SIGMA_M = MappingProxyType({
    FixStatus.RTK_FIXED: 0.01,
    FixStatus.RTK_FLOAT: 0.25,
    FixStatus.DIFFERENTIAL: 0.8,
    FixStatus.SINGLE: 4.0,
    FixStatus.NONE: math.nan,
})  # fmt: skip
SOLUTION_S = 3.0  # how long a status lasts on average under one sky
CORRELATION_S = 60.0  # of errors: 0.87 after 10 s and 0.4 after 60 s on the recorded drive
WHITE_SHARE = 0.05  # of the sigma, from epoch to epoch
WRONG_LEAST_M, WRONG_MEAN_M = 0.5, 3.0  # a wrong integer or two of 0.2 m wavelengths, on several satellites
UPWARDS = np.array([1.0, 1.0, 2.0])  # all satellites are above: heights are twice as bad
CORRECTIONS_S = (0.5, 1.5)  # age of what a base station sends each second


@dataclass(frozen=True, slots=True, eq=False)
class Fix:
    """`error_m` (east, north, up) beside the truth; NaN where the status is NONE, as is the claimed sigma (per axis)."""

    status: FixStatus
    satellites: int
    error_m: NDArray[np.float64]
    claimed_sigma_m: float
    correction_age_s: float  # NaN without corrections


class UrbanReceiver:
    """One vehicle's receiver: each `fix` is `period_s` after the one before."""

    def __init__(self, noise: np.random.Generator, period_s: float) -> None:
        self._noise = noise
        self._period_s = period_s
        self._kept = math.exp(-period_s / CORRELATION_S)
        self._error = noise.standard_normal(3)  # in sigmas
        self._offset_m = np.zeros(3)
        self._enter([sky.share for sky in URBAN.values()])  # as an exponential stretch has no memory, it may be under way already

    def fix(self) -> Fix:
        self._advance()
        sigma_m, status = self._solution.sigma_m * self._roughness, self._solution.status
        draws = self._noise.standard_normal(6)
        self._error = self._kept * self._error + math.sqrt(1.0 - self._kept**2) * draws[:3]
        error_m = self._offset_m + sigma_m * UPWARDS * (self._error + WHITE_SHARE * draws[3:])
        if status is FixStatus.NONE:
            error_m = np.full(3, np.nan)
        age_s = self._noise.uniform(*CORRECTIONS_S) if status not in (FixStatus.NONE, FixStatus.SINGLE) else math.nan
        return Fix(status, self._satellites, error_m, CLAIMED_SIGMA_M[status], age_s)

    def _advance(self) -> None:
        self._sky_left_s -= self._period_s
        self._solution_left_s -= self._period_s
        if self._sky_left_s <= 0.0:
            self._enter([sky.share / sky.stretch_s for sky in URBAN.values()])  # how often a stretch of this sky begins
        elif self._solution_left_s <= 0.0:
            self._solve()

    def _enter(self, weights: list[float]) -> None:
        """A new stretch of road."""
        self._sky = URBAN[Sky(self._chosen(weights))]
        self._sky_left_s = self._noise.exponential(self._sky.stretch_s)
        self._roughness = math.exp(self._sky.spread * self._noise.standard_normal())
        self._satellites = int(self._noise.integers(self._sky.satellites[0], self._sky.satellites[1] + 1))
        self._solve()

    def _solve(self) -> None:
        solutions = self._sky.solutions
        self._solution = solutions[self._chosen([solution.share for solution in solutions])]
        self._solution_left_s = self._noise.exponential(SOLUTION_S)
        wrong = self._noise.random() < self._solution.wrong
        bearing_rad = self._noise.uniform(0.0, 2.0 * math.pi)
        length_m = WRONG_LEAST_M + self._noise.exponential(WRONG_MEAN_M) if wrong else 0.0
        self._offset_m = length_m * np.array([math.sin(bearing_rad), math.cos(bearing_rad), self._noise.normal(0.0, 1.0)])

    def _chosen(self, weights: list[float]) -> int:
        return int(np.searchsorted(np.cumsum(weights), self._noise.random() * sum(weights), side="right"))
