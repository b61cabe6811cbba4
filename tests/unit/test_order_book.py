"""One order at a time through its whole life, and what must not happen to it on the way."""

import math

import pytest

from intersections.buses.order_book import REPEAT_NS
from intersections.buses.order_effects import NOT_FOLLOWING, UNMEASURED
from intersections.buses.order_register import SEEN_WITHIN_NS
from intersections.buses.order_rules import SECOND_NS
from intersections.buses.orders import Answer, DispatchMode, OrderKind, OrderState, OrderVerdict
from intersections.buses.samples import Duty
from tests.bus_orders import BEGIN_S, NOW_NS, at_ns, book, by_hand, call, proposal, said, state

V, S = OrderVerdict, OrderState


def given(orders, **changed):
    """An order by hand that has been sent."""
    verdict, order = orders.order(by_hand(**changed), NOW_NS)
    assert verdict is V.TAKEN
    assert [one.id for one in orders.tick(NOW_NS)] == [order.id]
    return order


def states_of(orders):
    return [record.state for record in orders.events()]


def test_a_proposal_becomes_an_order_that_is_carried_out_and_measured():
    orders = book()
    orders.see([], [call("bus-0", "t0", arrived_s=BEGIN_S - 240, stood_s=20)], NOW_NS)
    orders.propose([proposal()], NOW_NS)
    (open_one,) = orders.open()
    assert orders.tick(NOW_NS) == []
    assert orders.accept(open_one.order.id, "anna", NOW_NS, version=1) is V.TAKEN
    (sent,) = orders.tick(NOW_NS)
    assert (sent.author, sent.value, sent.version) == ("anna", 40.0, 1)
    assert orders.acknowledge(said(sent), NOW_NS + SECOND_NS) is V.TAKEN
    # Arrived at +60 s, usually stands 20 s, stood 60: held 40, left at +120 s. Before it: left at -220 s, so h = 340 s.
    orders.see([state()], [call()], at_ns(BEGIN_S + 121))
    # The next left at +420 s: g = 300 s.
    # Saved: r shift (g - h + shift) = 0.1 * 40 * (300 - 340 + 40) = 0; 10 riders on board lost 40 s each.
    orders.see([], [call("bus-2", "t2", arrived_s=BEGIN_S + 400, stood_s=20)], at_ns(BEGIN_S + 421))
    record = orders.record(sent.id)
    assert states_of(orders) == [S.PROPOSED, S.ACCEPTED, S.SENT, S.ACKNOWLEDGED, S.CARRIED_OUT, S.CARRIED_OUT]
    assert (record.measured.waiting_s, record.measured.in_vehicle_s, record.measured.operator_s) == (0.0, -400.0, -40.0)
    assert "left 40 s earlier, 300 s after the one before it and 340 s before the next" in record.counterfactual


def test_what_is_not_answered_is_said_again_until_it_is():
    orders = book()
    order = given(orders)
    assert orders.tick(NOW_NS + REPEAT_NS - 1) == []
    assert orders.tick(NOW_NS + REPEAT_NS) == [order]
    assert orders.acknowledge(said(order, Answer.RECEIVED), NOW_NS + REPEAT_NS) is V.TAKEN
    assert orders.tick(NOW_NS + 3 * REPEAT_NS) == []
    assert orders.record(order.id).state is S.SENT


def test_a_withdrawal_is_told_until_the_vehicle_has_heard_of_it():
    orders = book()
    order = given(orders)
    assert orders.withdraw(order.id, "anna", NOW_NS, "road closed") is V.TAKEN
    (last,) = orders.tick(NOW_NS)
    assert (last.version, last.withdrawn) == (2, True)
    assert orders.acknowledge(said(last, Answer.RECEIVED), NOW_NS) is V.TAKEN
    assert orders.tick(NOW_NS + REPEAT_NS) == []


