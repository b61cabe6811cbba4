"""An independent subscriber in a process of its own: notes when each warning arrived, looks into them only at the end.

paho directly, blocking, one thread: what it adds to a latency is a wake-up, not an event loop shared with senders.
"""

import multiprocessing
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import monotonic_ns
from typing import Any, Self

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

WARNINGS = "v2x/v1/+/+/warning/#"
READY_S = 10.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """One warning message: when it came (monotonic clock of this machine) and the frame that caused it."""

    received_ns: int
    station: str
    sequence: int
    state: str


class Subscriber:
    """Runs from construction to `stop`; `with Subscriber(host, port) as subscriber:` stops it in any case."""

    def __init__(self, host: str, port: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_subscribe, args=(host, port, theirs), daemon=True)
        self._process.start()
        if not self._pipe.poll(READY_S) or self._pipe.recv() != "ready":
            raise ConnectionError(f"no MQTT broker answered at {host}:{port}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_alive():
            self._process.terminate()
        self._process.join()

    def take(self) -> list[Receipt]:
        """Everything that came since the last call."""
        self._pipe.send("take")
        receipts: list[Receipt] = self._pipe.recv()
        return receipts


def _subscribe(host: str, port: int, pipe: Connection) -> None:
    arrived: list[tuple[int, bytes]] = []
    subscribed = threading.Event()

    def on_connect(client: paho.Client, *_: Any) -> None:
        client.subscribe(WARNINGS, qos=1)

    def on_message(_client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        arrived.append((monotonic_ns(), bytes(message.payload)))

    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = on_connect
    client.on_message = on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(host, port)
    client.loop_start()
    if subscribed.wait(READY_S):
        pipe.send("ready")
    while pipe.recv() == "take":
        count = len(arrived)
        pipe.send([_receipt(*row) for row in arrived[:count]])
        del arrived[:count]


def _receipt(received_ns: int, payload: bytes) -> Receipt:
    fields = orjson.loads(payload)
    return Receipt(received_ns, fields["cause"]["station"], fields["cause"]["sequence"], fields["state"])
