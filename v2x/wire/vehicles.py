"""What connected vehicles say of themselves, from generated code to `MotionSample` and `RangeSample`."""

import math
import re
from collections.abc import Collection

import numpy as np

from intersections.buses.samples import UNKNOWN_LOAD, BusPosition
from positioning.samples import FixStatus, MotionSample, ObjectClass, RangeSample, Role, Verdict
from v2x.errors import WireError
from v2x.v1.vehicle_pb2 import FIX_STATUS_NONE, Range, RangeMeasurements, VehicleSample
from v2x.wire import scales
from v2x.wire.scales import Scale, known, si

IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
MAX_TRIP = 128  # characters of a trip's id; longer ones are nobody's
MAX_RANGES = 32  # of one message; a vehicle hears ten gNBs at most


def motion_sample(message: VehicleSample, intersection: str, measured_ns: int, received_ns: int) -> MotionSample:
    """The sample at the intersection that serves the vehicle now; raises WireError OUT_OF_RANGE, also for a fix without a position."""
    check_identifier("temporary_id", message.temporary_id)
    object_class = known(ObjectClass, message.object_class)
    return MotionSample(
        vehicle=message.temporary_id,
        intersection=intersection,
        sequence=message.sequence,
        measured_ns=measured_ns,
        received_ns=received_ns,
        object_class=object_class,
        role=known(Role, message.role),
        fix_status=known(FixStatus, message.fix.status),
        row=np.array(_row(message, object_class)),
        brake_applied=_flag(message, "brake_applied"),
        hazard_lights=_flag(message, "hazard_lights"),
        stability_control_active=_flag(message, "stability_control_active"),
        doors_open=_flag(message, "doors_open"),
        load_persons=_whole(message, "load_persons", scales.LOAD_PERSONS),
        satellites=_whole(message.fix, "satellites_used", scales.SATELLITES),
        correction_age_s=_si(message.fix, "correction_age_ds", scales.CORRECTION_AGE),
        altitude_m=_si(message.fix.position, "height_dm", scales.HEIGHT_ABOVE_ELLIPSOID),
    )


def bus_position(message: VehicleSample, measured_ns: int) -> BusPosition:
    """Of a sample with a fix that `motion_sample` has taken."""
    speed_mps = _si(message, "speed", scales.SPEED)
    load = _whole(message, "load_persons", scales.LOAD_PERSONS)
    return BusPosition(
        vehicle=message.temporary_id,
        measured_ns=measured_ns,
        latitude_deg=message.fix.position.latitude_e7 * 1e-7,
        longitude_deg=message.fix.position.longitude_e7 * 1e-7,
        speed_mps=speed_mps,
        trip=message.trip_id[:MAX_TRIP],
        line=message.line_id[:MAX_TRIP],
        load=UNKNOWN_LOAD if load is None else load,
        doors_open=_flag(message, "doors_open"),
    )


def range_verdicts(message: RangeMeasurements, anchors: Collection[str]) -> list[Verdict]:
    """What is to become of each range; raises WireError OVERSIZED."""
    if len(message.ranges) > MAX_RANGES:
        raise WireError(Verdict.OVERSIZED, f"{len(message.ranges)} ranges, at most {MAX_RANGES} are taken")
    return [_range_verdict(measured, anchors) for measured in message.ranges]


def range_sample(message: RangeMeasurements, intersection: str, measured_ns: int, received_ns: int) -> RangeSample:
    """The sample; raises WireError OUT_OF_RANGE."""
    check_identifier("temporary_id", message.temporary_id)
    return RangeSample(
        vehicle=message.temporary_id,
        intersection=intersection,
        sequence=message.sequence,
        measured_ns=measured_ns,
        received_ns=received_ns,
        anchors=tuple(measured.gnb_id for measured in message.ranges),
        range_m=np.array([si(scales.RANGE, measured.range_mm) for measured in message.ranges], dtype=np.float64),
        sigma_m=np.array([si(scales.RANGE_ACCURACY, measured.accuracy_mm) for measured in message.ranges], dtype=np.float64),
    )


def _row(message: VehicleSample, object_class: ObjectClass) -> list[float]:
    """Columns by `Detection`; what a vehicle's message has no field for is NaN, and of its own existence it is sure."""
    fix, size = message.fix, message.size
    return [
        _degrees(message, "latitude_e7", scales.LATITUDE),
        _degrees(message, "longitude_e7", scales.LONGITUDE),
        _si(message, "speed", scales.SPEED),
        _si(message, "heading", scales.HEADING),
        _si(message, "acceleration", scales.ACCELERATION),
        _si(message, "yaw_rate", scales.YAW_RATE),
        _si(size, "length_cm", scales.SIZE),
        _si(size, "width_cm", scales.SIZE),
        _si(size, "height_cm", scales.VEHICLE_HEIGHT),
        _si(fix, "accuracy_cm", scales.POSITION_ACCURACY),
        math.nan,
        _si(message, "heading_accuracy", scales.HEADING_ACCURACY),
        1.0,
        math.nan,
        float(object_class),
    ]


def _degrees(message: VehicleSample, name: str, scale: Scale) -> float:
    position = message.fix.position
    if message.fix.status == FIX_STATUS_NONE and position.latitude_e7 in {0, scales.LATITUDE.unavailable}:
        return math.nan
    value = si(scale, getattr(position, name))
    if math.isnan(value) or (position.latitude_e7 == 0 and position.longitude_e7 == 0):
        raise WireError(Verdict.OUT_OF_RANGE, "the fix has no position")
    return value


def _si(message: object, name: str, scale: Scale) -> float:
    """`message` is any generated message with an optional field `name`."""
    try:
        return si(scale, getattr(message, name)) if message.HasField(name) else math.nan  # type: ignore[attr-defined]
    except WireError as error:
        raise WireError(error.verdict, f"{name}: {error.text}") from error


def _flag(message: VehicleSample, name: str) -> bool | None:
    return bool(getattr(message, name)) if message.HasField(name) else None


def _range_verdict(measured: Range, anchors: Collection[str]) -> Verdict:
    if measured.gnb_id not in anchors:
        return Verdict.UNKNOWN_ANCHOR
    return Verdict.ACCEPTED if scales.RANGE.lowest <= measured.range_mm <= scales.RANGE.highest else Verdict.OUT_OF_RANGE


def _whole(message: object, name: str, scale: Scale) -> int | None:
    value = _si(message, name, scale)
    return None if math.isnan(value) else int(value)


def check_identifier(name: str, text: str) -> None:
    if IDENTIFIER.fullmatch(text) is None:
        raise WireError(Verdict.OUT_OF_RANGE, f"{name} has to be 1..64 of A-Z a-z 0-9 . _ -")
