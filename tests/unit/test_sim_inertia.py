"""What averaging across the direction of travel does to straights, stops, kinks, turns and those who come and go."""

import numpy as np
import pytest

from positioning.samples import ObjectClass
from v2x.sim.inertia import HALF_STEPS, smoothed
from v2x.sim.truth import Truth


def window(place_of, heading_of=lambda _: 0.0, present=lambda _: True, object_class=ObjectClass.CAR, speed_of=None):
    """One road user at `place_of(t)` for t = -0.5 .. 0.5 s; `present(t)` tells where SUMO has it. Speeds are of the step that ends."""
    truths = []
    for step in range(-HALF_STEPS, HALF_STEPS + 1):
        time_s, count = step / 10, int(present(step / 10))
        speed = np.hypot(*np.subtract(place_of(time_s), place_of(time_s - 0.1))) / 0.1 if speed_of is None else speed_of(time_s)
        motion = np.array([[*place_of(time_s), speed, heading_of(time_s), 0.0, 0.0]])[:count]
        truths.append(Truth(time_s, np.array([1])[:count], np.array([object_class], np.uint8)[:count], motion, np.ones((count, 3))))
    return truths


def test_a_straight_braking_car_is_left_alone():
    middle = smoothed(window(lambda t: (0.0, 10.0 * t - 2.0 * t * t)))
    assert middle.motion[0, :2] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert middle.motion[0, 3] == pytest.approx(0.0, abs=1e-12)


def test_a_sideways_step_becomes_a_slope():
    # 3 m sideways at once after 0 s: five of the ten seconds' tenths lie beyond (the outer one half): 3 * 4.5 / 10 = 1.35 m.
    # The chord over 1 s is 3 m east and 10 m north; the 0.5 m/s of SUMO's own heading is added to the north.
    middle = smoothed(window(lambda t: (3.0 * (t > 0), 10.0 * t), speed_of=lambda _: 10.0))
    turn = np.arctan2(3.0, 10.5)
    assert middle.motion[0, 3] == pytest.approx(turn)
    assert middle.motion[0, :2] == pytest.approx([1.35, 0.0])


def test_a_jump_along_the_lane_becomes_a_slope_and_braking_stays():
    # 2 m too far at once after 0 s, at 10 m/s and braking by 4 m/s^2: the mean of the jump alone, 2 * 4.5 / 10.
    middle = smoothed(window(lambda t: (0.0, 10.0 * t - 2.0 * t * t + 2.0 * (t > 0)), speed_of=lambda t: 10.0 - 4.0 * (t - 0.05)))
    assert middle.motion[0, :2] == pytest.approx([0.0, 0.9], abs=1e-12)


def test_a_tight_turn_cuts_the_corner_by_a_hand():
    # 5 m/s on 8 m radius: the mean of r * (1 - cos(w t)) over +-0.5 s is r * (1 - sin(a) / a), a = 0.3125: 0.13 m.
    rate = 5.0 / 8.0
    middle = smoothed(window(lambda t: (8.0 - 8.0 * np.cos(rate * t), 8.0 * np.sin(rate * t)), lambda t: rate * t))
    assert middle.motion[0, 0] == pytest.approx(8.0 * (1.0 - np.sin(0.3125) / 0.3125), abs=0.003)
    assert middle.motion[0, 3] == pytest.approx(0.0, abs=1e-9)


def test_who_stands_keeps_place_and_angle():
    middle = smoothed(window(lambda _: (4.0, 5.0), lambda _: 2.5))
    assert middle.motion[0, [0, 1, 3]] == pytest.approx([4.0, 5.0, 2.5])


@pytest.mark.parametrize("present", [lambda t: t >= 0, lambda t: t <= 0, lambda t: abs(t) < 0.25])
def test_who_has_just_come_or_is_about_to_leave_is_not_pulled_aside(present):
    middle = smoothed(window(lambda t: (0.0, 10.0 * t), present=present))
    assert middle.motion[0, [0, 1, 3]] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_a_pedestrian_is_left_alone():
    middle = smoothed(window(lambda t: (3.0 * (t > 0), t), object_class=ObjectClass.PEDESTRIAN))
    assert middle.motion[0, [0, 1, 3]].tolist() == [0.0, 0.0, 0.0]
