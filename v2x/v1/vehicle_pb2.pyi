from v2x.v1 import common_pb2 as _common_pb2
from v2x.v1 import signal_pb2 as _signal_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VehicleRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VEHICLE_ROLE_UNSPECIFIED: _ClassVar[VehicleRole]
    VEHICLE_ROLE_PRIVATE: _ClassVar[VehicleRole]
    VEHICLE_ROLE_BUS: _ClassVar[VehicleRole]
    VEHICLE_ROLE_EMERGENCY: _ClassVar[VehicleRole]
    VEHICLE_ROLE_DRIVERLESS: _ClassVar[VehicleRole]
    VEHICLE_ROLE_MAINTENANCE: _ClassVar[VehicleRole]

class FixStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIX_STATUS_UNSPECIFIED: _ClassVar[FixStatus]
    FIX_STATUS_NONE: _ClassVar[FixStatus]
    FIX_STATUS_SINGLE: _ClassVar[FixStatus]
    FIX_STATUS_DIFFERENTIAL: _ClassVar[FixStatus]
    FIX_STATUS_RTK_FLOAT: _ClassVar[FixStatus]
    FIX_STATUS_RTK_FIXED: _ClassVar[FixStatus]
    FIX_STATUS_DEAD_RECKONING: _ClassVar[FixStatus]

class PriorityRequestType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_REQUEST_TYPE_UNSPECIFIED: _ClassVar[PriorityRequestType]
    PRIORITY_REQUEST_TYPE_REQUEST: _ClassVar[PriorityRequestType]
    PRIORITY_REQUEST_TYPE_UPDATE: _ClassVar[PriorityRequestType]
    PRIORITY_REQUEST_TYPE_CANCELLATION: _ClassVar[PriorityRequestType]

class PriorityRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_ROLE_UNSPECIFIED: _ClassVar[PriorityRole]
    PRIORITY_ROLE_PUBLIC_TRANSPORT: _ClassVar[PriorityRole]
    PRIORITY_ROLE_ROAD_RESCUE: _ClassVar[PriorityRole]
    PRIORITY_ROLE_EMERGENCY: _ClassVar[PriorityRole]
    PRIORITY_ROLE_POLICE: _ClassVar[PriorityRole]
    PRIORITY_ROLE_FIRE: _ClassVar[PriorityRole]
    PRIORITY_ROLE_AMBULANCE: _ClassVar[PriorityRole]
    PRIORITY_ROLE_TRANSIT: _ClassVar[PriorityRole]

class Answer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANSWER_UNSPECIFIED: _ClassVar[Answer]
    ANSWER_RECEIVED: _ClassVar[Answer]
    ANSWER_ACCEPTED: _ClassVar[Answer]
    ANSWER_REJECTED: _ClassVar[Answer]
    ANSWER_DONE: _ClassVar[Answer]

class PositionSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POSITION_SOURCE_UNSPECIFIED: _ClassVar[PositionSource]
    POSITION_SOURCE_WHEEL_SPEED: _ClassVar[PositionSource]
    POSITION_SOURCE_STANDSTILL: _ClassVar[PositionSource]
    POSITION_SOURCE_YAW_RATE: _ClassVar[PositionSource]
    POSITION_SOURCE_FIX: _ClassVar[PositionSource]
    POSITION_SOURCE_VELOCITY: _ClassVar[PositionSource]
    POSITION_SOURCE_HEADING: _ClassVar[PositionSource]
    POSITION_SOURCE_RANGE: _ClassVar[PositionSource]
    POSITION_SOURCE_RANGE_DIFFERENCE: _ClassVar[PositionSource]
    POSITION_SOURCE_ANGLE_OF_ARRIVAL: _ClassVar[PositionSource]
    POSITION_SOURCE_ROADSIDE: _ClassVar[PositionSource]
    POSITION_SOURCE_LANE: _ClassVar[PositionSource]
    POSITION_SOURCE_PSEUDORANGE: _ClassVar[PositionSource]

class WarningKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WARNING_KIND_UNSPECIFIED: _ClassVar[WarningKind]
    WARNING_KIND_ICW: _ClassVar[WarningKind]
    WARNING_KIND_FCW: _ClassVar[WarningKind]
    WARNING_KIND_VRUCW: _ClassVar[WarningKind]

