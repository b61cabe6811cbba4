"""The area an intersection answers for, and what is probably wrong with positions that miss it.

Rules:
* Distances here decide only inside or outside: a sphere and a flat plane are exact to 0.5 % at 2 km.
* NaN is outside.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from positioning.frames import LocalFrame

EARTH_RADIUS_M = 6_371_000.0
AREA_RADIUS_M = 2000.0

Floats = NDArray[np.float64]
Locate = Callable[[float, float], str | None]  # latitude_rad, longitude_rad -> intersection

# What installers get wrong, and the position that was meant.
MISTAKES: tuple[tuple[str, Callable[[Floats, Floats], tuple[Floats, Floats]]], ...] = (
    ("latitude and longitude are swapped", lambda latitude, longitude: (longitude, latitude)),
    ("the sign of the longitude is wrong (east is positive)", lambda latitude, longitude: (latitude, -longitude)),
    ("the sign of the latitude is wrong (north is positive)", lambda latitude, longitude: (-latitude, longitude)),
    ("positions are in 1e-6 degree instead of 1e-7", lambda latitude, longitude: (latitude * 10, longitude * 10)),
    ("positions are in radians instead of degrees", lambda latitude, longitude: (np.degrees(latitude), np.degrees(longitude))),
)


@dataclass(frozen=True, slots=True)
class Area:
    """A circle about an intersection's origin."""

    latitude_rad: float
    longitude_rad: float
    radius_m: float = AREA_RADIUS_M

    def distance_m(self, latitude_rad: Floats, longitude_rad: Floats) -> Floats:
        north = latitude_rad - self.latitude_rad
        turn = longitude_rad - self.longitude_rad
        turn = turn - 2 * np.pi * np.round(turn / (2 * np.pi))
        return np.asarray(EARTH_RADIUS_M * np.hypot(north, turn * math.cos(self.latitude_rad)))

    def holds(self, latitude_rad: Floats, longitude_rad: Floats) -> NDArray[np.bool_]:
        return self.distance_m(latitude_rad, longitude_rad) <= self.radius_m


def areas_of(frames: Mapping[str, LocalFrame], radius_m: float = AREA_RADIUS_M) -> dict[str, Area]:
    return {name: Area(frame.latitude_rad, frame.longitude_rad, radius_m) for name, frame in frames.items()}


def nearest_area(areas: Mapping[str, Area]) -> Locate:
    """Which intersection a position belongs to: the nearest of those whose area holds it."""
    names = list(areas)

    def locate(latitude_rad: float, longitude_rad: float) -> str | None:
        latitude, longitude = np.array([latitude_rad]), np.array([longitude_rad])
        distances = [float(areas[name].distance_m(latitude, longitude)[0]) for name in names]
        inside = [(distance, name) for distance, name in zip(distances, names, strict=True) if distance <= areas[name].radius_m]
        return min(inside)[1] if inside else None

    return locate


def find_mistake(latitude_deg: Floats, longitude_deg: Floats, area: Area) -> str | None:
    """What would bring most of these misplaced positions into the area; None where nothing known does."""
    for text, meant in MISTAKES:
        latitude, longitude = meant(latitude_deg, longitude_deg)
        if len(latitude) and np.mean(area.holds(np.radians(latitude), np.radians(longitude))) > 0.5:
            return text
    return None
