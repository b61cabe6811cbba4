"""The sim as field equipment: every station, vehicle and controller on a gRPC stream of its own, in scaled real time.

Rules:
* One event loop, in a process apart from the server's: neither holds the other's interpreter lock.
* The world runs one step ahead of the clock, so that every message is ready before it is due; due messages are handed to their
  stream's writer, and the time of sending is noted right before the write.
* Everything is bounded: a stream that does not drain loses its oldest message, and the loss is counted.
* `clock` is the server's. One that is shared waits for us: whatever holds us up, nothing is sent more than `SEND_LEAD_NS` late.
"""

import asyncio
import heapq
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from v2x.arrivals import ArrivalKind
from v2x.clock import ScaledClock
from v2x.sim import encode
from v2x.sim.field import Field, Sending
from v2x.sim.latency import SendLog
from v2x.sim.shared_time import NO_LIMIT_NS, SharedClock
from v2x.v1 import roadside_pb2, signal_pb2, vehicle_pb2

METHOD = {
    ArrivalKind.RSU_FRAME: "/v2x.v1.RoadsideService/Stream",
    ArrivalKind.VEHICLE_SAMPLE: "/v2x.v1.VehicleService/Stream",  # which ranges never open
    ArrivalKind.SIGNAL_STATE: "/v2x.v1.SignalService/Stream",
}
UPLINK_FIELD = {ArrivalKind.VEHICLE_SAMPLE: 1, ArrivalKind.RANGES: 2}  # of `VehicleUplink`
POSITIONS_HZ = 10.0  # asked for by every vehicle
AHEAD_NS = 30_000_000  # how long before its time a step of the world is computed
STREAM_WAITING = 64  # messages; 6 s of a station
SILENT_NS = 1_000_000_000  # a vehicle that sends no more has left: its stream is closed
CLOSE_S = 2.0
SEND_LEAD_NS = 60_000_000  # how far a shared clock may pass what is still to be sent
LOOK_S = 0.001  # how often a shared clock is allowed on
ASLEEP_S = 10.0  # a server that is not awake for so long is none
Call = Any  # grpc.aio.StreamStreamCall[bytes, bytes]; grpc brings no types


class PeerError(Exception):
    """A station or controller could not speak to the server; the text is the server's."""


@dataclass(slots=True)
class WireCounts:
    """What was sent and what came back."""

    frames: int = 0
    objects: int = 0
    samples: int = 0
    ranges: int = 0  # messages of simulated 5G
    signals: int = 0
    dropped: int = 0  # by full streams
    vehicles: int = 0
    downlinks: Counter[str] = field(default_factory=Counter)
    latest_reports: dict[str, roadside_pb2.StationReport] = field(default_factory=dict)
    most_late_ms: float = 0.0  # sending after its due time, in the clock's milliseconds


