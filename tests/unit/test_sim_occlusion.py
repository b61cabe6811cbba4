"""Rays from a mast at 6 m past boxes of known size; the shadow lengths follow from similar triangles."""

import numpy as np
import pytest

from v2x.sim.occlusion import visible

MAST = np.array([0.0, 0.0, 6.0])
NORTH = 0.0
LORRY = (0.0, 20.0, NORTH, 10.0, 2.5, 4.0)  # east, north, heading, length, width, height: covers 15..25 m north


def free(targets, boxes, heights=None, own=None):
    targets = np.array(targets, dtype=float).reshape(-1, 2)
    heights = np.full(len(targets), 1.5) if heights is None else np.array(heights)
    own = np.full(len(targets), -1) if own is None else np.array(own)
    return visible(MAST, targets, heights, np.array(boxes, dtype=float).reshape(-1, 6), own).tolist()


def test_an_empty_street_hides_nobody():
    assert free([(0, 50), (30, -10)], []) == [True, True]


def test_shadow_behind_a_lorry_ends_where_the_ray_passes_over_it():
    # The ray to a target's middle (0.75 m) d away is at 6 - 5.25 * 25 / d above the lorry's far edge; that is 4 m at d = 65.6 m.
    assert free([(0, 26), (0, 65), (0, 66)], [LORRY]) == [False, False, True]


def test_beside_the_shadow_is_free():
    # A ray to 45 m north sinks below 4 m at 45 * 2 / 5.25 = 17.1 m; leaving the lorry's side (1.25 m east) there, it ends 3.28 m east.
    assert free([(3.2, 45), (3.35, 45)], [LORRY]) == [False, True]


def test_in_front_of_the_lorry_is_free():
    assert free([(0, 14)], [LORRY]) == [True]


def test_its_own_box_does_not_hide_a_lorry():
    assert free([(0, 20)], [LORRY], heights=[4.0], own=[0]) == [True]


def test_a_car_does_not_hide_a_bus_behind_it():
    car = (0.0, 20.0, NORTH, 5.0, 1.8, 1.5)
    # The ray to the bus's middle (1.7 m, 31 m away) is at 6 - 4.3 * 22.5 / 31 = 2.9 m above the car's far edge.
    assert free([(0, 31)], [car], heights=[3.4]) == [True]


@pytest.mark.parametrize("turn_deg", [0, 37, 90, 180, 251, 359.9])
def test_turning_the_whole_scene_changes_nothing(turn_deg):
    turn = np.radians(turn_deg)
    clockwise = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    targets = np.array([(0, 26), (0, 66), (3.2, 45), (3.35, 45), (0, 14)]) @ clockwise
    box = (*(np.array(LORRY[:2]) @ clockwise), turn, *LORRY[3:])
    assert free(targets, [box]) == [False, True, False, True, True]


def test_many_boxes_equal_one_at_a_time():
    draw = np.random.default_rng(3)
    targets = draw.uniform(-100, 100, (40, 2))
    boxes = np.column_stack([draw.uniform(-90, 90, (25, 2)), draw.uniform(0, 6.28, 25), draw.uniform(2, 12, 25), draw.uniform(1, 3, 25),
                             draw.uniform(1.4, 4, 25)])  # fmt: skip
    together = np.array(free(targets, boxes))
    alone = np.array([free(targets, box) for box in boxes]).all(axis=0)
    assert (together == alone).all()
    assert together.any()
    assert not together.all()