class WarningState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WARNING_STATE_UNSPECIFIED: _ClassVar[WarningState]
    WARNING_STATE_RAISED: _ClassVar[WarningState]
    WARNING_STATE_UPDATED: _ClassVar[WarningState]
    WARNING_STATE_CLEARED: _ClassVar[WarningState]

class PriorityState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_STATE_UNSPECIFIED: _ClassVar[PriorityState]
    PRIORITY_STATE_UNKNOWN: _ClassVar[PriorityState]
    PRIORITY_STATE_REQUESTED: _ClassVar[PriorityState]
    PRIORITY_STATE_PROCESSING: _ClassVar[PriorityState]
    PRIORITY_STATE_WATCH_OTHER_TRAFFIC: _ClassVar[PriorityState]
    PRIORITY_STATE_GRANTED: _ClassVar[PriorityState]
    PRIORITY_STATE_REJECTED: _ClassVar[PriorityState]
    PRIORITY_STATE_MAX_PRESENCE: _ClassVar[PriorityState]
    PRIORITY_STATE_RESERVICE_LOCKED: _ClassVar[PriorityState]
VEHICLE_ROLE_UNSPECIFIED: VehicleRole
VEHICLE_ROLE_PRIVATE: VehicleRole
VEHICLE_ROLE_BUS: VehicleRole
VEHICLE_ROLE_EMERGENCY: VehicleRole
VEHICLE_ROLE_DRIVERLESS: VehicleRole
VEHICLE_ROLE_MAINTENANCE: VehicleRole
FIX_STATUS_UNSPECIFIED: FixStatus
FIX_STATUS_NONE: FixStatus
FIX_STATUS_SINGLE: FixStatus
FIX_STATUS_DIFFERENTIAL: FixStatus
FIX_STATUS_RTK_FLOAT: FixStatus
FIX_STATUS_RTK_FIXED: FixStatus
FIX_STATUS_DEAD_RECKONING: FixStatus
PRIORITY_REQUEST_TYPE_UNSPECIFIED: PriorityRequestType
PRIORITY_REQUEST_TYPE_REQUEST: PriorityRequestType
PRIORITY_REQUEST_TYPE_UPDATE: PriorityRequestType
PRIORITY_REQUEST_TYPE_CANCELLATION: PriorityRequestType
PRIORITY_ROLE_UNSPECIFIED: PriorityRole
PRIORITY_ROLE_PUBLIC_TRANSPORT: PriorityRole
PRIORITY_ROLE_ROAD_RESCUE: PriorityRole
PRIORITY_ROLE_EMERGENCY: PriorityRole
PRIORITY_ROLE_POLICE: PriorityRole
PRIORITY_ROLE_FIRE: PriorityRole
PRIORITY_ROLE_AMBULANCE: PriorityRole
PRIORITY_ROLE_TRANSIT: PriorityRole
ANSWER_UNSPECIFIED: Answer
ANSWER_RECEIVED: Answer
ANSWER_ACCEPTED: Answer
ANSWER_REJECTED: Answer
ANSWER_DONE: Answer
POSITION_SOURCE_UNSPECIFIED: PositionSource
POSITION_SOURCE_WHEEL_SPEED: PositionSource
POSITION_SOURCE_STANDSTILL: PositionSource
POSITION_SOURCE_YAW_RATE: PositionSource
POSITION_SOURCE_FIX: PositionSource
POSITION_SOURCE_VELOCITY: PositionSource
POSITION_SOURCE_HEADING: PositionSource
POSITION_SOURCE_RANGE: PositionSource
POSITION_SOURCE_RANGE_DIFFERENCE: PositionSource
POSITION_SOURCE_ANGLE_OF_ARRIVAL: PositionSource
POSITION_SOURCE_ROADSIDE: PositionSource
POSITION_SOURCE_LANE: PositionSource
POSITION_SOURCE_PSEUDORANGE: PositionSource
WARNING_KIND_UNSPECIFIED: WarningKind
WARNING_KIND_ICW: WarningKind
WARNING_KIND_FCW: WarningKind
WARNING_KIND_VRUCW: WarningKind
WARNING_STATE_UNSPECIFIED: WarningState
WARNING_STATE_RAISED: WarningState
WARNING_STATE_UPDATED: WarningState
WARNING_STATE_CLEARED: WarningState
PRIORITY_STATE_UNSPECIFIED: PriorityState
PRIORITY_STATE_UNKNOWN: PriorityState
PRIORITY_STATE_REQUESTED: PriorityState
PRIORITY_STATE_PROCESSING: PriorityState
PRIORITY_STATE_WATCH_OTHER_TRAFFIC: PriorityState
PRIORITY_STATE_GRANTED: PriorityState
PRIORITY_STATE_REJECTED: PriorityState
PRIORITY_STATE_MAX_PRESENCE: PriorityState
PRIORITY_STATE_RESERVICE_LOCKED: PriorityState

