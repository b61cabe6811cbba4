"""A district to measure on: crossings of the packaged shape, stations with tokens, and traffic that keeps a few conflicts coming.

Rules:
* All crossings lie on the same place under different names: they share no state, and the same object bytes serve them all.
* Every frame is foreseeable: two runs with the same numbers send the same bytes but for time and sequence.
* Two streets in steady flow cross without priority, and cars of the one pass between those of the other by a hair: each such pair is
  a conflict, raised when it is five seconds off and cleared when it has passed. People walk and cars stand beside the main street.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from intersections.map_json import save
from positioning.frames import LocalFrame
from positioning.samples import ObjectClass
from v2x.importers.four_arms import EXAMPLE_ORIGIN, four_arm_crossing
from v2x.stations import StationRegistry
from v2x.v1 import common_pb2, roadside_pb2

PERIOD_S = 0.1
PHASES = 4400  # frames until the scene repeats; a whole number of gaps of every flow, so that no number jumps
PEERS_FILE = "peers.json"
CONFIG_FILE = "v2x.toml"

FLOW_MPS = 10.0
FLOW_GAP_M = 22.0  # 2.2 s: a car of the other street that passes in the middle leaves a tenth of a second at either end
REACH_M = 150.0
LANE_M = 1.75
KERB_M = 5.5
SIDEWALK_M = 8.5
WALK_MPS = 1.25
WALK_GAP_M = 10.0
NO_WALK_M = 15.0  # nobody walks across the side street: what toggles are the conflicts of cars alone
SIDE_REACH_M = 80.0  # from where on the side street's cars are seen
NOISE_M = 0.1
SIDE_STREET = 4000  # the first of its cars' numbers


@dataclass(frozen=True, slots=True)
class Peer:
    """One station of the load: who it is, and on which side of the crossing it stands."""

    station: str
    intersection: str
    token: str
    side: int  # 0 west, 1 east


@dataclass(frozen=True, slots=True)
class District:
    """The files of a district in `folder`."""

    folder: Path
    peers: tuple[Peer, ...]


def prepare_district(folder: Path, intersections: int, stations_each: int = 2) -> District:
    """Write maps, registry, tokens and a configuration with free ports; `v2x serve --config FOLDER/v2x.toml` serves them."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = StationRegistry(folder / "stations.json")
    peers, maps = [], []
    for number in range(intersections):
        name = f"bench-{number:03d}"
        maps.append(folder / f"{name}.json")
        save(four_arm_crossing(name), maps[-1])
        for side in range(stations_each):
            station = f"{name}-{side}"
            peers.append(Peer(station, name, registry.approve(station, name), side % 2))
    (folder / PEERS_FILE).write_bytes(orjson.dumps(peers, option=orjson.OPT_INDENT_2))
    settings = {
        "grpc": "127.0.0.1:0",
        "mqtt": "127.0.0.1:0",
        "websocket": "127.0.0.1:0",
        "state": str(folder / "state"),
        "stations": str(folder / "stations.json"),
        "maps": [str(map) for map in maps],
    }
    lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in settings.items()]
    (folder / CONFIG_FILE).write_text("\n".join(lines) + "\n")
    return District(folder, tuple(peers))


def load_district(folder: Path) -> District:
    rows = orjson.loads((folder / PEERS_FILE).read_bytes())
    return District(folder, tuple(Peer(**row) for row in rows))


