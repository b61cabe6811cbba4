"""Signals over real gRPC: somebody drives the lamps by what the guard commands; he is cut off, impersonated, lied for.

The road's time is set by the test, a tick for each message of the lamps: nothing here depends on how fast the machine is.
"""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest

from positioning.samples import Verdict
from tests.controlled_scenes import START_NS, LampDriver, controlled, reset_arrival
from tests.grpc_peers import PATIENCE_S, end_call
from v2x.arrivals import ArrivalQueue
from v2x.clock import SetClock
from v2x.ingest import IngestLimits, IngestServer
from v2x.ingest.areas import areas_of, nearest_area
from v2x.pipeline import NoLog, Pipeline
from v2x.stations import PeerKind, StationRegistry
from v2x.tls import Binding
from v2x.v1 import common_pb2, signal_pb2, vehicle_pb2

TICK_NS = 100_000_000
COMMANDED, LOCAL, FAULT = signal_pb2.CONTROL_MODE_COMMANDED, signal_pb2.CONTROL_MODE_LOCAL, signal_pb2.CONTROL_MODE_FAULT
FLASHING = signal_pb2.CONTROL_MODE_FLASHING


class Road:
    """Queue, server and pipeline as `v2x serve` composes them, on a time of the test's."""

    def __init__(self, folder):
        self.clock = SetClock(START_NS)
        intersections = {"example": controlled()}
        frames = {"example": intersections["example"].frame}
        self.queue = ArrivalQueue(self.clock.now_ns)
        self.registry = StationRegistry(folder / "stations.json")
        locate = nearest_area(areas_of(frames))
        limits = IngestLimits(report_period_s=0.01)
        self.server = IngestServer(
            self.queue, self.registry, limits, locate, self.clock.now_ns, frames, binding=Binding(port=0), controlled=["example"]
        )
        self.seen = LampDriver()
        self.pipeline = Pipeline(intersections, NoLog(), [self.server, self.seen])
        self.address = ""

    async def tick(self, arrivals=0):
        """100 ms on: what has to arrive is awaited, then stepped; then the guard, if it is due."""
        self.clock.set(self.clock.now_ns() + TICK_NS)
        taken = []
        async with asyncio.timeout(PATIENCE_S):
            while len(taken) < arrivals:
                taken += await self.queue.take(self.clock.now_ns() + TICK_NS)
        self.pipeline.step(self.clock.now_ns(), taken)

    async def pass_time(self, ticks):
        for _ in range(ticks):
            await self.tick()

    def mode(self):
        return self.seen.commands[-1].mode + 1


class LampPeer:
    """An adapter that shows what it is told."""

    def __init__(self, road, token="", intersection="example"):
        self.road = road
        self.lamps = LampDriver()
        self.intersection = intersection
        self._channel = grpc.aio.insecure_channel(road.address)
        stream = self._channel.stream_stream("/v2x.v1.SignalService/Stream", response_deserializer=signal_pb2.SignalCommand.FromString)
        self.call = stream(metadata=[("authorization", f"Bearer {token}")] if token else [])

    async def tell(self):
        state = self.lamps.state(self.road.clock.now_ns() + TICK_NS)
        state.intersection_id = self.intersection
        await self.call.write(state.SerializeToString())

    async def obey(self):
        async with asyncio.timeout(PATIENCE_S):
            command = await self.call.read()
        assert command is not grpc.aio.EOF
        self.lamps.states = {group.group_id: group.state for group in command.groups}
        return command

    async def drive(self, ticks):
        """The last command of `ticks`."""
        for _ in range(ticks):
            await self.tell()
            await self.road.tick(arrivals=1)
            command = await self.obey()
        return command

    async def status(self):
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.call.read() is not grpc.aio.EOF:
                    continue
            except grpc.aio.AioRpcError:
                pass  # is the status asked for
            return await self.call.code(), await self.call.details()

    async def leave(self):
        await end_call(self.call)
        await self._channel.close()


@asynccontextmanager
async def served(folder):
    road = Road(folder)
    road.address = f"127.0.0.1:{await road.server.start()}"
    try:
        yield road
    finally:
        await road.server.stop()


