"""The table of arrivals where every vehicle is connected: lane, connection, order, earliest time, room in the exits."""

import numpy as np
import pytest

from intersections.signals.arrivals import Arrivals, dwell_s, earliest_s
from intersections.signals.estimate import Estimator
from tests.arrival_scenes import LEFT, RIGHT, SOUTH, STRAIGHT, WEST_GREEN, crossing, layout, observed, shown


def arrivals(*rows: tuple[float, ...], **changed: np.ndarray) -> Arrivals:
    return Estimator(crossing(), layout()).arrivals(observed(0.0, list(rows), **changed), shown(0.0, WEST_GREEN), ())


def test_rows_are_sorted_by_lane_then_by_distance() -> None:
    table = arrivals((1, 2, SOUTH, 50, 10), (2, 0, LEFT, 80, 10), (3, 0, STRAIGHT, 20, 10))
    assert table.vehicle.tolist() == [3, 2, 1]
    assert table.lane.tolist() == [0, 0, 2]
    assert table.connection.tolist() == [1, 0, 4]
    assert table.observed.tolist() == [2, 1, 0]


def test_upstream_vehicle_takes_the_shortest_queue_that_serves_its_turn() -> None:
    table = arrivals((1, 0, LEFT, 10, 0), (2, -1, STRAIGHT, 250, 10), (3, -1, LEFT, 260, 10), (4, -1, STRAIGHT, 270, 10))
    assert dict(zip(table.vehicle.tolist(), table.lane.tolist(), strict=True)) == {1: 0, 2: 1, 3: 0, 4: 1}


def test_vehicle_in_a_lane_that_does_not_serve_its_turn_is_put_where_it_will_queue() -> None:
    assert arrivals((1, 0, RIGHT, 100, 10)).lane.tolist() == [1]


def test_unknown_turn_takes_the_first_of_its_lane_and_is_dropped_upstream() -> None:
    table = arrivals((1, 1, -1, 50, 10), (2, -1, -1, 250, 10), (3, 1, 99, 60, 10))
    assert table.vehicle.tolist() == [1, 3]
    assert table.connection.tolist() == [2, 2]


def test_standing_vehicles_are_queued() -> None:
    table = arrivals((1, 0, LEFT, 2, 0.0), (2, 0, LEFT, 9, 1.0, 4.0), (3, 0, LEFT, 30, 9.0, 0.0))
    assert table.queued.tolist() == [1, 1, 0]


# From standing, 2.6 m/s2: 13 m/s after 5 s and 32.5 m; then 13 m each second.
@pytest.mark.parametrize(
    ("distance_m", "speed_mps", "expected_s"), [(0.0, 0.0, 0.0), (32.5, 0.0, 5.0), (45.5, 0.0, 6.0), (39.0, 13.0, 3.0), (40.0, 20.0, 2.0)]
)
def test_earliest_arrival(distance_m: float, speed_mps: float, expected_s: float) -> None:
    assert earliest_s(np.array([distance_m]), np.array([speed_mps]), np.array([13.0]))[0] == pytest.approx(expected_s)


def test_exit_room_is_what_vehicles_leave_and_never_negative() -> None:
    room_m = arrivals(exit_vehicles=np.array([0.0, 4.0, 99.0, 1.0]), exit_queue_m=np.array([0.0, 100.0, 0.0, 40.0])).exit_room_m
    assert room_m.tolist() == [150.0, 200.0, 0.0, 60.0]


def test_a_bus_that_serves_a_stop_first_comes_later() -> None:
    """Distances 100 m and stop lines as given: before the stop 15 + 5 s, at it what is left of 15 s, at least 3 s; without one nothing."""
    stop_m, distance_m = np.array([-1.0, 40.0, 40.0, 40.0]), np.array([100.0, 100.0, 42.0, 42.0])
    speed_mps, waited_s = np.array([10.0, 10.0, 0.0, 0.0]), np.array([0.0, 0.0, 6.0, 30.0])
    assert dwell_s(stop_m, distance_m, speed_mps, waited_s).tolist() == [0.0, 20.0, 9.0, 3.0]
