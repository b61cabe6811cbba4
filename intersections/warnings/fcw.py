"""Forward collision warning: a vehicle closes on what is ahead in its own path, standing or moving.

Raised when avoiding it needs more than 3 m/s2 after 1 s of reaction: harder than drivers brake by choice (AASHTO: 3.4 at most).
"""

from intersections.decisions import WarningKind
from intersections.warnings.application import HOLD_PROBABILITY, HOLD_REQUIRED_MPS2, NEVER_S, RAISE_REQUIRED_MPS2, Application, Bounds

RAISE_PROBABILITY = 0.5  # the lateral overlap of two bodies side by side is known better than an arrival time

APPLICATION = Application(
    WarningKind.FCW,
    raised=Bounds(NEVER_S, RAISE_REQUIRED_MPS2, RAISE_PROBABILITY),
    held=Bounds(NEVER_S, HOLD_REQUIRED_MPS2, HOLD_PROBABILITY),
)
