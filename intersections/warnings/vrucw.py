"""Vulnerable road user collision warning: a motor vehicle and a pedestrian or cyclist whose paths really cross.

Raised at a TTC of 4 s: reaction (1 s) and comfortable braking from 50 km/h take 3.3 s, and people on foot change their minds
faster than vehicles, so earlier alarms are mostly wrong. Where the vulnerable one stands in the way, braking decides.
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

RAISE_TTC_S = 4.0
HOLD_TTC_S = 5.0

APPLICATION = Application(
    WarningKind.VRUCW,
    raised=Bounds(RAISE_TTC_S, RAISE_REQUIRED_MPS2, RAISE_PROBABILITY),
    held=Bounds(HOLD_TTC_S, HOLD_REQUIRED_MPS2, HOLD_PROBABILITY),
)
