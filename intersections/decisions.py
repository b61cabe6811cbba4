"""What an intersection decides; `v2x.wire` turns each into its message.

Positions are metres east and north of the intersection's origin. Times are nanoseconds since the Unix epoch.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from intersections.buses.decisions import DispatchDecision
from intersections.signals.control import GuardMode
from intersections.signals.spat import SpatMessage
from positioning.samples import ObjectClass


class WarningKind(StrEnum):
    """Applications of T/CSAE 53-2020 that raise a warning."""

    ICW = "ICW"  # intersection collision
    FCW = "FCW"  # forward collision
    VRUCW = "VRUCW"  # vulnerable road user collision


class WarningState(StrEnum):
    RAISED = "RAISED"
    UPDATED = "UPDATED"
    CLEARED = "CLEARED"


class Severity(IntEnum):
    """How soon somebody has to act."""

    INFORMATION = 1
    CAUTION = 2
    DANGER = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """The sample whose arrival made the decision; a station's frame, a vehicle's sample, or the timer (sequence 0)."""

    station: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two road users of a conflict. `vehicle` is the temporary id where it is connected, else ''."""

    track_id: int
    object_class: ObjectClass
    vehicle: str
    east_m: float
    north_m: float
    speed_mps: float
    heading_rad: float


@dataclass(frozen=True, slots=True)
class Warning:
    """One conflict between two road users: raised, updated in place under the same id, cleared."""

    id: str
    intersection: str
    kind: WarningKind
    state: WarningState
    created_ns: int
    updated_ns: int
    valid_until_ns: int
    severity: Severity
    parties: tuple[Party, Party]
    east_m: float
    north_m: float
    time_to_conflict_s: float
    post_encroachment_s: float  # NaN where it does not apply
    required_deceleration_mps2: float
    confidence: float  # 0..1
    cause: Cause


@dataclass(frozen=True, slots=True, eq=False)
class TrackReport:
    """All confirmed tracks of one intersection at one time.

    ids: int64 (n,); classes: uint8 (n,);
    motion: float64 (n, 5): east_m, north_m, speed_mps, heading_rad, yaw_rate_radps;
    sigma_m: float64 (n,), one standard deviation per horizontal axis; size_m: float64 (n, 2): length, width;
    vehicles: temporary ids of connected vehicles by track id;
    levels_m: protection levels of the tracks that show the fused position of their vehicle, by track id.
    """

    intersection: str
    time_ns: int
    ids: NDArray[np.int64]
    classes: NDArray[np.uint8]
    motion: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    size_m: NDArray[np.float64]
    vehicles: dict[int, str] = field(default_factory=dict)
    levels_m: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedPositions:
    """Where the connected vehicles of one intersection are by all that is known, for themselves: ten times a second, by row.

    motion: float64 (n, 4): east_m, north_m, speed_mps, heading_rad; sigma_m: float64 (n,), one standard deviation per horizontal axis;
    level_m: float64 (n,), protection level; alert: bool (n,); sources: uint32 (n,), bit `1 << positioning.measurements.Kind`.
    """

    intersection: str
    time_ns: int
    vehicles: tuple[str, ...]
    motion: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    level_m: NDArray[np.float64]
    alert: NDArray[np.bool_]
    sources: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class SensorFault:
    """A source whose values contradict each other or those of others."""

    id: str
    intersection: str
    source: str  # station or vehicle
    subject: str  # the source's own number of the object, or ''
    quantity: str  # 'speed', 'heading', 'position', ...
    text: str
    created_ns: int
    cleared: bool
    cause: Cause


@dataclass(frozen=True, slots=True)
class SignalReport:
    """What the lamps of one intersection show: group id -> PhaseState number, with the time it was measured."""

    intersection: str
    time_ns: int
    groups: tuple[tuple[str, int], ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class LampCommand:
    """What every lamp of one intersection has to show from `issued_ns` on, by the guard: group id -> PhaseState number."""

    intersection: str
    sequence: int
    issued_ns: int
    valid_until_ns: int
    mode: GuardMode
    groups: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class SpeedBand:
    """What one connected vehicle is advised (GLOSA): a band, the best speed in it, and when it can cross the stop line."""

    vehicle: str  # temporary id
    group: str
    low_mps: float
    high_mps: float
    advised_mps: float
    arrive_s: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class SpeedAdvices:
    """Of one intersection at one time."""

    intersection: str
    time_ns: int
    bands: tuple[SpeedBand, ...]


@dataclass(frozen=True, slots=True)
class PriorityAnswer:
    """How a request for priority stands: J2735 PrioritizationResponseStatus number and the reason in words."""

    intersection: str
    vehicle: str  # temporary id
    request_id: int
    sequence: int
    status: int
    reason: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class SignalEvent:
    """What an operator should know of the signals: a fault, a reset, a refused command, a planner that is silent."""

    id: str
    intersection: str
    source: str  # who is at fault or did it: 'guard', 'planner', a command's author
    subject: str  # groups, a mode, a command's number
    text: str
    created_ns: int


SignalDecision = LampCommand | SpatMessage | SpeedAdvices | PriorityAnswer | SignalEvent
Decision = Warning | TrackReport | CorrectedPositions | SensorFault | SignalReport | SignalDecision | DispatchDecision
