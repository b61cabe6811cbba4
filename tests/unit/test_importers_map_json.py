"""MAP messages: small ones whose map is known, in the ways JSON writes them, and the real ones of a corridor near Denver."""

import copy
import gzip
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from intersections.map import LaneKind, MapError, Priority
from positioning.frames import LocalFrame
from v2x.importers.map_json import import_map_json, map_from_message
from v2x.importers.surveyed import DEFAULT_SPEED_LIMIT_MPS, curve

PLACE = (32.03, 118.69)


def offsets(*points):
    """Nodes in centimetres, each from the one before."""
    return {"nodes": [{"delta": {"nodeXY3": {"x": x, "y": y}, "nodeLatLon": None}, "attributes": None} for x, y in points]}


def lane(id, nodes, *, ingress=False, kind="vehicle", flags=None, connects=()):
    return {
        "laneID": id,
        "laneAttributes": {
            "directionalUse": {"ingressPath": ingress, "egressPath": not ingress},
            "laneType": {"vehicle": None, "crosswalk": None, "bikeLane": None, "median": None} | {kind: flags or {"x": False}},
        },
        "nodeList": nodes,
        "connectsTo": {"connectsTo": list(connects)} if connects else None,
    }


def connects(to, group=None, **maneuver):
    return {"connectingLane": {"lane": to, "maneuver": maneuver}, "remoteIntersection": None, "signalGroup": group, "connectionID": 1}


@pytest.fixture
def message():
    """From the south straight on and left; from the east straight on; a bus lane, a bicycle lane, a crosswalk and a median."""
    lanes = [
        lane(1, offsets((200, -1000), (0, -5000)), ingress=True, connects=(connects(2, 4), connects(4, 3))),
        lane(2, offsets((200, 1000), (0, 5000))),
        lane(3, offsets((1000, 200), (5000, 0)), ingress=True, connects=(connects(4, 6),)),
        lane(4, offsets((-1000, 200), (-5000, 0))),
        lane(5, offsets((200, -800), (-400, 0)), kind="crosswalk", connects=(connects(9, 8),)),
        lane(6, offsets((600, -1000), (0, -5000)), ingress=True, flags={"restrictedToBusUse": True}),
        lane(7, offsets((800, -1000), (0, -5000)), ingress=True, kind="bikeLane"),
        lane(8, offsets((0, -1000), (0, -5000)), kind="median"),
    ]
    geometry = {
        "id": {"region": None, "id": 12},
        "refPoint": {"latitude": PLACE[0], "longitude": PLACE[1], "elevation": 12},
        "laneWidth": 340,
        "speedLimits": [{"type": "vehicleMaxSpeed", "speed": 600}],
        "laneSet": {"GenericLane": lanes},
    }
    return {"payload": {"data": {"layerType": "intersectionData", "intersections": {"intersectionGeometry": [geometry]}}}}


def geometry_of(message):
    return message["payload"]["data"]["intersections"]["intersectionGeometry"][0]


def first_lane(geometry):
    return geometry["laneSet"]["GenericLane"][0]


def test_lanes_run_in_the_direction_of_travel(message):
    map = map_from_message(message)
    assert map.lane["1"].polyline.tolist() == [[2, -60], [2, -10]]
    assert map.lane["2"].polyline.tolist() == [[2, 10], [2, 60]]
    assert (map.id, map.lane["1"].width_m, map.lane["1"].speed_limit_mps, map.origin.height_m) == ("12", 3.4, 12.0, 12.0)


def test_kinds_follow_from_the_lane_type(message):
    map = map_from_message(message)
    kinds = {lane.id: lane.kind for lane in map.lanes}
    assert kinds == dict.fromkeys("1234", LaneKind.DRIVING) | {"6": LaneKind.BUS, "7": LaneKind.BICYCLE}
    (crossing,) = map.crossings
    assert (crossing.id, crossing.signal_group, crossing.polyline.tolist()) == ("5", "8", [[2, -8], [-2, -8]])


