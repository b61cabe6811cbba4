"""Samples that only the intersection consumes: lamp states and whatever people or devices command or acknowledge."""

from dataclasses import dataclass
from enum import IntEnum

from intersections.buses.orders import DispatchAct
from intersections.buses.samples import BusPositions
from positioning.samples import MotionSample, RangeSample, RsuFrame


class PhaseState(IntEnum):
    """Lamp states, numbered as in `signal.proto` (J2735 MovementPhaseState)."""

    UNKNOWN = 0
    DARK = 1
    STOP_THEN_PROCEED = 2
    STOP_AND_REMAIN = 3
    PRE_MOVEMENT = 4
    PERMISSIVE_MOVEMENT_ALLOWED = 5
    PROTECTED_MOVEMENT_ALLOWED = 6
    PERMISSIVE_CLEARANCE = 7
    PROTECTED_CLEARANCE = 8
    CAUTION_CONFLICTING_TRAFFIC = 9


@dataclass(frozen=True, slots=True)
class SignalSample:
    """What the lamps of one intersection show: (signal group id, state)."""

    intersection: str
    sequence: int
    measured_ns: int
    received_ns: int
    groups: tuple[tuple[str, PhaseState], ...]


class CommandKind(IntEnum):
    """What comes back in from people, vehicles and devices."""

    ACKNOWLEDGEMENT = 1  # a vehicle answers a warning or an order
    RESET_TRACKS = 2  # an operator drops all tracks of an intersection
    SILENCE = 3  # an operator silences a warning kind at an intersection until `valid_until_ns`
    RESET_SIGNALS = 4  # an operator has looked at a latched fault of the signals and lets them start anew
    PLAN_OVERRUN = 5  # this process noticed that a signal plan took too long; never from outside


@dataclass(frozen=True, slots=True)
class CommandSample:
    """`about` names what it is about: a warning or order id, a warning kind. `reason`: why the answer is what it is, for people."""

    id: str
    kind: CommandKind
    intersection: str
    author: str
    about: str
    answer: str
    valid_until_ns: int
    received_ns: int
    reason: str = ""
    version: int = 0  # acknowledgement: of the order it answers; 0 where versions are not counted


@dataclass(frozen=True, slots=True)
class PrioritySample:
    """A connected vehicle asks to be let through, and may ask for what it asks (`role`, `kind`: numbers of J2735).

    `ingress`, `egress`: lanes of the map. Persons, lateness and headway have their usual value where they are unknown.
    """

    vehicle: str
    intersection: str
    received_ns: int
    request_id: int
    sequence: int
    kind: int
    role: int
    ingress: str
    egress: str
    arrival_ns: int
    importance: int
    persons: float
    lateness_s: float
    headway_ratio: float


Sample = RsuFrame | MotionSample | RangeSample | SignalSample | CommandSample | PrioritySample | BusPositions | DispatchAct
