from v2x.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PhaseState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PHASE_STATE_UNSPECIFIED: _ClassVar[PhaseState]
    PHASE_STATE_DARK: _ClassVar[PhaseState]
    PHASE_STATE_STOP_THEN_PROCEED: _ClassVar[PhaseState]
    PHASE_STATE_STOP_AND_REMAIN: _ClassVar[PhaseState]
    PHASE_STATE_PRE_MOVEMENT: _ClassVar[PhaseState]
    PHASE_STATE_PERMISSIVE_MOVEMENT_ALLOWED: _ClassVar[PhaseState]
    PHASE_STATE_PROTECTED_MOVEMENT_ALLOWED: _ClassVar[PhaseState]
    PHASE_STATE_PERMISSIVE_CLEARANCE: _ClassVar[PhaseState]
    PHASE_STATE_PROTECTED_CLEARANCE: _ClassVar[PhaseState]
    PHASE_STATE_CAUTION_CONFLICTING_TRAFFIC: _ClassVar[PhaseState]

class ControlMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTROL_MODE_UNSPECIFIED: _ClassVar[ControlMode]
    CONTROL_MODE_FLASHING: _ClassVar[ControlMode]
    CONTROL_MODE_ALL_RED: _ClassVar[ControlMode]
    CONTROL_MODE_COMMANDED: _ClassVar[ControlMode]
    CONTROL_MODE_LOCAL: _ClassVar[ControlMode]
    CONTROL_MODE_FAULT: _ClassVar[ControlMode]
PHASE_STATE_UNSPECIFIED: PhaseState
PHASE_STATE_DARK: PhaseState
PHASE_STATE_STOP_THEN_PROCEED: PhaseState
PHASE_STATE_STOP_AND_REMAIN: PhaseState
PHASE_STATE_PRE_MOVEMENT: PhaseState
PHASE_STATE_PERMISSIVE_MOVEMENT_ALLOWED: PhaseState
PHASE_STATE_PROTECTED_MOVEMENT_ALLOWED: PhaseState
PHASE_STATE_PERMISSIVE_CLEARANCE: PhaseState
PHASE_STATE_PROTECTED_CLEARANCE: PhaseState
PHASE_STATE_CAUTION_CONFLICTING_TRAFFIC: PhaseState
CONTROL_MODE_UNSPECIFIED: ControlMode
CONTROL_MODE_FLASHING: ControlMode
CONTROL_MODE_ALL_RED: ControlMode
CONTROL_MODE_COMMANDED: ControlMode
CONTROL_MODE_LOCAL: ControlMode
CONTROL_MODE_FAULT: ControlMode

class SignalGroupState(_message.Message):
    __slots__ = ("group_id", "state", "min_end_ms", "max_end_ms", "likely_end_ms", "likely_from_ms", "likely_until_ms", "likely_confidence", "next_green_ms")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MIN_END_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_END_MS_FIELD_NUMBER: _ClassVar[int]
    LIKELY_END_MS_FIELD_NUMBER: _ClassVar[int]
    LIKELY_FROM_MS_FIELD_NUMBER: _ClassVar[int]
    LIKELY_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    LIKELY_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_GREEN_MS_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    state: PhaseState
    min_end_ms: int
    max_end_ms: int
    likely_end_ms: int
    likely_from_ms: int
    likely_until_ms: int
    likely_confidence: int
    next_green_ms: int
    def __init__(self, group_id: _Optional[str] = ..., state: _Optional[_Union[PhaseState, str]] = ..., min_end_ms: _Optional[int] = ..., max_end_ms: _Optional[int] = ..., likely_end_ms: _Optional[int] = ..., likely_from_ms: _Optional[int] = ..., likely_until_ms: _Optional[int] = ..., likely_confidence: _Optional[int] = ..., next_green_ms: _Optional[int] = ...) -> None: ...

class SignalState(_message.Message):
    __slots__ = ("intersection_id", "sequence", "measured", "groups", "mode", "promises_void", "revision")
    INTERSECTION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PROMISES_VOID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    intersection_id: str
    sequence: int
    measured: _common_pb2.Timestamp
    groups: _containers.RepeatedCompositeFieldContainer[SignalGroupState]
    mode: ControlMode
    promises_void: bool
    revision: int
    def __init__(self, intersection_id: _Optional[str] = ..., sequence: _Optional[int] = ..., measured: _Optional[_Union[_common_pb2.Timestamp, _Mapping]] = ..., groups: _Optional[_Iterable[_Union[SignalGroupState, _Mapping]]] = ..., mode: _Optional[_Union[ControlMode, str]] = ..., promises_void: _Optional[bool] = ..., revision: _Optional[int] = ...) -> None: ...

class SignalCommand(_message.Message):
    __slots__ = ("id", "intersection_id", "valid_until_unix_ns", "groups", "issued_unix_ns", "sequence", "mode")
    ID_FIELD_NUMBER: _ClassVar[int]
    INTERSECTION_ID_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ISSUED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    id: str
    intersection_id: str
    valid_until_unix_ns: int
    groups: _containers.RepeatedCompositeFieldContainer[SignalGroupState]
    issued_unix_ns: int
    sequence: int
    mode: ControlMode
    def __init__(self, id: _Optional[str] = ..., intersection_id: _Optional[str] = ..., valid_until_unix_ns: _Optional[int] = ..., groups: _Optional[_Iterable[_Union[SignalGroupState, _Mapping]]] = ..., issued_unix_ns: _Optional[int] = ..., sequence: _Optional[int] = ..., mode: _Optional[_Union[ControlMode, str]] = ...) -> None: ...
