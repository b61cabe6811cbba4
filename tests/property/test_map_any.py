"""For any map: what is written is read again, exactly; and overlaps of strips agree with a second way of finding them."""

import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from intersections.geometry import arc_lengths, overlaps, points_at, project, without_repeats
from intersections.map import Connection, Crossing, IntersectionMap, Lane, LaneKind, Origin, Priority
from intersections.map_json import dumps, loads
from intersections.zones import conflict_zones

coordinates = st.floats(-500, 500)
words = st.text("abcXYZ019:>_-#", min_size=1, max_size=8)


@st.composite
def polylines(draw, start=None, end=None):
    inner = draw(st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=6))
    points = [*([start] if start is not None else []), *inner, *([end] if end is not None else [])]
    line = without_repeats(np.array(points, dtype=np.float64))
    assume(len(line) >= 2)
    return line


@st.composite
def maps(draw):
    names = draw(st.lists(words, min_size=5, max_size=5, unique=True))
    groups = tuple(draw(st.lists(words, max_size=3, unique=True)))
    group = st.sampled_from(("", *groups))
    lanes = tuple(
        Lane(
            name,
            draw(st.sampled_from(list(LaneKind))),
            draw(polylines()),
            draw(st.floats(0.1, 50)),
            draw(st.floats(0.1, 60)),
            allows_vehicles=draw(st.booleans()),
        )
        for name in names[:3]
    )
    ingress, egress = lanes[0], lanes[1]
    path = draw(polylines(ingress.polyline[-1], egress.polyline[0]))
    stop_line_m = draw(st.floats(0, 1)) * arc_lengths(ingress.polyline)[-1]
    crossing = Crossing(names[4], draw(polylines()), draw(st.floats(0.1, 50)), draw(group))
    connection = Connection(
        names[3],
        ingress.id,
        egress.id,
        path,
        draw(st.sampled_from(list(Priority))),
        draw(group),
        float(stop_line_m),
        draw(st.sampled_from(((), (crossing.id,)))),
    )
    zones = conflict_zones({lane.id: lane for lane in lanes}, (connection,), (crossing,))
    origin = Origin(draw(st.floats(-1.5, 1.5)), draw(st.floats(-math.pi, math.pi)), draw(st.floats(-400, 8000)))
    return IntersectionMap("id", origin, lanes, (connection,), (crossing,), zones, groups, "region")


@settings(max_examples=60, deadline=None)
@given(maps())
def test_a_map_survives_its_file(map):
    text = dumps(map)
    again = loads(text)
    assert dumps(again) == text
    assert again.zones == map.zones
    assert abs(again.origin.latitude_rad - map.origin.latitude_rad) < 2e-13
    for element in (*map.lanes, *map.crossings):
        twin = again.lane.get(element.id) or again.crossing[element.id]
        assert np.array_equal(twin.polyline, element.polyline)
        assert twin.width_m == element.width_m
    assert [c.yields_to for c in again.connections] == [c.yields_to for c in map.connections]


@settings(max_examples=100, deadline=None)
@given(polylines(), st.floats(0, 1))
def test_a_point_of_a_polyline_projects_onto_itself(line, part):
    arc_m = part * arc_lengths(line)[-1]
    points, tangents = points_at(line, np.array([arc_m]))
    found_m, distance_m = project(line, points)
    assert distance_m[0] < 1e-6
    assert np.allclose(points_at(line, found_m)[0], points, atol=1e-6)
    assert np.isclose(np.hypot(*tangents[0]), 1.0)


@settings(max_examples=60, deadline=None)
@given(st.floats(20, 160), st.floats(2, 5), st.floats(2, 5), st.floats(-10, 10), st.floats(-10, 10))
def test_straight_strips_overlap_in_a_parallelogram(angle_deg, first_width_m, second_width_m, x_m, y_m):
    """Strips of widths v, w at angle a: along the first the common area is w / sin a + v |cot a| long; and it lies about their crossing."""
    angle = math.radians(angle_deg)
    first = np.array([[-60.0, 0.0], [60.0, 0.0]]) + np.array([x_m, y_m])
    second = np.array([[-60 * math.cos(angle), -60 * math.sin(angle)], [60 * math.cos(angle), 60 * math.sin(angle)]]) + np.array([x_m, y_m])
    (overlap,) = overlaps(first, first_width_m, second, second_width_m)
    cot = abs(math.cos(angle) / math.sin(angle))
    assert abs(overlap.first_to_m - overlap.first_from_m - second_width_m / math.sin(angle) - first_width_m * cot) < 0.21
    assert abs(overlap.second_to_m - overlap.second_from_m - first_width_m / math.sin(angle) - second_width_m * cot) < 1.2
    assert math.hypot(overlap.x_m - x_m, overlap.y_m - y_m) < 0.3
