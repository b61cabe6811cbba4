"""What signal control sees of tracks on the map: lanes, distances, queues, who has crossed, who waits at the kerb."""

from itertools import pairwise

import numpy as np
import pytest

from intersections.signals.layout import SECOND_NS
from intersections.signals.sight import number_of
from intersections.step import step
from positioning.samples import ObjectClass
from tests.controlled_scenes import START_NS, controlled, signalised_map
from tests.scenes import EAST, NORTH, Noise, User, frame

NORTH_IN, EAST_IN, SOUTH_IN, WEST_IN = range(4)  # rows of the approach lanes: where they come from
WALK = 2


def sights(intersection, users, seconds):
    """The observation of each second while frames come ten times a second."""
    random, seen = np.random.default_rng(0), []
    for tick in range(round(seconds * 10)):
        now_ns = START_NS + tick * SECOND_NS // 10
        step(intersection, [frame(intersection, users, tick / 10, now_ns, tick, Noise(), random)], now_ns)
        if tick % 10 == 9:
            view, places = intersection._survey(now_ns)
            seen.append(intersection.signals._sight.observe(view, places, now_ns))
        for user in users:
            user.advance(tick / 10)
    return seen


@pytest.fixture
def intersection():
    return controlled()


def test_approaches_are_the_lanes_that_lamps_rule(intersection):
    approaches = intersection.signals.controller.approaches
    assert approaches.lanes == ("north.in", "east.in", "south.in", "west.in")
    assert approaches.exits == ("north.out", "east.out", "south.out", "west.out")
    assert set(approaches.movements) == {(one.ingress, one.egress) for one in signalised_map().connections}
    assert approaches.group_crossing.tolist() == [0, 0, 1]
    groups = {approaches.lanes[lane]: group for lane, group in zip(approaches.connection_lane, approaches.connection_group, strict=True)}
    assert groups == {"north.in": 0, "south.in": 0, "east.in": 1, "west.in": 1}


def test_a_car_on_its_approach_is_known_by_lane_distance_and_speed(intersection):
    # Northbound at 10 m/s from 100 m south of the centre; after 2.9 s it is at -71. The line is at -12, its front 2.25 m ahead of it.
    seen = sights(intersection, [User(1.75, -100.0, NORTH, 10.0)], 3)[-1]
    assert seen.lane.tolist() == [SOUTH_IN]
    approaches = intersection.signals.controller.approaches
    assert approaches.movements[seen.movement[0]] == ("south.in", "north.out")  # one lamp rules all its ways: the straightest
    assert seen.distance_m == pytest.approx([71 - 12 - 2.25], abs=0.5)
    assert seen.speed_mps == pytest.approx([10.0], abs=0.3)
    assert seen.length_m == pytest.approx([4.5], abs=0.1)
    assert seen.weight.tolist() == [1.4]
    assert seen.waited_s.tolist() == [0.0]


def test_who_stands_waits_since_he_stands_and_who_has_crossed_is_counted(intersection):
    standing, passing = User(1.75, -16.0, NORTH, 0.0), User(-60.0, -1.75, EAST, 10.0)
    seen = sights(intersection, [standing, passing], 10)
    waited_s = [one.waited_s[one.lane == SOUTH_IN].tolist() for one in seen]
    assert all(later[0] - earlier[0] == pytest.approx(1.0) for earlier, later in pairwise(waited_s[2:]))
    assert seen[-1].stop_line_count[[NORTH_IN, EAST_IN, SOUTH_IN, WEST_IN]].tolist() == [0, 0, 0, 1]
    assert WEST_IN not in seen[-1].lane


def test_who_stands_on_an_exit_fills_it(intersection):
    # The exit to the north runs from 12 to 150 m; the car's rear end is at 40 - 2.25.
    seen = sights(intersection, [User(1.75, 40.0, NORTH, 0.0)], 3)[-1]
    assert seen.exit_vehicles.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert seen.exit_queue_m[0] == pytest.approx(150 - 40 + 2.25, abs=0.5)


def test_who_stands_inside_is_known_by_his_way(intersection):
    approaches = intersection.signals.controller.approaches
    seen = sights(intersection, [User(1.75, -6.0, NORTH, 0.0), User(-6.0, -1.75, EAST, 8.0)], 3)
    (row,) = np.flatnonzero(seen[-1].inside).tolist()
    assert approaches.lanes[approaches.connection_lane[row]] == "south.in"
    assert not seen[-1].lane.tolist()


def test_a_walker_at_the_kerb_calls_and_one_on_the_crossing_does_not(intersection):
    # The southern crossing runs from east -3.5 to 3.5 at north -9.5.
    at_kerb = User(-5.0, -9.5, EAST, 0.0, ObjectClass.PEDESTRIAN)
    waited_s = [one.pedestrian_wait_s[WALK] for one in sights(intersection, [at_kerb], 6)]
    assert all(later - earlier == pytest.approx(1.0) for earlier, later in pairwise(waited_s[2:]))
    farther = controlled()
    assert not sights(farther, [User(-9.0, -9.5, EAST, 0.0, ObjectClass.PEDESTRIAN)], 3)[-1].pedestrian_wait_s.any()
    elsewhere = controlled()
    on_it = sights(elsewhere, [User(-2.0, -9.5, EAST, 1.0, ObjectClass.PEDESTRIAN)], 3)[-1]
    assert on_it.pedestrian_wait_s.tolist() == [0.0, 0.0, 0.0]
    assert not len(on_it.vehicle)


def test_a_snapshot_is_all_that_is_kept(intersection):
    users = [User(1.75, -16.0, NORTH, 0.0), User(-60.0, -1.75, EAST, 10.0)]
    sights(intersection, users, 4)
    again = controlled()
    again.restore({name: array.copy() for name, array in intersection.snapshot().items()})
    view, places = intersection._survey(START_NS + 4 * SECOND_NS)
    one, other = (each.signals._sight.observe(view, places, view.time_ns) for each in (intersection, again))
    assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in type(one).__slots__)


def test_a_named_vehicle_has_a_number_that_no_track_has():
    assert number_of("bus-1") == number_of("bus-1") != number_of("bus-2")
    assert number_of("bus-1") > 1 << 60
