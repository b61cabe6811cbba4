"""The walker's kernel and its NumPy twin: equal over random and hostile sequences, in any order of arrival; covariances always sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from positioning.fusion import FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import Kind
from tests.fusion_scenes import ZONE, batch
from tests.property.test_fusion_twins import same, sound
from tests.walker_scenes import ANCHORS_ENU, CONFIG, differences, ranges, surveyed, walk


def spoilt(seed, seconds=8):
    """A walk with lost links, spikes, silence, wrong numbers and samples that arrive late."""
    chance = np.random.default_rng(seed)
    silent = chance.integers(20, 60)
    for tick, (now, truth, rows) in enumerate(walk(seconds, seed, differences if seed % 3 == 2 else ranges)):
        late = [(kind, now - int(chance.integers(0, 4)) * 10_000_000, now, values) for kind, _, _, values in rows]
        for row in late:
            if chance.random() < 0.05:
                row[3][0] += chance.choice([3.0, -2.0, 1e4, np.nan])
        lost = silent <= tick < silent + [0, 5, 15][seed % 3]
        yield now, truth, [row for row in late if not lost and (chance.random() > 0.1 or row[3][1] == seed % 4)]


@pytest.mark.parametrize("seed", range(9))
def test_twins_agree_on_spoilt_walks(seed):
    engines = [made(1, ZONE, CONFIG, surveyed(ANCHORS_ENU)) for made in (FusionEngine, FusionTwin)]
    for now, _, rows in spoilt(seed):
        assert engines[0].ingest(batch(rows)) == engines[1].ingest(batch(rows))
        places = [engine.step(now + 50_000_000) for engine in engines]
        same(*places)
        sound(places[0])
    assert len(places[0].id) == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_inside_the_window_the_order_of_arrival_does_not_matter(seed, chance):
    straight, shuffled = (FusionEngine(1, ZONE, CONFIG, surveyed(ANCHORS_ENU)) for _ in range(2))
    for now, _, rows in spoilt(seed, 4):
        straight.ingest(batch(rows))
        chance.shuffle(rows)
        for row in rows:
            shuffled.ingest(batch([row]))
            shuffled.step(now)
        one, other = straight.step(now), shuffled.step(now)
        assert one.east_m.tolist() == other.east_m.tolist()
        assert one.covariance.tolist() == other.covariance.tolist()
        assert one.protection_level_m.tolist() == other.protection_level_m.tolist()


def nonsense(chance, now):
    """Ranges and differences of any size, to any anchor; at 10 km from 2 m of anchors rounding alone would pass 1e-9."""
    for _ in range(chance.integers(0, 6)):
        measured = now - int(chance.integers(0, 30)) * 10_000_000
        values = chance.normal(0, 1, 3) * chance.choice([1.0, 30.0, 300.0, 1e300])
        whole = chance.random(3) < 0.7
        values[whole] = chance.choice([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, np.nan, np.inf], int(whole.sum()))
        yield chance.choice([Kind.RANGE, Kind.TDOA]), measured, now, values.tolist()


@pytest.mark.parametrize("seed", range(6))
def test_twins_agree_where_nonsense_comes_between(seed):
    chance = np.random.default_rng(seed)
    engines = [made(3, ZONE, CONFIG, surveyed(ANCHORS_ENU)) for made in (FusionEngine, FusionTwin)]
    for now, _, rows in walk(8, seed):
        for vehicle, given_rows in enumerate(([*rows, *nonsense(chance, now)], [*nonsense(chance, now)])):
            assert engines[0].ingest(batch(given_rows, vehicle)) == engines[1].ingest(batch(given_rows, vehicle))
        places = [engine.step(now) for engine in engines]
        same(*places)
        sound(places[0])
        assert np.isfinite(places[0].protection_level_m).all()
