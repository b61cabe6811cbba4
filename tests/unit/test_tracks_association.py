"""Who is who: queues, crowds, crossings, two stations, connected vehicles. Scenes and their noise: `tests.track_scenes`."""

import numpy as np
import pytest

from positioning.own import OwnPosition
from positioning.samples import ObjectClass, Verdict
from positioning.tracks import TrackTable
from tests.track_scenes import (
    FRAME,
    Noise,
    Scene,
    Station,
    User,
    along,
    detection_row,
    motion_sample,
    play,
    rsu_frame,
    seconds,
    stop_and_go,
    straight,
    traffic,
)

NORTH, EAST_WARD = 0.0, np.pi / 2
QUIET = Noise(clutter=0.0, misses=0.0)


@pytest.fixture
def table():
    return TrackTable(FRAME)


def test_a_queue_is_as_many_tracks_as_cars():
    users = [User(along(stop_and_go(8, 2.0, 3.0), 0, -40 - 7 * k, NORTH)) for k in range(6)]
    score = play(Scene(users), TrackTable(FRAME), 12.0)
    assert score.coverage > 0.99
    assert score.switches == 0


@pytest.mark.parametrize("seed", range(3))
def test_pedestrians_abreast_are_told_apart(seed):
    users = [User(straight(0.8 * k, -10, NORTH, 1.4), kind=ObjectClass.PEDESTRIAN, size=(0.5, 0.5)) for k in range(3)]
    score = play(Scene(users, seed=seed, noise=Noise(clutter=0.1)), TrackTable(FRAME), 15.0, warm_s=2.0, gate_m=0.8)
    assert score.coverage > 0.97
    assert score.switches <= 2


def test_crossing_paths_keep_their_ids():
    # they pass 2.5 m from each other at right angles
    users = [User(straight(-40, 0, EAST_WARD, 10)), User(straight(0, -44, NORTH, 10))]
    score = play(Scene(users, noise=QUIET), TrackTable(FRAME), 8.0)
    assert score.switches == 0
    assert score.coverage > 0.99


def test_opposite_directions_pass_without_a_swap():
    users = [User(straight(-40, 1.5, EAST_WARD, 10)), User(straight(40, -1.5, -EAST_WARD, 10))]
    assert play(Scene(users), TrackTable(FRAME), 8.0).switches == 0


def test_two_tracks_of_one_object_become_one(table):
    # the stations disagree by 3.5 m at first: two tracks; then the second is put right
    for k in range(30):
        t = k * 0.1
        wrong = 3.5 if k < 10 else 0.0
        table.update_frame(rsu_frame(t, [detection_row(0, 10 * t, 10, NORTH, position_sigma_m=0.3)], station="a", sequence=k))
        table.update_frame(
            rsu_frame(t + 0.01, [detection_row(wrong, 10 * t + 0.1, 10, NORTH, position_sigma_m=0.3)], station="b", sequence=k)
        )
        table.expire(seconds(t + 0.02))
        if k == 9:
            assert len(table.view(seconds(t + 0.02)).ids) == 2
    assert table.view(seconds(3.0)).ids.tolist() == [1]


def test_offsets_of_stations_are_found_up_to_their_mean():
    stations = [Station("a", (0.2, -0.1, np.radians(0.3))), Station("b", (-0.2, 0.15, np.radians(-0.2)), 0.05)]
    table = TrackTable(FRAME)
    score = play(Scene(traffic(), stations), table, 30.0)
    offsets = table.sensor_offsets()
    difference = np.subtract(offsets["a"][:3], offsets["b"][:3])
    assert difference[:2] == pytest.approx([0.4, -0.25], abs=0.06)
    assert difference[2] == pytest.approx(np.radians(0.5), abs=np.radians(0.15))
    assert np.add(offsets["a"][:3], offsets["b"][:3]) == pytest.approx([0, 0, 0], abs=1e-9)
    assert score.median_error_m < 0.2


def test_two_stations_are_better_than_either():
    stations = [Station("a", (0.15, -0.13, np.radians(0.3))), Station("b", (-0.15, 0.13, np.radians(-0.3)), 0.05)]
    both = play(Scene(traffic(), stations), TrackTable(FRAME), 30.0, warm_s=5.0).median_error_m
    alone = [play(Scene(traffic(), [station]), TrackTable(FRAME), 30.0, warm_s=5.0).median_error_m for station in stations]
    assert both < min(alone)
    assert both < 0.25


