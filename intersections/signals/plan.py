"""Fixed-time programs: which groups are wanted green when, in a cycle tied to the clock.

Rules:
* A program's steps are what is *wanted*: clearance states of a source are steps with fewer greens, never stages of their own.
* Position in the cycle: (now - offset) modulo cycle, so that intersections with the same clock keep their offsets to each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from intersections.signals.layout import LayoutError


@dataclass(frozen=True, slots=True)
class Step:
    """`greens` are wanted green for so long."""

    greens: int
    duration_ns: int


@dataclass(frozen=True)
class Program:
    """Raises LayoutError. Steps repeat for ever."""

    id: str
    steps: tuple[Step, ...]
    offset_ns: int = 0

    def __post_init__(self) -> None:
        if not self.steps or any(step.duration_ns <= 0 for step in self.steps):
            raise LayoutError(f"program {self.id}: no steps, or one without a duration")

    @cached_property
    def cycle_ns(self) -> int:
        return sum(step.duration_ns for step in self.steps)

    @cached_property
    def _ends_ns(self) -> tuple[int, ...]:
        return tuple(accumulate(step.duration_ns for step in self.steps))

    def step_at(self, now_ns: int) -> tuple[int, int]:
        """Number of the step and when it ends."""
        place_ns = (now_ns - self.offset_ns) % self.cycle_ns
        number = next(number for number, end_ns in enumerate(self._ends_ns) if place_ns < end_ns)
        return number, now_ns - place_ns + self._ends_ns[number]


def merged(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Neighbouring steps with the same greens as one; those without a duration are left out."""
    result: list[Step] = []
    for step in steps:
        if result and result[-1].greens == step.greens:
            result[-1] = Step(step.greens, result[-1].duration_ns + step.duration_ns)
        elif step.duration_ns > 0:
            result.append(step)
    return tuple(result)
