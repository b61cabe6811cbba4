"""A real ingest server on a free port, and real peers that play stations and vehicles against it."""

import asyncio
import math
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from positioning.frames import LocalFrame
from v2x.arrivals import ArrivalQueue
from v2x.ingest import IngestLimits, IngestServer
from v2x.ingest.areas import areas_of, nearest_area
from v2x.stations import StationRegistry
from v2x.tls import Binding
from v2x.v1 import roadside_pb2, vehicle_pb2

LATITUDE_DEG, LONGITUDE_DEG = 52.2746, 10.5269
FRAMES = {"crossing": LocalFrame(math.radians(LATITUDE_DEG), math.radians(LONGITUDE_DEG))}
PATIENCE_S = 20  # how long a test waits for what has to come


@dataclass
class Served:
    server: IngestServer
    queue: ArrivalQueue
    registry: StationRegistry
    address: str
    tokens: dict[str, str]

    async def arrivals(self, wanted):
        """Arrivals until `wanted(all so far)`."""
        seen = []
        async with asyncio.timeout(PATIENCE_S):
            while not wanted(seen):
                seen += await self.queue.take(time.time_ns() + 50_000_000)
        return seen

    def approve(self, station, intersection="crossing"):
        self.tokens[station] = self.registry.approve(station, intersection)


@asynccontextmanager
async def served(folder: Path, stations=("good", "bad"), limits=None, binding=None, **options):
    queue = ArrivalQueue(time.time_ns)
    registry = StationRegistry(folder / "stations.json")
    limits = limits or IngestLimits(report_period_s=0.01)
    locate = nearest_area(areas_of(FRAMES))
    server = IngestServer(queue, registry, limits, locate, time.time_ns, FRAMES, binding=binding or Binding(port=0), **options)
    port = await server.start()
    one = Served(server, queue, registry, f"127.0.0.1:{port}", {})
    for station in stations:
        one.approve(station)
    try:
        yield one
    finally:
        await server.stop()


def frame_of(
    station, sequence, objects=3, intersection="crossing", latitude_deg=LATITUDE_DEG, longitude_deg=LONGITUDE_DEG, measured_ns=None
):
    message = roadside_pb2.RsuFrame(station_id=station, intersection_id=intersection, sequence=sequence)
    message.measured.unix_ns = time.time_ns() if measured_ns is None else measured_ns
    for number in range(objects):
        message.objects.add(
            local_id=number,
            object_class=1,
            latitude_e7=round(latitude_deg * 1e7) + number * 500,
            longitude_e7=round(longitude_deg * 1e7),
            speed=500,
            heading=0,
        )
    return message


async def end_call(call):
    """End our side and read the rest: cancelling an operation of grpc.aio 1.85 can corrupt memory (see `v2x.ingest.streams`)."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            await call.done_writing()
            while await call.read() is not grpc.aio.EOF:
                continue
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.code()  # it had ended before


class RoadsidePeer:
    """One station's stream; sends bytes as they are given."""

    def __init__(self, address, station, token, channel=None):
        self.station = station
        self._channel = channel or grpc.aio.insecure_channel(address)
        metadata = [("authorization", f"Bearer {token}")] if token else []
        stream = self._channel.stream_stream("/v2x.v1.RoadsideService/Stream", response_deserializer=roadside_pb2.StationReport.FromString)
        self.call = stream(metadata=metadata)
        self.sequence = 0

    async def send(self, payload):
        await self.call.write(payload)

    async def send_frames(self, count, **fields):
        for _ in range(count):
            await self.send(frame_of(self.station, self.sequence, **fields).SerializeToString())
            self.sequence += 1

    async def report(self, wanted=bool):
        async with asyncio.timeout(PATIENCE_S):
            while not wanted(report := await self.call.read()):
                assert report is not grpc.aio.EOF
        return report

    async def finish(self):
        """End our side; the last report and the status. The status may come first: then there is no report."""
        await self.call.done_writing()
        async with asyncio.timeout(PATIENCE_S):
            reports = [report async for report in self.call]
            code = await self.call.code()
        await self._channel.close()
        return (reports[-1] if reports else None), code

    async def status(self):
        """How the server ended the stream; what it said before is read, for the status waits behind it."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.call.read() is not grpc.aio.EOF:
                    continue
            except grpc.aio.AioRpcError:
                pass  # is the status asked for
            code, details = await self.call.code(), await self.call.details()
        await self._channel.close()
        return code, details

    async def close(self):
        await end_call(self.call)
        await self._channel.close()


def station_peer(one: Served, station: str, token=None) -> RoadsidePeer:
    return RoadsidePeer(one.address, station, one.tokens.get(station, "") if token is None else token)


class VehiclePeer:
    def __init__(self, address, vehicle, token=""):
        self.vehicle = vehicle
        self._channel = grpc.aio.insecure_channel(address)
        stream = self._channel.stream_stream(
            "/v2x.v1.VehicleService/Stream",
            request_serializer=vehicle_pb2.VehicleUplink.SerializeToString,
            response_deserializer=vehicle_pb2.VehicleDownlink.FromString,
        )
        self.call = stream(metadata=[("authorization", f"Bearer {token}")] if token else [])
        self.sequence = 0

    async def send_sample(self, latitude_deg=LATITUDE_DEG, longitude_deg=LONGITUDE_DEG):
        uplink = vehicle_pb2.VehicleUplink()
        sample = uplink.sample
        sample.temporary_id, sample.sequence = self.vehicle, self.sequence
        sample.measured.unix_ns = time.time_ns()
        sample.fix.position.latitude_e7 = round(latitude_deg * 1e7)
        sample.fix.position.longitude_e7 = round(longitude_deg * 1e7)
        sample.speed, sample.heading = 500, 0
        self.sequence += 1
        await self.call.write(uplink)

    async def read(self):
        async with asyncio.timeout(PATIENCE_S):
            return await self.call.read()

    async def status(self):
        """How the server ended the stream; what it said before is read, for the status waits behind it."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.call.read() is not grpc.aio.EOF:
                    continue
            except grpc.aio.AioRpcError:
                pass  # is the status asked for
            code, details = await self.call.code(), await self.call.details()
        await self._channel.close()
        return code, details

    async def close(self):
        await end_call(self.call)
        await self._channel.close()
