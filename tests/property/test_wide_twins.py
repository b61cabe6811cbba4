"""The wide block and its NumPy twin: equal over random and hostile sequences, in any order of arrival; covariances always sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from positioning.fusion import FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import Kind
from tests.fusion_scenes import ZONE, anchors, batch, fix
from tests.property.test_fusion_twins import same, sound
from tests.wide_scenes import CONFIG, GALILEO, GLONASS, GPS, drive


def spoilt(seed, seconds=8):
    """A drive with every kind such a vehicle may send, lost sources, wrong numbers and samples that arrive late."""
    chance = np.random.default_rng(seed)
    lost = chance.choice([Kind.WHEEL_SPEED, Kind.YAW_RATE, Kind.PSEUDORANGE, 0])
    systems = [(GPS,), (GPS, GLONASS), (GPS, GLONASS, GALILEO)][seed % 3]
    for tick, (now, truth, rows) in enumerate(drive(seconds, seed, standing=seed % 4 * 3, systems=systems)):
        if tick % 4 == 1:
            rows.append((Kind.HEADING, now, now, [truth[2] + chance.normal(0, 0.05), 0.05]))
            rows.append((Kind.LANE, now, now, [truth[0] + chance.normal(0, 0.3), truth[1], truth[2], 0.5]))
            rows.append((Kind.RANGE, now, now, [chance.uniform(20, 200), chance.integers(0, 4)]))
            rows.append((Kind.TDOA, now, now, [chance.uniform(-50, 50), *chance.permutation(4)[:2]]))
            rows.append((Kind.ANGLE_OF_ARRIVAL, now, now, [chance.uniform(0, 6), chance.uniform(0.02, 0.5), chance.integers(0, 4)]))
        if tick % 5 == 2:
            rows.append((Kind.VELOCITY, now - 30_000_000, now, [8 * np.sin(truth[2]), 8 * np.cos(truth[2]), 0.2, chance.integers(4, 20)]))
        if chance.random() < 0.2:
            rows[chance.integers(2, len(rows))][3][0] += chance.choice([1e4, -50.0, np.nan, 300_000.0])
        yield now, [row for row in rows if row[0] != lost or tick % 20 < 8]


@pytest.mark.parametrize("seed", range(6))
def test_twins_agree_on_spoilt_drives(seed):
    engines = [made(1, ZONE, CONFIG, anchors()) for made in (FusionEngine, FusionTwin)]
    for now, rows in spoilt(seed):
        assert engines[0].ingest(batch(rows)) == engines[1].ingest(batch(rows))
        places = [engine.step(now + 50_000_000) for engine in engines]
        same(*places)
        sound(places[0])
    assert len(places[0].id) == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_inside_the_window_the_order_of_arrival_does_not_matter(seed, chance):
    straight, shuffled = (FusionEngine(1, ZONE, CONFIG, anchors()) for _ in range(2))
    for now, rows in spoilt(seed, 4):
        arrived = [(kind, measured, now, values) for kind, measured, _, values in rows]
        straight.ingest(batch(arrived))
        chance.shuffle(arrived)
        for at in range(0, len(arrived), 7):
            shuffled.ingest(batch(arrived[at : at + 7]))
            if at < 7:
                shuffled.step(now)
        one, other = straight.step(now), shuffled.step(now)
        assert one.east_m.tolist() == other.east_m.tolist()
        assert one.covariance.tolist() == other.covariance.tolist()
        assert one.protection_level_m.tolist() == other.protection_level_m.tolist()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 20), st.booleans())
def test_a_vehicle_that_gets_a_fix_is_the_banks_whatever_came_first(seed, at, fix_first):
    engines = [made(2, ZONE, CONFIG, anchors()) for made in (FusionEngine, FusionTwin)]
    alone = FusionEngine(2, ZONE, CONFIG, anchors())
    for tick, (now, rows) in enumerate(spoilt(seed, 6)):
        fixes = [(Kind.FIX, now, now, fix(30.0, -20.0))] if tick >= at else []
        given_rows = fixes + rows if fix_first else rows + fixes
        assert engines[0].ingest(batch(given_rows)) == engines[1].ingest(batch(given_rows))
        alone.ingest(batch([row for row in given_rows if row[0] != Kind.PSEUDORANGE]))
        mine, twins, banks = engines[0].step(now), engines[1].step(now), alone.step(now)
        assert mine.id.tolist() == twins.id.tolist()
        if tick >= at:
            same(mine, banks)
