from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ObjectClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OBJECT_CLASS_UNSPECIFIED: _ClassVar[ObjectClass]
    OBJECT_CLASS_CAR: _ClassVar[ObjectClass]
    OBJECT_CLASS_BUS: _ClassVar[ObjectClass]
    OBJECT_CLASS_TRUCK: _ClassVar[ObjectClass]
    OBJECT_CLASS_MOTORCYCLE: _ClassVar[ObjectClass]
    OBJECT_CLASS_BICYCLE: _ClassVar[ObjectClass]
    OBJECT_CLASS_PEDESTRIAN: _ClassVar[ObjectClass]
    OBJECT_CLASS_OBSTACLE: _ClassVar[ObjectClass]
    OBJECT_CLASS_VAN: _ClassVar[ObjectClass]
    OBJECT_CLASS_TRAM: _ClassVar[ObjectClass]
    OBJECT_CLASS_ANIMAL: _ClassVar[ObjectClass]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ACCEPTED: _ClassVar[Verdict]
    VERDICT_MALFORMED: _ClassVar[Verdict]
    VERDICT_OUT_OF_RANGE: _ClassVar[Verdict]
    VERDICT_OVERSIZED: _ClassVar[Verdict]
    VERDICT_RATE_LIMITED: _ClassVar[Verdict]
    VERDICT_DUPLICATE: _ClassVar[Verdict]
    VERDICT_STALE: _ClassVar[Verdict]
    VERDICT_CLOCK_JUMP: _ClassVar[Verdict]
    VERDICT_OUT_OF_AREA: _ClassVar[Verdict]
    VERDICT_UNKNOWN_INTERSECTION: _ClassVar[Verdict]
    VERDICT_QUEUE_FULL: _ClassVar[Verdict]
    VERDICT_OUT_OF_GATE: _ClassVar[Verdict]
    VERDICT_UNKNOWN_ANCHOR: _ClassVar[Verdict]
OBJECT_CLASS_UNSPECIFIED: ObjectClass
OBJECT_CLASS_CAR: ObjectClass
OBJECT_CLASS_BUS: ObjectClass
OBJECT_CLASS_TRUCK: ObjectClass
OBJECT_CLASS_MOTORCYCLE: ObjectClass
OBJECT_CLASS_BICYCLE: ObjectClass
OBJECT_CLASS_PEDESTRIAN: ObjectClass
OBJECT_CLASS_OBSTACLE: ObjectClass
OBJECT_CLASS_VAN: ObjectClass
OBJECT_CLASS_TRAM: ObjectClass
OBJECT_CLASS_ANIMAL: ObjectClass
VERDICT_UNSPECIFIED: Verdict
VERDICT_ACCEPTED: Verdict
VERDICT_MALFORMED: Verdict
VERDICT_OUT_OF_RANGE: Verdict
VERDICT_OVERSIZED: Verdict
VERDICT_RATE_LIMITED: Verdict
VERDICT_DUPLICATE: Verdict
VERDICT_STALE: Verdict
VERDICT_CLOCK_JUMP: Verdict
VERDICT_OUT_OF_AREA: Verdict
VERDICT_UNKNOWN_INTERSECTION: Verdict
VERDICT_QUEUE_FULL: Verdict
VERDICT_OUT_OF_GATE: Verdict
VERDICT_UNKNOWN_ANCHOR: Verdict

class VerdictCount(_message.Message):
    __slots__ = ("verdict", "count")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    count: int
    def __init__(self, verdict: _Optional[_Union[Verdict, str]] = ..., count: _Optional[int] = ...) -> None: ...

class Timestamp(_message.Message):
    __slots__ = ("unix_ns", "second_mark_ms", "time_of_week_ms")
    UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SECOND_MARK_MS_FIELD_NUMBER: _ClassVar[int]
    TIME_OF_WEEK_MS_FIELD_NUMBER: _ClassVar[int]
    unix_ns: int
    second_mark_ms: int
    time_of_week_ms: int
    def __init__(self, unix_ns: _Optional[int] = ..., second_mark_ms: _Optional[int] = ..., time_of_week_ms: _Optional[int] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("latitude_e7", "longitude_e7", "height_dm")
    LATITUDE_E7_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_E7_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_DM_FIELD_NUMBER: _ClassVar[int]
    latitude_e7: int
    longitude_e7: int
    height_dm: int
    def __init__(self, latitude_e7: _Optional[int] = ..., longitude_e7: _Optional[int] = ..., height_dm: _Optional[int] = ...) -> None: ...

class Size(_message.Message):
    __slots__ = ("length_cm", "width_cm", "height_cm")
    LENGTH_CM_FIELD_NUMBER: _ClassVar[int]
    WIDTH_CM_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_CM_FIELD_NUMBER: _ClassVar[int]
    length_cm: int
    width_cm: int
    height_cm: int
    def __init__(self, length_cm: _Optional[int] = ..., width_cm: _Optional[int] = ..., height_cm: _Optional[int] = ...) -> None: ...
