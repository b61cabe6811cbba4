"""What is proposed for a line, kind by kind: preconditions, limits, effects."""

from dataclasses import replace

import pytest

from intersections.buses.dispatch import Proposer
from intersections.buses.order_book import OrderBook
from intersections.buses.order_rules import Limits
from intersections.buses.orders import DispatchMode, OrderKind
from intersections.buses.plans import LinePlan, LinePlans
from tests.bus_lines import BEGIN_S, CONTROL, HEADWAY_S, at_ns, foreseen, left, line_network, running, waiting

BUSY = LinePlan(riders_per_s=0.05)
NOW_S = BEGIN_S + 1500.0


def proposed(states, predictions, calls=(), plan=BUSY, network=None, now_s=NOW_S):
    proposer = Proposer(network or line_network())
    proposer.observe(calls)
    return proposer.propose(states, predictions, LinePlans({}, plan), at_ns(now_s))


def between(forward_s: float, behind_s: float, load: int = 10):
    """Bus 2 reaches the control stop in 30 s and is ready there in 45 s; its leader has left it, its follower comes."""
    ready_s = NOW_S + 45.0
    states = [running(1, 9), running(2, CONTROL, load=load), running(3, 1)]
    predictions = [foreseen(states[1], NOW_S + 30.0), foreseen(states[2], ready_s + behind_s - 15.0)]
    return states, predictions, [left(1, CONTROL, ready_s - forward_s)]


def of_bus_2(proposals):
    return [one for one in proposals if one.vehicle == "v2"]


def test_equal_headways_need_no_order():
    assert proposed(*between(HEADWAY_S, HEADWAY_S)) == []


def test_a_bus_at_its_leaders_back_is_held_within_the_limit():
    (one,) = of_bus_2(proposed(*between(300.0, 900.0)))
    assert (one.kind, one.vehicle, one.trip, one.stop, one.value) == (OrderKind.HOLD, "v2", "t2", CONTROL, 60.0)
    # Its follower, far behind, asks the signals for 5 s at each of three stops, as sure as 0.7: the gap behind closes by that.
    assert one.predicted.waiting_s == pytest.approx(0.05 * 5 * 60.0 * (900.0 - 300.0 - 60.0 - 0.7 * 3 * 5.0))
    assert one.predicted.in_vehicle_s == -600.0
    assert one.predicted.operator_s == -60.0
    assert one.confidence > 0.99
    assert one.valid_until_ns == at_ns(NOW_S + 45.0 + 60.0 + 60.0)


def test_a_limit_of_the_line_is_kept():
    (one,) = of_bus_2(proposed(*between(300.0, 900.0), plan=replace(BUSY, hold_most_s=25.0)))
    assert one.value == 25.0


def test_a_full_bus_is_not_held_for_a_few_who_wait():
    # The top of w r u (g - h - u) - load u lies below zero: load / (w r) = 60 / (2 x 0.05 x 5) = 120 s are more than g - h.
    assert proposed(*between(550.0, 650.0, load=60)) == []


def test_holding_waits_for_a_bus_to_come_near():
    states, predictions, calls = between(300.0, 900.0)
    found = proposed(states, [foreseen(states[1], NOW_S + 200.0), predictions[1]], calls)
    assert OrderKind.HOLD not in {one.kind for one in found}


def test_a_line_with_one_bus_gets_no_headway_orders():
    states, predictions, calls = between(300.0, 900.0)
    assert proposed(states[1:2], predictions[:1], calls) == []


def test_early_on_a_timetable_a_bus_waits_for_its_time():
    network = replace(line_network(headway_s=1200.0), headway_lines=frozenset())
    scheduled_s = BEGIN_S + 1200.0 + 100.0 * CONTROL
    now_s = scheduled_s - 60.0
    (one,) = proposed([running(1, CONTROL, deviation_s=-55.0)], [foreseen(running(1, CONTROL), now_s)], network=network, now_s=now_s)
    assert one.kind == OrderKind.DEPART_NOT_BEFORE
    assert one.value == scheduled_s
    assert one.predicted.in_vehicle_s == -20 * 45.0