def uplink(road, vehicle, sequence, **asked):
    """A sample on the southern arm, or a request of the same vehicle."""
    message = vehicle_pb2.VehicleUplink()
    if asked:
        message.priority.CopyFrom(vehicle_pb2.PriorityRequest(temporary_id=vehicle, sequence=sequence, **asked))
        return message
    sample = message.sample
    sample.temporary_id, sample.sequence = vehicle, sequence
    sample.measured.CopyFrom(common_pb2.Timestamp(unix_ns=road.clock.now_ns() + TICK_NS))
    sample.fix.status = vehicle_pb2.FIX_STATUS_RTK_FIXED
    sample.fix.position.latitude_e7 = 320300000 - round(90.18 * (100 - sequence))
    sample.fix.position.longitude_e7 = 1186900000 + round(105.86 * 1.75)
    sample.speed, sample.heading = 500, 0
    return message


async def test_lamps_are_commanded_from_flashing_to_the_planner(tmp_path):
    async with served(tmp_path) as road:
        peer = LampPeer(road)
        commands = [await peer.drive(1) for _ in range(130)]
        modes = list(dict.fromkeys(command.mode for command in commands))
        assert modes == [FLASHING, signal_pb2.CONTROL_MODE_ALL_RED, LOCAL, COMMANDED]
        assert [command.sequence for command in commands] == list(range(1, 131))
        assert all([group.group_id for group in command.groups] == ["ns", "ew", "walk"] for command in commands)
        assert all(command.valid_until_unix_ns - command.issued_unix_ns == 500_000_000 for command in commands)
        await peer.leave()


async def test_a_cut_line_ends_in_flashing_until_an_operator_resets(tmp_path):
    async with served(tmp_path) as road:
        peer = LampPeer(road)
        assert (await peer.drive(130)).mode == COMMANDED
        await peer.leave()
        await road.pass_time(3)
        assert road.mode() == COMMANDED
        await road.pass_time(6)
        assert road.mode() == FAULT
        again = LampPeer(road)
        assert (await again.drive(20)).mode == FAULT
        road.queue.put(reset_arrival(road.clock.now_ns()))
        assert (await again.drive(130)).mode == COMMANDED
        await again.leave()


async def test_where_a_controller_is_registered_a_stranger_is_refused(tmp_path):
    async with served(tmp_path) as road:
        token = road.registry.approve("lamps-1", "example", kind=PeerKind.SIGNAL)
        peer = LampPeer(road, token)
        await peer.drive(130)
        stranger = LampPeer(road)
        await stranger.tell()
        code, details = await stranger.status()
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert "v2x station approve ID --kind signal --intersection example" in details
        assert (await peer.drive(5)).mode == COMMANDED
        await peer.leave()


async def test_a_controller_of_another_intersection_is_not_heard_and_told_nothing(tmp_path):
    async with served(tmp_path) as road:
        other = road.registry.approve("lamps-2", "elsewhere", kind=PeerKind.SIGNAL)
        peer, liar = LampPeer(road, road.registry.approve("lamps-1", "example", kind=PeerKind.SIGNAL)), LampPeer(road, other)
        await peer.drive(130)
        await liar.tell()
        await liar.call.write(b"\xff\xff no message")
        await liar.leave()
        assert road.server.counters().rejected["signals"] == {Verdict.UNKNOWN_INTERSECTION: 1, Verdict.MALFORMED: 1}
        assert (await peer.drive(5)).mode == COMMANDED
        await peer.leave()


async def test_one_stream_drives_the_lamps_the_one_that_came_last(tmp_path):
    async with served(tmp_path) as road:
        token = road.registry.approve("lamps-1", "example", kind=PeerKind.SIGNAL)
        first, second = LampPeer(road, token), LampPeer(road, token)
        await first.drive(130)
        second.lamps.states = dict(first.lamps.states)
        assert (await second.drive(10)).mode == COMMANDED
        code, details = await first.status()
        assert (code, details) == (grpc.StatusCode.ABORTED, "another stream took over the lamps of example")
        await second.leave()


