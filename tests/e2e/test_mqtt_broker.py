"""The bundled broker as a child process: starts, says why not, comes back, and never outlives us."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.brokers import TIMEOUT_S, subscribed
from v2x.broker import BINARY_VARIABLE, Broker, BrokerError, answers, find_binary
from v2x.errors import ConfigError
from v2x.mqtt import BrokerAddress, broker_address

ANY = ("127.0.0.1", 0)


def broker_in(tmp_path):
    return Broker(tmp_path / "state", ANY, ANY)


async def test_what_tcp_publishes_the_websocket_delivers(tmp_path):
    async with broker_in(tmp_path) as broker:
        websocket = BrokerAddress(*broker.websocket, transport="websockets")
        async with subscribed(websocket) as browser, subscribed(BrokerAddress(*broker.mqtt)) as other:
            await other.client.publish("v2x/v1/district/ix7/warning/icw/1", b"{}", qos=1)
            message = await browser.message()
    assert (message.topic.value, message.payload) == ("v2x/v1/district/ix7/warning/icw/1", b"{}")


@pytest.mark.parametrize(("flag", "position"), [("--mqtt", 0), ("--websocket", 1)])
async def test_a_taken_port_is_refused_by_the_name_of_its_flag(tmp_path, flag, position):
    with socket.socket() as other:
        other.bind(ANY)
        other.listen()
        addresses = [ANY, ANY]
        addresses[position] = other.getsockname()
        with pytest.raises(ConfigError, match=str(other.getsockname()[1])) as refusal:
            await Broker(tmp_path, *addresses).start()
    assert refusal.value.flag == flag
    assert not list(tmp_path.iterdir())


async def test_a_broker_that_dies_comes_back_on_the_same_ports(tmp_path):
    async with broker_in(tmp_path) as broker:
        for times in (1, 2):
            pid = broker.pid
            died = pidfd_ended(pid)
            os.kill(pid, signal.SIGKILL)
            await died
            await asyncio.wait_for(broker.restarted.wait(), TIMEOUT_S)
            broker.restarted.clear()
            assert broker.restarts == times
            assert broker.pid != pid
            assert await answers(broker.mqtt)


async def test_retained_state_outlives_the_broker(tmp_path):
    for life in range(2):
        async with broker_in(tmp_path) as broker, subscribed(BrokerAddress(*broker.mqtt), "v2x/state") as client:
            if life == 0:
                await client.client.publish("v2x/state", b"red", qos=1, retain=True)
            assert (await client.message()).payload == b"red"


async def test_stopping_waits_until_it_has_ended(tmp_path):
    broker = broker_in(tmp_path)
    await broker.start()
    ended = pidfd_ended(broker.pid)
    await broker.stop()
    assert not await answers(broker.mqtt)
    await ended


OWNER = """
import asyncio, sys
from pathlib import Path
from v2x.broker import Broker
async def main():
    broker = Broker(Path(sys.argv[1]), ("127.0.0.1", 0), ("127.0.0.1", 0))
    await broker.start()
    print("pid", broker.pid, flush=True)
    if sys.argv[2] == "crash":
        raise SystemExit(3)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["kill", "terminate", "crash"])
async def test_no_orphan_is_left(tmp_path, end):
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, str(tmp_path), end, stdout=asyncio.subprocess.PIPE)
    pid = await asyncio.wait_for(broker_pid(owner.stdout), TIMEOUT_S)
    ended = pidfd_ended(pid)
    if end != "crash":
        getattr(owner, end)()
    await owner.wait()
    await ended


async def broker_pid(output):
    async for line in output:
        if line.startswith(b"pid "):
            return int(line.split()[1])
    raise AssertionError("the owner said no pid")


def pidfd_ended(pid):
    """Awaitable that is done when the process has ended, whoever its parent is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:  # already
        return asyncio.sleep(0)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)

    async def wait():
        try:
            await asyncio.wait_for(ended.wait(), TIMEOUT_S)
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    return wait()


def listening(pid):
    """Local addresses the process listens on, as the kernel writes them."""
    sockets = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    tables = "".join(Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6"))
    rows = [line.split() for line in tables.splitlines() if " 0A " in line]  # 0A: listening
    return [row[1] for row in rows if f"socket:[{row[9]}]" in sockets]


async def test_it_listens_on_loopback_only(tmp_path):
    async with broker_in(tmp_path) as broker:
        own = listening(broker.pid)
    assert len(own) == 3  # MQTT, websocket, NATS's own
    assert {address.split(":")[0] for address in own} == {"0100007F"}  # 127.0.0.1


async def test_a_binary_that_is_none_names_the_variable(monkeypatch):
    monkeypatch.setenv(BINARY_VARIABLE, "/nowhere/nats-server")
    with pytest.raises(ConfigError) as refusal:
        find_binary()
    assert refusal.value.flag == BINARY_VARIABLE


async def test_a_broker_that_ends_at_once_says_why(tmp_path, monkeypatch):
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho no licence >&2\nexit 4\n")
    program.chmod(0o755)
    monkeypatch.setenv(BINARY_VARIABLE, str(program))
    with pytest.raises(BrokerError, match="code 4") as failure:
        await broker_in(tmp_path).start()
    assert "no licence" in failure.value.tail


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker", BrokerAddress("broker", 1883)),
        ("mqtts://me:p%40ss@broker:99", BrokerAddress("broker", 99, tls=True, username="me", password="p@ss")),
        ("ws://[::1]:8083", BrokerAddress("::1", 8083, transport="websockets")),
    ],
)
def test_a_broker_is_named_by_url(url, address):
    assert broker_address(url) == address


@pytest.mark.parametrize("url", ["broker:1883", "http://broker", "mqtt://", "mqtt://broker:port", "mqtt://broker:99999", ""])
def test_a_url_that_is_no_broker_names_the_flag(url):
    with pytest.raises(ConfigError) as refusal:
        broker_address(url)
    assert refusal.value.flag == "--mqtt-url"
