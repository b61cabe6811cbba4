"""The matcher on a small network: what it takes a vehicle to be doing, in each situation that is hard."""

from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from intersections.buses.matching import SILENT_NS, Matcher
from intersections.buses.samples import Duty
from tests.bus_scenes import HOUR, MIDNIGHT_NS, SPEED_MPS, along, drive, journey, network, played, position, totals

EIGHT = 8 * HOUR
LENGTH_M = {"A": 4000.0, "B": 4000.0, "L": 3200.0, "S": 3600.0}


def calls_of(steps, trip):
    """The last word on each call of a trip, by stop."""
    return {call.stop: call for step in steps for call in step.calls if call.trip == trip}


def state_of(steps, vehicle="v"):
    return next(state for state in steps[-1].states if state.vehicle == vehicle)


@pytest.mark.parametrize("way", ["A", "L", "S"])
@pytest.mark.parametrize("every_s", [1.0, 10.0, 30.0])
def test_a_punctual_bus_calls_everywhere_on_time(way, every_s):
    matcher = Matcher(network())
    steps = played(matcher, drive("v", way, EIGHT, f"{way}0", every_s))
    pattern = matcher.ways.way(f"{way}0").pattern
    calls = calls_of(steps, f"{way}0")
    assert list(calls) == list(range(len(pattern.stops)))
    for stop, call in calls.items():
        expected_s = EIGHT + pattern.stop_m[stop] / SPEED_MPS
        turns = way == "S" and stop == 2  # at the tip of its spur, where no report may have seen it
        ends = stop == len(pattern.stops) - 1  # there a bus has arrived when it is near
        within_s = max(1.5 * every_s, 3.0) if turns else max(every_s, 4.0) if ends else 1.0 if every_s < 30.0 else every_s / 2
        assert call.arrived_s == pytest.approx(expected_s, abs=within_s)
        assert isnan(call.left_s) == ends


@pytest.mark.parametrize("way", ["A", "L", "S"])
@pytest.mark.parametrize("seed", range(5))
def test_noise_of_fifteen_metres_moves_no_place_by_more_than_its_few_sigmas(way, seed):
    matcher = Matcher(network())
    truth = list(drive("v", way, EIGHT, f"{way}0"))
    off_m = []
    for tick, one in enumerate(drive("v", way, EIGHT, f"{way}0", noise_m=15.0, seed=seed)):
        state = state_of([matcher.step([one], one.measured_ns)])
        if state.trip == f"{way}0":
            off_m.append(abs(state.place_m - min(tick * 10.0 * SPEED_MPS, LENGTH_M[way])))
    assert len(off_m) > 0.9 * len(truth)
    assert np.median(off_m) < 15.0
    assert np.max(off_m) < 150.0  # two sides of a turning point look alike for two reports


def test_a_loop_begins_at_its_start_though_it_ends_there():
    assert state_of(played(Matcher(network()), [position("v", EIGHT - 60.0, 0.0, 2000.0, "L0")])).duty is Duty.AT_TERMINAL
    assert state_of(played(Matcher(network()), drive("v", "L", EIGHT, "L0", until_m=2400.0))).place_m == pytest.approx(2400.0, abs=1.0)


def test_up_and_down_a_side_street_are_two_places():
    for driven_m in (1400.0, 2200.0):  # both 400 m up the street
        assert along("S", driven_m) == pytest.approx((1000.0, -1600.0))
        assert state_of(played(Matcher(network()), drive("v", "S", EIGHT, "S0", until_m=driven_m))).place_m == pytest.approx(
            driven_m, abs=1.0
        )


def test_who_joins_in_the_middle_is_placed_by_the_timetable():
    late_m = 2200.0
    x_m, y_m = along("S", late_m)
    assert state_of(played(Matcher(network()), [position("v", EIGHT + late_m / SPEED_MPS, x_m, y_m, "S0")])).place_m == pytest.approx(
        late_m, abs=1.0
    )