class VehicleUplink(_message.Message):
    __slots__ = ("sample", "ranges", "request", "acknowledgement", "priority")
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    sample: VehicleSample
    ranges: RangeMeasurements
    request: VehicleRequest
    acknowledgement: Acknowledgement
    priority: PriorityRequest
    def __init__(self, sample: _Optional[_Union[VehicleSample, _Mapping]] = ..., ranges: _Optional[_Union[RangeMeasurements, _Mapping]] = ..., request: _Optional[_Union[VehicleRequest, _Mapping]] = ..., acknowledgement: _Optional[_Union[Acknowledgement, _Mapping]] = ..., priority: _Optional[_Union[PriorityRequest, _Mapping]] = ...) -> None: ...

class GnssFix(_message.Message):
    __slots__ = ("position", "status", "accuracy_cm", "correction_age_ds", "satellites_used")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_CM_FIELD_NUMBER: _ClassVar[int]
    CORRECTION_AGE_DS_FIELD_NUMBER: _ClassVar[int]
    SATELLITES_USED_FIELD_NUMBER: _ClassVar[int]
    position: _common_pb2.Position
    status: FixStatus
    accuracy_cm: int
    correction_age_ds: int
    satellites_used: int
    def __init__(self, position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., status: _Optional[_Union[FixStatus, str]] = ..., accuracy_cm: _Optional[int] = ..., correction_age_ds: _Optional[int] = ..., satellites_used: _Optional[int] = ...) -> None: ...

class VehicleSample(_message.Message):
    __slots__ = ("temporary_id", "sequence", "measured", "fix", "speed", "heading", "yaw_rate", "acceleration", "brake_applied", "hazard_lights", "stability_control_active", "doors_open", "role", "object_class", "size", "load_persons", "heading_accuracy", "trip_id", "line_id")
    TEMPORARY_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    FIX_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    HEADING_FIELD_NUMBER: _ClassVar[int]
    YAW_RATE_FIELD_NUMBER: _ClassVar[int]
    ACCELERATION_FIELD_NUMBER: _ClassVar[int]
    BRAKE_APPLIED_FIELD_NUMBER: _ClassVar[int]
    HAZARD_LIGHTS_FIELD_NUMBER: _ClassVar[int]
    STABILITY_CONTROL_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    DOORS_OPEN_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_CLASS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LOAD_PERSONS_FIELD_NUMBER: _ClassVar[int]
    HEADING_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    TRIP_ID_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    temporary_id: str
    sequence: int
    measured: _common_pb2.Timestamp
    fix: GnssFix
    speed: int
    heading: int
    yaw_rate: int
    acceleration: int
    brake_applied: bool
    hazard_lights: bool
    stability_control_active: bool
    doors_open: bool
    role: VehicleRole
    object_class: _common_pb2.ObjectClass
    size: _common_pb2.Size
    load_persons: int
    heading_accuracy: int
    trip_id: str
    line_id: str
    def __init__(self, temporary_id: _Optional[str] = ..., sequence: _Optional[int] = ..., measured: _Optional[_Union[_common_pb2.Timestamp, _Mapping]] = ..., fix: _Optional[_Union[GnssFix, _Mapping]] = ..., speed: _Optional[int] = ..., heading: _Optional[int] = ..., yaw_rate: _Optional[int] = ..., acceleration: _Optional[int] = ..., brake_applied: _Optional[bool] = ..., hazard_lights: _Optional[bool] = ..., stability_control_active: _Optional[bool] = ..., doors_open: _Optional[bool] = ..., role: _Optional[_Union[VehicleRole, str]] = ..., object_class: _Optional[_Union[_common_pb2.ObjectClass, str]] = ..., size: _Optional[_Union[_common_pb2.Size, _Mapping]] = ..., load_persons: _Optional[int] = ..., heading_accuracy: _Optional[int] = ..., trip_id: _Optional[str] = ..., line_id: _Optional[str] = ...) -> None: ...

