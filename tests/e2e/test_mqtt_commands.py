"""Commands and acknowledgements over real brokers: taken once, refused with the reason, answered to their author."""

import asyncio
import json

import pytest

from intersections.samples import CommandKind
from positioning.samples import Verdict
from tests.brokers import BROKERS, TIMEOUT_S, started, subscribed
from tests.decided import NOW_NS, SECOND_NS, validator
from tests.mqtt_road import Road
from v2x.messages import rfc3339_ms
from v2x.mqtt import REFUSALS_BURST


@pytest.fixture(params=BROKERS)
async def broker(request, tmp_path):
    async with started(request.param, tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
async def road(broker):
    async with Road(broker.address) as road:
        await road.connected()
        yield road


def command(number, **changed):
    fields = {"id": f"c-{number}", "kind": "reset-tracks", "intersection": "ix7", "author": "centre"}
    return json.dumps(fields | {"valid_until": rfc3339_ms(NOW_NS + SECOND_NS)} | changed).encode()


async def test_a_command_arrives_once_and_is_answered(broker, road):
    async with subscribed(broker.address, "v2x/v1/district/ix7/event/+/centre") as operator:
        for _ in range(2):
            await operator.client.publish("v2x/v1/district/ix7/command/centre", command(1), qos=1)
        arrival = await asyncio.wait_for(road.arrivals.get(), TIMEOUT_S)
        answers = [json.loads((await operator.message()).payload) for _ in range(2)]
    assert (arrival.sample.kind, arrival.sample.id, arrival.source, arrival.payload) == (
        CommandKind.RESET_TRACKS,
        "c-1",
        "centre",
        command(1),
    )
    assert [answer["kind"] for answer in answers] == ["command-taken", "command-refused"]
    assert answers[1]["verdict"] == "DUPLICATE"
    assert road.arrivals.empty()
    for answer in answers:
        validator("event").validate(answer)


async def test_a_malformed_command_is_refused_with_the_reason(broker, road):
    async with subscribed(broker.address, "v2x/v1/district/ix7/event/command-refused/centre") as operator:
        await operator.client.publish("v2x/v1/district/ix7/command/centre", b"{", qos=1)
        await operator.client.publish("v2x/v1/district/ix7/command/centre", command(1, kind="explode"), qos=1)
        await operator.client.publish("v2x/v1/district/ix7/command/centre", command(2, valid_until="2020-01-01T00:00:00Z"), qos=1)
        answers = [json.loads((await operator.message()).payload) for _ in range(3)]
    assert [answer["verdict"] for answer in answers] == ["MALFORMED", "MALFORMED", "STALE"]
    assert "not JSON" in answers[0]["text"]
    assert "reset-tracks" in answers[1]["text"]
    assert road.gate.verdicts == {Verdict.MALFORMED: 2, Verdict.STALE: 1}
    assert road.arrivals.empty()


async def test_a_flood_of_nonsense_is_counted_but_not_answered_for_ever(broker, road):
    count = 3 * REFUSALS_BURST
    async with subscribed(broker.address, "v2x/v1/district/ix7/event/#") as operator:
        for _ in range(count):
            await operator.client.publish("v2x/v1/district/ix7/command/centre", b"nonsense", qos=1)
        await operator.client.publish("v2x/v1/district/ix7/command/centre", command(1), qos=1)
        answers = []
        await operator.until(lambda message: answers.append(message) or "command-taken" in message.topic.value)
    assert len(answers) == REFUSALS_BURST + 1
    assert road.gate.verdicts == {Verdict.MALFORMED: count, Verdict.ACCEPTED: 1}


async def test_an_acknowledgement_arrives(broker, road):
    async with subscribed(broker.address) as vehicle:
        body = command(1, kind="acknowledgement", author="bus-9", about="icw-1", answer="RECEIVED")
        await vehicle.client.publish("v2x/v1/district/ix7/order-ack/bus-9", body, qos=1)
        arrival = await asyncio.wait_for(road.arrivals.get(), TIMEOUT_S)
    assert (arrival.sample.kind, arrival.sample.about, arrival.sample.answer) == (CommandKind.ACKNOWLEDGEMENT, "icw-1", "RECEIVED")


async def test_a_retained_command_is_refused_at_every_start(broker):
    async with subscribed(broker.address, "v2x/v1/district/ix7/event/#") as operator:
        await operator.client.publish("v2x/v1/district/ix7/command/centre", command(1), qos=1, retain=True)
        async with Road(broker.address) as road:
            await road.connected()
            refusal = json.loads((await operator.message()).payload)
            assert road.arrivals.empty()
    assert "retained" in refusal["text"]
