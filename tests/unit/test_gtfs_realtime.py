"""GTFS-realtime as a passenger's application reads it: over HTTP, and back into times, places and cancellations."""

import asyncio
import urllib.error
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
from google.transit import gtfs_realtime_pb2 as realtime

from intersections.buses.decisions import BusReport, OrderNews
from intersections.buses.orders import DispatchOrder, Effect, OrderKind, OrderRecord, OrderState
from intersections.buses.samples import BusState, Duty, Prediction, Predictor
from tests.unit.test_eta import MIDNIGHT_NS, network, ns
from v2x.feed_server import FeedServer
from v2x.gtfs_realtime import RealtimeFeeds
from v2x.service_live import LiveService

STATE = BusState("b", Duty.ON_TRIP, "t0", "p", 750.0, 2, 5.0, False, 0.0, -1, ns(1180.0))
LIKELY_S = np.array([1240.0, 1365.0, 1490.0, 1600.0])
PREDICTION = Prediction("b", "t0", 2, 1200.0, LIKELY_S - 20, LIKELY_S, LIKELY_S + 40, Predictor.RECENT)
REPORT = BusReport("town", ns(1200.0), (STATE,), (), (PREDICTION,))


def feeds(*decisions: object) -> RealtimeFeeds:
    made = RealtimeFeeds({"town": network()})
    made.publish(decisions, 0)
    return made


def read(raw: bytes | None) -> realtime.FeedMessage:
    message = realtime.FeedMessage()
    message.ParseFromString(raw)
    return message


def cancelled(state: OrderState) -> OrderNews:
    order = DispatchOrder("o", 1, OrderKind.CANCEL, "7", "b", "t0", 0, 0.0, "", 0, 1, "d")
    none = Effect(0.0, 0.0, 0.0)
    return OrderNews("town", ns(1210.0), record_of(order, state, none))


def record_of(order: DispatchOrder, state: OrderState, effect: Effect) -> OrderRecord:
    return OrderRecord(order=order, state=state, changed_ns=0, reason="", predicted=effect, measured=None, counterfactual="")


