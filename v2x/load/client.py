"""`v2x bench-client`: stations at a steady rate against a server, and an independent subscriber that says how late its warnings are.

Rules:
* Latency is from the moment a frame is handed to gRPC to the receipt of a warning it caused, on the clock of this machine:
  both ends run here, wherever the server is.
* A frame is a probe when its step raised or cleared a warning: the warning's `cause` names it. An UPDATED one may repeat an
  earlier cause.
* Stations are staggered evenly over the period, as clocks of units that know nothing of each other are on average.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import Annotated

import grpc
import numpy as np
import orjson
import typer

from v2x.cli import application
from v2x.errors import ConfigError
from v2x.load.district import District, Peer, Scene, load_district, prepare_district
from v2x.load.subscriber import Receipt, Subscriber
from v2x.v1 import common_pb2, roadside_pb2

PROBES = frozenset({"RAISED", "CLEARED"})
STREAM = "/v2x.v1.RoadsideService/Stream"
SETTLE_S = 1.0  # for the last warnings to arrive
WARM_UP_S = 3.0  # until tracks are confirmed; not counted
PERCENTILES = (50.0, 99.0, 99.9)


@dataclass(slots=True)
class Outcome:
    """What one load came to."""

    frames: int = 0
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    sent_ns: dict[tuple[str, int], int] = field(default_factory=dict)
    sender_lag_ns: list[int] = field(default_factory=list)
    latencies_ms: dict[str, list[float]] = field(default_factory=dict)  # by warning state
    broken: list[str] = field(default_factory=list)  # streams that the server ended

    @property
    def lost(self) -> int:
        return self.frames - self.accepted - self.rejected.total()

    def all_latencies_ms(self) -> list[float]:
        return [value for values in self.latencies_ms.values() for value in values]

    def percentiles_ms(self) -> tuple[float, float, float]:
        values = self.all_latencies_ms()
        if not values:
            return float("nan"), float("nan"), float("nan")
        p50, p99, p999 = np.percentile(values, PERCENTILES)
        return float(p50), float(p99), float(p999)

    def match(self, receipts: Sequence[Receipt], counted_from_ns: int) -> None:
        """Join what was received with what was sent; decisions of the timer have no frame and no latency."""
        for receipt in receipts:
            sent_ns = self.sent_ns.get((receipt.station, receipt.sequence))
            if receipt.state in PROBES and sent_ns is not None and sent_ns >= counted_from_ns:
                self.latencies_ms.setdefault(receipt.state, []).append((receipt.received_ns - sent_ns) / 1e6)


class Load:
    """Stations that stream to one server; can be run again: sequences go on where they stopped."""

    def __init__(self, grpc_address: str, peers: Sequence[Peer], scene: Scene, rate_hz: float) -> None:
        self._address = grpc_address
        self._peers = peers
        self._frames = scene.frames
        self._period_s = 1.0 / rate_hz
        self._sequence = int(time.time()) % 2**20 * 1000  # a server that knows us from before sees no repetition
        self._phase = 0

    async def run(self, duration_s: float) -> Outcome:
        outcome = Outcome()
        count = round(duration_s / self._period_s)
        async with grpc.aio.insecure_channel(self._address) as channel:
            began_s = time.monotonic() + 0.2
            starts_s = [began_s + index * self._period_s / len(self._peers) for index in range(len(self._peers))]
            async with asyncio.TaskGroup() as group:
                for peer, start_s in zip(self._peers, starts_s, strict=True):
                    group.create_task(self._stream(channel, peer, start_s, count, outcome), name=f"station-{peer.station}")
        self._sequence += count
        self._phase += count
        return outcome

    async def _stream(self, channel: grpc.aio.Channel, peer: Peer, start_s: float, count: int, outcome: Outcome) -> None:
        open_stream = channel.stream_stream(STREAM, None, roadside_pb2.StationReport.FromString)
        call = open_stream(None, metadata=(("authorization", f"Bearer {peer.token}"),))
        try:
            await self._send(call, peer, start_s, count, outcome)
            await _settle(call, outcome)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            outcome.broken.append(f"{peer.station}: {(await call.code()).name}, {await call.details()}")

    async def _send(self, call: grpc.aio.StreamStreamCall, peer: Peer, start_s: float, count: int, outcome: Outcome) -> None:
        phases = self._frames[peer.side]
        for index in range(count):
            due_s = start_s + index * self._period_s
            await asyncio.sleep(due_s - time.monotonic())
            sequence = self._sequence + index
            payload = _head(peer, sequence) + phases[(self._phase + index) % len(phases)]
            sent_ns = monotonic_ns()
            outcome.sent_ns[peer.station, sequence] = sent_ns
            outcome.sender_lag_ns.append(sent_ns - int(due_s * 1e9))
            outcome.frames += 1
            await call.write(payload)


async def _settle(call: grpc.aio.StreamStreamCall, outcome: Outcome) -> None:
    """End our side; the server's last report counts the whole stream."""
    await call.done_writing()
    reports = [report async for report in call]
    if reports:
        outcome.accepted += reports[-1].frames_accepted
        outcome.rejected += Counter({common_pb2.Verdict.Name(one.verdict): one.count for one in reports[-1].frames_rejected})


