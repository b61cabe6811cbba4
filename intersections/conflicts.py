"""Pairs of road users whose predicted ways meet: who, where, when, how certainly, and what braking it takes.

One call: `reach` (where each track can go, with the stops it is expected to make), `trajectories`, then every candidate pair is judged.
What is *not* a conflict, and why, physically:

* Red, yellow, red-yellow: a driver who faces it and can stop at the line with at most 3.5 m/s2 will, and nothing beyond the line is his
  way (comfortable: 3.4 in the AASHTO Green Book 2018). Who needs more is late, but is taken to stop as long as that is within
  LATE_MPS2 and he stands before the conflict; only then is he running the light, at his present speed.
* Right of way: whoever has to yield by the map and can still stop before the zone will; inside the junction as well. A protected
  green does not yield to traffic that faces red: that traffic runs the light.
* Crossings: vehicles let pedestrians go who are there lawfully; pedestrians stop at the kerb at red if they can.
* Standing users stay where they are. If one stands in the way, approaching drivers see him: it becomes a matter of braking.
* A driver who brakes enough already needs no warning. One who comes up to a lamp or a yield sign expects a queue and needs no reaction
  time, unless the one ahead brakes harder than anybody expects.
* Turns that a vehicle is too fast to make are not its way, nor is running a red light while another way is open. Where several ways
  are open and motion does not yet show which, one of them that is clear is enough; where the lane leads straight on, turns count less.
* Bodies that touch already are one body seen twice, or past warning. Changing lanes side by side is another application's matter.
* A vehicle that has just lost its lane, or has just started beside it, has no way yet: for a second nobody knows where it is heading.
* Vulnerable users among themselves are not warned: no motor vehicle is involved.

Sources: TTC is Hayward 1972, PET Allen, Shin, Cooper 1978 (predicted here), the required deceleration is the alert algorithm of Brunson
et al. 2002 (NHTSA, DOT HS 809 526): constant deceleration after a reaction time against a leader that goes on braking to a stop.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections._conflicts import Judge
from intersections._paths import Network
from intersections.localize import Places
from intersections.paths import Paths
from positioning.samples import ObjectClass
from positioning.tracks import TrackView

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

VISITS = 32  # elements a track may come to within the horizon, over all its turns
ROUTES = 4  # trajectories sampled per track
SAMPLES = 31  # points of each
SAMPLE_S = 0.2
CELL_M = 20.0  # of the pair search: some car lengths
CONFLICTS_MAX = 16384  # per step; ten times the tracks of a full crossing
SIZE_MIN_M = 0.3  # a sensor's zero length is not a body's


# What drivers who have to stop still manage without a crash: AASHTO 2018 has most above 4.5 when surprised, motorcycles
# reach the friction limit.
_LATE_MPS2 = {ObjectClass.MOTORCYCLE: 9.0, ObjectClass.BICYCLE: 3.5, ObjectClass.PEDESTRIAN: 3.5}
LATE_MPS2 = np.array([_LATE_MPS2.get(object_class, 5.0) for object_class in ObjectClass])


class ConflictKind(IntEnum):
    ICW = 0
    FCW = 1
    VRUCW = 2


class Rule(IntEnum):
    """What decides: when they meet, or how hard the first has to brake."""

    BY_TIME = 0
    BY_BRAKING = 1


class Column(IntEnum):
    """Of `Conflicts.values`."""

    TTC_S = 0
    PET_S = 1
    REQUIRED_MPS2 = 2
    PROBABILITY = 3
    EAST_M = 4
    NORTH_M = 5


@dataclass(frozen=True, slots=True)
class ConflictConfig:
    horizon_s: float = 6.5  # beyond the 5 s gate, so that a warning that hovers there does not flicker
    reaction_s: float = 1.0
    stop_mps2: float = 3.5
    least_probability: float = 0.1
    least_required_mps2: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Conflicts:
    """m conflicts. pairs: int32 (m, 4) first row, second row, ConflictKind, Rule; the first is who is warned.

    values: float64 (m, 6) by `Column`; judged: how many candidate pairs there were.
    """

    pairs: Ints
    values: Floats
    judged: int


@dataclass(frozen=True, slots=True, eq=False)
class TrackRows:
    """All that judging needs of the tracks, n rows, with what `reach` and `trajectories` found."""

    motion: Floats
    sigma: Floats
    size_m: Floats
    role: Bytes
    moving: Bytes
    updated: Bytes
    unlawful: Bytes
    element: Ints
    place: Floats
    attentive: Bytes
    late_mps2: Floats
    visits: Ints
    visited: Ints
    travel: Floats
    parent: NDArray[np.int8]
    routes: Ints
    samples: Floats


class Workspace:
    """Output arrays that outlive a step, so that a step allocates little."""

    def __init__(self) -> None:
        self.rows = 0
        self.pairs = np.empty((CONFLICTS_MAX, 4), np.int32)
        self.values = np.empty((CONFLICTS_MAX, 6))
        self._grow(64)

    def fit(self, count: int) -> None:
        if count > self.rows:
            self._grow(max(count, 2 * self.rows))

    def _grow(self, rows: int) -> None:
        self.rows = rows
        self.visited = np.empty((rows, VISITS), np.int32)
        self.travel = np.empty((rows, VISITS, 2))
        self.parent = np.empty((rows, VISITS), np.int8)
        self.samples = np.empty((rows, ROUTES, SAMPLES, 2))


def foresee(net: Network, view: TrackView, places: Places, lamps: Bytes, config: ConflictConfig, space: Workspace) -> TrackRows:
    """Where every track can go within the horizon."""
    count = len(view.ids)
    space.fit(count)
    visits, attentive, routes = np.empty(count, np.int32), np.empty(count, np.uint8), np.empty(count, np.int32)
    size_m = np.ascontiguousarray(np.maximum(view.size_m, SIZE_MIN_M))
    net.reach(
        view.motion, size_m, places.moving, places.element, places.place, lamps, config.horizon_s, config.stop_mps2,
        visits, space.visited, space.travel, space.parent, attentive,
    )  # fmt: skip
    net.trajectories(
        view.motion, places.moving, places.element, places.place, visits, space.visited, space.travel, space.parent, routes, space.samples
    )
    return TrackRows(
        motion=view.motion,
        sigma=view.sigma,
        size_m=size_m,
        role=places.role,
        moving=places.moving,
        updated=view.updated,
        unlawful=places.unlawful,
        element=places.element,
        place=places.place,
        attentive=attentive,
        late_mps2=LATE_MPS2[view.classes],
        visits=visits,
        visited=space.visited,
        travel=space.travel,
        parent=space.parent,
        routes=routes,
        samples=space.samples,
    )


def find_conflicts(
    net: Network, paths: Paths, view: TrackView, places: Places, lamps: Bytes, config: ConflictConfig, space: Workspace, judge: Any = Judge
) -> Conflicts:
    """All conflicts of pairs of which at least one was updated. The arrays are views into `space`, valid until its next use."""
    tracks = foresee(net, view, places, lamps, config, space)
    found, judged = judge(tracks, paths, lamps, config).find(space.pairs, space.values, CELL_M)
    kept = min(found, CONFLICTS_MAX)
    return Conflicts(space.pairs[:kept], space.values[:kept], judged)
