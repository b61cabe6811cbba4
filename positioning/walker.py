"""Whoever only surveyed anchors see: what walkers and their links are like.

Rules:
* Ranges or differences of ranges alone place such a one. Whoever has wheels is none, and a fix, a roadside detection or pseudoranges of its
  own give it to the bank or to the wide block.
* The kernel is `positioning._walker`; its readable twin `positioning.walker_model`.
"""

from dataclasses import astuple, dataclass

import numpy as np

from positioning.measurements import Kind

OPENING = (Kind.RANGE, Kind.TDOA)  # what gives such a one a place
SHARED = (  # of the bank's configuration, in the kernel's order
    "range_los_m", "range_nlos_m", "range_excess_m", "range_outlier", "range_los_share", "tdoa_sigma_m", "antenna_height_m", "k_sigma",
    "unmodelled_m", "alert_level_m", "late_s", "forget_s", "yields_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WalkerConfig:
    """From the second field on in the kernel's order."""

    capacity: int = 1000  # walkers
    link_error_m: float = 1.0  # that part of a link's error that lasts: reflections, bodies
    link_time_s: float = 5.0  # how long
    walk: float = 0.5  # m/s^1.5, slow or along the course
    walk_across: float = 0.1  # across the course, when fast
    walk_slow_mps: float = 0.2  # neither slow nor fast

    def __post_init__(self) -> None:
        if not 0 < self.capacity <= 1_000_000 or not all(np.isfinite(value) and value >= 0 for value in self.numbers):
            raise ValueError("capacity must be 1 to a million, every other field finite and not negative")
        if not min(self.link_time_s, self.walk_slow_mps) > 0:
            raise ValueError("a scale that is zero")

    @property
    def numbers(self) -> tuple[float, ...]:
        return astuple(self)[1:]
