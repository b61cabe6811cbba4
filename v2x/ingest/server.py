"""The gRPC server: binds, composes the services, stops without losing what it was told.

Rules:
* A port belongs to one server: two that share it (SO_REUSEPORT, gRPC's default) would each see half of the stations.
* All streams are served by one event loop; what costs time per object is in kernels.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from intersections.buses.road import BusRoad
from intersections.decisions import Decision
from positioning.frames import LocalFrame
from positioning.samples import Verdict
from v2x.arrivals import ArrivalQueue
from v2x.errors import ConfigError
from v2x.ingest.access import Access
from v2x.ingest.areas import Locate, areas_of
from v2x.ingest.dispatch import DispatchService
from v2x.ingest.limits import IngestLimits
from v2x.ingest.operators import OperatorService, SensorOffsets
from v2x.ingest.roadside import RoadsideService
from v2x.ingest.signals import SignalService
from v2x.ingest.vehicles import VehicleService
from v2x.stations import StationRegistry
from v2x.tls import Binding, server_credentials

ROADSIDE = "v2x.v1.RoadsideService"
VEHICLE = "v2x.v1.VehicleService"
SIGNAL = "v2x.v1.SignalService"
STATION = "v2x.v1.StationService"
DISPATCH = "v2x.v1.DispatchService"
SERVICES = (ROADSIDE, VEHICLE, SIGNAL, STATION, DISPATCH)
FLUSH_PERIOD_S = 1.0


@dataclass(frozen=True, slots=True)
class IngestCounters:
    """Since the start. `rejected`: frames and objects together, by sender ('vehicles' and 'signals' for all of them)."""

    frames: int
    objects: int
    vehicle_samples: int
    signal_states: int
    stations_connected: int
    vehicles_connected: int
    rejected: dict[str, Counter[Verdict]]


class IngestServer:
    """`frames`: the served intersections. `vehicle_token` '' asks vehicles and signal controllers for none. `anchors`: ids of gNBs.

    `controlled`: the intersections whose signals are commanded from here.
    """

    def __init__(
        self,
        queue: ArrivalQueue,
        stations: StationRegistry,
        limits: IngestLimits,
        locate: Locate,
        now_ns: Callable[[], int],
        frames: Mapping[str, LocalFrame],
        *,
        binding: Binding | None = None,
        vehicle_token: str = "",
        sensor_offsets: SensorOffsets | None = None,
        anchors: Collection[str] = (),
        controlled: Collection[str] = (),
        buses: BusRoad | None = None,
    ) -> None:
        access = Access(stations, vehicle_token)
        areas = areas_of(frames, limits.area_radius_m)
        self._stations = stations
        self._limits = limits
        self._now_ns = now_ns
        self._binding = binding or Binding()
        self._roadside = RoadsideService(access, queue, areas, limits, now_ns)
        self._vehicles = VehicleService(access, queue, locate, frames, limits, now_ns, anchors, buses.id if buses is not None else "")
        self._signals = SignalService(access, queue, frames, limits, now_ns, controlled)
        self._dispatch = DispatchService(access, queue, buses, now_ns)
        self._operators = OperatorService(access, stations, self._roadside, now_ns, sensor_offsets)
        health_types: Any = health  # not every set of its types knows the asyncio half
        self._health = health_types.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._flusher: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen and serve; the port. Raises ConfigError."""
        credentials = server_credentials(self._binding)
        server = grpc.aio.server(options=_options(self._limits), maximum_concurrent_rpcs=self._limits.streams)
        server.add_generic_rpc_handlers(self._handlers())
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        port = _bind(server, self._binding, credentials)
        await server.start()
        self._server = server
        self._flusher = asyncio.create_task(self._flush_pending(), name="pending-stations")
        for service in ("", *SERVICES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return port

    async def stop(self) -> None:
        """No new streams; open ones get their last report and are told to come again."""
        if self._server is None or self._flusher is None:
            return
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.create_task(self._server.stop(grace=2 * self._limits.final_report_s))
        for service in (self._roadside, self._vehicles, self._signals, self._dispatch):
            service.end_all()
        await stopping
        self._flusher.cancel()
        self._stations.flush_pending(self._now_ns())
        self._server = None

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:
        """A DecisionSink: those who drive lamps are told what to show, connected vehicles what concerns them, dispatchers what changed."""
        self._signals.publish(decisions)
        self._vehicles.publish(decisions, now_ns)
        self._dispatch.publish(decisions)

    def counters(self) -> IngestCounters:
        sources = self._roadside.sources
        tallies = {name: source.total for name, source in sources.items()}
        tallies |= {"vehicles": self._vehicles.total, "signals": self._signals.total}
        rejected = {name: tally.frames_rejected + tally.objects_rejected for name, tally in tallies.items()}
        return IngestCounters(
            frames=sum(source.total.frames for source in sources.values()),
            objects=sum(source.total.objects for source in sources.values()),
            vehicle_samples=self._vehicles.total.objects,
            signal_states=self._signals.total.frames,
            stations_connected=sum(self._roadside.is_connected(name) for name in sources),
            vehicles_connected=self._vehicles.connected,
            rejected={name: counts for name, counts in rejected.items() if counts},
        )

    async def _flush_pending(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_PERIOD_S)
            self._stations.flush_pending(self._now_ns())

    def _handlers(self) -> tuple["grpc.GenericRpcHandler[bytes, bytes]", ...]:
        """Raw bytes in and out: frames go to the kernel, everything else to generated code, where a bad message is a counted verdict."""
        streams = {ROADSIDE: self._roadside.stream, VEHICLE: self._vehicles.stream, SIGNAL: self._signals.stream}
        handlers = {service: {"Stream": grpc.stream_stream_rpc_method_handler(serve)} for service, serve in streams.items()}
        handlers[STATION] = {"Check": grpc.unary_stream_rpc_method_handler(self._operators.check)}
        handlers[DISPATCH] = self._dispatch.handlers()
        return tuple(grpc.method_handlers_generic_handler(service, methods) for service, methods in handlers.items())


def _options(limits: IngestLimits) -> list[tuple[str, int]]:
    keepalive_ms = int(limits.keepalive_s * 1000)
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_concurrent_streams", limits.streams),
        ("grpc.http2.bdp_probe", 0),  # a growing window would let a sender beyond its rate fill ours with old frames
        ("grpc.keepalive_time_ms", keepalive_ms),
        ("grpc.keepalive_timeout_ms", keepalive_ms),
        ("grpc.http2.min_ping_interval_without_data_ms", keepalive_ms // 2),
        ("grpc.http2.max_ping_strikes", 0),  # mobile clients that ping often are welcome
    ]


def _bind(server: grpc.aio.Server, binding: Binding, credentials: grpc.ServerCredentials | None) -> int:
    try:
        listen = server.add_insecure_port if credentials is None else partial(server.add_secure_port, server_credentials=credentials)
        port = listen(binding.address)
    except RuntimeError as error:
        raise ConfigError("--grpc", f"cannot listen on {binding.address}, probably another program does; choose another port") from error
    if port == 0:
        raise ConfigError("--grpc", f"cannot listen on {binding.address}, probably another program does; choose another port")
    return int(port)
