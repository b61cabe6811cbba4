"""Simulated 5G: the round-trip ranges that a vehicle gets from the base stations (gNB) around it.

SIMULATED: no part of the demo's 5G was recorded; every figure that rests on it says so.

Rules:
* Stations stand on a hexagonal grid of 200 m, 10 m above the road; where the grid lies against the crossing is drawn, not chosen.
* Line of sight by 3GPP TR 38.901 table 7.4.2-1, urban micro street canyon: certain up to 18 m, else 18/d + exp(-d/36) (1 - 18/d);
  drawn once per station and cell of 10 m, because houses stand still.
* In sight a range errs by N(0, 0.9 m). Without sight by N(0, 2.7 m) and a detour of Exp(12 m) that is the cell's own; one such range
  in twenty is another path altogether, 30 to 230 m too long. Each station's group delay is N(0, 1 m), and nobody is told.
* A range is known 50 to 200 ms after it was measured (`v2x.sim.field`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from positioning.frames import LocalFrame
from positioning.samples import Anchor
from v2x.sim.randomness import generator

GRID_M = 200.0
REACH_M = 600.0  # around the crossing: further out than any four stations that a vehicle of the scene hears
STATION_HEIGHT_M, ANTENNA_HEIGHT_M = 10.0, 1.5
HEARD = 4
CELL_M = 10.0
SIGHT_SIGMA_M, HIDDEN_SIGMA_M, DETOUR_M = 0.9, 2.7, 12.0
OUTLIERS, OUTLIER_M = 0.05, (30.0, 230.0)
GROUP_DELAY_M = 1.0
CELLS = 1 << 16  # remembered; a scene has some 10,000


@dataclass(frozen=True, slots=True)
class BaseStation:
    """Where it stands (m from the map's origin; height above the road) and what its own electronics add to a range."""

    id: str
    east_m: float
    north_m: float
    height_m: float
    group_delay_m: float


@dataclass(frozen=True, slots=True)
class Range:
    station: str
    range_m: float


def base_stations(seed: int) -> tuple[BaseStation, ...]:
    """All within REACH_M of the origin, the same for the same seed."""
    noise = generator(seed, "gnb grid")
    row_m = GRID_M * math.sqrt(0.75)
    shift_east_m, shift_north_m = noise.random(2) * (GRID_M, 2.0 * row_m)
    steps = range(-math.ceil(REACH_M / row_m) - 2, math.ceil(REACH_M / row_m) + 1)
    places = [((column + row % 2 / 2) * GRID_M + shift_east_m, row * row_m + shift_north_m) for row in steps for column in steps]
    near = [place for place in places if math.hypot(*place) <= REACH_M]
    delays_m = [GROUP_DELAY_M * generator(seed, "gnb delay", number).standard_normal() for number in range(len(near))]
    return tuple(
        BaseStation(f"gnb-{number + 1}", east_m, north_m, STATION_HEIGHT_M, delays_m[number])
        for number, (east_m, north_m) in enumerate(near)
    )


def surveyed(stations: Sequence[BaseStation], frame: LocalFrame) -> tuple[Anchor, ...]:
    """What the network's operator knows of them: where they stand, not what their electronics add."""
    places = np.array([(station.east_m, station.north_m) for station in stations])
    latitudes, longitudes = frame.geodetic_from_enu(places[:, 0], places[:, 1])
    rows = zip(stations, latitudes.tolist(), longitudes.tolist(), strict=True)
    return tuple(Anchor(station.id, latitude, longitude, station.height_m) for station, latitude, longitude in rows)


def sight_probability(distance_m: float) -> float:
    """Of a free line to a station at this distance on the ground."""
    if distance_m <= 18.0:
        return 1.0
    return 18.0 / distance_m + math.exp(-distance_m / 36.0) * (1.0 - 18.0 / distance_m)


class CellularNetwork:
    """The base stations as vehicles hear them."""

    def __init__(self, stations: tuple[BaseStation, ...], seed: int) -> None:
        self.stations = stations
        self._places_m = np.array([(station.east_m, station.north_m) for station in stations])
        self._seed = seed
        self._cell = lru_cache(CELLS)(self._drawn)

    def ranges(self, place_m: NDArray[np.float64], noise: np.random.Generator) -> list[Range]:
        """To the HEARD nearest stations; `place_m` (east, north) is where the vehicle really is."""
        distances_m = np.hypot(*(self._places_m - place_m).T)
        cell = math.floor(place_m[0] / CELL_M), math.floor(place_m[1] / CELL_M)
        return [self._range(index, float(distances_m[index]), cell, noise) for index in np.argsort(distances_m)[:HEARD].tolist()]

    def _range(self, index: int, distance_m: float, cell: tuple[int, int], noise: np.random.Generator) -> Range:
        station = self.stations[index]
        chance, detour_m = self._cell(station.id, *cell)
        hidden = chance >= sight_probability(distance_m)
        if hidden and noise.random() < OUTLIERS:
            detour_m = noise.uniform(*OUTLIER_M)
        excess_m = detour_m + noise.normal(0.0, HIDDEN_SIGMA_M) if hidden else noise.normal(0.0, SIGHT_SIGMA_M)
        true_m = math.hypot(distance_m, station.height_m - ANTENNA_HEIGHT_M)
        return Range(station.id, max(true_m + station.group_delay_m + excess_m, 0.0))

    def _drawn(self, station: str, column: int, row: int) -> tuple[float, float]:
        """What decides on the line of sight, and the detour without it."""
        cell = generator(self._seed, "gnb cell", station, column, row)
        return cell.random(), cell.exponential(DETOUR_M)
