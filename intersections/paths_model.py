"""The readable twin of `intersections._paths`: the same rules, one track at a time, for reading and for tests.

* Placement: the element with the least cost in squared standard deviations of offset (0.8 m) and heading (0.3 rad), plus what it
  costs a class to be there, plus continuity. Beyond a gate in offset or heading it is not there at all.
* Reach: the tree of elements a track may come to within the horizon, with the distance to the start of each and to the stop that it
  is predicted to make. Nobody is taken to run a red light as long as another way is open, nor to turn faster than a car can.
* Trajectories: the centre along each branch of that tree at constant speed, braking on where it brakes, stopping where it will stop;
  off the map constant turn rate and speed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.localize import (
    NEVER_NS,
    NO_ELEMENT,
    SETTLE_NS,
    SIGMAS_TO_MOVE,
    STANDING_MAX_MPS,
    STANDING_MPS,
    START_MPS2,
    Places,
    UserRole,
)
from intersections.paths import ElementKind, Paths
from positioning.tracks import TrackView

Floats = NDArray[np.float64]

VISITS, ROUTES, SAMPLES, SAMPLE_S = 32, 4, 31, 0.2
STOP_SLACK_M = 1.0  # lines lie a metre or more before what they protect
KERB_SLACK_M = 0.3
OVERSHOOT_M = 0.7  # beyond an element's end and still on it
APPROACH_M = 4.0  # on foot towards a crossing, from here on it is the crossing that is meant
SIBLING_LATERAL_M, SIBLING_COS = 1.0, 0.97  # nearer than this, two turns are not told apart
BESIDE_LATERAL_M, BESIDE_COS = 3.0, 0.5  # the same for lanes side by side
SAME_M = 1e-9  # at a joint two segments are equally near but for rounding: the first counts
STRAIGHT_RADPS = 0.05  # slower turning is noise
LOOK_AHEAD_M = 120.0  # a driver sees the next lamp or yield sign from here, however slow he is
BRAKING_MPS2 = 1.0  # less is noise
LAMP_STOP = 1
CARRIED = ("element", "on_crossing", "unlawful", "seen_ns", "placed_ns", "stood_ns")  # of `Places`, what the next places build on
TWO_WAY = (ElementKind.SIDEWALK, ElementKind.CROSSING)


@dataclass(frozen=True, slots=True)
class Fix:
    """A point relative to an element: arc length, offset to the right, how far beyond an end, heading difference."""

    s_m: float
    lateral_m: float
    over_m: float
    turn_rad: float


@dataclass(slots=True)
class Visit:
    element: int
    start_m: float
    stop_m: float
    parent: int


class NetworkModel:
    """Takes what `Network` takes and fills the same arrays."""

    def __init__(self, paths: Paths, admission: Floats, roles: Any, cell_m: float) -> None:
        self._paths, self._admission, self._roles, self._cell_m = paths, admission, roles, cell_m

    def locate(self, view: TrackView, before: Places, lamps: Any, places: Places) -> None:
        rows = {track: row for row, track in enumerate(before.ids.tolist())}
        for row, track in enumerate(view.ids.tolist()):
            self._locate_one(view, row, before, rows.get(track), lamps, places)

    def _locate_one(self, view: TrackView, row: int, before: Places, last: int | None, lamps: Any, places: Places) -> None:
        now_ns, speed_mps = view.time_ns, float(view.motion[row, 2])
        element, on_crossing, unlawful, seen_ns, placed_ns, stood_ns = (
            (NO_ELEMENT, 0, 0, now_ns, now_ns, NEVER_NS) if last is None else (int(getattr(before, name)[last]) for name in CARRIED)
        )
        threshold_mps = min(max(SIGMAS_TO_MOVE * float(view.sigma[row, 1]), STANDING_MPS), STANDING_MAX_MPS)
        possible_mps = STANDING_MAX_MPS + START_MPS2 * (now_ns - stood_ns) / 1e9
        moving = places.moving[row : row + 1]
        moving[:] = threshold_mps < speed_mps <= possible_mps
        places.place[row] = 0.0
        one = slice(row, row + 1)
        hint = np.array([element], np.int32)
        self.localize(view.motion[one], view.classes[one], moving, hint, places.element[one], places.place[one])
        number, along_m = int(places.element[row]), float(places.place[row, 0])
        on = number >= 0 and self._paths.kinds[number] == ElementKind.CROSSING and 0 < along_m < self._paths.length_m[number]
        entered = on and not (on_crossing and number == element)
        places.on_crossing[row] = on
        places.unlawful[row] = lamps[number] == LAMP_STOP if entered else on and unlawful
        lost = number < 0 and bool(moving[0])
        places.seen_ns[row] = now_ns if view.updated[row] else seen_ns
        places.placed_ns[row] = placed_ns if lost else now_ns
        places.stood_ns[row] = now_ns if speed_mps <= STANDING_MPS else stood_ns
        role = self._roles[view.classes[row]]
        unsettled = role == UserRole.MOTOR and lost and now_ns - int(places.placed_ns[row]) < SETTLE_NS
        places.role[row] = UserRole.UNSETTLED if unsettled else role

    def localize(self, motion: Floats, classes: Any, moving: Any, hints: Any, element: Any, place: Floats) -> None:
        for row in range(len(motion)):
            fits = [
                (self._placement_cost(number, int(classes[row]), bool(moving[row]), int(hints[row]), fix), order, number, fix)
                for order, (number, fix) in enumerate(self._near(motion[row]))
                if np.isfinite(self._admission[classes[row], self._paths.kinds[number]])
            ]
            cost, _, number, fix = min(fits, default=(math.inf, 0, -1, None), key=lambda fit: fit[:2])
            element[row] = -1 if cost == math.inf else number
            if cost < math.inf and fix is not None:
                place[row] = fix.s_m, fix.lateral_m, fix.turn_rad

    def reach(
        self, motion: Floats, size: Floats, moving: Any, element: Any, place: Floats, lamps: Any, horizon_s: float, stop_mps2: float,
        visits: Any, visited: Any, travel: Floats, parent: Any, attentive: Any,
    ) -> None:  # fmt: skip
        for row in range(len(motion)):
            visits[row] = attentive[row] = 0
            if element[row] < 0:
                continue
            half_m, moves = size[row, 0] / 2, bool(moving[row])
            tree, watched = self._tree(motion[row], half_m, moves, int(element[row]), place[row], lamps, horizon_s, stop_mps2)
            visits[row], attentive[row] = len(tree), watched
            for k, visit in enumerate(tree):
                visited[row, k], parent[row, k] = visit.element, visit.parent
                travel[row, k] = visit.start_m, visit.stop_m

    def trajectories(
        self, motion: Floats, moving: Any, element: Any, place: Floats, visits: Any, visited: Any, travel: Floats, parent: Any,
        routes: Any, samples: Floats,
    ) -> None:  # fmt: skip
        for row in range(len(motion)):
            if element[row] < 0 or not moving[row]:
                routes[row] = 1
                samples[row, 0] = _free(motion[row], bool(moving[row]))
                continue
            count = int(visits[row])
            starts, stops = travel[row, :count].T.tolist()
            tree = [Visit(int(visited[row, k]), starts[k], stops[k], int(parent[row, k])) for k in range(count)]
            leaves = [k for k in range(count) if all(visit.parent != k for visit in tree)][:ROUTES]
            routes[row] = len(leaves)
            for route, leaf in enumerate(leaves):
                samples[row, route] = self._follow(motion[row], place[row], _chain(tree, leaf), _root(tree, leaf) == 0)

    def _near(self, motion: Floats) -> Iterator[tuple[int, Fix]]:
        west, south, columns, rows = self._paths.grid
        column, row = math.floor((motion[0] - west) / self._cell_m), math.floor((motion[1] - south) / self._cell_m)
        if 0 <= column < columns and 0 <= row < rows:
            cell = int(row * columns + column)
            for entry in range(self._paths.cell_start[cell], self._paths.cell_start[cell + 1]):
                number = int(self._paths.cell_element[entry])
                yield number, self._project(number, int(self._paths.cell_segment[entry]), motion)

    def _project(self, number: int, first: int, motion: Floats) -> Fix:
        """Onto one segment; beyond the element's ends the line goes on straight, at inner vertices the vertex is nearest."""
        start, end = self._paths.points[first], self._paths.points[first + 1]
        size = math.hypot(*(end - start))
        ahead = (end - start) / size
        along, side = float((motion[:2] - start) @ ahead), float((motion[:2] - start) @ (ahead[1], -ahead[0]))
        turn_rad = math.remainder(motion[3] - math.atan2(*ahead), math.tau)
        arc = self._paths.arc_m[first]
        if along < 0 and first == self._paths.point_start[number]:
            return Fix(arc + along, side, -along, turn_rad)
        if along > size and first + 2 == self._paths.point_start[number + 1]:
            return Fix(arc + along, side, along - size, turn_rad)
        if 0 <= along <= size:
            return Fix(arc + along, side, 0.0, turn_rad)
        beyond = along if along < 0 else along - size
        vertex = arc if along < 0 else self._paths.arc_m[first + 1]
        return Fix(float(vertex), math.copysign(math.hypot(beyond, side), side), 0.0, turn_rad)

    def _placement_cost(self, number: int, object_class: int, moving: bool, hint: int, fix: Fix) -> float:  # noqa: FBT001
        kind = ElementKind(self._paths.kinds[number])
        kept, cos_turn = number == hint, math.cos(fix.turn_rad)
        along = abs(cos_turn) if kind in TWO_WAY else cos_turn
        margin_m = 1.0 if kind is ElementKind.CROSSING else 1.2 if kept else 0.6
        least_cos = 0.8 if kind is ElementKind.SIDEWALK else 0.5 if kept or kind in TWO_WAY else 0.7
        towards = (fix.s_m < 0 and cos_turn > 0.5) or (fix.s_m > 0 and cos_turn < -0.5)
        approaching = kind is ElementKind.CROSSING and moving and towards
        over_max_m, over_m = (APPROACH_M, 0.25 * fix.over_m) if approaching else (OVERSHOOT_M, fix.over_m)
        off = abs(fix.lateral_m) > self._paths.half_width_m[number] + margin_m
        if fix.over_m > over_max_m or off or (moving and along < least_cos):
            return math.inf
        heading_cost = 2 * (1 - along) / (0.09 if moving else 1.0)
        continuity = 0.0 if kept else 0.3 if self._follows(hint, number) else 0.8
        admission = float(self._admission[object_class, kind]) + 0.5 * float(self._paths.u_turn[number])
        return (fix.lateral_m / 0.8) ** 2 + (over_m / 0.5) ** 2 + heading_cost + admission + continuity

    def _successors(self, number: int) -> list[int]:
        return [int(n) for n in self._paths.next_element[self._paths.next_start[number] : self._paths.next_start[number + 1]]]

    def _follows(self, hint: int, number: int) -> bool:
        if hint < 0:
            return False
        return number in self._successors(hint) or self._paths.ingress[hint] == self._paths.ingress[number] >= 0

    def _tree(
        self,
        motion: Floats,
        half_m: float,
        moving: bool,  # noqa: FBT001 - a row of the kernel's arrays
        element: int,
        place: Floats,
        lamps: Any,
        horizon_s: float,
        stop_mps2: float,
    ) -> tuple[list[Visit], bool]:
        speed = motion[2]
        root = Visit(element, -place[0], math.inf, -1)
        if self._paths.kinds[element] in TWO_WAY:
            if math.cos(place[2]) < 0:
                root.start_m = place[0] - self._paths.length_m[element]
            faces_red = self._paths.kinds[element] == ElementKind.CROSSING and lamps[element] == LAMP_STOP and root.start_m > 0
            if faces_red and (not moving or speed**2 <= 2 * stop_mps2 * (root.start_m + KERB_SLACK_M)):
                root.stop_m = root.start_m
            return [root], False
        tree = [root, *self._siblings(motion, element)]
        if not moving:
            return tree, False
        horizon_m = max(speed * horizon_s, LOOK_AHEAD_M) + half_m
        ends: list[str] = []
        watched = False
        for k, visit in enumerate(tree):  # grows while it is walked
            ends.append(self._expand(tree, k, speed, half_m, horizon_m, lamps, stop_mps2))
            watched |= bool(self._paths.controlled[visit.element])
        return _lawful(tree, lamps), watched or ("stops" in ends and "open" not in ends)

    def _siblings(self, motion: Floats, element: int) -> list[Visit]:
        ingress = int(self._paths.ingress[element])
        if ingress < 0:
            return []
        siblings = []
        for number in self._successors(ingress):
            if number == element or self._paths.u_turn[number]:
                continue
            first, last = self._paths.point_start[number], self._paths.point_start[number + 1] - 1
            fixes = [self._project(number, segment, motion) for segment in range(first, last)]
            best = fixes[0]
            for fix in fixes[1:]:
                if abs(fix.lateral_m) + fix.over_m < abs(best.lateral_m) + best.over_m - SAME_M:
                    best = fix
            beside = self._paths.direction[element] == self._paths.direction[number]
            lateral_m, cos = (BESIDE_LATERAL_M, BESIDE_COS) if beside else (SIBLING_LATERAL_M, SIBLING_COS)
            if abs(best.lateral_m) + best.over_m <= lateral_m and math.cos(best.turn_rad) >= cos:
                siblings.append(Visit(number, -best.s_m, math.inf, -1))
        return siblings[: VISITS - 1]

    def _expand(self, tree: list[Visit], k: int, speed: float, half_m: float, horizon_m: float, lamps: Any, stop_mps2: float) -> str:
        end_m = tree[k].start_m + self._paths.length_m[tree[k].element]
        if end_m > horizon_m:
            return "open"
        successors = self._successors(tree[k].element)
        feasible = [number for number in successors if self._turnable(number, speed, end_m, stop_mps2)] or successors
        stops: list[float] = []
        gone = False
        for number in feasible:
            room_m = end_m - self._paths.stop_back_m[number] - half_m + STOP_SLACK_M
            if lamps[number] == LAMP_STOP and room_m > 0 and speed**2 <= 2 * stop_mps2 * room_m:
                stops.append(room_m)
            elif len(tree) < VISITS:
                tree.append(Visit(number, end_m, math.inf, k))
                gone = True
        if stops and not gone:
            tree[k].stop_m = max(stops)
            return "stops"
        return "on" if gone else "open"

    def _turnable(self, number: int, speed: float, distance_m: float, stop_mps2: float) -> bool:
        curve = self._paths.curve_mps[number]
        return not self._paths.u_turn[number] and (speed <= curve or speed**2 - curve**2 <= 2 * stop_mps2 * max(distance_m, 0.1))

    def _follow(self, motion: Floats, place: Floats, chain: list[Visit], localized: bool) -> Floats:  # noqa: FBT001
        """(SAMPLES, 2): the centre along the chain of visits, root first, keeping the offset on the element it was placed on."""
        reverse, lateral_m = math.cos(place[2]) < 0, place[1] if localized else 0.0
        route = np.empty((SAMPLES, 2))
        hop = 0
        for k in range(SAMPLES):
            x_m = travelled_m(motion[2], motion[5], chain[-1].stop_m, k * SAMPLE_S)
            while hop + 1 < len(chain) and x_m > chain[hop + 1].start_m:
                hop += 1
            element = chain[hop].element
            s_m = x_m - chain[hop].start_m
            route[k] = self._point(element, self._paths.length_m[element] - s_m if reverse else s_m, lateral_m)
        return route

    def _point(self, element: int, s_m: float, lateral_m: float) -> Floats:
        first, last = self._paths.point_start[element], self._paths.point_start[element + 1] - 1
        arcs = self._paths.arc_m[first : last + 1]
        at = int(np.clip(np.searchsorted(arcs, s_m, side="left") - 1, 0, last - first - 1)) + first
        ahead = self._paths.points[at + 1] - self._paths.points[at]
        ahead = ahead / math.hypot(*ahead)
        along = self._paths.points[at] + (s_m - self._paths.arc_m[at]) * ahead
        return np.asarray(along + lateral_m * np.array((ahead[1], -ahead[0])))


