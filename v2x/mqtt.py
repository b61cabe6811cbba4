"""The link to the broker: sends decisions, takes in commands. The only user of aiomqtt.

Rules:
* `publish` never waits and never fails: messages go to the bounded outbox, whatever the broker does.
* Two lanes, so that neither holds up the other: QoS 1 with many messages in flight at once, QoS 0 with one being written.
* A connection is used until its first failure; then all that was in flight goes back to the outbox and a new one is made, with
  jittered back-off, without end.
* A warning whose acknowledgement is late is let go at the end of its validity; only a longer silence ends the connection.
"""

import asyncio
import math
import random
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import aiomqtt
import paho.mqtt.client as paho
import structlog

from intersections.decisions import Decision
from positioning.samples import Verdict
from v2x.arrivals import Arrival
from v2x.commands import CHANNEL_KINDS, COMMAND_CHANNEL, CommandGate, command_arrival
from v2x.errors import ConfigError
from v2x.ingest.admission import RateLimit
from v2x.messages import DELIVERY, PRIVATE, Message, MessageEncoder, MessageKind
from v2x.outbox import OUTBOX_CAPACITY, Fate, Outbox

MAX_IN_FLIGHT = 256  # QoS 1 messages that wait for their acknowledgement; a second of warnings of a busy district
MAX_UNACKNOWLEDGED = 4096  # of those let go, how many paho may hold before the connection is given up
MAX_INCOMING = 1024  # commands received and not looked at
REFUSALS_PER_S = 20.0  # told and logged; the rest are counted only
REFUSALS_BURST = 100
ACK_TIMEOUT_S = 10.0  # a longer silence means that the broker hangs
CONNECT_TIMEOUT_S = 3.0
OFFLINE_TIMEOUT_S = 1.0
FLUSH_S = 2.0
KEEPALIVE_S = 5
BACKOFF_FIRST_S = 0.1
BACKOFF_LAST_S = 5.0

NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

log = structlog.get_logger(__name__)


class LinkStallError(Exception):
    """The broker left a message unanswered for too long."""

    def __init__(self, topic: str, waited_s: float) -> None:
        super().__init__(f"no answer to {topic} in {waited_s:g} s")
        self.topic = topic
        self.waited_s = waited_s


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker listens and how it wants to be spoken to."""

    host: str
    port: int
    transport: Literal["tcp", "websockets"] = "tcp"
    tls: bool = False
    username: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


SCHEMES: dict[str, tuple[Literal["tcp", "websockets"], bool, int]] = {
    "mqtt": ("tcp", False, 1883),
    "mqtts": ("tcp", True, 8883),
    "ws": ("websockets", False, 8083),
    "wss": ("websockets", True, 443),
}


def broker_address(url: str, flag: str = "--mqtt-url") -> BrokerAddress:
    """`mqtt[s]://[user:password@]host[:port]` or `ws[s]://...`; raises ConfigError naming `flag`."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ConfigError(flag, f"{url!r} is no broker; write {'://, '.join(SCHEMES)}:// and a host")
    transport, tls, default_port = SCHEMES[parts.scheme]
    try:
        port = parts.port or default_port
    except ValueError as error:
        raise ConfigError(flag, f"{url!r}: {error}") from error
    username = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return BrokerAddress(parts.hostname, port, transport, tls, username, password)


class _Lane:
    """The kinds of one QoS, and how many more of them may be sent now."""

    def __init__(self, qos: int, limit: int) -> None:
        self.kinds = tuple(kind for kind in MessageKind if DELIVERY[kind].qos == qos)
        self.limit = limit
        self.free = 0


class _PromptClient(aiomqtt.Client):
    """Writes at once what the socket takes.

    By itself aiomqtt asks the event loop to call back when the socket is writable, three turns later: another frame's step may come
    first. The loop is asked only for what the socket did not take.
    """

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        if client.is_connected():  # the connection's first words come from the thread that makes it
            client.loop_write()
        if client.want_write() and sock.fileno() >= 0:
            super()._on_socket_register_write(client, userdata, sock)


@dataclass(frozen=True, slots=True)
class _Session:
    """One connection, with the tasks that send on it."""

    client: aiomqtt.Client
    sending: asyncio.TaskGroup


