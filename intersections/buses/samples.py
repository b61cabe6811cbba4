"""What is known and said of buses while they run: positions, where on which trip, stop calls, predictions."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
UNKNOWN_LOAD = -1


@dataclass(frozen=True, slots=True)
class BusPosition:
    """One report of one vehicle. `trip`, `line`: what it says of itself, '' for nothing; believed only as far as its places fit."""

    vehicle: str
    measured_ns: int
    latitude_deg: float
    longitude_deg: float
    speed_mps: float = float("nan")
    trip: str = ""
    line: str = ""
    load: int = UNKNOWN_LOAD
    doors_open: bool | None = None


@dataclass(frozen=True, slots=True)
class BusPositions:
    """What came at once: a poll of a feed, or one vehicle's word."""

    positions: tuple[BusPosition, ...]
    received_ns: int


class Duty(IntEnum):
    """What a vehicle is doing, as far as it is known."""

    OFF = 0  # on no trip
    ON_TRIP = 1
    AT_TERMINAL = 2  # waits for its next trip
    DETOUR = 3  # on its trip, off its pattern
    DOUBTED = 4  # another vehicle has the better claim to its trip


@dataclass(frozen=True, slots=True)
class BusState:
    """Where a vehicle is. `place_m`: along the trip's pattern; `next_stop`: row of the first stop not yet left."""

    vehicle: str
    duty: Duty
    trip: str
    pattern: str
    place_m: float
    next_stop: int
    speed_mps: float
    at_stop: bool
    deviation_s: float  # late is positive; against the timetable, at the last stop passed
    load: int
    measured_ns: int


@dataclass(frozen=True, slots=True)
class StopCall:
    """A bus at a stop. `arrived_s`, `left_s`: of the service day; `left_s` nan while it stands there."""

    vehicle: str
    trip: str
    pattern: str
    stop: int  # row of the pattern's stops
    arrived_s: float
    left_s: float
    load: int


class Predictor(IntEnum):
    SCHEDULE = 0
    DEVIATION = 1  # schedule and present deviation
    RECENT = 2  # recent buses of the segments ahead as well
    LEARNT = 3  # and history by time of day


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Of one vehicle for the stops ahead, from `first_stop` on. (stops,) arrivals, s of the service day, at quantiles 10, 50 and 90 %."""

    vehicle: str
    trip: str
    first_stop: int
    made_s: float
    p10_s: Floats
    p50_s: Floats
    p90_s: Floats
    predictor: Predictor
