"""Where each track is on the map: which element, how far along it, how far beside it, turned by how much.

Rules:
* A vehicle is on the lane or connection that fits its place and heading best; it keeps its element unless another fits clearly
  better, and the next element of the road fits better than any other.
* Pedestrians are on crossings and sidewalks, in either direction, or about to enter a crossing they walk towards.
* Who fits nothing is free (element -1): obstacles, wrong-way drivers, people in the carriageway.
* Below `moving` speed a track stands: its heading says little and it goes nowhere.
* A pedestrian who enters a crossing against its lamp is there unlawfully until he leaves it, and a lawful one stays lawful when
  the lamp turns: drivers wait for the one and do not expect the other.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from intersections._paths import Network
from intersections.paths import CELL_M, Paths
from positioning.samples import ObjectClass
from positioning.tracks import TrackView

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

STANDING_MPS = 0.5  # slower than a person who walks
STANDING_MAX_MPS = 0.9  # whoever is faster moves, however uncertain his speed
SIGMAS_TO_MOVE = 2.0
START_MPS2 = 6.0  # no car starts faster; a filter that loses a standing one for a moment does
NEVER_NS = -(2**60)
NO_ELEMENT = -1
SETTLE_NS = 1_000_000_000  # a vehicle that fits no lane is taken to drive freely after this long; cars do not turn on the spot


class UserRole(IntEnum):
    """What matters of a class to conflicts."""

    OBSTACLE = 0
    MOTOR = 1
    VULNERABLE = 2
    UNSETTLED = 3  # a vehicle that has just lost its lane, or just moved off beside it: nobody knows yet where it is heading


# Lane, bicycle lane, sidewalk, connection, bicycle connection, crossing: cost of being there, in squared standard deviations.
_NEVER = np.inf
_MOTOR = (0.0, 0.8, _NEVER, 0.0, 0.8, _NEVER)
_CYCLIST = (0.3, 0.0, 0.8, 0.3, 0.0, 0.8)
_WALKER = (_NEVER, _NEVER, 0.0, _NEVER, _NEVER, 0.0)
_FREE = (_NEVER,) * 6
_ADMISSION: dict[ObjectClass, tuple[float, ...]] = {
    ObjectClass.BICYCLE: _CYCLIST,
    ObjectClass.PEDESTRIAN: _WALKER,
    ObjectClass.OBSTACLE: _FREE,
    ObjectClass.ANIMAL: _FREE,
}
ADMISSION = np.array([_ADMISSION.get(object_class, _MOTOR) for object_class in ObjectClass])
_ROLES = {
    ObjectClass.BICYCLE: UserRole.VULNERABLE,
    ObjectClass.PEDESTRIAN: UserRole.VULNERABLE,
    ObjectClass.ANIMAL: UserRole.VULNERABLE,
    ObjectClass.OBSTACLE: UserRole.OBSTACLE,
}
ROLES = np.array([_ROLES.get(object_class, UserRole.MOTOR) for object_class in ObjectClass], np.uint8)


def network(paths: Paths) -> Network:
    """The kernel's view of the map."""
    return Network(paths, ADMISSION, ROLES, CELL_M)


def _no_ids() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Rows as in the track view that they belong to.

    place: arc length m, lateral offset m (right positive), heading difference rad; seen_ns: when a measurement last touched it;
    placed_ns: when it last stood or was on an element, or first known at all; stood_ns: when it last stood.
    """

    ids: NDArray[np.int64] = field(default_factory=_no_ids)
    element: Ints = field(default_factory=lambda: np.empty(0, np.int32))
    place: Floats = field(default_factory=lambda: np.empty((0, 3)))
    moving: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))
    unlawful: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))
    on_crossing: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))  # 1 between the kerbs of a crossing
    role: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))  # UserRole
    seen_ns: NDArray[np.int64] = field(default_factory=_no_ids)
    placed_ns: NDArray[np.int64] = field(default_factory=_no_ids)
    stood_ns: NDArray[np.int64] = field(default_factory=_no_ids)


def localize(net: Network, view: TrackView, before: Places, lamps: Bytes) -> Places:
    """Places of all tracks of the view in one call; `before` gives continuity by track id."""
    count = len(view.ids)
    places = Places(
        ids=view.ids,
        element=np.empty(count, np.int32),
        place=np.empty((count, 3)),
        moving=np.empty(count, np.uint8),
        unlawful=np.empty(count, np.uint8),
        on_crossing=np.empty(count, np.uint8),
        role=np.empty(count, np.uint8),
        seen_ns=np.empty(count, np.int64),
        placed_ns=np.empty(count, np.int64),
        stood_ns=np.empty(count, np.int64),
    )
    net.locate(view, before, lamps, places)
    return places
