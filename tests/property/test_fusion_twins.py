"""The fusion kernel and its NumPy twin: equal over random and hostile sequences, in any order of arrival; covariances always sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from positioning.fusion import FusionConfig, FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.geodesy import Datum, SourceFrame
from positioning.measurements import Kind
from tests.fusion_scenes import START_NS, ZONE, anchors, batch, drive, fix

FIELDS = ("east_m", "north_m", "heading_rad", "speed_mps", "covariance", "protection_level_m")
SOURCES = (SourceFrame(Datum.WGS84, 2026.0), SourceFrame(Datum.WGS84, 2026.0))


def same(one, other):
    assert one.id.tolist() == other.id.tolist()
    for name in FIELDS:
        a, b = getattr(one, name), getattr(other, name)
        if name == "heading_rad":
            a, b = np.sin(a - b), np.zeros(len(b))
        scale = np.maximum(1.0, np.abs(b).max(initial=0)) if name == "covariance" else np.maximum(1.0, np.abs(b))
        assert np.max(np.abs(a - b) / scale, initial=0) < 1e-9, name
    assert one.alert.tolist() == other.alert.tolist()
    assert one.sources.tolist() == other.sources.tolist()


def sound(places):
    for matrix in places.covariance:
        assert np.all(np.isfinite(matrix))
        assert np.allclose(matrix, matrix.T, rtol=1e-9)
        assert np.linalg.eigvalsh(matrix)[0] > -1e-9 * max(1.0, matrix.max())


def spoilt(seed, seconds=12):
    """A drive with every kind of measurement, wrong fixes, lost sources and samples that arrive late."""
    chance = np.random.default_rng(seed)
    lost = chance.choice([Kind.WHEEL_SPEED, Kind.YAW_RATE, Kind.FIX, Kind.VELOCITY, 0])
    for tick, (now, truth, rows) in enumerate(drive(seconds, seed, ranges=bool(chance.random() < 0.6))):
        if tick % 4 == 0:
            rows.append((Kind.HEADING, now, now, [truth[2] + chance.normal(0, 0.02), 0.02]))
            rows.append((Kind.LANE, now, now, [truth[0] + chance.normal(0, 0.3), truth[1], truth[2], 0.5]))
        if tick % 6 == 0:
            rows.append((Kind.ROADSIDE_DETECTION, now, now, [*(truth[:2] + chance.normal(0, 0.5, 2)), 0.5]))
            rows.append((Kind.ANGLE_OF_ARRIVAL, now, now, [chance.uniform(0, 6), 0.02, 1]))
            rows.append((Kind.TDOA, now, now, [chance.normal(0, 50), 0, 2]))
        status, satellites = chance.choice([0, 2, 3, 4, 5]), chance.integers(4, 20)
        if chance.random() < 0.5:
            rows.append((Kind.FIX, now - 20_000_000, now, fix(*(truth[:2] + chance.normal(0, 1, 2)), status, satellites)))
        if chance.random() < 0.1 or 70 <= tick < 85:
            rows.append((Kind.FIX, now, now, fix(truth[0] + 20, truth[1] - 5, 5, 14)))
        if chance.random() < 0.5:
            rows.append((Kind.FIX, now - 30_000_000, now, [*fix(truth[0] + 1.2 + chance.normal(0, 0.03), truth[1] - 0.8), 1.0]))
        yield now, [row for row in rows if row[0] != lost or tick % 60 < 20]


def hostile(seed, seconds):
    """A spoilt drive of which some rows lie on purpose, for a while each: the wrong sign, another place, frozen, nonsense, another time."""
    chance = np.random.default_rng(1000 + seed)
    faults = {
        0: lambda k, m, r, v: (k, m, r, [-v[0]] if k == Kind.WHEEL_SPEED else v),
        1: lambda k, m, r, v: (k, m, r, [v[0] + 10_000, *v[1:]] if k == Kind.FIX else v),
        2: lambda k, m, r, v: (k, m, r, [*frozen, *v[2:]] if k == Kind.FIX else v),
        3: lambda k, m, r, v: (k, m, r, [*v[:-1], np.nan]),
        4: lambda k, m, r, v: (k, m - 5_000_000_000, r, v),
        5: lambda k, m, r, v: (k, m, r, [v[0] + 150, *v[1:]] if k == Kind.RANGE and v[1] == 2 else v),
    }
    fault, frozen = None, [0.0, 0.0]
    for tick, (now, rows) in enumerate(spoilt(seed, seconds)):
        if tick % 15 == 0:
            fault = faults.get(int(chance.integers(0, 12)))
            frozen = next((v[:2] for k, _, _, v in rows if k == Kind.FIX), frozen)
        yield now, [fault(*row) if fault is not None and chance.random() < 0.8 else row for row in rows]


@pytest.mark.parametrize("drives", [spoilt, hostile])
@pytest.mark.parametrize("seed", range(6))
def test_twins_agree_on_spoilt_and_hostile_drives(seed, drives):
    engines = [made(1, ZONE, FusionConfig(), anchors(), SOURCES) for made in (FusionEngine, FusionTwin)]
    for now, rows in drives(seed, 12):
        counts = [engine.ingest(batch(rows)) for engine in engines]
        assert counts[0] == counts[1]
        places = [engine.step(now) for engine in engines]
        same(*places)
        sound(places[0])


wild = st.one_of(st.floats(-300, 300), st.just(np.nan), st.just(np.inf), st.floats(-1e300, 1e300), st.just(0.0))
rows = st.tuples(
    st.integers(0, 13), st.integers(0, 30), st.integers(0, 3), st.lists(wild, min_size=8, max_size=8), st.sampled_from([0, 2, 4, 5]),
    st.integers(0, 20),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=60))
def test_twins_agree_on_nonsense(drawn):
    engines = [made(2, ZONE, FusionConfig(), anchors(), SOURCES) for made in (FusionEngine, FusionTwin)]
    for kind, tick, late, values, status, satellites in drawn:
        now = START_NS + tick * 50_000_000
        if kind == Kind.FIX:
            values[3:5] = status, satellites
            values[7] = tick % 3
        given_rows = batch([(kind, now, now + late * 90_000_000, values)], vehicle=tick % 3)
        assert engines[0].ingest(given_rows) == engines[1].ingest(given_rows)
    places = [engine.step(START_NS + 31 * 50_000_000) for engine in engines]
    assert places[0].id.tolist() == places[1].id.tolist()
    assert places[0].sources.tolist() == places[1].sources.tolist()
    sound(places[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([spoilt, hostile]), st.randoms(use_true_random=False))
def test_inside_the_window_the_order_of_arrival_does_not_matter(seed, drives, chance):
    straight, shuffled = (FusionEngine(1, ZONE, FusionConfig(), anchors(), SOURCES) for _ in range(2))
    waiting = []
    for tick, (now, rows) in enumerate(drives(seed, 6)):
        straight.ingest(batch(rows))
        waiting += [(kind, measured, now, values) for kind, measured, _, values in rows]
        if tick % 2:
            chance.shuffle(waiting)
            for at in range(0, len(waiting), 3):
                shuffled.ingest(batch(waiting[at : at + 3]))
                if at < 3:
                    shuffled.step(now)
            waiting = []
            one, other = straight.step(now), shuffled.step(now)
            assert one.east_m.tolist() == other.east_m.tolist()
            assert one.covariance.tolist() == other.covariance.tolist()
            assert one.protection_level_m.tolist() == other.protection_level_m.tolist()
            assert straight.alignments().east_m == pytest.approx(shuffled.alignments().east_m, rel=1e-9)
