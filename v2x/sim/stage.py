"""Sets the scene: scenario, map, world, two masts, connected vehicles and lamps, ready to be played on either link."""

from dataclasses import dataclass, field
from pathlib import Path

from intersections.map import IntersectionMap
from positioning.frames import LocalFrame
from v2x.importers.sumo_net import find_site, intersection_map, signal_groups
from v2x.importers.sumo_xml import read_network
from v2x.sim.cellular import CellularNetwork, base_stations, surveyed
from v2x.sim.field import Field
from v2x.sim.plane import Plane
from v2x.sim.poses import opposite_corners
from v2x.sim.scenario import STEP_S, Scenario, prepare
from v2x.sim.sensors import RoadsideSensor, SensorConfig
from v2x.sim.vehicles import ConnectedVehicles, VehicleConfig
from v2x.sim.world import World

STATIONS = ("rsu-a", "rsu-b")
WARM_UP_S = 60.0  # the scenario begins with empty roads
FIXED_EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z, where no clock is asked


@dataclass(frozen=True, slots=True)
class Play:
    """What is played. The stations of `stations` look; all are placed and drawn alike whoever looks."""

    scenario: Path | None = None
    seed: int = 0
    stations: tuple[str, ...] = STATIONS
    sensor: SensorConfig = field(default_factory=SensorConfig)
    vehicle: VehicleConfig = field(default_factory=VehicleConfig)
    warm_up_s: float = WARM_UP_S
    map_id: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    scenario: Scenario
    map: IntersectionMap
    frame: LocalFrame
    field: Field


def read_map(play: Play, folder: Path) -> tuple[Scenario, IntersectionMap]:
    """The prepared scenario and the map of its crossing; needs no running simulation."""
    scenario = prepare(play.scenario, folder)
    network = read_network(scenario.network)
    return scenario, intersection_map(network, find_site(network, scenario.junction or None), map_id=play.map_id)


def open_stage(play: Play, folder: Path, epoch_ns: int = FIXED_EPOCH_NS) -> Stage:
    """Starts the simulation; `stage.field.world.close()` ends it. `epoch_ns` is when the play begins."""
    scenario, map = read_map(play, folder)
    network = read_network(scenario.network)
    site = find_site(network, scenario.junction or None)
    frame = LocalFrame(map.origin.latitude_rad, map.origin.longitude_rad, map.origin.height_m)
    junction = network.junctions[min(site.junctions)]
    world = World(scenario, Plane(network, frame, (junction.x_m, junction.y_m)), play.seed, play.warm_up_s)
    sensors = [
        RoadsideSensor(station, float(place[0]), float(place[1]), frame, play.sensor, play.seed, STEP_S * (number + 1) / len(STATIONS))
        for number, (station, place) in enumerate(zip(STATIONS, opposite_corners(map), strict=True))
        if station in play.stations
    ]
    gnbs = base_stations(play.seed)
    vehicles = ConnectedVehicles(frame, play.vehicle, play.seed, CellularNetwork(gnbs, play.seed))
    groups = signal_groups(network, site.tl) if site.tl else {}
    anchors = surveyed(gnbs, frame)
    return Stage(scenario, map, frame, Field(world, map.id, frame, sensors, vehicles, site.tl, groups, play.seed, epoch_ns, anchors))
