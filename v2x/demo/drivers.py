"""The drivers' side of the broker: orders come to the simulated drivers by MQTT, and what they answer goes back by it.

Rules:
* One connection for all vehicles of the simulation; each order's topic names its vehicle, each answer's its author.
* An order is read from its message alone, as any vehicle's client has to. One that cannot be read is counted, and nothing else.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self

import aiomqtt
import orjson

from intersections.buses.network import BusNetwork
from intersections.buses.orders import Acknowledgement, DispatchOrder, OrderKind
from intersections.samples import CommandKind, CommandSample
from v2x.commands import ORDER_ACK_CHANNEL, encode_command, parse_rfc3339
from v2x.dispatch_messages import UNITS
from v2x.errors import WireError
from v2x.messages import TOPIC_ROOT, MessageKind, topic_word

ANSWER_VALID_NS = 120_000_000_000  # simulated; the simulation runs faster than the broker
NO_STOP = -1


def read_order(payload: bytes, network: BusNetwork) -> DispatchOrder:
    """The order in a message by the schema `order`. Raises WireError, KeyError, ValueError, TypeError where it is none."""
    body: dict[str, Any] = orjson.loads(payload)
    kind = OrderKind[body["kind"]]
    trip = network.trips.get(body["trip"])
    stops = network.patterns[trip.pattern].stops if trip is not None else ()
    return DispatchOrder(
        id=body["id"],
        version=body["version"],
        kind=kind,
        line=body["line"],
        vehicle=body["vehicle"],
        trip=body["trip"],
        stop=stops.index(body["stop"]) if body["stop"] in stops else NO_STOP,
        value=_value(body, kind, network.midnight_ns),
        text=body["text"],
        issued_ns=parse_rfc3339(body["created"]),
        valid_until_ns=parse_rfc3339(body["valid_until"]),
        author=body["author"],
        withdrawn=body["state"] == "WITHDRAWN",
    )


def _value(body: dict[str, Any], kind: OrderKind, midnight_ns: int) -> float:
    if "at" in body:
        return (parse_rfc3339(body["at"]) - midnight_ns) / 1e9
    return float(body[UNITS[kind]]) if kind in UNITS else 0.0


class DriversRadio:
    """`heard` since it was last asked; `say` what drivers answer. Raises aiomqtt.MqttError where the broker is gone."""

    def __init__(self, broker: str, region: str, network_id: str, network: BusNetwork) -> None:
        self._broker = broker
        self._root = f"{TOPIC_ROOT}/{topic_word(region)}/{topic_word(network_id)}"
        self._network_id = network_id
        self._network = network
        self._orders: list[DispatchOrder] = []
        self._client: aiomqtt.Client
        self._listening: asyncio.Task[None]
        self.unread: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        host, _, port = self._broker.rpartition(":")
        self._client = aiomqtt.Client(host, int(port), identifier=f"drivers-{topic_word(self._network_id)}")
        await self._client.__aenter__()
        await self._client.subscribe(f"{self._root}/{MessageKind.ORDER}/+", qos=1)
        self._listening = asyncio.create_task(self._listen(), name="drivers")
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._listening.cancel()
        with suppress(asyncio.CancelledError, aiomqtt.MqttError):
            await self._listening
        with suppress(aiomqtt.MqttError):
            await self._client.__aexit__(None, None, None)

    def heard(self) -> list[DispatchOrder]:
        if self._listening.done():
            self._listening.result()
        orders, self._orders = self._orders, []
        return orders

    async def say(self, answers: Iterable[Acknowledgement]) -> None:
        for said in answers:
            sample = CommandSample(
                id=f"ack-{said.order}-{said.version}",
                kind=CommandKind.ACKNOWLEDGEMENT,
                intersection=self._network_id,
                author=said.vehicle,
                about=said.order,
                answer=said.answer,
                valid_until_ns=said.received_ns + ANSWER_VALID_NS,
                received_ns=said.received_ns,
                reason=said.reason,
                version=said.version,
            )
            topic = f"{self._root}/{ORDER_ACK_CHANNEL}/{topic_word(said.vehicle)}"
            await self._client.publish(topic, encode_command(sample), qos=1)

    async def _listen(self) -> None:
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            try:
                self._orders.append(read_order(message.payload, self._network))
            except (WireError, KeyError, ValueError, TypeError) as error:
                self.unread[type(error).__name__] += 1
