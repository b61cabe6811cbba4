"""The link on real brokers, the bundled one and mosquitto: delivered, retained, lost, stalled, killed."""

import asyncio
import json
import signal
import sys

import aiomqtt
import pytest

from intersections.decisions import WarningState
from tests.brokers import BROKERS, TIMEOUT_S, GuardedMosquittoBroker, need_mosquitto, started, subscribed
from tests.decided import NOW_NS, SECOND_NS, sensor_fault, tracks, validator, warning
from tests.decided import signal as lamps
from tests.mqtt_road import Road
from v2x.broker import Broker
from v2x.broker_store import stream_state
from v2x.messages import MessageKind
from v2x.mqtt import MAX_IN_FLIGHT, BrokerAddress, broker_address
from v2x.outbox import Fate

WARNING = MessageKind.WARNING
LONG_NS = 3600 * SECOND_NS


@pytest.fixture(params=BROKERS)
async def broker(request, tmp_path):
    async with started(request.param, tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
async def road(broker):
    async with Road(broker.address) as road:
        await road.connected()
        yield road


def is_warning(message):
    return "/warning/" in message.topic.value


def ids(messages):
    return [json.loads(message.payload)["id"] for message in messages]


async def test_a_warning_reaches_a_subscriber_at_least_once(broker, road):
    async with subscribed(broker.address, "v2x/v1/+/ix7/warning/icw/+") as subscriber:
        road.warn(1)
        message = await subscriber.message()
    assert (message.topic.value, message.qos, message.retain) == ("v2x/v1/district/ix7/warning/icw/icw-1", 1, False)
    validator("warning").validate(json.loads(message.payload))


async def test_a_burst_arrives_whole_and_in_order(broker, road):
    states = [state for _ in range(MAX_IN_FLIGHT) for state in (WarningState.RAISED, WarningState.CLEARED)]
    async with subscribed(broker.address, "v2x/v1/+/+/warning/#") as subscriber:
        for number, state in enumerate(states):
            road.warn(number // 2, state=state, valid_ns=LONG_NS)
        received = [json.loads((await subscriber.message()).payload) for _ in states]
    assert [(body["id"], body["state"]) for body in received] == [(f"icw-{n // 2}", state) for n, state in enumerate(states)]


async def test_a_late_subscriber_gets_the_current_state_and_no_more(broker, road):
    async with subscribed(broker.address, "v2x/v1/district/ix7/#") as early:
        road.link.publish([lamps(NOW_NS, state=3), tracks(5), warning(1), sensor_fault(1)], NOW_NS)
        seen = [await early.message() for _ in range(4)]
        road.link.publish([lamps(NOW_NS + 1, state=6)], NOW_NS)
        await early.until(lambda message: b"PROTECTED_MOVEMENT" in message.payload)
    assert {message.topic.value.split("/")[4] for message in seen} == {"signal", "track", "warning", "event"}
    async with subscribed(broker.address) as late:
        held = [await late.message() for _ in range(2)]
        road.warn(2)
        following = await late.message()
    assert sorted(message.topic.value for message in held) == ["v2x/v1/district/all/status/ix7", "v2x/v1/district/ix7/signal"]
    assert all(message.retain for message in held)
    assert any(b"PROTECTED_MOVEMENT" in message.payload for message in held)
    assert is_warning(following)


async def test_a_killed_broker_costs_only_what_expired_meanwhile(broker, road):
    await broker.kill()
    await road.lost()
    for number in range(100):
        road.warn(number)
    road.now_ns += 2 * SECOND_NS
    await broker.come_back()
    await road.connected()
    assert road.link.connections == 2
    assert road.link.outbox.fates[WARNING, Fate.EXPIRED] == 100
    async with subscribed(broker.address, "v2x/v1/+/+/warning/#") as subscriber:
        road.warn(1000)
        assert ids([await subscriber.message()]) == ["icw-1000"]


async def test_tracks_of_an_outage_are_not_made_up_for(broker, road):
    await broker.kill()
    await road.lost()
    for period in range(50):
        road.link.publish([tracks(3, road.now_ns + period)], road.now_ns)
    assert len(road.link.outbox) <= 2  # the newest tracks and the status
    assert road.link.outbox.fates[MessageKind.TRACK, Fate.SUPERSEDED] == 49


async def test_a_link_waits_for_a_broker_that_comes_later(tmp_path):
    need_mosquitto()
    broker = BROKERS["mosquitto"](tmp_path)
    async with Road(broker.address) as road:
        road.warn(1)
        await broker.start()
        try:
            await road.connected()
            assert road.link.connections == 1
        finally:
            await broker.stop()


@pytest.fixture
async def guarded(tmp_path, monkeypatch):
    need_mosquitto()
    broker = GuardedMosquittoBroker(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(broker.certificate))
    await broker.start()
    yield broker
    await broker.stop()


async def test_a_broker_with_tls_and_accounts_is_used_by_url(guarded):
    async with Road(broker_address(guarded.url)) as road:
        await road.connected()
        road.warn(1)
    assert road.link.outbox.fates[WARNING, Fate.SENT] == 1


@pytest.mark.parametrize(
    "wrong", [("s%3Acret", "guess"), ("localhost", "127.0.0.1"), ("mqtts", "mqtt")], ids=["password", "name", "scheme"]
)
async def test_a_broker_that_refuses_is_tried_again_and_nothing_else_stops(guarded, wrong):
    async with Road(broker_address(guarded.url.replace(*wrong))) as road:
        road.warn(1)
        await asyncio.wait_for(failed(road.link).wait(), TIMEOUT_S)
    assert road.link.connections == 0
    assert road.link.failures > 0
    assert len(road.link.outbox) == 1


async def test_a_stalled_broker_never_blocks_the_road(broker):
    capacity = 100
    async with Road(broker.address, capacity=capacity) as road, subscribed(broker.address, "v2x/v1/+/+/warning/#") as subscriber:
        await road.connected()
        broker.signal(signal.SIGSTOP)
        try:
            for number in range(MAX_IN_FLIGHT + 10 * capacity):  # nothing is awaited here: whatever blocks would never end
                road.warn(number)
            fates = road.link.outbox.fates
            assert len(road.link.outbox) == capacity
            assert fates[WARNING, Fate.DISPLACED] == 9 * capacity
            road.now_ns += 2 * SECOND_NS
            road.warn(5000)  # makes room by dropping what has expired, not what is valid
            assert fates[WARNING, Fate.EXPIRED] == capacity
            assert fates[WARNING, Fate.DISPLACED] == 9 * capacity
        finally:
            broker.signal(signal.SIGCONT)
        assert ids([await subscriber.message()]) == ["icw-5000"]


async def test_warnings_under_way_in_a_stall_are_bounded_and_arrive_in_the_end(broker, road):
    count = MAX_IN_FLIGHT + 50
    async with subscribed(broker.address, "v2x/v1/+/+/warning/#") as subscriber:
        broker.signal(signal.SIGSTOP)
        try:
            for number in range(count):
                road.warn(number, valid_ns=LONG_NS)
            await let_run()
            assert len(road.link.outbox) == 50
            assert len(road.link._under_way) == MAX_IN_FLIGHT
        finally:
            broker.signal(signal.SIGCONT)
        received = ids([await subscriber.message() for _ in range(count)])
    assert received == [f"icw-{number}" for number in range(count)]


def failed(link):
    """An event that is set when the link has failed and is about to wait for its next try."""
    reached, pause = asyncio.Event(), link._pause

    async def watched_pause(pause_s):
        reached.set()
        await pause(pause_s)

    link._pause = watched_pause
    return reached


async def let_run(turns=5):
    """Gives the link's tasks their turns."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_what_was_under_way_when_the_broker_died_is_sent_again(tmp_path):
    broker = BROKERS["nats"](tmp_path)  # keeps the subscriber's session on disk
    await broker.start()
    try:
        async with subscribed(broker.address, "v2x/v1/+/+/warning/#", identifier="keeper", clean_session=False):
            pass
        async with Road(broker.address) as road:
            await road.connected()
            broker.signal(signal.SIGSTOP)
            for number in range(20):
                road.warn(number, valid_ns=LONG_NS)
            await let_run()
            assert len(road.link._under_way) == 20
            await broker.kill()
            await road.lost()
            await road.connected()
            async with subscribed(broker.address, "v2x/v1/+/+/warning/#", identifier="keeper", clean_session=False) as keeper:
                received = [await keeper.message() for _ in range(20)]
        assert set(ids(received)) == {f"icw-{number}" for number in range(20)}
    finally:
        await broker.stop()


async def test_the_road_may_publish_at_any_moment_of_a_failure(broker, road, monkeypatch):
    turns, raised, loop = 12, [], asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: raised.append(context))

    def warn_each_turn(turn):
        road.warn(turn, valid_ns=LONG_NS)
        if turn < turns:
            loop.call_soon(warn_each_turn, turn + 1)

    async def cut(*message):
        monkeypatch.undo()
        loop.call_soon(warn_each_turn, 1)
        raise aiomqtt.MqttError("cut")

    async with subscribed(broker.address, "v2x/v1/+/+/warning/#") as subscriber:
        monkeypatch.setattr(road.link, "_publish_one", cut)
        road.warn(0, valid_ns=LONG_NS)
        received = ids([await subscriber.message() for _ in range(turns + 1)])
    assert not raised
    assert received == [f"icw-{turn}" for turn in range(turns + 1)]
    assert (road.link.connections, road.link.failures) == (2, 1)


def mqtt_packet(kind, body):
    assert len(body) < 128
    return bytes((kind, len(body))) + body


def mqtt_text(text):
    return len(text).to_bytes(2) + text.encode()


async def test_a_subscriber_that_never_acknowledges_harms_nobody(broker, road):
    reader, writer = await asyncio.open_connection(broker.address.host, broker.address.port)
    writer.write(mqtt_packet(0x10, mqtt_text("MQTT") + bytes((4, 2, 0, 60)) + mqtt_text("silent")))  # CONNECT, clean session
    writer.write(mqtt_packet(0x82, bytes((0, 1)) + mqtt_text("v2x/v1/+/+/warning/#") + bytes((1,))))  # SUBSCRIBE, QoS 1
    connack, suback = await reader.readexactly(4), await reader.readexactly(5)
    assert (connack[3], suback[4]) == (0, 1)
    count = 1500  # more than either broker keeps unacknowledged for one subscriber
    async with subscribed(broker.address, "v2x/v1/+/+/warning/#") as subscriber:
        for start in range(0, count, 100):  # no faster than a subscriber in Python can acknowledge
            numbers = range(start, start + 100)
            for number in numbers:
                road.warn(number, valid_ns=LONG_NS)
            assert ids([await subscriber.message() for _ in numbers]) == [f"icw-{number}" for number in numbers]
    assert await reader.readexactly(1) == b"\x32"  # it was sent to, QoS 1
    writer.close()


async def test_a_forgotten_session_does_not_fill_the_store(tmp_path, monkeypatch):
    kept_bytes = 200_000  # some 250 warnings
    monkeypatch.setattr("v2x.broker_store.bound_store.__defaults__", (kept_bytes, 10**12))
    async with Broker(tmp_path, ("127.0.0.1", 0), ("127.0.0.1", 0)) as broker:
        address = BrokerAddress(*broker.mqtt)
        async with subscribed(address, "v2x/v1/+/+/warning/#", identifier="forgotten", clean_session=False):
            pass
        async with Road(address) as road, subscribed(address, "v2x/v1/+/+/warning/#") as subscriber:
            await road.connected()
            for start in range(0, 1000, 100):
                for number in range(start, start + 100):
                    road.warn(number, valid_ns=LONG_NS)
                assert ids([await subscriber.message() for _ in range(100)]) == [f"icw-{start + number}" for number in range(100)]
        state = (await stream_state(broker.client))["state"]
    assert 100 < state["messages"] < 500
    assert state["bytes"] <= kept_bytes


VICTIM = """
import asyncio, sys, time, numpy as np
from positioning.frames import LocalFrame
from v2x.broker import Broker
from v2x.broker_store import stream_state
from v2x.commands import CommandGate
from v2x.messages import MessageEncoder
from v2x.mqtt import MqttLink, broker_address
encoder = MessageEncoder("district", {"ix7": LocalFrame(0.9, 0.2)}, "victim")
async def main():
    link = MqttLink(broker_address(sys.argv[1]), encoder, CommandGate({"ix7"}), time.time_ns, print)
    await link.run()
asyncio.run(main())
"""


async def test_when_we_are_killed_the_last_will_says_so(broker):
    async with subscribed(broker.address, "v2x/v1/+/all/status/victim") as subscriber:
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", VICTIM, f"mqtt://{broker.address}", stdout=asyncio.subprocess.DEVNULL
        )
        try:
            assert json.loads((await subscriber.message()).payload)["state"] == "ONLINE"
        finally:
            victim.kill()
            await victim.wait()
        will = json.loads((await subscriber.message()).payload)
    validator("status").validate(will)
    assert will["state"] == "OFFLINE"
    async with subscribed(broker.address, "v2x/v1/+/all/status/victim") as late:
        held = await late.message()
    assert held.retain
    assert json.loads(held.payload)["state"] == "OFFLINE"


async def test_closing_sends_what_waits_and_says_goodbye(broker):
    async with subscribed(broker.address) as subscriber:
        async with Road(broker.address) as road:
            await road.connected()
            for number in range(MAX_IN_FLIGHT + 10):
                road.warn(number)
        received = [await subscriber.message() for _ in range(MAX_IN_FLIGHT + 12)]
    assert [json.loads(message.payload)["state"] for message in received if "/status/" in message.topic.value] == ["ONLINE", "OFFLINE"]
    assert sum(map(is_warning, received)) == MAX_IN_FLIGHT + 10
    assert len(road.link.outbox) == 0


async def test_a_cancelled_link_says_goodbye_too(broker):
    async with subscribed(broker.address, "v2x/v1/+/all/status/#") as subscriber:
        road = Road(broker.address)
        running = asyncio.create_task(road.link.run())
        await road.connected()
        running.cancel()
        await asyncio.wait({running}, timeout=TIMEOUT_S)
        assert running.cancelled()
        assert [json.loads((await subscriber.message()).payload)["state"] for _ in range(2)] == ["ONLINE", "OFFLINE"]