def test_a_stop_is_stood_at_and_left():
    reports = list(drive("v", "A", EIGHT, "A0", every_s=5.0, until_m=1000.0))
    arrived_s = EIGHT + 1000.0 / SPEED_MPS
    dwell = [position("v", arrived_s + 5.0 * tick, 1000.0, 0.0, "A0", speed_mps=0.0, doors_open=True, load=31) for tick in range(1, 6)]
    onwards = [position("v", arrived_s + 30.0 + 5.0 * tick, 1000.0 + 40.0 * tick, 0.0, "A0", load=31) for tick in range(1, 4)]
    matcher = Matcher(network())
    steps = played(matcher, [*reports, *dwell])
    assert state_of(steps).at_stop
    assert state_of(steps).next_stop == 2
    call = calls_of(steps + played(matcher, onwards), "A0")[2]
    assert call.arrived_s == pytest.approx(arrived_s, abs=5.0)
    assert call.left_s == pytest.approx(arrived_s + 27.5, abs=5.0)
    assert call.load == 31


def test_without_a_trip_id_the_trip_is_found_once_the_direction_shows():
    for way, other in (("A", "B"), ("B", "A")):
        steps = played(Matcher(network()), drive("v", way, EIGHT, line="A"))
        first = next(state for step in steps for state in step.states if state.trip)
        assert first.trip == f"{way}0"
        assert not any(state.trip.startswith(other) for step in steps[:-1] for state in step.states)
        assert totals(steps)["TRIP_FOUND"] == 1


def test_an_unknown_trip_id_is_counted_and_the_trip_is_found():
    steps = played(Matcher(network()), drive("v", "S", EIGHT, "ghost"))
    assert totals(steps)["TRIP_UNKNOWN"] == len(steps)
    assert "S0" in {state.trip for step in steps for state in step.states}


def test_a_bus_on_the_wrong_line_is_found_on_the_right_one():
    steps = played(Matcher(network()), drive("v", "S", EIGHT, "A0", line="A"))
    assert totals(steps)["CLAIM_ELSEWHERE"] > 0
    assert totals(steps)["CLAIM_WRONG"] == 1
    assert "S0" in {state.trip for step in steps for state in step.states}
    assert not calls_of(steps, "A0")


@pytest.mark.parametrize(("before", "trip"), [(True, "A1"), (False, "A0")])
def test_the_trip_of_the_next_bus_is_not_given_to_an_unnamed_one(before, trip):
    named = drive("named", "A", EIGHT, "A0") if before else []
    unnamed = drive("unnamed", "A", EIGHT + 400.0, line="A")
    matcher = Matcher(network())
    steps = played(matcher, [*named, *unnamed])
    trips = {state.trip for step in steps for state in step.states if state.vehicle == "unnamed" and state.trip.startswith("A")}
    assert trips == {trip}


def test_a_bus_is_on_no_trip_that_could_not_have_brought_it_there():
    """Such as one that drives on behind its last stop: the way is that of the next trip, which begins in some minutes."""
    matcher = Matcher(network())
    steps = played(matcher, drive("v", "A", EIGHT - 450.0, line="A"))
    assert {state.trip for step in steps for state in step.states} == {""}


def test_a_detour_is_told_and_its_stops_are_not_called():
    before = list(drive("v", "A", EIGHT, "A0", until_m=1000.0))
    around = [position("v", EIGHT + 130.0 + 10.0 * tick, 1000.0 + 80.0 * tick, 400.0, "A0") for tick in range(1, 13)]
    after = [position("v", EIGHT + 270.0 + 10.0 * tick, 2100.0 + 80.0 * tick, 0.0, "A0") for tick in range(14)]
    matcher = Matcher(network())
    steps = played(matcher, [*before, *around])
    assert state_of(steps).duty is Duty.DETOUR
    assert state_of(steps).trip == "A0"
    steps += played(matcher, after)
    assert state_of(steps).duty is Duty.ON_TRIP
    assert not {3, 4} & set(calls_of(steps, "A0"))
    assert {5, 6} <= set(calls_of(steps, "A0"))


