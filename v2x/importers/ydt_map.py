"""One node of a YD/T 3709 (T/CSAE 53) MAP message in JSON.

Lanes belong to links that lead to a node; where a movement goes on is the link from this node to the next one, which stands under
that next node. Points run in the direction of travel; their offsets are 1e-7 degrees from the node's own reference position.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from intersections.geometry import Polyline, without_repeats
from intersections.map import LaneKind, MapError, Origin
from positioning.frames import LocalFrame
from v2x.importers.georeference import enu_polyline
from v2x.importers.j2735_map import DEFAULT_LANE_WIDTH_CM, YIELDS, lane_kind
from v2x.importers.json_forms import Item, angle_rad, first_limit_mps, flag_set, group_id, items, whole
from v2x.importers.surveyed import Survey, SurveyedLane, SurveyedMovement

_ABSOLUTE = "position-LatLon"


def survey_node(node: Item, nodes: list[Item]) -> Survey:
    """`nodes` holds the neighbours as well: their links from this node are where movements go on."""
    reference = _position(node)
    origin = Origin(*reference)
    frame = LocalFrame(*reference)
    here = _node_id(node["id"])
    links = [(node, link) for link in items(node["inLinks"])]
    links += [(other, link) for other in nodes if other is not node for link in items(other.get("inLinks")) if _upstream(link) == here]
    lanes = [lane for owner, link in links for lane in _lanes(owner, link, frame)]
    known = {lane.id for lane in lanes}
    movements = tuple(_movements(node, known))
    return Survey(here, origin, tuple(lanes), movements)


def _position(node: Item) -> tuple[float, float]:
    point = node["refPos"]
    return angle_rad(point["lat"]), angle_rad(point["long"] if "long" in point else point["lon"])


def _node_id(reference: Item) -> str:
    return str(reference["id"])


def _upstream(link: Item) -> str:
    return _node_id(link["upstreamNodeId"])


def _lane_id(upstream: str, node: str, lane: Item) -> str:
    return f"{upstream}-{node}.{whole(lane['laneID'])}"


def _lanes(owner: Item, link: Item, frame: LocalFrame) -> Iterator[SurveyedLane]:
    for lane in items(link["lanes"]):
        kind = lane_kind(lane["laneAttributes"]) if lane.get("laneAttributes") else LaneKind.DRIVING
        if kind is None:
            continue
        connections = items(lane.get("connectsTo"))
        yield SurveyedLane(
            id=_lane_id(_upstream(link), _node_id(owner["id"]), lane),
            kind=kind,
            polyline=_polyline(owner, items(lane.get("points") or link.get("points")), frame),
            width_m=whole(lane.get("laneWidth") or DEFAULT_LANE_WIDTH_CM) / 100,
            speed_limit_mps=first_limit_mps((lane.get("speedLimits"), link.get("speedLimits"))),
            signal_group=next((group_id(c.get("phaseId")) for c in connections), "") if kind is LaneKind.CROSSING else "",
        )


def _polyline(owner: Item, points: list[Item], frame: LocalFrame) -> Polyline:
    latitude0, longitude0 = _position(owner)
    latitude, longitude = [], []
    for point in points:
        form, offset = _choice(point["posOffset"]["offsetLL"])
        absolute = form.replace("_", "-") == _ABSOLUTE
        latitude.append(angle_rad(offset["lat"]) + (0.0 if absolute else latitude0))
        longitude.append(angle_rad(offset["lon"]) + (0.0 if absolute else longitude0))
    return without_repeats(enu_polyline(frame, np.array(latitude), np.array(longitude)))


def _choice(offset: Item | list[object]) -> tuple[str, Item]:
    """The one alternative that is there: {"position-LL2": {..}} or ["position-LL2", {..}]."""
    pairs = offset.items() if isinstance(offset, Mapping) else [offset]
    for name, value in pairs:
        if isinstance(name, str) and isinstance(value, Mapping):
            return name, value
    raise ValueError(f"{str(offset)[:60]!r} is no offset")


def _movements(node: Item, known: set[str]) -> Iterator[SurveyedMovement]:
    here = _node_id(node["id"])
    for link in items(node["inLinks"]):
        for lane in items(link["lanes"]):
            ingress = _lane_id(_upstream(link), here, lane)
            for connection in items(lane.get("connectsTo")) if ingress in known else []:
                target = connection.get("connectingLane") or {"lane": 1}  # absent: the standard leaves the lane open
                egress = f"{here}-{_node_id(connection['remoteIntersection'])}.{whole(target['lane'])}"
                if egress not in known:
                    raise MapError(
                        f"connection {ingress!r} to {egress!r}: the message must hold the node it goes to, with its link from node {here!r}"
                    )
                yield SurveyedMovement(ingress, egress, group_id(connection.get("phaseId")), flag_set(target.get("maneuver"), YIELDS))
