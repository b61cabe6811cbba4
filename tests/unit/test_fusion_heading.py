"""How a heading is found and kept: from places alone, without a wheel, in hard turns; on the kernel and its twin."""

import numpy as np
import pytest

from positioning.fusion import FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import Kind
from tests.fusion_scenes import ZONE, batch, drive, fix

BOTH = pytest.mark.parametrize("engine", [FusionEngine, FusionTwin])


def ran(engine, scene, keep=lambda _tick, _row: True):
    """-> per tick: error m, protection level m, alert, heading error rad."""
    scored = []
    for tick, (now, truth, rows) in enumerate(scene):
        engine.ingest(batch([row for row in rows if keep(tick, row)]))
        places = engine.step(now)
        error = np.hypot(places.east_m[0] - truth[0], places.north_m[0] - truth[1])
        turned = (places.heading_rad[0] - truth[2] + np.pi) % (2 * np.pi) - np.pi
        scored.append((error, places.protection_level_m[0], places.alert[0], abs(turned)))
    return np.array(scored, dtype=np.float64)


def once_a_second(kind):
    """Drops the rows of a kind but for one tick in ten."""
    return lambda tick, row: row[0] != kind or tick % 10 == 0


@BOTH
def test_from_places_and_a_wheel_the_heading_is_found_within_three_seconds(engine):
    scored = ran(engine(1, ZONE), drive(8), lambda tick, row: row[0] != Kind.VELOCITY and once_a_second(Kind.FIX)(tick, row))
    assert np.max(scored[30:, 3]) < 0.1
    assert np.max(scored[30:, 0]) < 0.3


@pytest.mark.parametrize("seed", range(20))
def test_while_the_heading_is_sought_the_level_covers_the_error(seed):
    scored = ran(FusionEngine(1, ZONE), drive(5, seed), lambda tick, row: row[0] != Kind.VELOCITY and once_a_second(Kind.FIX)(tick, row))
    assert np.all(scored[:, 0] < scored[:, 1])


@BOTH
def test_without_a_wheel_hard_turns_do_not_set_the_filter_against_its_fixes(engine):
    def keep(tick, row):
        return row[0] != Kind.WHEEL_SPEED and once_a_second(Kind.FIX)(tick, row)

    scored = ran(engine(1, ZONE), drive(25, turning=0.5), keep)
    assert np.max(scored[50:, 0]) < 1
    assert not scored[:, 2].any()


def test_without_a_gyro_turns_are_followed_from_fixes_and_velocities():
    scored = ran(FusionEngine(1, ZONE), drive(30, turning=0.3), lambda _, row: row[0] != Kind.YAW_RATE)
    assert np.max(scored[50:, 0]) < 1
    assert np.all(scored[20:, 0] < scored[20:, 1])


def test_one_wrong_fix_is_no_alert():
    def spoilt(scene):
        for tick, (now, truth, rows) in enumerate(scene):
            yield now, truth, [(k, m, r, fix(v[0] + 20, v[1]) if k == Kind.FIX and tick == 100 else v) for k, m, r, v in rows]

    scored = ran(FusionEngine(1, ZONE), spoilt(drive(15)))
    assert not scored[:, 2].any()
    assert np.max(scored[50:, 0]) < 0.15
