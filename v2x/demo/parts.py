"""The demo's parts: its child processes, its listener at the broker, and what it prints."""

import asyncio
import fcntl
import json
import shutil
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiomqtt
import orjson

from v2x.commands import CHANNEL_KINDS
from v2x.demo.orders import OrdersHeard
from v2x.demo.server import PAGE_FILE
from v2x.sim.latency import Receipts
from v2x.sim.position_score import from_json, sentences
from v2x.sim.scenario import Scenario
from v2x.sim.setup import Setup

READY_S = 30.0
LOOK_S = 0.05
STOP_S = 15.0
SUMMARY_BEGINS = "  ran for"
DEFAULT_PORTS = {"grpc": 50051, "mqtt": 1883, "websocket": 8083}
WARNINGS = {"ICW": "crossing", "FCW": "rear end", "VRUCW": "on foot or bicycle"}


class DemoError(Exception):
    """The demo cannot go on; the text says why and where to look."""


@dataclass(frozen=True, slots=True)
class BusPlay:
    """`scenario` '': the corridor. `folder`: for what the run has to write. `speed`: simulated seconds per second, at most."""

    folder: str
    broker: str
    speed: float
    seed: int
    scenario: str = ""


@dataclass(slots=True)
class Status:
    """What is known so far: the sims' latest figures, and what came over MQTT."""

    sim: dict[str, Any] = field(default_factory=dict)
    buses: dict[str, Any] = field(default_factory=dict)
    orders: OrdersHeard = field(default_factory=OrdersHeard)
    raised: Counter[str] = field(default_factory=Counter)
    open_warnings: dict[str, str] = field(default_factory=dict)
    messages: Counter[str] = field(default_factory=Counter)
    tracks_now: int = 0
    tracks_seen: set[int] = field(default_factory=set)
    sensor_faults: int = 0


@contextmanager
def sole_use(state: Path) -> Iterator[None]:
    """Two demos in one folder would give each other's stations new tokens. Raises DemoError."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(f"another demo is playing in {state}; end it, or give this one a folder of its own: --state FOLDER") from error
        yield


class Children:
    """The server and both sims as processes; whatever happens, none outlives the `async with`."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._server: Process | None = None
        self._sim: Process | None = None
        self._buses: Process | None = None
        self._interrupted = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in (self._buses, self._sim, self._server):
            await _end(process, signal.SIGTERM)

    async def serve(self, setup: Setup, stations: Path, speed: float) -> None:
        """The ordinary server; where a default port is taken it takes a free one."""
        listeners = {name: f"127.0.0.1:{port if _is_free(port) else 0}" for name, port in DEFAULT_PORTS.items()}
        words = ["v2x", "serve", "--state", str(self._state), "--map", str(setup.map_file)]
        words += ["--anchors", str(setup.anchors_file), "--stations", str(stations)]
        words += ["--signals", str(setup.signals_file)] if setup.signals_file else []
        for name, address in listeners.items():
            words += [f"--{name}", address]
        if speed != 1.0:
            files: dict[str, object] = {"maps": [str(setup.map_file)], "anchors": str(setup.anchors_file), "stations": str(stations)}
            files["signals"] = [str(setup.signals_file)] if setup.signals_file else []
            settings = {"state": str(self._state), **files, **listeners}
            words = ["v2x.demo.server", f"{speed:g}", json.dumps(settings)]
        with (self._state / "serve.log").open("wb") as log:
            self._server = await _start(words, log, log)

    async def sim(self, words: list[str], seconds: float, speed: float) -> AsyncIterator[bytes]:
        """The sim; its lines of JSON."""
        words = ["v2x", "sim", "--link", "wire", "--state", str(self._state), "--seconds", f"{seconds:g}", "--json", *words]
        if speed != 1.0:
            words += ["--speed", f"{speed:g}", "--clock", str(self._state / PAGE_FILE)]
        with (self._state / "sim.log").open("wb") as log:
            self._sim = await _start(words, PIPE, log)
        assert self._sim.stdout is not None
        return aiter(self._sim.stdout)

    async def buses(self, play: BusPlay) -> AsyncIterator[bytes]:
        """The bus lines; their lines of JSON."""
        with (self._state / "buses.log").open("wb") as log:
            self._buses = await _start(["v2x.demo.buses", json.dumps(asdict(play))], PIPE, log)
        assert self._buses.stdout is not None
        return aiter(self._buses.stdout)

    def server_ended(self) -> bool:
        return self._server is None or self._server.returncode is not None

    def interrupt_sim(self) -> None:
        self._interrupted = True  # before its handler stands, the signal simply ends it
        if self._sim is not None and self._sim.returncode is None:
            self._sim.send_signal(signal.SIGINT)

    async def check(self) -> None:
        """After the sim's last line: raises DemoError with the last words of whoever failed."""
        assert self._sim is not None
        failed = await self._sim.wait() != 0
        if self.server_ended():
            raise DemoError(f"the server ended in the middle of it:\n{self.tail('serve.log')}")
        if failed and not self._interrupted:
            raise DemoError(f"the sim failed:\n{self.tail('sim.log')}")

    async def stop_buses(self) -> None:
        """They may have come to their end; raises DemoError if it was not a good one."""
        assert self._buses is not None
        await _end(self._buses, signal.SIGTERM)
        if self._buses.returncode not in (0, -signal.SIGTERM):  # the latter: before its handler stood, when a SIGINT has no one meaning
            raise DemoError(f"the buses failed:\n{self.tail('buses.log')}")

    async def stop_server(self) -> str:
        """What it said last, its closing summary; raises DemoError if it did not end well."""
        assert self._server is not None
        await _end(self._server, signal.SIGINT)
        if self._server.returncode != 0:
            raise DemoError(f"the server ended with code {self._server.returncode}:\n{self.tail('serve.log')}")
        said = (self._state / "serve.log").read_text(errors="replace")
        return said[max(said.rfind(SUMMARY_BEGINS), 0) :]

    def tail(self, name: str) -> str:
        return "\n".join((self._state / name).read_text(errors="replace").splitlines()[-12:])


