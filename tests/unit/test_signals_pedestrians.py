"""Pedestrians as rows of the table of arrivals: what a push-button tells, and what is learnt of how many come."""

from dataclasses import replace

import numpy as np
import pytest

from intersections.signals.arrivals import Arrivals
from intersections.signals.estimate import Estimator
from intersections.signals.layout import SECOND_NS, GroupKind, SignalGroup, SignalLayout, Stage
from intersections.signals.pedestrians import (
    CALLS_BEFORE,
    CALM_BEFORE_S,
    STEP_S,
    STEPS,
    Pedestrians,
    closed_early,
    hidden_clearance,
    stages_of,
)
from tests.arrival_scenes import SOUTH_GREEN, STRAIGHT, WEST_GREEN, crossing, layout, observed, shown

WALK = 2  # the group of the pedestrians


def walked() -> SignalLayout:
    """The crossing with pedestrians across the south, who conflict with its group."""
    plain = layout()
    group = SignalGroup("walk", GroupKind.PEDESTRIAN, 5 * SECOND_NS, 90 * SECOND_NS, 180 * SECOND_NS, 0)
    intergreen_ns = tuple((*row, 3 * SECOND_NS) for row in (*plain.intergreen_ns, (3 * SECOND_NS, 3 * SECOND_NS)))
    return replace(plain, groups=(*plain.groups, group), conflicts=(0b010, 0b101, 0b010), yields=(0, 0, 0), intergreen_ns=intergreen_ns)


def cars() -> Arrivals:
    return Estimator(crossing(), layout()).arrivals(observed(0.0, [(3, 1, STRAIGHT, 60.0, 10.0)]), shown(0.0, 0b01), ())


def joined(pedestrians: Pedestrians, wait_s: float, now_s: float = 0.0, greens: int = 0b001) -> Arrivals:
    return pedestrians.join(cars(), np.array([0.0, 0.0, wait_s]), greens, round(now_s * SECOND_NS))


def test_without_pedestrian_groups_nothing_changes() -> None:
    pedestrians, table = Pedestrians(layout(), crossing()), cars()
    assert pedestrians.approaches is not None
    assert pedestrians.join(table, np.zeros(2), 1, 0) is table


def test_each_pedestrian_group_is_one_more_lane_to_the_pavement() -> None:
    roads = Pedestrians(walked(), crossing()).approaches
    assert len(roads.lanes) == len(roads.lane_speed_mps) == len(crossing().lanes) + 1
    assert (roads.connection_lane[-1], roads.connection_group[-1], roads.connection_exit[-1]) == (3, WALK, 4)


def test_nobody_waits_so_only_those_expected_are_there() -> None:
    """One person a minute is expected of a crossing nobody knows."""
    table = joined(Pedestrians(walked(), crossing()), 0.0)
    assert table.vehicle.tolist() == [3] + [-1] * STEPS
    assert table.lane.tolist() == [1] + [3] * STEPS
    assert table.weight[1:].tolist() == pytest.approx([STEP_S * CALLS_BEFORE / CALM_BEFORE_S] * STEPS)
    assert table.arrival_s[1:].tolist() == [5.0, 15.0, 25.0, 35.0, 45.0]


def test_who_has_waited_a_minute_is_not_alone() -> None:
    """The one who pressed, and one person a minute since."""
    table = joined(Pedestrians(walked(), crossing()), 60.0)
    assert (table.arrival_s[1], table.weight[1]) == (0.0, pytest.approx(2.0))


def test_the_rate_is_learnt_from_how_soon_the_first_call_comes() -> None:
    """Each red lasts 20 s, the call comes after 5 s: 0.2 persons a second, however long the call then waits."""
    pedestrians = Pedestrians(walked(), crossing())
    for second in range(1200):
        phase = second % 30
        joined(pedestrians, max(0.0, phase - 4.0) if phase < 20 else 0.0, float(second), greens=0b001 if phase < 20 else 0b101)
    table = joined(pedestrians, 0.0, 1200.0)
    assert table.weight[1] / STEP_S == pytest.approx(0.2, rel=0.25)


def test_what_it_keeps_is_told_and_taken_back() -> None:
    first, second = Pedestrians(walked(), crossing()), Pedestrians(walked(), crossing())
    for now_s, wait_s in ((0.0, 0.0), (1.0, 0.0), (2.0, 1.0)):
        joined(first, wait_s, now_s)
    second.restore(first.snapshot())
    assert joined(first, 0.0, 3.0).weight.tolist() == joined(second, 0.0, 3.0).weight.tolist()


def slow_walk() -> SignalLayout:
    """As `walked`, but the crossing is long: 12 s from the pedestrians' end to the south's green, 3 s between the vehicles."""
    plain = walked()
    rows = [list(row) for row in plain.intergreen_ns]
    rows[WALK][1] = 12 * SECOND_NS
    return replace(plain, intergreen_ns=tuple(map(tuple, rows)))


def test_a_clearance_that_runs_while_vehicles_still_drive_costs_nobody_time() -> None:
    assert hidden_clearance(slow_walk())[WALK][1] == 3 * SECOND_NS
    assert hidden_clearance(slow_walk())[0] == slow_walk().intergreen_ns[0]


@pytest.mark.parametrize(
    ("shown", "in_s", "stays"),
    [
        (0b101, 9.1, 0b101),  # 12 - 3 s earlier than the vehicles it walks with
        (0b101, 9.0, 0b001),
        (0b101, 0.0, 0b001),
        (0b001, 14.1, 0b101),  # opens only for at least its minimum of 5 s
        (0b001, 14.0, 0b001),
    ],
)
def test_pedestrians_of_a_long_crossing_close_before_the_vehicles(shown: int, in_s: float, stays: int) -> None:
    assert closed_early(slow_walk(), shown, 0b101, 0b010, round(in_s * SECOND_NS)) == stays


def test_pedestrians_who_go_on_walking_are_not_closed() -> None:
    assert closed_early(slow_walk(), 0b101, 0b101, 0b100, 0) == 0b101


def test_where_people_walk_the_programs_own_stages_are_planned_with_and_without_them() -> None:
    stages = (Stage("west", 0b001), Stage("south and walk", 0b010), Stage("west and walk", 0b101))
    own = replace(walked(), stages=stages, local=((2, SECOND_NS), (1, SECOND_NS)))
    assert stages_of(own) == (0b101, 0b010, 0b001)
    assert stages_of(layout()) == (WEST_GREEN, SOUTH_GREEN)
