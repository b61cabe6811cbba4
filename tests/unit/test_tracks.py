"""The life and motion of tracks in situations with known answers. Scenes and their noise: `tests.track_scenes`."""

from dataclasses import replace

import numpy as np
import pytest

from positioning.own import OwnPosition
from positioning.samples import FixStatus, ObjectClass, Verdict
from positioning.tracks import TrackTable
from tests.track_scenes import (
    FRAME,
    Noise,
    Scene,
    User,
    along,
    assert_same,
    detection_row,
    motion_sample,
    play,
    rsu_frame,
    seconds,
    stop_and_go,
    straight,
    turning,
)

NORTH, EAST_WARD = 0.0, np.pi / 2
QUIET = Noise(clutter=0.0, misses=0.0)


@pytest.fixture
def table():
    return TrackTable(FRAME)


def drive(table, times, at, **how):
    """One car, seen without noise at these times."""
    for k, t in enumerate(times):
        east, north, speed, heading = at(t)
        table.update_frame(rsu_frame(t, [detection_row(east, north, speed, heading, position_sigma_m=0.3)], sequence=k, **how))


def test_three_hits_confirm_and_the_motion_is_the_objects(table):
    at = straight(0, -20, NORTH, 10)
    drive(table, [0.0, 0.1], at)
    assert len(table.view(seconds(0.1)).ids) == 0
    drive(table, [0.2], at)
    view = table.view(seconds(0.3))
    assert view.ids.tolist() == [1]
    assert view.motion[0, :3] == pytest.approx([0, -17, 10], abs=0.05)


def test_two_stations_at_one_instant_confirm_at_once(table):
    for station in ("a", "b"):
        table.update_frame(rsu_frame(0.0, [detection_row(5, 5, 8, 1.0)], station=station))
    assert len(table.view(seconds(0.01)).ids) == 1


def test_silence_ends_a_track_at_its_deadline(table):
    drive(table, np.arange(30) / 10, straight(0, -20, NORTH, 10))
    deadline = table.next_deadline_ns()
    assert seconds(2.9 + 0.3) < deadline <= seconds(2.9 + 2.5)
    assert table.expire(deadline - 1).tolist() == []
    assert len(table.view(deadline - 800_000_000).ids) == 1
    assert table.expire(deadline).tolist() == [1]
    assert table.next_deadline_ns() > seconds(1e6)


def test_an_id_is_never_used_again(table):
    drive(table, [0.0, 0.1, 0.2], straight(0, 0, NORTH, 5))
    table.expire(seconds(10))
    drive(table, [10.0, 10.1, 10.2], straight(0, 0, NORTH, 5, start_s=10.0))
    assert table.view(seconds(10.2)).ids.tolist() == [2]
    table.reset()
    drive(table, [20.0, 20.1, 20.2], straight(0, 0, NORTH, 5, start_s=20.0))
    assert table.view(seconds(20.2)).ids.tolist() == [3]


def test_an_object_behind_a_bus_for_a_second_and_a_half_keeps_its_id():
    user = User(straight(-40, 0, EAST_WARD, 8), hidden=lambda t: ("a", "b") if 4.0 < t < 5.5 else ())
    seen = set()
    score = play(Scene([user], noise=QUIET), TrackTable(FRAME), 9.0, on_view=lambda _, view: seen.update(view.ids.tolist()))
    assert len(seen) == 1
    assert score.coverage == 1.0


def test_where_tracks_always_end_silence_hides_them_soon():
    # one car every 3 s leaves at the same place; by then a lost car is not shown for two seconds any more
    users = [User(straight(-30, 0, EAST_WARD, 10, start_s=3.0 * k, end_s=3.0 * k + 5)) for k in range(12)]
    shown_after = []
    play(
        Scene(users, noise=QUIET),
        TrackTable(FRAME),
        42.0,
        on_view=lambda now, view: shown_after.append((now, view.motion[:, 0].max(initial=-99))),
    )
    late = [(now, east) for now, east in shown_after if now > 32 and east > 21]
    gone_s = 0.1 * len(late) / 3
    assert gone_s < 0.5