def test_so_early_that_nobody_has_come_yet_a_hold_helps_nobody():
    network = replace(line_network(headway_s=1200.0), headway_lines=frozenset())
    now_s = BEGIN_S + 1200.0 + 100.0 * CONTROL - 700.0
    assert proposed([running(1, CONTROL, deviation_s=-695.0)], [foreseen(running(1, CONTROL), now_s)], network=network, now_s=now_s) == []


def test_buses_at_the_terminal_leave_evenly():
    # The leader left 300 s late: of the next departures 1 and 2 the first leaves later, half-way, never more than 10 min from its time.
    now_s = BEGIN_S + 400.0
    (one,) = [
        one
        for one in proposed([running(0, 1), waiting(1)], [], [left(0, 0, BEGIN_S + 300.0)], network=line_network(3), now_s=now_s)
        if one.kind == OrderKind.DEPART_AT
    ]
    assert (one.vehicle, one.stop, one.value) == ("v1", 0, BEGIN_S + 750.0)
    assert one.predicted.waiting_s == pytest.approx(0.05 * 9 * 150.0 * (600.0 - 300.0 - 150.0))


def test_a_dispatchers_headway_replaces_the_timetables():
    now_s = BEGIN_S + 400.0
    plan = replace(BUSY, headway_s=540.0)
    found = proposed([running(0, 1), waiting(1)], [], [left(0, 0, BEGIN_S + 300.0)], plan, line_network(4), now_s)
    assert [one.value for one in found if one.kind == OrderKind.DEPART_AT] == [BEGIN_S + 840.0]


def test_a_bus_that_fell_back_asks_the_signals():
    states = [running(1, 9), running(2, 2), running(3, 1)]
    predictions = [foreseen(states[1], NOW_S + 200.0), foreseen(states[2], NOW_S + 350.0)]
    found = of_bus_2(proposed(states, predictions, [left(1, CONTROL, NOW_S - 700.0)]))
    assert [(one.kind, one.vehicle, one.stop) for one in found] == [(OrderKind.PRIORITY, "v2", CONTROL)]
    assert found[0].predicted.waiting_s > 0.0
    assert found[0].predicted.in_vehicle_s > 0.0


def test_far_from_its_control_stop_a_bunched_bus_slows_down():
    states = [running(1, 9), running(2, 1), running(3, 1)]
    predictions = [foreseen(states[1], NOW_S + 400.0), foreseen(states[2], NOW_S + 1500.0)]
    found = proposed(states, predictions, [left(1, CONTROL, NOW_S + 300.0)])
    (one,) = of_bus_2(found)
    assert one.kind == OrderKind.SPEED
    way_m, moving_s = 1750.0, 400.0 - 3 * 15.0
    assert way_m / (moving_s + 0.15 * 400.0) - 0.05 <= one.value < way_m / moving_s


def test_a_standby_bus_runs_a_trip_that_has_no_vehicle():
    network = line_network(duties=True)
    now_s = BEGIN_S + 2 * HEADWAY_S - 60.0
    (one,) = [
        one
        for one in proposed([running(0, 9), running(1, 5)], [], plan=replace(BUSY, standby=("s1",)), network=network, now_s=now_s)
        if one.kind == OrderKind.INSERT
    ]
    assert (one.vehicle, one.trip) == ("s1", "t2")
    assert one.predicted.waiting_s == pytest.approx(0.05 * 9 * HEADWAY_S**2)


def cancelled(behind_s: float = 100.0, next_trip: str = "t3", load: int = 10, buses: int = 3):
    """What is proposed of cancelling bus 2, which leaves the control stop 900 s after its leader and is at its end 600 s from now."""
    network = line_network()
    for trip in ("t2", next_trip):
        network.trips[trip] = replace(network.trips[trip], duty="d")
    states = [running(1, 9), running(2, CONTROL - 1, load=load), running(4, 1)]
    predictions = [foreseen(states[1], NOW_S + 100.0), foreseen(states[2], NOW_S + 100.0 + behind_s)]
    states = states[-buses:]
    found = proposed(states, predictions, [left(1, CONTROL, NOW_S + 115.0 - 900.0)], replace(BUSY, layover_s=120.0), network)
    return [one for one in found if one.kind is OrderKind.CANCEL]