class MqttLink:
    """A `DecisionSink`. Everything runs in one event loop: `publish` is called there, `run` is a task of it."""

    def __init__(
        self,
        address: BrokerAddress,
        encoder: MessageEncoder,
        gate: CommandGate,
        now_ns: Callable[[], int],
        on_arrival: Callable[[Arrival], None],
        capacity: int = OUTBOX_CAPACITY,
    ) -> None:
        self._address = address
        self._encoder = encoder
        self._gate = gate
        self._now_ns = now_ns
        self._on_arrival = on_arrival
        self._lanes = {0: _Lane(0, 1), 1: _Lane(1, MAX_IN_FLIGHT)}
        self._session: _Session | None = None
        self._under_way: dict[int, Message] = {}  # in the order they left the outbox
        self._numbers = count()
        self._settled = asyncio.Event()  # nothing waits, nothing is under way
        self._closing = asyncio.Event()
        self._answers = RateLimit(REFUSALS_PER_S, REFUSALS_BURST)
        self.outbox = Outbox(capacity)
        self.connected = asyncio.Event()
        self.lost = asyncio.Event()  # not connected any more
        self.connections = 0
        self.failures = 0

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:
        for decision in decisions:
            if not isinstance(decision, PRIVATE):
                self._put(self._encoder.encode(decision), now_ns)

    async def run(self) -> None:
        """Until `close`, through any number of connections."""
        backoff_s = BACKOFF_FIRST_S
        while not self._closing.is_set():
            connections = self.connections
            try:
                await self._serve()
            except* (aiomqtt.MqttError, LinkStallError) as lost:
                self.failures += 1
                log.warning("mqtt.lost", broker=str(self._address), waiting=len(self.outbox), reasons=_sentences(lost))
            backoff_s = BACKOFF_FIRST_S if self.connections > connections else min(2.0 * backoff_s, BACKOFF_LAST_S)
            await self._pause(backoff_s * random.uniform(0.5, 1.0))

    def close(self) -> None:
        """Asks `run` to send what is valid, for at most FLUSH_S, to say goodbye and to end."""
        self._closing.set()

    def _put(self, message: Message, now_ns: int) -> None:
        self.outbox.put(message, now_ns)
        self._settled.clear()
        self._send_from(self._lanes[message.delivery.qos])

    async def _pause(self, pause_s: float) -> None:
        """Ends early when the link is to close."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._closing.wait()

    def _client(self) -> aiomqtt.Client:
        address, now_ns = self._address, self._now_ns()
        last_will = self._encoder.status(now_ns, online=False)
        client = _PromptClient(
            address.host,
            address.port,
            # The same name each time: a broker that still holds our dead connection ends it, and its will, before our new status.
            identifier=self._encoder.client_id,
            username=address.username,
            password=address.password,
            transport=address.transport,
            tls_context=ssl.create_default_context() if address.tls else None,
            will=aiomqtt.Will(last_will.topic, last_will.payload, last_will.delivery.qos, last_will.delivery.retain),
            clean_session=True,
            timeout=CONNECT_TIMEOUT_S,
            keepalive=KEEPALIVE_S,
            max_queued_incoming_messages=MAX_INCOMING,
            max_queued_outgoing_messages=MAX_UNACKNOWLEDGED,
            max_inflight_messages=MAX_UNACKNOWLEDGED,
            socket_options=(NO_DELAY,),
        )
        client.pending_calls_threshold = MAX_IN_FLIGHT
        return client

    async def _serve(self) -> None:
        """One connection, from its first word to its failure (MqttError, LinkStallError, or a group of them) or to `close`."""
        async with self._client() as client:
            self.connections += 1
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(self._receive(client), name="mqtt-receive"),
                        group.create_task(self._send_all(client), name="mqtt-send"),
                    ]
                    now_ns = self._now_ns()
                    self._put(self._encoder.status(now_ns, online=True), now_ns)
                    await self._closing.wait()
                    await self._flush()
                    for task in tasks:
                        task.cancel()
            finally:
                self.connected.clear()
                self.lost.set()
                self.outbox.give_back(self._under_way.values())
                self._under_way.clear()
                await self._say_offline(client)

    async def _send_all(self, client: aiomqtt.Client) -> None:
        """Until it is cancelled or one message fails; no task of it outlives it."""
        async with asyncio.TaskGroup() as sending:
            self._session = _Session(client, sending)
            try:
                for lane in self._lanes.values():
                    lane.free = lane.limit
                    self._send_from(lane)
                await asyncio.Event().wait()
            finally:
                self._session = None  # before the group ends: it takes no more tasks then

    def _send_from(self, lane: _Lane) -> None:
        """Start to send what waits, as far as the lane has room: at once where nothing is under way."""
        session = self._session
        if session is None:
            return
        while lane.free and (message := self.outbox.pop(lane.kinds, self._now_ns())) is not None:
            lane.free -= 1
            number = next(self._numbers)
            self._under_way[number] = message
            session.sending.create_task(self._send(session, lane, number, message), name="mqtt-publish")
        if not self._under_way and not len(self.outbox):
            self._settled.set()

    async def _send(self, session: _Session, lane: _Lane, number: int, message: Message) -> None:
        valid_s = (message.valid_until_ns - self._now_ns()) / 1e9
        try:
            fate = Fate.EXPIRED if valid_s <= 0.0 else await self._publish_one(session.client, message, valid_s)
        except BaseException:
            self._session = None  # the group ends with the first failure
            raise
        del self._under_way[number]
        self.outbox.fates[message.kind, fate] += 1
        lane.free += 1
        self._send_from(lane)

    async def _publish_one(self, client: aiomqtt.Client, message: Message, valid_s: float) -> Fate:
        """QoS 0 ends with the last byte written, QoS 1 with the acknowledgement; raises MqttError, LinkStallError."""
        delivery = message.delivery
        patience_s = min(ACK_TIMEOUT_S, valid_s) if delivery.qos else ACK_TIMEOUT_S
        try:
            async with asyncio.timeout(patience_s):
                await client.publish(message.topic, message.payload, delivery.qos, delivery.retain, timeout=math.inf)
        except TimeoutError:
            if patience_s >= ACK_TIMEOUT_S:
                raise LinkStallError(message.topic, patience_s) from None
            return Fate.UNACKNOWLEDGED
        return Fate.SENT

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._settled.wait()
        except TimeoutError:
            log.warning("mqtt.unsent", waiting=len(self.outbox), under_way=len(self._under_way))

    async def _say_offline(self, client: aiomqtt.Client) -> None:
        """A clean end sends no last will, so we say it ourselves; where the connection is gone, the will says it."""
        message = self._encoder.status(self._now_ns(), online=False)
        try:
            await client.publish(message.topic, message.payload, message.delivery.qos, message.delivery.retain, timeout=OFFLINE_TIMEOUT_S)
        except aiomqtt.MqttError as error:
            log.debug("mqtt.offline_unsaid", reason=str(error))

    async def _receive(self, client: aiomqtt.Client) -> None:
        await client.subscribe([(self._encoder.topic_filter(channel), 1) for channel in CHANNEL_KINDS])
        self.connected.set()
        self.lost.clear()
        log.info("mqtt.connected", broker=str(self._address), connections=self.connections)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            self._take(message.topic.value, message.payload, retained=message.retain)

    def _take(self, topic: str, payload: bytes, *, retained: bool) -> None:
        now_ns = self._now_ns()
        receipt = self._gate.receive(topic, payload, now_ns, retained=retained)
        address, sample = receipt.address, receipt.sample
        if receipt.verdict is Verdict.ACCEPTED and sample is not None:
            self._on_arrival(command_arrival(sample, payload))
        elif not self._answers.takes(now_ns):
            return
        else:
            log.info("mqtt.command_refused", topic=topic, verdict=receipt.verdict.name, reason=receipt.text)
        if address is not None and (receipt.verdict is not Verdict.ACCEPTED or address.channel == COMMAND_CHANNEL):
            command_id = sample.id if sample is not None else ""
            answer = self._encoder.command_answer(address.intersection, address.author, command_id, receipt.verdict, receipt.text, now_ns)
            self._put(answer, now_ns)


def _sentences(error: BaseException) -> list[str]:
    """What each error of the tree says, and what it says it came from."""
    if isinstance(error, BaseExceptionGroup):
        return [sentence for one in error.exceptions for sentence in _sentences(one)]
    return [f"{error}: {error.__cause__}" if error.__cause__ is not None else str(error)]
