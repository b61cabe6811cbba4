"""What the search does in plain situations, on the kernel and on its twin; the times are worked out beside."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from intersections import _plan
from intersections.signals import plan_model
from intersections.signals.plan_tables import DischargeLaws, SearchLimits
from tests.plan_scenes import CAR_M, EW, INTERGREEN_S, LEFT, LIMIT_MPS, MIN_GREEN_S, NS, plain, situation

LAWS = DischargeLaws()
SPACE_M = CAR_M + LAWS.gap_m


@pytest.fixture(params=[_plan.Search, plan_model.Search], ids=["kernel", "twin"])
def plan(request):
    crossing = plain()
    return lambda arrivals, greens, **changed: request.param(crossing, LAWS, SearchLimits()).plan(
        situation(crossing, arrivals, greens, **changed)
    )


def test_nobody_there_holds_the_present_stage(plan):
    course = plan([[], [], []], EW)
    assert (course.stages, course.start_s, course.value) == ((EW,), (0,), 0.0)


def test_one_who_waits_gets_green_at_once_when_nobody_else_comes(plan):
    course = plan([[], [0.0], []], NS | LEFT)
    assert (course.stages, course.start_s) == ((NS | LEFT, EW), (0, 0))
    assert course.departure_s[0] == pytest.approx(INTERGREEN_S + LAWS.lost_s)


def test_a_queue_leaves_by_the_speed_it_has_reached(plan):
    """The second crosses at sqrt(v1^2 + 2 a s) after one space: tau + space / v behind the first."""
    course = plan([[], [0.0, 0.5], []], NS | LEFT)
    second_mps = min(LIMIT_MPS, sqrt(LAWS.first_mps**2 + 2 * LAWS.acceleration_mps2 * SPACE_M))
    assert np.diff(course.departure_s) == pytest.approx([LAWS.tau_s + SPACE_M / second_mps])


def test_a_platoon_rolls_through_before_one_who_waits(plan):
    """Eight vehicles of 2 s each would stand for him; he waits until they are past."""
    course = plan([[2.0 * k + 1 for k in range(8)], [0.0], []], NS | LEFT, rolled_m=np.full(3, 100.0))
    assert course.stages == (NS | LEFT, EW)
    assert course.start_s[1] >= 14
    assert max(course.departure_s[:8]) < course.departure_s[8]


def test_a_minimum_green_is_kept(plan):
    course = plan([[], [0.0], []], NS | LEFT, age_s=2.0)
    assert course.start_s[1] == MIN_GREEN_S - 2.0


def test_who_yields_waits_for_a_gap(plan):
    """The opposing cross at 1, 3 and 5 s; 3.5 s of gap begin when the last is past."""
    course = plan([[1.0, 3.0, 5.0], [], [1.0]], NS | LEFT, rolled_m=np.full(3, 100.0))
    assert course.departure_s[:3] == pytest.approx([1.0, 3.0, 5.0], abs=0.5)
    assert 5.5 <= course.departure_s[3] <= 7.0


def test_into_a_full_exit_nobody_goes(plan):
    """It opens at 0.5 m/s: room for one space after 15 s."""
    course = plan([[0.0], [], []], NS | LEFT, room_m=np.zeros(3), drain_mps=np.full(3, 0.5))
    assert 14.0 <= course.departure_s[0] <= 16.0


def test_a_full_exit_is_no_reason_to_be_green(plan):
    course = plan([[0.0] * 3, [0.0], []], NS | LEFT, room_m=np.array([0.0, 100.0, 100.0]), drain_mps=np.array([0.1, 5.0, 5.0]))
    assert (course.stages[1], course.start_s[1]) == (EW, 0)


def test_who_is_hemmed_in_waits_with_the_one_before(plan):
    """Lane 2 holds one vehicle: its second stands upstream, and before the one bound for lane 1."""
    free = plan([[], [3.0], [0.0, 0.5]], EW)
    ahead = np.array([2, -1, -1], np.int32)
    hemmed = plan([[], [3.0], [0.0, 0.5]], EW, ahead=ahead)
    assert free.departure_s[0] < hemmed.departure_s[0]
    assert hemmed.departure_s[0] > hemmed.departure_s[1]


def test_a_promised_change_is_kept_and_no_other_made(plan):
    course = plan([[1.0, 2.0, 3.0], [], []], NS | LEFT, earliest_s=8.0, latest_s=11.0, following=EW, bound=True)
    assert course.stages[1] == EW
    assert 8 <= course.start_s[1] <= 11


def test_before_the_earliest_nothing_is_changed(plan):
    assert plan([[], [0.0], []], NS | LEFT, earliest_s=7.0).start_s[1] == 7


def test_persons_count(plan):
    """A bus of 60 against three cars that roll: they are held up for it."""
    situation_of = [[3.0, 5.0, 7.0], [0.0], []]
    cars = plan(situation_of, NS | LEFT, rolled_m=np.full(3, 100.0))
    bus = plan(situation_of, NS | LEFT, rolled_m=np.full(3, 100.0), weight=np.array([1.4, 1.4, 1.4, 60.0]))
    assert bus.start_s[1] == 0 < cars.start_s[1]


@pytest.mark.parametrize("kind", [_plan.Search, plan_model.Search])
@pytest.mark.parametrize(
    "change",
    [
        {"connection_group": np.array([0, 1, 3], np.int32)},
        {"connection_exit": np.array([0, 1, 3], np.int32)},
        {"lane_speed_mps": np.array([14.0, 0.0, 14.0])},
        {"min_green_s": np.array([5.0, np.nan, 5.0])},
        {"stages": np.zeros(0, np.uint64)},
        {"intergreen_s": np.zeros((3, 2))},
    ],
)
def test_a_crossing_that_cannot_be_is_refused(kind, change):
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        kind(replace(plain(), **change), LAWS, SearchLimits())


@pytest.mark.parametrize("search", [_plan.Search, plan_model.Search], ids=["kernel", "twin"])
def test_who_leaves_a_lane_between_two_stop_lines_makes_room_in_it(search):
    """Lane 0 leads into lane 1, which is full and closed: nobody can go there before the one at its head has left."""
    crossing = replace(plain(), connection_exit=np.array([0, 1, 2], np.int32), lane_exit=np.array([-1, 0, -1], np.int32))
    now = situation(crossing, [[0.0], [0.0], []], NS | LEFT, room_m=np.array([0.0, 100.0, 100.0]), drain_mps=np.zeros(3))
    course = search(crossing, LAWS, SearchLimits()).plan(now)
    assert course.stages[:2] == (NS | LEFT, EW)
    assert 0.0 < course.departure_s[1] < course.departure_s[0]