def test_one_report_beside_the_street_costs_no_call():
    reports = list(drive("v", "A", EIGHT, "A0", every_s=30.0))
    astray = position("v", EIGHT + 150.0, 1200.0, 500.0, "A0")
    steps = played(Matcher(network()), [astray if one.measured_ns == astray.measured_ns else one for one in reports])
    assert totals(steps)["OFF_PATTERN"] == 1
    assert set(calls_of(steps, "A0")) == set(range(9))


def test_a_leap_is_not_believed_until_it_is_repeated():
    reports = list(drive("v", "A", EIGHT, "A0", until_m=800.0))
    leap = [position("v", EIGHT + 120.0 + tick, 60_000.0, 0.0, "A0") for tick in range(2)]
    matcher = Matcher(network())
    steps = played(matcher, [*reports, *leap])
    assert totals(steps)["TELEPORTED"] == 2
    assert state_of(steps).place_m == pytest.approx(800.0, abs=1.0)
    third = position("v", EIGHT + 123.0, 60_000.0, 0.0, "A0")
    assert totals(played(matcher, [third]))["ACCEPTED"] == 1


def test_a_frozen_receiver_is_found_out_where_the_bus_says_it_drives():
    reports = list(drive("v", "A", EIGHT, "A0", until_m=800.0))
    last = replace(reports[-1], speed_mps=9.0)
    frozen = [replace(last, measured_ns=last.measured_ns + tick * 10**10) for tick in range(1, 10)]
    steps = played(Matcher(network()), [*reports, *frozen])
    assert totals(steps)["FROZEN"] == 7
    assert state_of(steps).measured_ns <= frozen[1].measured_ns


def test_who_is_off_duty_is_on_no_trip():
    wander = np.cumsum(np.random.default_rng(3).normal(0.0, 60.0, (60, 2)), axis=0).tolist()
    steps = played(Matcher(network()), [position("v", EIGHT + 10.0 * tick, x - 3000.0, y + 5000.0) for tick, (x, y) in enumerate(wander)])
    assert {state.duty for step in steps for state in step.states} == {Duty.OFF}
    assert not [call for step in steps for call in step.calls]


def test_a_standing_bus_without_a_trip_is_on_none():
    steps = played(Matcher(network()), [position("v", EIGHT + 30.0 * tick, 1000.0 + tick % 3, 0.0, line="A") for tick in range(40)])
    assert {state.duty for step in steps for state in step.states} == {Duty.OFF}


def test_of_two_on_one_trip_the_first_serves_and_the_other_is_doubted():
    matcher = Matcher(network())
    steps = played(matcher, [*drive("v", "A", EIGHT, "A0"), *drive("w", "A", EIGHT + 200.0, "A0", until_m=2000.0)])
    assert {call.vehicle for step in steps for call in step.calls if call.trip == "A0"} == {"v"}
    assert Duty.DOUBTED in {state.duty for step in steps for state in step.states if state.vehicle == "w"}
    assert totals(steps)["TRIP_CLAIMED_TWICE"] > 0


def test_who_drives_the_trip_takes_it_from_who_stands_at_the_terminal_with_its_id():
    parked = [position("w", EIGHT - 60.0 + 10.0 * tick, 0.0, 0.0, "A0") for tick in range(60)]
    steps = played(Matcher(network()), [*parked, *drive("v", "A", EIGHT, "A0")])
    assert totals(steps)["TRIP_TAKEN_OVER"] == 1
    assert {call.vehicle for call in calls_of(steps, "A0").values() if call.stop > 5} == {"v"}
    assert state_of(steps, "w").duty is Duty.DOUBTED


def test_who_stands_where_his_next_trip_ends_has_not_begun_it():
    steps = played(Matcher(network()), [position("v", EIGHT - 60.0 + tick, 4000.0, 0.0, "A0") for tick in range(5)])
    assert state_of(steps).duty is Duty.OFF
    assert totals(steps)["CLAIM_AT_END"] == 5


def test_who_drives_to_the_terminal_through_his_next_trips_street_has_not_begun_it():
    backwards = [position("v", EIGHT - 2400.0 + 30.0 * tick, 3900.0 - 200.0 * tick, 0.0, "A0") for tick in range(18)]
    steps = played(Matcher(network()), backwards)
    assert {state.duty for step in steps for state in step.states} == {Duty.OFF}
    assert totals(steps)["CLAIM_TOO_EARLY"] > 0


