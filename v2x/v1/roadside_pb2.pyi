from v2x.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SensorKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SENSOR_KIND_UNSPECIFIED: _ClassVar[SensorKind]
    SENSOR_KIND_CAMERA: _ClassVar[SensorKind]
    SENSOR_KIND_RADAR: _ClassVar[SensorKind]
    SENSOR_KIND_LIDAR: _ClassVar[SensorKind]
    SENSOR_KIND_FUSED: _ClassVar[SensorKind]

class SensorHealth(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SENSOR_HEALTH_UNSPECIFIED: _ClassVar[SensorHealth]
    SENSOR_HEALTH_GOOD: _ClassVar[SensorHealth]
    SENSOR_HEALTH_DEGRADED: _ClassVar[SensorHealth]
    SENSOR_HEALTH_FAILED: _ClassVar[SensorHealth]
SENSOR_KIND_UNSPECIFIED: SensorKind
SENSOR_KIND_CAMERA: SensorKind
SENSOR_KIND_RADAR: SensorKind
SENSOR_KIND_LIDAR: SensorKind
SENSOR_KIND_FUSED: SensorKind
SENSOR_HEALTH_UNSPECIFIED: SensorHealth
SENSOR_HEALTH_GOOD: SensorHealth
SENSOR_HEALTH_DEGRADED: SensorHealth
SENSOR_HEALTH_FAILED: SensorHealth

class RsuFrame(_message.Message):
    __slots__ = ("station_id", "intersection_id", "sequence", "measured", "sensors", "objects")
    STATION_ID_FIELD_NUMBER: _ClassVar[int]
    INTERSECTION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    station_id: str
    intersection_id: str
    sequence: int
    measured: _common_pb2.Timestamp
    sensors: _containers.RepeatedCompositeFieldContainer[SensorStatus]
    objects: _containers.RepeatedCompositeFieldContainer[DetectedObject]
    def __init__(self, station_id: _Optional[str] = ..., intersection_id: _Optional[str] = ..., sequence: _Optional[int] = ..., measured: _Optional[_Union[_common_pb2.Timestamp, _Mapping]] = ..., sensors: _Optional[_Iterable[_Union[SensorStatus, _Mapping]]] = ..., objects: _Optional[_Iterable[_Union[DetectedObject, _Mapping]]] = ...) -> None: ...

class SensorStatus(_message.Message):
    __slots__ = ("sensor_id", "kind", "health")
    SENSOR_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    sensor_id: str
    kind: SensorKind
    health: SensorHealth
    def __init__(self, sensor_id: _Optional[str] = ..., kind: _Optional[_Union[SensorKind, str]] = ..., health: _Optional[_Union[SensorHealth, str]] = ...) -> None: ...

class DetectedObject(_message.Message):
    __slots__ = ("local_id", "object_class", "latitude_e7", "longitude_e7", "speed", "heading", "acceleration", "yaw_rate", "length_cm", "width_cm", "height_cm", "position_accuracy_cm", "speed_accuracy", "heading_accuracy", "existence_confidence")
    LOCAL_ID_FIELD_NUMBER: _ClassVar[int]
    OBJECT_CLASS_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_E7_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_E7_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    HEADING_FIELD_NUMBER: _ClassVar[int]
    ACCELERATION_FIELD_NUMBER: _ClassVar[int]
    YAW_RATE_FIELD_NUMBER: _ClassVar[int]
    LENGTH_CM_FIELD_NUMBER: _ClassVar[int]
    WIDTH_CM_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_CM_FIELD_NUMBER: _ClassVar[int]
    POSITION_ACCURACY_CM_FIELD_NUMBER: _ClassVar[int]
    SPEED_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    HEADING_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    EXISTENCE_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    local_id: int
    object_class: _common_pb2.ObjectClass
    latitude_e7: int
    longitude_e7: int
    speed: int
    heading: int
    acceleration: int
    yaw_rate: int
    length_cm: int
    width_cm: int
    height_cm: int
    position_accuracy_cm: int
    speed_accuracy: int
    heading_accuracy: int
    existence_confidence: int
    def __init__(self, local_id: _Optional[int] = ..., object_class: _Optional[_Union[_common_pb2.ObjectClass, str]] = ..., latitude_e7: _Optional[int] = ..., longitude_e7: _Optional[int] = ..., speed: _Optional[int] = ..., heading: _Optional[int] = ..., acceleration: _Optional[int] = ..., yaw_rate: _Optional[int] = ..., length_cm: _Optional[int] = ..., width_cm: _Optional[int] = ..., height_cm: _Optional[int] = ..., position_accuracy_cm: _Optional[int] = ..., speed_accuracy: _Optional[int] = ..., heading_accuracy: _Optional[int] = ..., existence_confidence: _Optional[int] = ...) -> None: ...

class StationReport(_message.Message):
    __slots__ = ("station_id", "highest_sequence", "frames_accepted", "objects_accepted", "frames_rejected", "objects_rejected", "sequence_gaps", "clock_offset_ns", "advice")
    STATION_ID_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    FRAMES_REJECTED_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_REJECTED_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_GAPS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    station_id: str
    highest_sequence: int
    frames_accepted: int
    objects_accepted: int
    frames_rejected: _containers.RepeatedCompositeFieldContainer[_common_pb2.VerdictCount]
    objects_rejected: _containers.RepeatedCompositeFieldContainer[_common_pb2.VerdictCount]
    sequence_gaps: int
    clock_offset_ns: int
    advice: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, station_id: _Optional[str] = ..., highest_sequence: _Optional[int] = ..., frames_accepted: _Optional[int] = ..., objects_accepted: _Optional[int] = ..., frames_rejected: _Optional[_Iterable[_Union[_common_pb2.VerdictCount, _Mapping]]] = ..., objects_rejected: _Optional[_Iterable[_Union[_common_pb2.VerdictCount, _Mapping]]] = ..., sequence_gaps: _Optional[int] = ..., clock_offset_ns: _Optional[int] = ..., advice: _Optional[_Iterable[str]] = ...) -> None: ...