async def wait_for_endpoints(children: Children, state: Path) -> dict[str, str]:
    """What the server really listens on; raises DemoError with its last words if it does not come up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_S):
            while not children.server_ended():
                with suppress(FileNotFoundError, json.JSONDecodeError):
                    endpoints: dict[str, str] = json.loads((state / "endpoints.json").read_text())
                    return endpoints
                await asyncio.sleep(LOOK_S)
    raise DemoError(f"the server did not come up:\n{children.tail('serve.log')}")


class Listener:
    """An ordinary subscriber of everything, noting each message's receipt before it looks inside."""

    def __init__(self, address: str, receipts: Receipts, status: Status) -> None:
        host, _, port = address.rpartition(":")
        self._client = aiomqtt.Client(host, int(port))
        self._receipts = receipts
        self._status = status
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        await self._client.subscribe("v2x/v1/#", qos=1)
        self._task = asyncio.create_task(self._listen(), name="listener")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError, aiomqtt.MqttError):  # the server, and its broker, may be gone already
            await self._task
        with suppress(aiomqtt.MqttError):
            await self._client.__aexit__(None, None, None)

    async def _listen(self) -> None:
        async for message in self._client.messages:
            received_ns = time.monotonic_ns()
            if message.retain:  # an earlier run's last word, not sent now
                continue
            kind = message.topic.value.split("/")[4]
            assert isinstance(message.payload, bytes)
            self._note(kind, orjson.loads(message.payload), received_ns)

    def _note(self, kind: str, body: dict[str, Any], received_ns: int) -> None:
        status = self._status
        status.messages[kind] += 1
        if kind in CHANNEL_KINDS:  # said to the road, not by it
            return
        cause = body["cause"]
        self._receipts.note(kind, cause["station"], cause["sequence"], body["id"], received_ns)
        match kind:
            case "warning":
                status.raised[body["kind"]] += body["state"] == "RAISED"
                if body["state"] == "CLEARED":
                    status.open_warnings.pop(body["id"], None)
                else:
                    status.open_warnings[body["id"]] = body["kind"]
            case "dispatch":
                status.orders.note(body)
            case "track":
                numbers = [track["id"] for track in body["tracks"]]
                status.tracks_now = len(numbers)
                status.tracks_seen.update(numbers)


def shown_endpoints(endpoints: dict[str, str]) -> str:
    """Where to connect, and which port is not the usual one because somebody has it."""
    return ", ".join(f"{name} {endpoints[name]}{_instead(endpoints[name], port)}" for name, port in DEFAULT_PORTS.items())


