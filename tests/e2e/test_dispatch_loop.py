"""Orders over a real broker to the shipped driver's client: away for five minutes, broker down, strangers. Time is the test's own."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from intersections.buses.decisions import OrderSent
from intersections.buses.order_book import TIMED
from intersections.buses.orders import Acknowledgement, Answer, OrderKind, OrderState, OrderVerdict
from positioning.samples import Verdict
from tests.brokers import BROKERS, TIMEOUT_S, started, subscribed
from tests.bus_orders import NOW_NS, at_ns, book, by_hand, driver_module
from tests.decided import SECOND_NS
from v2x.commands import CommandGate
from v2x.messages import MessageEncoder, rfc3339_ns
from v2x.mqtt import MqttLink

ACK_TOPIC = "v2x/v1/district/buses/order-ack/bus-1"


@pytest.fixture(params=BROKERS)
async def broker(request, tmp_path):
    async with started(request.param, tmp_path) as one:
        yield one


class Loop:
    """The order book behind a link to the broker, on a time that only the test moves."""

    def __init__(self, address):
        self.now_ns = NOW_NS
        self.book = book()
        self.gate = CommandGate({"buses"})
        self.answers = asyncio.Queue()
        encoder = MessageEncoder("district", {}, process="buses")
        self.link = MqttLink(address, encoder, self.gate, lambda: self.now_ns, lambda arrival: self.answers.put_nowait(arrival.sample))

    async def __aenter__(self):
        self.running = asyncio.create_task(self.link.run())
        await asyncio.wait_for(self.link.connected.wait(), TIMEOUT_S)
        return self

    async def __aexit__(self, *error):
        self.link.close()
        await asyncio.wait_for(self.running, TIMEOUT_S)

    def order(self, **changed):
        verdict, order = self.book.order(by_hand(self.now_ns, **changed), self.now_ns)
        assert verdict is OrderVerdict.TAKEN
        self.send()
        return order

    def send(self):
        told = self.book.tick(self.now_ns)
        sent = [OrderSent("buses", self.now_ns, one, "s2", "Stop 2", at_ns(one.value) if one.kind in TIMED else 0) for one in told]
        self.link.publish(sent, self.now_ns)
        return told

    async def sent(self):
        await asyncio.wait_for(self.link._settled.wait(), TIMEOUT_S)

    async def answer(self):
        """The next answer, and what the book makes of it."""
        sample = await asyncio.wait_for(self.answers.get(), TIMEOUT_S)
        said = Acknowledgement(sample.about, sample.version, sample.author, Answer(sample.answer), sample.reason, self.now_ns)
        return said, self.book.acknowledge(said, self.now_ns)

    def moment(self):
        return datetime.fromtimestamp(self.now_ns // 1_000_000 / 1000, UTC)


class Phone:
    """The shipped client, whose clock is the loop's; every order it would carry out is noted."""

    def __init__(self, loop, address):
        self.driver = driver_module().Driver("bus-1", now=loop.moment, auto=True)
        self._address = address
        self._there = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        subscribed_before = self.driver.client.on_subscribe
        assert subscribed_before is None
        self.driver.client.on_subscribe = lambda *_: self._loop.call_soon_threadsafe(self._there.set)

    async def connect(self):
        self._there.clear()
        self.driver.client.connect(self._address.host, self._address.port)
        self.driver.client.loop_start()
        await asyncio.wait_for(self._there.wait(), TIMEOUT_S)

    def leave(self):
        self.driver.client.disconnect()
        self.driver.client.loop_stop()


async def test_an_order_that_waited_five_minutes_at_the_broker_is_never_executed(broker):
    async with Loop(broker.address) as loop:
        phone = Phone(loop, broker.address)
        await phone.connect()
        phone.leave()
        order = loop.order(valid_until_ns=loop.now_ns + 120 * SECOND_NS)
        await loop.sent()  # the broker has it, and keeps it for the phone's session
        loop.now_ns += 300 * SECOND_NS
        loop.book.tick(loop.now_ns)
        assert loop.book.record(order.id).state is OrderState.TIMED_OUT
        await phone.connect()
        said, verdict = await loop.answer()
        assert (said.order, said.answer, said.reason) == (order.id, Answer.REJECTED, "came 180 s after its end")
        assert verdict is OrderVerdict.TOO_LATE
        assert phone.driver.orders.shown(loop.moment()) == []
        assert phone.driver.orders.to_do(loop.moment()) is None
        assert "came 180 s after its end" in loop.book.record(order.id).reason
        phone.leave()


