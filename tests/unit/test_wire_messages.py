"""Vehicles' and signals' messages to samples, decisions to the vehicle, and logged arrivals made again."""

import math

import numpy as np
import pytest

from intersections.decisions import (
    Cause,
    CorrectedPositions,
    Party,
    SensorFault,
    Severity,
    SignalReport,
    Warning,
    WarningKind,
    WarningState,
)
from intersections.samples import CommandKind, CommandSample, PhaseState
from positioning.frames import LocalFrame
from positioning.measurements import Kind
from positioning.samples import Detection, FixStatus, MotionSample, ObjectClass, RangeSample, Role, RsuFrame, Verdict
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
    {"temporary_id": "a" * 65}, {"heading_accuracy": 0}, {"temporary_id": "ü"}, {"fix": vehicle_pb2.GnssFix()},
    {"fix": vehicle_pb2.GnssFix(position=common_pb2.Position(latitude_e7=900_000_001, longitude_e7=1))},
    {"fix": vehicle_pb2.GnssFix(position=common_pb2.Position(latitude_e7=1, longitude_e7=1_800_000_002))},
    {"fix": vehicle_pb2.GnssFix(position=common_pb2.Position(latitude_e7=1), accuracy_cm=0)},
], ids=str)  # fmt: skip
def test_vehicle_sample_out_of_range(fields: dict[str, object]) -> None:
    with pytest.raises(wire.WireError) as error:
        motion(vehicle_sample(**fields))
    assert error.value.verdict is Verdict.OUT_OF_RANGE


def test_what_a_fix_tells_of_itself() -> None:
    fix = vehicle_sample().fix
    fix.satellites_used, fix.correction_age_ds, fix.position.height_dm = 14, 25, 1203
    sample = motion(vehicle_sample(fix=fix, heading_accuracy=80))
    assert (sample.satellites, sample.correction_age_s, sample.altitude_m) == (14, 2.5, pytest.approx(120.3))
    assert sample.row[Detection.HEADING_SIGMA_RAD] == pytest.approx(math.radians(1.0))
    assert (motion(vehicle_sample()).satellites, math.isnan(motion(vehicle_sample()).correction_age_s)) == (None, True)


@pytest.mark.parametrize("place", [{}, {"latitude_e7": 900_000_001, "longitude_e7": 1_800_000_001}], ids=["left out", "unavailable"])
def test_a_sample_without_a_fix_has_no_position(place: dict[str, int]) -> None:
    fix = vehicle_pb2.GnssFix(status=vehicle_pb2.FIX_STATUS_NONE, position=common_pb2.Position(**place))
    sample = motion(vehicle_sample(fix=fix, speed=700))
    assert np.isnan(sample.row[:2]).all()
    assert (sample.fix_status, sample.row[Detection.SPEED_MPS]) == (FixStatus.NONE, 14.0)


def ranges(*measured: tuple[str, int, int]) -> vehicle_pb2.RangeMeasurements:
    rows = [vehicle_pb2.Range(gnb_id=name, range_mm=range_mm, accuracy_mm=accuracy) for name, range_mm, accuracy in measured]
    return vehicle_pb2.RangeMeasurements(temporary_id="bus-7", sequence=4, ranges=rows)


def test_ranges_in_si() -> None:
    made = wire.arrival(ArrivalKind.RANGES, "bus-7", "x", 5, 9, ranges(("a", 123_456, 900), ("b", 1, 0)).SerializeToString())
    sample = made.sample
    assert isinstance(sample, RangeSample)
    assert (sample.vehicle, sample.intersection, sample.sequence, sample.measured_ns, sample.received_ns) == ("bus-7", "x", 4, 5, 9)
    assert sample.anchors == ("a", "b")
    np.testing.assert_allclose(sample.range_m, [123.456, 0.001])
    np.testing.assert_allclose(sample.sigma_m, [0.9, math.nan])


def test_each_range_is_judged_by_itself() -> None:
    measured = ranges(("a", 1, 0), ("b", 1, 0), ("a", 0, 0), ("a", 20_000_001, 0))
    verdicts = [Verdict.ACCEPTED, Verdict.UNKNOWN_ANCHOR, Verdict.OUT_OF_RANGE, Verdict.OUT_OF_RANGE]
    assert wire.range_verdicts(measured, {"a"}) == verdicts
    with pytest.raises(wire.WireError) as error:
        wire.range_verdicts(ranges(*[("a", 1, 0)] * 33), {"a"})
    assert error.value.verdict is Verdict.OVERSIZED


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


def corrected(**fields: object) -> CorrectedPositions:
    """Of car-1 and bus-7, which is at (20, 0)."""
    return CorrectedPositions(**{
        "intersection": "x", "time_ns": 77, "vehicles": ("car-1", "bus-7"), "motion": np.array([[1, 2, 3, 0.5], [20, 0, -14, np.pi / 2]]),
        "sigma_m": np.array([9, 0.25]), "level_m": np.array([30, 1.5]), "alert": np.array([False, True]),
        "sources": np.array([0, 1 << Kind.FIX | 1 << Kind.ROADSIDE_DETECTION], np.uint32),
    } | fields)  # fmt: skip


def test_corrected_position() -> None:
    told = wire.vehicle_downlink(corrected(), FRAME, "bus-7").position
    assert (told.time_unix_ns, told.speed, told.heading, told.accuracy_cm) == (77, 700, 7200, 25)
    assert (told.protection_level_cm, told.alert) == (150, True)
    assert list(told.sources) == [vehicle_pb2.POSITION_SOURCE_FIX, vehicle_pb2.POSITION_SOURCE_ROADSIDE]
    np.testing.assert_allclose(enu(told.position), [[20.0, 0.0]], atol=0.01)


@pytest.mark.parametrize(("heading_rad", "heading"), [(math.radians(359.995), 0), (math.nan, 28800)])
def test_heading_of_a_corrected_position(heading_rad: float, heading: int) -> None:
    report = corrected(motion=np.array([[0, 0, 0, 0], [20, 0, 14, heading_rad]]))
    assert wire.vehicle_downlink(report, FRAME, "bus-7").position.heading == heading


def test_a_level_beyond_the_scale_is_the_highest_code() -> None:
    told = wire.vehicle_downlink(corrected(level_m=np.array([1e4, 1.0])), FRAME, "car-1").position
    assert told.protection_level_cm == 65534


def test_sources_are_numbered_as_measurements() -> None:
    names = {"TDOA": "RANGE_DIFFERENCE", "ROADSIDE_DETECTION": "ROADSIDE"}
    assert {f"POSITION_SOURCE_{names.get(kind.name, kind.name)}": int(kind) for kind in Kind} == {
        name: number for name, number in vehicle_pb2.PositionSource.items() if number
    }


def test_what_a_vehicle_is_not_told() -> None:
    assert wire.vehicle_downlink(corrected(), FRAME, "car-9") is None
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
