"""The one place that knows the concrete classes: a road is opened, serves, and is closed without losing anything.

Rules:
* Everything runs in one event loop under one TaskGroup with named tasks; what fails there fails the road, loudly.
* The way up: broker, link, road, ingest; listening comes last. The way down is the reverse: no more input, what waits is stepped,
  what was decided is sent, the log gets its END, the broker ends.
"""

import asyncio
import gc
import itertools
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from zoneinfo import ZoneInfo

import orjson
import structlog

from intersections.map import IntersectionMap
from intersections.signals.road import SignalConfig
from intersections.step import Intersection
from v2x.anchors import read_anchors
from v2x.arrivals import ArrivalQueue
from v2x.broker import Broker
from v2x.bus_files import ServedBuses, read_buses
from v2x.bus_positions import bus_arrival
from v2x.clock import ScaledClock
from v2x.commands import CommandGate
from v2x.config import Settings, join_address, split_address
from v2x.district import EXAMPLE_INTERSECTION, build_id, example_map_text, parse_maps, read_maps
from v2x.errors import ConfigError
from v2x.feed_server import FeedServer
from v2x.gtfs_realtime import RealtimeFeeds
from v2x.importers.vehicle_positions import PositionPoll, PositionReader
from v2x.ingest import IngestLimits, IngestServer
from v2x.ingest.areas import areas_of, nearest_area
from v2x.log_format import Header
from v2x.messages import MessageEncoder
from v2x.mqtt import BrokerAddress, MqttLink, broker_address
from v2x.outbox import Fate
from v2x.pipeline import DecisionSink, NoLog, Pipeline
from v2x.plan_watch import watched
from v2x.progress import Progress, summary
from v2x.recorder import LogPolicy, Recorder
from v2x.service_live import LiveService
from v2x.signal_files import read_signal_files, signal_config
from v2x.stations import PeerKind, Station, StationRegistry, hash_token
from v2x.tls import Binding

CONNECT_WAIT_S = 5.0
CLOCK_WATCH_S = 10.0
WALL_STEP_NS = 100_000_000
SWITCH_INTERVAL_S = 0.002  # longer than a step, which is not to be interrupted; shorter than the log's writer may keep the interpreter
EXAMPLE_STATION = "rsu-example"
EXAMPLE_TOKEN = "example"  # noqa: S105 - published, and taken from this machine only
UNSENT = frozenset({Fate.EXPIRED, Fate.DISPLACED, Fate.UNACKNOWLEDGED})
GC_THRESHOLDS = (20_000, 50, 1000)  # samples and decisions form no cycles: full collections are rare, and see little after freeze

