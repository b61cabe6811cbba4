"""What a server needs to know of the simulated crossing: map, two stations, the (simulated) 5G base stations; for the sim the tokens."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from intersections.map import IntersectionMap, MapError
from intersections.map_json import save
from intersections.signals.conventions import SAFE
from positioning.frames import LocalFrame
from positioning.samples import Anchor
from v2x.importers.signal_file import signal_file
from v2x.importers.sumo_net import find_site
from v2x.importers.sumo_signals import read_signals
from v2x.importers.sumo_xml import read_network
from v2x.sim.cellular import base_stations, surveyed
from v2x.sim.poses import opposite_corners
from v2x.sim.scenario import Scenario, ScenarioError, read_inputs
from v2x.sim.stage import STATIONS, Play, read_map
from v2x.stations import Pose, StationRegistry

MAP_FILE = "map.json"
STATIONS_FILE = "stations.json"
SIGNALS_FILE = "signals.json"
ANCHORS_FILE = "anchors.json"
TOKENS_FILE = "sim-tokens.json"
SCENARIO_FOLDER = "scenario"


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    scenario: Scenario
    map: IntersectionMap
    map_file: Path
    anchors_file: Path
    signals_file: Path | None


def write_setup(play: Play, state: Path, *, signals: bool = False) -> Setup:
    """Into the server's state folder: map, approved stations, gNBs, and the tokens that only this machine's user may read.

    `signals`: also the plan of its lamps by the safe convention, to control them by.
    """
    state.mkdir(parents=True, exist_ok=True)
    scenario, map = read_map(play, state / SCENARIO_FOLDER)
    save(map, state / MAP_FILE)
    frame = LocalFrame(map.origin.latitude_rad, map.origin.longitude_rad, map.origin.height_m)
    registry = StationRegistry(state / STATIONS_FILE)
    tokens = {}
    for station, (east_m, north_m) in zip(STATIONS, opposite_corners(map), strict=True):
        latitude, longitude = frame.geodetic_from_enu(east_m, north_m)
        pose = Pose(math.degrees(latitude[0]), math.degrees(longitude[0]))
        tokens[station] = registry.approve(station, map.id, pose)
    _write_private(state / TOKENS_FILE, json.dumps(tokens))
    anchors = [_anchor(anchor) for anchor in surveyed(base_stations(play.seed), frame)]
    (state / ANCHORS_FILE).write_text(json.dumps(anchors, indent=1) + "\n")
    plan = _write_signals(scenario, map, state / SIGNALS_FILE) if signals else None
    return Setup(scenario, map, state / MAP_FILE, state / ANCHORS_FILE, plan)


def _write_signals(scenario: Scenario, map: IntersectionMap, path: Path) -> Path:
    """Raises ScenarioError."""
    try:
        light = find_site(read_network(scenario.network), scenario.junction or None).tl
        (site,) = read_signals(scenario.network, read_inputs(scenario.configuration)["additional-files"], SAFE, light)
    except (MapError, ValueError) as error:
        raise ScenarioError(f"{scenario.name}: its signals cannot be controlled: {error}") from error
    path.write_text(signal_file(site, map.id))
    return path


def read_tokens(state: Path) -> dict[str, str]:
    tokens: dict[str, str] = json.loads((state / TOKENS_FILE).read_text())
    return tokens


def _anchor(anchor: Anchor) -> dict[str, object]:
    """As `v2x.anchors` reads it."""
    places = {"latitude_deg": math.degrees(anchor.latitude_rad), "longitude_deg": math.degrees(anchor.longitude_rad)}
    return {"id": anchor.id, **places, "height_m": anchor.height_m}


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
