"""Arrival predictions whatever the buses do: never past, never decreasing, quantiles in order, and only of what was known."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from intersections.buses.eta import Predictions, ahead_of
from intersections.buses.samples import BusState, Duty, StopCall
from tests.unit.test_eta import BETWEEN_M, STOPS, network, ns

TRIPS = 3
places = st.floats(0.0, BETWEEN_M * (STOPS - 1))
times = st.floats(0.0, 6000.0)
buses = st.tuples(st.integers(0, TRIPS - 1), places, st.floats(0.0, 400.0), st.sampled_from(list(Duty)), st.integers(-1, 90))
calls = st.tuples(st.integers(0, TRIPS - 1), st.integers(-1, STOPS + 1), times)
scenes = st.lists(st.tuples(st.lists(buses, max_size=4), st.lists(calls, max_size=4), st.floats(0.0, 600.0)), min_size=1, max_size=8)


def state(trip: int, place_m: float, age_s: float, duty: Duty, load: int, now_s: float) -> BusState:
    next_stop = 0 if duty is Duty.AT_TERMINAL else int(np.searchsorted(BETWEEN_M * np.arange(STOPS), place_m))
    return BusState(f"b{trip}", duty, f"t{trip}", "p", place_m, next_stop, float("nan"), False, 0.0, load, ns(now_s - age_s))


def played(predictions: Predictions, scene, cancelled: int = STOPS):
    """All that is told, step by step, with the time it is told at."""
    now_s, told = 900.0, []
    predictions.cancelled["t0"] = cancelled
    for seen, passed, wait_s in scene:
        now_s += wait_s
        predictions.observe([StopCall(f"b{trip}", f"t{trip}", "p", stop, at_s, at_s, -1) for trip, stop, at_s in passed])
        told.append((now_s, predictions.predict([state(*one, now_s) for one in seen], ns(now_s))))
    return told


@settings(max_examples=30, deadline=None)  # a scene is some milliseconds of arithmetic, many times that on a busy machine
@given(scenes, st.integers(0, STOPS))
def test_times_are_ahead_in_order_and_none_of_what_is_cancelled(scene, cancelled):
    for now_s, predictions in played(Predictions(network()), scene, cancelled):
        for one in predictions:
            quantiles_s = np.stack([one.p10_s, one.p50_s, one.p90_s])
            assert np.isfinite(quantiles_s).all()
            assert (quantiles_s >= now_s - 1e-6).all()
            assert (np.diff(quantiles_s, axis=0) >= 0.0).all()
            assert (np.diff(quantiles_s, axis=1) >= -1e-3).all()
            assert one.first_stop + len(one.p50_s) == (min(cancelled, STOPS) if one.trip == "t0" else STOPS)


@settings(max_examples=30, deadline=None)  # a scene is some milliseconds of arithmetic, many times that on a busy machine
@given(scenes, scenes)
def test_what_comes_later_changes_nothing_that_was_told(scene, later):
    alone = played(Predictions(network()), scene)
    longer = played(Predictions(network()), scene + later)
    for (_, one), (_, other) in zip(alone, longer, strict=False):
        for value, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(value.p50_s, same.p50_s)


@settings(max_examples=30, deadline=None)  # a scene is some milliseconds of arithmetic, many times that on a busy machine
@given(scenes, st.integers(0, 11))
def test_a_restored_copy_goes_on_as_the_original(scene, cut):
    through, before, after = Predictions(network()), Predictions(network()), Predictions(network())
    played(before, scene[:cut])
    after.restore(before.snapshot())
    assert set(after.snapshot()) == set(before.snapshot())
    played(through, scene[:cut])
    for one, other in zip(played(through, scene[cut:]), played(after, scene[cut:]), strict=True):
        for value, same in zip(one[1], other[1], strict=True):
            np.testing.assert_array_equal(value.p50_s, same.p50_s)


@given(st.floats(-1e4, 1e4), st.lists(st.tuples(st.floats(-5e3, 5e3), st.floats(0.0, 2e3), st.floats(0.0, 2e3)), min_size=1, max_size=8))
def test_what_is_cut_off_keeps_its_order(now_s, bands):
    quantiles_s = np.array([[middle - low, middle, middle + high] for middle, low, high in bands])
    cut_s = ahead_of(now_s, quantiles_s)
    assert np.isfinite(cut_s).all()
    assert (cut_s >= now_s).all()
    assert (np.diff(cut_s, axis=1) >= -1e-6).all()


def test_a_state_of_another_pattern_is_taken_by_its_trip():
    predictions = Predictions(network())
    strange = replace(state(0, 100.0, 0.0, Duty.ON_TRIP, -1, 1024.0), pattern="elsewhere")
    assert predictions.predict([strange], ns(1024.0))
