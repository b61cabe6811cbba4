"""Holding against what theory says of it in closed form."""

from itertools import pairwise

import numpy as np
import pytest

from intersections.buses.departures import respaced_s, within_s
from intersections.buses.holding import GAIN, AtControlStop, hold_s, schedule_hold_s

H = 600.0


def ready(forward_s: float, *etas_s: float, scheduled_s: float = 0.0) -> AtControlStop:
    return AtControlStop(0.0, 20, H, scheduled_s, forward_s, etas_s)


def test_equal_headways_need_no_holding():
    assert hold_s(ready(H, H, 2 * H, 3 * H)) == 0.0


def test_with_one_follower_it_is_two_way_holding():
    assert hold_s(ready(200.0, 400.0)) == pytest.approx(GAIN * (400.0 - 200.0) / 2)


def test_a_late_second_follower_is_made_room_for():
    # Leader at -400, ready at 0, followers ready at 400 and 1400: evenly 600 apart, so the bus leaves at 200.
    assert hold_s(ready(400.0, 400.0, 1400.0)) == pytest.approx(GAIN * 200.0)


def test_a_follower_that_is_near_asks_for_none():
    assert hold_s(ready(400.0, 100.0, 500.0)) == 0.0


def test_the_last_bus_of_the_day_is_not_held():
    assert hold_s(ready(100.0)) == 0.0


def test_two_bunched_buses_separate_as_the_theory_says():
    """On a ring of n buses whose holds each mend `GAIN` of half the difference of both gaps, the deviation of the gaps shrinks with each
    round by the eigenvalues 1 - GAIN (1 - cos k) of the circulant matrix, k = 2 pi m / n: here one pair is bunched, and the sum of squares
    falls at each stop; a hold cannot be negative, so the fall is at least that of the slower mode, down to evenness.
    """
    buses, trip_s = 4, 4 * H
    times_s = np.array([0.0, 30.0, H, 2 * H])  # the second is 30 s behind the first
    spread = []
    for _ in range(40):
        order = np.argsort(times_s)
        times_s = times_s[order]
        gaps_s = np.diff(np.append(times_s, times_s[0] + trip_s))
        spread.append(gaps_s.std())
        held_s = [hold_s(ready(gaps_s[bus - 1], gaps_s[bus])) for bus in range(buses)]
        times_s = times_s + np.array(held_s)
    assert all(later <= sooner + 1e-9 for sooner, later in pairwise(spread))
    assert spread[0] > 400.0
    assert spread[-1] < 1.0


def test_on_a_timetable_nobody_leaves_early():
    assert schedule_hold_s(ready(H, H, scheduled_s=45.0)) == 45.0
    assert schedule_hold_s(ready(H, H, scheduled_s=-45.0)) == 0.0


def test_departures_become_even_where_the_limits_allow():
    assert respaced_s([0.0, 100.0, 900.0]) == pytest.approx([0.0, 450.0, 900.0])


def test_a_departure_is_moved_to_its_limit_and_the_rest_are_even():
    # The first of five may leave 100 s sooner at most, which is later than even: the others share what is left.
    assert respaced_s([0.0, 700.0, 750.0, 800.0, 1000.0], 100.0) == pytest.approx(
        [0.0, 600.0, 600.0 + 400.0 / 3, 600.0 + 800.0 / 3, 1000.0]
    )


def test_in_a_clock_of_demand_gaps_go_with_its_inverse_root():
    # Demand is four times as high before 1000 as after it: Newell's gaps are half as long there.
    def clock(time_s: float) -> float:
        return 2.0 * min(time_s, 1000.0) + max(time_s - 1000.0, 0.0)

    found = np.diff(respaced_s([0.0, 200.0, 300.0, 900.0, 1100.0, 1900.0, 2000.0], 2000.0, clock))
    assert found == pytest.approx([250.0, 250.0, 250.0, 250.0, 500.0, 500.0], abs=1.0)


def test_bounds_that_leave_no_choice_are_kept():
    assert within_s([0.0, 300.0, 300.0, 900.0], [0.0, 300.0, 310.0, 900.0]) == pytest.approx([0.0, 300.0, 310.0, 900.0])
