"""Orders of priority: in force while they may be, granted by intersections, ended by the bus or the clock, and told to no driver."""

import math

import pytest

from intersections.buses.order_rules import SECOND_NS
from intersections.buses.orders import OrderKind, OrderState, OrderVerdict
from intersections.buses.samples import Duty
from tests.bus_orders import NOW_NS, book, by_hand, call, said, state

S = OrderState


def ordered(**changed):
    orders = book()
    verdict, order = orders.order(by_hand(kind=OrderKind.PRIORITY, value=1.0, **changed), NOW_NS)
    assert verdict is OrderVerdict.TAKEN
    return orders, order


def in_force(orders, now_ns=NOW_NS, **seen):
    return orders.signals.in_force({"bus-1": state(**seen)}.get, now_ns)


def test_it_is_in_force_at_once_and_sent_to_nobody():
    orders, order = ordered()
    assert in_force(orders) == {"bus-1": 10}
    assert orders.tick(NOW_NS + SECOND_NS) == []
    assert orders.acknowledge(said(order), NOW_NS) is not OrderVerdict.TAKEN


@pytest.mark.parametrize("seen", [{"next_stop": 3}, {"trip": "t2"}, {"duty": Duty.AT_TERMINAL}, {"duty": Duty.DOUBTED}, {"duty": Duty.OFF}])
def test_it_is_not_in_force_for_a_bus_past_its_stop_on_another_trip_or_not_driving(seen):
    orders, _ = ordered()
    assert in_force(orders, **seen) == {}


def test_it_is_carried_out_when_the_bus_has_passed_its_stop_and_was_granted():
    orders, order = ordered()
    assert orders.signals.grant("north", ["bus-1", "bus-2"], NOW_NS)
    assert not orders.signals.grant("north", ["bus-1"], NOW_NS)  # no news
    orders.see([state(next_stop=3)], [], NOW_NS + SECOND_NS)
    record = orders.record(order.id)
    assert (record.state, record.reason) == (S.CARRIED_OUT, "granted at north")
    assert record.measured is None
    assert record.counterfactual.startswith("not measured")


def test_the_end_of_the_trip_ends_it():
    orders, order = ordered(stop=4)
    orders.signals.grant("north", ["bus-1"], NOW_NS)
    orders.see([], [call(trip="t2", stop=4, stood_s=math.nan), call(stop=3)], NOW_NS)  # another's trip, another stop
    assert orders.record(order.id).state is S.ACCEPTED
    orders.see([], [call(stop=4, stood_s=math.nan)], NOW_NS)
    assert orders.record(order.id).state is S.CARRIED_OUT


def test_it_was_not_carried_out_where_nobody_granted_it():
    orders, order = ordered()
    orders.see([state(next_stop=3)], [], NOW_NS)
    assert orders.record(order.id).state is S.NOT_CARRIED_OUT


@pytest.mark.parametrize(("granted", "end"), [(True, S.CARRIED_OUT), (False, S.NOT_CARRIED_OUT)])
def test_its_end_ends_it(granted, end):
    orders, order = ordered()
    if granted:
        orders.signals.grant("north", ["bus-1"], NOW_NS)
    late_ns = order.valid_until_ns
    assert in_force(orders, late_ns) == {}
    assert not orders.signals.grant("south", ["bus-1"], late_ns)
    orders.tick(late_ns)
    assert orders.record(order.id).state is end


def test_a_withdrawn_or_superseded_one_is_not_in_force_and_nobody_is_told():
    orders, order = ordered()
    assert orders.withdraw(order.id, "anna", NOW_NS) is OrderVerdict.TAKEN
    assert in_force(orders) == {}
    assert orders.tick(NOW_NS) == []
    _, first = orders.order(by_hand(kind=OrderKind.PRIORITY, value=1.0), NOW_NS)
    _, second = orders.order(by_hand(kind=OrderKind.PRIORITY, value=1.0, stop=1), NOW_NS)
    assert orders.record(first.id).state is S.SUPERSEDED
    assert in_force(orders) == {}  # the bus is past stop 1
    assert in_force(orders, next_stop=1) == {"bus-1": 10}
    assert orders.record(second.id).state is S.ACCEPTED


def test_it_goes_on_after_a_restart():
    orders, order = ordered()
    orders.signals.grant("north", ["bus-1"], NOW_NS)
    again = book()
    again.restore(orders.snapshot())
    again.see([state(next_stop=3)], [], order.valid_until_ns - 1)
    assert again.record(order.id).state is S.CARRIED_OUT
