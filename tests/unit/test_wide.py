"""Vehicles placed by pseudoranges, in situations with a known answer: cold starts, set clocks, losses, and whose vehicle it is."""

from dataclasses import replace

import numpy as np
import pytest

from positioning.fusion import FusionConfig, FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import Kind
from positioning.samples import Verdict
from positioning.wide import WideConfig
from tests.fusion_scenes import ANCHORS_ENU, START_NS, ZONE, anchors, batch, fix, ran
from tests.wide_scenes import CONFIG, GALILEO, GLONASS, GPS, drive

BOTH = pytest.mark.parametrize("engine", [FusionEngine, FusionTwin])


@BOTH
def test_a_cold_start_needs_nothing_but_one_epoch_and_is_followed_honestly(engine):
    scored = ran(engine(1, ZONE, CONFIG), drive(20))
    assert not np.isnan(scored).any()
    assert np.median(scored[50:, 0]) < 10
    assert np.all(scored[:, 0] < scored[:, 1])
    assert not scored[:, 2].any()


@pytest.mark.parametrize("seed", range(6))
def test_any_sky_ends_with_the_right_course_and_speed(seed):
    engine = FusionEngine(1, ZONE, CONFIG)
    skies = (GPS, GLONASS), (GPS, GLONASS, GALILEO)
    for now, truth, rows in drive(40, seed, standing=seed * 5, systems=skies[seed % 2]):  # noqa: B007  # the last is compared
        engine.ingest(batch(rows))
        places = engine.step(now)
    assert np.hypot(places.east_m[0] - truth[0], places.north_m[0] - truth[1]) < places.protection_level_m[0] < 60
    assert abs((places.heading_rad[0] - truth[2] + np.pi) % (2 * np.pi) - np.pi) < 0.2
    assert abs(places.speed_mps[0] - 8) < 0.3
    assert places.sources[0] == 1 << Kind.WHEEL_SPEED | 1 << Kind.YAW_RATE | 1 << Kind.PSEUDORANGE


def test_without_wheel_and_gyro_the_signals_alone_carry():
    scored = ran(FusionEngine(1, ZONE, CONFIG), drive(60), lambda _, rows: [row for row in rows if row[0] == Kind.PSEUDORANGE])
    assert np.median(scored[150:, 0]) < 15
    assert np.mean(scored[:, 0] > scored[:, 1]) < 0.02


@BOTH
def test_a_receiver_that_sets_its_clock_by_a_millisecond_is_followed(engine):
    scored = ran(engine(1, ZONE, CONFIG), drive(24, clock_step=lambda tick: 299_792.458 if tick >= 60 else 0.0))
    assert np.max(scored[61:, 0]) < 20
    assert np.all(scored[:, 0] < scored[:, 1])


def test_the_turn_of_the_earth_is_taken_from_the_sources_word():
    told = FusionConfig(wide=WideConfig(sagnac_applied=True))
    right, wrong = (ran(FusionEngine(1, ZONE, config), drive(20, speed=3.0)) for config in (FusionConfig(), told))
    assert np.median(wrong[50:, 0]) > np.median(right[50:, 0]) + 10


def test_four_signals_place_nobody():
    few = lambda _, rows: [row for row in rows if row[0] != Kind.PSEUDORANGE or row[3][7] <= 4]  # noqa: E731  # too short to be named
    assert np.isnan(ran(FusionEngine(1, ZONE, CONFIG), drive(4), few)[:, 0]).all()


def test_ten_minutes_without_any_source_are_survived():
    def change(tick, rows):
        return [] if 100 <= tick < 3100 else rows

    scored = ran(FusionEngine(1, ZONE, CONFIG), drive(650), change)
    assert scored[3099, 2]  # nothing is known any more, and that is said
    assert np.max(scored[3150:, 0]) < 60
    assert np.all(scored[3150:, 0] < scored[3150:, 1])


def test_signals_that_all_lie_alarm_within_two_seconds():
    def change(tick, rows):
        shift = np.linspace(-800, 800, 16) if tick >= 100 else np.zeros(16)
        return [row if row[0] != Kind.PSEUDORANGE else (*row[:3], [row[3][0] + shift[row[3][7] - 1], *row[3][1:]]) for row in rows]

    scored = ran(FusionEngine(1, ZONE, CONFIG), drive(26), change)
    assert not scored[50:100, 2].any()
    assert scored[100:110, 2].any()


def apart_m(truth):
    return np.sqrt(((ANCHORS_ENU - truth[:2]) ** 2).sum(axis=1) + 8.5**2)


ANCHORED = {
    Kind.RANGE: lambda truth: [[far, anchor] for anchor, far in enumerate(apart_m(truth))],
    Kind.TDOA: lambda truth: [[far - apart_m(truth)[0], anchor + 1, 0] for anchor, far in enumerate(apart_m(truth)[1:])],
    Kind.ANGLE_OF_ARRIVAL: lambda truth: [[np.arctan2(*away), 0.01, anchor] for anchor, away in enumerate(truth[:2] - ANCHORS_ENU)],
}


