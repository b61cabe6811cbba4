"""How the tracker's arrays are laid out: one row per track, named columns; the kernel holds the same numbers.

Rules:
* Rows are dense: row i is alive for i < count; a deleted row is filled by the last one.
* `_tracks.LAYOUT` repeats these numbers for C; a test compares them.
* Times are integer nanoseconds; everything else is SI and radians.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from positioning.samples import ObjectClass

CLASSES = len(ObjectClass)


class Motion(IntEnum):
    """State vector; the covariance has the same order."""

    EAST_M = 0
    NORTH_M = 1
    SPEED_MPS = 2  # along the heading; slightly negative when reversing
    HEADING_RAD = 3  # clockwise from north, [0, 2 pi)
    YAW_RATE_RADPS = 4  # positive clockwise
    ACCELERATION_MPS2 = 5


class Mark(IntEnum):
    """Integer columns of a track."""

    ID = 0
    TIME_NS = 1  # the state holds for this moment
    BORN_NS = 2
    HIT_NS = 3  # newest measurement
    END_NS = 4  # silence until then ends the track
    CONFIRMED = 5
    HITS = 6
    CLASS = 7
    ORIENTED = 8  # heading and speed are known
    UPDATED = 9  # touched since the last view
    ROADSIDE_NS = 10  # newest roadside measurement
    ANCHOR_NS = 11  # when an unoriented track stood at its anchor
    VEHICLE = 12  # key of the connected vehicle, 0 = none
    SOURCES = 13  # bit per source that has seen it
    SHOW_NS = 14  # silence until then hides it from views; it may still be found again


class Number(IntEnum):
    """Float columns of a track."""

    LENGTH_M = 0
    WIDTH_M = 1
    SIZE_WEIGHT = 2
    HIT_EAST_M = 3  # where it was at its newest measurement
    HIT_NORTH_M = 4
    ANCHOR_EAST_M = 5
    ANCHOR_NORTH_M = 6
    SPEED_SURPRISES = 7  # in a row, signed
    HEADING_SURPRISES = 8
    OWN_EAST_M = 9  # smoothed error of the vehicle's own fixes against the roadside
    OWN_NORTH_M = 10
    FLOOR_M = 11  # unobservable error of a position known from own fixes only, one standard deviation
    BELIEF = 12  # sum of the detections' existence while tentative
    VOTES = 13  # first of CLASSES columns


NUMBERS = Number.VOTES + CLASSES


class Link(IntEnum):
    """Float columns of what one source has said of one track."""

    EAST_M = 0  # newest detection, corrected by the source's offset
    NORTH_M = 1
    ANCHOR_EAST_M = 2  # where the window of comparison began
    ANCHOR_NORTH_M = 3
    TRAVELLED_M = 4  # integral of the reported speed since then
    SPEED_MPS = 5  # newest reported speed
    HEADING_SIN = 6  # sums of the reported headings since then
    HEADING_COS = 7
    OFF_EAST_M = 8  # smoothed distance of its detections from the track: far off means two objects are mixed up
    OFF_NORTH_M = 9
    HEADING_RAD = 10  # newest reported heading


class LinkMark(IntEnum):
    """Integer columns of what one source has said of one track."""

    TIME_NS = 0  # newest detection, 0 = never
    LOCAL_ID = 1
    ANCHOR_NS = 2
    SPEED_TRUST = 3
    HEADING_TRUST = 4


class Trust(IntEnum):
    """What a reported quantity of one source for one object is worth, by comparison with the displacement of its positions."""

    UNKNOWN = 0  # not compared yet: used with a wide sigma
    TRUSTED = 1
    DOUBTED = 2  # contradicted once: not used
    FAULTY = 3  # contradicted twice running: not used, reported
    RECOVERING = 4  # agreed once again: not used yet


# (after a contradiction, after an agreement)
TRUST_STEPS = {
    Trust.UNKNOWN: (Trust.DOUBTED, Trust.TRUSTED),
    Trust.TRUSTED: (Trust.DOUBTED, Trust.TRUSTED),
    Trust.DOUBTED: (Trust.FAULTY, Trust.TRUSTED),
    Trust.FAULTY: (Trust.FAULTY, Trust.RECOVERING),
    Trust.RECOVERING: (Trust.FAULTY, Trust.TRUSTED),
}


class Profile(IntEnum):
    """What a class of road users can do and is usually measured with."""

    ACCELERATION_SIGMA = 0  # m/s^2, spread of accelerations
    ACCELERATION_TIME = 1  # s, for how long one lasts
    YAW_SIGMA = 2  # rad/s, spread of yaw rates
    YAW_TIME = 3  # s
    SPEED_WALK = 4  # m/s per sqrt(s)
    HEADING_WALK = 5  # rad per sqrt(s)
    POSITION_WALK = 6  # m per sqrt(s)
    TOP_SPEED = 7  # m/s
    POSITION_SIGMA = 8  # m, of a detection that does not say
    SPEED_SIGMA = 9
    HEADING_SIGMA = 10
    LENGTH = 11  # m, until measured
    WIDTH = 12
    KIND = 13  # 0 unknown, 1 motor vehicles, 2 two-wheelers, 3 on foot, 4 things


_VEHICLE = (2.0, 1.2, 0.35, 1.2, 0.15, 0.04, 0.05, 45.0, 0.5, 0.5, 0.06)
_PROFILES = {
    ObjectClass.UNKNOWN: (1.8, 0.8, 0.8, 0.8, 0.3, 0.2, 0.1, 40.0, 0.5, 0.5, 0.1, 2.0, 1.0, 0),
    ObjectClass.CAR: (*_VEHICLE, 4.6, 1.85, 1),
    ObjectClass.BUS: (1.3, 0.8, 0.3, 1.2, 0.12, 0.03, 0.05, 35.0, 0.6, 0.5, 0.06, 12.0, 2.5, 1),
    ObjectClass.TRUCK: (1.3, 0.8, 0.3, 1.2, 0.12, 0.03, 0.05, 35.0, 0.6, 0.5, 0.06, 9.0, 2.5, 1),
    ObjectClass.MOTORCYCLE: (2.5, 0.8, 0.5, 1.0, 0.2, 0.08, 0.05, 45.0, 0.5, 0.5, 0.08, 2.2, 0.8, 2),
    ObjectClass.BICYCLE: (1.0, 0.8, 0.5, 0.8, 0.15, 0.1, 0.06, 15.0, 0.5, 0.5, 0.08, 1.8, 0.65, 2),
    ObjectClass.PEDESTRIAN: (0.7, 0.5, 0.8, 0.5, 0.15, 0.25, 0.06, 8.0, 0.4, 0.4, 0.15, 0.5, 0.5, 3),
    ObjectClass.OBSTACLE: (0.3, 0.5, 0.2, 0.5, 0.05, 0.05, 0.02, 10.0, 0.5, 0.4, 0.2, 0.8, 0.8, 4),
    ObjectClass.VAN: (*_VEHICLE, 5.8, 2.0, 1),
    ObjectClass.TRAM: (1.0, 1.0, 0.2, 1.5, 0.1, 0.02, 0.05, 30.0, 0.6, 0.5, 0.06, 30.0, 2.5, 1),
    ObjectClass.ANIMAL: (1.5, 0.5, 1.5, 0.4, 0.4, 0.6, 0.1, 15.0, 0.5, 0.5, 0.2, 0.8, 0.4, 3),
}
PROFILES: NDArray[np.float64] = np.array([_PROFILES[kind] for kind in ObjectClass], dtype=np.float64)
