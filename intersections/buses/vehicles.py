"""What is remembered of one vehicle between reports, and which of its reports are believed at all."""

from collections import deque
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from enum import IntEnum
from math import hypot, isfinite
from typing import Any

from intersections.buses.calls import Fix, Progress
from intersections.buses.places import SLACK_M, TOP_SPEED_MPS, Guess
from intersections.buses.samples import UNKNOWN_LOAD, BusPosition, BusState, Duty
from intersections.buses.ways import Ways

TRAIL = 12  # reports of a vehicle kept to tell its pattern from,
TRAIL_STEP_M = 60.0  # and how far apart: over streets, not within a stop
MOVES_MPS = 3.0  # who says he drives this fast and stays where he was to the last digit is frozen
FROZEN_REPORTS = 3
JUMPS = 3  # this many reports that agree with each other, and not with the place before, are believed


class PositionVerdict(IntEnum):
    ACCEPTED = 0
    MALFORMED = 1  # no time, no place on earth, no name
    FUTURE = 2  # measured later than now
    STALE = 3  # not newer than what is known
    TELEPORTED = 4  # farther from the last place than a bus can drive
    FROZEN = 5  # says that it moves, and does not
    TOO_MANY_VEHICLES = 6


@dataclass(slots=True)
class Assignment:
    """A vehicle on a trip. `x_m`, `y_m`: its last report that fitted. `fit`: what reports cost. `lost`: how many in a row did not fit."""

    trip: str
    guesses: tuple[Guess, ...]
    progress: Progress
    x_m: float
    y_m: float
    fit: float
    lost: int = 0
    reports: int = 1


@dataclass(slots=True)
class Vehicle:
    """`claim`: the trip it says it is on; `duty`: the duty it has been seen on."""

    id: str
    measured_ns: int = -1
    time_s: float = 0.0
    x_m: float = 0.0
    y_m: float = 0.0
    speed_mps: float = 0.0
    load: int = UNKNOWN_LOAD
    claim: str = ""
    line: str = ""
    duty: str = ""
    assignment: Assignment | None = None
    doubted: bool = False
    trail: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=TRAIL))
    searched_s: float = float("-inf")
    jumps: list[tuple[int, float, float]] = field(default_factory=list)
    frozen: int = 0
    doors_open: bool = False
    state: BusState | None = None

    def take(self, position: BusPosition, x_m: float, y_m: float) -> PositionVerdict:
        """Believe a report of a place, or say why not."""
        if position.measured_ns <= self.measured_ns:
            return PositionVerdict.STALE
        first = self.measured_ns < 0
        elapsed_s = 0.0 if first else (position.measured_ns - self.measured_ns) / 1e9
        straight_m = 0.0 if first else hypot(x_m - self.x_m, y_m - self.y_m)
        if not first and not _can_drive(straight_m, elapsed_s) and not self._jumped(position.measured_ns, x_m, y_m):
            return PositionVerdict.TELEPORTED
        self.jumps.clear()
        self.frozen = self.frozen + 1 if not first and straight_m == 0.0 and position.speed_mps > MOVES_MPS else 0
        if self.frozen >= FROZEN_REPORTS:
            return PositionVerdict.FROZEN
        self.measured_ns, self.x_m, self.y_m = position.measured_ns, x_m, y_m
        self.speed_mps = position.speed_mps if isfinite(position.speed_mps) else straight_m / elapsed_s if elapsed_s > 0.0 else 0.0
        self.load, self.doors_open = position.load, bool(position.doors_open)
        self.claim, self.line = position.trip, position.line
        return PositionVerdict.ACCEPTED

    def leave_trail(self) -> None:
        if not self.trail or hypot(self.x_m - self.trail[-1][1], self.y_m - self.trail[-1][2]) >= TRAIL_STEP_M:
            self.trail.append((self.time_s, self.x_m, self.y_m))

    def _jumped(self, measured_ns: int, x_m: float, y_m: float) -> bool:
        """Whether enough reports in a row agree on another place."""
        if self.jumps and not _can_drive(hypot(x_m - self.jumps[-1][1], y_m - self.jumps[-1][2]), (measured_ns - self.jumps[-1][0]) / 1e9):
            self.jumps.clear()
        self.jumps.append((measured_ns, x_m, y_m))
        return len(self.jumps) >= JUMPS


def _can_drive(straight_m: float, elapsed_s: float) -> bool:
    return straight_m <= TOP_SPEED_MPS * elapsed_s + SLACK_M


def as_record(vehicle: Vehicle) -> dict[str, Any]:
    """All that is remembered, in words and numbers."""
    record = {slot: getattr(vehicle, slot) for slot in Vehicle.__slots__} | {"trail": list(vehicle.trail)}
    if vehicle.assignment:
        own = {slot: getattr(vehicle.assignment, slot) for slot in Assignment.__slots__}
        record["assignment"] = own | {"progress": vehicle.assignment.progress.snapshot()}
    return record | {"state": vehicle.state and astuple(vehicle.state)}


def from_record(record: Mapping[str, Any], ways: Ways) -> Vehicle:
    vehicle = Vehicle(**{name: value for name, value in record.items() if name not in {"trail", "assignment", "state"}})
    vehicle.jumps = [(jump[0], jump[1], jump[2]) for jump in vehicle.jumps]
    vehicle.trail.extend(map(tuple, record["trail"]))
    if own := record["assignment"]:
        trip = ways.network.trips[own["trip"]]
        progress = Progress(ways.way(trip.id), trip, Fix(0.0, 0.0, standing=False))
        progress.restore(own["progress"])
        vehicle.assignment = Assignment(**own | {"guesses": tuple(Guess(*guess) for guess in own["guesses"]), "progress": progress})
    if state := record["state"]:
        vehicle.state = BusState(state[0], Duty(state[1]), *state[2:])
    return vehicle