def test_connections_join_their_lanes_and_name_their_lamps(message):
    map = map_from_message(message)
    assert [(c.id, c.signal_group, c.priority) for c in map.connections] == [
        ("1>2", "4", Priority.EQUAL),
        ("1>4", "3", Priority.EQUAL),
        ("3>4", "6", Priority.EQUAL),
    ]
    assert map.signal_groups == ("3", "4", "6", "8")
    assert map.length_m("1>2") == pytest.approx(20.0)
    assert {(zone.first, zone.second) for zone in map.zones} == {("1>2", "3>4"), ("1>4", "3>4"), ("1>2", "5"), ("1>4", "5")}


def test_a_turn_is_nearly_a_circle():
    """From (0, 0) northward to (-10, 10) westward: a quarter circle of radius 10 m is 15.71 m long."""
    path = curve(np.array([[0.0, -5.0], [0.0, 0.0]]), np.array([[-10.0, 10.0], [-20.0, 10.0]]))
    radii = np.hypot(*(path - [-10.0, 0.0]).T)
    assert np.abs(radii - 10.0).max() < 0.02
    assert np.hypot(*np.diff(path, axis=0).T).sum() == pytest.approx(15.71, abs=0.03)


def test_a_movement_marked_to_yield_gives_way_to_those_it_meets(message):
    (straight_on,) = geometry_of(message)["laneSet"]["GenericLane"][2]["connectsTo"]["connectsTo"]
    straight_on["connectingLane"]["maneuver"] = {"yieldAllwaysRequired": True}
    movement = map_from_message(message).connection["3>4"]
    assert (movement.priority, movement.yields_to) == (Priority.YIELD, ("1>2", "1>4"))


def test_positions_instead_of_offsets(message):
    """The same lane by nodeLatLon, in degrees and in 1e-7 degrees."""
    frame = LocalFrame(math.radians(PLACE[0]), math.radians(PLACE[1]), 12.0)
    latitude, longitude = (np.degrees(values) for values in frame.geodetic_from_enu([2.0, 2.0], [-10.0, -60.0]))
    for form in (float, lambda degrees: round(degrees * 1e7)):
        other = copy.deepcopy(message)
        nodes = [{"delta": {"nodeLatLon": {"lat": form(lat), "lon": form(lon)}}} for lat, lon in zip(latitude, longitude, strict=True)]
        geometry_of(other)["laneSet"]["GenericLane"][0]["nodeList"] = {"nodes": nodes}
        assert map_from_message(other).lane["1"].polyline == pytest.approx(np.array([[2, -60], [2, -10]]), abs=0.011)


def test_width_at_the_stop_line_and_no_limit_given(message):
    geometry = geometry_of(message)
    geometry["speedLimits"] = None
    geometry["laneSet"]["GenericLane"][0]["nodeList"]["nodes"][0]["attributes"] = {"dWidth": -40}
    lane = map_from_message(message).lane["1"]
    assert (lane.width_m, lane.speed_limit_mps) == (3.0, DEFAULT_SPEED_LIMIT_MPS)


def test_bare_j2735_with_bit_strings_and_1e7_degrees(message):
    """The same intersection as other decoders write it."""
    geometry = geometry_of(message)
    geometry["refPoint"] = {"lat": 320300000, "long": 1186900000, "elevation": 120}
    geometry["laneSet"] = geometry["laneSet"]["GenericLane"]
    for one in geometry["laneSet"]:
        use = one["laneAttributes"]["directionalUse"]
        one["laneAttributes"]["directionalUse"] = "10" if use["ingressPath"] else "01"
        one["laneAttributes"]["laneType"] = {name: "00000000" for name, flags in one["laneAttributes"]["laneType"].items() if flags}
        one["connectsTo"] = (one["connectsTo"] or {}).get("connectsTo")
    bare = map_from_message({"MapData": {"intersections": [geometry]}})
    assert bare.lane["1"].polyline.tolist() == [[2, -60], [2, -10]]
    assert bare.origin.height_m == 12.0
    assert [c.id for c in bare.connections] == ["1>2", "1>4", "3>4"]