def test_a_late_bus_with_its_follower_at_its_back_ends_its_trip_to_begin_the_next_in_time():
    (one,) = cancelled()
    assert (one.vehicle, one.trip, one.stop) == ("v2", "t2", CONTROL)
    # The next trip, due 300 s from now, would leave 600 - 300 + 120 = 420 s late. Evenly 600 s apart, r ((H + L)^2 + (H - L)^2 - 2 H^2) / 2
    # = r L^2 is lost by that; the gaps h and g that become one cost r h g. Those who ride wait for the follower.
    assert one.predicted.waiting_s == pytest.approx(0.05 * 9 * 420.0**2 - 0.05 * 5 * 900.0 * 100.0)
    assert one.predicted.in_vehicle_s == -10 * 100.0
    assert one.predicted.operator_s == 500.0


def test_no_trip_is_cancelled_without_need():
    assert len(cancelled(behind_s=150.0)) == 1
    assert cancelled(behind_s=160.0) == []  # more than a quarter of the headway
    assert cancelled(next_trip="t7") == []  # it will be there in time
    assert cancelled(load=1000) == []  # the follower could not take its riders
    assert cancelled(buses=2) == []


def test_no_trip_is_inserted_without_need():
    standby = replace(BUSY, standby=("s1",))
    network, now_s = line_network(duties=True), BEGIN_S + 2 * HEADWAY_S - 60.0
    for states, plan in (([running(0, 9), waiting(2)], standby), ([running(0, 9), running(1, 5)], BUSY)):
        assert OrderKind.INSERT not in {one.kind for one in proposed(states, [], plan=plan, network=network, now_s=now_s)}


def test_a_standby_bus_that_runs_the_other_direction_is_not_inserted():
    standby, now_s = replace(BUSY, standby=("s1",)), BEGIN_S + 2 * HEADWAY_S - 60.0
    network = line_network(duties=True)
    network.patterns["q"] = replace(network.patterns["p"], id="q", direction="1")
    network.trips["u0"] = replace(network.trips["t0"], id="u0", pattern="q", duty="")
    back = replace(running(0, 5), vehicle="s1", trip="u0", pattern="q")
    for there, inserted in (([], ["s1"]), ([back], [])):
        found = proposed([running(0, 9), running(1, 5), *there], [], plan=standby, network=network, now_s=now_s)
        assert [one.vehicle for one in found if one.kind == OrderKind.INSERT] == inserted


def test_nothing_is_proposed_of_trips_the_network_does_not_know():
    assert proposed([replace(running(1, 4), trip="?"), replace(running(2, 4), trip="")], []) == []


def test_a_snapshot_goes_on_as_before():
    states, predictions, calls = between(300.0, 900.0)
    first, second = Proposer(line_network()), Proposer(line_network())
    first.observe(calls)
    second.restore(first.snapshot())
    assert first.propose(states, predictions, LinePlans({}, BUSY), at_ns(NOW_S)) == second.propose(
        states, predictions, LinePlans({}, BUSY), at_ns(NOW_S)
    )


def test_a_departure_is_told_anew_when_its_time_changes():
    """By half a minute or more: a tenth of a time of day would be hours."""
    orders = OrderBook(line_network(3), Limits(mode=DispatchMode.AUTOMATIC))
    told = []
    for late_s in (300.0, 320.0, 420.0):
        now_s = BEGIN_S + 430.0
        found = proposed([running(0, 1), waiting(1)], [], [left(0, 0, BEGIN_S + late_s)], network=line_network(3), now_s=now_s)
        orders.propose([one for one in found if one.kind == OrderKind.DEPART_AT], at_ns(now_s))
        told += [(order.version, order.value - BEGIN_S) for order in orders.tick(at_ns(now_s))]
    assert told == [(1, 750.0), (2, 810.0)]


def test_a_bus_behind_a_cancelled_trip_follows_the_one_before_it():
    """Bus 2 is not run from the stop before the control stop on: nobody holds it, and bus 3 has bus 1 as its leader."""
    states, predictions, calls = between(300.0, 500.0)
    proposer = Proposer(line_network())
    proposer.observe(calls)
    proposer.cancelled["t2"] = CONTROL
    assert proposer.propose(states, predictions, LinePlans({}, BUSY), at_ns(NOW_S)) == []
    proposer.cancelled.clear()
    assert proposer.propose(states, predictions, LinePlans({}, BUSY), at_ns(NOW_S)) != []
