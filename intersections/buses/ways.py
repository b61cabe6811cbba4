"""The patterns' ways as arrays: where along one a point may lie, when the timetable has a bus there, and which ways pass near a point.

Rules:
* A point may lie at several places of one way: a loop, an out-and-back street. All of them are given; who decides is `places`.
* A way made of its stops alone cuts corners: how far a bus may be from it grows with the distance of the stops.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import radians

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import BusNetwork, Floats, Pattern, Trip
from intersections.geometry import arc_lengths
from positioning.frames import LocalFrame

SHAPE_SIGMA_M = 20.0  # of a report across a drawn way: the receiver's noise, the road's width and the drawing's own
CHORD_SIGMA = 0.15  # and across the chord between two stops, by its length: the sagitta of a quarter circle is 0.21 of its chord
REACH_SIGMAS = 4.0
SAME_PLACE_M = 40.0  # two nearest places closer than this along the way are one
MAX_PLACES = 6
CELL_M = 250.0


@dataclass(frozen=True, slots=True)
class Near:
    """A place on a way and how far across it the point lies, in standard deviations."""

    place_m: float
    across: float


class Way:
    """One pattern, ready to be asked."""

    __slots__ = ("end_m", "lengths_m", "pattern", "sigma_m", "squared", "starts", "steps", "stop_m")

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.stop_m: list[float] = pattern.stop_m.tolist()
        self.lengths_m = arc_lengths(pattern.points_m)
        self.starts = pattern.points_m[:-1]
        self.steps = np.diff(pattern.points_m, axis=0)
        self.squared = np.einsum("ij,ij->i", self.steps, self.steps)
        chords = CHORD_SIGMA * np.sqrt(self.squared) if _of_stops_alone(self.lengths_m, pattern.stop_m) else 0.0
        self.sigma_m: Floats = np.maximum(SHAPE_SIGMA_M, chords) + np.zeros(len(self.squared))
        self.end_m = float(self.lengths_m[-1])

    def near(self, x_m: float, y_m: float, from_m: float = 0.0, to_m: float = np.inf) -> list[Near]:
        """The nearest places between two others, the best first."""
        first = max(int(self.lengths_m.searchsorted(from_m, side="right")) - 1, 0)
        last = min(int(self.lengths_m.searchsorted(to_m)), len(self.steps))
        if first >= last:
            return []
        steps, squared = self.steps[first:last], self.squared[first:last]
        relative = np.array((x_m, y_m)) - self.starts[first:last]
        part = np.minimum(np.maximum(np.einsum("ij,ij->i", relative, steps) / squared, 0.0), 1.0)
        relative -= part[:, None] * steps
        across = np.hypot(relative[:, 0], relative[:, 1]) / self.sigma_m[first:last]
        place_m = self.lengths_m[first:last] + part * np.sqrt(squared)
        return _distinct(across, place_m, (part > 0.0) & (part < 1.0))

    def scheduled_s(self, trip: Trip, place_m: float) -> float:
        """When the timetable has the trip there. Before the first stop and behind the last: as at these."""
        return float(np.interp(place_m, self.pattern.stop_m, trip.arrival_s))


def _of_stops_alone(lengths_m: Floats, stop_m: Floats) -> bool:
    places_m = np.unique(stop_m)
    return len(places_m) == len(lengths_m) and bool(np.allclose(places_m, lengths_m, atol=0.01))


def _distinct(across: Floats, place_m: Floats, inside: NDArray[np.bool_]) -> list[Near]:
    """Least distances along the way: inside a piece, or at a vertex from which both pieces lead away."""
    reached = (across <= REACH_SIGMAS).nonzero()[0].tolist()  # seldom more than a handful
    end = len(across) - 1
    lowest = [
        row
        for row in reached
        if inside[row] or ((row == 0 or across[row] <= across[row - 1]) and (row == end or across[row] <= across[row + 1]))
    ]
    found: list[Near] = []
    for row in sorted(lowest, key=across.__getitem__):
        place = float(place_m[row])
        if all(abs(place - other.place_m) > SAME_PLACE_M for other in found):
            found.append(Near(place, float(across[row])))
            if len(found) == MAX_PLACES:
                break
    return found


class Ways:
    """All ways of a network, by pattern and by where they pass; and the trips of each in order of departure."""

    def __init__(self, network: BusNetwork) -> None:
        self.network = network
        self.frame = LocalFrame(*map(radians, network.origin_deg))
        self.of: dict[str, Way] = {id: Way(pattern) for id, pattern in network.patterns.items()}
        self.trips = _in_order(network)
        self.lines = {pattern.line for pattern in network.patterns.values()}
        self.following = _following(network)
        self.runs = _runs(network)
        self._cells = _cells(self.of)

    def way(self, trip: str) -> Way:
        return self.of[self.network.trips[trip].pattern]

    def passing(self, x_m: float, y_m: float) -> list[str]:
        """Patterns that pass near a point, or may."""
        return self._cells.get((int(x_m // CELL_M), int(y_m // CELL_M)), [])


def _in_order(network: BusNetwork) -> dict[str, tuple[Trip, ...]]:
    found: dict[str, list[Trip]] = defaultdict(list)
    for trip in network.trips.values():
        found[trip.pattern].append(trip)
    return {pattern: tuple(sorted(trips, key=lambda trip: (trip.departure_s[0], trip.id))) for pattern, trips in found.items()}


def _runs(network: BusNetwork) -> dict[str, tuple[str, ...]]:
    """The trips that an id may mean: itself, and its runs `id@...`, of a frequency or of the day before."""
    runs: dict[str, list[str]] = defaultdict(list)
    for id in network.trips:
        runs[id].append(id)
        whole, run, _ = id.rpartition("@")
        if run:
            runs[whole].append(id)
    return {id: tuple(ids) for id, ids in runs.items()}


def _following(network: BusNetwork) -> dict[str, str]:
    """The trip that follows each in its duty."""
    duties: dict[str, list[Trip]] = defaultdict(list)
    for trip in network.trips.values():
        if trip.duty:
            duties[trip.duty].append(trip)
    following = {}
    for trips in duties.values():
        trips.sort(key=lambda trip: (trip.departure_s[0], trip.id))
        following.update({one.id: other.id for one, other in pairwise(trips)})
    return following


def _cells(ways: Mapping[str, Way]) -> dict[tuple[int, int], list[str]]:
    """Each way in the cells it passes and, as its reach goes over their edges, in those around."""
    cells: dict[tuple[int, int], list[str]] = defaultdict(list)
    around = np.array([(east, north) for east in (-1, 0, 1) for north in (-1, 0, 1)])
    for id, way in ways.items():
        places = np.append(np.arange(0.0, way.end_m, CELL_M / 2), way.end_m)
        points = np.column_stack([np.interp(places, way.lengths_m, way.pattern.points_m[:, axis]) for axis in (0, 1)])
        passed: NDArray[np.int64] = np.unique(np.floor(points / CELL_M).astype(np.int64), axis=0)
        for east, north in np.unique((passed[:, None] + around[None]).reshape(-1, 2), axis=0):
            cells[int(east), int(north)].append(id)
    return dict(cells)
