"""Whatever is ordered: times ahead of now, in order, and moved only behind the stop that the order is about."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from intersections.buses.ordered_times import as_ordered
from intersections.buses.orders import OrderKind
from intersections.buses.samples import Duty, Prediction, Predictor
from tests.bus_orders import BEGIN_S, at_ns, by_hand, network, state

STOPS = 5
NETWORK = network()
gaps = st.floats(0.0, 400.0)


@st.composite
def situations(draw):
    """A bus somewhere on t1, what is foreseen of it, and up to three orders, sensible or not."""
    now_s, next_stop = BEGIN_S + draw(st.floats(-600.0, 1800.0)), draw(st.integers(0, STOPS - 2))
    at_stop = draw(st.booleans())
    first = next_stop + (at_stop or next_stop == 0)
    duty = Duty.AT_TERMINAL if next_stop == 0 and draw(st.booleans()) else Duty.ON_TRIP
    bus = state(duty=duty, next_stop=next_stop, at_stop=at_stop, now_ns=at_ns(now_s - draw(st.floats(0.0, 300.0))))
    p10_s = now_s + np.cumsum([draw(gaps) for _ in range(STOPS - first)])
    p50_s = np.maximum.accumulate(p10_s + [draw(gaps) for _ in p10_s])
    p90_s = np.maximum.accumulate(p50_s + [draw(gaps) for _ in p10_s])
    known = Prediction("bus-1", "t1", first, now_s, p10_s, p50_s, p90_s, Predictor.RECENT)
    orders = []
    for kind in draw(st.lists(st.sampled_from(OrderKind), max_size=3)):
        timed = kind in {OrderKind.DEPART_AT, OrderKind.DEPART_NOT_BEFORE}
        value = BEGIN_S + draw(st.floats(-900.0, 3600.0)) if timed else draw(st.floats(0.0, 600.0))
        orders.append(by_hand(kind=kind, value=value, stop=draw(st.integers(0, STOPS - 1)), trip=draw(st.sampled_from(["", "t1", "t2"]))))
    arrived_s = {"bus-1": now_s - draw(st.floats(0.0, 600.0))} if at_stop and draw(st.booleans()) else {}
    return now_s, bus, known, orders, arrived_s


@given(situations())
def test_times_are_ahead_in_order_and_sooner_only_by_a_new_time_at_the_terminal(situation):
    now_s, bus, known, orders, arrived_s = situation
    (one,) = as_ordered(NETWORK, [known], [bus], orders, arrived_s, at_ns(now_s))
    quantiles_s = np.stack([one.p10_s, one.p50_s, one.p90_s])
    assert quantiles_s.shape == (3, STOPS - known.first_stop)
    assert (quantiles_s >= now_s).all()
    assert (np.diff(quantiles_s, axis=0) >= 0.0).all()
    assert (np.diff(quantiles_s, axis=1) >= 0.0).all()
    if all(order.kind is not OrderKind.DEPART_AT for order in orders):
        assert (quantiles_s >= np.stack([known.p10_s, known.p50_s, known.p90_s]) - 1e-6).all()


@given(situations(), st.integers(0, STOPS - 1))
def test_what_lies_before_the_stop_of_an_order_stays_as_it_was(situation, stop):
    now_s, bus, known, orders, arrived_s = situation
    (one,) = as_ordered(NETWORK, [known], [bus], [replace(order, stop=stop) for order in orders], arrived_s, at_ns(now_s))
    before = max(stop + 1 - known.first_stop, 0)
    np.testing.assert_array_equal(one.p50_s[:before], known.p50_s[:before])
    if stop < bus.next_stop:
        np.testing.assert_array_equal(one.p50_s, known.p50_s)
