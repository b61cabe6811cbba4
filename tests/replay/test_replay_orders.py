"""A log of a road where a dispatcher orders priority for a bus that asks for none: what crosses from the buses to the signals is made again
from the log, from its start and from any state on."""

import math
from datetime import UTC, datetime

import pytest

from intersections.buses.decisions import ActDone, OrderNews
from intersections.buses.orders import OrderState, OrderVerdict
from intersections.buses.samples import BusPosition
from intersections.map_json import loads
from intersections.signals.layout import SECOND_NS
from positioning.frames import LocalFrame
from tests.controlled_scenes import START_NS, SignalRoad, map_text, signal_text
from v2x import recorder as recorder_module
from v2x.arrivals import ArrivalKind
from v2x.bus_files import buses_of, read_buses
from v2x.bus_positions import bus_arrival
from v2x.district import build_id, intersections_of
from v2x.log_format import MAGIC, Header, Step, encode_record
from v2x.recorder import LogPolicy, Recorder
from v2x.replay import log_files, read_files, replay
from v2x.v1 import common_pb2, dispatch_pb2, vehicle_pb2
from v2x.wire import arrival

ORIGIN = loads(map_text()).origin
FRAME = LocalFrame(ORIGIN.latitude_rad, ORIGIN.longitude_rad, ORIGIN.height_m)
STOPS_M = (-130.0, 60.0, 400.0)  # along the way north
ORDERED_S, DEPARTS_S, SPEED_MPS, SECONDS = 11, 14, 8.0, 50


def degrees(east_m, north_m):
    latitude, longitude = FRAME.geodetic_from_enu([east_m], [north_m])
    return math.degrees(float(latitude[0])), math.degrees(float(longitude[0]))


def clock(after_s):
    return datetime.fromtimestamp(START_NS / 1e9 + after_s, UTC).strftime("%H:%M:%S")


def write_timetable(folder):
    """One trip of three stops, that departs soon after the start."""
    times = [clock(DEPARTS_S + (place_m - STOPS_M[0]) / SPEED_MPS) for place_m in STOPS_M]
    places = [degrees(1.75, place_m) for place_m in STOPS_M]
    tables = {
        "agency": ["agency_id,agency_name,agency_url,agency_timezone", "a,A,http://a.example,UTC"],
        "routes": ["route_id,agency_id,route_short_name,route_type", "7,a,7,3"],
        "calendar_dates": ["service_id,date,exception_type", f"all,{datetime.fromtimestamp(START_NS / 1e9, UTC):%Y%m%d},1"],
        "trips": ["route_id,service_id,trip_id,direction_id", "7,all,t,0"],
        "stops": ["stop_id,stop_name,stop_lat,stop_lon", *(f"s{row},S{row},{lat:.8f},{lon:.8f}" for row, (lat, lon) in enumerate(places))],
        "stop_times": [
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence",
            *(f"t,{at},{at},s{row},{row}" for row, at in enumerate(times)),
        ],
    }
    for name, rows in tables.items():
        (folder / f"{name}.txt").write_text("\n".join(rows) + "\n")
    return folder


def sample_of(vehicle, number, east_m, north_m, heading, now_ns):
    place = common_pb2.Position(
        **dict(zip(("latitude_e7", "longitude_e7"), (round(one * 1e7) for one in degrees(east_m, north_m)), strict=True))
    )
    fix = vehicle_pb2.GnssFix(position=place, status=vehicle_pb2.FIX_STATUS_RTK_FIXED, satellites_used=14)
    measured = common_pb2.Timestamp(unix_ns=now_ns - 10_000_000)
    motion = {"speed": round(SPEED_MPS * 100), "heading": heading, "yaw_rate": 0, "object_class": common_pb2.OBJECT_CLASS_BUS}
    return vehicle_pb2.VehicleSample(temporary_id=vehicle, sequence=number, measured=measured, fix=fix, **motion)


