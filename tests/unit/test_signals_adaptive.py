"""What the adaptive planner weighs beyond the search's own rules, from scenes of a few queues."""

import numpy as np

from intersections.signals.layout import SECOND_NS
from intersections.signals.optimise import AdaptivePlanner, own_exits
from tests.arrival_scenes import SOUTH, SOUTH_GREEN, STRAIGHT, WEST_GREEN, crossing, layout, observed, shown

CARS, SPACE_M = 40, 7.0


def opens_s(waited_s: float) -> float:
    """When the shorter queue, which has stood so long, is to get its green beside a longer one that has stood for a moment."""
    rows = [(lane * 100 + car, lane, STRAIGHT, 1.0 + SPACE_M * car, 0.0, 5.0) for lane in (0, 1) for car in range(CARS)]
    rows += [(900 + car, 2, SOUTH, 1.0 + SPACE_M * car, 0.0, waited_s) for car in range(CARS // 2)]
    plan = AdaptivePlanner(layout(), crossing()).plan(observed(60.0, rows), shown(60.0, WEST_GREEN), ())
    starts = [start_ns / SECOND_NS - 60.0 for greens, start_ns in zip(plan.stages, plan.start_ns, strict=True) if greens == SOUTH_GREEN]
    return min(starts, default=np.inf)


def test_who_has_waited_for_minutes_gets_green_before_a_longer_queue():
    assert opens_s(600.0) < 10.0 < opens_s(10.0)


def test_an_absurd_wait_counts_no_more_than_the_longest_that_is_believed():
    assert opens_s(1e12) == opens_s(1e6)


def test_a_lane_is_an_exit_where_it_has_the_same_name():
    roads = crossing()
    assert own_exits(roads).tolist() == [-1, -1, -1]
    named = type(roads)(**{name: getattr(roads, name) for name in roads.__slots__} | {"exits": ("north_0", "south_0", "east_0", "east_1")})
    assert own_exits(named).tolist() == [-1, -1, 1]
