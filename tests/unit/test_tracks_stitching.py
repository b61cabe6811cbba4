"""Who comes back from behind an obstacle keeps his identity; who only resembles him does not get it; numbers speak."""

import numpy as np
import pytest

from positioning.samples import ObjectClass
from positioning.tracks import TrackTable
from tests.track_scenes import FRAME, detection_row, motion_sample, rsu_frame, seconds

NORTH, SOUTH, EAST_WARD = 0.0, np.pi, np.pi / 2
WENT_IN_S, CAME_OUT_S = 3.0, 4.5


@pytest.fixture
def table():
    """A car has driven north at 10 m/s under the number 7 and was lost from sight at the origin."""
    table = TrackTable(FRAME)
    for k, t in enumerate(np.arange(0.0, WENT_IN_S + 0.01, 0.1)):
        see(table, t, k, 0.0, 10 * (t - WENT_IN_S), 10.0, NORTH, 7)
    return table


def see(table, t, sequence, east, north, speed, heading, number, kind=ObjectClass.CAR, length=4.6, station="a"):
    sigmas = {"position_sigma_m": 0.3, "speed_sigma_mps": 0.3, "heading_sigma_rad": 0.04}
    row = detection_row(east, north, speed, heading, length_m=length, width_m=1.8, **sigmas)
    table.update_frame(rsu_frame(t, [row], sequence=sequence, local_ids=[number], classes=[kind], station=station))


def come_out(table, east, north, speed, heading, number=8, **how):
    """Seen again for half a second from CAME_OUT_S on; -> the ids shown."""
    for k, t in enumerate(np.arange(CAME_OUT_S, CAME_OUT_S + 0.5, 0.1)):
        gone = speed * (t - CAME_OUT_S)
        see(table, t, 100 + k, east + gone * np.sin(heading), north + gone * np.cos(heading), speed, heading, number, **how)
    return table.view(seconds(t)).ids.tolist()


def test_who_braked_behind_the_obstacle_is_himself(table):
    assert come_out(table, 0.0, 7.5, 1.0, NORTH) == [1]  # 15 m is where steady motion would have led


def test_who_turned_behind_the_obstacle_is_himself(table):
    assert come_out(table, 4.2, 8.3, 5.0, np.radians(50)) == [1]


def test_who_comes_the_other_way_is_another(table):
    assert come_out(table, 0.0, 10.0, 3.3, SOUTH) == [2]


def test_who_stands_beside_the_way_is_another(table):
    assert come_out(table, 8.0, 6.0, 0.0, NORTH) == [2]


@pytest.mark.parametrize("other", [{"kind": ObjectClass.PEDESTRIAN, "length": 0.5}, {"length": 9.0}])
def test_another_kind_or_size_is_another(table, other):
    assert come_out(table, 0.0, 7.5, 1.0, NORTH, **other) == [2]


def test_a_number_carried_on_joins_what_no_plain_way_joins(table):
    assert come_out(table, 8.0, 6.0, 0.0, EAST_WARD, number=7) == [1]


def test_nobody_is_lost_while_he_is_seen(table):
    for k, t in enumerate(np.arange(WENT_IN_S, CAME_OUT_S, 0.1)):  # the other station goes on seeing the first
        see(table, t + 0.05, k, 0.0, 10 * (t + 0.05 - WENT_IN_S), 10.0, NORTH, 3, station="b")
    assert sorted(come_out(table, 0.0, 6.0, 3.3, NORTH)) == [1, 2]


def test_a_wild_detection_stays_with_its_number_beside_a_vehicle_known_by_its_receiver_only():
    table = TrackTable(FRAME)
    for k, t in enumerate(np.arange(0.0, 3.0, 0.1)):
        see(table, t, k, 0.0, 0.0, 0.0, NORTH, 7)
        row = detection_row(3.0, 0.0, 0.0, NORTH, position_sigma_m=1.5, speed_sigma_mps=0.1, heading_sigma_rad=0.02)
        table.update_motion([motion_sample(t + 0.05, row, sequence=k)])
    see(table, 3.0, 99, 0.95, 0.0, 0.0, NORTH, 7)
    view = table.view(seconds(3.0))
    first = view.motion[view.ids == 1][0]
    assert abs(first[0]) < 0.3
    assert view.updated[view.ids == 1].tolist() == [1]
    assert len(view.vehicles) <= 1


def test_a_snapshot_between_loss_and_return_changes_nothing(table):
    other = TrackTable(FRAME)
    other.restore(table.snapshot())
    assert come_out(table, 0.0, 7.5, 1.0, NORTH) == come_out(other, 0.0, 7.5, 1.0, NORTH) == [1]


def test_a_vehicle_known_by_its_receiver_only_moves_to_the_track_the_roadside_has_of_it():
    table = TrackTable(FRAME)
    fix = {"position_sigma_m": 1.5, "speed_sigma_mps": 0.1, "heading_sigma_rad": 0.02}
    for k, t in enumerate(np.arange(0.0, 1.0, 0.1)):
        table.update_motion([motion_sample(t, detection_row(7.0, 10 * t, 10.0, NORTH, **fix), sequence=k)])
    for k, t in enumerate(np.arange(1.0, 2.5, 0.1)):  # fixes far beside: the roadside begins a track of its own
        see(table, t, k, 0.0, 10 * t, 10.0, NORTH, 7)
        offset = 7.0 - 4.0 * min(1.0, t - 1.0)
        table.update_motion([motion_sample(t + 0.05, detection_row(offset, 10 * t + 0.5, 10.0, NORTH, **fix), sequence=100 + k)])
        table.expire(seconds(t + 0.05))
    view = table.view(seconds(2.5))
    assert len(view.ids) == 1
    assert list(view.vehicles.values()) == ["v"]
    assert abs(view.motion[0, 0]) < 0.3


def test_nobody_turns_round_at_speed_out_of_sight():
    """A motorcycle is lost at 13 m/s; a bicycle comes the other way 16 m beside: an arc as long as the way, at 19 m/s2 sideways."""
    table = TrackTable(FRAME)
    for k, t in enumerate(np.arange(0.0, WENT_IN_S + 0.01, 0.1)):
        see(table, t, k, 0.0, 13 * (t - WENT_IN_S), 13.0, NORTH, 7, kind=ObjectClass.MOTORCYCLE, length=2.0)
    assert come_out(table, 16.0, 0.0, 6.0, SOUTH, kind=ObjectClass.BICYCLE, length=1.6) == [2]