_log = structlog.get_logger("v2x.app")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where this process really listens, and the broker it publishes to."""

    grpc: str
    mqtt: str
    websocket: str
    feeds: str = ""


class LiveRoad:
    """A road that serves; what `open_road` gives. After it was closed its counters stay readable."""

    def __init__(self, settings: Settings, clock: ScaledClock, map_texts: Mapping[str, str]) -> None:
        self.settings = settings
        self.clock = clock
        self.maps = parse_maps(map_texts)
        self.anchors = read_anchors(settings.anchors)
        self.signal_texts = read_signal_files(settings.signals, self.maps, settings.signal_control)
        self.queue = ArrivalQueue(clock.now_ns, speed=clock.speed)
        self.intersections = {
            name: Intersection(map, anchors=self.anchors, signals=self._signals(name, map)) for name, map in self.maps.items()
        }
        self.progress = Progress(self.queue, clock)
        self.buses = _buses(settings, clock)
        self.recorder = _recorder(self, map_texts)
        self.endpoints = Endpoints("", settings.mqtt_url, "")
        self.link: MqttLink
        self.ingest: IngestServer
        self.pipeline: Pipeline
        self._started_s = monotonic()

    @property
    def served(self) -> tuple[str, ...]:
        """The intersections, and the bus network."""
        return (*self.maps, *(() if self.buses is None else (self.buses.road.id,)))

    def _signals(self, intersection: str, map: IntersectionMap) -> SignalConfig | None:
        """As configured, with a planner that is watched."""
        if intersection not in self.signal_texts:
            return None
        config = signal_config(self.signal_texts[intersection], map, self.settings.signal_control)
        return replace(config, planner=watched(config.planner, intersection, self.clock.now_ns, self.queue.put))

    def drops(self) -> Counter[str]:
        """All that came or was decided and went no further, by reason."""
        drops: Counter[str] = Counter()
        for verdict, count in self.queue.dropped.items():
            drops[f"queued {verdict.name}"] += count
        for counts in self.ingest.counters().rejected.values():
            for verdict, count in counts.items():
                drops[f"received {verdict.name}"] += count
        for (kind, fate), count in self.link.outbox.fates.items():
            if fate in UNSENT:
                drops[f"{kind} {fate}"] += count
        if self.recorder is not None:
            drops["steps not logged"] += self.recorder.lost_steps
        return +drops

    def summary(self) -> str:
        fates = self.link.outbox.fates
        sent = {kind: count for (kind, fate), count in sorted(fates.items()) if fate is Fate.SENT}
        notes = {
            "messages sent": ", ".join(f"{count} {kind}" for kind, count in sent.items()) or "none",
            "decision hash": self.pipeline.digest.hex(),
            "log": str(self.recorder.path) if self.recorder is not None else "not kept",
        }
        return summary(self.progress, monotonic() - self._started_s, self.drops(), notes)


@asynccontextmanager
async def open_road(settings: Settings, clock: ScaledClock | None = None) -> AsyncIterator[LiveRoad]:
    """A road that listens; leaving the context closes it in order. Raises ConfigError, BrokerError."""
    map_texts, builtin = _maps(settings)
    road = LiveRoad(settings, clock or ScaledClock(), map_texts)
    settings.state.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        address = await _open_broker(road, stack)
        frames = {name: one.frame for name, one in road.intersections.items()}
        encoder = MessageEncoder(settings.region, frames, road.served[0] if not frames else "")
        road.link = MqttLink(address, encoder, CommandGate(road.served), road.clock.now_ns, road.queue.put)
        road.ingest = _ingest(road, builtin)
        feeds = await _open_feeds(road, stack)
        sinks: tuple[DecisionSink, ...] = (road.link, road.ingest, road.progress, *feeds)
        buses = road.buses.road if road.buses is not None else None
        road.pipeline = Pipeline(road.intersections, road.recorder or NoLog(), sinks, buses)
        async with _running(road):
            yield road


@asynccontextmanager
async def _running(road: LiveRoad) -> AsyncIterator[None]:
    """The tasks of a road, from the first to listen to the last to fall silent."""
    if road.recorder is not None:
        road.recorder.start()
    try:
        async with asyncio.TaskGroup() as group:
            link = group.create_task(road.link.run(), name="mqtt")
            steps = group.create_task(road.pipeline.run(road.progress, road.clock), name="road")
            watches = [group.create_task(_watch_wall_clock(road.clock), name="wall-clock")]
            if road.settings.bus_positions and road.buses is not None:
                watches.append(group.create_task(_poll_positions(road, road.buses), name="bus-positions"))
            await _await_connection(road.link)
            settle_interpreter()
            await _listen(road)
            yield
            await road.ingest.stop()
            road.queue.close()
            await steps
            road.link.close()
            await link
            await _step_stragglers(road)
            if road.recorder is not None:
                road.recorder.close(road.pipeline.take_state(road.clock.now_ns()))
            for watch in watches:
                watch.cancel()
    finally:
        await road.ingest.stop()
        if road.recorder is not None:
            road.recorder.flush()


async def _step_stragglers(road: LiveRoad) -> None:
    """Commands that the link still took after the road's last step: their authors were told so, and the log holds them."""
    late = await road.queue.take(0)
    if late:
        road.pipeline.step(road.clock.now_ns(), late)


def _maps(settings: Settings) -> tuple[dict[str, str], tuple[Station, ...]]:
    """Map texts by intersection, and the stations known without a registry: those of the packaged example."""
    if settings.maps or settings.gtfs is not None:
        return read_maps(settings.maps), ()
    _log.info(
        "no map is configured: serving the packaged example crossing",
        intersection=EXAMPLE_INTERSECTION,
        station=EXAMPLE_STATION,
        token=EXAMPLE_TOKEN,
        reachable="from this machine only",
    )
    token = hash_token(EXAMPLE_TOKEN)
    station = Station(EXAMPLE_STATION, PeerKind.ROADSIDE, EXAMPLE_INTERSECTION, None, token, approved=True, loopback_only=True)
    return {EXAMPLE_INTERSECTION: example_map_text()}, (station,)


def _recorder(road: LiveRoad, map_texts: Mapping[str, str]) -> Recorder | None:
    settings = road.settings
    if not settings.record:
        return None
    policy = LogPolicy(settings.log_path, settings.log_file_bytes, settings.log_keep_files)
    kept = {
        "region": settings.region,
        "anchors": [asdict(anchor) for anchor in road.anchors],
        "signals": road.signal_texts,
        "signal_control": settings.signal_control,
        "buses": road.buses.kept if road.buses is not None else None,
    }
    return Recorder(policy, Header(build_id(), road.clock.now_ns(), kept, dict(map_texts)))