def _instead(address: str, usual_port: int) -> str:
    return "" if address.endswith(f":{usual_port}") else f" ({usual_port} is taken)"


def live_line(status: Status, receipts: Receipts) -> str:
    sim = status.sim
    warnings = "  ".join(f"{kind} {status.raised[kind]}" for kind in WARNINGS)
    rate = sim.get("objects", 0) / max(sim.get("sim_s", 0.0), 1.0)
    latency = receipts.quantiles("warning", "signal")
    return (
        f"{sim.get('sim_s', 0.0):6.0f} s  {rate:5.0f} objects/s  {status.tracks_now:3d} tracks  {warnings}  "
        f"{status.orders.count('SENT')} orders  latency p50 {latency.p50_ms:.1f} p99 {latency.p99_ms:.1f} ms"
    )


def pace(sim: dict[str, Any], wanted: float) -> str:
    """How fast it went, and why not faster."""
    reached = sim.get("speed", wanted)
    return f"{wanted:g} x" if reached > 0.98 * wanted else f"{reached:.1f} x real time: this machine does not keep up with {wanted:g} x"


def closing_summary(scenario: Scenario, status: Status, receipts: Receipts, state: Path, speed: float, server_words: str | None) -> str:
    """A figure a line; the server's own summary below."""
    sim = status.sim
    rejected = {reason: count for reason, count in sim.get("rejected", {}).items() if count}
    rejected |= {"by full streams": sim["dropped_by_streams"]} if sim.get("dropped_by_streams") else {}
    rows = {
        "played": f"{sim.get('sim_s', 0.0):.0f} s of {scenario.name} at {pace(sim, speed)}",
        "sent": f"{sim.get('frames', 0):,} frames with {sim.get('objects', 0):,} objects, {sim.get('samples', 0):,} samples of "
        f"{sim.get('vehicles', 0)} connected vehicles, {sim.get('ranges', 0):,} of their 5G ranges (simulated), "
        f"{sim.get('signals', 0):,} lamp states",
        "tracks": f"{len(status.tracks_seen):,} different, {status.messages['track']:,} reports",
        "warnings raised": ", ".join(f"{status.raised[kind]} {kind} ({meaning})" for kind, meaning in WARNINGS.items()),
        "rejected": ", ".join(f"{count:,} {reason}" for reason, count in rejected.items()) or "none",
        "frame -> warning": f"{receipts.quantiles('warning')} from sending to receipt",
        "lamps -> signal": f"{receipts.quantiles('signal')} likewise",
        "traffic": f"{sim.get('collisions', 0)} collisions, {sim.get('teleports', 0)} teleports, "
        f"at most {sim.get('most_waiting', 0)} waiting to enter",
        "messages": ", ".join(f"{count:,} {kind}" for kind, count in sorted(status.messages.items())),
    }
    rows |= sentences(from_json(sim["positions"])) if "positions" in sim else {}
    lines = [f"  {name:<16}  {text}" for name, text in rows.items()]
    lines += [f"  {text.split(':')[0]:<16}  {text.partition(': ')[2]}" for text in scenario.provenance]
    lines += [f"  advice            {text}" for text in sim.get("advice", [])]
    lines += _bus_lines(status)
    if server_words is not None:
        lines += ["the server:", server_words.rstrip()]
    return "\n".join([*lines, f"  replay            v2x replay {state / 'log'}"])


def _bus_lines(status: Status) -> list[str]:
    buses = status.buses
    if not buses:
        return ["  buses             none yet"]
    played = (
        f"{buses['sim_s']:,.0f} s of {buses['name']} at {buses['speed']:.0f} x, {buses['vehicles']} buses (simulated, as are their drivers)"
    )
    first, *others = status.orders.table()
    return [f"  buses             {played}", f"  orders            {first}", *(f"{'':20}{text}" for text in others)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def _start(words: list[str], out: Any, log: Any) -> Process:
    """`python -m WORDS` in a session of its own, so that Ctrl-C reaches only the demo; ended by the kernel if the demo is killed."""
    setpriv = shutil.which("setpriv")
    prefix = (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
    return await asyncio.create_subprocess_exec(
        *prefix, sys.executable, "-m", *words, stdin=DEVNULL, stdout=out, stderr=log, start_new_session=True
    )


async def _end(process: Process | None, number: signal.Signals) -> None:
    if process is None or process.returncode is not None:
        return
    process.send_signal(number)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