class RangeMeasurements(_message.Message):
    __slots__ = ("temporary_id", "measured", "ranges", "sequence")
    TEMPORARY_ID_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    temporary_id: str
    measured: _common_pb2.Timestamp
    ranges: _containers.RepeatedCompositeFieldContainer[Range]
    sequence: int
    def __init__(self, temporary_id: _Optional[str] = ..., measured: _Optional[_Union[_common_pb2.Timestamp, _Mapping]] = ..., ranges: _Optional[_Iterable[_Union[Range, _Mapping]]] = ..., sequence: _Optional[int] = ...) -> None: ...

class Range(_message.Message):
    __slots__ = ("gnb_id", "range_mm", "accuracy_mm")
    GNB_ID_FIELD_NUMBER: _ClassVar[int]
    RANGE_MM_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_MM_FIELD_NUMBER: _ClassVar[int]
    gnb_id: str
    range_mm: int
    accuracy_mm: int
    def __init__(self, gnb_id: _Optional[str] = ..., range_mm: _Optional[int] = ..., accuracy_mm: _Optional[int] = ...) -> None: ...

class VehicleRequest(_message.Message):
    __slots__ = ("request_id", "position_rate_dhz")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_RATE_DHZ_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    position_rate_dhz: int
    def __init__(self, request_id: _Optional[str] = ..., position_rate_dhz: _Optional[int] = ...) -> None: ...

class PriorityRequest(_message.Message):
    __slots__ = ("temporary_id", "request_id", "sequence", "type", "role", "ingress_lane", "egress_lane", "arrival_ms", "importance", "persons", "lateness_s", "headway_percent")
    TEMPORARY_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    INGRESS_LANE_FIELD_NUMBER: _ClassVar[int]
    EGRESS_LANE_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_MS_FIELD_NUMBER: _ClassVar[int]
    IMPORTANCE_FIELD_NUMBER: _ClassVar[int]
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    LATENESS_S_FIELD_NUMBER: _ClassVar[int]
    HEADWAY_PERCENT_FIELD_NUMBER: _ClassVar[int]
    temporary_id: str
    request_id: int
    sequence: int
    type: PriorityRequestType
    role: PriorityRole
    ingress_lane: str
    egress_lane: str
    arrival_ms: int
    importance: int
    persons: int
    lateness_s: int
    headway_percent: int
    def __init__(self, temporary_id: _Optional[str] = ..., request_id: _Optional[int] = ..., sequence: _Optional[int] = ..., type: _Optional[_Union[PriorityRequestType, str]] = ..., role: _Optional[_Union[PriorityRole, str]] = ..., ingress_lane: _Optional[str] = ..., egress_lane: _Optional[str] = ..., arrival_ms: _Optional[int] = ..., importance: _Optional[int] = ..., persons: _Optional[int] = ..., lateness_s: _Optional[int] = ..., headway_percent: _Optional[int] = ...) -> None: ...

