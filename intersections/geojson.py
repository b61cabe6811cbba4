"""The map as GeoJSON (RFC 7946), for looking at it: lanes, connections, stop lines, crossings and the middles of conflict zones.

Every feature has `element` ('lane', 'connection', 'stop_line', 'crossing', 'zone') and the element's own fields as properties.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from intersections.geometry import Polyline, points_at
from intersections.map import IntersectionMap
from positioning.frames import LocalFrame

DECIMALS = 8  # of a degree: 1 mm

Feature = dict[str, Any]


def feature_collection(map: IntersectionMap) -> dict[str, Any]:
    frame = LocalFrame(map.origin.latitude_rad, map.origin.longitude_rad, map.origin.height_m)
    shapes = [*_lanes(map), *_connections(map), *_stop_lines(map), *_crossings(map), *_zones(map)]
    features = [_feature(frame, line, properties) for line, properties in shapes]
    return {"type": "FeatureCollection", "intersection": map.id, "region": map.region, "features": features}


def _feature(frame: LocalFrame, line: Polyline, properties: dict[str, Any]) -> Feature:
    latitude, longitude = frame.geodetic_from_enu(line[:, 0], line[:, 1])
    degrees = np.round(np.degrees(np.column_stack((longitude, latitude))), DECIMALS).tolist()
    geometry = {"type": "Point", "coordinates": degrees[0]} if len(degrees) == 1 else {"type": "LineString", "coordinates": degrees}
    return {"type": "Feature", "id": f"{properties['element']}/{properties['id']}", "geometry": geometry, "properties": properties}


def _lanes(map: IntersectionMap) -> Iterator[tuple[Polyline, dict[str, Any]]]:
    for lane in map.lanes:
        yield (
            lane.polyline,
            {
                "element": "lane",
                "id": lane.id,
                "kind": lane.kind,
                "width_m": lane.width_m,
                "speed_limit_mps": lane.speed_limit_mps,
                "allows_vehicles": lane.allows_vehicles,
                "length_m": round(map.length_m(lane.id), 3),
            },
        )


def _connections(map: IntersectionMap) -> Iterator[tuple[Polyline, dict[str, Any]]]:
    for connection in map.connections:
        yield (
            connection.path,
            {
                "element": "connection",
                "id": connection.id,
                "ingress": connection.ingress,
                "egress": connection.egress,
                "priority": connection.priority,
                "signal_group": connection.signal_group,
                "yields_to": list(connection.yields_to),
                "length_m": round(map.length_m(connection.id), 3),
            },
        )


def _stop_lines(map: IntersectionMap) -> Iterator[tuple[Polyline, dict[str, Any]]]:
    """Square across the ingress lane, one for each place where its connections stop."""
    places = {(connection.ingress, connection.stop_line_m): None for connection in map.connections}
    for ingress, stop_line_m in places:
        lane = map.lane[ingress]
        point, tangent = points_at(lane.polyline, np.array([stop_line_m]))
        left = np.column_stack((-tangent[:, 1], tangent[:, 0])) * lane.width_m / 2
        yield np.vstack((point + left, point - left)), {"element": "stop_line", "id": f"{ingress}@{stop_line_m:g}", "lane": ingress}


def _crossings(map: IntersectionMap) -> Iterator[tuple[Polyline, dict[str, Any]]]:
    for crossing in map.crossings:
        yield (
            crossing.polyline,
            {
                "element": "crossing",
                "id": crossing.id,
                "width_m": crossing.width_m,
                "signal_group": crossing.signal_group,
            },
        )


def _zones(map: IntersectionMap) -> Iterator[tuple[Polyline, dict[str, Any]]]:
    for number, zone in enumerate(map.zones):
        yield (
            np.array([[zone.east_m, zone.north_m]]),
            {
                "element": "zone",
                "id": str(number),
                "first": zone.first,
                "second": zone.second,
                "first_m": [zone.first_from_m, zone.first_to_m],
                "second_m": [zone.second_from_m, zone.second_to_m],
            },
        )
