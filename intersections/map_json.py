"""The map's own file: versioned JSON in metres east and north of a geodetic origin (documented in docs/maps.md).

Rules:
* `version` counts breaking changes: a reader refuses a higher one, and passes over keys it does not know.
* Writing what was read gives the same text: floats are written in full, the origin in degrees to 11 decimals (1 µm).
* One element a line, so that two maps can be compared with ordinary tools.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from intersections.geometry import Polyline, arc_lengths
from intersections.map import ConflictZone, Connection, Crossing, IntersectionMap, Lane, LaneKind, MapError, Origin, Priority
from intersections.zones import conflict_zones

FORMAT = "v2x-map"
VERSION = 1

Item = Mapping[str, Any]
T = TypeVar("T")


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
    head = _head(text)
    lanes = _elements(head, "lanes", _lane)
    lane = {one.id: one for one in lanes}
    connections = _elements(head, "connections", lambda item: _connection(item, lane))
    crossings = _elements(head, "crossings", _crossing)
    bare = _read("map", head, lambda item: _bare_map(item, lanes, connections, crossings))
    zones = _elements(head, "zones", _zone) if "zones" in head else conflict_zones(bare.lane, connections, crossings)
    return IntersectionMap(bare.id, bare.origin, lanes, connections, crossings, zones, bare.signal_groups, bare.region)


def dumps(map: IntersectionMap) -> str:
    head = {
        "format": FORMAT,
        "version": VERSION,
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
    parts = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    parts += [f"{json.dumps(key)}: {_lines(items)}" for key, items in lists.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(items: Iterable[Item]) -> str:
    lines = [json.dumps(item, ensure_ascii=False, allow_nan=False) for item in items]
    return "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"


def _head(text: str) -> Item:
    try:
        head = json.loads(text)
    except ValueError as error:
        raise MapError(f"not JSON: {error}") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise MapError(f'not a map: "format" is not "{FORMAT}" (SUMO networks and MAP messages are read by `v2x map import`)')
    version = head.get("version")
    if type(version) is not int or version < 1:
        raise MapError(f'"version" is {version!r}, not a positive integer')
    if version > VERSION:
        raise MapError(f"written in version {version} of the format; this program reads up to {VERSION}")
    return head


def _elements(head: Item, key: str, read: Callable[[Item], T]) -> tuple[T, ...]:
    items = head.get(key, [])
    if not isinstance(items, list):
        raise MapError(f"{key}: not a list")
    return tuple(_read(_name(key, index, item), item, read) for index, item in enumerate(items))


def _name(key: str, index: int, item: Any) -> str:
    id = item.get("id", "") if isinstance(item, dict) else ""
    return f"{key}[{index}] {id!r}" if id else f"{key}[{index}]"


def _read(element: str, item: Any, read: Callable[[Item], T]) -> T:
    """Read one element; whatever is missing or of a wrong type is said of that element."""
    try:
        return read(item)
    except MapError:
        raise
    except KeyError as error:
        raise MapError(f"{element}: has no {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MapError(f"{element}: {error}") from error


def _bare_map(head: Item, lanes: tuple[Lane, ...], connections: tuple[Connection, ...], crossings: tuple[Crossing, ...]) -> IntersectionMap:
    degrees = head["origin"]
    origin = Origin(math.radians(degrees["latitude_deg"]), math.radians(degrees["longitude_deg"]), float(degrees.get("height_m", 0.0)))
    groups = tuple(_text(group) for group in head.get("signal_groups", []))
    region = _text(head.get("region", "district"))
    return IntersectionMap(_text(head["id"]), origin, lanes, connections, crossings, (), groups, region)


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
