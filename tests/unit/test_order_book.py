"""One order at a time through its whole life, and what must not happen to it on the way."""

from intersections.buses.order_rules import SECOND_NS
from intersections.buses.orders import OrderState, OrderVerdict
from tests.bus_orders import BEGIN_S, NOW_NS, at_ns, book, by_hand, call, proposal, said, state

V, S = OrderVerdict, OrderState
MINUTE_NS = 60 * SECOND_NS


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