class Acknowledgement(_message.Message):
    __slots__ = ("temporary_id", "about_id", "answer", "reason")
    TEMPORARY_ID_FIELD_NUMBER: _ClassVar[int]
    ABOUT_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    temporary_id: str
    about_id: str
    answer: Answer
    reason: str
    def __init__(self, temporary_id: _Optional[str] = ..., about_id: _Optional[str] = ..., answer: _Optional[_Union[Answer, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class VehicleDownlink(_message.Message):
    __slots__ = ("position", "warning", "advice", "signal", "order", "mode", "priority")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    position: CorrectedPosition
    warning: Warning
    advice: Advice
    signal: _signal_pb2.SignalState
    order: Order
    mode: ModeChange
    priority: PriorityStatus
    def __init__(self, position: _Optional[_Union[CorrectedPosition, _Mapping]] = ..., warning: _Optional[_Union[Warning, _Mapping]] = ..., advice: _Optional[_Union[Advice, _Mapping]] = ..., signal: _Optional[_Union[_signal_pb2.SignalState, _Mapping]] = ..., order: _Optional[_Union[Order, _Mapping]] = ..., mode: _Optional[_Union[ModeChange, _Mapping]] = ..., priority: _Optional[_Union[PriorityStatus, _Mapping]] = ...) -> None: ...

class CorrectedPosition(_message.Message):
    __slots__ = ("time_unix_ns", "position", "speed", "heading", "accuracy_cm", "protection_level_cm", "alert", "sources")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    HEADING_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_CM_FIELD_NUMBER: _ClassVar[int]
    PROTECTION_LEVEL_CM_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    position: _common_pb2.Position
    speed: int
    heading: int
    accuracy_cm: int
    protection_level_cm: int
    alert: bool
    sources: _containers.RepeatedScalarFieldContainer[PositionSource]
    def __init__(self, time_unix_ns: _Optional[int] = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., speed: _Optional[int] = ..., heading: _Optional[int] = ..., accuracy_cm: _Optional[int] = ..., protection_level_cm: _Optional[int] = ..., alert: _Optional[bool] = ..., sources: _Optional[_Iterable[_Union[PositionSource, str]]] = ...) -> None: ...

class Warning(_message.Message):
    __slots__ = ("id", "kind", "state", "created_unix_ns", "valid_until_unix_ns", "severity", "place", "time_to_conflict_ms", "other_class", "other_position")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_CONFLICT_MS_FIELD_NUMBER: _ClassVar[int]
    OTHER_CLASS_FIELD_NUMBER: _ClassVar[int]
    OTHER_POSITION_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: WarningKind
    state: WarningState
    created_unix_ns: int
    valid_until_unix_ns: int
    severity: int
    place: _common_pb2.Position
    time_to_conflict_ms: int
    other_class: _common_pb2.ObjectClass
    other_position: _common_pb2.Position
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[_Union[WarningKind, str]] = ..., state: _Optional[_Union[WarningState, str]] = ..., created_unix_ns: _Optional[int] = ..., valid_until_unix_ns: _Optional[int] = ..., severity: _Optional[int] = ..., place: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., time_to_conflict_ms: _Optional[int] = ..., other_class: _Optional[_Union[_common_pb2.ObjectClass, str]] = ..., other_position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ...) -> None: ...

class Advice(_message.Message):
    __slots__ = ("id", "valid_until_unix_ns", "speed_min", "speed_max", "text", "speed_advised", "arrive_ms", "distance_dm", "intersection_id", "group_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SPEED_MIN_FIELD_NUMBER: _ClassVar[int]
    SPEED_MAX_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SPEED_ADVISED_FIELD_NUMBER: _ClassVar[int]
    ARRIVE_MS_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_DM_FIELD_NUMBER: _ClassVar[int]
    INTERSECTION_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    valid_until_unix_ns: int
    speed_min: int
    speed_max: int
    text: str
    speed_advised: int
    arrive_ms: int
    distance_dm: int
    intersection_id: str
    group_id: str
    def __init__(self, id: _Optional[str] = ..., valid_until_unix_ns: _Optional[int] = ..., speed_min: _Optional[int] = ..., speed_max: _Optional[int] = ..., text: _Optional[str] = ..., speed_advised: _Optional[int] = ..., arrive_ms: _Optional[int] = ..., distance_dm: _Optional[int] = ..., intersection_id: _Optional[str] = ..., group_id: _Optional[str] = ...) -> None: ...

class PriorityStatus(_message.Message):
    __slots__ = ("intersection_id", "request_id", "sequence", "state", "reason")
    INTERSECTION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    intersection_id: str
    request_id: int
    sequence: int
    state: PriorityState
    reason: str
    def __init__(self, intersection_id: _Optional[str] = ..., request_id: _Optional[int] = ..., sequence: _Optional[int] = ..., state: _Optional[_Union[PriorityState, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("id", "version", "valid_until_unix_ns", "kind", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    version: int
    valid_until_unix_ns: int
    kind: str
    text: str
    def __init__(self, id: _Optional[str] = ..., version: _Optional[int] = ..., valid_until_unix_ns: _Optional[int] = ..., kind: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ModeChange(_message.Message):
    __slots__ = ("id", "mode", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    mode: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., mode: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
