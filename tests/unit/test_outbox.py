"""What waits for the broker: urgent first, bounded, expired first out, every drop counted."""

import pytest

from v2x.messages import NEVER_NS, Message, MessageKind
from v2x.outbox import DROPPED_FIRST, URGENT_FIRST, Fate, Outbox

EVENT, ORDER, SIGNAL, STATUS, TRACK, WARNING = (MessageKind[name] for name in ("EVENT", "ORDER", "SIGNAL", "STATUS", "TRACK", "WARNING"))


def message(kind, topic, valid_until_ns=100, payload=b""):
    return Message(kind, topic, payload, valid_until_ns)


def drained(outbox, now_ns=0):
    topics = []
    while (popped := outbox.pop(URGENT_FIRST, now_ns)) is not None:
        topics.append(popped.topic)
    return topics


def filled(capacity, *messages):
    outbox = Outbox(capacity)
    for one in messages:
        outbox.put(one, 0)
    return outbox


def test_urgent_kinds_overtake():
    outbox = filled(9, *(message(kind, kind.value) for kind in (TRACK, EVENT, SIGNAL, WARNING, ORDER, STATUS)))
    assert drained(outbox) == ["order", "warning", "status", "signal", "event", "track"]


def test_warnings_leave_in_the_order_they_came():
    outbox = filled(9, message(WARNING, "w1", payload=b"raised"), message(WARNING, "w2"), message(WARNING, "w1", payload=b"cleared"))
    assert [outbox.pop(URGENT_FIRST, 0).payload for _ in range(3)] == [b"raised", b"", b"cleared"]


def test_only_asked_for_kinds_leave():
    outbox = filled(9, message(WARNING, "w"), message(TRACK, "t"))
    assert outbox.pop((TRACK,), 0).topic == "t"
    assert outbox.pop((TRACK,), 0) is None
    assert len(outbox) == 1


@pytest.mark.parametrize("kind", [TRACK, SIGNAL, STATUS])
def test_only_the_newest_state_of_a_topic_waits_and_keeps_its_place(kind):
    outbox = filled(9, message(kind, "a", payload=b"old"), message(kind, "b"), message(kind, "a", payload=b"new"))
    assert len(outbox) == 2
    assert outbox.pop(URGENT_FIRST, 0).payload == b"new"
    assert outbox.fates == {(kind, Fate.SUPERSEDED): 1}


def test_expired_messages_are_never_handed_out():
    outbox = filled(9, message(WARNING, "late", 50), message(WARNING, "valid", 51))
    assert drained(outbox, now_ns=50) == ["valid"]
    assert outbox.fates == {(WARNING, Fate.EXPIRED): 1}
    assert len(outbox) == 0


def test_when_full_the_expired_go_before_the_valid():
    outbox = filled(3, message(TRACK, "t"), message(WARNING, "valid"), message(WARNING, "late", 10))
    outbox.put(message(WARNING, "new"), 20)
    assert drained(outbox, 20) == ["valid", "new", "t"]
    assert outbox.fates == {(WARNING, Fate.EXPIRED): 1}


def test_when_full_of_valid_ones_the_least_missed_goes_first():
    held = [message(kind, f"{kind}-{age}") for age in ("old", "new") for kind in reversed(DROPPED_FIRST)]
    outbox = filled(len(held), *held)
    gone = []
    left = {one.topic for one in held}
    for number in range(len(held)):
        outbox.put(message(ORDER, f"order-{number}"), 0)
        now_left = {one.topic for waiting in outbox._waiting.values() for one in waiting.values()} & left
        gone += left - now_left
        left = now_left
    assert gone == [f"{kind}-{age}" for kind in DROPPED_FIRST for age in ("old", "new")]
    assert sum(outbox.fates.values()) == len(held)


def test_orders_and_status_are_never_dropped():
    outbox = filled(2, message(ORDER, "o1"), message(STATUS, "s", NEVER_NS), message(ORDER, "o2"), message(ORDER, "o3"))
    assert drained(outbox) == ["o1", "o2", "o3", "s"]
    assert not outbox.fates


def test_a_message_given_back_comes_first_again():
    outbox = filled(9, message(WARNING, "w1"), message(WARNING, "w2"), message(WARNING, "w3"))
    under_way = [outbox.pop(URGENT_FIRST, 0) for _ in range(2)]
    outbox.give_back(under_way)
    assert len(outbox) == 3
    assert drained(outbox) == ["w1", "w2", "w3"]


def test_a_state_given_back_does_not_undo_a_newer_one():
    outbox = filled(9, message(SIGNAL, "s", payload=b"red"))
    under_way = [outbox.pop(URGENT_FIRST, 0)]
    outbox.put(message(SIGNAL, "s", payload=b"green"), 0)
    outbox.give_back(under_way)
    assert len(outbox) == 1
    assert outbox.pop(URGENT_FIRST, 0).payload == b"green"
    assert outbox.fates == {(SIGNAL, Fate.SUPERSEDED): 1}


def test_expired_ones_given_back_make_room_too():
    outbox = filled(2, message(WARNING, "w1", 10), message(WARNING, "w2", 100))
    outbox.give_back([outbox.pop(URGENT_FIRST, 0)])
    outbox.put(message(WARNING, "w3"), 20)
    assert drained(outbox, 20) == ["w2", "w3"]
