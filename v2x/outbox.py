"""What waits to be sent to the broker: bounded, urgent first, and clear about what it throws away.

Rules:
* No message waits beyond its validity: expired ones are never handed out.
* Of lamp states, status, boards and tracks only the newest of a topic waits; it keeps the place of the one it replaces.
* When full: the expired go first, then the oldest tracks, boards, lamp states, news of orders, events, and only then the oldest warnings.
  Orders and status are never dropped, and may exceed the capacity.
* Whatever is not sent is counted, by kind and reason.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from v2x.messages import NEVER_NS, Message, MessageKind

OUTBOX_CAPACITY = 2048  # messages; ten seconds of 200 warnings a second, about 2 MB

URGENT_FIRST = tuple(MessageKind)
DROPPED_FIRST = (MessageKind.TRACK, MessageKind.ETA, MessageKind.SIGNAL, MessageKind.DISPATCH, MessageKind.EVENT, MessageKind.WARNING)


class Fate(StrEnum):
    """What became of a message."""

    SENT = "sent"  # QoS 1: acknowledged by the broker; QoS 0: written to the socket
    EXPIRED = "expired"
    SUPERSEDED = "superseded"  # a newer one of its topic came while it waited
    DISPLACED = "displaced"  # the outbox was full
    UNACKNOWLEDGED = "unacknowledged"  # sent, but the broker was silent until it expired


class Outbox:
    def __init__(self, capacity: int = OUTBOX_CAPACITY) -> None:
        self._capacity = capacity
        # By kind: topic, or a number of its own where each message counts -> message. Dicts keep the order of arrival.
        self._waiting: dict[MessageKind, dict[str | int, Message]] = {kind: {} for kind in URGENT_FIRST}
        self._number = 0
        self._size = 0
        self._soonest_expiry_ns = NEVER_NS
        self.fates: Counter[tuple[MessageKind, Fate]] = Counter()

    def __len__(self) -> int:
        return self._size

    def put(self, message: Message, now_ns: int) -> None:
        waiting = self._waiting[message.kind]
        key = self._key(message)
        if key in waiting:
            self.fates[message.kind, Fate.SUPERSEDED] += 1
            self._size -= 1
        elif self._size >= self._capacity:
            self._make_room(now_ns)
        waiting[key] = message
        self._size += 1
        self._soonest_expiry_ns = min(self._soonest_expiry_ns, message.valid_until_ns)

    def pop(self, kinds: Iterable[MessageKind], now_ns: int) -> Message | None:
        """The oldest message of the first of `kinds` that has a valid one."""
        for kind in kinds:
            waiting = self._waiting[kind]
            while waiting:
                message = waiting.pop(next(iter(waiting)))
                self._size -= 1
                if message.valid_until_ns > now_ns:
                    return message
                self.fates[kind, Fate.EXPIRED] += 1
        return None

    def give_back(self, messages: Iterable[Message]) -> None:
        """Messages in the order they were popped, not known to be sent: they come before all that waits now."""
        returned: dict[MessageKind, list[Message]] = {kind: [] for kind in URGENT_FIRST}
        for message in messages:
            returned[message.kind].append(message)
        for kind, again in returned.items():
            if again:
                self._put_in_front(kind, again)

    def _put_in_front(self, kind: MessageKind, again: list[Message]) -> None:
        newer = self._waiting[kind]
        front = {self._key(message): message for message in again}
        merged = front | newer  # a newer message of the same topic wins
        superseded = len(again) + len(newer) - len(merged)
        if superseded:
            self.fates[kind, Fate.SUPERSEDED] += superseded
        self._size += len(merged) - len(newer)
        self._waiting[kind] = merged
        self._soonest_expiry_ns = 0

    def _key(self, message: Message) -> str | int:
        if message.delivery.newest_only:
            return message.topic
        self._number += 1
        return self._number

    def _make_room(self, now_ns: int) -> None:
        if self._soonest_expiry_ns <= now_ns:
            self._drop_expired(now_ns)
        if self._size < self._capacity:
            return
        for kind in DROPPED_FIRST:
            waiting = self._waiting[kind]
            if waiting:
                del waiting[next(iter(waiting))]
                self._size -= 1
                self.fates[kind, Fate.DISPLACED] += 1
                return

    def _drop_expired(self, now_ns: int) -> None:
        """All kinds in one pass; runs only when something can have expired since the last pass."""
        self._soonest_expiry_ns = NEVER_NS
        for kind, waiting in self._waiting.items():
            expired = [key for key, message in waiting.items() if message.valid_until_ns <= now_ns]
            for key in expired:
                del waiting[key]
            self._size -= len(expired)
            if expired:
                self.fates[kind, Fate.EXPIRED] += len(expired)
            soonest_ns = min((message.valid_until_ns for message in waiting.values()), default=NEVER_NS)
            self._soonest_expiry_ns = min(self._soonest_expiry_ns, soonest_ns)
