"""`v2x serve --gtfs` as its users run it: a bus reports, a dispatcher orders from a terminal, the driver answers, the log replays."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import UTC, datetime

import grpc
import pytest
from google.transit import gtfs_realtime_pb2
from paho.mqtt import subscribe
from typer.testing import CliRunner

from tests.e2e.test_serve import PATIENCE_S, ROOT, Serving, run
from v2x.cli.dispatch import dispatch_app
from v2x.v1 import dispatch_pb2, vehicle_pb2, vehicle_pb2_grpc

STOPS = 8
STEP_DEG = 0.004  # between two stops, some 445 m


@pytest.fixture
def serving(tmp_path):
    write_timetable(tmp_path / "gtfs", datetime.now(UTC))
    (tmp_path / "lines.toml").write_text('[lines.7]\nmode = "confirm"\nheadway_s = 600\n')
    day = datetime.now(UTC).date().isoformat()
    one = Serving(tmp_path, "--gtfs", "gtfs", "--bus-lines", "lines.toml", "--service-day", day)
    yield one
    one.kill()


def write_timetable(folder, now):
    """Line 7, which began its trip t0 two minutes ago, and t1 ten minutes later."""
    folder.mkdir()
    begun_s = now.hour * 3600 + now.minute * 60 + now.second - 120
    times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    for number in range(2):
        for row in range(STOPS):
            clock = clock_of(begun_s + 600 * number + 120 * row)
            times += f"t{number},{clock},{clock},s{row},{row}\n"
    stops = "stop_id,stop_name,stop_lat,stop_lon\n" + "".join(
        f"s{row},Stop {row},{44.5 + STEP_DEG * row:.6f},11.3\n" for row in range(STOPS)
    )
    tables = {
        "agency": "agency_id,agency_name,agency_url,agency_timezone\na,A,http://a.example,UTC\n",
        "routes": "route_id,agency_id,route_short_name,route_type\n7,a,7,3\n",
        "calendar_dates": f"service_id,date,exception_type\nday,{now:%Y%m%d},1\n",
        "trips": "route_id,service_id,trip_id,direction_id\n7,day,t0,0\n7,day,t1,0\n",
        "stops": stops,
        "stop_times": times,
    }
    for name, text in tables.items():
        (folder / f"{name}.txt").write_text(text)


def clock_of(day_s):
    day_s = max(0, day_s)
    return f"{day_s // 3600:02d}:{day_s // 60 % 60:02d}:{day_s % 60:02d}"


class Bus:
    """Stands behind its second stop and says so twice a second, until it is stopped."""

    def __init__(self, address):
        self._stop = threading.Event()
        self._channel = grpc.insecure_channel(address)
        self._call = vehicle_pb2_grpc.VehicleServiceStub(self._channel).Stream(self._samples())

    def _samples(self):
        sequence = 0
        while not self._stop.is_set():
            uplink = vehicle_pb2.VehicleUplink()
            sample = uplink.sample
            sample.temporary_id, sample.sequence, sample.role = "bus-9", sequence, vehicle_pb2.VEHICLE_ROLE_BUS
            sample.trip_id, sample.load_persons, sample.speed, sample.heading = "t0", 12, 400, 0
            sample.measured.unix_ns = time.time_ns()
            sample.fix.status = vehicle_pb2.FIX_STATUS_DIFFERENTIAL
            sample.fix.position.latitude_e7 = round((44.5 + STEP_DEG * (1.5 + 0.001 * sequence)) * 1e7)
            sample.fix.position.longitude_e7 = 113000000
            sequence += 1
            yield uplink
            self._stop.wait(0.5)

    def close(self):
        self._stop.set()
        self._channel.close()


def dispatch(tmp_path, *words):
    """As the command does it, without a Python to start each time."""
    return CliRunner().invoke(dispatch_app, ["--state", str(tmp_path / "state"), *words], catch_exceptions=False)


def order_until_seen(tmp_path, *words):
    """The vehicle is unknown until its first report was stepped."""
    deadline_s = time.monotonic() + PATIENCE_S
    while (ended := dispatch(tmp_path, *words)).exit_code and time.monotonic() < deadline_s:
        assert "not seen" in ended.stderr, ended.stderr
    return ended


def feed_of(address, kind):
    with urllib.request.urlopen(f"http://{address}/gtfs-rt/buses/{kind}", timeout=PATIENCE_S) as answer:
        return gtfs_realtime_pb2.FeedMessage.FromString(answer.read())


def service_of(address, kind):
    with urllib.request.urlopen(f"http://{address}/service/buses/{kind}", timeout=PATIENCE_S) as answer:
        return answer.read()


def board_at(address, stop):
    """What somebody who comes to the stop now is shown at once."""
    host, _, port = address.rpartition(":")
    message = subscribe.simple(f"v2x/v1/district/buses/eta/{stop}/7", hostname=host, port=int(port))
    assert message.retain
    return json.loads(message.payload)


def test_an_order_goes_from_a_terminal_to_a_driver_and_back_and_the_log_replays(serving, tmp_path):
    endpoints = serving.endpoints()
    driver = subprocess.Popen(
        [sys.executable, "-u", ROOT / "examples" / "driver.py", "bus-9", "--broker", endpoints["mqtt"], "--auto"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    bus = Bus(endpoints["grpc"])
    watched = grpc.insecure_channel(endpoints["grpc"])
    changes = watched.unary_stream(
        "/v2x.v1.DispatchService/Watch",
        dispatch_pb2.WatchOrdersRequest.SerializeToString,
        dispatch_pb2.BusOrder.FromString,
    )(dispatch_pb2.WatchOrdersRequest(line="7"), timeout=PATIENCE_S)
    try:
        changes.initial_metadata()
        text = order_until_seen(tmp_path, "text", "bus-9", "Detour by Via Marconi")
        assert text.exit_code == 0, text.stderr
        given = dispatch(tmp_path, "order", "hold", "bus-9", "40", "--stop", "4", "--valid", "300")
        assert given.exit_code == 0, given.stderr
        order, _, version = given.stdout.split()
        assert version == "1"
        lines = iter(driver.stdout)
        assert any(f"{order} version 1: ACCEPTED" in line for line in lines)
        acknowledged = dispatch_pb2.ORDER_STATE_ACKNOWLEDGED
        assert any(one.id == order and one.state == acknowledged for one in changes)
        too_long = dispatch(tmp_path, "order", "hold", "bus-9", "61", "--stop", "4")
        assert (too_long.exit_code, too_long.stderr) == (1, "refused: beyond what the limits allow\n")
        assert "bus-9" in {entity.vehicle.vehicle.id for entity in feed_of(endpoints["feeds"], "vehicle-positions").entity}
        assert json.loads(service_of(endpoints["feeds"], "service.json")).keys() == {"all", "line", "hour", "line_hour"}
        assert b"of 2 planned trips were seen" in service_of(endpoints["feeds"], "service.html")
        assert [one["vehicle"] for one in board_at(endpoints["mqtt"], "s4")["arrivals"]] == ["bus-9"]
        listed = dispatch(tmp_path, "list", "--ended", "10")
        assert f"{order} v1  acknowledged" in listed.stdout, listed.stderr
        assert "carried out" in listed.stdout  # the text, as soon as it was answered
        assert "line 7: confirm" in listed.stderr
        assert dispatch(tmp_path, "mode", "7", "automatic").exit_code == 0
        assert dispatch(tmp_path, "headway", "8", "300").stderr == "refused: the network has no such line\n"
        withdrawn = dispatch(tmp_path, "withdraw", order, "--reason", "road closed")
        assert withdrawn.stdout == f"{order} version 2\n"
        assert any(f"{order} version 2: RECEIVED" in line for line in lines)
    finally:
        bus.close()
        watched.close()
        driver.kill()
        driver.communicate()
    assert serving.end() == 0, serving.said
    replayed = run(tmp_path, "replay", "state/log", "--events", "events.jsonl")
    assert "equal to the recorded one" in replayed.stdout, replayed.stderr
    assert '"name":"ORDER"' in (tmp_path / "events.jsonl").read_text()