async def test_while_the_broker_is_down_an_open_order_waits_and_goes_out_if_it_is_still_valid(broker):
    async with Loop(broker.address) as loop:
        await broker.kill()
        await asyncio.wait_for(loop.link.lost.wait(), TIMEOUT_S)
        late = loop.order(vehicle="bus-2", valid_until_ns=loop.now_ns + 10 * SECOND_NS)
        valid = loop.order(valid_until_ns=loop.now_ns + 600 * SECOND_NS)
        loop.now_ns += 60 * SECOND_NS
        await broker.come_back()
        await asyncio.wait_for(loop.link.connected.wait(), TIMEOUT_S)
        async with subscribed(broker.address, "v2x/v1/district/buses/order/#") as vehicles:
            loop.send()  # what nobody has answered is said again
            first = json.loads((await vehicles.message()).payload)
        assert first["id"] == valid.id
        assert loop.book.record(late.id).state is OrderState.TIMED_OUT
        assert loop.book.record(valid.id).state is OrderState.SENT


async def test_a_late_subscriber_finds_no_order(broker):
    async with Loop(broker.address) as loop:
        loop.order()
        await loop.sent()
        async with subscribed(broker.address, "v2x/v1/district/buses/order/bus-1") as late:
            loop.now_ns += 30 * SECOND_NS
            again = loop.send()
            message = await late.message()
        assert [one.id for one in again] == [json.loads(message.payload)["id"]]  # only what is said anew
        assert not message.retain


STRANGE = {
    "of another vehicle": ({"author": "bus-2"}, "bus-2", OrderVerdict.NOT_YOURS),
    "to an order that nobody knows": ({"about": "none-1"}, "bus-1", OrderVerdict.UNKNOWN_ORDER),
    "to a version that is none": ({"version": 7}, "bus-1", OrderVerdict.STALE_VERSION),
}


@pytest.mark.parametrize(("changed", "author", "verdict"), STRANGE.values(), ids=STRANGE)
async def test_a_strange_answer_changes_nothing_and_is_named(broker, changed, author, verdict):
    async with Loop(broker.address) as loop:
        order = loop.order()
        async with subscribed(broker.address) as stranger:
            body = answer_to(order) | changed
            await stranger.client.publish(f"v2x/v1/district/buses/order-ack/{author}", json.dumps(body), qos=1)
            _, judged = await loop.answer()
        assert judged is verdict
        assert loop.book.record(order.id).state is OrderState.SENT


async def test_an_answer_in_anothers_name_does_not_come_in(broker):
    async with Loop(broker.address) as loop:
        order = loop.order()
        async with subscribed(broker.address, "v2x/v1/district/buses/event/#") as stranger:
            await stranger.client.publish("v2x/v1/district/buses/order-ack/bus-2", json.dumps(answer_to(order)), qos=1)
            refusal = json.loads((await stranger.message()).payload)
        assert (refusal["verdict"], refusal["text"]) == ("MALFORMED", "author differs from the topic's")
        assert loop.gate.verdicts == {Verdict.MALFORMED: 1}
        assert loop.book.record(order.id).state is OrderState.SENT


def answer_to(order):
    valid_until = rfc3339_ns(NOW_NS + 60 * SECOND_NS)
    return {
        "id": "a-1",
        "kind": "acknowledgement",
        "intersection": "buses",
        "author": "bus-1",
        "about": order.id,
        "version": order.version,
        "answer": "ACCEPTED",
        "valid_until": valid_until,
    }


async def test_a_text_stands_beside_an_order_and_is_done_when_it_is_read(broker):
    async with Loop(broker.address) as loop:
        phone = Phone(loop, broker.address)
        await phone.connect()
        order = loop.order()
        text = loop.order(kind=OrderKind.TEXT, text="Detour by Via Marconi", value=0.0)
        for _ in range(4):
            await loop.answer()
        assert loop.book.record(order.id).state is OrderState.ACKNOWLEDGED
        assert loop.book.record(text.id).state is OrderState.CARRIED_OUT
        assert phone.driver.orders.to_do(loop.moment())["id"] == order.id
        phone.leave()