@dataclass(frozen=True)
class Scene:
    """What the two sides of a crossing see, `objects` each, for every phase of the cycle."""

    objects: int = 50

    @cached_property
    def frames(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """By side and phase: the serialized `objects` of a frame, to be appended to its other fields."""
        chance = np.random.default_rng(20260504)
        phases = [list(_road_users(phase * PERIOD_S)) for phase in range(PHASES)]
        west, east = (tuple(_serialized(_nearest(users, x, self.objects), chance) for users in phases) for x in (-30.0, 30.0))
        return west, east


@dataclass(frozen=True, slots=True)
class RoadUser:
    local_id: int
    kind: ObjectClass
    east_m: float
    north_m: float
    speed_mps: float
    heading_rad: float
    length_m: float
    width_m: float


def _road_users(time_s: float) -> Iterator[RoadUser]:
    yield from _flow(time_s, 0, FLOW_MPS, FLOW_GAP_M, LANE_M, ObjectClass.CAR)
    between = _flow(time_s + 0.5 * FLOW_GAP_M / FLOW_MPS, SIDE_STREET, FLOW_MPS, FLOW_GAP_M, LANE_M, ObjectClass.CAR)
    yield from (_turned(user) for user in between if abs(user.east_m) < SIDE_REACH_M)
    walking = _flow(time_s, 1000, WALK_MPS, WALK_GAP_M, SIDEWALK_M, ObjectClass.PEDESTRIAN)
    yield from (user for user in walking if abs(user.east_m) > NO_WALK_M)
    for index, east_m in enumerate(np.arange(-REACH_M + 30.0, REACH_M - 30.0, 20.0)):
        if abs(east_m) > 25.0:
            yield RoadUser(3000 + index, ObjectClass.CAR, float(east_m), KERB_M, 0.0, math.radians(270.0), 4.5, 1.8)
            yield RoadUser(3100 + index, ObjectClass.CAR, float(east_m), -KERB_M, 0.0, math.radians(90.0), 4.5, 1.8)


def _flow(time_s: float, first_id: int, speed_mps: float, gap_m: float, aside_m: float, kind: ObjectClass) -> Iterator[RoadUser]:
    """Road users in both directions of the street, evenly spaced, each with a number of its own for the whole way."""
    length_m, width_m = (0.5, 0.5) if kind is ObjectClass.PEDESTRIAN else (4.5, 1.8)
    numbers = round(speed_mps * PHASES * PERIOD_S / gap_m)
    head_m = speed_mps * time_s
    newest = math.floor(head_m / gap_m)
    for way, heading_deg in ((1.0, 90.0), (-1.0, 270.0)):
        for number in range(newest, newest - int(2 * REACH_M / gap_m), -1):
            east_m = way * (head_m - number * gap_m - REACH_M)
            local_id = first_id + (500 if way < 0 else 0) + number % numbers
            yield RoadUser(local_id, kind, east_m, -way * aside_m, speed_mps, math.radians(heading_deg), length_m, width_m)


def _turned(user: RoadUser) -> RoadUser:
    """The same on the side street: a quarter turn clockwise about the middle of the crossing."""
    return replace(user, east_m=user.north_m, north_m=-user.east_m, heading_rad=(user.heading_rad + math.pi / 2) % math.tau)


def _nearest(users: list[RoadUser], east_m: float, count: int) -> list[RoadUser]:
    """The side street's cars are always seen, of the others those nearest to the station."""
    return sorted(users, key=lambda user: (user.local_id < SIDE_STREET, abs(user.east_m - east_m)))[:count]


def _serialized(users: list[RoadUser], chance: np.random.Generator) -> bytes:
    frame = LocalFrame(EXAMPLE_ORIGIN.latitude_rad, EXAMPLE_ORIGIN.longitude_rad, EXAMPLE_ORIGIN.height_m)
    noise_m = chance.normal(0.0, NOISE_M, (2, len(users)))
    east_m = np.array([user.east_m for user in users]) + noise_m[0]
    north_m = np.array([user.north_m for user in users]) + noise_m[1]
    latitude_e7, longitude_e7 = (np.round(np.degrees(angle) * 1e7).astype(int) for angle in frame.geodetic_from_enu(east_m, north_m))
    return roadside_pb2.RsuFrame(objects=[_object(*row) for row in zip(users, latitude_e7, longitude_e7, strict=True)]).SerializeToString()


def _object(user: RoadUser, latitude_e7: NDArray[np.int64], longitude_e7: NDArray[np.int64]) -> roadside_pb2.DetectedObject:
    return roadside_pb2.DetectedObject(
        local_id=user.local_id,
        object_class=common_pb2.ObjectClass.Name(user.kind),
        latitude_e7=int(latitude_e7),
        longitude_e7=int(longitude_e7),
        speed=round(user.speed_mps / 0.02),
        heading=round(math.degrees(user.heading_rad) / 0.0125) % 28800,
        length_cm=round(user.length_m * 100),
        width_cm=round(user.width_m * 100),
        position_accuracy_cm=round(NOISE_M * 200),
        speed_accuracy=20,
        heading_accuracy=160,
        existence_confidence=95,
    )
