"""The map's own file: versioned JSON in metres east and north of a geodetic origin (documented in docs/maps.md).

Rules:
* The form is that of all our files (`own_json`).
* Writing what was read gives the same text: floats are written in full, the origin in degrees to 11 decimals (1 µm).
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from intersections.geometry import Polyline, arc_lengths
from intersections.map import ConflictZone, Connection, Crossing, IntersectionMap, Lane, LaneKind, MapError, Origin, Priority
from intersections.own_json import Item, OwnFormat
from intersections.zones import conflict_zones

FORM = OwnFormat(
    "v2x-map", 1, 'not a map: "format" is not "v2x-map" (SUMO networks and MAP messages are read by `v2x map import`)', MapError
)


def load(path: Path) -> IntersectionMap:
    """Raises MapError where the file cannot be read or the map in it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MapError(f"{path}: {error}") from error
    try:
        return loads(text)
    except MapError as error:
        raise MapError(f"{path}: {error}") from error


def save(map: IntersectionMap, path: Path) -> None:
    path.write_text(dumps(map), encoding="utf-8")


def loads(text: str) -> IntersectionMap:
    """The map in a text. Where it has no `zones` they are computed from the geometry."""
    head = FORM.head(text)
    lanes = FORM.elements(head, "lanes", _lane)
    lane = {one.id: one for one in lanes}
    connections = FORM.elements(head, "connections", lambda item: _connection(item, lane))
    crossings = FORM.elements(head, "crossings", _crossing)
    id, origin, groups, region = FORM.read("map", head, _fields)
    bare = IntersectionMap(id, origin, lanes, connections, crossings, (), groups, region)
    return replace(
        bare, zones=FORM.elements(head, "zones", _zone) if "zones" in head else conflict_zones(bare.lane, connections, crossings)
    )


def dumps(map: IntersectionMap) -> str:
    head = {
        "id": map.id,
        "region": map.region,
        "origin": {
            "latitude_deg": round(math.degrees(map.origin.latitude_rad), 11),
            "longitude_deg": round(math.degrees(map.origin.longitude_rad), 11),
            "height_m": map.origin.height_m,
        },
        "signal_groups": list(map.signal_groups),
    }
    lists = {
        "lanes": [_lane_item(lane) for lane in map.lanes],
        "connections": [_connection_item(connection) for connection in map.connections],
        "crossings": [_crossing_item(crossing) for crossing in map.crossings],
        "zones": [_zone_item(zone) for zone in map.zones],
    }
    return FORM.dumps(head, lists)


def _fields(head: Item) -> tuple[str, Origin, tuple[str, ...], str]:
    degrees = head["origin"]
    origin = Origin(math.radians(degrees["latitude_deg"]), math.radians(degrees["longitude_deg"]), float(degrees.get("height_m", 0.0)))
    groups = tuple(_text(group) for group in head.get("signal_groups", []))
    return _text(head["id"]), origin, groups, _text(head.get("region", "district"))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value


def _polyline(value: Any) -> Polyline:
    line: Polyline = np.array(value, dtype=np.float64)
    return line


def _lane(item: Item) -> Lane:
    kind = LaneKind(item["kind"])
    return Lane(
        id=_text(item["id"]),
        kind=kind,
        polyline=_polyline(item["polyline_m"]),
        width_m=float(item["width_m"]),
        speed_limit_mps=float(item["speed_limit_mps"]),
        allows_vehicles=bool(item.get("allows_vehicles", kind in (LaneKind.DRIVING, LaneKind.BUS))),
    )


def _connection(item: Item, lane: Mapping[str, Lane]) -> Connection:
    ingress = _text(item["ingress"])
    if ingress not in lane:
        raise ValueError(f"ingress lane {ingress!r} is unknown")
    stop_line_m = item["stop_line_m"] if "stop_line_m" in item else arc_lengths(lane[ingress].polyline)[-1]
    return Connection(
        id=_text(item["id"]),
        ingress=ingress,
        egress=_text(item["egress"]),
        path=_polyline(item["path_m"]),
        priority=Priority(item.get("priority", Priority.EQUAL)),
        signal_group=_text(item.get("signal_group", "")),
        stop_line_m=float(stop_line_m),
        yields_to=tuple(_text(id) for id in item.get("yields_to", [])),
    )


def _crossing(item: Item) -> Crossing:
    return Crossing(
        id=_text(item["id"]),
        polyline=_polyline(item["polyline_m"]),
        width_m=float(item["width_m"]),
        signal_group=_text(item.get("signal_group", "")),
    )


_ZONE_NUMBERS = ("first_from_m", "first_to_m", "second_from_m", "second_to_m", "east_m", "north_m")


def _zone(item: Item) -> ConflictZone:
    return ConflictZone(_text(item["first"]), _text(item["second"]), *(float(item[key]) for key in _ZONE_NUMBERS))


def _lane_item(lane: Lane) -> Item:
    return {
        "id": lane.id,
        "kind": lane.kind,
        "width_m": lane.width_m,
        "speed_limit_mps": lane.speed_limit_mps,
        "allows_vehicles": lane.allows_vehicles,
        "polyline_m": lane.polyline.tolist(),
    }


def _connection_item(connection: Connection) -> Item:
    return {
        "id": connection.id,
        "ingress": connection.ingress,
        "egress": connection.egress,
        "priority": connection.priority,
        "signal_group": connection.signal_group,
        "stop_line_m": connection.stop_line_m,
        "yields_to": list(connection.yields_to),
        "path_m": connection.path.tolist(),
    }


def _crossing_item(crossing: Crossing) -> Item:
    return {
        "id": crossing.id,
        "signal_group": crossing.signal_group,
        "width_m": crossing.width_m,
        "polyline_m": crossing.polyline.tolist(),
    }


def _zone_item(zone: ConflictZone) -> Item:
    return {"first": zone.first, "second": zone.second, **{key: getattr(zone, key) for key in _ZONE_NUMBERS}}
