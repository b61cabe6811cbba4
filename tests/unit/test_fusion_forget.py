"""Rows of vehicles that have gone are given back: after silence, for lack of room, or on request; the others stay as they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from positioning.fusion import FusionConfig, FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import Kind
from positioning.samples import Verdict
from tests.fusion_scenes import START_NS, TICK_NS, ZONE, batch, drive, fix

BOTH = pytest.mark.parametrize("made", [FusionEngine, FusionTwin])
SECOND_NS = 10 * TICK_NS


def seen(engine, vehicle, at_ns):
    return engine.ingest(batch([(Kind.FIX, at_ns, at_ns, fix(vehicle % 1000, 0))], vehicle))


@BOTH
def test_a_vehicle_silent_for_longer_than_agreed_is_forgotten(made):
    engine = made(2, ZONE, FusionConfig(forget_s=60.0))
    for vehicle in (7, 8):
        seen(engine, vehicle, START_NS)
    seen(engine, 8, START_NS + 30 * SECOND_NS)
    assert engine.step(START_NS + 60 * SECOND_NS).id.tolist() == [7, 8]
    assert engine.step(START_NS + 61 * SECOND_NS).id.tolist() == [8]
    assert engine.step(START_NS + 91 * SECOND_NS).id.tolist() == []
    assert engine.forgotten == 2


@BOTH
def test_ten_silent_minutes_are_not_yet_forgotten(made):
    engine = made(1, ZONE)
    seen(engine, 1, START_NS)
    assert engine.step(START_NS + 601 * SECOND_NS).id.tolist() == [1]


@BOTH
def test_when_all_rows_are_taken_the_longest_silent_vehicle_makes_room(made):
    engine = made(3, ZONE, FusionConfig(yields_s=10.0))
    for second, vehicle in enumerate([4, 5, 6, 4]):
        seen(engine, vehicle, START_NS + second * SECOND_NS)
    assert seen(engine, 9, START_NS + 10 * SECOND_NS) == {Verdict.QUEUE_FULL: 1}  # 5 was heard nine seconds ago
    assert seen(engine, 9, START_NS + 12 * SECOND_NS) == {Verdict.ACCEPTED: 1}
    assert engine.step(START_NS + 12 * SECOND_NS).id.tolist() == [4, 6, 9]
    assert engine.displaced == 1
    assert engine.forgotten == 0


@BOTH
def test_a_forgotten_vehicle_starts_anew(made):
    engine = made(1, ZONE)
    for now, _, rows in drive(8):
        engine.ingest(batch(rows))
        engine.step(now)
    known = engine.step(now)
    assert engine.forget([0, 99]) == 1
    assert engine.step(now).id.tolist() == []
    seen(engine, 0, now + TICK_NS)
    fresh = engine.step(now + TICK_NS)
    assert fresh.covariance[0, 3, 3] > 10 * known.covariance[0, 3, 3]  # the heading is to be found again


ids = st.sampled_from([0, 1, 2, 3, 64, 128, 1 << 40, (1 << 63) - 1, 8 << 7, 16 << 7, 24 << 7])
acts = st.lists(st.tuples(st.sampled_from(["seen", "seen", "seen", "forget", "step", "restore"]), ids, st.integers(0, 30)), max_size=80)


@settings(max_examples=60, deadline=None)
@given(acts)
def test_any_coming_and_going_leaves_twins_with_the_same_vehicles_in_the_same_order(drawn):
    config, now = FusionConfig(forget_s=100.0, yields_s=20.0), START_NS
    kernel, twin = FusionEngine(4, ZONE, config), FusionTwin(4, ZONE, config)
    for act, vehicle, seconds in drawn:
        now += seconds * SECOND_NS
        if act == "seen":
            assert seen(kernel, vehicle, now) == seen(twin, vehicle, now)
        elif act == "forget":
            assert kernel.forget([vehicle]) == twin.forget([vehicle])
        elif act == "restore":
            state, kernel = kernel.snapshot(), FusionEngine(4, ZONE, config)
            kernel.restore(state)
        one, other = kernel.step(now), twin.step(now)
        assert one.id.tolist() == other.id.tolist()
        assert np.allclose(one.east_m, other.east_m, rtol=0, atol=1e-9)
        assert (kernel.forgotten, kernel.displaced) == (twin.forgotten, twin.displaced)


def test_ten_thousand_times_as_many_vehicles_as_rows_come_and_go():
    engine = FusionEngine(8, ZONE, FusionConfig(yields_s=0.5))
    for first in range(0, 80_000, 8):
        now = START_NS + first * SECOND_NS
        rows = batch([(Kind.STANDSTILL, now, now, [])] * 8, np.arange(first, first + 8) * 1_000_003)
        assert engine.ingest(rows) == {Verdict.ACCEPTED: 8}
    assert engine.displaced == 80_000 - 8
