"""Walkers that only anchors see, in situations with a known answer."""

from dataclasses import replace

import numpy as np
import pytest

from positioning.fusion import FusionConfig, FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import Kind
from positioning.walker import WalkerConfig
from positioning.walker_model import meeting
from tests.fusion_scenes import START_NS, TICK_NS, ZONE, batch, fix
from tests.walker_scenes import ANCHORS_ENU, CONFIG, apart, differences, ranges, surveyed, walk

BOTH = pytest.mark.parametrize("made", [FusionEngine, FusionTwin])
LINE_ENU = np.array([[-60.0, 0.0, 5.0], [0.0, 0.0, 5.0], [80.0, 0.0, 5.0], [30.0, 0.0, 5.0]])
SQUARE_ENU = np.array([[-60.0, -50.0, 15.0], [70.0, -40.0, 15.0], [50.0, 60.0, 12.0], [-40.0, 70.0, 10.0]])
SQUARE_CONFIG = FusionConfig(anchor_delay_m=0.01, tdoa_sigma_m=0.2, walker=WalkerConfig(link_error_m=0.7))


def engine_of(made, enu=ANCHORS_ENU, config=CONFIG):
    return made(1, ZONE, config, surveyed(enu))


def ran(engine, scene):
    """-> per tick: error m, protection level m, alert; NaN without a position."""
    scored = []
    for now, truth, rows in scene:
        engine.ingest(batch(rows))
        places = engine.step(now)
        found = len(places.id) == 1
        error = np.hypot(places.east_m[0] - truth[0], places.north_m[0] - truth[1]) if found else np.nan
        scored.append((error, places.protection_level_m[0] if found else np.nan, found and places.alert[0]))
    return np.array(scored, dtype=np.float64)


def stand(place, seconds, enu=ANCHORS_ENU, height=1.0, begin=0):
    for tick in range(begin, begin + int(seconds * 10)):
        now = START_NS + tick * TICK_NS
        yield now, place, ranges(now, apart(place, enu, height))


@BOTH
@pytest.mark.parametrize("place", [(-4.0, -6.0), (40.0, 3.0), (1.5, 25.0), (1.6, 0.1)])
def test_exact_ranges_place_a_walker_at_once(made, place):
    scored = ran(engine_of(made), stand(np.array(place), 1))
    assert np.all(scored[:, 0] < scored[:, 1])
    assert np.max(scored[5:, 0]) < 0.05


@BOTH
def test_a_walk_is_followed_within_its_protection_level_and_without_alert(made):
    scored = ran(engine_of(made), walk(60))
    assert np.median(scored[20:, 0]) < 0.25
    assert np.all(scored[:, 0] < scored[:, 1])
    assert np.median(scored[20:, 1]) < 1.5
    assert not scored[:, 2].any()


@BOTH
def test_between_two_mirrored_places_there_is_no_position(made):
    assert np.isnan(ran(engine_of(made, LINE_ENU), stand(np.array([10.0, 20.0]), 2, LINE_ENU))[:, 0]).all()


@BOTH
def test_three_links_wait_half_a_second_for_a_fourth_and_two_for_ever(made):
    far = apart(np.array([10.0, 20.0]), SQUARE_ENU, 1.5)
    shown = {}
    for links in (2, 3, 4):
        engine = engine_of(made, SQUARE_ENU, SQUARE_CONFIG)
        scene = ((START_NS + tick * TICK_NS, np.zeros(2), ranges(START_NS + tick * TICK_NS, far[:links])) for tick in range(20))
        shown[links] = np.isfinite(ran(engine, scene)[:, 0]).argmax() if links > 2 else np.isfinite(ran(engine, scene)[:, 0]).sum()
    assert shown == {2: 0, 3: 5, 4: 0}


@BOTH
@pytest.mark.parametrize("place", [(0.0, 0.0), (30.0, -20.0), (-35.0, 30.0)])
def test_differences_alone_place_a_receiver_in_one_epoch(made, place):
    engine = engine_of(made, SQUARE_ENU, SQUARE_CONFIG)
    engine.ingest(batch(differences(START_NS, apart(np.array(place), SQUARE_ENU, 1.5))))
    places = engine.step(START_NS)
    assert np.hypot(places.east_m[0] - place[0], places.north_m[0] - place[1]) < 0.05
    assert 1 < places.protection_level_m[0] < 5


