"""Bounds what nats-server keeps for MQTT subscribers that are away or do not acknowledge.

nats-server keeps QoS 1 messages in the JetStream stream `$MQTT_msgs` until every session has them, without limit: one forgotten
session fills the store, and then nobody's messages are taken any more. There is no setting for it, so the stream is changed through
NATS's own protocol, of which this module speaks the five words it needs.
"""

import asyncio
from typing import Any

import orjson

STREAM = "$MQTT_msgs"
KEPT_BYTES = 256_000_000
KEPT_NS = 3600 * 1_000_000_000  # the longest an away subscriber is made up to; nothing we send is valid longer
ANSWER_S = 5.0

# MQTT 3.1.1 §3.1: protocol name and level, clean session, keep-alive 10 s, no client id; §3.14: DISCONNECT.
MQTT_CONNECT = bytes((0x10, 12, 0, 4)) + b"MQTT" + bytes((4, 2, 0, 10, 0, 0))
MQTT_ACCEPTED = bytes((0x20, 2, 0, 0))
MQTT_DISCONNECT = bytes((0xE0, 0))

Address = tuple[str, int]


class StoreError(RuntimeError):
    """nats-server answered what we do not understand."""


async def bound_store(mqtt: Address, client: Address, kept_bytes: int = KEPT_BYTES, kept_ns: int = KEPT_NS) -> None:
    """Oldest messages go first from now on. Raises StoreError, EOFError, OSError or TimeoutError."""
    async with asyncio.timeout(ANSWER_S):
        await _greet(mqtt)
        config = (await stream_state(client))["config"]
        await _request(client, f"$JS.API.STREAM.UPDATE.{STREAM}", config | {"max_bytes": kept_bytes, "max_age": kept_ns, "discard": "old"})


async def stream_state(client: Address) -> dict[str, Any]:
    """The stream's `config` and `state`."""
    return await _request(client, f"$JS.API.STREAM.INFO.{STREAM}", {})


async def _greet(mqtt: Address) -> None:
    """One MQTT session, for nats-server makes its streams with the first."""
    reader, writer = await asyncio.open_connection(*mqtt)
    try:
        writer.write(MQTT_CONNECT)
        answer = await reader.readexactly(len(MQTT_ACCEPTED))
        if answer != MQTT_ACCEPTED:
            raise StoreError(f"an MQTT session was refused: {answer.hex()}")
        writer.write(MQTT_DISCONNECT)
        await writer.drain()
    finally:
        writer.close()


async def _request(client: Address, subject: str, content: dict[str, Any]) -> dict[str, Any]:
    """One request of the JetStream API and its answer; see docs.nats.io, Client Protocol."""
    reader, writer = await asyncio.open_connection(*client)
    try:
        body = orjson.dumps(content) if content else b""
        writer.write(b'CONNECT {"verbose":false}\r\nSUB _INBOX.v2x 1\r\n')
        writer.write(f"PUB {subject} _INBOX.v2x {len(body)}\r\n".encode() + body + b"\r\n")
        while not (line := await reader.readline()).startswith(b"MSG "):  # INFO, PING and the like come before
            if not line or line.startswith(b"-ERR"):
                raise StoreError(f"{subject}: {line.decode().strip() or 'connection closed'}")
        answer = orjson.loads(await reader.readexactly(int(line.split()[-1])))
    finally:
        writer.close()
    if "error" in answer:
        raise StoreError(f"{subject}: {answer['error'].get('description')}")
    return dict(answer)
