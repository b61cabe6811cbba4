"""The composed road in this process, with its real broker: how it opens, and how it ends well and badly."""

import asyncio
import json

import pytest

from tests.road import command_arrival
from v2x import pipeline as pipeline_module
from v2x.app import open_road
from v2x.config import load_settings
from v2x.log_format import End, Step
from v2x.replay import log_files, read_files, replay


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return load_settings({"grpc": "127.0.0.1:0", "mqtt": "127.0.0.1:0", "websocket": "127.0.0.1:0"})


def logged(settings, kind):
    return [item for item in read_files(log_files(settings.log_path)) if isinstance(item, kind)]


def logged_payloads(settings):
    return [arrival.payload for step in logged(settings, Step) for arrival in step.arrivals]


async def test_an_open_road_tells_where_it_listens(settings):
    async with open_road(settings) as road:
        told = json.loads(settings.endpoints_file.read_text())
        assert told == {"grpc": road.endpoints.grpc, "mqtt": road.endpoints.mqtt, "websocket": road.endpoints.websocket, "feeds": ""}
        assert not any(address.endswith(":0") for address in told.values())


async def test_what_waits_at_the_end_is_stepped_and_logged(settings):
    async with open_road(settings) as road:
        arrivals = [command_arrival(number, "example", road.clock.now_ns()) for number in range(3)]
        for arrival in arrivals:
            road.queue.put(arrival)
    assert logged_payloads(settings) == [arrival.payload for arrival in arrivals]
    (end,) = logged(settings, End)
    assert end.digest == road.pipeline.digest


async def test_a_command_that_comes_while_the_road_closes_is_stepped_and_logged(settings, monkeypatch):
    async with open_road(settings) as road:
        late = command_arrival(9, "example", road.clock.now_ns())
        close = road.link.close

        def close_late():
            road.queue.put(late)
            close()

        monkeypatch.setattr(road.link, "close", close_late)
    assert logged_payloads(settings) == [late.payload]


async def test_a_defect_ends_the_road_with_its_input_in_the_log(settings, monkeypatch):
    def fail(intersection, samples, now_ns):
        raise AssertionError("a defect of ours")

    arrival = command_arrival(1, "example")

    async def road_with_a_defect():
        async with open_road(settings) as road:
            monkeypatch.setattr(pipeline_module, "step", fail)
            road.queue.put(arrival)
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await road_with_a_defect()
    assert caught.group_contains(AssertionError, match="a defect of ours")
    assert logged_payloads(settings) == [arrival.payload]
    assert logged(settings, End) == []


async def test_a_road_without_a_log_leaves_none(settings):
    async with open_road(settings.model_copy(update={"record": False})) as road:
        assert "not kept" in road.summary()
    assert not settings.log_path.exists()


async def test_the_log_of_an_idle_road_replays(settings):
    async with open_road(settings) as road:
        live = road
    result = await asyncio.to_thread(replay, log_files(settings.log_path))
    assert result.same
    assert result.digest == live.pipeline.digest.hex()
