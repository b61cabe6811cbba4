"""The demo's bus lines at a real broker: orders go out by MQTT, simulated drivers answer by it, and what orders were worth is told."""

import asyncio
import importlib.util
import json
import os
import signal
import sys
from dataclasses import asdict

import aiomqtt
import orjson
import pytest

from v2x.broker import Broker
from v2x.demo.orders import OrdersHeard
from v2x.demo.parts import BusPlay

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")
PATIENCE_S = 240.0


async def test_orders_are_answered_carried_out_and_measured(tmp_path):
    async with Broker(tmp_path / "broker", ("127.0.0.1", 0), ("127.0.0.1", 0)) as broker, aiomqtt.Client(*broker.mqtt) as listener:
        await listener.subscribe("v2x/v1/buses/corridor/dispatch/#", qos=1)
        play = BusPlay(str(tmp_path / "buses"), f"127.0.0.1:{broker.mqtt[1]}", 1000.0, seed=1)
        buses = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "v2x.demo.buses", json.dumps(asdict(play)), stdout=asyncio.subprocess.PIPE
        )
        heard = OrdersHeard()
        try:
            async with asyncio.timeout(PATIENCE_S):
                async for message in listener.messages:
                    heard.note(orjson.loads(message.payload))
                    if heard.effects and heard.count("ACKNOWLEDGED") > 1:
                        break
            buses.send_signal(signal.SIGINT)
            out, _ = await asyncio.wait_for(buses.communicate(), PATIENCE_S)
        finally:
            if buses.returncode is None:
                buses.kill()
    assert buses.returncode == 0
    last = json.loads(out.splitlines()[-1])
    assert last["name"] == "corridor"
    assert last["vehicles"] > 3
    assert last["unread"] == {}
    assert heard.count("PROPOSED") >= heard.count("SENT") >= heard.count("ACKNOWLEDGED") >= heard.count("CARRIED_OUT") > 0
