"""The times that a road authority prescribes and a source program does not tell, by name.

`resco` is how the RESCO benchmark runs its maps (Ault and Sharon 2021); `safe` adds all-red, longer greens and walking times.
"""

from dataclasses import dataclass

from intersections.signals.layout import SECOND_NS


@dataclass(frozen=True, slots=True)
class Convention:
    """`walking_mps` None: pedestrians are cleared as the source program does it."""

    name: str
    yellow_ns: int
    all_red_ns: int
    min_green_ns: int
    pedestrian_green_ns: int  # at least: time to begin walking
    walking_mps: float | None
    max_green_ns: int = 90 * SECOND_NS
    max_red_ns: int = 180 * SECOND_NS


RESCO = Convention("resco", 3 * SECOND_NS, 0, 5 * SECOND_NS, 5 * SECOND_NS, None)
SAFE = Convention("safe", 3 * SECOND_NS, 2 * SECOND_NS, 7 * SECOND_NS, 5 * SECOND_NS, 1.2)
CONVENTIONS = {convention.name: convention for convention in (RESCO, SAFE)}
