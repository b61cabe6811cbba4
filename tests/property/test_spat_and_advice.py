"""Promise algebra and speed advice under whatever may come."""

from dataclasses import replace
from math import inf, isfinite

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from intersections.signals.control import UNBOUNDED_NS
from intersections.signals.glosa import HEADWAY_S, MIN_SHARE, Place, Silence, SpeedAdvisor, Window, band, crossing_s, speed_for
from intersections.signals.layout import SECOND_NS, TICK_NS
from intersections.signals.likely import WIDEST_NS, spread
from intersections.signals.spat import SpatPublisher
from tests.arrival_scenes import WEST_GREEN, crossing, layout, shown
from tests.spat_scenes import COMING, plan, queue, spat_at

LIMIT_MPS = 13.89
seconds = st.floats(0.0, 120.0)
ticks = st.integers(0, 600)


# The guard's word may wander, as long as it is true: whatever it says then, each promise lies inside those before and holds the end.
@given(end=st.integers(1, 60), words=st.lists(st.tuples(ticks, ticks, st.integers(0, 90)), min_size=1, max_size=60))
def test_promises_are_nested_and_hold_the_end(end: int, words: list[tuple[int, int, int]]) -> None:
    spat = SpatPublisher(layout())
    end_ns, before = end * TICK_NS, (0, UNBOUNDED_NS)
    for tick, (early, late, planned) in enumerate(words[:end]):
        bounds = (max(end_ns - early * TICK_NS, 0), end_ns + late * TICK_NS)
        lamps = replace(shown(tick / 10, WEST_GREEN), earliest_end_ns=(bounds[0], 0), latest_end_ns=(bounds[1], UNBOUNDED_NS))
        timing = spat.publish(lamps, plan(tick / 10, (WEST_GREEN, tick / 10), (2, planned))).events[0].timing
        assert timing is not None
        assert before[0] <= timing.min_end_ns <= end_ns <= timing.max_end_ns <= before[1]
        assert timing.likely_ns is not None
        ordered = (timing.min_end_ns, timing.likely_from_ns, timing.likely_ns, timing.likely_until_ns, timing.max_end_ns)
        assert list(ordered) == sorted(ordered)
        assert 0.0 <= timing.confidence <= 1.0
        before = (timing.min_end_ns, timing.max_end_ns)
    assert spat.broken == 0


@given(st.lists(st.integers(-60 * SECOND_NS, 60 * SECOND_NS), min_size=1, max_size=300))
def test_a_band_of_past_errors_is_ordered_narrow_and_holds_what_it_says(errors: list[int]) -> None:
    found = spread(np.array(errors, np.int64))
    assert found.from_ns <= found.middle_ns <= found.until_ns
    assert found.until_ns - found.from_ns <= WIDEST_NS
    held = sum(found.from_ns <= error <= found.until_ns for error in errors)
    assert found.confidence <= held / len(errors)


@given(st.floats(1.0, 300.0), st.floats(0.0, 25.0), st.floats(3.0, 25.0), seconds, st.one_of(seconds, st.just(inf)), st.booleans())
def test_a_band_is_ordered_and_within_the_limit_and_the_least(
    distance_m: float, speed_mps: float, limit_mps: float, free_s: float, cross_s: float, advised: bool
) -> None:
    why, low, high = band(Place(distance_m, speed_mps, limit_mps), free_s, cross_s, advised=advised)
    if why is Silence.ADVISED:
        assert MIN_SHARE * limit_mps - 1e-9 <= low <= high <= limit_mps


@given(st.floats(30.0, 300.0), st.floats(2.0, 20.0), seconds, seconds)
def test_whoever_shall_arrive_later_drives_no_faster(distance_m: float, speed_mps: float, one_s: float, other_s: float) -> None:
    sooner, later = sorted((one_s, other_s))
    assert speed_for(distance_m, speed_mps, later) <= speed_for(distance_m, speed_mps, sooner) + 1e-9


@given(seconds, seconds, seconds, seconds, seconds)
def test_a_longer_queue_is_never_crossed_sooner(arrival_s: float, before_s: float, more_s: float, opens_s: float, closes_s: float) -> None:
    light = Window(opens_s, closes_s, closes_s + 30.0)
    assert crossing_s(arrival_s, before_s, light) <= crossing_s(arrival_s, before_s + more_s, light)
    assert crossing_s(arrival_s, before_s, light) >= before_s + HEADWAY_S


@given(st.integers(0, 12), st.integers(0, 12), st.floats(120.0, 290.0), st.floats(6.0, LIMIT_MPS), st.floats(1.0, 60.0))
def test_advice_is_monotone_in_the_queue_and_never_above_the_limit(
    one: int, other: int, distance_m: float, speed_mps: float, red_s: float
) -> None:
    advised = []
    for waiting in sorted((one, other)):
        advice = SpeedAdvisor(crossing()).advise(0, queue(waiting, distance_m, speed_mps), spat_at(0, red_s=red_s))
        advised.append(min((said.advised_mps for said in advice if said.vehicle == COMING), default=inf))
        for said in advice:
            assert 0.0 < said.low_mps <= said.advised_mps <= said.high_mps <= LIMIT_MPS
    if all(isfinite(speed) for speed in advised):
        assert advised[1] <= advised[0] + 1e-9
