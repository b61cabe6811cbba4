"""What the search for a plan is told and what it answers: the same tables for the kernel and for its readable twin.

Rules:
* Times are seconds from now, places metres, groups bits; a time of `inf` means: closed and not about to open.
* Rows of a `Situation` are sorted by lane, then by order from the stop line. `lane_first[k]` is where lane k begins.
* What does not fit together raises ValueError here, before anybody indexes with it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Floats, Ints

GROUPS_MAX = 64  # bits of a set
LANES_MAX = 48
EXITS_MAX = 48
STAGES_MAX = 32
VEHICLES_MAX = 256
HORIZON_MAX_S = 120
KEEP_MAX = 16
EFFORT_MAX = 100_000
STAGES_SHOWN = 12  # of a course


@dataclass(frozen=True, slots=True)
class DischargeLaws:
    """How queues leave. Accelerations and headways are those of cars whose drivers are not perfect (SUMO's Krauss model, sigma 0.5)."""

    lost_s: float = 1.3  # from green to the first crossing
    acceleration_mps2: float = 2.0
    first_mps: float = 3.0  # of the first at the stop line
    tau_s: float = 1.05  # time gap behind the rear of the one before
    gap_m: float = 2.5  # standing
    lead_s: float = 2.2  # how long before the stop line a closed lamp makes them brake
    yellow_s: float = 1.2  # who would cross within this time of yellow does
    gap_after_s: float = 3.5  # a yielding vehicle needs as long before the next
    gap_before_s: float = 0.5  # and behind the last
    turn_stop_s: float = 2.0  # stop, then proceed
    closed_s: float = 4.0  # the least that a closed lamp still costs each who waits
    end_closed_s: float = 10.0  # and at the end of the horizon
    headway_s: float = 1.8

    def __post_init__(self) -> None:
        if not (self.acceleration_mps2 > 0.0 and self.first_mps > 0.0):
            raise ValueError(f"nobody moves by {self}")


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """`fine_s`: each second is tried so long, then each other. `branch`: next stages tried from a state, those wanted within `ahead_s`.
    `effort`: roll-outs in all, spread evenly over the horizon; it binds where there is much to weigh, the beam where there is little."""

    horizon_s: int = 50
    beam: int = 32
    keep: int = 3  # states of one time and stage
    fine_s: int = 12
    branch: int = 8
    ahead_s: int = 12
    effort: int = 2000

    def __post_init__(self) -> None:
        sizes = 2 <= self.horizon_s <= HORIZON_MAX_S and 0 < self.keep <= KEEP_MAX and 0 < self.branch <= STAGES_MAX
        if not (sizes and self.beam > 0 and 0 < self.effort <= EFFORT_MAX):
            raise ValueError(f"no search within {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """Static. `proceed`: groups that may stop and then go while closed. A connection without a lamp has group -1. `lane_exit`: the exit
    that the lane is at the same time, of a crossing with two stop lines one behind the other; -1: none."""

    conflicts: NDArray[np.uint64]
    yields: NDArray[np.uint64]
    min_green_s: Floats
    intergreen_s: Floats  # (groups, groups)
    stages: NDArray[np.uint64]
    proceed: int
    lane_speed_mps: Floats
    lane_length_m: Floats
    connection_group: Ints
    connection_exit: Ints
    connection_speed_mps: Floats
    lane_exit: Ints
    exits: int

    def __post_init__(self) -> None:
        groups, lanes, connections = len(self.conflicts), len(self.lane_speed_mps), len(self.connection_group)
        _lengths((self.yields, groups), (self.min_green_s, groups), (self.intergreen_s, groups), (self.lane_length_m, lanes))
        _lengths((self.lane_exit, lanes), (self.connection_exit, connections), (self.connection_speed_mps, connections))
        _known(self.connection_group, -1, groups, "group")
        _known(self.connection_exit, 0, self.exits, "exit")
        _known(self.lane_exit, -1, self.exits, "exit")
        _finite(self.min_green_s, self.intergreen_s, self.lane_length_m, self.lane_speed_mps, self.connection_speed_mps)
        if not (np.all(self.lane_speed_mps > 0.0) and np.all(self.connection_speed_mps > 0.0)):
            raise ValueError("a road on which nobody moves")
        if not (0 < groups <= GROUPS_MAX and self.intergreen_s.shape == (groups, groups) and 0 < len(self.stages) <= STAGES_MAX):
            raise ValueError(f"{groups} groups, intergreens {self.intergreen_s.shape}, {len(self.stages)} stages")
        if lanes > LANES_MAX or not 0 <= self.exits <= EXITS_MAX:
            raise ValueError(f"{lanes} lanes, {self.exits} exits")


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Now. `ahead`: row of who stands before it in one lane upstream, bound for another; -1 for nobody. `rolled_m`: how far each lane's
    queue has moved since it was let go. `drain_mps`: how fast room opens in each exit. The first change: not before `earliest_s`, not
    after `latest_s`, and if `bound` to the stage `following`."""

    lane_first: Ints  # (lanes + 1,)
    connection: Ints
    ahead: Ints
    arrival_s: Floats
    length_m: Floats
    weight: Floats
    rolled_m: Floats
    opens_s: Floats  # (groups,)
    closes_s: Floats
    wanted: int
    room_m: Floats
    drain_mps: Floats
    earliest_s: float = 0.0
    latest_s: float = np.inf
    following: int = 0
    bound: bool = False

    def check(self, crossing: Crossing) -> None:
        """Raises ValueError."""
        count, groups, lanes = len(self.connection), len(crossing.conflicts), len(crossing.lane_speed_mps)
        _lengths((self.ahead, count), (self.arrival_s, count), (self.length_m, count), (self.weight, count), (self.lane_first, lanes + 1))
        _lengths((self.rolled_m, lanes), (self.opens_s, groups), (self.closes_s, groups))
        _lengths((self.room_m, crossing.exits), (self.drain_mps, crossing.exits))
        _known(self.connection, 0, len(crossing.connection_group), "connection")
        _known(self.ahead, -1, count, "row")
        _finite(self.arrival_s, self.length_m, self.weight, self.rolled_m, self.room_m, self.drain_mps)
        if count > VEHICLES_MAX:
            raise ValueError(f"{count} vehicles, of at most {VEHICLES_MAX}")
        if self.lane_first[0] != 0 or self.lane_first[-1] != count or np.any(np.diff(self.lane_first) < 0):
            raise ValueError("the lanes' rows do not follow one another")
        if not (0 <= self.wanted < 1 << GROUPS_MAX and 0 <= self.following < 1 << GROUPS_MAX):
            raise ValueError("a set that is none")
        if np.isnan(self.opens_s).any() or np.isnan(self.closes_s).any() or np.isnan((self.earliest_s, self.latest_s)).any():
            raise ValueError("a time that is none")


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The best found: greens and when each is switched to, the present first; when each vehicle crosses, -1 beyond the horizon."""

    stages: tuple[int, ...]
    start_s: tuple[int, ...]
    departure_s: Floats
    value: float


def _lengths(*columns: tuple[NDArray[Any], int]) -> None:
    if any(len(column) != length for column, length in columns):
        raise ValueError("tables of different lengths")


def _known(rows: Ints, low: int, high: int, what: str) -> None:
    if len(rows) and not low <= int(rows.min()) <= int(rows.max()) < high:
        raise ValueError(f"a {what} that is not there")


def _finite(*columns: Floats) -> None:
    """And not negative."""
    for column in columns:
        if column.size and not (np.isfinite(column).all() and column.min() >= 0.0):
            raise ValueError("a value that is none, or below zero")
