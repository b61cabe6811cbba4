"""Arrival predictions where the answer is known in advance: a bus on time, late, at its terminal, silent, cancelled."""

import numpy as np
import pytest

from intersections.buses.eta import Predictions, ahead_of
from intersections.buses.network import BusNetwork, Pattern, Stop, Trip
from intersections.buses.samples import BusState, Duty, Predictor, StopCall

MIDNIGHT_NS = 1_700_000_000_000_000_000
STOPS = 6
BETWEEN_M, BETWEEN_S = 500.0, 120.0


def network(trips: int = 3, headway_s: float = 600.0) -> BusNetwork:
    """One line of six stops 500 m and 120 s apart; trips leave at 1000, 1600 ... s."""
    names = tuple(f"s{row}" for row in range(STOPS))
    place_m = BETWEEN_M * np.arange(STOPS)
    pattern = Pattern("p", "7", "0", names, np.column_stack([place_m, np.zeros(STOPS)]), place_m)
    times_s = BETWEEN_S * np.arange(STOPS)
    return BusNetwork(
        stops={name: Stop(name, name, 0.0, 0.0) for name in names},
        patterns={"p": pattern},
        trips={f"t{one}": Trip(f"t{one}", "p", times_s + 1000 + one * headway_s, times_s + 1000 + one * headway_s) for one in range(trips)},
        origin_deg=(0.0, 0.0),
        midnight_ns=MIDNIGHT_NS,
    )


def ns(time_s: float) -> int:
    return MIDNIGHT_NS + int(time_s * 1e9)


def state(place_m: float, at_s: float, trip: str = "t0", duty: Duty = Duty.ON_TRIP, vehicle: str = "b") -> BusState:
    next_stop = 0 if duty is Duty.AT_TERMINAL else int(np.searchsorted(BETWEEN_M * np.arange(STOPS), place_m))
    return BusState(vehicle, duty, trip, "p", place_m, next_stop, 5.0, duty is Duty.AT_TERMINAL, 0.0, -1, ns(at_s))


def test_a_bus_on_time_is_expected_by_the_timetable():
    (one,) = Predictions(network()).predict([state(750.0, 1180.0)], ns(1180.0))
    assert (one.trip, one.first_stop, one.predictor) == ("t0", 2, Predictor.DEVIATION)
    assert one.p50_s == pytest.approx([1240.0, 1360.0, 1480.0, 1600.0], abs=25.0)


def test_a_late_bus_stays_late_at_the_next_stop():
    (one,) = Predictions(network()).predict([state(990.0, 1480.0)], ns(1480.0))  # due there at 1237.6
    assert one.p50_s[0] == pytest.approx(1482.0, abs=15.0)
    assert 1480.0 < one.p50_s[-1] <= 1842.4 + 15.0


def test_a_bus_at_its_terminal_leaves_by_the_timetable_or_now():
    predictions = Predictions(network())
    early, late = (predictions.predict([state(0.0, at_s, duty=Duty.AT_TERMINAL)], ns(at_s))[0] for at_s in (900.0, 1090.0))
    assert early.predictor is Predictor.SCHEDULE
    assert early.p50_s[0] == pytest.approx(1120.0, abs=15.0)
    assert late.p50_s[0] == pytest.approx(1210.0, abs=20.0)


def test_the_stop_a_bus_stands_at_is_behind_it():
    standing = BusState("b", Duty.ON_TRIP, "t0", "p", 495.0, 1, 0.0, True, 0.0, -1, ns(1120.0))
    (one,) = Predictions(network()).predict([standing], ns(1120.0))
    assert one.first_stop == 2


@pytest.mark.parametrize("duty", [Duty.OFF, Duty.DOUBTED])
def test_none_for_a_bus_on_no_trip(duty):
    assert not Predictions(network()).predict([state(100.0, 1024.0, duty=duty)], ns(1024.0))


def test_none_for_an_unknown_trip():
    assert not Predictions(network()).predict([state(100.0, 1024.0, trip="gone")], ns(1024.0))


def test_a_cancelled_trip_has_none():
    predictions = Predictions(network())
    predictions.cancelled["t0"] = 0
    assert not predictions.predict([state(100.0, 1024.0)], ns(1024.0))


def test_a_trip_cancelled_from_a_stop_on_has_those_before():
    predictions = Predictions(network())
    predictions.cancelled["t0"] = 3
    (one,) = predictions.predict([state(100.0, 1024.0)], ns(1024.0))
    assert one.first_stop + len(one.p50_s) == 3


def test_what_buses_before_needed_is_expected_of_the_next():
    """Each of eight buses needed 60 s more than the timetable between s2 and s3: the ninth is expected to need about as much."""
    predictions = Predictions(network(trips=9))
    excess_s = np.array([0, 0, 0, 60, 60, 60])
    for bus in range(8):
        start_s = 1000.0 + 600.0 * bus
        for stop in range(STOPS):
            at_s = start_s + BETWEEN_S * stop + excess_s[stop]
            predictions.predict([state(BETWEEN_M * stop + 5, at_s, f"t{bus}", vehicle=f"b{bus}")] if stop < STOPS - 1 else [], ns(at_s))
            predictions.observe([StopCall(f"b{bus}", f"t{bus}", "p", stop, at_s, at_s, -1)])
    (one,) = predictions.predict([state(505.0, 5920.0 + 1.2, "t8", vehicle="b8")], ns(5921.2))
    assert one.predictor in {Predictor.RECENT, Predictor.LEARNT}
    assert one.p50_s[1] - one.p50_s[0] > BETWEEN_S + 20.0


def test_a_call_told_twice_is_learnt_once():
    once, twice = Predictions(network()), Predictions(network())
    calls = [StopCall("b", "t0", "p", stop, 1000.0 + 130.0 * stop, float("nan"), -1) for stop in range(1, STOPS)]
    for call in calls:
        once.observe([call])
        twice.observe([call])
        twice.observe([StopCall(call.vehicle, call.trip, "p", call.stop, call.arrived_s, call.arrived_s + 20.0, -1)])
    for one, other in zip(once.learnt().values(), twice.learnt().values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_lies_ahead_of_now_keeps_its_order_and_is_later_than_now():
    """A median far ahead is not touched; one that is past moves just beyond now."""
    quantiles_s = ahead_of(1000.0, np.array([[1900.0, 2000.0, 2150.0], [880.0, 940.0, 1010.0]]))
    assert quantiles_s[0] == pytest.approx([1900.0, 2000.0, 2150.0], abs=0.1)
    assert 1000.0 < quantiles_s[1, 0] < quantiles_s[1, 1] < quantiles_s[1, 2] < 1200.0


def test_it_goes_on_from_a_snapshot_as_if_nothing_had_happened():
    def run(predictions: Predictions, stops: range) -> list[np.ndarray]:
        told = []
        for stop in stops:
            at_s = 1000.0 + 130.0 * stop
            predictions.observe([StopCall("b", "t0", "p", stop, at_s, at_s, -1)])
            told += [one.p50_s for one in predictions.predict([state(BETWEEN_M * stop + 40.0, at_s + 9.0)], ns(at_s + 9.0))]
        return told

    through, before, after = Predictions(network()), Predictions(network()), Predictions(network())
    before.cancelled["t2"] = through.cancelled["t2"] = 1
    expected = run(through, range(STOPS - 1))
    told = run(before, range(2))
    after.restore(before.snapshot())
    told += run(after, range(2, STOPS - 1))
    np.testing.assert_equal(told, expected)
    np.testing.assert_equal(after.snapshot(), through.snapshot())