def test_a_silent_bus_loses_its_trip_to_its_relief():
    matcher = Matcher(network())
    played(matcher, drive("v", "A", EIGHT, "A0", until_m=1000.0))
    relief = list(drive("w", "A", EIGHT + SILENT_NS / 1e9 + 200.0, "A0"))
    steps = played(matcher, relief)
    assert "v" not in {state.vehicle for state in steps[-1].states}
    assert set(calls_of(steps, "A0")) == set(range(9))


def test_a_finished_trip_does_not_begin_again_and_the_duty_goes_on():
    matcher = Matcher(network())
    steps = played(matcher, drive("v", "A", EIGHT, "A0"))
    waits = [position("v", EIGHT + 520.0 + 10.0 * tick, 4000.0, 5.0, "A0") for tick in range(10)]
    steps += played(matcher, waits)
    duty = matcher.ways.network.trips["A0"].duty
    following = matcher.ways.following["A0"]
    assert matcher.ways.network.trips[following].duty == duty
    assert state_of(steps).trip == following
    assert state_of(steps).duty is Duty.AT_TERMINAL
    assert totals(steps)["TRIP_SERVED_BEFORE"] >= len(waits)


def test_lateness_is_told_at_the_last_stop_passed():
    steps = played(Matcher(network()), drive("v", "A", EIGHT + 90.0, "A0", until_m=2100.0))
    assert state_of(steps).deviation_s == pytest.approx(90.0, abs=2.0)
    waiting = played(Matcher(network()), [position("v", EIGHT + tick, 0.0, 0.0, "A0") for tick in (-30.0, 0.0, 40.0)])
    assert [step.states[0].deviation_s for step in waiting] == [0.0, 0.0, 40.0]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"latitude_deg": float("nan")}, "MALFORMED"),
        ({"latitude_deg": 91.0}, "MALFORMED"),
        ({"longitude_deg": 181.0}, "MALFORMED"),
        ({"latitude_deg": 0.0, "longitude_deg": 0.0}, "MALFORMED"),
        ({"vehicle": ""}, "MALFORMED"),
        ({"measured_ns": 0}, "MALFORMED"),
        ({"measured_ns": MIDNIGHT_NS + 10 * 3600 * 10**9}, "FUTURE"),
        ({}, "ACCEPTED"),
    ],
)
def test_what_is_wrong_with_a_report_is_counted_and_hurts_nobody(change, verdict):
    matcher = Matcher(network())
    good = position("v", EIGHT, 0.0, 0.0, "A0")
    step = matcher.step([replace(good, **change), position("w", EIGHT, 0.0, 0.0, "B0")], good.measured_ns)
    assert step.verdicts[verdict] == 1 + (verdict == "ACCEPTED")
    assert "w" in {state.vehicle for state in step.states}


def test_the_same_report_twice_is_stale():
    one = position("v", EIGHT, 0.0, 0.0, "A0")
    assert Matcher(network()).step([one, one], one.measured_ns).verdicts == {"ACCEPTED": 1, "STALE": 1}


def test_a_line_with_one_bus_is_a_line_like_any_other():
    steps = played(Matcher(network()), [*drive("v", "L", EIGHT, "L0"), *drive("v", "L", EIGHT + 600.0, "L1")])
    assert set(calls_of(steps, "L0")) == set(calls_of(steps, "L1")) == set(range(5))


@pytest.mark.parametrize("headway_s", [600.0, 150.0])  # apart, and three on the way at a time
def test_an_id_that_many_runs_share_means_the_one_that_is_due(headway_s):
    runs = [replace(journey("L", number, EIGHT + headway_s * number), id=f"f@{number}") for number in range(8)]
    steps = played(Matcher(network(runs)), drive("v", "L", EIGHT + 4 * headway_s + 30.0, "f"))
    assert {state.trip for step in steps[:-1] for state in step.states} == {"f@4"}
