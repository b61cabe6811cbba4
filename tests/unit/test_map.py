"""A map that contradicts itself cannot be made, and the error says where."""

import math
from dataclasses import replace

import numpy as np
import pytest

from intersections.map import ConflictZone, Connection, Crossing, IntersectionMap, Lane, LaneKind, MapError, Origin, Priority
from intersections.zones import conflict_zones
from v2x.importers.four_arms import CROSSING_WIDTH_M, LANE_WIDTH_M, four_arm_crossing

ORIGIN = Origin(math.radians(32.03), math.radians(118.69))


def line(*points):
    return np.array(points, dtype=np.float64)


def lane(id, *points, **changes):
    values = {"kind": LaneKind.DRIVING, "width_m": 3.5, "speed_limit_mps": 10.0, "allows_vehicles": True} | changes
    return Lane(id=id, polyline=line(*points), **values)


def connection(id, ingress, egress, *points, **changes):
    values = {"priority": Priority.EQUAL, "signal_group": "", "stop_line_m": 40.0, "yields_to": ()} | changes
    return Connection(id=id, ingress=ingress, egress=egress, path=line(*points), **values)


def small_map(**changes):
    """Two one-way streets: a-b eastward, c-d northward, and a crossing over d."""
    values = {
        "id": "small",
        "origin": ORIGIN,
        "lanes": (lane("a", (-50, 0), (-10, 0)), lane("b", (10, 0), (50, 0)), lane("c", (0, -50), (0, -10)), lane("d", (0, 10), (0, 50))),
        "connections": (connection("ab", "a", "b", (-10, 0), (10, 0)), connection("cd", "c", "d", (0, -10), (0, 10))),
        "crossings": (Crossing("walk", line((-4, 8), (4, 8)), 3.0, ""),),
        "signal_groups": ("g1",),
    } | changes
    return IntersectionMap(**values)


def test_elements_are_found_by_id_and_measured():
    map = small_map()
    assert map.lane["a"] is map.lanes[0]
    assert map.connection["cd"] is map.connections[1]
    assert map.crossing["walk"] is map.crossings[0]
    assert (map.length_m("a"), map.length_m("ab"), map.length_m("walk")) == (40.0, 20.0, 8.0)


def test_polylines_are_read_only():
    map = small_map()
    with pytest.raises(ValueError, match="read-only"):
        map.lanes[0].polyline[0, 0] = 1.0


LANES = small_map().lanes
AB, CD = small_map().connections
ZONE = ConflictZone("ab", "cd", 8.0, 12.0, 8.0, 12.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "two words"}, r"id 'two words' is not"),
        ({"id": "a/b"}, r"id 'a/b' is not"),
        ({"region": ""}, r"region '' is not"),
        ({"lanes": ()}, r"has no lanes|ingress lane 'a' is unknown"),
        ({"origin": Origin(math.nan, 0.0)}, "origin is not finite"),
        ({"origin": Origin(32.03, 118.69)}, "radians"),
        ({"signal_groups": ("g1", "g1")}, "named twice"),
        ({"signal_groups": ("g1", "")}, "no name"),
        ({"lanes": (*LANES, lane("a", (0, 0), (1, 0)))}, "lane 'a': this id is taken twice"),
        ({"lanes": (*LANES, lane("ab", (0, 0), (1, 0)))}, "connection 'ab': this id is taken twice"),
        ({"lanes": (*LANES, lane("", (0, 0), (1, 0)))}, "has no id"),
        ({"lanes": (*LANES, lane("e", (0, 0)))}, r"lane 'e': its polyline has shape \(1, 2\)"),
        ({"lanes": (*LANES, lane("e", (0, 0, 0), (1, 0, 0)))}, r"lane 'e': its polyline has shape \(2, 3\)"),
        ({"lanes": (*LANES, lane("e", (0, 0), (math.nan, 0)))}, "lane 'e': its polyline holds a NaN"),
        ({"lanes": (*LANES, lane("e", (0, 0), (0, 0)))}, "lane 'e': its polyline repeats a vertex"),
        ({"lanes": (*LANES, lane("e", (0, 0), (9e6, 0)))}, "lane 'e': its polyline leaves"),
        ({"lanes": (*LANES, replace(LANES[0], id="e", polyline=[[0, 0], [1, 1]]))}, "lane 'e': its polyline is not a float64 array"),
        ({"lanes": (*LANES, lane("e", (0, 0), (1, 0), width_m=0.0))}, "lane 'e': width"),
        ({"lanes": (*LANES, lane("e", (0, 0), (1, 0), width_m=350.0))}, "lane 'e': width"),
        ({"lanes": (*LANES, lane("e", (0, 0), (1, 0), width_m=math.nan))}, "lane 'e': width"),
        ({"lanes": (*LANES, lane("e", (0, 0), (1, 0), speed_limit_mps=0.0))}, "lane 'e': speed limit"),
        ({"lanes": (*LANES, lane("e", (0, 0), (1, 0), speed_limit_mps=math.inf))}, "lane 'e': speed limit"),
        ({"connections": (replace(AB, ingress="x"),)}, "connection 'ab': ingress lane 'x' is unknown"),
        ({"connections": (replace(AB, egress="x"),)}, "connection 'ab': egress lane 'x' is unknown"),
        ({"connections": (replace(AB, path=line((-9, 0), (10, 0))),)}, "starts 1.00 m from the end of lane 'a'"),
        ({"connections": (replace(AB, path=line((-10, 0), (10, 2))),)}, "ends 2.00 m from the start of lane 'b'"),
        ({"connections": (replace(AB, stop_line_m=41.0),)}, "connection 'ab': stop line 41.0 m"),
        ({"connections": (replace(AB, stop_line_m=-1.0),)}, "connection 'ab': stop line"),
        ({"connections": (replace(AB, stop_line_m=math.nan),)}, "connection 'ab': stop line"),
        ({"connections": (replace(AB, signal_group="g2"),)}, "connection 'ab': signal group 'g2' is unknown"),
        ({"connections": (replace(AB, yields_to=("zz",)),)}, "connection 'ab': yields to 'zz'"),
        ({"connections": (replace(AB, yields_to=("ab",)),)}, "connection 'ab': yields to itself"),
        ({"connections": (replace(AB, yields_to=("cd",)), replace(CD, yields_to=("ab",)))}, "yield to each other"),
        ({"crossings": (Crossing("walk", line((0, 0), (1, 0)), -1.0, ""),)}, "crossing 'walk': width"),
        ({"crossings": (Crossing("walk", line((0, 0), (1, 0)), 3.0, "gx"),)}, "crossing 'walk': signal group 'gx'"),
        ({"zones": (replace(ZONE, first="zz"),)}, "zone 'zz' x 'cd': 'zz' is neither"),
        ({"zones": (replace(ZONE, second="ab"),)}, "does not conflict with itself"),
        ({"zones": (replace(ZONE, first_to_m=21.0),)}, "not an interval of 'ab'"),
        ({"zones": (replace(ZONE, second_from_m=12.0),)}, "not an interval of 'cd'"),
        ({"zones": (replace(ZONE, second_from_m=math.nan),)}, "not an interval of 'cd'"),
        ({"zones": (replace(ZONE, east_m=math.inf),)}, "middle is not finite"),
    ],
)
def test_a_contradiction_is_refused_naming_the_element(changes, message):
    with pytest.raises(MapError, match=message):
        small_map(**changes)


