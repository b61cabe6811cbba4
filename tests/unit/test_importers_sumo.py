"""A SUMO network of a few lines, whose map is known; and the research crossing that the wheel ships."""

import gzip
import importlib.util
import math
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pyproj
import pytest

from intersections.map import LaneKind, MapError, Origin, Priority
from positioning.frames import LocalFrame
from tests.small_network import SIGNALISED, SMALL
from v2x.importers.sumo_net import find_site, import_sumo_net, intersection_map, signal_groups
from v2x.importers.sumo_xml import read_network

PLACE = Origin(math.radians(32.03), math.radians(118.69))


@pytest.fixture
def network_file(tmp_path):
    def write(text, name="small.net.xml"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.fixture
def small(network_file):
    return import_sumo_net(network_file(SMALL), "J", origin=PLACE)


def test_kinds_follow_from_who_may_use_a_lane(small):
    kinds = {id: small.lane[id].kind for id in small.lane if id.startswith("w1")}
    assert kinds == {
        "w1_0": LaneKind.DRIVING,
        "w1_1": LaneKind.DRIVING,  # taxis are cars
        "w1_2": LaneKind.BUS,
        "w1_3": LaneKind.BICYCLE,
        "w1_4": LaneKind.SIDEWALK,
    }
    assert [small.lane[id].allows_vehicles for id in kinds] == [True, True, True, False, False]


def test_widths_and_limits_are_taken_and_the_default_width_known(small):
    assert (small.lane["w1_0"].width_m, small.lane["s_0"].width_m, small.lane["s_0"].speed_limit_mps) == (3.5, 3.2, 8.0)


def test_the_plane_lies_at_the_given_origin_less_the_offset(small):
    """netOffset 100: the junction at x = 0 lies 100 m west of the place given for x = 0 of the projection."""
    place = LocalFrame(PLACE.latitude_rad, PLACE.longitude_rad)
    assert place.enu_from_geodetic(small.origin.latitude_rad, small.origin.longitude_rad)[0] == pytest.approx((-100.0, 0.0), abs=0.02)
    assert small.lane["e_0"].polyline[0] == pytest.approx((5.0, 0.0), abs=0.02)


def test_a_path_runs_through_both_parts_of_the_junction(small):
    path = small.connection["s_0>n_0"].path
    assert path == pytest.approx(np.array([[0, -5], [0, -2], [0, 5]]), abs=0.03)
    assert small.length_m("s_0>n_0") == pytest.approx(10.0, abs=0.01)


def test_a_joint_without_internal_lanes_still_has_a_path(small):
    joint = small.connection["w0_0>w1_0"]
    assert 0.05 < small.length_m(joint.id) < 0.5
    assert (joint.priority, joint.yields_to, joint.signal_group) == (Priority.MAJOR, (), "")


def test_right_of_way_is_the_junctions_matrix(small):
    assert small.connection["w1_0>e_0"].priority is Priority.MAJOR
    minor = small.connection["s_0>n_0"]
    assert (minor.priority, set(minor.yields_to)) == (Priority.YIELD, {"w1_0>e_0", ":J_c0_0"})


def test_without_a_rule_a_crossing_pair_is_equal(network_file):
    lawless = SMALL.replace('response="101"', 'response="000"')
    map = import_sumo_net(network_file(lawless), "J", origin=PLACE)
    assert {map.connection[id].priority for id in ("w1_0>e_0", "s_0>n_0")} == {Priority.EQUAL}


def test_two_that_would_yield_to_each_other_are_equal(network_file):
    polite = SMALL.replace('index="0" response="000"', 'index="0" response="010"')
    map = import_sumo_net(network_file(polite), "J", origin=PLACE)
    assert map.connection["w1_0>e_0"].priority is Priority.EQUAL
    assert map.connection["s_0>n_0"].yields_to == (":J_c0_0",)


def test_zones_are_where_foes_meet(small):
    assert [(zone.first, zone.second) for zone in small.zones] == [("w1_0>e_0", "s_0>n_0"), ("s_0>n_0", ":J_c0_0")]
    zone = small.zones[0]
    assert (zone.first_from_m, zone.first_to_m) == pytest.approx((5 - 1.6, 5 + 1.6), abs=0.11)
    assert (zone.second_from_m, zone.second_to_m) == pytest.approx((5 - 1.75, 5 + 1.75), abs=0.11)


def test_a_walking_area_lies_along_its_longer_side(small):
    area = small.lane[":J_w0_0"]
    assert area.kind is LaneKind.SIDEWALK
    assert (area.width_m, small.length_m(area.id)) == pytest.approx((2.0, 4.0), abs=0.01)
    assert area.polyline.mean(axis=0) == pytest.approx((-4.0, 4.0), abs=0.03)


def test_lanes_end_at_the_radius_and_at_the_next_signal(network_file):
    path = network_file(SMALL)
    assert "far_0" in import_sumo_net(path, "J", origin=PLACE, radius_m=250).lane
    assert "far_0" not in import_sumo_net(path, "J", origin=PLACE, radius_m=150).lane
    signal_beyond = network_file(SMALL.replace('id="N" type="priority"', 'id="N" type="traffic_light"'), "signal.net.xml")
    map = import_sumo_net(signal_beyond, "J", origin=PLACE, radius_m=250)
    assert "n_0" in map.lane
    assert "far_0" not in map.lane


def test_lamps_become_groups_by_link_index(network_file):
    path = network_file(SIGNALISED, "small.net.xml.gz")
    map = import_sumo_net(path, origin=PLACE)
    assert (map.id, map.signal_groups) == ("T", ("g0", "g1", "g2"))
    assert map.connection["w1_0>e_0"].signal_group == "g0"
    assert map.connection["s_0>n_0"].signal_group == "g1"
    assert map.connection["w0_0>w1_0"].signal_group == ""
    assert map.crossings[0].signal_group == "g2"
    assert signal_groups(read_network(path), "T") == {"g0": (0,), "g1": (1,), "g2": (2,)}


def test_a_signal_is_found_by_its_junction_too(network_file):
    network = read_network(network_file(SIGNALISED))
    assert find_site(network, "J") == find_site(network, "T") == find_site(network, None)


def test_the_only_junction_of_three_roads_needs_no_name(network_file):
    assert import_sumo_net(network_file(SMALL), origin=PLACE, map_id="a.b").id == "a.b"


@pytest.mark.parametrize(
    ("text", "junction", "origin", "message"),
    [
        (SMALL, "J", None, "--origin"),
        (SMALL, "Q", PLACE, "junction 'Q' is not in the network; it has no traffic light"),
        (SIGNALISED, "Q", PLACE, "it has T"),
        (SMALL.replace('projParameter="!"', 'projParameter="+proj=nonsense"'), "J", None, "not understood"),
        (SMALL.replace("<net ", "<additional ").replace("</net>", "</additional>"), "J", PLACE, "not a SUMO network"),
        (SMALL[:-20], "J", PLACE, "small.net.xml"),
        (SMALL.replace('fromLane="0" toLane="0" via=":J_0_0"', 'fromLane="9" toLane="0" via=":J_0_0"'), "J", PLACE, "not a complete"),
        (SMALL.replace('from="s"', 'from="nowhere"'), "J", PLACE, "not a complete"),
        (SMALL.replace('<lane id=":J_3_0"', '<lane id=":J_4_0"'), "J", PLACE, "not a complete SUMO network.*:J_3_0"),
        (SMALL.replace('<junction id="N"', '<junction id="M"'), "J", PLACE, "not a complete SUMO network.*'N'"),
        (SMALL.replace('shape="5,0 200,0"', 'shape="5,0 5,0"'), "J", PLACE, "lane 'e_0': its shape has fewer than two"),
    ],
)
def test_what_cannot_be_imported_is_said_in_a_sentence(network_file, text, junction, origin, message):
    with pytest.raises(MapError, match=message):
        import_sumo_net(network_file(text), junction, origin=origin)


def test_several_signals_must_be_chosen_from(network_file):
    two = SIGNALISED.replace('from="n" to="far" fromLane="0" toLane="0"', 'from="n" to="far" fromLane="0" toLane="0" tl="U" linkIndex="0"')
    with pytest.raises(MapError, match="2 intersections; name one with --junction: T, U"):
        import_sumo_net(network_file(two), origin=PLACE)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(MapError, match=r"none\.net\.xml"):
        import_sumo_net(tmp_path / "none.net.xml")


def demo_folder():
    spec = importlib.util.find_spec("sumo")
    if spec is None:
        assert not os.environ.get("CI"), "CI installs the sim extra"
        pytest.skip("the sim extra is not installed: pip install 'v2x-road[sim]'")
    return Path(spec.submodule_search_locations[0]) / "tools/game/fokr_bs_demo"


@pytest.fixture(scope="module")
def braunschweig():
    """The DLR research crossing (SUMO wheel, EPL-2.0)."""
    return read_network(demo_folder() / "fokr_bs.net.xml.gz")


@pytest.fixture(scope="module")
def crossing(braunschweig):
    return intersection_map(braunschweig, find_site(braunschweig, None))


def test_the_research_crossing_has_its_46_lamps_and_8_crossings(braunschweig, crossing):
    """38 movements (4 of them bicycles turning left in two steps) and 8 pedestrian crossings, one link each."""
    assert list(crossing.signal_groups) == [f"g{link}" for link in range(46)] == list(signal_groups(braunschweig, "38"))
    assert sum(1 for connection in crossing.connections if connection.signal_group) == 38
    assert sorted(one.signal_group for one in crossing.crossings) == [f"g{link}" for link in range(38, 46)]
    assert len({connection.signal_group for connection in crossing.connections} - {""}) == 38


def test_the_research_crossing_lies_where_it_is(crossing):
    assert math.degrees(crossing.origin.latitude_rad) == pytest.approx(52.2755, abs=2e-4)
    assert math.degrees(crossing.origin.longitude_rad) == pytest.approx(10.5356, abs=2e-4)


def test_lanes_chain_through_the_trivial_joints(crossing):
    """From every lane that reaches a lamp one can go back to the edge of the map, although SUMO cut the road into short edges."""
    before = {connection.egress: connection.ingress for connection in crossing.connections if not connection.signal_group}
    for connection in crossing.connections:
        if not connection.signal_group:
            continue
        lane, length_m = connection.ingress, crossing.length_m(connection.ingress)
        while lane in before and length_m < 1000:
            lane = before[lane]
            length_m += crossing.length_m(lane)
        assert length_m > 45, connection.id
    joints = [connection for connection in crossing.connections if not connection.signal_group]
    assert {(joint.priority, joint.yields_to) for joint in joints} == {(Priority.MAJOR, ())}


def test_paths_do_not_jog_where_internal_lanes_begin_beside_their_lane(crossing):
    for connection in crossing.connections:
        if not connection.signal_group:
            continue  # at a joint a new lane may begin beside the old one
        lane, path = crossing.lane[connection.ingress].polyline, connection.path
        before, first = lane[-1] - lane[-2], path[1] - path[0]
        turn_rad = abs(math.remainder(math.atan2(*first) - math.atan2(*before), 2 * math.pi))
        assert turn_rad < math.radians(36), connection.id


def test_no_zone_lies_on_a_joint_and_each_on_both_paths(crossing):
    joints = {connection.id for connection in crossing.connections if not connection.signal_group}
    assert len(crossing.zones) > 300
    assert all(not {zone.first, zone.second} & joints for zone in crossing.zones)
    pairs = [(crossing.connection[zone.first], crossing.connection.get(zone.second)) for zone in crossing.zones]
    assert all(second is None or first.ingress != second.ingress for first, second in pairs)


def test_lane_geometry_agrees_with_proj_to_a_centimetre(braunschweig, crossing):
    """Independently: PROJ's inverse projection, geocentric, then topocentric about the map's origin."""
    projection = pyproj.Proj(braunschweig.projection)
    latitude, longitude = math.degrees(crossing.origin.latitude_rad), math.degrees(crossing.origin.longitude_rad)
    topocentric = pyproj.Transformer.from_pipeline(
        f"+proj=pipeline +step +proj=cart +ellps=WGS84 +step +proj=topocentric +ellps=WGS84 +lat_0={latitude} +lon_0={longitude} +h_0=0"
    )
    for lane in crossing.lanes:
        if lane.kind is LaneKind.SIDEWALK:
            continue  # walking areas are drawn anew
        ends = braunschweig.lanes[lane.id].shape[[0, -1]] - braunschweig.offset_m
        east, north, _ = topocentric.transform(*projection(*ends.T, inverse=True), np.zeros(2))
        assert np.abs(lane.polyline[[0, -1]] - np.column_stack((east, north))).max() < 0.01


def test_the_map_does_not_depend_on_the_order_of_the_file(braunschweig, crossing):
    turned = replace(braunschweig, connections=list(reversed(braunschweig.connections)))
    again = intersection_map(turned, find_site(turned, "38"))
    assert {c.id: (c.path.tolist(), c.yields_to, c.signal_group) for c in again.connections} == {
        c.id: (c.path.tolist(), c.yields_to, c.signal_group) for c in crossing.connections
    }


def test_of_two_movements_that_are_green_together_exactly_one_yields(crossing, plan):
    """The real signal plan shows green to 72 conflicting pairs at some time, also to turning cars and the pedestrians beside them."""
    green_together = [
        (first, second)
        for first, second in {(zone.first, zone.second) for zone in crossing.zones}
        if any(all(state[link_of(crossing, id)] in "Gg" for id in (first, second)) for state in plan)
    ]
    assert len(green_together) > 60
    for first, second in green_together:
        yielding = [id for id, other in ((first, second), (second, first)) if other in yields_of(crossing, id)]
        assert len(yielding) == 1, (first, second)


def link_of(map, id):
    return int((map.connection.get(id) or map.crossing[id]).signal_group[1:])


def yields_of(map, id):
    return map.connection[id].yields_to if id in map.connection else ()


@pytest.fixture(scope="module")
def plan(braunschweig):
    """The lamps' state strings of the signal plan that the wheel ships beside the network."""
    root = ET.parse(demo_folder() / "signalPlan.add.xml").getroot()  # noqa: S314 - a file of the SUMO wheel
    return [phase.attrib["state"] for phase in root.iter("phase")]