async def test_vehicles_are_told_what_is_shown_and_what_was_asked_for(tmp_path):
    async with served(tmp_path) as road:
        peer = LampPeer(road)
        await peer.drive(130)
        stub = grpc.aio.insecure_channel(road.address)
        call = stub.stream_stream(
            "/v2x.v1.VehicleService/Stream",
            request_serializer=vehicle_pb2.VehicleUplink.SerializeToString,
            response_deserializer=vehicle_pb2.VehicleDownlink.FromString,
        )()
        heard = {}
        for number in range(30):
            await call.write(uplink(road, "bus", number))
            await peer.tell()
            await road.tick(arrivals=2)
            await peer.obey()
        turn = {"ingress_lane": "south.in", "egress_lane": "north.out", "type": vehicle_pb2.PRIORITY_REQUEST_TYPE_REQUEST}
        await call.write(uplink(road, "bus", 1, role=vehicle_pb2.PRIORITY_ROLE_TRANSIT, request_id=1, arrival_ms=7000, persons=30, **turn))
        await peer.tell()
        await road.tick(arrivals=2)
        await call.write(uplink(road, "bus", 2, role=vehicle_pb2.PRIORITY_ROLE_AMBULANCE, request_id=2, arrival_ms=7000, **turn))
        async with asyncio.timeout(PATIENCE_S):
            while {"position", "signal", 1, 2} - set(heard):
                message = await call.read()
                kind = message.WhichOneof("message")
                heard[message.priority.request_id if kind == "priority" else kind] = getattr(message, kind)
        spat = {group.group_id: group for group in heard["signal"].groups}
        assert heard["signal"].mode == COMMANDED
        assert set(spat) == {"ns", "ew", "walk"}
        assert all(group.HasField("min_end_ms") for group in spat.values())
        assert heard[1].state == vehicle_pb2.PRIORITY_STATE_GRANTED
        assert (heard[2].state, heard[2].reason) == (vehicle_pb2.PRIORITY_STATE_REJECTED, "not entitled to this role")
        await end_call(call)
        await stub.close()
        await peer.leave()


@pytest.mark.parametrize(("kind", "granted"), [(PeerKind.EMERGENCY, True), (PeerKind.VEHICLE, False)])
async def test_only_an_emergency_vehicles_own_token_preempts(tmp_path, kind, granted):
    async with served(tmp_path) as road:
        token = road.registry.approve("fire-1", "", kind=kind)
        peer = LampPeer(road)
        await peer.drive(130)
        channel = grpc.aio.insecure_channel(road.address)
        call = channel.stream_stream(
            "/v2x.v1.VehicleService/Stream",
            request_serializer=vehicle_pb2.VehicleUplink.SerializeToString,
            response_deserializer=vehicle_pb2.VehicleDownlink.FromString,
        )(metadata=[("authorization", f"Bearer {token}")])
        await call.write(uplink(road, "fire", 0))
        await road.tick(arrivals=1)
        asked = {
            "role": vehicle_pb2.PRIORITY_ROLE_FIRE,
            "request_id": 1,
            "arrival_ms": 8000,
            "type": vehicle_pb2.PRIORITY_REQUEST_TYPE_REQUEST,
        }
        await call.write(uplink(road, "fire", 1, ingress_lane="west.in", egress_lane="east.out", **asked))
        await peer.tell()
        await road.tick(arrivals=1 + granted)
        await peer.obey()
        for _ in range(80 if granted else 1):
            command = await peer.drive(1)
        states = {group.group_id: group.state for group in command.groups}
        if granted:
            assert states["ew"] == signal_pb2.PHASE_STATE_PROTECTED_MOVEMENT_ALLOWED
        async with asyncio.timeout(PATIENCE_S):
            while (message := await call.read()).WhichOneof("message") != "priority":
                continue
        refused = message.priority.state == vehicle_pb2.PRIORITY_STATE_REJECTED
        assert refused is not granted
        await end_call(call)
        await channel.close()
        await peer.leave()
