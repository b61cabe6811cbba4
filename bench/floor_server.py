"""The floor that the real road is measured against: the same ingest, link and broker, and nothing in between.

Every accepted frame publishes one constant message of a warning's size, QoS 1, at once: no log, no tracks, no decisions. What it
takes from frame to subscriber is what gRPC, MQTT, the broker and this machine take.

    python -m bench.floor_server FOLDER/v2x.toml
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from intersections.map import IntersectionMap
from positioning.frames import LocalFrame
from positioning.samples import RsuFrame
from v2x.app import Endpoints, note_endpoints, settle_interpreter
from v2x.arrivals import Arrival, ArrivalQueue
from v2x.broker import Broker
from v2x.clock import ScaledClock
from v2x.commands import CommandGate
from v2x.config import join_address, load_settings, split_address
from v2x.district import parse_maps, read_maps
from v2x.ingest import IngestLimits, IngestServer
from v2x.ingest.areas import areas_of, nearest_area
from v2x.messages import Message, MessageEncoder, MessageKind
from v2x.mqtt import BrokerAddress, MqttLink
from v2x.stations import StationRegistry
from v2x.tls import Binding

WARNING_BYTES = 800  # as a real one
VALID_NS = 1_000_000_000


class ConstantEncoder(MessageEncoder):
    """Makes the same message of every frame; only its cause differs, or nobody could tell which frame it answers."""

    def constant(self, sample: RsuFrame, now_ns: int) -> Message:
        head = b'{"state":"RAISED","cause":{"station":"%s","sequence":%d},"constant":"' % (sample.station.encode(), sample.sequence)
        payload = head + b"x" * (WARNING_BYTES - len(head) - 2) + b'"}'
        topic = f"v2x/v1/floor/{sample.intersection}/warning/icw/{sample.station}"
        return Message(MessageKind.WARNING, topic, payload, now_ns + VALID_NS)

    def encode(self, decision: Message) -> Message:  # type: ignore[override]
        return decision


class FloorQueue(ArrivalQueue):
    """Where frames would wait for their step they are answered."""

    def attach(self, answer: Callable[[Arrival], None]) -> None:
        self._answer = answer

    def put(self, arrival: Arrival) -> None:
        self._answer(arrival)


async def serve(config: Path) -> None:
    settings, clock, limits = load_settings({}, config), ScaledClock(), IngestLimits()
    frames = {name: frame_of(map) for name, map in parse_maps(read_maps(settings.maps)).items()}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    queue, encoder = FloorQueue(clock.now_ns), ConstantEncoder(settings.region, frames)
    broker = Broker(settings.state, split_address(settings.mqtt), split_address(settings.websocket))
    async with broker, asyncio.TaskGroup() as group:
        link = MqttLink(BrokerAddress(*broker.mqtt), encoder, CommandGate(frames), clock.now_ns, lambda _: None)
        queue.attach(lambda arrival: link.publish([encoder.constant(arrival.sample, clock.now_ns())], clock.now_ns()))
        running = group.create_task(link.run(), name="mqtt")
        await link.connected.wait()
        locate = nearest_area(areas_of(frames, limits.area_radius_m))
        binding = Binding(*split_address(settings.grpc))
        ingest = IngestServer(queue, StationRegistry(settings.stations_file), limits, locate, clock.now_ns, frames, binding=binding)
        endpoints = Endpoints(f"127.0.0.1:{await ingest.start()}", join_address(*broker.mqtt), join_address(*broker.websocket))
        settle_interpreter()
        note_endpoints(settings.endpoints_file, endpoints)
        await stop.wait()
        await ingest.stop()
        link.close()
        await running


def frame_of(map: IntersectionMap) -> LocalFrame:
    return LocalFrame(map.origin.latitude_rad, map.origin.longitude_rad, map.origin.height_m)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
