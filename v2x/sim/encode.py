"""Field equipment writing its messages: SI arrays to the wire contract, with the generated code a station of any make would use.

The inverse lives in `v2x.wire`, written apart from this: an error in a scale cannot cancel itself out.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from positioning.samples import Detection, FixStatus
from v2x.sim.sensors import Seen
from v2x.sim.vehicles import OwnSample
from v2x.v1 import common_pb2, roadside_pb2, signal_pb2, vehicle_pb2

DEGREES_E7 = math.degrees(1.0) * 1e7
PER_HEADING = math.degrees(1.0) / 0.0125
PER_YAW_RATE = math.degrees(1.0) / 0.01
# column, field of DetectedObject, units per SI unit, least and greatest code
OBJECT_FIELDS = (
    (Detection.SPEED_MPS, "speed", 50.0, 0, 8190),
    (Detection.LENGTH_M, "length_cm", 100.0, 1, 4095),
    (Detection.WIDTH_M, "width_cm", 100.0, 1, 4095),
    (Detection.HEIGHT_M, "height_cm", 100.0, 1, 1000),
    (Detection.POSITION_SIGMA_M, "position_accuracy_cm", 100.0, 1, 65534),
    (Detection.SPEED_SIGMA_MPS, "speed_accuracy", 100.0, 1, 65534),
    (Detection.HEADING_SIGMA_RAD, "heading_accuracy", PER_HEADING, 1, 28799),
    (Detection.EXISTENCE, "existence_confidence", 100.0, 0, 100),
)


def rsu_frame(station: str, intersection: str, sequence: int, measured_ns: int, seen: Seen) -> bytes:
    """One `RsuFrame`; everything this kind of station does not measure is left out."""
    frame = roadside_pb2.RsuFrame(station_id=station, intersection_id=intersection, sequence=sequence)
    frame.measured.unix_ns = measured_ns
    frame.sensors.add(sensor_id="roof", kind=roadside_pb2.SENSOR_KIND_FUSED, health=roadside_pb2.SENSOR_HEALTH_GOOD)
    places = np.rint(seen.rows[:, :2] * DEGREES_E7).astype(np.int64).tolist()
    headings = (np.rint(seen.rows[:, Detection.HEADING_RAD] * PER_HEADING).astype(np.int64) % 28800).tolist()
    columns = {name: _codes(seen.rows[:, column], scale, low, high) for column, name, scale, low, high in OBJECT_FIELDS}
    identities = seen.rows[:, [Detection.LOCAL_ID, Detection.OBJECT_CLASS]].astype(np.int64).tolist()
    for index, (local_id, object_class) in enumerate(identities):
        frame.objects.add(
            local_id=local_id, object_class=object_class, latitude_e7=places[index][0], longitude_e7=places[index][1],
            heading=headings[index], **{name: codes[index] for name, codes in columns.items()},
        )  # fmt: skip
    return frame.SerializeToString()


def vehicle_sample(sample: OwnSample, measured_ns: int) -> bytes:
    """One `VehicleSample`."""
    row = sample.row
    message = vehicle_pb2.VehicleSample(
        temporary_id=sample.temporary_id,
        sequence=sample.sequence,
        measured=common_pb2.Timestamp(unix_ns=measured_ns),
        fix=_fix(sample),
        speed=_code(row[Detection.SPEED_MPS], 50.0, 0, 8190),
        heading=round(row[Detection.HEADING_RAD] * PER_HEADING) % 28800,
        yaw_rate=_code(row[Detection.YAW_RATE_RADPS], PER_YAW_RATE, -32767, 32767),
        acceleration=_code(row[Detection.ACCELERATION_MPS2], 100.0, -2000, 2000),
        brake_applied=sample.brake_applied,
        role=sample.role.value,  # type: ignore[arg-type]
        object_class=sample.object_class.value,  # type: ignore[arg-type]
        size=common_pb2.Size(
            length_cm=round(row[Detection.LENGTH_M] * 100.0),
            width_cm=round(row[Detection.WIDTH_M] * 100.0),
            height_cm=round(row[Detection.HEIGHT_M] * 100.0),
        ),
    )
    return message.SerializeToString()


def _fix(sample: OwnSample) -> vehicle_pb2.GnssFix:
    row, fix = sample.row, sample.fix
    message = vehicle_pb2.GnssFix(status=fix.status.value, satellites_used=fix.satellites)  # type: ignore[arg-type]  # the same numbers, by contract
    if fix.status is not FixStatus.NONE:
        message.position.latitude_e7 = round(row[Detection.LATITUDE_RAD] * DEGREES_E7)
        message.position.longitude_e7 = round(row[Detection.LONGITUDE_RAD] * DEGREES_E7)
        message.position.height_dm = round(sample.height_m * 10.0)
        message.accuracy_cm = _code(row[Detection.POSITION_SIGMA_M], 100.0, 1, 65534)
    if not math.isnan(fix.correction_age_s):
        message.correction_age_ds = round(fix.correction_age_s * 10.0)
    return message


def range_measurements(sample: OwnSample, measured_ns: int) -> bytes:
    """One `RangeMeasurements`; no station claims how good its ranges are."""
    message = vehicle_pb2.RangeMeasurements(
        temporary_id=sample.temporary_id, sequence=sample.sequence, measured=common_pb2.Timestamp(unix_ns=measured_ns)
    )
    for one in sample.ranges:
        message.ranges.add(gnb_id=one.station, range_mm=max(round(one.range_m * 1000.0), 1))
    return message.SerializeToString()


def position_request(rate_hz: float) -> bytes:
    """A `VehicleUplink` that asks for corrected positions."""
    return vehicle_pb2.VehicleUplink(request=vehicle_pb2.VehicleRequest(position_rate_dhz=round(rate_hz * 10.0))).SerializeToString()


def signal_state(intersection: str, sequence: int, measured_ns: int, groups: Sequence[tuple[str, int]]) -> bytes:
    """One `SignalState`; `groups` are (group id, PhaseState number)."""
    message = signal_pb2.SignalState(intersection_id=intersection, sequence=sequence)
    message.measured.unix_ns = measured_ns
    for group, state in groups:
        message.groups.add(group_id=group, state=state)
    return message.SerializeToString()


def uplink(message: bytes, field: int = 1) -> bytes:
    """`VehicleUplink` around an encoded message: `field` 1 for a `VehicleSample`, 2 for `RangeMeasurements`; length-delimited."""
    length, head = len(message), bytearray([field << 3 | 2])
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + message


def _codes(values: NDArray[np.float64], scale: float, low: int, high: int) -> list[int]:
    codes: list[int] = np.clip(np.rint(values * scale), low, high).astype(np.int64).tolist()
    return codes


def _code(value: float, scale: float, low: int, high: int) -> int:
    return min(max(round(value * scale), low), high)
