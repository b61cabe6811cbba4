"""Polylines and strips whose answers can be read off a drawing."""

import numpy as np
import pytest

from intersections.geometry import arc_lengths, crosses, overlaps, points_at, project, without_repeats

EAST = np.array([[-20.0, 0.0], [20.0, 0.0]])
NORTH = np.array([[0.0, -20.0], [0.0, 20.0]])


def north_of(line, distance_m):
    return line + np.array([0.0, distance_m])


def test_arc_lengths_of_a_3_4_5_triangle():
    assert arc_lengths(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 10.0]])).tolist() == [0.0, 5.0, 11.0]


def test_points_and_tangents_along_a_corner():
    corner = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]])
    points, tangents = points_at(corner, np.array([4.0, 10.0, 15.0, 20.0]))
    assert points.tolist() == [[4, 0], [10, 0], [10, 5], [10, 10]]
    assert tangents.tolist() == [[1, 0], [0, 1], [0, 1], [0, 1]]


def test_projection_on_a_segment_and_beyond_an_end():
    arcs, distances = project(EAST, np.array([[5.0, 3.0], [23.0, 4.0]]))
    assert arcs.tolist() == [25.0, 40.0]
    assert distances.tolist() == [3.0, 5.0]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (NORTH, True),
        (north_of(NORTH, 30.0), False),  # ends before
        (north_of(EAST, 1.0), False),  # parallel
        (EAST, False),  # the same line is a merge, not a crossing
    ],
)
def test_crosses(second, expected):
    assert crosses(EAST, second) is expected


def test_strips_at_right_angles_overlap_in_the_rectangle_of_their_widths():
    (overlap,) = overlaps(EAST, 3.0, NORTH, 4.0)
    assert (overlap.first_from_m, overlap.first_to_m) == pytest.approx((18.0, 22.0), abs=0.051)
    assert (overlap.second_from_m, overlap.second_to_m) == pytest.approx((18.5, 21.5), abs=0.051)
    assert (overlap.x_m, overlap.y_m) == pytest.approx((0.0, 0.0), abs=0.01)


def test_strips_that_cross_at_45_degrees_overlap_over_their_width_times_root_two_and_back():
    """A strip of width w crossed at 45 degrees by one of width v: cut along the first it is v / sin 45 + w / tan 45 long."""
    diagonal = np.array([[-20.0, -20.0], [20.0, 20.0]])
    (overlap,) = overlaps(EAST, 3.0, diagonal, 4.0)
    assert overlap.first_to_m - overlap.first_from_m == pytest.approx(4.0 * np.sqrt(2) + 3.0, abs=0.2)
    assert overlap.second_to_m - overlap.second_from_m == pytest.approx(3.0 * np.sqrt(2) + 4.0, abs=0.3)


def test_strips_side_by_side_do_not_overlap():
    assert overlaps(EAST, 3.0, north_of(EAST, 3.01), 3.0) == []


def test_a_strip_ends_square():
    ahead = np.array([[20.5, 0.0], [40.0, 0.0]])
    assert overlaps(EAST, 3.0, ahead, 3.0) == []


def test_a_path_that_crosses_twice_overlaps_twice():
    there_and_back = np.array([[-10.0, -20.0], [-10.0, 20.0], [10.0, 20.0], [10.0, -20.0]])
    assert [round(overlap.x_m) for overlap in overlaps(EAST, 3.0, there_and_back, 3.0)] == [-10, 10]


def test_without_repeats_keeps_both_ends():
    points = np.array([[0.0, 0.0], [0.0, 0.001], [5.0, 0.0], [9.999, 0.0], [10.0, 0.0]])
    assert without_repeats(points).tolist() == [[0, 0], [5, 0], [10, 0]]


def test_without_repeats_leaves_one_point_of_many_equal_ones():
    assert without_repeats(np.ones((4, 2))).tolist() == [[1, 1]]
