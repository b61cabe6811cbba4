"""What passes between those who plan and the guard, and between neighbours.

Rules:
* A planner says which groups should be green; how the lamps get there, and when they may, is the guard's alone.
* A commitment is a promise to road users (SPaT): the guard keeps it even if the planner falls silent, and lets it only be narrowed.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from intersections.samples import PhaseState
from intersections.signals.approaches import Floats, Observation

PLANNER, PREEMPTION, OPERATOR = "planner", "preemption", "operator"  # who may speak to the guard; whatever planner it is signs so
AUTHORS = frozenset({PLANNER, PREEMPTION, OPERATOR})


UNBOUNDED_NS = 2**62


class GuardMode(IntEnum):
    FLASHING = 0  # start-up, or a latched fault
    ALL_RED = 1  # start-up, on the way to the first stage
    COMMANDED = 2
    LOCAL = 3  # nobody commands: the local plan
    FAULT = 4  # latched until somebody resets it


@dataclass(frozen=True, slots=True)
class Commitment:
    """The present greens that are not among `greens` end between the two times, and `greens` follow."""

    greens: int
    earliest_ns: int
    latest_ns: int


@dataclass(frozen=True, slots=True)
class GreenCommand:
    """`greens` should be green now, until another command says otherwise; nothing of it holds after `valid_until_ns`."""

    author: str
    sequence: int  # grows with each command of an author
    greens: int
    issued_ns: int
    valid_until_ns: int
    commitment: Commitment | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """The lamps at `now_ns` as the guard shows them."""

    now_ns: int
    mode: GuardMode
    states: tuple[PhaseState, ...]  # by group
    since_ns: tuple[int, ...]  # when each state began
    greens: int  # groups that are green
    wanted: int  # groups that the guard is on the way to
    earliest_end_ns: tuple[int, ...]  # of each state, by what binds the guard
    latest_end_ns: tuple[int, ...]  # UNBOUNDED_NS: nothing makes it end
    commitment: Commitment | None = None  # what the guard is bound to until `greens` are open; planners plan within it


@dataclass(frozen=True, slots=True, eq=False)
class PlannedDepartures:
    """What a neighbour sends each second: who will leave it by which exit lane, and when. Rows in order of time.

    `sent`, `cleared`: road, and vehicles that ever entered it through the neighbour, or left it over the neighbour's stop lines.
    """

    intersection: str
    now_ns: int
    exit_lane: tuple[str, ...]
    time_ns: tuple[int, ...]
    vehicle: tuple[int, ...]
    weight: Floats
    sent: tuple[tuple[str, float], ...] = ()
    cleared: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A planner's word: the command, and what it expects to follow. `stages`, `start_ns`: greens and when each is commanded, the first
    now: what a stage ends has its last moment of green then, what it opens follows after the intergreens."""

    command: GreenCommand
    stages: tuple[int, ...]
    start_ns: tuple[int, ...]
    departures: PlannedDepartures
    departure_ns: NDArray[np.int64]  # by row of the observation's vehicles: expected crossing of the stop line, -1 beyond the horizon


class Planner(Protocol):
    """fixed-time, actuated, max-pressure, adaptive. All it keeps from one second to the next is in its snapshot: plain arrays."""

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan: ...
    def snapshot(self) -> dict[str, NDArray[Any]]: ...
    def restore(self, arrays: dict[str, NDArray[Any]]) -> None: ...
