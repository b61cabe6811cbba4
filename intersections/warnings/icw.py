"""Intersection collision warning: two vehicles on crossing ways, neither of which gives way in time.

Raised at a TTC of 5 s, ETSI's collision warning time (TS 101 539-1).
"""

from intersections.conflicts import ConflictKind, Conflicts
from intersections.decisions import WarningKind
from intersections.warnings.application import (
    HOLD_PROBABILITY,
    HOLD_REQUIRED_MPS2,
    RAISE_PROBABILITY,
    RAISE_REQUIRED_MPS2,
    Application,
    Mask,
    by_braking,
    by_time,
)

RAISE_TTC_S = 5.0
HOLD_TTC_S = 6.0


def raises(conflicts: Conflicts) -> Mask:
    soon = by_time(conflicts, ConflictKind.ICW, RAISE_TTC_S, RAISE_PROBABILITY)
    return soon | by_braking(conflicts, ConflictKind.ICW, RAISE_REQUIRED_MPS2, RAISE_PROBABILITY)


def holds(conflicts: Conflicts) -> Mask:
    soon = by_time(conflicts, ConflictKind.ICW, HOLD_TTC_S, HOLD_PROBABILITY)
    return soon | by_braking(conflicts, ConflictKind.ICW, HOLD_REQUIRED_MPS2, HOLD_PROBABILITY)


APPLICATION = Application(WarningKind.ICW, raises, holds)