class WireLink:
    """Plays a field to a server. `run` returns when `duration_s` is over or `stop` was called."""

    def __init__(self, field: Field, clock: ScaledClock, server: str, tokens: Mapping[str, str], sends: SendLog) -> None:
        self.counts = WireCounts()
        self._field = field
        self._clock = clock
        self._server = server
        self._tokens = tokens
        self._sends = sends
        self._streams: dict[str, _Stream] = {}
        self._in_flight: list[tuple[int, int, Sending]] = []  # heap: due, number, message
        self._number = 0
        self._stopped = asyncio.Event()
        self._pace = clock if isinstance(clock, SharedClock) else None
        self._awake = (0, 0.0)  # the server's latest word, and when it came

    def stop(self) -> None:
        self._stopped.set()

    async def run(self, duration_s: float, each_second: Callable[[WireCounts, float], None]) -> None:
        """Raises PeerError when a stream of a station or the controller ends before its time."""
        end_ns = self._field.epoch_ns + round(duration_s * 1e9)
        next_tick_ns = self._field.epoch_ns + 1_000_000_000
        if self._pace is not None:
            self._pace.take_over()
        async with grpc.aio.insecure_channel(self._server, options=(("grpc.use_local_subchannel_pool", 1),)) as self._channel:
            try:
                while self._clock.now_ns() < end_ns and not self._stopped.is_set():
                    await self._wait_until(self._advance())
                    self._hand_over()
                    if self._clock.now_ns() >= next_tick_ns:
                        next_tick_ns += 1_000_000_000
                        self._tick()
                        each_second(self.counts, self.played_s)
            finally:
                if self._pace is not None:
                    self._pace.let_go()
                await asyncio.gather(*(stream.close() for stream in self._streams.values()))

    @property
    def played_s(self) -> float:
        return (self._clock.now_ns() - self._field.epoch_ns) / 1e9

    def _advance(self) -> int:
        """Compute the world's next steps that are near; when to look again, ns."""
        shown_ns = self._field.time_ns(self._field.truth.time_s)
        while shown_ns - AHEAD_NS <= self._clock.now_ns():
            for sending in self._field.step():
                self._number += 1
                heapq.heappush(self._in_flight, (sending.due_ns, self._number, sending))
            shown_ns = self._field.time_ns(self._field.truth.time_s)
        return min(shown_ns - AHEAD_NS, self._in_flight[0][0]) if self._in_flight else shown_ns - AHEAD_NS

    async def _wait_until(self, time_ns: int) -> None:
        delay_s = max(0.0, (time_ns - self._clock.now_ns()) / 1e9 / self._clock.speed)
        if self._pace is not None:
            self._allow_on(self._pace)
            delay_s = min(delay_s, LOOK_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopped.wait()

    def _allow_on(self, pace: SharedClock) -> None:
        """Let time go on to what is next to be sent. Raises PeerError where the server has fallen silent."""
        next_ns = self._in_flight[0][0] if self._in_flight else NO_LIMIT_NS
        unsent_ns = min((stream.unsent_ns for stream in self._streams.values()), default=NO_LIMIT_NS)
        shown_ns = self._field.time_ns(self._field.truth.time_s)
        pace.allow(min(shown_ns, next_ns, unsent_ns) + SEND_LEAD_NS)
        awake_ns, now_s = pace.awake_ns(), time.monotonic()
        if awake_ns != self._awake[0]:
            self._awake = (awake_ns, now_s)
        elif now_s - self._awake[1] > ASLEEP_S:
            raise PeerError(f"the server has not been awake for {ASLEEP_S:g} s")

    def _hand_over(self) -> None:
        now_ns = self._clock.now_ns()
        while self._in_flight and self._in_flight[0][0] <= now_ns:
            sending = heapq.heappop(self._in_flight)[2]
            self.counts.most_late_ms = max(self.counts.most_late_ms, (now_ns - sending.due_ns) / 1e6)
            self._stream(sending).put(sending)
            self._count(sending)

    def _count(self, sending: Sending) -> None:
        match sending.kind:
            case ArrivalKind.RSU_FRAME:
                self.counts.frames += 1
                self.counts.objects += sending.objects
            case ArrivalKind.VEHICLE_SAMPLE:
                self.counts.samples += 1
            case ArrivalKind.RANGES:
                self.counts.ranges += 1
            case _:
                self.counts.signals += 1

    def _stream(self, sending: Sending) -> "_Stream":
        stream = self._streams.get(sending.source)
        if stream is None:
            self.counts.vehicles += sending.kind is ArrivalKind.VEHICLE_SAMPLE
            token = self._tokens.get(sending.source, "")
            metadata = (("authorization", f"Bearer {token}"),) if token else ()
            method = self._channel.stream_stream(METHOD[sending.kind], request_serializer=bytes, response_deserializer=bytes)
            call = method(None, metadata=metadata)
            stream = self._streams[sending.source] = _Stream(sending, call, self.counts, self._sends, self._field)
        stream.last_due_ns = sending.due_ns
        return stream

    def _tick(self) -> None:
        """Once a second: notice failed streams, close those of vehicles that have left, flush the send log."""
        self._sends.flush()
        now_ns = self._clock.now_ns()
        for source, stream in list(self._streams.items()):
            if stream.kind is ArrivalKind.VEHICLE_SAMPLE:
                if now_ns - stream.last_due_ns > SILENT_NS:
                    del self._streams[source]
                    stream.leave()
            elif stream.failure:
                raise PeerError(f"{source}: {stream.failure}")


class _Stream:
    """One sender's call: a writer task that drains `put`, a reader task that notes what comes back."""

    def __init__(self, first: Sending, call: Call, counts: WireCounts, sends: SendLog, field: Field) -> None:
        self.kind = first.kind
        self.last_due_ns = first.due_ns
        self.unsent_ns = NO_LIMIT_NS  # when the oldest message that was not handed over yet was due
        self.failure = ""
        self._source = first.source
        self._call = call
        self._counts = counts
        self._sends = sends
        self._field = field
        self._waiting: deque[Sending] = deque()
        self._wake = asyncio.Event()
        self._leaving = False
        self._writer = asyncio.create_task(self._write(), name=f"write {first.source}")
        self._reader = asyncio.create_task(self._read(), name=f"read {first.source}")

    def put(self, sending: Sending) -> None:
        if len(self._waiting) >= STREAM_WAITING:
            self._waiting.popleft()
            self._counts.dropped += 1
        self._waiting.append(sending)
        self.unsent_ns = min(self.unsent_ns, sending.due_ns)
        self._wake.set()

    def leave(self) -> None:
        """No more will come; the stream is closed once it has drained."""
        self._leaving = True
        self._wake.set()

    async def close(self) -> None:
        self.leave()
        _, late = await asyncio.wait((self._writer, self._reader), timeout=CLOSE_S)
        self._call.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _write(self) -> None:
        try:
            if self.kind is ArrivalKind.VEHICLE_SAMPLE:
                await self._call.write(encode.position_request(POSITIONS_HZ))
            while self._waiting or not self._leaving:
                while self._waiting:
                    sending = self._waiting.popleft()
                    self.unsent_ns = sending.due_ns
                    field = UPLINK_FIELD.get(sending.kind)
                    payload = encode.uplink(sending.payload, field) if field else sending.payload
                    if sending.kind is not ArrivalKind.RANGES:  # nothing names them as its cause
                        self._sends.note(sending.source, sending.sequence)
                    await self._call.write(payload)
                self.unsent_ns = NO_LIMIT_NS
                self._wake.clear()
                if not self._leaving:
                    await self._wake.wait()
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            self.failure = self.failure or await self._reason()

    async def _read(self) -> None:
        try:
            async for answer in self._call:
                self._note(answer)
        except grpc.aio.AioRpcError:
            self.failure = self.failure or await self._reason()

    async def _reason(self) -> str:
        return f"{(await self._call.code()).name}: {await self._call.details()}"

    def _note(self, answer: bytes) -> None:
        match self.kind:
            case ArrivalKind.RSU_FRAME:
                self._counts.latest_reports[self._source] = roadside_pb2.StationReport.FromString(answer)
            case ArrivalKind.VEHICLE_SAMPLE:
                message = vehicle_pb2.VehicleDownlink.FromString(answer)
                kind = message.WhichOneof("message") or "unknown"
                self._counts.downlinks[kind] += 1
                if kind == "position":
                    self._field.hear(self._source, message.position)
            case _:
                self._counts.downlinks["signal command"] += 1
                self.put(self._field.obey(signal_pb2.SignalCommand.FromString(answer)))
