"""Road users on scripted ways, seen by one roadside station and fed to an intersection at 10 Hz."""

import math
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from intersections.decisions import Warning, WarningState
from intersections.map import IntersectionMap, Priority
from intersections.samples import PhaseState, SignalSample
from intersections.step import Intersection, step
from positioning.samples import DETECTION_COLUMNS, Detection, ObjectClass, RsuFrame
from v2x.importers.four_arms import four_arm_crossing

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
NORTH, EAST, SOUTH, WEST = (quarter * math.pi / 2 for quarter in range(4))
SIZES_M = {
    ObjectClass.CAR: (4.5, 1.8),
    ObjectClass.PEDESTRIAN: (0.5, 0.5),
    ObjectClass.BICYCLE: (1.8, 0.6),
    ObjectClass.MOTORCYCLE: (2.2, 0.8),
}


@dataclass
class User:
    """Straight on at `heading_rad`; `speed` gives m/s at a time, positions follow from it."""

    east_m: float
    north_m: float
    heading_rad: float
    speed: object  # float, or a function of seconds
    object_class: ObjectClass = ObjectClass.CAR
    travelled_m: float = 0.0

    def at(self, time_s):
        return self.speed(time_s) if callable(self.speed) else self.speed

    def advance(self, time_s, period_s=0.1):
        steps = 10 if callable(self.speed) else 1
        for part in range(steps):
            self.travelled_m += self.at(time_s + (part + 0.5) * period_s / steps) * period_s / steps

    def place(self):
        return (
            self.east_m + self.travelled_m * math.sin(self.heading_rad),
            self.north_m + self.travelled_m * math.cos(self.heading_rad),
        )


@dataclass
class Noise:
    position_m: float = 0.0
    heading_rad: float = 0.0
    speed_mps: float = 0.0


@dataclass
class Outcome:
    """Everything that was decided, with the time of its step in seconds from the start."""

    decisions: list = field(default_factory=list)

    @property
    def warnings(self):
        return [(time_s, decision) for time_s, decision in self.decisions if isinstance(decision, Warning)]

    def raised(self, kind=None):
        return [
            (time_s, warning) for time_s, warning in self.warnings if warning.state is WarningState.RAISED and kind in (None, warning.kind)
        ]


def play(intersection, users, duration_s, noise=None, seed=0, lamps=None, station="rsu-1", start=0):
    """Feed `duration_s` of the users' motion; `lamps`: function of seconds -> {group: PhaseState}, or None."""
    noise, random, outcome = noise or Noise(), np.random.default_rng(seed), Outcome()
    for number in range(start, start + round(duration_s * 10)):
        time_s = number * 0.1
        now_ns = START_NS + number * PERIOD_NS
        samples = [frame(intersection, users, time_s, now_ns, number, noise, random, station)]
        if lamps is not None:
            states = tuple((group, state) for group, state in lamps(time_s).items())
            samples.insert(0, SignalSample(intersection.id, number, now_ns, now_ns, states))
        decided, _ = step(intersection, samples, now_ns)
        outcome.decisions += [(time_s, decision) for decision in decided]
        for user in users:
            user.advance(time_s)
    return outcome


def frame(intersection, users, time_s, now_ns, sequence, noise, random, station="rsu-1"):
    rows = np.full((len(users), DETECTION_COLUMNS), np.nan)
    places = np.array([user.place() for user in users]).reshape(-1, 2) + random.normal(0, 1, (len(users), 2)) * noise.position_m
    rows[:, Detection.LATITUDE_RAD], rows[:, Detection.LONGITUDE_RAD] = intersection.frame.geodetic_from_enu(places[:, 0], places[:, 1])
    for row, user in zip(rows, users, strict=True):
        row[Detection.SPEED_MPS] = max(0.0, user.at(time_s) + random.normal() * noise.speed_mps)
        row[Detection.HEADING_RAD] = (user.heading_rad + random.normal() * noise.heading_rad) % math.tau
        row[Detection.LENGTH_M], row[Detection.WIDTH_M] = SIZES_M[user.object_class]
    rows[:, Detection.POSITION_SIGMA_M] = max(noise.position_m, 0.05)
    rows[:, Detection.SPEED_SIGMA_MPS] = max(noise.speed_mps, 0.1)
    rows[:, Detection.HEADING_SIGMA_RAD] = max(noise.heading_rad, math.radians(0.3))
    rows[:, Detection.EXISTENCE] = 1.0
    rows[:, Detection.LOCAL_ID], rows[:, Detection.OBJECT_CLASS] = range(len(users)), [user.object_class for user in users]
    return RsuFrame(station, intersection.id, sequence, now_ns, now_ns, rows)


@cache
def four_arms():
    return four_arm_crossing()


def equal_crossing():
    """Four arms, one lane each way, nobody has priority. Northbound traffic runs at east 1.75, eastbound at north -1.75."""
    return Intersection(four_arms())


def with_priority(map: IntersectionMap | None = None):
    """The same with a major road from north to south: east and west yield."""
    map = map or four_arms()
    major = {connection.id for connection in map.connections if connection.id.split("-")[0] in ("north", "south")}
    connections = tuple(
        replace(connection, priority=Priority.MAJOR if connection.id in major else Priority.YIELD) for connection in map.connections
    )
    return Intersection(_again(map, connections=connections))


def signalised(map: IntersectionMap | None = None):
    """The same with lamps: group `ns` for north and south, `ew` for east and west, `walk` for every crossing."""
    map = map or four_arms()
    group = {"north": "ns", "south": "ns", "east": "ew", "west": "ew"}
    connections = tuple(replace(connection, signal_group=group[connection.id.split("-")[0]]) for connection in map.connections)
    crossings = tuple(replace(crossing, signal_group="walk") for crossing in map.crossings)
    return Intersection(_again(map, connections=connections, crossings=crossings, signal_groups=("ns", "ew", "walk")))


def _again(map, **changes):
    parts = {name: getattr(map, name) for name in ("id", "origin", "lanes", "connections", "crossings", "zones", "signal_groups", "region")}
    return IntersectionMap(**{**parts, **changes})


RED, GREEN = PhaseState.STOP_AND_REMAIN, PhaseState.PROTECTED_MOVEMENT_ALLOWED


def north_south_green(_time_s):
    return {"ns": GREEN, "ew": RED, "walk": RED}


def braking_to_stop(speed_mps, from_s, deceleration_mps2):
    return lambda time_s: max(0.0, speed_mps - deceleration_mps2 * max(0.0, time_s - from_s))
