"""Intersection collision warning: two vehicles on crossing ways, neither of which gives way in time.

Raised at a TTC of 5 s, ETSI's collision warning time (TS 101 539-1).
"""

from intersections.decisions import WarningKind
from intersections.warnings.application import (
    HOLD_PROBABILITY,
    HOLD_REQUIRED_MPS2,
    RAISE_PROBABILITY,
    RAISE_REQUIRED_MPS2,
    Application,
    Bounds,
)

RAISE_TTC_S = 5.0
HOLD_TTC_S = 6.0

APPLICATION = Application(
    WarningKind.ICW,
    raised=Bounds(RAISE_TTC_S, RAISE_REQUIRED_MPS2, RAISE_PROBABILITY),
    held=Bounds(HOLD_TTC_S, HOLD_REQUIRED_MPS2, HOLD_PROBABILITY),
)