def travelled_m(speed: float, acceleration: float, stop_m: float, time_s: float) -> float:
    """Distance at a time: at constant speed, braking on, or braking evenly to the predicted stop."""
    braking = -acceleration if acceleration < -BRAKING_MPS2 else 0.0
    if stop_m <= 0:
        return 0.0
    if stop_m < math.inf:
        braking = max(braking, speed**2 / (2 * stop_m))
    time_s = min(time_s, speed / braking) if braking > 0 else time_s
    return speed * time_s - 0.5 * braking * time_s**2


def _free(motion: Floats, moving: bool) -> Floats:  # noqa: FBT001
    """Constant turn rate and speed."""
    speed, turn = motion[2] if moving else 0.0, motion[4] if abs(motion[4]) >= STRAIGHT_RADPS else 0.0
    t = np.arange(SAMPLES) * SAMPLE_S
    chord = speed * t if turn == 0 else 2 * speed / turn * np.sin(turn * t / 2)
    heading = motion[3] + turn * t / 2
    return np.column_stack((motion[0] + chord * np.sin(heading), motion[1] + chord * np.cos(heading)))


def _lawful(tree: list[Visit], lamps: Any) -> list[Visit]:
    runs: list[bool] = []
    for visit in tree:
        runs.append(visit.parent >= 0 and (runs[visit.parent] or lamps[visit.element] == LAMP_STOP))
    leaves = [k for k in range(len(tree)) if all(visit.parent != k for visit in tree)]
    if not any(not runs[leaf] for leaf in leaves):
        return tree
    kept = [k for k in range(len(tree)) if not runs[k]]
    row = {k: number for number, k in enumerate(kept)}
    return [Visit(tree[k].element, tree[k].start_m, tree[k].stop_m, row.get(tree[k].parent, -1)) for k in kept]


def _chain(tree: list[Visit], leaf: int) -> list[Visit]:
    chain = []
    while leaf >= 0:
        chain.append(tree[leaf])
        leaf = tree[leaf].parent
    return chain[::-1]


def _root(tree: list[Visit], leaf: int) -> int:
    while tree[leaf].parent >= 0:
        leaf = tree[leaf].parent
    return leaf
