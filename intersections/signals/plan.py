"""Fixed-time programs: which groups are wanted green when, in a cycle tied to the clock, and which program runs at which hour.

Rules:
* A program's steps are what is *wanted*: clearance states of a source are steps with fewer greens, never stages of their own.
* Position in the cycle: (now - offset) modulo cycle, so that intersections with the same clock keep their offsets to each other.
* A change of program needs no transition of its own: the guard gets from any lamps to any wanted greens legally.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from intersections.signals.layout import SECOND_NS, LayoutError, SignalLayout, bits

MINUTE_NS = 60 * SECOND_NS
DAY_NS = 1440 * MINUTE_NS
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


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


@dataclass(frozen=True, slots=True)
class Switch:
    """From this time of the day on, on these days of the week (Monday is bit 0), `program` runs."""

    weekdays: int
    time_of_day_ns: int
    program: str


@dataclass(frozen=True, slots=True)
class Actuation:
    """What vehicle-actuated control goes by. A stage is held at least for its groups' minimum green, while vehicles follow each other
    within `gap_ns`, and never longer than `max_green_ns` against a call."""

    gap_ns: int = 3 * SECOND_NS
    max_green_ns: int = 50 * SECOND_NS


@dataclass(frozen=True, slots=True)
class SignalPlan:
    """Raises LayoutError. Without switches the first program always runs. `utc_offset_ns`: local time of the timetable minus UTC."""

    programs: tuple[Program, ...]
    switches: tuple[Switch, ...] = ()
    utc_offset_ns: int = 0
    actuation: Actuation = Actuation()

    def __post_init__(self) -> None:
        names = [program.id for program in self.programs]
        if not names or len(set(names)) != len(names):
            raise LayoutError("no program, or one named twice")
        for switch in self.switches:
            if switch.program not in names:
                raise LayoutError(f"a switch names program {switch.program}, which is not there")
            if not 0 < switch.weekdays < 1 << 7 or not 0 <= switch.time_of_day_ns < DAY_NS or switch.time_of_day_ns % MINUTE_NS:
                raise LayoutError(f"the switch to program {switch.program} has no day, or no minute of the day")
        if self.actuation.gap_ns <= 0 or self.actuation.max_green_ns <= 0:
            raise LayoutError("actuation without a gap or a maximum green")

    def check(self, layout: SignalLayout) -> None:
        """Raises LayoutError where a step is not for this layout."""
        for program in self.programs:
            for number, step in enumerate(program.steps):
                where = f"{layout.intersection}: program {program.id}, step {number}"
                if step.greens >> len(layout.groups):
                    raise LayoutError(f"{where} names a group that is not there")
                if clash := layout.clash(step.greens):
                    raise LayoutError(f"{where} has conflicting greens: {', '.join(layout.names(clash))}")

    def program_at(self, now_ns: int) -> Program:
        """The one whose switch was the last before, within the week that ends now."""
        programs = {program.id: program for program in self.programs}
        week_ns = 7 * DAY_NS
        place_ns = (now_ns + self.utc_offset_ns + _EPOCH_WEEKDAY * DAY_NS) % week_ns
        ages_ns = [
            ((place_ns - day * DAY_NS - switch.time_of_day_ns) % week_ns, number)
            for number, switch in enumerate(self.switches)
            for day in bits(switch.weekdays)
        ]
        return programs[self.switches[min(ages_ns)[1]].program] if ages_ns else self.programs[0]


def merged(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Neighbouring steps with the same greens as one; those without a duration are left out."""
    result: list[Step] = []
    for step in steps:
        if result and result[-1].greens == step.greens:
            result[-1] = Step(step.greens, result[-1].duration_ns + step.duration_ns)
        elif step.duration_ns > 0:
            result.append(step)
    return tuple(result)