@pytest.mark.parametrize(
    ("edit", "message_text"),
    [
        (lambda g: g["laneSet"]["GenericLane"].pop(1), r"connection '1' to '2': lane '2' is not in the message"),
        (lambda g: first_lane(g).pop("laneID"), "has no 'laneID'"),
        (lambda g: first_lane(g).update(nodeList={"computed": {"referenceLaneId": 2}}), "lane '1': it is computed"),
        (lambda g: first_lane(g)["nodeList"]["nodes"][0].update(delta={"regional": 1}), "lane '1': a node is neither"),
        (lambda g: first_lane(g)["nodeList"]["nodes"][0]["delta"].update(nodeXY3={"x": 1.5, "y": 2}), "not a whole number"),
        (lambda g: first_lane(g)["nodeList"]["nodes"].pop(), "lane '1': it has fewer than two"),
        (lambda g: g["refPoint"].pop("longitude"), "has no 'longitude'"),
        (lambda g: g["refPoint"].update(latitude="north"), "cannot be read"),
        (lambda g: g.update(laneSet=7), "is not a list"),
        (lambda g: g["laneSet"]["GenericLane"].append(first_lane(g)), "taken twice"),
    ],
)
def test_what_is_wrong_is_said(message, edit, message_text):
    edit(geometry_of(message))
    with pytest.raises(MapError, match=message_text):
        map_from_message(message)


def test_which_intersection(message):
    with pytest.raises(MapError, match="no intersection '13'; it has 12"):
        map_from_message(message, "13")
    geometries = message["payload"]["data"]["intersections"]["intersectionGeometry"]
    geometries.append(geometry_of(message) | {"id": {"id": 13}})
    with pytest.raises(MapError, match="2 intersections; name one with --junction: 12, 13"):
        map_from_message(message)
    assert map_from_message(message, "13").id == "13"


@pytest.mark.parametrize("document", [None, 5, [], {}, {"payload": {}}, {"payload": {"data": {"x": 1}}}])
def test_no_map_message(document):
    with pytest.raises(MapError, match="not a MAP message"):
        map_from_message(document)


def test_a_file_that_is_no_json(tmp_path):
    (tmp_path / "x.json").write_text("MAP,1,{}")
    with pytest.raises(MapError, match=r"x\.json"):
        import_map_json(tmp_path / "x.json")


def point(latitude_e7, longitude_e7, form="position-LL2"):
    return {"posOffset": {"offsetLL": {form: {"lat": latitude_e7, "lon": longitude_e7}}}}


def ydt_link(upstream, points, connections=(), lane_id=1):
    road_lane = {
        "laneID": lane_id,
        "laneWidth": 350,
        "laneAttributes": {"shareWith": "0000000000", "laneType": {"vehicle": "00000000"}},
        "connectsTo": list(connections),
        "points": points,
    }
    limits = [{"type": 5, "speed": 833}]
    return {"upstreamNodeId": {"region": 1, "id": upstream}, "speedLimits": limits, "lanes": [road_lane], "points": points}


def ydt_message():
    """Node 5 with a road from node 1 in the north that goes on to node 3 in the south, 1e-5 degrees (1.11 m) a step."""
    here = {"name": "here", "id": {"region": 1, "id": 5}, "refPos": {"lat": 320300000, "long": 1186900000}}
    there = {"name": "there", "id": {"region": 1, "id": 3}, "refPos": {"lat": 320200000, "long": 1186900000}}
    straight = {"remoteIntersection": {"region": 1, "id": 3}, "connectingLane": {"lane": 1, "maneuver": "100000000000"}, "phaseId": 7}
    here["inLinks"] = [ydt_link(1, [point(5000, -200), point(1000, -200)], [straight])]
    there["inLinks"] = [ydt_link(5, [point(99000, -200), point(1000, -200)])]
    return {"msgCnt": 1, "nodes": [here, there]}


