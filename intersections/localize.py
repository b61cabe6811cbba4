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
from intersections.lamps import LAMP_STOP
from intersections.paths import CELL_M, ElementKind, Paths
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


MOTOR, UNSETTLED, CROSSING = int(UserRole.MOTOR), int(UserRole.UNSETTLED), int(ElementKind.CROSSING)  # members cost more to look up

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
    return Network(paths, ADMISSION, CELL_M)


def moving(view: TrackView, stood_ns: NDArray[np.int64]) -> Bytes:
    """uint8 (n,): 1 where a track goes somewhere; nobody gains speed faster than START_MPS2 since he last stood."""
    threshold = np.minimum(np.maximum(SIGMAS_TO_MOVE * view.sigma[:, 1], STANDING_MPS), STANDING_MAX_MPS)
    speed_mps = view.motion[:, 2]
    possible = speed_mps <= STANDING_MAX_MPS + START_MPS2 * (view.time_ns - stood_ns) / 1e9
    return ((speed_mps > threshold) & possible).astype(np.uint8)


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
    on_crossing: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))
    seen_ns: NDArray[np.int64] = field(default_factory=_no_ids)
    placed_ns: NDArray[np.int64] = field(default_factory=_no_ids)
    stood_ns: NDArray[np.int64] = field(default_factory=_no_ids)


CARRIED = ("element", "unlawful", "on_crossing", "seen_ns", "placed_ns", "stood_ns")  # of `Places`, what the next places build on


def localize(net: Network, paths: Paths, view: TrackView, before: Places, lamps: Bytes) -> Places:
    """Places of all tracks of the view in one call; `before` gives continuity by track id."""
    last = _last_known(view, before)
    walking = moving(view, last.stood_ns)
    count, now_ns = len(view.ids), view.time_ns
    element, place = np.empty(count, np.int32), np.zeros((count, 3))
    net.localize(view.motion, view.classes, walking, last.element, element, place)
    on_crossing = _on_crossing(paths, element, place)
    unlawful = last.unlawful & on_crossing
    if on_crossing.any():
        entered = (on_crossing == 1) & ((last.on_crossing == 0) | (last.element != element))
        unlawful[entered] = lamps[element[entered]] == LAMP_STOP
    seen_ns = np.where(view.updated == 0, last.seen_ns, now_ns)
    placed_ns = np.where((element == NO_ELEMENT) & (walking == 1), last.placed_ns, now_ns)
    stood_ns = np.where(view.motion[:, 2] <= STANDING_MPS, now_ns, last.stood_ns)
    return Places(view.ids, element, place, walking, unlawful, on_crossing, seen_ns, placed_ns, stood_ns)


def _last_known(view: TrackView, before: Places) -> Places:
    """`before` in the rows of the view; tracks that were not there were nowhere, and are seen now."""
    count = len(view.ids)
    if np.array_equal(view.ids, before.ids):
        return before
    known, row = _rows_of(view.ids, before.ids)
    last = Places(
        ids=view.ids,
        element=np.full(count, NO_ELEMENT, np.int32),
        place=np.zeros((count, 3)),
        moving=np.zeros(count, np.uint8),
        unlawful=np.zeros(count, np.uint8),
        on_crossing=np.zeros(count, np.uint8),
        seen_ns=np.full(count, view.time_ns),
        placed_ns=np.full(count, view.time_ns),
        stood_ns=np.full(count, NEVER_NS),
    )
    for name in CARRIED:
        getattr(last, name)[known] = getattr(before, name)[row[known]]
    return last


def roles(view: TrackView, places: Places) -> Bytes:
    """uint8 (n,), `UserRole`."""
    role = ROLES[view.classes]
    free = (role == MOTOR) & (places.element == NO_ELEMENT) & (places.moving == 1)
    if free.any():
        role[free & (view.time_ns - places.placed_ns < SETTLE_NS)] = UNSETTLED
    return role


def _rows_of(ids: NDArray[np.int64], earlier: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """For each id whether it was there before, and its row then."""
    if len(earlier) == 0:
        return np.zeros(len(ids), bool), np.zeros(len(ids), np.int64)
    order = np.argsort(earlier, kind="stable")
    at = np.minimum(np.searchsorted(earlier, ids, sorter=order), len(earlier) - 1)
    row = order[at]
    return earlier[row] == ids, row


def _on_crossing(paths: Paths, element: Ints, place: Floats) -> Bytes:
    """1 where a track is between the kerbs of a crossing."""
    on = np.zeros(len(element), np.uint8)
    there = np.flatnonzero((element >= 0) & (paths.kinds[element] == CROSSING))
    if len(there):
        on[there] = (place[there, 0] > 0) & (place[there, 0] < paths.length_m[element[there]])
    return on