@BOTH
@pytest.mark.parametrize("wrong", range(4))
def test_a_wrong_link_moves_the_place_no_farther_than_the_protection_level(made, wrong):
    metres = apart(np.array([5.0, 8.0]), SQUARE_ENU, 1.5)
    metres[wrong] += 30.0
    engine = engine_of(made, SQUARE_ENU, SQUARE_CONFIG)
    engine.ingest(batch(differences(START_NS, metres)))
    places = engine.step(START_NS)
    assert places.protection_level_m[0] > np.hypot(places.east_m[0] - 5, places.north_m[0] - 8)


@BOTH
def test_a_range_too_long_by_metres_is_not_believed(made):
    scene = [(now, truth, [(*row[:3], [row[3][0] + 4.0 * (tick % 9 == 5), row[3][1]]) for row in rows[:1]] + rows[1:])
             for tick, (now, truth, rows) in enumerate(walk(20))]  # fmt: skip
    assert np.max(np.abs(ran(engine_of(made), scene)[:, 0] - ran(engine_of(made), walk(20))[:, 0])) < 0.25


@BOTH
def test_who_stood_when_last_heard_stays_and_who_walked_may_be_anywhere_near(made):
    levels = {}
    for name, seconds in (("stood", 1.5), ("walked", 8)):
        engine = engine_of(made)
        ran(engine, walk(seconds))
        levels[name] = [engine.step(START_NS + int((seconds + later) * 1e9)).protection_level_m[0] for later in (0, 10)]
    assert levels["stood"][1] < 4
    assert levels["walked"][1] > 10


@BOTH
def test_who_is_carried_elsewhere_starts_again_there_within_three_seconds(made):
    engine = engine_of(made)
    ran(engine, stand(np.array([-4.0, -6.0]), 5))
    scored = ran(engine, stand(np.array([30.0, 12.0]), 5, begin=50))
    assert np.max(scored[30:, 0]) < 0.1


@BOTH
def test_a_fifth_anchor_is_heard_when_one_has_fallen_silent(made):
    enu = np.vstack([ANCHORS_ENU, [[0.0, 0.0, 1.5]]])
    engine = engine_of(made, enu)
    place = np.array([8.0, 5.0])
    far = apart(place, enu)
    for tick in range(40):
        now = START_NS + tick * TICK_NS
        engine.ingest(batch([row for row in ranges(now, far) if row[3][1] != 3 or tick < 10]))
    places = engine.step(now)
    assert np.hypot(places.east_m[0] - 8, places.north_m[0] - 5) < 0.05


@BOTH
def test_a_fix_gives_the_walker_to_the_bank(made):
    engine = engine_of(made)
    ran(engine, stand(np.array([10.0, 5.0]), 1))
    now = START_NS + 10 * TICK_NS
    engine.ingest(batch([(Kind.FIX, now, now, fix(50.0, 60.0))]))
    places = engine.step(now)
    assert places.id.tolist() == [0]
    assert np.hypot(places.east_m[0] - 50, places.north_m[0] - 60) < 1


@BOTH
def test_who_has_wheels_is_no_walker(made):
    scene = ((now, truth, [*rows, (Kind.WHEEL_SPEED, now, now, [3.0])]) for now, truth, rows in stand(np.array([10.0, 5.0]), 1))
    assert np.isnan(ran(engine_of(made), scene)[:, 0]).all()


def test_a_snapshot_continues_where_it_was_taken():
    engines = [engine_of(FusionEngine) for _ in range(2)]
    scene = list(walk(8))
    ran(engines[0], scene[:40])
    engines[1].restore(engines[0].snapshot())
    one, other = (ran(engine, scene[40:]) for engine in engines)
    assert one.tolist() == other.tolist()


def test_ranges_meet_where_they_were_measured():
    found = meeting(ANCHORS_ENU, apart(np.array([-12.0, 7.0])), 1.0, 0.1, common=False)
    assert np.allclose(found[0], [-12.0, 7.0], atol=1e-4)


@pytest.mark.parametrize("field", ["capacity", "link_time_s", "walk_slow_mps"])
def test_a_scale_of_nothing_is_refused(field):
    with pytest.raises(ValueError, match=r"capacity|zero"):
        replace(WalkerConfig(), **{field: 0})