def ordered(now_ns):
    wanted = dispatch_pb2.GiveOrderRequest(
        kind=dispatch_pb2.ORDER_KIND_PRIORITY, vehicle="bus", stop=1, value=1.0, valid_until_unix_ns=now_ns + 300 * SECOND_NS
    )
    return dispatch_pb2.DispatchAct(id="a-1", author="anna", order=wanted).SerializeToString()


def traffic(now_ns):
    """A bus that goes north once, and tells both its place and its trip; cars from the west, again and again. No priority is asked for."""
    number = (now_ns - START_NS) // 100_000_000
    along_m = STOPS_M[0] + max(0.0, number / 10 - DEPARTS_S) * SPEED_MPS
    sent = [
        (
            "car",
            "example",
            ArrivalKind.VEHICLE_SAMPLE,
            sample_of("car", number, number % 150 - 140.0, -1.75, 7200, now_ns).SerializeToString(),
        )
    ]
    sent.append(("bus", "example", ArrivalKind.VEHICLE_SAMPLE, sample_of("bus", number, 1.75, along_m, 0, now_ns).SerializeToString()))
    if number == ORDERED_S * 10:
        sent.append(("anna", "buses", ArrivalKind.DISPATCH, ordered(now_ns)))
    made = [arrival(kind, who, member, now_ns - 10_000_000, now_ns, payload) for who, member, kind, payload in sent]
    if number % 10 == 0:
        made.append(
            bus_arrival("buses", "feed", [BusPosition("bus", now_ns, *degrees(1.75, along_m), SPEED_MPS, "t", "7", 20, None)], now_ns)
        )
    return made


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    day = datetime.fromtimestamp(START_NS / 1e9, UTC).date()
    kept = read_buses("buses", write_timetable(tmp_path_factory.mktemp("gtfs")), None, day, START_NS).kept
    settings = {"region": "district", "anchors": [], "signals": {"example": signal_text()}, "signal_control": "adaptive", "buses": kept}
    header = Header(build_id(), START_NS, settings, {"example": map_text()})
    folder = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder_module, "STATE_PERIOD_NS", 3_300_000_000)
        recorder = Recorder(LogPolicy(folder), header)
        recorder.start()
        road = SignalRoad(intersections_of(header)["example"], recorder, buses_of(kept))
        road.run(0, SECONDS, traffic)
        recorder.close(road.pipeline.take_state(START_NS + SECONDS * SECOND_NS))
    return road, folder


def test_an_order_of_a_served_bus_is_granted_by_the_crossing_and_carried_out(recorded):
    road, _ = recorded
    ((_, done),) = road.driver.of(ActDone)
    assert done.answer.verdict is OrderVerdict.TAKEN
    news = [one.record for _, one in road.driver.of(OrderNews) if one.record.order.id == done.answer.order]
    assert [(one.state, one.reason) for one in news[1:]] == [
        (OrderState.ACCEPTED, "granted at example"),
        (OrderState.CARRIED_OUT, "granted at example"),
    ]
    assert news[0].state is OrderState.ACCEPTED


def test_a_replay_decides_what_was_decided(recorded):
    road, folder = recorded
    result = replay(log_files(folder))
    assert result.same, result.differences
    assert result.digest == result.recorded_digest == road.pipeline.digest.hex()
    assert result.states_checked >= 10


def test_a_replay_from_any_state_ends_with_the_same_hash(recorded):
    road, folder = recorded
    for from_s in (9, 13, 22, 31, 40):
        result = replay(log_files(folder), from_ns=START_NS + from_s * SECOND_NS)
        assert result.same, result.differences
        assert result.digest == road.pipeline.digest.hex()


def test_an_order_left_out_of_the_log_is_noticed(recorded, tmp_path):
    _, folder = recorded
    (path,) = log_files(folder)

    def edited(item):
        if isinstance(item, Step):
            return Step(item.now_ns, tuple(one for one in item.arrivals if one.kind != ArrivalKind.DISPATCH))
        return item

    copy = tmp_path / path.name
    copy.write_bytes(MAGIC + b"".join(encode_record(edited(item)) for item in read_files([path])))
    assert not replay([copy]).same
