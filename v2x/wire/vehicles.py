"""What connected vehicles say of themselves, from generated code to `MotionSample`."""

import math
import re

import numpy as np

from positioning.samples import FixStatus, MotionSample, ObjectClass, Role, Verdict
from v2x.errors import WireError
from v2x.v1.vehicle_pb2 import VehicleSample
from v2x.wire import scales
from v2x.wire.scales import Scale, known, si

TEMPORARY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def motion_sample(message: VehicleSample, intersection: str, measured_ns: int, received_ns: int) -> MotionSample:
    """The sample at the intersection that serves the vehicle now; raises WireError OUT_OF_RANGE, also for a fix without a position."""
    if TEMPORARY_ID.fullmatch(message.temporary_id) is None:
        raise WireError(Verdict.OUT_OF_RANGE, "temporary_id has to be 1..64 of A-Z a-z 0-9 . _ -")
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
        load_persons=_load_persons(message),
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
        math.nan,
        1.0,
        math.nan,
        float(object_class),
    ]


def _degrees(message: VehicleSample, name: str, scale: Scale) -> float:
    position = message.fix.position
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


def _load_persons(message: VehicleSample) -> int | None:
    persons = _si(message, "load_persons", scales.LOAD_PERSONS)
    return None if math.isnan(persons) else int(persons)
