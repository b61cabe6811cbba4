"""Positions from tables, feed messages and a server that is polled."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from math import isnan
from zoneinfo import ZoneInfo

import pytest

realtime = pytest.importorskip("google.transit.gtfs_realtime_pb2", reason="gtfs-realtime-bindings is not installed: make install")

from v2x.errors import ConfigError  # noqa: E402
from v2x.importers.vehicle_positions import PositionPoll, PositionReader  # noqa: E402

CHICAGO = ZoneInfo("America/Chicago")
HALF_PAST_FIVE_NS = 1481888042 * 10**9  # 2016-12-16T05:34:02-06:00


def reader(trips=("t1", "f@07:00:00")):
    return PositionReader(frozenset(trips), CHICAGO)


@pytest.mark.parametrize(
    "timestamp",
    ["2016-12-16T05:34:02-06:00", "2016-12-16T11:34:02Z", "2016-12-16T05:34:02", "2016-12-16 05:34:02", "1481888042", "1481888042000"],
)
def test_times_are_iso_or_epoch_and_local_without_an_offset(timestamp):
    text = f"vehicle_id,timestamp,speed,route_id,trip_id,latitude,longitude\n8948,{timestamp},5.4,1,t1,30.4,-97.6\n"
    (one,) = reader().table(text)
    assert (one.vehicle, one.measured_ns, one.speed_mps, one.line, one.trip) == ("8948", HALF_PAST_FIVE_NS, 5.4, "1", "t1")
    assert (one.latitude_deg, one.longitude_deg) == (30.4, -97.6)


@pytest.mark.parametrize(
    "header",
    [
        "vehicle.vehicle.id,vehicle.timestamp,vehicle.position.latitude,vehicle.position.longitude,vehicle.trip.trip_id",
        "vehicle.id,timestamp,position.latitude,position.longitude,trip.trip_id",
        "Vehicle_ID, timestamp ,LAT,lon,trip_id",
        "vehicle_vehicle_id,vehicle_timestamp,vehicle_position_latitude,vehicle_position_longitude,vehicle_trip_trip_id",
        "vehicle.vehicle.id,vehicle.timestamp,vehicle.position.latitude,vehicle.position.longitude,vehicle.trip.tripId",
        "entity.vehicle.vehicle.id,entity.vehicle.timestamp,entity.vehicle.position.latitude,entity.vehicle.position.longitude,entity.vehicle.trip.trip_id",
        "vehicle.label,timestamp,latitude,longitude,trip_id,id",
    ],
)
def test_columns_may_bear_their_whole_path(header):
    (one,) = reader().table(f"{header}\nv,1481888042,30.4,-97.6,t1\n")
    assert (one.vehicle, one.measured_ns, one.latitude_deg, one.trip) == ("v", HALF_PAST_FIVE_NS, 30.4, "t1")
    assert isnan(one.speed_mps)


def test_what_cannot_be_read_is_counted_and_the_rest_is_given():
    given = reader()
    rows = ["v,yesterday,1,1", "v,1481888042,x,1", ",1481888042,1,1", "v,-5,1,1", "v", "v,1481888042,1,1"]
    found = list(given.table("vehicle_id,timestamp,latitude,longitude\n" + "\n".join(rows)))
    assert len(found) == 1
    assert given.notes == {"time_unreadable": 3, "place_unreadable": 1, "vehicle_unnamed": 1}


def message(*vehicles, timestamp=1481888042):
    feed = realtime.FeedMessage()
    feed.header.gtfs_realtime_version = "2.0"
    feed.header.timestamp = timestamp
    for number, (vehicle, trip, start) in enumerate(vehicles):
        entity = feed.entity.add(id=str(number))
        entity.vehicle.vehicle.id = vehicle
        entity.vehicle.trip.trip_id = trip
        entity.vehicle.trip.start_time = start
        entity.vehicle.position.latitude = 30.5
        entity.vehicle.position.longitude = -97.5
    feed.entity.add(id="update").trip_update.trip.trip_id = "t1"
    return feed.SerializeToString()


def test_a_feed_message_is_read_and_runs_of_frequencies_are_named():
    found = list(reader().message(message(("v", "t1", ""), ("w", "f", "07:00:00"), ("x", "f", "07:30:00"))))
    assert [(one.vehicle, one.trip, one.measured_ns) for one in found] == [
        ("v", "t1", HALF_PAST_FIVE_NS),
        ("w", "f@07:00:00", HALF_PAST_FIVE_NS),
        ("x", "f", HALF_PAST_FIVE_NS),
    ]


def test_a_message_that_is_none_is_counted():
    given = reader()
    assert list(given.message(b"<html>busy</html>")) == []
    assert given.notes == {"message_unreadable": 1}


def test_files_of_either_kind_and_folders_of_them_are_read_in_order_of_time(tmp_path):
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"vehicle_id,timestamp,latitude,longitude\nv,1481888000,1,1\n"))
    (tmp_path / "a.pb").write_bytes(message(("w", "t1", "")))
    assert [one.vehicle for one in reader().file(tmp_path)] == ["v", "w"]
    with pytest.raises(ConfigError):
        reader().file(tmp_path / "none.csv")


async def test_a_server_is_polled_through_its_failures():
    answers = [message(("v", "t1", "")), None, message(("v", "t1", "")), message(("v", "t1", ""), timestamp=1481888100)]

    class Feed(BaseHTTPRequestHandler):
        def do_GET(self):
            raw = answers.pop(0)
            self.send_response(200 if raw else 503)
            self.end_headers()
            self.wfile.write(raw or b"")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Feed)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        poll = PositionPoll(f"http://127.0.0.1:{server.server_port}/vehicles.pb", reader(), period_s=0.0)
        given = [[one.measured_ns // 10**9 for one in positions] async for positions in poll.positions(range(4))]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert given == [[1481888042], [], [], [1481888100]]
    assert poll.reader.notes == {"poll_HTTPError": 1}


def test_only_web_addresses_are_polled():
    with pytest.raises(ConfigError):
        PositionPoll("file:///etc/passwd", reader())