def _ingest(road: LiveRoad, builtin: tuple[Station, ...]) -> IngestServer:
    settings, limits = road.settings, IngestLimits()
    frames = {name: one.frame for name, one in road.intersections.items()}
    host, port = split_address(settings.grpc)
    return IngestServer(
        road.queue,
        StationRegistry(settings.stations_file, builtin),
        limits,
        nearest_area(areas_of(frames, limits.area_radius_m)),
        road.clock.now_ns,
        frames,
        binding=Binding(host, port, settings.tls_certificate, settings.tls_key, settings.insecure),
        vehicle_token=settings.vehicle_token,
        anchors=frozenset(anchor.id for anchor in road.anchors),
        controlled=frozenset(road.signal_texts),
        buses=road.buses.road if road.buses is not None else None,
        sensor_offsets=lambda: _sensor_offsets(road.intersections),
    )


def _sensor_offsets(intersections: Mapping[str, Intersection]) -> dict[str, tuple[float, float, float, float]]:
    """By station, as the tracks estimate them; a station stands at one intersection."""
    return {station: offset for one in intersections.values() for station, offset in one.tracks.sensor_offsets().items()}


async def _open_broker(road: LiveRoad, stack: AsyncExitStack) -> BrokerAddress:
    settings = road.settings
    if settings.mqtt_url:
        return broker_address(settings.mqtt_url)
    broker = Broker(settings.state, split_address(settings.mqtt), split_address(settings.websocket))
    await stack.enter_async_context(broker)
    road.endpoints = Endpoints("", join_address(*broker.mqtt), join_address(*broker.websocket))
    return BrokerAddress(*broker.mqtt)


async def _open_feeds(road: LiveRoad, stack: AsyncExitStack) -> tuple[DecisionSink, ...]:
    """GTFS-RT of the buses and the day's service so far, for whoever asks. Raises ConfigError."""
    if road.buses is None:
        return ()
    networks = {road.buses.road.id: road.buses.feed.network}
    feeds, service = RealtimeFeeds(networks), LiveService(networks)
    server = FeedServer({"gtfs-rt": feeds.told, "service": service.told})
    host, port = split_address(road.settings.feeds)
    try:
        bound = await server.listen(host, port)
    except OSError as error:
        raise ConfigError("--feeds", f"cannot listen on {road.settings.feeds}: {error}") from error
    stack.push_async_callback(server.stop)
    road.endpoints = replace(road.endpoints, feeds=join_address(host, bound))
    return feeds, service


async def _await_connection(link: MqttLink) -> None:
    """A broker that is away is no reason not to serve: vehicles are warned by gRPC too, and it may come back."""
    try:
        async with asyncio.timeout(CONNECT_WAIT_S):
            await link.connected.wait()
    except TimeoutError:
        _log.warning("the MQTT broker does not answer; serving without it until it does", waited_s=CONNECT_WAIT_S)


async def _listen(road: LiveRoad) -> None:
    host, _ = split_address(road.settings.grpc)
    road.endpoints = replace(road.endpoints, grpc=join_address(host, await road.ingest.start()))
    note_endpoints(road.settings.endpoints_file, road.endpoints)


def note_endpoints(path: Path, endpoints: Endpoints) -> None:
    """Tell where this process listens. Written beside and renamed: a reader never sees half of it."""
    beside = path.with_suffix(".new")
    beside.write_bytes(orjson.dumps(asdict(endpoints), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    beside.replace(path)


def _buses(settings: Settings, clock: ScaledClock) -> ServedBuses | None:
    """Raises ConfigError."""
    if settings.gtfs is None:
        return None
    served = read_buses(settings.bus_network, settings.gtfs, settings.bus_lines, settings.service_day, clock.now_ns())
    _log.info("timetable read", day=served.kept["day"], trips=len(served.feed.network.trips), **served.feed.notes)
    return served


async def _poll_positions(road: LiveRoad, buses: ServedBuses) -> None:
    """What the feed says goes the way of all that arrives; what it cannot be asked for is counted, and asked again."""
    reader = PositionReader(buses.feed.network.trips, ZoneInfo(buses.feed.time_zone))
    poll = PositionPoll(road.settings.bus_positions, reader)
    async for positions in poll.positions(itertools.count()):
        if positions:
            road.queue.put(bus_arrival(buses.road.id, "feed", positions, road.clock.now_ns()))


async def _watch_wall_clock(clock: ScaledClock) -> None:
    """Says when somebody stepped the wall clock: ours goes on as it was, stations that follow it will seem to jump."""
    told_ns = 0
    while True:
        await asyncio.sleep(CLOCK_WATCH_S)
        step_ns = clock.step_of_wall_ns()
        if abs(step_ns - told_ns) > WALL_STEP_NS:
            told_ns = step_ns
            _log.warning("the wall clock was stepped; the road keeps its own time until it is started anew", step_s=step_ns / 1e9)


def settle_interpreter() -> None:
    """After the start nothing big is allocated any more: keep the collector and the log's writer out of the road's latency."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
