"""What is wanted of each line, and what is assumed of its riders where nobody counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class LinePlan:
    """Of one line. Nothing is asked of a driver that is beyond these limits, nor what costs riders more than it saves them."""

    headway_s: float = 0.0  # 0: as the timetable has it
    hold_most_s: float = 60.0  # at a stop on the way
    move_most_s: float = 600.0  # of a departure from the terminal, against the timetable
    slow_down_most: float = 0.15  # of the time to the next control stop
    riders_per_s: float = 30 / 3600  # who come to one stop of one direction
    load: int = 20  # where it is not counted
    capacity: int = 80
    waiting_weight: float = 2.0  # a second of waiting in seconds of riding, as studies of its value find (Wardman 2004)
    layover_s: float = 120.0  # the least between two trips of one bus
    priority_saves_s: float = 5.0  # by stop that is passed with it
    standby: tuple[str, ...] = ()  # vehicles that may be inserted


@dataclass(frozen=True, slots=True)
class LinePlans:
    lines: Mapping[str, LinePlan] = field(default_factory=dict)
    other: LinePlan = field(default_factory=LinePlan)  # of every line that is not named

    def of(self, line: str) -> LinePlan:
        return self.lines.get(line, self.other)

    def with_headway(self, line: str, headway_s: float) -> "LinePlans":
        return replace(self, lines={**self.lines, line: replace(self.of(line), headway_s=headway_s)})
