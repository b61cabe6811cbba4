"""From a SUMO network: one intersection with its lamps, and all lanes around it.

Rules:
* Lanes reach through unsignalised neighbours (SUMO cuts roads into many edges) and end at the next signalised junction.
* Connections between the same two edges are one road going on, also where lanes merge: among them nobody yields.
* Otherwise `yields_to` is the junction's response matrix: who yields with signals off, or where both are green and SUMO says 'g'.
* A signal group is one link index of the traffic light, named `g{index}`: true under every program, also one loaded later.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intersections.geometry import MIN_STEP_M, Polyline, arc_lengths, project, without_repeats
from intersections.map import Connection, Crossing, IntersectionMap, Lane, LaneKind, MapError, Origin
from intersections.zones import conflict_zones
from positioning.frames import LocalFrame
from v2x.importers.georeference import enu_polyline, geodetic_from_plane, rounded_origin
from v2x.importers.sumo_right_of_way import Link, right_of_way
from v2x.importers.sumo_xml import SumoConnection, SumoEdge, SumoJunction, SumoLane, SumoNetwork, read_network

RADIUS_M = 250.0
JOG_M = 2.0  # internal lanes begin and end up to 1.6 m beside the lanes they join: vertices this near would bend the path sideways
BACK_M = 0.25  # where two lanes touch, their path begins this far before the joint
PEDESTRIAN_SPEED_MPS = 1.4  # shown as the limit of sidewalks, where SUMO repeats the road's

# The first row with a class that may use the lane decides; lanes that only rails, ships or nobody may use are left out.
_KINDS = (
    (LaneKind.DRIVING, ("passenger", "private", "taxi", "delivery", "truck", "motorcycle", "evehicle", "hov", "emergency")),
    (LaneKind.BUS, ("bus", "coach", "tram")),
    (LaneKind.BICYCLE, ("bicycle",)),
    (LaneKind.SIDEWALK, ("pedestrian",)),
)
_MOTOR = (LaneKind.DRIVING, LaneKind.BUS)


@dataclass(frozen=True, slots=True)
class Site:
    """What is imported: a traffic light with its junctions, or one junction without a light (`tl` '')."""

    id: str
    tl: str
    junctions: frozenset[str]


def import_sumo_net(
    path: Path,
    junction: str | None = None,
    radius_m: float = RADIUS_M,
    origin: Origin | None = None,
    map_id: str | None = None,
    region: str = "district",
) -> IntersectionMap:
    """The map of a traffic light or junction; where `junction` is None, of the only one the network has.

    `origin` is the place of the network's x = 0, y = 0 and is needed where the network has no projection.
    """
    network = read_network(path)
    return intersection_map(network, find_site(network, junction), radius_m, origin, map_id, region)


def signal_groups(network: SumoNetwork, tl_id: str) -> dict[str, tuple[int, ...]]:
    """Signal group -> link indices of the traffic light; one each, in the order of the lamps' state string."""
    links = {connection.link for connection in network.connections if connection.tl == tl_id}
    if not links:
        raise MapError(f"traffic light {tl_id!r} is not in the network")
    return {f"g{link}": (link,) for link in sorted(links)}


def find_site(network: SumoNetwork, junction: str | None) -> Site:
    """A traffic light by its id or by one of its junctions, or a junction without a light."""
    controlled: dict[str, set[str]] = defaultdict(set)
    for connection in network.connections:
        edge = network.edges[network.lanes[connection.from_lane].edge]
        if connection.tl and edge.function == "normal":
            controlled[connection.tl].add(edge.to_junction)
    sites = [Site(tl, tl, frozenset(junctions)) for tl, junctions in controlled.items()]
    if junction is None:
        return _only(sites or [Site(j.id, "", frozenset((j.id,))) for j in _real_junctions(network)])
    for site in sites:
        if junction == site.id or junction in site.junctions:
            return site
    if junction not in network.junctions:
        raise MapError(f"junction {junction!r} is not in the network; it has {_names(site.id for site in sites) or 'no traffic light'}")
    return Site(junction, "", frozenset((junction,)))


def _only(sites: list[Site]) -> Site:
    if len(sites) != 1:
        raise MapError(f"the network has {len(sites)} intersections; name one with --junction: {_names(site.id for site in sites)}")
    return sites[0]


