"""`v2x station` against a running server, as an installer uses it."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from tests.grpc_peers import LATITUDE_DEG, frame_of, served, station_peer
from v2x.cli.station import station_app
from v2x.errors import ConfigError


def run(folder, *arguments):
    return CliRunner().invoke(station_app, [*arguments, "--state", str(folder)])


@pytest.fixture
async def one(tmp_path):
    async with served(tmp_path, stations=("good",), sensor_offsets=lambda: {"good": (0.1, 0.2, 0.0, 0.1)}) as server:
        (tmp_path / "endpoints.json").write_text(json.dumps({"grpc": server.address}))
        yield server


async def watched(one, tmp_path, station, traffic):
    """The check's answer while `traffic()` is sent."""
    check = asyncio.create_task(asyncio.to_thread(run, tmp_path, "check", station, "--seconds", "0.4"))
    while not check.done():
        await traffic()
        await asyncio.wait((check,), timeout=0.05)
    return check.result()


async def test_a_good_station_gets_no_fault(one, tmp_path):
    peer = station_peer(one, "good")
    await peer.send_frames(1)
    await peer.call.initial_metadata()
    answer = await watched(one, tmp_path, "good", lambda: peer.send_frames(1))
    assert answer.exit_code == 0, answer.output
    assert "frames, all taken" in answer.output
    assert "+0.10 m east" in answer.output
    await peer.close()


async def test_a_misplaced_station_is_told_and_the_exit_code_says_so(one, tmp_path):
    peer = station_peer(one, "good")
    await peer.send_frames(1)
    await peer.call.initial_metadata()

    async def swapped():
        frame = frame_of("good", peer.sequence)
        for found in frame.objects:
            found.latitude_e7, found.longitude_e7 = found.longitude_e7, found.latitude_e7
        peer.sequence += 1
        await peer.send(frame.SerializeToString())

    answer = await watched(one, tmp_path, "good", swapped)
    assert answer.exit_code == 1
    assert "latitude and longitude are swapped" in answer.output
    await peer.close()


async def test_from_refused_to_approved(one, tmp_path):
    stranger = station_peer(one, "rsu-7", "none")
    await stranger.send_frames(1)
    await stranger.status()
    assert "rsu-7  1 times" in (await asyncio.to_thread(run, tmp_path, "list")).output
    assert "was refused: station rsu-7 is not approved" in (await asyncio.to_thread(run, tmp_path, "check", "rsu-7")).output
    pose = ("--latitude", str(LATITUDE_DEG), "--longitude", "10.5", "--heading", "90")
    approved = await asyncio.to_thread(run, tmp_path, "approve", "rsu-7", "--intersection", "crossing", *pose)
    assert approved.exit_code == 0
    listed = (await asyncio.to_thread(run, tmp_path, "list")).output
    assert "rsu-7  approved  roadside  crossing  52.2746000 10.5000000" in listed
    assert "Tried" not in listed
    one.registry._checked_ns = -(10**12)
    peer = station_peer(one, "rsu-7", approved.stdout.strip().splitlines()[0])
    await peer.send_frames(1)
    assert (await peer.finish())[0].frames_accepted == 1


@pytest.mark.parametrize(("station", "words"), [("nobody", "has never tried to connect"), ("good", "has not connected since")])
async def test_a_station_that_is_not_there(one, tmp_path, station, words):
    answer = await asyncio.to_thread(run, tmp_path, "check", station)
    assert answer.exit_code == 1
    assert words in answer.output


def test_without_a_server_the_check_says_how_to_start_one(tmp_path):
    answer = run(tmp_path, "check", "rsu-7")
    assert isinstance(answer.exception, ConfigError)
    assert "start `v2x serve`" in str(answer.exception)
