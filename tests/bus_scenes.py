"""A small bus network with everything that makes matching hard, and buses driven over it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import radians

import numpy as np

from intersections.buses.matching import Matcher, MatchStep
from intersections.buses.network import BusNetwork, Stop
from intersections.buses.planned import Journey, planned_network
from intersections.buses.samples import BusPosition
from positioning.frames import LocalFrame

ORIGIN_DEG = (44.5, 11.34)
FRAME = LocalFrame(*map(radians, ORIGIN_DEG))
MIDNIGHT_NS = 1_700_000_000 * 10**9
HOUR = 3600.0
SPEED_MPS = 8.0


def degrees_of(points) -> np.ndarray:
    latitude, longitude = FRAME.geodetic_from_enu(*np.asarray(points, float).T)
    return np.column_stack([np.degrees(latitude), np.degrees(longitude)])


def stops_of(places: dict[str, tuple[float, float]]) -> dict[str, Stop]:
    return {id: Stop(id, id, *map(float, degrees_of([xy])[0])) for id, xy in places.items()}


STRAIGHT = {f"a{k}": (500.0 * k, 0.0) for k in range(9)}  # line A, west to east, 4 km
LOOP = {"l0": (0.0, 2000.0), "l1": (800.0, 2000.0), "l2": (800.0, 2800.0), "l3": (0.0, 2800.0)}  # line L, a square, ends where it begins
SPUR = {"s0": (0.0, -2000.0), "s1": (700.0, -2000.0), "s2": (1000.0, -1200.0), "s3": (1300.0, -2000.0), "s4": (2000.0, -2000.0)}
WAYS = {  # line S goes up a side street and back by the same street
    "A": (tuple(STRAIGHT), [(0.0, 0.0), (4000.0, 0.0)]),
    "B": (tuple(reversed(STRAIGHT)), [(4000.0, 0.0), (0.0, 0.0)]),
    "L": (("l0", "l1", "l2", "l3", "l0"), [(0, 2000), (800, 2000), (800, 2800), (0, 2800), (0, 2000)]),
    "S": (("s0", "s1", "s2", "s3", "s4"), [(0, -2000), (1000, -2000), (1000, -1200), (1000, -2000), (2000, -2000)]),
}
LINE = {"A": ("A", "0"), "B": ("A", "1"), "L": ("L", "0"), "S": ("S", "0")}


def journey(way: str, number: int, start_s: float, duty: str = "") -> Journey:
    stops, points = WAYS[way]
    length = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(np.array(points, float), axis=0).T))))
    times = start_s + np.linspace(0.0, float(length[-1]) / SPEED_MPS, len(stops))
    return Journey(f"{way}{number}", *LINE[way], stops, times, times, shape=way, duty=duty)


def network(extra: Iterable[Journey] = ()) -> BusNetwork:
    """Each way every 10 minutes from 8:00 to 10:00. A's and B's trips alternate in duties."""
    journeys = [
        journey(way, number, 8 * HOUR + 600.0 * number, f"{way}{number}" if way in "LS" else "") for way in WAYS for number in range(12)
    ]
    journeys = [
        replace(one, duty=f"D{int(one.id[1:]) % 4 if one.line == 'A' and one.direction == '0' else (int(one.id[1:]) - 1) % 4}")
        if one.line == "A"
        else one
        for one in journeys
    ]
    shapes = {way: degrees_of(points) for way, (_, points) in WAYS.items()}
    return planned_network(stops_of(STRAIGHT | LOOP | SPUR), [*journeys, *extra], shapes, MIDNIGHT_NS, Counter())


def position(vehicle: str, time_s: float, x_m: float, y_m: float, trip: str = "", **more) -> BusPosition:
    latitude, longitude = map(float, degrees_of([(x_m, y_m)])[0])
    return BusPosition(vehicle, MIDNIGHT_NS + round(time_s * 1e9), latitude, longitude, trip=trip, **more)


def along(way: str, driven_m: float) -> tuple[float, float]:
    points = np.array(WAYS[way][1], float)
    length = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    return float(np.interp(driven_m, length, points[:, 0])), float(np.interp(driven_m, length, points[:, 1]))


def drive(
    vehicle: str,
    way: str,
    start_s: float,
    trip: str = "",
    every_s: float = 10.0,
    noise_m: float = 0.0,
    seed: int = 0,
    until_m: float = np.inf,
    **more,
) -> Iterator[BusPosition]:
    """A bus at constant speed along a way, on the beat."""
    chance = np.random.default_rng(seed)
    length_m = float(np.hypot(*np.diff(np.array(WAYS[way][1], float), axis=0).T).sum())
    for tick in range(int(min(length_m, until_m) / SPEED_MPS / every_s) + 2):
        driven_m = min(tick * every_s * SPEED_MPS, length_m, until_m)
        x_m, y_m = np.array(along(way, driven_m)) + chance.normal(0.0, noise_m, 2)
        yield position(vehicle, start_s + tick * every_s, float(x_m), float(y_m), trip, **more)


def played(matcher: Matcher, positions: Iterable[BusPosition]) -> list[MatchStep]:
    """One step for each report, at its time."""
    return [matcher.step([one], one.measured_ns) for one in sorted(positions, key=lambda one: one.measured_ns)]


def totals(steps: Iterable[MatchStep]) -> Counter:
    return sum((step.verdicts for step in steps), Counter())
