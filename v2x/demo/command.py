"""`v2x demo`: real traffic at a real crossing through the whole road, with an independent listener at its end.

Rules:
* Four processes: the server as `v2x serve` runs it, the sim as field equipment over gRPC, the bus lines (`v2x.demo.buses`), and this
  one, which only subscribes.
* What is shown here came back over MQTT; what was sent is the sims' own count; drops are the server's.
* Ctrl-C ends the sims, then the server, then prints the summary: nothing that was decided is lost.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from v2x.cli import application
from v2x.demo.parts import (
    BusPlay,
    Children,
    DemoError,
    Listener,
    Status,
    closing_summary,
    live_line,
    shown_endpoints,
    sole_use,
    wait_for_endpoints,
)
from v2x.errors import ConfigError
from v2x.sim.latency import Receipts
from v2x.sim.scenario import ScenarioError
from v2x.sim.setup import STATIONS_FILE, Setup, write_setup
from v2x.sim.stage import Play

demo_app = application()
LINE_PERIOD_S = 1.0
STRAGGLERS_S = 1.0  # for what was decided last to arrive
BUSES_SPAN_S, BUSES_SPEED = 3600.0, 100.0  # what is played of them, unless that is faster than this

EXAMPLES = """
Examples:

  v2x demo                      three minutes in real time

  v2x demo --speed 10           ten times as fast

  v2x demo --signals            the road controls the lamps, too

  v2x demo --buses SCENARIO     the bus lines of a SUMO scenario instead of the corridor's

  v2x demo --keep               and stay up afterwards, for a client of your own
"""


@demo_app.command(epilog=EXAMPLES)
def demo_command(
    speed: Annotated[float, typer.Option(help="Simulated seconds per second.")] = 1.0,
    seconds: Annotated[float, typer.Option(help="Simulated seconds to play.")] = 180.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same traffic and the same errors.")] = 0,
    signals: Annotated[bool, typer.Option("--signals", help="Let the road control the lamps, too.")] = False,  # noqa: FBT002
    keep: Annotated[bool, typer.Option("--keep", help="Keep serving afterwards, until Ctrl-C.")] = False,  # noqa: FBT002 - typer's way
    scenario: Annotated[Path | None, typer.Option(help="A .sumocfg or a folder with one; default: the demo crossing.")] = None,
    buses: Annotated[Path | None, typer.Option(help="Likewise, whose bus lines are dispatched; default: a corridor of two lines.")] = None,
    state: Annotated[Path, typer.Option(help="Where map, stations, endpoints and log go.")] = Path("state/demo"),
) -> None:
    """Play recorded traffic through the real road: SUMO -> gRPC -> tracks -> warnings -> MQTT."""
    try:
        with sole_use(state):
            setup = write_setup(Play(scenario=scenario, seed=seed), state, signals=signals)
            demo = _Demo(setup, state, speed, seconds, seed, scenario, buses, keep=keep)
            asyncio.run(demo.run())
    except ScenarioError as error:
        raise ConfigError("--scenario", str(error)) from error
    except DemoError as error:
        raise ConfigError("v2x demo", str(error)) from error


class _Demo:
    def __init__(
        self,
        setup: Setup,
        state: Path,
        speed: float,
        seconds: float,
        seed: int,
        scenario: Path | None,
        buses: Path | None,
        *,
        keep: bool,
    ) -> None:
        self._setup = setup
        self._state = state
        self._speed = speed
        self._seconds = seconds
        self._sim_words = ["--seed", str(seed), *([str(scenario)] if scenario else [])]
        self._seed = seed
        self._buses = buses
        self._keep = keep
        self._receipts = Receipts(state / "sends.txt")
        self._status = Status()
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopped.set)
        for stale in ("endpoints.json", "sends.txt"):
            (self._state / stale).unlink(missing_ok=True)
        async with Children(self._state) as children:
            await children.serve(self._setup, self._state / STATIONS_FILE, self._speed)
            endpoints = await wait_for_endpoints(children, self._state)
            self._say_hello(endpoints)
            async with Listener(endpoints["mqtt"], self._receipts, self._status):
                play = BusPlay(str(self._state / "buses"), endpoints["mqtt"], self._bus_speed(), self._seed, str(self._buses or ""))
                buses = asyncio.create_task(self._note_buses(await children.buses(play)), name="buses")
                await self._play(children)
                await children.stop_buses()
                await buses
                await asyncio.sleep(STRAGGLERS_S)
            if self._keep and not self._stopped.is_set():
                self._summarise(None)
                print(f"still serving: {shown_endpoints(endpoints)}; Ctrl-C ends it", flush=True)
                await self._stopped.wait()
            server_words = await children.stop_server()
        self._summarise(server_words)

    def _bus_speed(self) -> float:
        return min(BUSES_SPAN_S * self._speed / max(self._seconds, 1.0), BUSES_SPEED)

    async def _note_buses(self, lines: AsyncIterator[bytes]) -> None:
        async for line in lines:
            self._status.buses = json.loads(line)

    def _say_hello(self, endpoints: dict[str, str]) -> None:
        print(f"playing {self._seconds:g} s of {self._setup.scenario.name} at {self._speed:g} x; intersection {self._setup.map.id}")
        for text in self._setup.scenario.provenance:
            print(f"  {text}")
        print(f"  {shown_endpoints(endpoints)}", flush=True)

    async def _play(self, children: Children) -> None:
        """Until the sim has ended, by itself or because Ctrl-C was passed on to it."""
        lines = await children.sim(self._sim_words, self._seconds, self._speed)
        shown = asyncio.create_task(self._show_lines(), name="live line")
        stop = asyncio.create_task(self._pass_on_stop(children), name="stop")
        try:
            async for line in lines:
                self._status.sim = json.loads(line)
        finally:
            for task in (shown, stop):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await children.check()

    async def _pass_on_stop(self, children: Children) -> None:
        await self._stopped.wait()
        children.interrupt_sim()

    async def _show_lines(self) -> None:
        rewrites = sys.stdout.isatty()
        seconds = 0
        while True:
            await asyncio.sleep(LINE_PERIOD_S)
            seconds += 1
            if rewrites or seconds % 10 == 0:
                line = live_line(self._status, self._receipts)
                print(f"\r{line:<120}" if rewrites else line, end="" if rewrites else "\n", flush=True)

    def _summarise(self, server_words: str | None) -> None:
        print(
            "\n" + closing_summary(self._setup.scenario, self._status, self._receipts, self._state, self._speed, server_words), flush=True
        )