def test_clutter_alone_confirms_next_to_nothing():
    # 2 stations x 10 Hz x 60 s x 0.5 false objects, over 180 m x 180 m: 600 false objects
    shown = []
    play(Scene([], noise=Noise(clutter=0.5)), TrackTable(FRAME), 60.0, on_view=lambda _, view: shown.append(len(view.ids)))
    assert sum(shown) * 0.1 < 1.0  # track-seconds


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.04])
def test_a_second_station_with_equal_or_earlier_stamps_loses_nothing(table, delay_s):
    first, second = straight(0, -20, NORTH, 10), straight(30, -20, NORTH, 10)
    for k in range(20):
        t = 0.1 + k * 0.1
        rows = [detection_row(*first(t)), detection_row(*second(t))]
        assert table.update_frame(rsu_frame(t, rows, station="a", sequence=k))[Verdict.ACCEPTED] == 2
        early = t - delay_s
        rows = [detection_row(*first(early)), detection_row(*second(early)), detection_row(60 + 0.001 * k, 0, 0.0, 1.0)]
        assert table.update_frame(rsu_frame(early, rows, station="b", sequence=k, received_s=t))[Verdict.ACCEPTED] == 3
    view = table.view(seconds(2.0))
    assert sorted(view.ids.tolist()) == [1, 2, 3]
    by_east = view.motion[np.argsort(view.motion[:, 0])]
    assert by_east[:, 0] == pytest.approx([0, 30, 60.02], abs=0.15)
    assert by_east[:2, 1] == pytest.approx([0, 0], abs=0.15)


@pytest.mark.parametrize("late_s", [0.05, 0.1, 0.3, 0.49])
def test_a_late_frame_leaves_tracks_unharmed_and_is_used(late_s):
    at = turning(0, -30, NORTH, 8, 1.5, 15, np.pi / 2)
    punctual, late = TrackTable(FRAME), TrackTable(FRAME)
    times = np.arange(30) / 10
    drive(punctual, times, at)
    held = 20 - round(late_s * 10)
    for k, t in enumerate(times):
        if k != held:
            drive(late, [t], at)
        if k == 20:
            row = detection_row(*at(times[held]), position_sigma_m=0.3)
            frame = rsu_frame(times[held], [row], sequence=99, received_s=times[held] + late_s)
            assert late.update_frame(frame)[Verdict.ACCEPTED] == 1
    a, b = punctual.view(seconds(2.9)), late.view(seconds(2.9))
    assert b.ids.tolist() == [1]
    assert np.abs(a.motion - b.motion).max() < 0.05