def test_what_was_never_sent_is_withdrawn_in_silence():
    orders = book()
    _, order = orders.order(by_hand(), NOW_NS)
    orders.withdraw(order.id, "anna", NOW_NS)
    assert orders.tick(NOW_NS) == []


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"value": 61.0}, V.OVER_LIMIT),
        ({"value": 61.0, "stop": 0}, V.TAKEN),
        ({"value": 0.0}, V.MALFORMED),
        ({"value": math.inf}, V.MALFORMED),
        ({"valid_until_ns": NOW_NS}, V.EXPIRED),
        ({"valid_until_ns": NOW_NS + 5 * 3600 * SECOND_NS}, V.MALFORMED),
        ({"vehicle": ""}, V.MALFORMED),
        ({"kind": OrderKind.DEPART_AT, "stop": 0, "value": BEGIN_S + 250.0}, V.TAKEN),
        ({"kind": OrderKind.DEPART_AT, "stop": 0, "value": BEGIN_S + 310.0}, V.MALFORMED),  # it would have ended by then
        ({"kind": OrderKind.DEPART_AT, "stop": 0, "value": BEGIN_S + 250.0, "trip": "t2"}, V.OVER_LIMIT),  # 16 min too early
        ({"kind": OrderKind.DEPART_AT, "stop": 0, "value": BEGIN_S + 250.0, "trip": "none"}, V.MALFORMED),
        ({"kind": OrderKind.SPEED, "value": 60.0}, V.OVER_LIMIT),
        ({"kind": OrderKind.CANCEL, "trip": "none"}, V.MALFORMED),
        ({"kind": OrderKind.TEXT, "text": ""}, V.MALFORMED),
    ],
)
def test_what_may_be_ordered(changed, verdict):
    assert book().order(by_hand(**changed), NOW_NS)[0] is verdict


def test_holds_may_be_longer_where_it_is_configured():
    assert book(hold_most_s=90.0).order(by_hand(value=80.0), NOW_NS)[0] is V.TAKEN


@pytest.mark.parametrize(
    ("stood_s", "became"), [(60.0, S.CARRIED_OUT), (46.0, S.CARRIED_OUT), (44.0, S.NOT_CARRIED_OUT), (20.0, S.NOT_CARRIED_OUT)]
)
def test_a_hold_of_40_s_beyond_the_usual_20_is_seen_within_15(stood_s, became):
    orders = book()
    orders.acknowledge(said(given(orders)), NOW_NS)
    orders.see([state()], [call(stood_s=stood_s)], at_ns(BEGIN_S + 130))
    assert states_of(orders)[-1] is became


def test_an_acknowledged_order_of_which_nothing_is_seen_is_not_carried_out():
    orders = book()
    order = given(orders)
    orders.acknowledge(said(order), NOW_NS)
    orders.tick(order.valid_until_ns + SEEN_WITHIN_NS - 1)
    assert orders.record(order.id).state is S.ACKNOWLEDGED
    orders.tick(order.valid_until_ns + SEEN_WITHIN_NS)
    assert orders.record(order.id).state is S.NOT_CARRIED_OUT


def test_an_inserted_bus_is_seen_on_its_trip():
    orders = book()
    orders.acknowledge(said(given(orders, kind=OrderKind.INSERT, trip="t3", stop=0, value=0.0)), NOW_NS)
    orders.see([state(trip="t1")], [], NOW_NS)
    assert states_of(orders)[-1] is S.ACKNOWLEDGED
    orders.see([state(trip="t3")], [], NOW_NS + SECOND_NS)
    assert states_of(orders)[-1] is S.CARRIED_OUT


@pytest.mark.parametrize(
    ("kind", "before", "after"), [(OrderKind.INSERT, "t1", "t3"), (OrderKind.CANCEL, "t3", "t4")], ids=["insert", "cancel"]
)
def test_a_trip_that_is_proposed_accepted_and_acknowledged_is_seen_and_its_effect_said_to_be_unmeasured(kind, before, after):
    orders = book()
    orders.propose([proposal(kind=kind, trip="t3", stop=0, value=0.0)], NOW_NS)
    (record,) = orders.open()
    assert orders.accept(record.order.id, "anna", NOW_NS, 1) is V.TAKEN
    (order,) = orders.tick(NOW_NS)
    orders.acknowledge(said(order), NOW_NS)
    orders.see([state(trip=before)], [], NOW_NS)
    assert orders.record(order.id).state is S.ACKNOWLEDGED
    orders.see([state(trip=after)], [], NOW_NS + SECOND_NS)
    ended = orders.record(order.id)
    assert (ended.state, ended.measured, ended.counterfactual) == (S.CARRIED_OUT, None, UNMEASURED[kind])