@BOTH
@pytest.mark.parametrize("kind", ANCHORED)
def test_what_anchors_measure_makes_it_surer_and_nearer(engine, kind):
    def ranged(scene):
        for now, truth, rows in scene:
            yield now, truth, rows + [(kind, now, now, values) for values in ANCHORED[kind](truth)]

    alone, helped = ran(engine(1, ZONE, CONFIG), drive(16)), ran(engine(1, ZONE, CONFIG, anchors()), ranged(drive(16)))
    assert np.all(np.median(helped[40:, :2], axis=0) < np.median(alone[40:, :2], axis=0))
    assert np.all(helped[40:, 0] < helped[40:, 1])


@BOTH
def test_pseudoranges_beside_fused_fixes_are_duplicates(engine):
    engine = engine(1, ZONE, CONFIG)
    now, truth, rows = next(drive(1))
    signals = [row for row in rows if row[0] == Kind.PSEUDORANGE]
    assert engine.ingest(batch([(Kind.FIX, now, now, fix(*truth[:2])), *signals])) == {Verdict.ACCEPTED: 1, Verdict.DUPLICATE: len(signals)}
    assert engine.step(now).sources[0] == 1 << Kind.FIX


@BOTH
def test_a_fix_takes_the_vehicle_to_the_bank(engine):
    engine = engine(3, ZONE, CONFIG)
    for tick, (now, truth, rows) in enumerate(drive(6)):
        engine.ingest(batch(rows, vehicle=7))
        if tick == 20:
            engine.ingest(batch([(Kind.FIX, now, now, fix(*truth[:2]))], vehicle=7))
        places = engine.step(now)
        assert places.id.tolist() == [7]
        assert bool(places.sources[0] >> Kind.PSEUDORANGE & 1) == (tick < 20)
    assert engine.forget([7]) == 1
    assert engine.step(now).id.tolist() == []


def test_vehicles_of_both_kinds_leave_in_one_answer():
    engine = FusionEngine(4, ZONE, CONFIG)
    for now, truth, rows in drive(2):
        engine.ingest(batch(rows, vehicle=1))
        engine.ingest(batch([(Kind.FIX, now, now, fix(*truth[:2]))], vehicle=2))
        places = engine.step(now)
    assert sorted(places.id.tolist()) == [1, 2]
    assert len(places.covariance) == len(places.alert) == len(places.protection_level_m) == 2


@pytest.mark.parametrize("at", [0, 3, 60])
def test_snapshot_and_restore_continue_to_the_bit(at):
    first, second = (FusionEngine(2, ZONE, CONFIG, anchors()) for _ in range(2))
    for tick, (now, _, rows) in enumerate(drive(20)):
        if tick == at:
            second.restore(first.snapshot())
        for engine in (first, second) if tick >= at else (first,):
            engine.ingest(batch(rows))
            places = engine.step(now)
    assert places.east_m.tolist() == first.step(now).east_m.tolist()
    assert places.covariance.tolist() == first.step(now).covariance.tolist()


def test_more_of_them_than_there_is_room_for_are_counted():
    engine = FusionEngine(5, ZONE, replace(CONFIG, wide=WideConfig(capacity=1)))
    _, _, rows = next(drive(1))
    signals = batch([row for row in rows if row[0] == Kind.PSEUDORANGE])
    assert engine.ingest(signals) == {Verdict.ACCEPTED: len(signals.kind)}
    signals.vehicle[:] = 1
    assert engine.ingest(signals) == {Verdict.QUEUE_FULL: len(signals.kind)}
    assert engine.step(START_NS).id.tolist() == [0]


WRONG = {
    "a weak sign": [2e7, 2e7, 1e7, 1e7, -1.0, 0.5, 0, 3],
    "below the horizon": [2e7, 2e7, 1e7, 1e7, 40.0, -0.1, 0, 3],
    "an unknown system": [2e7, 2e7, 1e7, 1e7, 40.0, 0.5, 16, 3],
    "no satellite": [2e7, 2e7, 1e7, 1e7, 40.0, 0.5, 0, np.nan],
    "a satellite in the street": [2e7, -2.8e6, 4.6e6, 3.3e6, 40.0, 0.5, 0, 3],
    "no range": [np.nan, 2e7, 1e7, 1e7, 40.0, 0.5, 0, 3],
}


@BOTH
@pytest.mark.parametrize("values", WRONG.values(), ids=WRONG)
def test_signals_that_cannot_be_are_counted(engine, values):
    assert engine(1, ZONE).ingest(batch([(Kind.PSEUDORANGE, START_NS, START_NS, values)])) == {Verdict.OUT_OF_RANGE: 1}


@pytest.mark.parametrize("wrong", [{"capacity": 0}, {"pseudorange_los_m": 0.0}, {"clock": -1.0}, {"climb": np.nan}], ids=str)
def test_a_configuration_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"capacity|zero"):
        WideConfig(**wrong)
