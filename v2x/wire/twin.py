"""The readable twin of the kernel `v2x._wire`: an RsuFrame from generated code to arrays, one object after the other.

The tests run on both; where they differ, this one is right.
"""

import numpy as np
from google.protobuf.message import DecodeError

from positioning.samples import DETECTION_COLUMNS, Detection, ObjectClass, Verdict
from v2x._wire import MAX_BYTES, MAX_OBJECTS, MAX_SENSORS, ParsedFrame
from v2x.errors import WireError
from v2x.v1.roadside_pb2 import DetectedObject, RsuFrame, SensorStatus
from v2x.wire.scales import DETECTION_SCALES, LOCAL_ID, known, si
from v2x.wire.stamps import stamp_of

LAST_SENSOR_KIND = 4
LAST_SENSOR_HEALTH = 3
FIELDS = {
    Detection.LATITUDE_RAD: "latitude_e7",
    Detection.LONGITUDE_RAD: "longitude_e7",
    Detection.SPEED_MPS: "speed",
    Detection.HEADING_RAD: "heading",
    Detection.ACCELERATION_MPS2: "acceleration",
    Detection.YAW_RATE_RADPS: "yaw_rate",
    Detection.LENGTH_M: "length_cm",
    Detection.WIDTH_M: "width_cm",
    Detection.HEIGHT_M: "height_cm",
    Detection.POSITION_SIGMA_M: "position_accuracy_cm",
    Detection.SPEED_SIGMA_MPS: "speed_accuracy",
    Detection.HEADING_SIGMA_RAD: "heading_accuracy",
    Detection.EXISTENCE: "existence_confidence",
}
POSITION_FIELDS = ("latitude_e7", "longitude_e7")  # without presence: left out is 0


def parse_rsu_frame(payload: bytes, max_objects: int = MAX_OBJECTS, max_bytes: int = MAX_BYTES) -> ParsedFrame:
    """As `v2x.wire.frames.parse_rsu_frame`."""
    if len(payload) > max_bytes:
        raise WireError(Verdict.OVERSIZED, f"{len(payload)} bytes, at most {max_bytes} are taken")
    try:
        frame = RsuFrame.FromString(payload)
    except DecodeError as error:
        raise WireError(Verdict.MALFORMED, str(error)) from error
    for name, count, limit in (("objects", len(frame.objects), max_objects), ("sensors", len(frame.sensors), MAX_SENSORS)):
        if count > limit:
            raise WireError(Verdict.OVERSIZED, f"{count} {name}, at most {limit} are taken")
    kept = [row for item in frame.objects if (row := detection_row(item)) is not None]
    return ParsedFrame(
        station=frame.station_id,
        intersection=frame.intersection_id,
        sequence=frame.sequence,
        stamp=stamp_of(frame.measured),
        sensors=tuple(map(sensor_status, frame.sensors)),
        rows=np.array(kept, dtype=np.float64).reshape(len(kept), DETECTION_COLUMNS),
        left_out=len(frame.objects) - len(kept),
    )


def detection_row(item: DetectedObject) -> list[float] | None:
    """The object in SI units; None where a value is out of its range or the object has no position.

    0° 0° is what an object without coordinates decodes to; no road is there.
    """
    place = (item.latitude_e7, item.longitude_e7)
    if place == (0, 0) or place[0] == DETECTION_SCALES[Detection.LATITUDE_RAD].unavailable:
        return None
    if place[1] == DETECTION_SCALES[Detection.LONGITUDE_RAD].unavailable:
        return None
    try:
        scaled = [si(DETECTION_SCALES[column], field_code(item, name)) for column, name in FIELDS.items()]
        return [*scaled, si(LOCAL_ID, item.local_id), float(known(ObjectClass, item.object_class))]
    except WireError:
        return None


def field_code(item: DetectedObject, name: str) -> int | None:
    if name not in POSITION_FIELDS and not item.HasField(name):
        return None
    raw: int = getattr(item, name)
    return raw


def sensor_status(sensor: SensorStatus) -> tuple[str, int, int]:
    """(id, kind, health), 0 for kinds and states of a newer minor version."""
    kind = sensor.kind if 0 <= sensor.kind <= LAST_SENSOR_KIND else 0
    health = sensor.health if 0 <= sensor.health <= LAST_SENSOR_HEALTH else 0
    return sensor.sensor_id, kind, health