def test_yielding_to_a_crossing_is_allowed():
    assert small_map(connections=(replace(AB, yields_to=("walk", "cd")), CD)).connections[0].yields_to == ("walk", "cd")


def zones_of(*pairs):
    map = four_arm_crossing()
    return [zone for zone in map.zones if {zone.first, zone.second} == set(pairs)]


def test_two_straight_movements_share_a_square_of_their_widths():
    """Lane middles 1.75 m from the axes, mouths 12 m from the centre: 8.5 to 12 m along the one, 12 to 15.5 m along the other."""
    (zone,) = zones_of("north-straight", "east-straight")
    assert (zone.first_from_m, zone.first_to_m, zone.second_from_m, zone.second_to_m) == pytest.approx((8.5, 12.0, 12.0, 15.5), abs=0.11)
    assert (zone.east_m, zone.north_m) == pytest.approx((-1.75, 1.75), abs=0.05)


def test_merging_movements_share_the_way_to_the_end_of_both():
    (zone,) = zones_of("north-left", "west-straight")
    map = four_arm_crossing()
    assert zone.first_to_m == pytest.approx(map.length_m(zone.first), abs=0.11)
    assert zone.second_to_m == pytest.approx(map.length_m(zone.second), abs=0.11)
    assert zone.first_from_m > 5


@pytest.mark.parametrize(
    "pair",
    [
        ("north-left", "north-straight"),  # diverging: one ingress
        ("north-straight", "south-straight"),  # opposite, side by side
        ("north-right", "east-right"),  # different corners
        ("north-left", "south-left"),  # each before the other
    ],
)
def test_movements_that_do_not_meet_have_no_zone(pair):
    assert zones_of(*pair) == []


def test_a_movement_meets_the_crossings_at_its_entry_and_its_exit():
    zones = [zone for zone in four_arm_crossing().zones if zone.first == "north-straight" and zone.second.endswith(".crossing")]
    assert [zone.second for zone in zones] == ["north.crossing", "south.crossing"]
    entry, exit = zones
    assert (entry.first_from_m, entry.first_to_m) == pytest.approx((0.5, 0.5 + CROSSING_WIDTH_M), abs=0.11)
    assert (exit.first_from_m, exit.first_to_m) == pytest.approx((19.5, 19.5 + CROSSING_WIDTH_M), abs=0.11)
    assert entry.second_to_m - entry.second_from_m == pytest.approx(LANE_WIDTH_M, abs=0.11)


def test_known_foes_limit_the_pairs():
    map = small_map()
    assert len(conflict_zones(map.lane, map.connections, map.crossings)) == 2
    (zone,) = conflict_zones(map.lane, map.connections, map.crossings, {frozenset(("cd", "walk"))})
    assert (zone.first, zone.second) == ("cd", "walk")


def test_every_arm_of_the_four_arm_crossing_is_the_first_one_turned():
    """Turning the map by 90 degrees maps movement onto movement: all zones come in fours with equal intervals."""
    map = four_arm_crossing()
    assert len(map.zones) % 4 == 0
    intervals = sorted(round(zone.first_to_m - zone.first_from_m + zone.second_to_m - zone.second_from_m, 1) for zone in map.zones)
    assert intervals[0::4] == pytest.approx(intervals[3::4], abs=0.25)