def _head(peer: Peer, sequence: int) -> bytes:
    """All of a frame but its objects, whose bytes follow: fields of a protobuf message may come in pieces."""
    measured = common_pb2.Timestamp(unix_ns=time.time_ns())
    head = roadside_pb2.RsuFrame(station_id=peer.station, intersection_id=peer.intersection, sequence=sequence, measured=measured)
    return head.SerializeToString()


async def measure(load: Load, subscriber: Subscriber, duration_s: float, warm_up_s: float = WARM_UP_S) -> Outcome:
    """One run of `load`; what its first seconds caused is not counted."""
    subscriber.take()
    counted_from_ns = monotonic_ns() + int(warm_up_s * 1e9)
    outcome = await load.run(warm_up_s + duration_s)
    await asyncio.sleep(SETTLE_S)
    outcome.match(subscriber.take(), counted_from_ns)
    return outcome


def report(outcome: Outcome, objects: int) -> str:
    p50_ms, p99_ms, p999_ms = outcome.percentiles_ms()
    by_state = ", ".join(f"{len(values)} {state}" for state, values in sorted(outcome.latencies_ms.items())) or "none"
    rejected = ", ".join(f"{count} {name}" for name, count in outcome.rejected.items()) or "none"
    lag_ms = np.percentile(outcome.sender_lag_ns, 99.0) / 1e6 if outcome.sender_lag_ns else 0.0
    lines = (
        f"frames sent      {outcome.frames} of {objects} objects",
        f"frames lost      {outcome.lost}",
        f"frames rejected  {rejected}",
        f"probes           {by_state}",
        f"frame to MQTT    p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms, p99.9 {p999_ms:.2f} ms",
        f"sender late      p99 {lag_ms:.2f} ms",
    )
    return "\n".join((*lines, *(f"stream ended     {text}" for text in outcome.broken)))


def endpoints_of(district: District) -> tuple[str, tuple[str, int]]:
    """gRPC address and (MQTT host, port) of the server of this district."""
    path = district.folder / "state" / "endpoints.json"
    try:
        endpoints = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError("FOLDER", f"{path} is missing; first run: v2x serve --config {district.folder / 'v2x.toml'}") from error
    host, _, port = endpoints["mqtt"].rpartition(":")
    return endpoints["grpc"], (host, int(port))


bench_app = application()

EXAMPLES = """
Examples:

  v2x bench-client build/district --prepare 10     ten crossings with two stations each

  v2x serve --config build/district/v2x.toml       in another terminal

  v2x bench-client build/district --duration 60
"""


@bench_app.command(epilog=EXAMPLES)
def bench_client(
    folder: Annotated[Path, typer.Argument(help="The district's folder.")],
    prepare: Annotated[int, typer.Option(help="Write a district of this many crossings and end.")] = 0,
    stations: Annotated[int, typer.Option(help="Use this many of its stations; 0: all.")] = 0,
    rate: Annotated[float, typer.Option(help="Frames a second and station.")] = 10.0,
    objects: Annotated[int, typer.Option(help="Objects a frame.")] = 50,
    duration: Annotated[float, typer.Option(help="Seconds.")] = 30.0,
) -> None:
    """Load a server with stations; measure latency and loss from frame to MQTT."""
    if prepare:
        prepare_district(folder, prepare)
        typer.echo(f"now run: v2x serve --config {folder / 'v2x.toml'}")
        return
    district = load_district(folder)
    address, broker = endpoints_of(district)
    load = Load(address, district.peers[: stations or None], Scene(objects), rate)
    with Subscriber(*broker) as subscriber:
        typer.echo(report(asyncio.run(measure(load, subscriber, duration)), objects))
