"""Real MQTT brokers for tests, each on ports of its own: the bundled nats-server and Debian's mosquitto."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from tests.certificates import self_signed
from v2x.broker import Broker, answers
from v2x.mqtt import BrokerAddress

TIMEOUT_S = 20.0


def _see_it_stopped(pid: int, number: signal.Signals) -> None:
    """A broker that is told to stop answers until it has."""
    if number is signal.SIGSTOP:
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


class NatsBroker:
    """The bundled broker as the app starts it; it comes back by itself when it is killed."""

    def __init__(self, state: Path) -> None:
        self._broker = Broker(state, ("127.0.0.1", 0), ("127.0.0.1", 0))

    async def start(self) -> None:
        await self._broker.start()

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress(*self._broker.mqtt)

    @property
    def websocket(self) -> BrokerAddress:
        return BrokerAddress(*self._broker.websocket, transport="websockets")

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._broker.pid, number)
        _see_it_stopped(self._broker.pid, number)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)

    async def come_back(self) -> None:
        """It does so by itself."""

    async def stop(self) -> None:
        await self._broker.stop()


class MosquittoBroker:
    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe, socket.socket() as other:
            probe.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            self.address = BrokerAddress(*probe.getsockname())
            self.websocket = BrokerAddress(*other.getsockname(), transport="websockets")
        self._configuration = state / "mosquitto.conf"
        lines = [f"listener {self.websocket.port} 127.0.0.1", "protocol websockets"]
        lines += [f"listener {self.address.port} 127.0.0.1", "allow_anonymous true", "persistence false"]
        if os.geteuid() == 0:
            lines.append("user root")  # else it gives up the right to read its own configuration
        self._configuration.write_text("\n".join(lines) + "\n")

    async def start(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(program, "-c", self._configuration, stdout=quiet, stderr=quiet)
        ended = asyncio.create_task(self._process.wait())
        while not await answers((self.address.host, self.address.port)):
            await asyncio.wait({ended}, timeout=0.01)
            assert not ended.done(), "mosquitto ended at once"
        ended.cancel()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        _see_it_stopped(self._process.pid, number)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self._process.wait()

    async def come_back(self) -> None:
        await self.start()

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


def need_mosquitto() -> None:
    """Skips without mosquitto, except in CI, which has to have it."""
    if shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists() or os.environ.get("CI"):
        return
    pytest.skip("mosquitto is not installed (apt-get install mosquitto)")


BROKERS = {"nats": NatsBroker, "mosquitto": MosquittoBroker}


@asynccontextmanager
async def started(name: str, state: Path):
    """The broker of that name, running."""
    if name == "mosquitto":
        need_mosquitto()
    broker = BROKERS[name](state)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


class Subscriber:
    """An independent client. `message` waits for the next one; retained ones come first."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self._messages = client.messages.__aiter__()

    async def message(self) -> aiomqtt.Message:
        async with asyncio.timeout(TIMEOUT_S):
            return await self._messages.__anext__()

    async def until(self, matches) -> aiomqtt.Message:
        while not matches(message := await self.message()):
            pass
        return message


@asynccontextmanager
async def subscribed(address: BrokerAddress, topic: str = "v2x/#", **options):
    client = aiomqtt.Client(address.host, address.port, transport=address.transport, **options)
    async with client:
        await client.subscribe(topic, qos=1)
        yield Subscriber(client)


class GuardedMosquittoBroker(MosquittoBroker):
    """Asks for TLS, a user and a password, as a broker beyond loopback should."""

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        passwords = state / "passwords"
        self.certificate, key = self_signed(state)
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "road", "s:cret"], check=True, capture_output=True)
        lines = [f"certfile {self.certificate}", f"keyfile {key}", f"password_file {passwords}"]
        text = self._configuration.read_text().replace("allow_anonymous true", "allow_anonymous false")
        self._configuration.write_text(text + "\n".join(lines) + "\n")
        self.url = f"mqtts://road:s%3Acret@localhost:{self.address.port}"
