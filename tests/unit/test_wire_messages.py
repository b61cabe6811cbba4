"""Vehicles' and signals' messages to samples, decisions to the vehicle, and logged arrivals made again."""

import math

import numpy as np
import pytest

from intersections.decisions import (
    Cause,
    Party,
    SensorFault,
    Severity,
    SignalReport,
    TrackReport,
    Warning,
    WarningKind,
    WarningState,
)
from intersections.samples import CommandKind, CommandSample, PhaseState
from positioning.frames import LocalFrame
from positioning.samples import Detection, FixStatus, MotionSample, ObjectClass, Role, RsuFrame, Verdict
from v2x import wire
from v2x.arrivals import ArrivalKind
from v2x.commands import encode_command
from v2x.v1 import common_pb2, roadside_pb2, signal_pb2, vehicle_pb2

FRAME = LocalFrame(math.radians(52.2675), math.radians(10.5267), 80.0)
CAUSE = Cause("rsu", 42)


def vehicle_sample(**fields: object) -> vehicle_pb2.VehicleSample:
    fix = vehicle_pb2.GnssFix(position=common_pb2.Position(latitude_e7=522_675_001, longitude_e7=105_267_002), status=5, accuracy_cm=150)
    return vehicle_pb2.VehicleSample(**{"temporary_id": "bus-7", "sequence": 3, "fix": fix} | fields)


def motion(message: vehicle_pb2.VehicleSample) -> MotionSample:
    return wire.motion_sample(message, "x", measured_ns=5, received_ns=9)


def test_vehicle_sample_in_si() -> None:
    sample = motion(vehicle_sample(
        speed=700, heading=7200, yaw_rate=-1250, acceleration=-350, brake_applied=True, hazard_lights=False, doors_open=True,
        role=2, object_class=2, size=common_pb2.Size(length_cm=1200, width_cm=255, height_cm=300), load_persons=41,
    ))  # fmt: skip
    assert (sample.vehicle, sample.intersection, sample.sequence, sample.measured_ns, sample.received_ns) == ("bus-7", "x", 3, 5, 9)
    assert (sample.object_class, sample.role, sample.fix_status) == (ObjectClass.BUS, Role.BUS, FixStatus.RTK_FIXED)
    assert (sample.brake_applied, sample.hazard_lights, sample.stability_control_active, sample.doors_open) == (True, False, None, True)
    assert sample.load_persons == 41
    expected = [math.radians(52.2675001), math.radians(10.5267002), 14.0, math.pi / 2, -3.5, math.radians(-12.5), 12.0, 2.55, 3.0, 1.5]
    np.testing.assert_allclose(sample.row, [*expected, math.nan, math.nan, 1.0, math.nan, ObjectClass.BUS], rtol=1e-14)


def test_what_a_vehicle_leaves_out_is_unknown() -> None:
    sample = motion(vehicle_sample())
    known = {Detection.LATITUDE_RAD, Detection.LONGITUDE_RAD, Detection.POSITION_SIGMA_M, Detection.EXISTENCE, Detection.OBJECT_CLASS}
    assert {column for column in Detection if not math.isnan(sample.row[column])} == known
    assert (sample.object_class, sample.role, sample.brake_applied, sample.load_persons) == (ObjectClass.UNKNOWN, Role.UNKNOWN, None, None)


def test_unavailable_codes_of_a_vehicle_are_unknown() -> None:
    sample = motion(vehicle_sample(speed=8191, heading=28800, yaw_rate=32768, acceleration=2001, load_persons=65535))
    assert np.isnan(sample.row[Detection.SPEED_MPS : Detection.POSITION_SIGMA_M]).all()
    assert sample.load_persons is None


def test_numbers_of_a_newer_version_are_unknown() -> None:
    sample = motion(vehicle_sample(role=99, object_class=-1))
    assert (sample.role, sample.object_class) == (Role.UNKNOWN, ObjectClass.UNKNOWN)


