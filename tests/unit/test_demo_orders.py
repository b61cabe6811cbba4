"""Orders of the demo's buses: what a driver reads from a message is the order that was sent; the table counts each order once."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intersections.buses.decisions import OrderSent
from intersections.buses.order_rules import BY_PLATFORM
from intersections.buses.orders import OrderKind
from intersections.buses.road import TIMED
from positioning.frames import LocalFrame
from tests.bus_orders import MIDNIGHT_NS, NOW_NS, by_hand, network
from v2x.demo.drivers import read_order
from v2x.demo.orders import OrdersHeard
from v2x.messages import MessageEncoder

ENCODER = MessageEncoder("r", {"town": LocalFrame(0.7, 0.2)})
VALUED = TIMED | {OrderKind.HOLD, OrderKind.SPEED}
GAIN = {"waiting_s": 900.0, "in_vehicle_s": -400.0, "operator_s": -40.0}


@given(
    kind=st.sampled_from(sorted(set(OrderKind) - BY_PLATFORM)),
    stop=st.integers(0, 4),
    tenths=st.integers(1, 800_000),
    withdrawn=st.booleans(),
    version=st.integers(1, 9),
)
def test_a_driver_reads_the_order_that_was_sent(kind, stop, tenths, withdrawn, version):
    value = tenths / 10 if kind in VALUED else 0.0
    order = replace(
        by_hand(), id="o-1", kind=kind, stop=stop, value=value, withdrawn=withdrawn, version=version, trip="t1", issued_ns=NOW_NS
    )
    at_ns = MIDNIGHT_NS + round(value * 1e9) if kind in TIMED else 0
    payload = ENCODER.encode(OrderSent("town", NOW_NS, order, f"s{stop}", f"Stop {stop}", at_ns)).payload
    assert replace(read_order(payload, network()), text=order.text) == order


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"kind": "JUMP"}'])
def test_what_is_no_order_is_said_to_be_none(payload):
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_order(payload, network())


def news(id: str, state: str, measured: dict[str, float] | None = None) -> dict[str, object]:
    return orjson.loads(orjson.dumps({"id": id, "kind": "HOLD", "state": state, "predicted": GAIN, "measured": measured}))


def test_an_order_counts_once_in_each_state_however_often_it_was_told():
    heard = OrdersHeard()
    for message in (news("a", "SENT"), news("a", "SENT"), news("b", "SENT"), news("a", "CARRIED_OUT"), news("b", "TIMED_OUT")):
        heard.note(message)
    assert (heard.count("SENT"), heard.count("CARRIED_OUT"), heard.count("SENT", "SPEED")) == (2, 1, 0)
    heard.note(news("a", "CARRIED_OUT", {"waiting_s": 700.0, "in_vehicle_s": -300.0, "operator_s": -38.0}))
    assert heard.saved() == (400.0, 500.0)
    assert heard.count("CARRIED_OUT") == 1
    assert any("hold" in row and "400" in row and "500" in row for row in heard.table())
    assert "of all 1 timed out" in heard.table()


def test_no_orders_are_said_to_be_none():
    assert OrdersHeard().table() == ["none was needed"]