def test_a_cancelled_trip_that_is_run_to_its_end_was_not_cancelled_whatever_the_bus_does_next():
    orders = book()
    order = given(orders, kind=OrderKind.CANCEL, value=0.0)
    orders.acknowledge(said(order), NOW_NS)
    orders.see([state(duty=Duty.DOUBTED)], [call(stop=3)], NOW_NS)
    assert orders.record(order.id).state is S.ACKNOWLEDGED
    orders.see([state(trip="t3", duty=Duty.AT_TERMINAL)], [call(stop=4)], NOW_NS + SECOND_NS)
    ended = orders.record(order.id)
    assert (ended.state, ended.reason) == (S.NOT_CARRIED_OUT, "it ran to its last stop")


def test_what_is_not_measured_of_a_stop_says_why():
    for changed, why in (({"kind": OrderKind.SPEED, "value": 5.0}, UNMEASURED[OrderKind.SPEED]), ({}, NOT_FOLLOWING)):
        orders = book()
        order = given(orders, **changed)
        orders.acknowledge(said(order), NOW_NS)
        orders.see([], [call(stood_s=60.0)], NOW_NS + SECOND_NS)
        assert (orders.record(order.id).state, orders.record(order.id).counterfactual) == (S.CARRIED_OUT, why)


def test_the_same_wish_with_another_value_is_the_next_version_in_automatic_mode():
    orders = book(DispatchMode.AUTOMATIC)
    orders.propose([proposal()], NOW_NS)
    (first,) = orders.tick(NOW_NS)
    orders.acknowledge(said(first), NOW_NS)
    orders.propose([proposal(value=43.0)], NOW_NS)
    assert orders.tick(NOW_NS) == []
    orders.propose([proposal(value=55.0)], NOW_NS)
    (second,) = orders.tick(NOW_NS)
    assert (second.id, second.version, second.value) == (first.id, 2, 55.0)
    assert orders.acknowledge(said(first), NOW_NS) is V.STALE_VERSION


def test_a_dispatchers_change_is_not_changed_by_the_rule():
    orders = book(DispatchMode.AUTOMATIC)
    orders.propose([proposal()], NOW_NS)
    (first,) = orders.tick(NOW_NS)
    orders.change(first.id, 20.0, 0, "anna", NOW_NS)
    orders.propose([proposal(value=55.0)], NOW_NS)
    assert [order.value for order in orders.tick(NOW_NS)] == [20.0]


def test_a_lines_mode_decides():
    orders = book(DispatchMode.ADVISE)
    orders.propose([proposal()], NOW_NS)
    (record,) = orders.open()
    assert orders.accept(record.order.id, "anna", NOW_NS) is V.ADVISED_ONLY
    orders.set_mode("7", DispatchMode.AUTOMATIC)
    orders.propose([proposal(confidence=0.4)], NOW_NS)
    assert orders.tick(NOW_NS) == []
    orders.propose([proposal(confidence=0.6)], NOW_NS)
    assert len(orders.tick(NOW_NS)) == 1


def test_another_vehicles_answer_changes_nothing():
    orders = book()
    order = given(orders)
    assert orders.acknowledge(said(order, vehicle="bus-2"), NOW_NS) is V.NOT_YOURS
    assert orders.record(order.id).state is S.SENT


def test_an_answer_after_the_end_is_too_late_even_before_the_book_has_looked_at_the_time():
    orders = book()
    order = given(orders)
    assert orders.acknowledge(said(order), order.valid_until_ns) is V.TOO_LATE
    assert orders.record(order.id).state is S.SENT
    orders.tick(order.valid_until_ns)
    assert orders.record(order.id).state is S.TIMED_OUT