def test_ydt_links_become_lanes_and_movements():
    map = map_from_message(ydt_message())
    assert (map.id, sorted(map.lane), map.signal_groups) == ("5", ["1-5.1", "5-3.1"], ("7",))
    (connection,) = map.connections
    assert (connection.ingress, connection.egress, connection.signal_group) == ("1-5.1", "5-3.1", "7")
    assert map.lane["1-5.1"].speed_limit_mps == pytest.approx(16.66)
    metres_per_1e7 = 0.0110887  # along a meridian at 32 degrees north
    assert map.lane["1-5.1"].polyline[:, 1] == pytest.approx(np.array([5000, 1000]) * metres_per_1e7, abs=0.01)
    assert map.lane["5-3.1"].polyline[0, 1] == pytest.approx(-1000 * metres_per_1e7, abs=0.02)


def test_ydt_as_text_and_wrapped_and_absolute():
    """As converters from XER write it: numbers as text, lists inside their type, one element without a list."""
    plain = map_from_message(ydt_message())
    here, there = ydt_message()["nodes"]
    for node in (here, there):
        (link,) = node["inLinks"]
        (road_lane,) = link["lanes"]
        latitude0 = node["refPos"]["lat"]
        absolute = [
            point(str(latitude0 + one["posOffset"]["offsetLL"]["position-LL2"]["lat"]), str(1186900000 - 200), "position-LatLon")
            for one in road_lane["points"]
        ]
        road_lane |= {"points": {"RoadPoint": absolute}, "laneID": "1", "laneWidth": "350"}
        road_lane["connectsTo"] = {"Connection": road_lane["connectsTo"][0]} if road_lane["connectsTo"] else None
        link |= {"lanes": {"Lane": road_lane}, "speedLimits": {"RegulatorySpeedLimit": {"type": {"vehicleMaxSpeed": None}, "speed": "833"}}}
        node |= {"inLinks": {"Link": link}, "refPos": {key: str(value) for key, value in node["refPos"].items()}}
    map = map_from_message({"nodes": {"Node": [here, there]}})
    assert map.lane["1-5.1"].polyline == pytest.approx(plain.lane["1-5.1"].polyline, abs=0.002)
    assert map.lane["1-5.1"].speed_limit_mps == plain.lane["1-5.1"].speed_limit_mps
    assert [c.signal_group for c in map.connections] == ["7"]


def test_ydt_without_the_neighbour_says_what_is_missing():
    alone = ydt_message()
    del alone["nodes"][1]
    with pytest.raises(MapError, match="must hold the node it goes to, with its link from node '5'"):
        map_from_message(alone)


def test_ydt_point_without_an_offset():
    broken = ydt_message()
    broken["nodes"][0]["inLinks"][0]["lanes"][0]["points"][0]["posOffset"]["offsetLL"] = {"position-LL2": 5}
    with pytest.raises(MapError, match="no offset"):
        map_from_message(broken)


def real_messages():
    """The distinct intersections in all MAP messages of the recordings; the files' lines are TYPE,offset_ms,JSON."""
    folder = Path(os.environ.get("V2X_DATA", Path(__file__).resolve().parents[3] / "shared/data")) / "conflictmonitor"
    if not folder.is_dir():
        assert not os.environ.get("CI"), f"{folder} is missing; set V2X_DATA"
        pytest.skip(f"recorded MAP messages are not at {folder}; set V2X_DATA")
    messages = {}
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("MAP,"):
                    message = json.loads(line.split(",", 2)[2])
                    messages.setdefault(json.dumps(message["payload"], sort_keys=True), message)
    return list(messages.values())


def test_the_real_maps_of_the_corridor_are_read():
    """Every distinct one: 12101 (24 lanes) and 12109 (15 lanes); signal groups as in the messages; lanes near the reference point."""
    maps = {map.id: map for map in (map_from_message(message) for message in real_messages())}
    assert {id: (len(map.lanes), len(map.connections)) for id, map in maps.items()} == {"12101": (24, 17), "12109": (15, 9)}
    assert maps["12101"].signal_groups == ("1", "2", "3", "4", "5", "6", "8")
    for map in maps.values():
        assert map.zones
        for connection in map.connections:
            chord_m = np.hypot(*(connection.path[-1] - connection.path[0]))
            assert map.length_m(connection.id) <= 1.7 * chord_m
        for ingress in {connection.ingress for connection in map.connections}:
            line = map.lane[ingress].polyline
            assert np.hypot(*line[-1]) < np.hypot(*line[0])