def test_a_connected_vehicle_is_one_track_with_its_name():
    users = traffic(connected=True)
    names, counts, wanted = [], [], []

    def look(now, view):
        alive = sum(user.at(now) is not None and (user.at(now - 0.6) is not None) for user in users)
        counts.append(len(view.ids))
        wanted.append(alive)
        names.append(len(view.vehicles))
        assert len(set(view.vehicles.values())) == len(view.vehicles)

    score = play(Scene(users, noise=Noise(clutter=0.0)), TrackTable(FRAME), 30.0, on_view=look)
    assert score.coverage > 0.98  # each takes 0.15 s to be confirmed
    assert sum(names) > 0.85 * sum(wanted)
    assert sum(counts) < 1.1 * sum(wanted)
    assert score.median_error_m < 0.25


def test_a_connected_vehicle_alone_is_a_track(table):
    at = straight(-50, 0, EAST_WARD, 14)
    for k in range(20):
        row = detection_row(*at(k * 0.1), position_sigma_m=1.5)
        assert table.update_motion([motion_sample(k * 0.1, row, sequence=k)])[Verdict.ACCEPTED] == 1
    view = table.view(seconds(1.9))
    assert view.vehicles == {1: "v"}
    assert view.motion[0, 2] == pytest.approx(14, abs=0.3)
    assert view.sigma[0, 0] > 1.0  # its own fixes cannot tell their common error


def test_a_fix_far_from_its_track_is_out_of_gate_and_pulls_nothing(table):
    at = straight(-50, 0, EAST_WARD, 14)
    for k in range(20):
        table.update_motion([motion_sample(k * 0.1, detection_row(*at(k * 0.1), position_sigma_m=1.0), sequence=k)])
    east, north, speed, heading = at(2.0)
    assert table.update_motion([motion_sample(2.0, detection_row(east, north + 60, speed, heading), sequence=20)]) == {
        Verdict.OUT_OF_GATE: 1
    }
    assert table.view(seconds(2.0)).motion[0, 1] == pytest.approx(0, abs=0.3)


def ride(table, places, *, seen=lambda _step: True):
    """A car drives north at 8 m/s past the origin, seen by a station where `seen`; by its own word it is as far east of that as
    `places(step)` says (m, and its sigma). -> (track shown as the vehicle's, place of it) of each step, tracks at the end."""
    shown = []
    for step in range(80):
        t, north = step / 10, 0.8 * step - 32.0
        if seen(step):
            table.update_frame(rsu_frame(t, [detection_row(0.0, north, 8.0, NORTH, position_sigma_m=0.2)], sequence=step, local_ids=[1]))
        off_m, sigma_m = places(step)
        own = OwnPosition(off_m, north, sigma_m, 4 * sigma_m, alert=False)
        sample = motion_sample(t, detection_row(off_m, north, 8.0, NORTH, position_sigma_m=sigma_m), sequence=step)
        table.update_motion([sample], lambda *_, own=own: own)
        view = table.view(seconds(t))
        rows = [row for row, track in enumerate(view.ids.tolist()) if track in view.vehicles]
        shown.append([(int(view.ids[row]), float(view.motion[row, 0])) for row in rows])
    return shown, table.view(seconds(t)).ids.tolist()


def test_an_error_that_a_vehicle_has_got_over_is_not_taken_off_its_better_position(table):
    """3.3 m off to the west while it knew no better; then right to 0.5 m; then it is all there is for a second."""
    shown, _ = ride(table, lambda step: (-3.3, 2.5) if step < 40 else (0.0, 0.5), seen=lambda step: not 60 <= step < 70)
    assert [len(tracks) for tracks in shown[10:]] == [1] * 70, "the better position does not end the binding"
    assert max(abs(east) for ((_, east),) in shown[10:]) < 0.5


def test_a_vehicle_told_from_its_track_does_not_make_a_second_one_of_the_same_body(table):
    shown, tracks = ride(table, lambda step: (0.0, 0.4) if step < 20 else (0.1 * (step - 20), 0.4))
    assert shown[15] == [(1, pytest.approx(0.0, abs=0.3))]
    assert shown[-1] == []
    assert tracks == [1]


def test_who_was_told_from_a_track_far_away_is_another_and_gets_his_own(table):
    shown, tracks = ride(table, lambda step: (0.0, 0.4) if step < 20 else (12.0, 0.4))
    assert tracks == [1, 2]
    assert shown[-1] == [(2, pytest.approx(12.0, abs=0.5))]


@pytest.mark.parametrize(("sigma_m", "alert", "begun"), [(2.0, False, 1), (9.0, False, 0), (2.0, True, 0)])
def test_only_who_knows_where_he_is_begins_a_track(table, sigma_m, alert, begun):
    own = OwnPosition(0.0, 0.0, sigma_m, 4 * sigma_m, alert=alert)
    table.update_motion([motion_sample(0.0, detection_row(0.0, 0.0, 0.0, position_sigma_m=sigma_m))], lambda *_: own)
    assert len(table) == begun
