"""A SUMO network file as plain records: only what the map needs, read without SUMO installed.

The format: https://sumo.dlr.de/docs/Networks/SUMO_Road_Networks.html
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from intersections.geometry import Polyline
from intersections.map import MapError

DEFAULT_WIDTH_M = 3.2  # SUMO_const_laneWidth, where a lane names none
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, eq=False)
class SumoLane:
    """`allow` and `disallow` hold vehicle classes; both empty means everybody. `length_m` is what SUMO drives, not the shape's."""

    id: str
    edge: str
    shape: Polyline
    length_m: float
    width_m: float
    speed_mps: float
    allow: frozenset[str]
    disallow: frozenset[str]

    def allows(self, vehicle_class: str) -> bool:
        if self.allow:
            return vehicle_class in self.allow or "all" in self.allow
        return vehicle_class not in self.disallow and "all" not in self.disallow


@dataclass(frozen=True, slots=True)
class SumoEdge:
    """`function` is 'normal', 'internal', 'crossing', 'walkingarea', 'connector'."""

    id: str
    function: str
    from_junction: str
    to_junction: str
    lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SumoConnection:
    """`tl` and `link` are '' and -1 where no lamp rules it; `via` is the first internal lane or ''. `direction`: 's' is straight on."""

    from_lane: str
    to_lane: str
    via: str
    tl: str
    link: int
    direction: str


@dataclass(frozen=True, slots=True)
class SumoJunction:
    """`internal_lanes[i]` is the (last) internal lane of the link whose right of way is row i of `responses` and `foes`."""

    id: str
    type: str
    x_m: float
    y_m: float
    incoming_lanes: tuple[str, ...]
    internal_lanes: tuple[str, ...]
    responses: tuple[str, ...]
    foes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SumoProgram:
    """One tlLogic. `phases`: (duration in s, one letter per link index). `jumps`: a phase names its successor."""

    tl: str
    id: str
    type: str
    offset_s: float
    phases: tuple[tuple[float, str], ...]
    jumps: bool


@dataclass(frozen=True, slots=True, eq=False)
class SumoNetwork:
    """`projection` is the network's projParameter, '!' where it has none."""

    projection: str
    offset_m: tuple[float, float]
    lanes: dict[str, SumoLane] = field(default_factory=dict)
    edges: dict[str, SumoEdge] = field(default_factory=dict)
    junctions: dict[str, SumoJunction] = field(default_factory=dict)
    connections: list[SumoConnection] = field(default_factory=list)
    programs: list[SumoProgram] = field(default_factory=list)


def read_network(path: Path) -> SumoNetwork:
    """Reads .net.xml and .net.xml.gz; raises MapError where the file is not a SUMO network."""
    root = _root(path)
    location = root.find("location")
    if root.tag != "net" or location is None:
        raise MapError(f"{path}: not a SUMO network (no <net> with a <location>)")
    try:
        return _network(root, location)
    except (KeyError, ValueError, IndexError) as error:
        raise MapError(f"{path}: not a complete SUMO network: {error!r}") from error


def read_programs(path: Path) -> list[SumoProgram]:
    """The signal programs of an additional file, in its order; raises MapError where one is incomplete."""
    try:
        return [_program(element) for element in _root(path).iter("tlLogic")]
    except (KeyError, ValueError) as error:
        raise MapError(f"{path}: not a complete signal program: {error!r}") from error


def read_elements(path: Path) -> list[ET.Element]:
    """The elements of a route or additional file; raises MapError where it is no XML."""
    return list(_root(path))


def is_driven(lane: SumoLane) -> bool:
    """Somebody else than pedestrians may use it."""
    return lane.allow != {"pedestrian"} and "all" not in lane.disallow


def _root(path: Path) -> ET.Element:
    try:
        raw = path.read_bytes()
        return ET.fromstring(gzip.decompress(raw) if raw.startswith(_GZIP_MAGIC) else raw)  # noqa: S314  the operator's own file
    except (OSError, EOFError, zlib.error, ET.ParseError) as error:
        raise MapError(f"{path}: {error}") from error


def _network(root: ET.Element, location: ET.Element) -> SumoNetwork:
    x_m, y_m = (float(value) for value in location.attrib["netOffset"].split(","))
    network = SumoNetwork(location.get("projParameter", "!"), (x_m, y_m))
    for element in root.iterfind("edge"):
        lanes = {lane.id: lane for lane in _lanes(element)}
        network.lanes.update(lanes)
        edge = SumoEdge(
            element.attrib["id"], element.get("function", "normal"), element.get("from", ""), element.get("to", ""), tuple(lanes)
        )
        network.edges[edge.id] = edge
    for element in root.iterfind("junction"):
        network.junctions[element.attrib["id"]] = _junction(element)
    network.connections.extend(_connection(element, network) for element in root.iterfind("connection"))
    network.programs.extend(_program(element) for element in root.iterfind("tlLogic"))
    _check_names(network)
    return network


def _check_names(network: SumoNetwork) -> None:
    """Every lane and junction that is named must be there."""
    lanes = {id for junction in network.junctions.values() for id in junction.internal_lanes}
    lanes |= {connection.via for connection in network.connections if connection.via}
    roads = [edge for edge in network.edges.values() if edge.function == "normal"]
    junctions = {edge.from_junction for edge in roads} | {edge.to_junction for edge in roads}
    missing = sorted(lanes - network.lanes.keys()) + sorted(junctions - network.junctions.keys())
    if missing:
        raise KeyError(missing[0])


def _lanes(edge: ET.Element) -> Iterator[SumoLane]:
    for element in edge.iterfind("lane"):
        points = [[float(value) for value in point.split(",")[:2]] for point in element.attrib["shape"].split()]
        yield SumoLane(
            id=element.attrib["id"],
            edge=edge.attrib["id"],
            shape=np.array(points, dtype=np.float64),
            length_m=float(element.attrib["length"]),
            width_m=float(element.get("width", DEFAULT_WIDTH_M)),
            speed_mps=float(element.attrib["speed"]),
            allow=frozenset(element.get("allow", "").split()),
            disallow=frozenset(element.get("disallow", "").split()),
        )


def _junction(element: ET.Element) -> SumoJunction:
    requests = sorted(element.iterfind("request"), key=lambda request: int(request.attrib["index"]))
    return SumoJunction(
        id=element.attrib["id"],
        type=element.get("type", ""),
        x_m=float(element.attrib["x"]),
        y_m=float(element.attrib["y"]),
        incoming_lanes=tuple(element.get("incLanes", "").split()),
        internal_lanes=tuple(element.get("intLanes", "").split()),
        responses=tuple(request.attrib["response"] for request in requests),
        foes=tuple(request.attrib["foes"] for request in requests),
    )


def _connection(element: ET.Element, network: SumoNetwork) -> SumoConnection:
    ends = element.attrib
    return SumoConnection(
        from_lane=network.edges[ends["from"]].lanes[int(ends["fromLane"])],
        to_lane=network.edges[ends["to"]].lanes[int(ends["toLane"])],
        via=ends.get("via", ""),
        tl=ends.get("tl", ""),
        link=int(ends.get("linkIndex", -1)),
        direction=ends.get("dir", ""),
    )


def _program(element: ET.Element) -> SumoProgram:
    phases = element.findall("phase")
    return SumoProgram(
        tl=element.attrib["id"],
        id=element.get("programID", ""),
        type=element.get("type", "static"),
        offset_s=float(element.get("offset", 0)),
        phases=tuple((float(phase.attrib["duration"]), phase.attrib["state"]) for phase in phases),
        jumps=any(phase.get("next") for phase in phases),
    )
