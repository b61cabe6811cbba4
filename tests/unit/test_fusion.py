"""The fusion core in situations with a known answer: good drives, wrong sources, late samples, losses and returns."""

import numpy as np
import pytest

from positioning import _fusion
from positioning.fusion import FusionConfig, FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import Kind, MeasurementBatch
from positioning.samples import FixStatus, Verdict
from tests.fusion_scenes import START_NS, TICK_NS, ZONE, anchors, batch, drive, fix, ran

BOTH = pytest.mark.parametrize("engine", [FusionEngine, FusionTwin])


def without(*kinds):
    return lambda rows: [row for row in rows if row[0] not in kinds]


@BOTH
def test_a_good_drive_is_followed_within_a_decimetre_and_without_alert(engine):
    scored = ran(engine(1, ZONE), drive(15))
    assert np.max(scored[50:, 0]) < 0.15
    assert np.all(scored[50:, 0] < scored[50:, 1])
    assert not scored[:, 2].any()


def test_heading_and_speed_are_those_of_the_drive():
    engine = FusionEngine(1, ZONE)
    for now, truth, rows in drive(15):  # noqa: B007  # the last is compared
        engine.ingest(batch(rows))
        places = engine.step(now)
    assert abs((places.heading_rad[0] - truth[2] + np.pi) % (2 * np.pi) - np.pi) < 0.03
    assert abs(places.speed_mps[0] - 10) < 0.1
    assert places.sources[0] == 1 << Kind.WHEEL_SPEED | 1 << Kind.YAW_RATE | 1 << Kind.FIX | 1 << Kind.VELOCITY


def test_ranges_carry_a_vehicle_without_fixes():
    drop = without(Kind.FIX, Kind.VELOCITY, Kind.YAW_RATE)
    change = lambda tick, rows: drop(rows) if tick > 100 else rows  # noqa: E731  # two engines, one change
    blind = ran(FusionEngine(1, ZONE), drive(40), change)
    ranged = ran(FusionEngine(1, ZONE, FusionConfig(), anchors()), drive(40, ranges=True), change)
    assert ranged[-1, 0] < 3 < blind[-1, 1]
    assert np.all(ranged[20:, 0] < ranged[20:, 1])


BAD = {
    "not a number": ((Kind.FIX, START_NS, START_NS, [np.nan, 0.0, 0.0, 5, 15, 1.0, 0.1]), Verdict.OUT_OF_RANGE),
    "no fix at all": ((Kind.FIX, START_NS, START_NS, fix(0, 0, FixStatus.NONE)), Verdict.OUT_OF_RANGE),
    "infinite speed": ((Kind.WHEEL_SPEED, START_NS, START_NS, [np.inf]), Verdict.OUT_OF_RANGE),
    "an unknown anchor": ((Kind.RANGE, START_NS, START_NS, [50.0, 99]), Verdict.OUT_OF_RANGE),
    "an unknown kind": ((77, START_NS, START_NS, [1.0]), Verdict.MALFORMED),
    "a pseudorange without a satellite": ((Kind.PSEUDORANGE, START_NS, START_NS, [2e7]), Verdict.OUT_OF_RANGE),
    "too late": ((Kind.YAW_RATE, START_NS, START_NS + 201_000_000, [0.1]), Verdict.STALE),
    "of the future": ((Kind.YAW_RATE, START_NS + 2_000_000_000, START_NS, [0.1]), Verdict.CLOCK_JUMP),
}


@BOTH
@pytest.mark.parametrize(("row", "verdict"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_used_is_counted(engine, row, verdict):
    assert engine(1, ZONE, FusionConfig(), anchors()).ingest(batch([row])) == {verdict: 1}


@BOTH
def test_time_that_goes_backwards_is_refused(engine):
    engine = engine(1, ZONE)
    ran(engine, drive(3))
    earlier = START_NS + 1_000_000_000
    assert engine.ingest(batch([(Kind.WHEEL_SPEED, earlier, earlier, [5.0])])) == {Verdict.STALE: 1}


@BOTH
def test_more_vehicles_than_there_is_room_for_are_counted(engine):
    engine = engine(2, ZONE)
    verdicts = [engine.ingest(batch([(Kind.FIX, START_NS, START_NS, fix(0, 0))], vehicle=i * 1_000_003)) for i in range(3)]
    assert verdicts == [{Verdict.ACCEPTED: 1}, {Verdict.ACCEPTED: 1}, {Verdict.QUEUE_FULL: 1}]
    assert engine.step(START_NS).id.tolist() == [0, 1_000_003]


def test_a_restored_engine_goes_on_exactly():
    first, second = (FusionEngine(3, ZONE, FusionConfig(), anchors()) for _ in range(2))
    for tick, (now, _, rows) in enumerate(drive(12, ranges=True)):
        if tick == 60:
            second.restore(first.snapshot())
        for engine in (first, second) if tick >= 60 else (first,):
            engine.ingest(batch(rows))
            places = engine.step(now)
    assert places.east_m.tolist() == first.step(now).east_m.tolist()
    assert np.array_equal(first.snapshot()["vehicles"], second.snapshot()["vehicles"])


def test_a_snapshot_of_another_engine_is_refused():
    with pytest.raises(ValueError, match="another engine"):
        FusionEngine(3, ZONE).restore(FusionEngine(300, ZONE).snapshot())


def test_a_position_between_samples_is_carried_forward():
    engine = FusionEngine(1, ZONE)
    for now, _, rows in drive(10):  # noqa: B007  # the last is stepped to
        engine.ingest(batch(rows))
    here, ahead = engine.step(now), engine.step(now + 5 * TICK_NS)
    assert np.hypot(ahead.east_m[0] - here.east_m[0], ahead.north_m[0] - here.north_m[0]) == pytest.approx(5.0, abs=0.1)
    assert ahead.protection_level_m[0] > here.protection_level_m[0]


def test_a_vehicle_needs_six_kilobytes_at_most():
    beside = FusionEngine(10_000, ZONE).snapshot()
    assert _fusion.SIZES["vehicle"] + (beside["slots"].nbytes + beside["heard_ns"].nbytes) / 10_000 <= 6000
    assert _fusion.SIZES["filter"] <= 400


@pytest.mark.parametrize("wrong", [{"late_s": 2.0}, {"gnss_time_s": 0.0}, {"gyro": np.nan}, {"slip": -1.0}])
def test_a_configuration_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"field|late_s"):
        FusionConfig(**wrong)


def test_columns_of_a_wrong_type_are_refused():
    with pytest.raises(ValueError, match="wanted"):
        MeasurementBatch(np.zeros(1), *(np.zeros(1, dtype=np.int64) for _ in range(3)), np.zeros((1, 8)))
