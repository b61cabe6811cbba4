"""Sources of fixes: each in its own frame and epoch, and two services a constant apart."""

import numpy as np
import pytest

from positioning import gcj02
from positioning.fusion import FusionConfig, FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.geodesy import Datum, SourceFrame
from positioning.measurements import Kind
from positioning.samples import Verdict
from tests.fusion_scenes import START_NS, ZONE, anchors, batch, drive, fix, merged

BOTH = pytest.mark.parametrize("made", [FusionEngine, FusionTwin])
TODAY, SURVEY, MAP = SourceFrame(Datum.WGS84, 2026.0), SourceFrame(Datum.CGCS2000, 2000.0), SourceFrame(Datum.GCJ02, 2026.0)
SOURCE = 7  # column of a fix
APART_M = np.array([1.2, -0.8])
NEVER = (0.0, 0.0)


def one_fix(source, latitude, longitude):
    rows = batch([(Kind.FIX, START_NS, START_NS, fix(0, 0))])
    rows.values[0, [0, 1, SOURCE]] = latitude, longitude, source
    return rows


def placed(made, sources, source, latitude, longitude):
    engine = made(1, ZONE, sources=sources)
    assert engine.ingest(one_fix(source, latitude, longitude)) == {Verdict.ACCEPTED: 1}
    places = engine.step(START_NS)
    return np.array([places.east_m[0], places.north_m[0]])


@BOTH
def test_a_fix_is_brought_from_its_sources_frame_into_the_zones(made):
    here = ZONE.latitude_rad + 1e-5, ZONE.longitude_rad - 1e-5
    there = placed(made, (TODAY, SURVEY, MAP), 0, *here)
    shifted = gcj02.gcj02_from_geodetic(*here)
    assert np.hypot(*(placed(made, (TODAY, SURVEY, MAP), 2, *shifted) - there)) < 0.01
    assert np.hypot(*(placed(made, (TODAY, SURVEY, MAP), 0, *shifted) - there)) > 100  # as if it were not declared
    drifted = placed(made, (TODAY, SURVEY, MAP), 1, *here) - there  # the ground has moved since 2000.0, to the east and a little south
    assert 0.5 < np.hypot(*drifted) < 1.0
    assert drifted[0] > abs(drifted[1])


@BOTH
def test_the_zone_is_in_the_first_sources_epoch(made):
    here = ZONE.latitude_rad + 1e-5, ZONE.longitude_rad - 1e-5
    assert np.hypot(*(placed(made, (SURVEY, TODAY), 0, *here) - placed(made, (), np.nan, *here))) < 1e-6


@pytest.mark.parametrize("source", [-1.0, 3.0, 1e300, np.inf])
@BOTH
def test_a_source_that_was_not_declared_is_out_of_range(made, source):
    engine = made(1, ZONE, sources=(TODAY, SURVEY, MAP))
    assert engine.ingest(one_fix(source, ZONE.latitude_rad, ZONE.longitude_rad)) == {Verdict.OUT_OF_RANGE: 1}


@BOTH
def test_a_map_services_nonsense_is_no_place(made):
    engine = made(1, ZONE, sources=(MAP,))
    for value in (np.nan, np.inf, 1e300):
        assert engine.ingest(one_fix(0, value, ZONE.longitude_rad)) == {Verdict.OUT_OF_RANGE: 1}


def test_too_many_sources_are_refused():
    with pytest.raises(ValueError, match="sources"):
        FusionEngine(1, ZONE, sources=(TODAY,) * 17)


def with_second(rows, chance, offset, truth):
    """The drive's fixes, and as many of a second service that is `offset` (east, north) m from the first."""
    fixes = [(k, m, r, [*(truth[:2] + offset + chance.normal(0, 0.03, 2)), *v[2:], 1.0]) for k, m, r, v in rows if k == Kind.FIX]
    return rows + fixes


def drives(engine, count, seconds, offset_of, only_second=()):
    """-> errors east and north of the vehicles' last positions, m."""
    chance = np.random.default_rng(5)
    for moments in zip(*(drive(seconds, seed, turning=0.05 + 0.01 * seed) for seed in range(count)), strict=True):
        now, parts = moments[0][0], []
        for vehicle, (_, truth, rows) in enumerate(moments):
            both = with_second(rows, chance, offset_of(vehicle), truth)
            parts.append(batch([row for row in both if vehicle not in only_second or row[0] != Kind.FIX or len(row[3]) > SOURCE], vehicle))
        engine.ingest(merged(*parts))
        places = engine.step(now)
    truths = np.array([truth[:2] for _, truth, _ in moments])
    return np.column_stack([places.east_m, places.north_m])[np.argsort(places.id)] - truths


def found(engine, source=1):
    aligned = engine.alignments()
    return np.array([aligned.east_m[source], aligned.north_m[source]])


def test_a_second_service_metres_off_is_found_flagged_and_taken_off():
    engine = FusionEngine(10, ZONE, sources=(TODAY, TODAY))
    errors = drives(engine, 10, 180, lambda _: APART_M)
    assert np.hypot(*(found(engine) - APART_M)) < 0.1
    assert engine.alignments().sigma_m[1] < 0.1
    assert engine.alignments().flagged.tolist() == [False, True]
    assert np.hypot(*errors.mean(axis=0)) < 0.05
    assert np.hypot(*errors.T).max() < 0.2


def test_a_second_service_that_agrees_is_not_flagged():
    engine = FusionEngine(5, ZONE, sources=(TODAY, TODAY))
    drives(engine, 5, 60, lambda _: np.zeros(2))
    assert np.hypot(*found(engine)) < 0.1
    assert not engine.alignments().flagged.any()


@pytest.mark.parametrize("wrong_m", [2.0, 8.0, 500.0])
def test_one_vehicle_with_a_wrong_second_receiver_does_not_poison_it(wrong_m):
    engine = FusionEngine(10, ZONE, sources=(TODAY, TODAY))
    errors = drives(engine, 10, 120, lambda vehicle: APART_M + (np.array([0.0, wrong_m]) if vehicle == 0 else NEVER))
    assert np.hypot(*(found(engine) - APART_M)) < 0.15
    assert np.hypot(*errors[1:].T).max() < 0.2


def test_vehicles_that_only_the_second_service_places_teach_nothing():
    engine = FusionEngine(3, ZONE, sources=(TODAY, TODAY))
    drives(engine, 3, 30, lambda _: APART_M, only_second=(0, 1, 2))
    assert found(engine).tolist() == [0.0, 0.0]
    assert engine.alignments().sigma_m[1] == pytest.approx(3.0)


def test_what_was_learnt_serves_a_vehicle_that_only_the_second_service_places():
    engine = FusionEngine(10, ZONE, sources=(TODAY, TODAY))
    errors = drives(engine, 10, 120, lambda _: APART_M, only_second=(0,))
    assert np.hypot(*errors[0]) < 0.25


def test_twins_learn_the_same_and_a_restored_engine_goes_on_exactly():
    engines = [made(2, ZONE, FusionConfig(), anchors(), (TODAY, TODAY)) for made in (FusionEngine, FusionTwin)]
    for engine in engines:
        drives(engine, 2, 20, lambda _: APART_M)
    assert found(engines[0]) == pytest.approx(found(engines[1]), rel=1e-9)
    assert engines[0].alignments().sigma_m == pytest.approx(engines[1].alignments().sigma_m, rel=1e-9)
    restored = FusionEngine(2, ZONE, FusionConfig(), anchors(), (TODAY, TODAY))
    restored.restore(engines[0].snapshot())
    assert found(restored).tolist() == found(engines[0]).tolist()
