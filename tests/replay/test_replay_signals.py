"""A log of a road whose signals were controlled: replayed, the same commands and the same SPaT, from its start and from any state on."""

import math

import pytest

from intersections.decisions import LampCommand, PriorityAnswer, SpeedAdvices
from intersections.map_json import loads
from intersections.samples import CommandKind
from intersections.signals.control import GuardMode
from intersections.signals.layout import SECOND_NS
from intersections.signals.spat import SpatMessage
from positioning.frames import LocalFrame
from tests.controlled_scenes import START_NS, SignalRoad, map_text, reset_arrival, signal_text
from v2x import recorder as recorder_module
from v2x.arrivals import ArrivalKind
from v2x.district import build_id, intersections_of
from v2x.log_format import MAGIC, Header, Step, encode_record
from v2x.recorder import LogPolicy, Recorder
from v2x.replay import log_files, read_files, replay
from v2x.v1 import common_pb2, vehicle_pb2
from v2x.wire import arrival

HEADER = Header(
    build_id(),
    START_NS,
    {"region": "district", "anchors": [], "signals": {"example": signal_text()}, "signal_control": "adaptive"},
    {"example": map_text()},
)
ORIGIN = loads(map_text()).origin
FRAME = LocalFrame(ORIGIN.latitude_rad, ORIGIN.longitude_rad, ORIGIN.height_m)
SECONDS = 40


def sample_of(vehicle, number, east, north, heading, now_ns):
    latitude, longitude = FRAME.geodetic_from_enu([east], [north])
    place = common_pb2.Position(latitude_e7=round(math.degrees(latitude[0]) * 1e7), longitude_e7=round(math.degrees(longitude[0]) * 1e7))
    fix = vehicle_pb2.GnssFix(position=place, status=vehicle_pb2.FIX_STATUS_RTK_FIXED, satellites_used=14)
    measured = common_pb2.Timestamp(unix_ns=now_ns - 10_000_000)
    motion = {"speed": 500, "heading": heading, "yaw_rate": 0, "object_class": common_pb2.OBJECT_CLASS_BUS}
    return vehicle_pb2.VehicleSample(temporary_id=vehicle, sequence=number, measured=measured, fix=fix, **motion)


def traffic(now_ns):
    """Buses come from the south and from the west at 10 m/s, again and again; the first asks for priority each second, so the other
    has to wait. Once, a plan took too long."""
    number = (now_ns - START_NS) // 100_000_000
    along = number % 150 - 140.0
    crossing = sample_of("other", number, along, -1.75, 7200, now_ns)
    sent = [("bus", ArrivalKind.VEHICLE_SAMPLE, sample_of("bus", number, 1.75, along, 0, now_ns))]
    sent.append(("other", ArrivalKind.VEHICLE_SAMPLE, crossing))
    if number % 10 == 5:
        asked = vehicle_pb2.PriorityRequest(
            temporary_id="bus",
            request_id=number // 150,
            sequence=number // 10 % 128,
            type=vehicle_pb2.PRIORITY_REQUEST_TYPE_REQUEST,
            role=vehicle_pb2.PRIORITY_ROLE_TRANSIT,
            ingress_lane="south.in",
            egress_lane="north.out",
            arrival_ms=10_000,
            persons=40,
            lateness_s=120,
        )
        sent.append(("bus", ArrivalKind.PRIORITY, asked))
    made = [arrival(kind, who, "example", now_ns - 10_000_000, now_ns, message.SerializeToString()) for who, kind, message in sent]
    if number == 250:
        made.append(reset_arrival(now_ns, CommandKind.PLAN_OVERRUN))
    return made


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder_module, "STATE_PERIOD_NS", 3_300_000_000)
        recorder = Recorder(LogPolicy(folder), HEADER)
        recorder.start()
        road = SignalRoad(intersections_of(HEADER)["example"], recorder)
        road.run(0, SECONDS, traffic)
        recorder.close(road.pipeline.take_state(START_NS + SECONDS * SECOND_NS))
    kinds = {type(decision) for _, decision in road.driver.decisions}
    assert {LampCommand, SpatMessage, PriorityAnswer, SpeedAdvices} <= kinds, "a log without these shows little"
    assert {GuardMode.COMMANDED, GuardMode.LOCAL} <= set(road.modes(20))
    return road, folder


def test_a_replay_decides_what_was_decided(recorded):
    road, folder = recorded
    result = replay(log_files(folder))
    assert result.same, result.differences
    assert result.digest == result.recorded_digest == road.pipeline.digest.hex()
    assert result.decisions == road.pipeline.decisions
    assert result.states_checked >= 10


def test_a_replay_from_any_state_ends_with_the_same_hash(recorded):
    road, folder = recorded
    for from_s in (7, 14, 21, 27, 34):
        result = replay(log_files(folder), from_ns=START_NS + from_s * SECOND_NS)
        assert result.same, result.differences
        assert result.digest == road.pipeline.digest.hex()


def test_a_command_left_out_of_the_log_is_noticed(recorded, tmp_path):
    _, folder = recorded
    (path,) = log_files(folder)

    def edited(item):
        if isinstance(item, Step):
            kept = tuple(one for one in item.arrivals if one.kind != ArrivalKind.COMMAND)
            return Step(item.now_ns, kept)
        return item

    copy = tmp_path / path.name
    copy.write_bytes(MAGIC + b"".join(encode_record(edited(item)) for item in read_files([path])))
    assert not replay([copy]).same