def _names(ids: Iterable[str]) -> str:
    names = sorted(ids)
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _real_junctions(network: SumoNetwork) -> Iterator[SumoJunction]:
    """Junctions where three roads or more come together."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for edge in network.edges.values():
        if edge.function == "normal":
            neighbours[edge.to_junction].add(edge.from_junction)
            neighbours[edge.from_junction].add(edge.to_junction)
    return (network.junctions[id] for id, others in neighbours.items() if len(others) >= 3)


def intersection_map(
    network: SumoNetwork,
    site: Site,
    radius_m: float = RADIUS_M,
    origin: Origin | None = None,
    map_id: str | None = None,
    region: str = "district",
) -> IntersectionMap:
    builder = _Builder(network, site, radius_m, origin)
    lanes = tuple(builder.lanes())
    connections = tuple(builder.connections())
    crossings = tuple(builder.crossings())
    zones = conflict_zones({lane.id: lane for lane in lanes}, connections, crossings, builder.rules.foes)
    groups = tuple(signal_groups(network, site.tl)) if site.tl else ()
    id = map_id or re.sub(r"[^A-Za-z0-9._-]", "_", site.id)[:64]
    return IntersectionMap(id, builder.origin, lanes, connections, crossings, zones, groups, region)


def connection_id(connection: SumoConnection) -> str:
    return f"{connection.from_lane}>{connection.to_lane}"


class _Builder:
    """One import: which part of the network is taken, and where it lies."""

    def __init__(self, network: SumoNetwork, site: Site, radius_m: float, origin: Origin | None) -> None:
        self.network = network
        self.site = site
        self._geodetic = geodetic_from_plane(network.projection, origin)
        centre = np.mean([(network.junctions[id].x_m, network.junctions[id].y_m) for id in sorted(site.junctions)], axis=0)
        latitude, longitude = self._geodetic(*(centre - network.offset_m)[:, None])
        self.origin = rounded_origin(float(latitude[0]), float(longitude[0]))
        self._frame = LocalFrame(self.origin.latitude_rad, self.origin.longitude_rad, self.origin.height_m)
        edges = _edges_around(network, site, centre, radius_m)
        self._taken = {id for edge in edges for id in edge.lanes if _kind(network.lanes[id]) is not None}
        self._junctions = {edge.to_junction for edge in edges} | {edge.from_junction for edge in edges}
        self._junctions = {id for id in self._junctions if id in site.junctions or not _signalised(network, id)}
        self._moves = {connection_id(move): move for move in network.connections if self._is_taken(move)}
        self._follow = {move.from_lane: move for move in network.connections if move.from_lane.startswith(":")}
        self._lamps = {move.to_lane: move.link for move in network.connections if move.tl == site.tl and move.link >= 0}
        self.rules = right_of_way(network, self._junctions, [self._link(id, move) for id, move in self._moves.items()])

    def lanes(self) -> Iterator[Lane]:
        for id in self.network.lanes:
            if id in self._taken:
                yield self._lane(self.network.lanes[id], self._enu(self.network.lanes[id].shape))
        for lane in self._around_junctions("walkingarea"):
            axis, width_m = _main_axis(lane.shape)
            yield Lane(lane.id, LaneKind.SIDEWALK, self._enu(axis), width_m, PEDESTRIAN_SPEED_MPS, allows_vehicles=False)

    def connections(self) -> Iterator[Connection]:
        for id, move in self._moves.items():
            ingress, egress = self.network.lanes[move.from_lane], self.network.lanes[move.to_lane]
            yield Connection(
                id=id,
                ingress=ingress.id,
                egress=egress.id,
                path=self._enu(self._path(move, ingress, egress)),
                priority=self.rules.priority[id],
                signal_group=f"g{move.link}" if move.tl else "",
                stop_line_m=round(float(arc_lengths(self._enu(ingress.shape))[-1]), 3),
                yields_to=self.rules.yields_to.get(id, ()),
            )

    def crossings(self) -> Iterator[Crossing]:
        for lane in self._around_junctions("crossing"):
            link = self._lamps.get(lane.id, -1) if self.site.tl else -1
            yield Crossing(lane.id, self._enu(lane.shape), lane.width_m, f"g{link}" if link >= 0 else "")

    def _lane(self, lane: SumoLane, polyline: Polyline) -> Lane:
        kind = _kind(lane)
        assert kind is not None
        if len(polyline) < 2:
            raise MapError(f"lane {lane.id!r}: its shape has fewer than two distinct points")
        speed_mps = PEDESTRIAN_SPEED_MPS if kind is LaneKind.SIDEWALK else lane.speed_mps
        return Lane(lane.id, kind, polyline, lane.width_m, speed_mps, allows_vehicles=kind in _MOTOR)

    def _is_taken(self, move: SumoConnection) -> bool:
        if move.from_lane not in self._taken or move.to_lane not in self._taken:
            return False
        junction = self.network.edges[self.network.lanes[move.from_lane].edge].to_junction
        return junction in self._junctions and move.tl in ("", self.site.tl)

    def _link(self, id: str, move: SumoConnection) -> Link:
        return Link(id, self._edge(move.from_lane), self._edge(move.to_lane), next(reversed(self._internal_lanes(move)), ""))

    def _edge(self, lane: str) -> str:
        return self.network.lanes[lane].edge

    def _internal_lanes(self, move: SumoConnection) -> list[str]:
        """The internal lanes of a movement in order: a second one begins where traffic waits inside the junction."""
        via, lanes = move.via, []
        while via and via not in lanes:
            lanes.append(via)
            via = self._follow[via].via if via in self._follow else ""
        return lanes

    def _path(self, move: SumoConnection, ingress: SumoLane, egress: SumoLane) -> Polyline:
        """Through the internal lanes; straight on where the network has none, begun earlier where the two lanes touch."""
        inner = np.vstack([np.empty((0, 2)), *(self.network.lanes[id].shape for id in self._internal_lanes(move))])
        start, end = ingress.shape[-1], egress.shape[0]
        jog_m = min(JOG_M, float(np.hypot(*(end - start))) / 3)
        clear = (np.hypot(*(inner - start).T) > jog_m) & (np.hypot(*(inner - end).T) > jog_m)
        path = without_repeats(np.vstack([start[None], inner[clear], end[None]]))
        if len(path) >= 2 and arc_lengths(path)[-1] >= 10 * MIN_STEP_M:
            return path
        before = without_repeats(ingress.shape)[-2]
        back_m = float(np.hypot(*(before - start)))
        return np.vstack([start + (before - start) * min(1.0, BACK_M / back_m), end])

    def _around_junctions(self, function: str) -> Iterator[SumoLane]:
        inside = {id for junction in self._junctions for id in self._lanes_of(self.network.junctions[junction])}
        for edge in self.network.edges.values():
            if edge.function == function:
                yield from (self.network.lanes[id] for id in edge.lanes if id in inside)

    def _lanes_of(self, junction: SumoJunction) -> tuple[str, ...]:
        return junction.internal_lanes + junction.incoming_lanes

    def _enu(self, shape: Polyline) -> Polyline:
        latitude, longitude = self._geodetic(*(without_repeats(shape) - self.network.offset_m).T)
        return enu_polyline(self._frame, latitude, longitude)


def _kind(lane: SumoLane) -> LaneKind | None:
    return next((kind for kind, classes in _KINDS if any(lane.allows(name) for name in classes)), None)


def _signalised(network: SumoNetwork, junction: str) -> bool:
    return network.junctions[junction].type.startswith("traffic_light")


def _edges_around(network: SumoNetwork, site: Site, centre: Polyline, radius_m: float) -> list[SumoEdge]:
    """Edges with a part within the radius that a road user reaches from the site, or the site from them, without passing a signal."""
    at: dict[str, list[SumoEdge]] = defaultdict(list)
    for edge in network.edges.values():
        if edge.function == "normal":
            at[edge.from_junction].append(edge)
            at[edge.to_junction].append(edge)
    reached: dict[str, SumoEdge] = {}
    seen, waiting = set(site.junctions), sorted(site.junctions)
    while waiting:
        for edge in at[waiting.pop()]:
            if edge.id in reached or not _within(network, edge, centre, radius_m):
                continue
            reached[edge.id] = edge
            for id in (edge.from_junction, edge.to_junction):
                if id not in seen and not _signalised(network, id):
                    seen.add(id)
                    waiting.append(id)
    return [edge for edge in network.edges.values() if edge.id in reached]


def _within(network: SumoNetwork, edge: SumoEdge, centre: Polyline, radius_m: float) -> bool:
    return any(_distance_m(without_repeats(network.lanes[id].shape), centre) <= radius_m for id in edge.lanes)


def _distance_m(shape: Polyline, point: Polyline) -> float:
    return float(project(shape, point[None])[1][0] if len(shape) > 1 else np.hypot(*(shape[0] - point)))


def _main_axis(outline: Polyline) -> tuple[Polyline, float]:
    """The line along an area's longer side and the width across it, from the main directions of its outline."""
    middle = outline.mean(axis=0)
    directions = np.linalg.svd(outline - middle, full_matrices=False)[2]
    along, across = ((outline - middle) @ directions.T).T
    if np.ptp(across) > np.ptp(along):
        along, across, directions = across, along, directions[::-1]
    centre = middle + directions[1] * (across.min() + across.max()) / 2
    return centre + np.outer((along.min(), along.max()), directions[0]), float(max(np.ptp(across), MIN_STEP_M))
