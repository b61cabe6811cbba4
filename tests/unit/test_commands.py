"""What comes back in is a sample or a counted, explained refusal."""

import json

import pytest

from intersections.samples import CommandKind, CommandSample
from positioning.samples import Verdict
from tests.decided import NOW_NS, SECOND_NS, validator
from v2x.arrivals import ArrivalKind
from v2x.commands import (
    COMMANDS_PER_SECOND,
    MAX_COMMAND_BYTES,
    MAX_VALIDITY_NS,
    REMEMBERED_COMMANDS,
    CommandGate,
    acknowledgement,
    command_arrival,
    command_sample,
    encode_command,
    parse_rfc3339,
    parse_topic,
)
from v2x.errors import WireError
from v2x.messages import rfc3339_ns

TOPIC = "v2x/v1/district/ix7/command/centre"
ACK_TOPIC = "v2x/v1/district/ix7/order-ack/bus-9"


def fields(**changed):
    values = {
        "id": "c-1",
        "kind": "silence",
        "intersection": "ix7",
        "author": "centre",
        "about": "FCW",
        "valid_until": rfc3339_ns(NOW_NS + SECOND_NS),
    }
    return {name: value for name, value in (values | changed).items() if value is not None}


def payload(**changed):
    return json.dumps(fields(**changed)).encode()


def test_a_command_becomes_a_sample():
    validator("command").validate(fields())
    sample = command_sample(payload(), NOW_NS)
    assert sample == CommandSample("c-1", CommandKind.SILENCE, "ix7", "centre", "FCW", "", NOW_NS + SECOND_NS, NOW_NS)


def test_members_of_later_versions_are_passed_over():
    assert command_sample(payload(colour="green"), NOW_NS).id == "c-1"


ACK = {"kind": "acknowledgement", "author": "bus-9", "about": "icw-1", "answer": "ACCEPTED"}
REFUSED = {
    "no id": {"id": None},
    "empty id": {"id": ""},
    "id with a space": {"id": "a b"},
    "id of 65 characters": {"id": "a" * 65},
    "unknown kind": {"kind": "self-destruct"},
    "kind that is a number": {"kind": 1},
    "no author": {"author": None},
    "no intersection": {"intersection": None},
    "silence of nothing": {"about": None},
    "silence of an unknown kind": {"about": "XYZ"},
    "no end": {"valid_until": None},
    "end that is no time": {"valid_until": "tomorrow"},
    "end without a zone": {"valid_until": "2026-05-28T20:26:41"},
    "acknowledgement of nothing": {**ACK, "about": None},
    "acknowledgement without answer": {**ACK, "answer": None},
    "acknowledgement with a strange answer": {**ACK, "answer": "perhaps"},
    "reason of 201 characters": {"reason": "r" * 201},
}


@pytest.mark.parametrize("changed", REFUSED.values(), ids=REFUSED)
def test_what_a_command_may_not_be_is_refused_by_code_and_schema_alike(changed):
    with pytest.raises(WireError) as refusal:
        command_sample(payload(**changed), NOW_NS)
    assert refusal.value.verdict is Verdict.MALFORMED
    assert not validator("command").is_valid(fields(**changed))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"null", b"1", b'{"id":', b"[" * 4000])
def test_what_is_no_json_object_is_refused(content):
    with pytest.raises(WireError) as refusal:
        command_sample(content, NOW_NS)
    assert refusal.value.verdict is Verdict.MALFORMED


def test_a_day_that_does_not_exist_is_refused():
    with pytest.raises(WireError, match="valid_until"):
        command_sample(payload(valid_until="2026-02-30T00:00:00Z"), NOW_NS)


def test_a_large_command_is_refused_unread():
    with pytest.raises(WireError) as refusal:
        command_sample(b" " * (MAX_COMMAND_BYTES + 1), NOW_NS)
    assert refusal.value.verdict is Verdict.OVERSIZED


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("2026-05-28T20:26:40.123456789Z", NOW_NS),
        ("2026-05-28T22:26:40.123456789+02:00", NOW_NS),
        ("1969-12-31T23:59:59.250Z", -750_000_000),
    ],
)
def test_times_are_read_to_the_nanosecond(text, nanoseconds):
    assert parse_rfc3339(text) == nanoseconds


@pytest.mark.parametrize(("number", "answer"), [(1, "RECEIVED"), (2, "ACCEPTED"), (3, "REJECTED"), (4, "DONE")])
def test_a_vehicles_answer_is_a_command_like_any_other(number, answer):
    sample = acknowledgement("bus-9", "ix7", "order-1", number, "road closed", NOW_NS)
    content = encode_command(sample)
    validator("command").validate(json.loads(content))
    assert (sample.answer, sample.author, sample.reason) == (answer, "bus-9", "road closed")
    assert command_sample(content, NOW_NS) == sample
    arrival = command_arrival(sample, content)
    assert (arrival.kind, arrival.source, arrival.intersection) == (ArrivalKind.COMMAND, "bus-9", "ix7")


