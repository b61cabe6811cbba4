from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FindingSeverity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINDING_SEVERITY_UNSPECIFIED: _ClassVar[FindingSeverity]
    FINDING_SEVERITY_GOOD: _ClassVar[FindingSeverity]
    FINDING_SEVERITY_NOTE: _ClassVar[FindingSeverity]
    FINDING_SEVERITY_FAULT: _ClassVar[FindingSeverity]
FINDING_SEVERITY_UNSPECIFIED: FindingSeverity
FINDING_SEVERITY_GOOD: FindingSeverity
FINDING_SEVERITY_NOTE: FindingSeverity
FINDING_SEVERITY_FAULT: FindingSeverity

class CheckStationRequest(_message.Message):
    __slots__ = ("station_id", "duration_ms")
    STATION_ID_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    station_id: str
    duration_ms: int
    def __init__(self, station_id: _Optional[str] = ..., duration_ms: _Optional[int] = ...) -> None: ...

class StationFinding(_message.Message):
    __slots__ = ("topic", "severity", "text")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    topic: str
    severity: FindingSeverity
    text: str
    def __init__(self, topic: _Optional[str] = ..., severity: _Optional[_Union[FindingSeverity, str]] = ..., text: _Optional[str] = ...) -> None: ...