@pytest.mark.parametrize("fields", [
    {"speed": 8192}, {"heading": 28801}, {"yaw_rate": -32768}, {"acceleration": 2002}, {"load_persons": 65536},
    {"size": common_pb2.Size(height_cm=1001)}, {"size": common_pb2.Size(length_cm=4096)}, {"temporary_id": ""}, {"temporary_id": "a/b"},
    {"temporary_id": "a" * 65}, {"temporary_id": "ü"}, {"fix": vehicle_pb2.GnssFix()},
    {"fix": vehicle_pb2.GnssFix(position=common_pb2.Position(latitude_e7=900_000_001, longitude_e7=1))},
    {"fix": vehicle_pb2.GnssFix(position=common_pb2.Position(latitude_e7=1, longitude_e7=1_800_000_002))},
    {"fix": vehicle_pb2.GnssFix(position=common_pb2.Position(latitude_e7=1), accuracy_cm=0)},
], ids=str)  # fmt: skip
def test_vehicle_sample_out_of_range(fields: dict[str, object]) -> None:
    with pytest.raises(wire.WireError) as error:
        motion(vehicle_sample(**fields))
    assert error.value.verdict is Verdict.OUT_OF_RANGE


def signal_state(*groups: tuple[str, int]) -> signal_pb2.SignalState:
    return signal_pb2.SignalState(
        intersection_id="x", sequence=8, groups=[signal_pb2.SignalGroupState(group_id=name, state=state) for name, state in groups]
    )


def test_signal_state() -> None:
    sample = wire.signal_sample(signal_state(("g1", 6), ("g2", 3), ("g3", 77)), measured_ns=5, received_ns=9)
    assert (sample.intersection, sample.sequence, sample.measured_ns, sample.received_ns) == ("x", 8, 5, 9)
    states = (PhaseState.PROTECTED_MOVEMENT_ALLOWED, PhaseState.STOP_AND_REMAIN, PhaseState.UNKNOWN)
    assert sample.groups == tuple(zip(("g1", "g2", "g3"), states, strict=True))


@pytest.mark.parametrize(("groups", "verdict"), [
    ([("g", 3)] * 257, Verdict.OVERSIZED), ([("", 3)], Verdict.OUT_OF_RANGE), ([("g" * 65, 3)], Verdict.OUT_OF_RANGE),
], ids=["257 groups", "no id", "long id"])  # fmt: skip
def test_signal_state_refused(groups: list[tuple[str, int]], verdict: Verdict) -> None:
    with pytest.raises(wire.WireError) as error:
        wire.signal_sample(signal_state(*groups), 5, 9)
    assert error.value.verdict is verdict


def warning(**fields: object) -> Warning:
    parties = (
        Party(1, ObjectClass.CAR, "car-1", 0.0, -30.0, 10.0, 0.0),
        Party(2, ObjectClass.BICYCLE, "", 20.0, 0.0, 5.0, 4.7),
    )
    return Warning(**{
        "id": "w1", "intersection": "x", "kind": WarningKind.ICW, "state": WarningState.RAISED, "created_ns": 10, "updated_ns": 11,
        "valid_until_ns": 12, "severity": Severity.DANGER, "parties": parties, "east_m": 0.0, "north_m": 0.0, "time_to_conflict_s": 2.5,
        "post_encroachment_s": math.nan, "required_deceleration_mps2": 3.0, "confidence": 0.9, "cause": CAUSE,
    } | fields)  # fmt: skip


def enu(place: common_pb2.Position) -> np.ndarray:
    return FRAME.enu_from_geodetic(math.radians(place.latitude_e7 / 1e7), math.radians(place.longitude_e7 / 1e7))


def test_warning_tells_a_vehicle_of_the_other() -> None:
    downlink = wire.vehicle_downlink(warning(), FRAME, "car-1")
    assert downlink is not None
    told = downlink.warning
    assert (told.id, told.kind, told.state, told.severity) == ("w1", vehicle_pb2.WARNING_KIND_ICW, vehicle_pb2.WARNING_STATE_RAISED, 3)
    assert (told.created_unix_ns, told.valid_until_unix_ns, told.time_to_conflict_ms) == (10, 12, 2500)
    assert told.other_class == common_pb2.OBJECT_CLASS_BICYCLE
    assert (told.place.latitude_e7, told.place.longitude_e7) == (522_675_000, 105_267_000)
    place = FRAME.enu_from_geodetic(
        [math.radians(told.other_position.latitude_e7 / 1e7)], [math.radians(told.other_position.longitude_e7 / 1e7)]
    )
    np.testing.assert_allclose(place, [[20.0, 0.0]], atol=0.01)


@pytest.mark.parametrize("kind", WarningKind)
@pytest.mark.parametrize("state", WarningState)
def test_every_kind_and_state_of_warning(kind: WarningKind, state: WarningState) -> None:
    told = wire.vehicle_downlink(warning(kind=kind, state=state, time_to_conflict_s=math.nan), FRAME, "car-1").warning
    assert vehicle_pb2.WarningKind.Name(told.kind) == f"WARNING_KIND_{kind}"
    assert vehicle_pb2.WarningState.Name(told.state) == f"WARNING_STATE_{state}"
    assert told.time_to_conflict_ms == 0