def test_late_information_sharpens_as_much_as_punctual_information():
    # the same detection at its moment or 100 ms late: the variances may differ by what happened in between only
    def sigma(order):
        table = TrackTable(FRAME)
        for t in order:
            row = detection_row(0, 10 * t, 10.0, 0.0, position_sigma_m=0.3)
            table.update_frame(rsu_frame(t, [row], sequence=round(t * 100), station="ab"[round(t * 100) % 10 // 5], received_s=max(t, 0.6)))
        return table.view(seconds(0.6)).sigma[0, 0]

    assert sigma([0.3, 0.4, 0.45, 0.5, 0.55, 0.6]) == pytest.approx(sigma([0.3, 0.4, 0.5, 0.6, 0.45, 0.55]), rel=0.03)


def test_a_duplicate_frame_changes_nothing(table):
    drive(table, np.arange(10) / 10, straight(0, 0, NORTH, 10))
    before = table.snapshot()
    assert table.update_frame(rsu_frame(0.9, [detection_row(0, 9, 10, 0.0)], sequence=9)) == {Verdict.DUPLICATE: 1}
    assert_same(before, table.snapshot())


def test_stale_frames_and_wrong_clocks_are_counted_and_ignored(table):
    drive(table, np.arange(10) / 10, straight(0, 0, NORTH, 10))
    row = [detection_row(40, 40, 5, 0.0)]
    assert table.update_frame(rsu_frame(0.2, row, sequence=50, received_s=0.9)) == {Verdict.STALE: 1}
    assert table.update_frame(rsu_frame(61.0, row, sequence=51, received_s=1.0)) == {Verdict.CLOCK_JUMP: 1}
    assert len(table) == 1


def test_parts_of_one_scene_in_several_frames_are_several_objects(table):
    # at most 16 participants in one message: two messages of one stamp are one scene, its objects 0.6 m apart are two
    for k in range(6):
        t = k * 0.1
        for part in (0, 1):
            row = detection_row(0.6 * part, 1.4 * t, 1.4, NORTH, position_sigma_m=0.2)
            table.update_frame(rsu_frame(t, [row], sequence=2 * k + part, local_ids=[part], classes=[ObjectClass.PEDESTRIAN]))
    assert len(table.view(seconds(0.5)).ids) == 2


@pytest.mark.parametrize("seed", range(5))
def test_due_north_with_heading_noise_does_not_turn(seed):
    rng, table, rates, headings = np.random.default_rng(seed), TrackTable(FRAME), [], []
    for k in range(60):
        t = k * 0.1
        row = detection_row(
            rng.normal(0, 0.3),
            -40 + 12 * t + rng.normal(0, 0.3),
            12.0,
            np.radians(rng.normal(0, 0.3)) % (2 * np.pi),
            position_sigma_m=0.3,
            heading_sigma_rad=0.005,
        )
        table.update_frame(rsu_frame(t, [row], sequence=k))
        view = table.view(seconds(t))
        if k > 10:
            rates.append(view.motion[0, 4])
            headings.append((view.motion[0, 3] + np.pi) % (2 * np.pi) - np.pi)
    assert np.abs(rates).max() < np.radians(4)
    assert np.abs(headings).max() < np.radians(1.0)


@pytest.mark.parametrize("says_heading", [True, False])
def test_a_parked_car_stays_parked(says_heading):
    speeds, headings = [], []
    for seed in range(20):
        rng, table = np.random.default_rng(seed), TrackTable(FRAME)
        for k in range(80):
            place = rng.normal(0, 0.3, 2)
            row = detection_row(
                *place,
                abs(rng.normal(0, 0.1)) if says_heading else np.nan,
                1.0 + rng.normal(0, 0.035) if says_heading else np.nan,
                position_sigma_m=0.3,
            )
            table.update_frame(rsu_frame(k * 0.1, [row], sequence=k))
            view = table.view(seconds(k * 0.1))
            if k > 10 and len(view.ids):
                speeds.append(abs(view.motion[0, 2]))
                headings.append(view.motion[0, 3])
    assert np.max(speeds) < (0.5 if says_heading else 1.5)
    if says_heading:
        assert np.abs(np.array(headings) - 1.0).max() < 0.3


def test_an_object_without_speed_and_heading_gets_both_from_its_positions(table):
    rng = np.random.default_rng(1)
    for k in range(40):
        place = np.array([0.8, 0.6]) * 12 * k * 0.1 + rng.normal(0, 0.2, 2)
        table.update_frame(rsu_frame(k * 0.1, [detection_row(*place, position_sigma_m=0.2)], sequence=k))
    view = table.view(seconds(3.9))
    assert len(table) == 1
    assert view.motion[0, 2] == pytest.approx(12, abs=0.7)
    assert view.motion[0, 3] == pytest.approx(np.arctan2(0.8, 0.6), abs=0.1)


def test_braking_is_seen_and_a_stand_is_predicted_to_last(table):
    at = along(stop_and_go(12, 1.0, 5.0, deceleration=4.0), 0, -30, NORTH)
    drive(table, np.arange(25) / 10, at)
    assert table.view(seconds(2.4)).motion[0, 5] == pytest.approx(-4.0, abs=1.0)
    drive(table, np.arange(25, 60) / 10, at)
    view = table.view(seconds(6.9))
    assert abs(view.motion[0, 2]) < 0.1
    assert view.motion[0, 1] == pytest.approx(at(6.0)[1], abs=0.2)


def test_a_lane_change_in_one_step_keeps_the_id(table):
    for k in range(20):
        t = k * 0.1
        row = detection_row(3.2 if k >= 10 else 0.0, 10 * t, 10, NORTH, position_sigma_m=0.3)
        table.update_frame(rsu_frame(t, [row], sequence=k))
    assert len(table) == 1
    assert table.view(seconds(1.9)).motion[0, 0] == pytest.approx(3.2, abs=0.3)


@pytest.mark.parametrize(
    ("status", "satellites", "doubted"),
    [(FixStatus.RTK_FIXED, 15, True), (FixStatus.SINGLE, None, True), (FixStatus.RTK_FLOAT, 15, False), (FixStatus.RTK_FIXED, 9, False)],
)
def test_the_fixes_of_a_narrow_sky_say_nothing_of_the_wheels(table, status, satellites, doubted):
    """The wheels stand while the fixes go on at 10 m/s; only from some receivers is that the vehicle's own motion."""
    own = OwnPosition(0.0, 0.0, 0.5, 2.0, alert=False)
    faults = []
    for step in range(60):
        sample = motion_sample(step / 10, detection_row(float(step), 0.0, 0.0, position_sigma_m=0.5), sequence=step)
        table.update_motion([replace(sample, fix_status=status, satellites=satellites)], lambda *_: own)
        faults += table.take_faults()
    assert any(fault.quantity == "speed" and not fault.cleared for fault in faults) is doubted
    assert table.doubts_speed("v") is doubted
