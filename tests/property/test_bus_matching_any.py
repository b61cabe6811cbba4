"""Whatever vehicles report: every report is counted once, no trip is served by two, calls run forward, restarts change nothing."""

from math import isnan

from hypothesis import given, settings
from hypothesis import strategies as st

from intersections.buses.matching import Matcher
from intersections.buses.samples import BusPosition, Duty
from intersections.buses.vehicles import PositionVerdict
from tests.bus_scenes import HOUR, MIDNIGHT_NS, along, drive, network, position

NETWORK = network()
TRIPS = st.sampled_from(["", "ghost", "A0", "A1", "B0", "L0", "S0"])
VEHICLES = st.sampled_from(["v", "w", "x", ""])
TIMES = st.floats(7.9 * HOUR, 8.3 * HOUR)


@st.composite
def wild(draw) -> BusPosition:
    """Anything a device may send."""
    number = st.floats(allow_nan=True, allow_infinity=True)
    return BusPosition(
        draw(VEHICLES), draw(st.integers(-(2**62), 2**62)), draw(number), draw(number), draw(number), draw(TRIPS), draw(st.text(max_size=2))
    )


@st.composite
def plausible(draw) -> BusPosition:
    """On or near a way, at about the right time, of whichever trip it says."""
    x_m, y_m = along(draw(st.sampled_from("ABLS")), draw(st.floats(0.0, 4000.0)))
    astray = st.floats(-120.0, 120.0)
    return position(draw(VEHICLES), draw(TIMES), x_m + draw(astray), y_m + draw(astray), draw(TRIPS), speed_mps=draw(st.floats(0.0, 20.0)))


def chunks(positions, size):
    ordered = sorted(positions, key=lambda one: one.measured_ns)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


@given(st.lists(st.one_of(wild(), plausible()), max_size=40), st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_any_reports_are_counted_and_nothing_else_happens(positions, size):
    matcher = Matcher(NETWORK)
    names = {verdict.name for verdict in PositionVerdict}
    for batch in chunks(positions, size):
        step = matcher.step(batch, MIDNIGHT_NS + int(8.3 * HOUR * 1e9))
        assert sum(count for name, count in step.verdicts.items() if name in names) == len(batch)
        serving = [state.trip for state in step.states if state.duty in {Duty.ON_TRIP, Duty.AT_TERMINAL, Duty.DETOUR}]
        assert len(serving) == len(set(serving))
        for state in step.states:
            way = matcher.ways.of.get(state.pattern)
            assert (way is None) == (state.duty is Duty.OFF)
            if way:
                assert 0.0 <= state.place_m <= way.end_m + 1e-6
                assert 0 <= state.next_stop <= len(way.stop_m)


@given(st.lists(plausible(), min_size=2, max_size=40))
@settings(deadline=None, max_examples=60)
def test_a_call_is_left_after_it_was_reached(positions):
    matcher = Matcher(NETWORK)
    for batch in chunks(positions, 3):
        for call in matcher.step(batch, batch[-1].measured_ns).calls:
            assert isnan(call.left_s) or call.left_s >= call.arrived_s
            assert 0 <= call.stop < len(matcher.ways.way(call.trip).stop_m)


@given(st.sampled_from("ABLS"), st.floats(0.0, 20.0), st.sampled_from([1.0, 7.0, 20.0, 60.0]), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_along_any_way_a_noisy_bus_calls_in_order(way, noise_m, every_s, seed):
    matcher = Matcher(NETWORK)
    calls = [
        call
        for one in drive("v", way, 8 * HOUR, f"{way}0", every_s, noise_m, seed)
        for call in matcher.step([one], one.measured_ns).calls
        if call.trip == f"{way}0"
    ]
    last = {call.stop: call for call in calls}
    assert [call.arrived_s for _, call in sorted(last.items())] == sorted(call.arrived_s for call in last.values())
    assert len(last) >= len(matcher.ways.way(f"{way}0").stop_m) - 1


@given(st.lists(plausible(), min_size=1, max_size=40), st.integers(0, 40))
@settings(deadline=None, max_examples=40)
def test_a_restored_matcher_goes_on_as_if_nothing_had_been(positions, at):
    ordered = sorted(positions, key=lambda one: one.measured_ns)
    matcher, other = Matcher(NETWORK), Matcher(NETWORK)
    for number, one in enumerate(ordered):
        if number == at:
            other.restore(matcher.snapshot())
        step = matcher.step([one], one.measured_ns)
        if number >= at:
            assert repr(other.step([one], one.measured_ns)) == repr(step)