def test_warning_is_not_for_others() -> None:
    assert wire.vehicle_downlink(warning(), FRAME, "car-9") is None
    assert wire.vehicle_downlink(warning(), FRAME, "") is None


def test_signal_report_is_read_back() -> None:
    report = SignalReport("x", 77, (("g1", 6), ("g2", 3)), CAUSE)
    told = wire.vehicle_downlink(report, FRAME, "car-1").signal
    sample = wire.signal_sample(told, wire.resolve_stamp(wire.stamp_of(told.measured), 0), 80)
    assert (sample.intersection, sample.sequence, sample.measured_ns, sample.groups) == ("x", 42, 77, report.groups)


def track_report(heading_rad: float) -> TrackReport:
    motion_rows = np.array([[1.0, 2.0, 3.0, 0.5, 0.0], [20.0, 0.0, 14.0, heading_rad, 0.0]])
    return TrackReport(
        "x", 77, np.array([4, 5]), np.array([1, 2], dtype=np.uint8), motion_rows, np.array([9.0, 0.25]), np.ones((2, 2)), {5: "bus-7"}
    )


@pytest.mark.parametrize(("heading_rad", "heading"), [(math.pi / 2, 7200), (math.radians(359.995), 0), (math.nan, 28800)])
def test_corrected_position_of_the_vehicles_own_track(heading_rad: float, heading: int) -> None:
    told = wire.vehicle_downlink(track_report(heading_rad), FRAME, "bus-7").position
    assert (told.time_unix_ns, told.speed, told.heading, told.accuracy_cm) == (77, 700, heading, 25)
    np.testing.assert_allclose(enu(told.position), [[20.0, 0.0]], atol=0.01)


def test_what_a_vehicle_is_not_told() -> None:
    assert wire.vehicle_downlink(track_report(0.0), FRAME, "car-1") is None
    fault = SensorFault("f", "x", "rsu", "7", "speed", "contradicts the positions", 5, False, CAUSE)
    assert wire.vehicle_downlink(fault, FRAME, "car-1") is None


def test_logged_roadside_frame() -> None:
    message = roadside_pb2.RsuFrame(station_id="rsu", intersection_id="x", sequence=1)
    message.objects.extend([roadside_pb2.DetectedObject(local_id=i, latitude_e7=1) for i in range(wire.MAX_OBJECTS + 1)])
    payload = message.SerializeToString()
    made = wire.arrival(ArrivalKind.RSU_FRAME, "rsu", "x", 5, 9, payload)
    assert (made.kind, made.source, made.intersection, made.measured_ns, made.received_ns) == (ArrivalKind.RSU_FRAME, "rsu", "x", 5, 9)
    assert made.payload is payload
    assert isinstance(made.sample, RsuFrame)
    assert (made.sample.measured_ns, made.sample.received_ns) == (5, 9)
    assert len(made.sample.rows) == wire.MAX_OBJECTS + 1  # a station with wider limits replays too


def test_logged_vehicle_sample() -> None:
    made = wire.arrival(ArrivalKind.VEHICLE_SAMPLE, "bus-7", "x", 5, 9, vehicle_sample(speed=700).SerializeToString())
    assert isinstance(made.sample, MotionSample)
    assert (made.sample.intersection, made.sample.row[Detection.SPEED_MPS]) == ("x", 14.0)


def test_logged_signal_state() -> None:
    made = wire.arrival(ArrivalKind.SIGNAL_STATE, "head", "x", 5, 9, signal_state(("g1", 6)).SerializeToString())
    assert made.sample == wire.signal_sample(signal_state(("g1", 6)), 5, 9)


def test_logged_command() -> None:
    command = CommandSample("c1", CommandKind.RESET_TRACKS, "x", "operator", "", "", 12 * 10**9, 9)
    assert wire.arrival(ArrivalKind.COMMAND, "operator", "x", 9, 9, encode_command(command)).sample == command


@pytest.mark.parametrize("kind", ArrivalKind)
def test_payload_of_no_kind(kind: ArrivalKind) -> None:
    with pytest.raises(wire.WireError) as error:
        wire.arrival(kind, "s", "x", 5, 9, b"\x07\xff")
    assert error.value.verdict is Verdict.MALFORMED
