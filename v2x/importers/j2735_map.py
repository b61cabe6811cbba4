"""One intersection of a SAE J2735 MAP message in JSON.

Lanes are lists of nodes from the stop line outwards: each an offset in centimetres from the one before (the first from the reference
point), or a position. So ingress lanes are turned round. `elevation` is metres beside `latitude`, 0.1 m beside `lat`.
"""

import math

import numpy as np

from intersections.geometry import Polyline, without_repeats
from intersections.map import LaneKind, MapError, Origin
from positioning.frames import LocalFrame
from v2x.importers.georeference import enu_polyline
from v2x.importers.json_forms import Item, angle_rad, first_limit_mps, flag_set, group_id, items, whole
from v2x.importers.surveyed import Survey, SurveyedLane, SurveyedMovement

DEFAULT_LANE_WIDTH_CM = 350
_OFFSETS = tuple(f"node{dash}XY{size}" for dash in ("", "-") for size in range(1, 7))
_POSITIONS = ("nodeLatLon", "node-LatLon")
_ELEVATION_UNKNOWN_DM = -4096

# LaneTypeAttributes; medians, stripes and parking are no place of traffic and are left out.
KINDS = {
    "vehicle": LaneKind.DRIVING,
    "trackedVehicle": LaneKind.BUS,
    "bikeLane": LaneKind.BICYCLE,
    "sidewalk": LaneKind.SIDEWALK,
    "crosswalk": LaneKind.CROSSING,
}
BUS_ONLY = {"restrictedToBusUse": 3}
YIELDS = {"yieldAllwaysRequired": 8, "goWithHalt": 9}  # AllowedManeuvers
_INGRESS = {"ingressPath": 0}


def survey_intersection(geometry: Item) -> Survey:
    origin = _origin(geometry["refPoint"])
    lanes, movements = [], []
    for lane in items(geometry["laneSet"]):
        surveyed = _lane(geometry, lane, origin)
        if surveyed is None:
            continue
        lanes.append(surveyed)
        movements += [_movement(surveyed.id, lane, connection) for connection in items(lane.get("connectsTo"))]
    return Survey(str(geometry["id"]["id"]), origin, tuple(lanes), tuple(move for move in movements if move is not None))


def _origin(point: Item) -> Origin:
    if "latitude" in point:
        return Origin(math.radians(point["latitude"]), math.radians(point["longitude"]), float(point.get("elevation") or 0.0))
    height_dm = whole(point.get("elevation", _ELEVATION_UNKNOWN_DM))
    height_m = 0.0 if height_dm == _ELEVATION_UNKNOWN_DM else height_dm / 10
    return Origin(angle_rad(point["lat"]), angle_rad(point["long"]), height_m)


def lane_kind(attributes: Item) -> LaneKind | None:
    """None for what is no place of traffic."""
    name, flags = next(((name, value) for name, value in attributes["laneType"].items() if value is not None), ("", None))
    kind = KINDS.get(name)
    return LaneKind.BUS if kind is LaneKind.DRIVING and flag_set(flags, BUS_ONLY) else kind


def _lane(geometry: Item, lane: Item, origin: Origin) -> SurveyedLane | None:
    kind = lane_kind(lane["laneAttributes"])
    if kind is None:
        return None
    id = str(whole(lane["laneID"]))
    nodes = lane["nodeList"].get("nodes")
    if nodes is None:
        raise MapError(f"lane {id!r}: it is computed from another lane; only lanes with nodes of their own are read")
    polyline = without_repeats(_polyline(id, items(nodes), origin))
    ingress = flag_set(lane["laneAttributes"]["directionalUse"], _INGRESS)
    return SurveyedLane(
        id=id,
        kind=kind,
        polyline=np.ascontiguousarray(polyline[::-1]) if ingress else polyline,
        width_m=_width_cm(geometry, items(nodes)[0]) / 100,
        speed_limit_mps=first_limit_mps((lane.get("speedLimits"), geometry.get("speedLimits"))),
        signal_group=_crossing_group(lane) if kind is LaneKind.CROSSING else "",
    )


def _width_cm(geometry: Item, first_node: Item) -> int:
    """At the stop line."""
    attributes = first_node.get("attributes") or {}
    return whole(geometry.get("laneWidth") or DEFAULT_LANE_WIDTH_CM) + whole(attributes.get("dWidth") or 0)


def _polyline(lane: str, nodes: list[Item], origin: Origin) -> Polyline:
    frame = LocalFrame(origin.latitude_rad, origin.longitude_rad, origin.height_m)
    here = np.zeros(2)
    points = []
    for node in nodes:
        delta = {name: value for name, value in node["delta"].items() if value is not None}
        name = next(iter(delta), "")
        value: Item = delta.get(name, {})
        if name in _OFFSETS:
            here = here + np.array([whole(value["x"]), whole(value["y"])]) / 100
        elif name in _POSITIONS:
            here = enu_polyline(frame, np.array([angle_rad(value["lat"])]), np.array([angle_rad(value["lon"])]))[0]
        else:
            raise MapError(f"lane {lane!r}: a node is neither an offset nor a position: {sorted(delta)}")
        points.append(here)
    line = np.array(points, dtype=np.float64)
    return np.round(line, 3, out=line)


def _movement(lane: str, attributes: Item, connection: Item) -> SurveyedMovement | None:
    """None where the lane leads on into another intersection, whose lanes are not in this message."""
    if connection.get("remoteIntersection") is not None:
        return None
    target = connection["connectingLane"]
    yields = flag_set(target.get("maneuver"), YIELDS) or flag_set(attributes.get("maneuvers"), YIELDS)
    return SurveyedMovement(lane, str(whole(target["lane"])), group_id(connection.get("signalGroup")), yields)


def _crossing_group(lane: Item) -> str:
    groups = [group_id(connection.get("signalGroup")) for connection in items(lane.get("connectsTo"))]
    return next((group for group in groups if group), "")