def test_arrivals_are_epoch_seconds_with_delay_and_uncertainty():
    (entity,) = read(feeds(REPORT).feed("town", "trip-updates")).entity
    update = entity.trip_update
    assert (update.trip.trip_id, update.trip.route_id, update.vehicle.id, update.timestamp) == ("t0", "7", "b", ns(1180.0) // 10**9)
    assert [call.stop_id for call in update.stop_time_update] == ["s2", "s3", "s4", "s5"]
    assert [call.arrival.time - MIDNIGHT_NS // 10**9 for call in update.stop_time_update] == [1240, 1365, 1490, 1600]
    assert [call.arrival.delay for call in update.stop_time_update] == [0, 5, 10, 0]
    assert {call.arrival.uncertainty for call in update.stop_time_update} == {30}


def test_which_call_at_a_stop_is_meant_is_told_by_its_number_in_the_timetable():
    town = network()
    numbered = replace(town.trips["t0"], sequence=(5, 10, 20, 70, 71, 80))
    loop = replace(town.patterns["p"], stops=("s0", "s1", "s2", "s3", "s2", "s5"))
    made = RealtimeFeeds({"town": replace(town, trips=town.trips | {"t0": numbered}, patterns={"p": loop})})
    made.publish([REPORT], 0)
    (update,) = read(made.feed("town", "trip-updates")).entity
    told = [(call.stop_id, call.stop_sequence) for call in update.trip_update.stop_time_update]
    assert told == [("s2", 20), ("s3", 70), ("s2", 71), ("s5", 80)]
    (position,) = read(made.feed("town", "vehicle-positions")).entity
    assert (position.vehicle.stop_id, position.vehicle.current_stop_sequence) == ("s2", 20)


def test_the_date_is_that_of_the_service_day_wherever_the_network_lies():
    """Second 0 is 2023-11-14 22:13:20 UTC; noon of that service day is on the 15th there, and on the 15th at the date line."""
    for longitude_deg in (0.0, 15.0, -15.0):
        made = RealtimeFeeds({"town": replace(network(), origin_deg=(0.0, longitude_deg))})
        made.publish([REPORT], 0)
        (entity,) = read(made.feed("town", "trip-updates")).entity
        assert entity.trip_update.trip.start_date == "20231115"


def test_a_vehicle_is_shown_where_it_was_on_its_way():
    (entity,) = read(feeds(REPORT).feed("town", "vehicle-positions")).entity
    vehicle = entity.vehicle
    assert vehicle.position.longitude == pytest.approx(750.0 / 111_320.0, rel=1e-3)
    assert (vehicle.stop_id, vehicle.current_status) == ("s2", realtime.VehiclePosition.IN_TRANSIT_TO)


@pytest.mark.parametrize("duty", [Duty.OFF, Duty.DOUBTED])
def test_a_vehicle_on_no_trip_is_not_shown(duty):
    report = replace(REPORT, states=(replace(STATE, duty=duty),))
    assert not read(feeds(report).feed("town", "vehicle-positions")).entity


def test_a_cancelled_trip_has_no_times_and_an_alert():
    made = feeds(REPORT, cancelled(OrderState.ACKNOWLEDGED))
    (entity,) = read(made.feed("town", "trip-updates")).entity
    assert entity.trip_update.trip.schedule_relationship == realtime.TripDescriptor.CANCELED
    assert not entity.trip_update.stop_time_update
    (alert,) = read(made.feed("town", "alerts")).entity
    assert alert.alert.effect == realtime.Alert.NO_SERVICE


def test_a_cancellation_that_was_withdrawn_is_forgotten():
    made = feeds(REPORT, cancelled(OrderState.ACKNOWLEDGED), cancelled(OrderState.WITHDRAWN))
    assert not read(made.feed("town", "alerts")).entity


def test_a_detour_is_told_of_its_line():
    report = replace(REPORT, states=(replace(STATE, duty=Duty.DETOUR),))
    (entity,) = read(feeds(report).feed("town", "alerts")).entity
    assert entity.alert.informed_entity[0].route_id == "7"


def test_what_is_not_known_is_none():
    made = RealtimeFeeds({"town": network()})
    assert made.feed("town", "alerts") is None
    assert feeds(REPORT).feed("village", "alerts") is None
    assert feeds(REPORT).feed("town", "gossip") is None


def get(port: int, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read()


PATHS = (
    "/gtfs-rt/town/alerts",
    "/gtfs-rt/town/trip-updates?x=1",
    "/service/town/service.html",
    "/service/town/service.json",
    "/service/town/alerts",
    "/gtfs-rt/town/service.json",
    "/",
)


async def test_feeds_are_served_and_nothing_else():
    made = feeds(REPORT)
    live = LiveService({"town": network()})
    server = FeedServer({"gtfs-rt": made.told, "service": live.told})
    port = await server.listen("127.0.0.1", 0)
    try:
        asked = {path: await asyncio.to_thread(get, port, path) for path in PATHS}
        head, posted = await asyncio.to_thread(get, port, "/gtfs-rt/town/alerts", "HEAD"), await asyncio.to_thread(get, port, "/", "POST")
    finally:
        await server.stop()
    assert asked["/gtfs-rt/town/alerts"] == (200, "application/x-protobuf", made.feed("town", "alerts"))
    assert read(asked["/gtfs-rt/town/trip-updates?x=1"][2]).entity
    assert asked["/service/town/service.json"] == (200, "application/json", b'{"all":[],"line":[],"hour":[],"line_hour":[]}')
    assert asked["/service/town/service.html"][:2] == (200, "text/html; charset=utf-8")
    assert {asked[path][0] for path in ("/", "/service/town/alerts", "/gtfs-rt/town/service.json")} == {404}
    assert head[0] == 200
    assert head[2] == b""
    assert posted[0] == 405


async def test_two_requests_go_through_one_connection_and_nonsense_ends_it():
    server = FeedServer({"gtfs-rt": feeds(REPORT).told})
    port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in range(2):
            writer.write(b"HEAD /gtfs-rt/town/alerts HTTP/1.1\r\nhost: a\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(b"\x00\x01 nonsense\r\n\r\n")
        assert await reader.read() == b""
    finally:
        writer.close()
        await server.stop()
    assert server.refused == 1
