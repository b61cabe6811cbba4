"""What an application is: two masks over conflicts and a severity.

Rules:
* `raises` decides alone, on one evaluation: a warning is raised with the frame that shows the danger.
* `holds` is looser than `raises` in every quantity (hysteresis), so a raised warning does not flicker at its threshold.
* By time: danger once only emergency braking helps, caution below ETSI's collision avoidance time (TS 101 539-1: 3 s).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intersections.conflicts import Column, ConflictKind, Conflicts, Rule
from intersections.decisions import Severity, WarningKind

Mask = NDArray[np.bool_]

RAISE_PROBABILITY = 0.4
HOLD_PROBABILITY = 0.2
RAISE_REQUIRED_MPS2 = 3.0
HOLD_REQUIRED_MPS2 = 2.0
DANGER_TTC_S, CAUTION_TTC_S = 1.5, 3.0
DANGER_REQUIRED_MPS2, CAUTION_REQUIRED_MPS2 = 6.0, 4.5  # ordinary drivers' emergency braking; hard braking


@dataclass(frozen=True, slots=True)
class Application:
    kind: WarningKind
    raises: Callable[[Conflicts], Mask]
    holds: Callable[[Conflicts], Mask]


def by_time(conflicts: Conflicts, kind: ConflictKind, ttc_s: float, probability: float) -> Mask:
    """Those of the kind that meet within `ttc_s`."""
    pairs, values = conflicts.pairs, conflicts.values
    soon = (values[:, Column.TTC_S] <= ttc_s) & (values[:, Column.PROBABILITY] >= probability)
    return np.asarray(soon & (pairs[:, 2] == kind) & (pairs[:, 3] == Rule.BY_TIME))


def by_braking(conflicts: Conflicts, kind: ConflictKind, required_mps2: float, probability: float) -> Mask:
    """Those of the kind that need more than `required_mps2`."""
    pairs, values = conflicts.pairs, conflicts.values
    hard = (values[:, Column.REQUIRED_MPS2] > required_mps2) & (values[:, Column.PROBABILITY] >= probability)
    return np.asarray(hard & (pairs[:, 2] == kind) & (pairs[:, 3] == Rule.BY_BRAKING))


def severity(rule: int, ttc_s: float, required_mps2: float) -> Severity:
    danger = ttc_s < DANGER_TTC_S if rule == Rule.BY_TIME else required_mps2 > DANGER_REQUIRED_MPS2
    caution = ttc_s < CAUTION_TTC_S if rule == Rule.BY_TIME else required_mps2 > CAUTION_REQUIRED_MPS2
    return Severity.DANGER if danger else Severity.CAUTION if caution else Severity.INFORMATION