@pytest.mark.parametrize("answer", [0, 5, -1])
def test_an_answer_that_is_none_is_refused(answer):
    with pytest.raises(WireError):
        acknowledgement("bus-9", "ix7", "order-1", answer, "", NOW_NS)


def test_the_gate_takes_a_command_once():
    gate = CommandGate({"ix7"})
    receipts = [gate.receive(TOPIC, payload(), NOW_NS) for _ in range(2)]
    assert [receipt.verdict for receipt in receipts] == [Verdict.ACCEPTED, Verdict.DUPLICATE]
    assert gate.verdicts == {Verdict.ACCEPTED: 1, Verdict.DUPLICATE: 1}


def test_two_authors_may_choose_the_same_id():
    gate = CommandGate({"ix7"})
    assert gate.receive(TOPIC, payload(), NOW_NS).verdict is Verdict.ACCEPTED
    assert gate.receive(TOPIC.replace("centre", "police"), payload(author="police"), NOW_NS).verdict is Verdict.ACCEPTED


TURNED_AWAY = {
    "retained": (TOPIC, {}, True, Verdict.MALFORMED),
    "stale": (TOPIC, {"valid_until": rfc3339_ns(NOW_NS)}, False, Verdict.STALE),
    "too far ahead": (TOPIC, {"valid_until": rfc3339_ns(NOW_NS + MAX_VALIDITY_NS + 1)}, False, Verdict.OUT_OF_RANGE),
    "unknown intersection": (TOPIC.replace("ix7", "ix8"), {"intersection": "ix8"}, False, Verdict.UNKNOWN_INTERSECTION),
    "another intersection than the topic's": (TOPIC.replace("ix7", "ix8"), {}, False, Verdict.MALFORMED),
    "another author than the topic's": (TOPIC, {"author": "police"}, False, Verdict.MALFORMED),
    "acknowledgement as command": (TOPIC.replace("centre", "bus-9"), ACK, False, Verdict.MALFORMED),
    "command as acknowledgement": (ACK_TOPIC, {"author": "bus-9"}, False, Verdict.MALFORMED),
    "no author in the topic": ("v2x/v1/district/ix7/command", {}, False, Verdict.MALFORMED),
    "too long a topic": (TOPIC + "/more", {}, False, Verdict.MALFORMED),
}


@pytest.mark.parametrize(("topic", "changed", "retained", "verdict"), TURNED_AWAY.values(), ids=TURNED_AWAY)
def test_the_gate_turns_away(topic, changed, retained, verdict):
    gate = CommandGate({"ix7"})
    receipt = gate.receive(topic, payload(**changed), NOW_NS, retained=retained)
    assert receipt.verdict is verdict
    assert receipt.text
    assert gate.receive(TOPIC, payload(), NOW_NS).verdict is Verdict.ACCEPTED


def test_an_acknowledgement_comes_by_its_own_topic():
    assert CommandGate({"ix7"}).receive(ACK_TOPIC, payload(**ACK), NOW_NS).verdict is Verdict.ACCEPTED


def test_a_flood_of_commands_is_limited_and_then_over():
    gate = CommandGate({"ix7"})
    verdicts = [gate.receive(TOPIC, payload(id=f"c-{number}"), NOW_NS).verdict for number in range(COMMANDS_PER_SECOND + 1)]
    assert verdicts == [Verdict.ACCEPTED] * COMMANDS_PER_SECOND + [Verdict.RATE_LIMITED]
    later_ns = NOW_NS + SECOND_NS
    late = payload(id="later", valid_until=rfc3339_ns(later_ns + SECOND_NS))
    assert gate.receive(TOPIC, late, later_ns).verdict is Verdict.ACCEPTED


def test_the_memory_of_ids_is_bounded():
    gate = CommandGate({"ix7"})
    for number in range(REMEMBERED_COMMANDS + 100):
        received_ns = NOW_NS + number * SECOND_NS
        gate.receive(TOPIC, payload(id=f"c-{number}", valid_until=rfc3339_ns(received_ns + SECOND_NS)), received_ns)
    assert gate.verdicts == {Verdict.ACCEPTED: REMEMBERED_COMMANDS + 100}
    assert len(gate._taken) == REMEMBERED_COMMANDS


def test_a_percent_encoded_author_is_read_as_written():
    assert parse_topic("v2x/v1/district/ix%207/command/centre%201").author == "centre 1"
