"""What an application is: from when on its warning is raised, how long it is held, and how severe it is.

Rules:
* `raised` decides alone, on one evaluation: a warning is raised with the frame that shows the danger.
* `held` is looser than `raised` in every quantity (hysteresis), so a raised warning does not flicker at its threshold.
* By time: danger once only emergency braking helps, caution below ETSI's collision avoidance time (TS 101 539-1: 3 s).
"""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from intersections.conflicts import Conflicts, Rule
from intersections.decisions import Severity, WarningKind

Mask = NDArray[np.bool_]

RAISE_PROBABILITY = 0.4
HOLD_PROBABILITY = 0.2
RAISE_REQUIRED_MPS2 = 3.0
HOLD_REQUIRED_MPS2 = 2.0
DANGER_TTC_S, CAUTION_TTC_S = 1.5, 3.0
DANGER_REQUIRED_MPS2, CAUTION_REQUIRED_MPS2 = 6.0, 4.5  # ordinary drivers' emergency braking; hard braking
NEVER_S = -math.inf  # of an application that does not judge by time

_BY_BRAKING = int(Rule.BY_BRAKING)
_LEVELS = (Severity.INFORMATION, Severity.CAUTION, Severity.DANGER)


@dataclass(frozen=True, slots=True)
class Bounds:
    """A conflict counts that is at most `ttc_s` off, or takes more than `required_mps2` of braking, and is probable enough."""

    ttc_s: float
    required_mps2: float
    probability: float


@dataclass(frozen=True, slots=True)
class Application:
    kind: WarningKind
    raised: Bounds
    held: Bounds


class Gate:
    """Which conflicts of one evaluation raise, and which hold: one pass over all applications together."""

    def __init__(self, applications: Sequence[Application]) -> None:
        """applications: in the order of ConflictKind."""
        # (kind, raised or held, bound): arrays of two columns are judged at once
        self._bounds = np.array([[astuple(one.raised), astuple(one.held)] for one in applications])

    def judge(self, conflicts: Conflicts) -> tuple[Mask, Mask]:
        """Masks over the conflicts: raised, held."""
        bounds = self._bounds[conflicts.pairs[:, 2]]
        ttc_s, _, required_mps2, probability = (conflicts.values[:, column, None] for column in range(4))
        braking = conflicts.pairs[:, 3, None] == _BY_BRAKING
        passed = np.where(braking, required_mps2 > bounds[:, :, 1], ttc_s <= bounds[:, :, 0]) & (probability >= bounds[:, :, 2])
        return passed[:, 0], passed[:, 1]


def severity(rule: int, ttc_s: float, required_mps2: float) -> Severity:
    if rule == _BY_BRAKING:
        level = (required_mps2 > CAUTION_REQUIRED_MPS2) + (required_mps2 > DANGER_REQUIRED_MPS2)
    else:
        level = (ttc_s < CAUTION_TTC_S) + (ttc_s < DANGER_TTC_S)
    return _LEVELS[level]
