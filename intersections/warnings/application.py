"""What an application is: from when on its warning is raised, how long it is held, and how severe it is.

Rules:
* `raised` decides alone, on one evaluation: a warning is raised with the frame that shows the danger.
* `held` is looser than `raised` in every quantity (hysteresis), so a raised warning does not flicker at its threshold.
* By time: danger once only emergency braking helps, caution below ETSI's collision avoidance time (TS 101 539-1: 3 s).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from intersections._conflicts import sift
from intersections.conflicts import Conflicts, Rule
from intersections.decisions import Severity, WarningKind

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
        self._bounds = np.array([[astuple(one.raised), astuple(one.held)] for one in applications])

    def judge(self, conflicts: Conflicts, ids: NDArray[np.int64], fresh: NDArray[np.bool_]) -> Iterator[tuple[int, list[int], bool]]:
        """Row, key (ConflictKind, lower and higher track id) and whether it raises, of each that raises or holds a warning."""
        count = len(conflicts.pairs)
        rows, keys, raised = np.empty(count, np.int64), np.empty((count, 3), np.int64), np.empty(count, np.bool_)
        kept = sift(conflicts.pairs, conflicts.values, self._bounds, ids, fresh, rows, keys, raised)
        return zip(rows[:kept].tolist(), keys[:kept].tolist(), raised[:kept].tolist(), strict=True)


def severity(rule: int, ttc_s: float, required_mps2: float) -> Severity:
    if rule == _BY_BRAKING:
        level = (required_mps2 > CAUTION_REQUIRED_MPS2) + (required_mps2 > DANGER_REQUIRED_MPS2)
    else:
        level = (ttc_s < CAUTION_TTC_S) + (ttc_s < DANGER_TTC_S)
    return _LEVELS[level]
