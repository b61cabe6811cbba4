"""Bad input, bounds, snapshots and faults of sources."""

import numpy as np
import pytest

from positioning import _tracks
from positioning.samples import ObjectClass, Verdict
from positioning.track_arrays import MAX_SOURCES, MAX_TRACKS, TrackArrays
from positioning.track_columns import NUMBERS, TRUST_STEPS, Link, LinkMark, Mark, Number, Profile, Trust
from positioning.tracks import FAR_AWAY_NS, TrackerConfig, TrackTable
from tests.track_scenes import (
    FRAME,
    Noise,
    Scene,
    Station,
    User,
    along,
    assert_same,
    detection_row,
    play,
    rsu_frame,
    seconds,
    stop_and_go,
    straight,
    traffic,
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


def test_columns_are_those_of_the_kernel():
    assert {
        "marks": len(Mark),
        "numbers": NUMBERS,
        "links": len(Link),
        "link_marks": len(LinkMark),
        "profile": len(Profile),
        "detection": 15,
        "events": 7,
        "exit_cells": 64,
        "votes": Number.VOTES,
        "trust_steps": [int(step) for trust in Trust for step in TRUST_STEPS[trust]],
    } == _tracks.LAYOUT


def test_positions_that_are_none_are_counted_and_touch_no_neighbour(table):
    for k in range(5):
        rows = [
            detection_row(0, k, 10, NORTH),
            detection_row(np.nan, 0, 5, 0.0),
            detection_row(5_000, 0, 5, 0.0),
            detection_row(30, k, 10, NORTH),
        ]
        verdicts = table.update_frame(rsu_frame(k * 0.1, rows, sequence=k))
        assert verdicts == {Verdict.ACCEPTED: 2, Verdict.OUT_OF_RANGE: 1, Verdict.OUT_OF_AREA: 1}
    view = table.view(seconds(0.4))
    assert len(view.ids) == 2
    assert np.isfinite(view.motion).all()


def test_an_empty_frame_is_nothing(table):
    assert sum(table.update_frame(rsu_frame(0.0, [])).values()) == 0
    assert table.update_motion([]) == {}
    assert len(table.view(seconds(0.0)).ids) == 0


def test_the_table_is_bounded_and_the_longest_silent_go_first(table):
    for k in range(MAX_TRACKS // 500 + 2):
        rows = [detection_row(-800 + 3 * i, 10 * k - 100, 0.0, 0.0) for i in range(500)]
        table.update_frame(rsu_frame(k * 0.001, rows, sequence=k, station=f"s{k}"))
    assert len(table) <= MAX_TRACKS
    newest = table.snapshot()["tracks.marks"][:, Mark.HIT_NS].max()
    assert newest == seconds((MAX_TRACKS // 500 + 1) * 0.001)


def test_one_station_too_many_is_refused(table):
    for k in range(MAX_SOURCES - 1):
        assert table.update_frame(rsu_frame(0.0, [detection_row(3 * k, 0, 0.0, 0.0)], station=f"s{k}")) == {Verdict.ACCEPTED: 1}
    assert table.update_frame(rsu_frame(0.0, [detection_row(0, 0, 0.0, 0.0)], station="one more")) == {Verdict.RATE_LIMITED: 1}


def test_class_is_voted_and_one_wild_size_hardly_counts(table):
    for k in range(20):
        kind = ObjectClass.CAR if k == 5 else ObjectClass.BUS
        row = detection_row(0, 0.5 * k, 5, NORTH, length_m=40.0 if k == 10 else 12.0, width_m=2.5)
        table.update_frame(rsu_frame(k * 0.1, [row], sequence=k, classes=[kind]))
    view = table.view(seconds(1.9))
    assert view.classes.tolist() == [ObjectClass.BUS]
    assert view.size_m[0] == pytest.approx([12.0, 2.5], abs=0.4)


def test_the_next_deadline_is_the_first_tracks_end(table):
    assert table.next_deadline_ns() == FAR_AWAY_NS
    feed(table, busy_scene())
    ends_ns = table._arrays.marks[: len(table), Mark.END_NS].copy()
    assert table.next_deadline_ns() == ends_ns.min()
    assert not len(table.expire(int(ends_ns.min()) - 1))
    assert len(table.expire(int(ends_ns.min()))) == np.sum(ends_ns == ends_ns.min())


def test_updated_marks_what_was_touched_since_the_last_view(table):
    drive(table, [0.0, 0.1, 0.2], straight(0, 0, NORTH, 10))
    assert table.view(seconds(0.2)).updated.tolist() == [1]
    assert table.view(seconds(0.25)).updated.tolist() == [0]
    drive(table, [0.3], straight(0, 0, NORTH, 10))
    assert table.view(seconds(0.3)).updated.tolist() == [1]


def busy_scene(seed=5):
    users = traffic(connected=True) + [User(straight(0.8 * k, -10, NORTH, 1.4), kind=ObjectClass.PEDESTRIAN) for k in range(4)]
    return Scene(users, [Station("a", (0.2, 0, 0.005)), Station("b", (-0.2, 0, -0.005), 0.05)], seed=seed).events(12.0)


def feed(table, events):
    for received_s, sample in events:
        table.expire(seconds(received_s))
        if hasattr(sample, "station"):
            table.update_frame(sample)
        else:
            table.update_motion([sample])


def test_same_inputs_give_the_same_arrays_bit_for_bit():
    tables = TrackTable(FRAME), TrackTable(FRAME)
    for table in tables:
        feed(table, busy_scene())
    assert_same(tables[0].snapshot(), tables[1].snapshot())


def test_a_restored_table_goes_on_exactly_as_the_other(tmp_path):
    events = busy_scene()
    whole, first, second = TrackTable(FRAME), TrackTable(FRAME), TrackTable(FRAME)
    feed(whole, events)
    feed(first, events[: len(events) // 2])
    np.savez(tmp_path / "state.npz", **first.snapshot())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as kept:
        second.restore(dict(kept))
    feed(second, events[len(events) // 2 :])
    assert_same(whole.snapshot(), second.snapshot())
    for one, other in zip(whole.take_faults(), second.take_faults(), strict=True):
        assert one == other


def test_a_snapshot_beyond_the_bounds_is_refused(table):
    state = table.snapshot()
    state["tracks.motion"] = np.zeros((MAX_TRACKS + 1, 6))
    with pytest.raises(ValueError, match="beyond"):
        table.restore(state)


def test_the_kernel_refuses_arrays_of_another_shape():
    arrays = TrackArrays.empty()
    arrays.marks = arrays.marks[:, :-1].copy()
    with pytest.raises(ValueError, match="layout"):
        arrays.kernel(0)


def test_a_frozen_speed_of_a_stations_object_is_told_once_and_once_when_it_is_over(table):
    faults = []
    for k in range(80):
        t = k * 0.1
        reported = 3.0 if k < 40 else 15.0
        table.update_frame(rsu_frame(t, [detection_row(0, 15 * t - 50, reported, NORTH, position_sigma_m=0.3)], sequence=k, local_ids=[7]))
        faults += table.take_faults()
        if k > 12:
            assert table.view(seconds(t)).motion[0, 2] == pytest.approx(15, abs=3.0)
    assert [(fault.source, fault.subject, fault.quantity, fault.cleared) for fault in faults] == [
        ("a", "7", "speed", False),
        ("a", "7", "speed", True),
    ]


def test_a_heading_that_points_elsewhere_is_told(table):
    faults = []
    for k in range(30):
        t = k * 0.1
        table.update_frame(rsu_frame(t, [detection_row(0, 10 * t, 10, EAST_WARD, position_sigma_m=0.2)], sequence=k))
        faults += table.take_faults()
    assert [(fault.quantity, fault.cleared) for fault in faults] == [("heading", False)]
    assert np.cos(table.view(seconds(2.9)).motion[0, 3]) > 0.95


def test_honest_traffic_is_never_blamed():
    users = [
        *traffic(),
        User(turning(0, -40, NORTH, 7, 3, 8, np.pi / 2)),
        User(along(stop_and_go(14, 1.0, 1.0, deceleration=7.0), 20, -40, NORTH)),
        User(turning(5, -10, NORTH, 1.4, 3, 0.5, np.pi), kind=ObjectClass.PEDESTRIAN),
    ]
    table = TrackTable(FRAME)
    play(Scene(users), table, 25.0)
    assert table.take_faults() == []


def test_config_bounds_the_area():
    table = TrackTable(FRAME, TrackerConfig(radius_m=50.0))
    assert table.update_frame(rsu_frame(0.0, [detection_row(60, 0, 1.0, 0.0)])) == {
        Verdict.OUT_OF_AREA: 1,
        Verdict.ACCEPTED: 0,
        Verdict.OUT_OF_RANGE: 0,
    }
