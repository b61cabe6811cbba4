"""The demo's bus lines, a process of its own: SUMO, the dispatcher that `serve` runs, and drivers who hear of its orders by MQTT only.

Run as: python -m v2x.demo.buses SETTINGS-AS-JSON (`BusPlay`); a line of JSON each second of real time.

Rules:
* Time is the simulation's, up to `speed` times as fast as real time: three minutes of a demo are less than a headway, and what an order
  was worth is known only when the next bus has come. The crossing's server keeps its own time, so these buses have a road of their own.
* Orders leave and answers come back over the demo's broker, in a region of their own. Nothing else joins dispatcher and drivers.
* SIGINT or SIGTERM end it after the step.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from math import radians
from pathlib import Path

from intersections.buses.network import BusNetwork
from intersections.buses.road import BusRoad
from intersections.buses.samples import BusPositions
from intersections.samples import Sample
from intersections.signals.layout import SECOND_NS
from positioning.frames import LocalFrame
from v2x.arrivals import Arrival
from v2x.commands import CommandGate
from v2x.demo.drivers import DriversRadio
from v2x.demo.parts import BusPlay
from v2x.importers.sumo_buses import read_bus_network
from v2x.importers.sumo_xml import read_network
from v2x.logs import configure_logs
from v2x.messages import MessageEncoder
from v2x.mqtt import MqttLink, broker_address
from v2x.sim.bus_corridor import write_corridor
from v2x.sim.bus_dispatch import BusReports, dispatcher_of
from v2x.sim.bus_drivers import BusDrivers
from v2x.sim.bus_stops import BusStops
from v2x.sim.signal_arguments import Dwell, Started, Traffic, sumo_arguments
from v2x.sim.signal_run import Part, Stop, run

REGION = "buses"
CORRIDOR = "corridor"
JITTER_S = 75.0  # standard deviation of departures
DWELL = Dwell(8.0, 2.0)
POLITENESS = 10  # the crossing's messages are answered in milliseconds, and go first
CONNECT_S = 10.0
REPORT_S = 1.0


class DispatchByMqtt:
    """A part of the run, to be stepped after `BusStops`: the event loop runs only within its steps, for as long as these last."""

    def __init__(self, play: BusPlay, started: Started, network: BusNetwork, buses: BusStops, runner: asyncio.Runner) -> None:
        self._play = play
        self._midnight_ns = network.midnight_ns
        self._now_ns = network.midnight_ns
        self._runner = runner
        self._name = name = Path(play.scenario).stem or CORRIDOR
        self._road = BusRoad(name, dispatcher_of(buses, network))
        self._reports = BusReports(buses, read_network(started.network))
        self._drivers = BusDrivers(buses, play.seed, network.midnight_ns)
        self._radio = DriversRadio(play.broker, REGION, name, network)
        frames = {name: LocalFrame(*map(radians, network.origin_deg))}
        address = broker_address(f"mqtt://{play.broker}")
        self._link = MqttLink(address, MessageEncoder(REGION, frames), CommandGate(frames), lambda: self._now_ns, self._answered)
        self._answers: list[Sample] = []
        self._open = AsyncExitStack()
        self._linking: asyncio.Task[None]
        self._vehicles: set[str] = set()
        self._begun_s = self._due_s = self._shown_s = time.monotonic()
        self._from_ns = self._midnight_ns + round(started.begin_s * SECOND_NS)
        runner.run(self._connect())

    def step(self, now_s: float) -> None:
        self._now_ns = self._midnight_ns + round(now_s * SECOND_NS)
        self._runner.run(self._turn(now_s))

    def close(self) -> None:
        self._report()
        self._runner.run(self._disconnect())

    def _answered(self, arrival: Arrival) -> None:
        self._answers.append(arrival.sample)

    async def _connect(self) -> None:
        self._linking = asyncio.create_task(self._link.run(), name="mqtt")
        async with asyncio.timeout(CONNECT_S):
            await self._link.connected.wait()
        await self._open.enter_async_context(self._radio)

    async def _disconnect(self) -> None:
        self._link.close()
        await self._linking
        await self._open.aclose()

    async def _turn(self, now_s: float) -> None:
        positions = BusPositions(tuple(self._reports.positions(self._now_ns)), self._now_ns)
        samples, self._answers = [positions, *self._answers], []
        decided, _ = self._road.step(samples, self._now_ns)
        self._link.publish(decided, self._now_ns)
        for order in self._radio.heard():
            self._drivers.hear(order, now_s)
        await self._radio.say(self._drivers.step(now_s))
        self._vehicles.update(position.vehicle for position in positions.positions)
        await self._pace()
        if time.monotonic() >= self._shown_s + REPORT_S:
            self._report()

    async def _pace(self) -> None:
        """What is late is not made up for; and whatever is late, MQTT has its turn."""
        now_s = time.monotonic()
        self._due_s = max(self._due_s + 1.0 / self._play.speed, now_s)
        await asyncio.sleep(self._due_s - now_s)

    def _report(self) -> None:
        self._shown_s = time.monotonic()
        sim_s = (self._now_ns - self._from_ns) / SECOND_NS
        speed = sim_s / max(self._shown_s - self._begun_s, 1e-3)
        figures = {"name": self._name, "sim_s": sim_s, "speed": speed, "vehicles": len(self._vehicles), "unread": self._radio.unread}
        print(json.dumps(figures), flush=True)


def main() -> None:
    play = BusPlay(**json.loads(sys.argv[1]))
    configure_logs("info")
    os.nice(POLITENESS)
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop.ask)
    folder = Path(play.folder)
    scenario = Path(play.scenario) if play.scenario else write_corridor(folder, play.seed)
    folder.mkdir(parents=True, exist_ok=True)
    started = sumo_arguments(Traffic(scenario, play.seed, dwell=DWELL, jitter_s=JITTER_S), folder)
    midnight_ns = time.time_ns() // SECOND_NS * SECOND_NS - round(started.begin_s) * SECOND_NS
    network, _ = read_bus_network(read_network(started.network), started.routes, started.additional, midnight_ns=midnight_ns)
    buses = BusStops(DWELL, {trip.id: trip.departure_s.tolist() for trip in network.trips.values()})
    dispatch: list[DispatchByMqtt] = []

    def parts() -> Sequence[Part]:
        dispatch.append(DispatchByMqtt(play, started, network, buses, runner))
        return [buses, *dispatch]

    with asyncio.Runner() as runner:
        try:
            run(started, parts, stop)
        finally:
            for part in dispatch:
                part.close()


if __name__ == "__main__":
    main()
