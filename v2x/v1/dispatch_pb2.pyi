from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrderKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_KIND_UNSPECIFIED: _ClassVar[OrderKind]
    ORDER_KIND_DEPART_AT: _ClassVar[OrderKind]
    ORDER_KIND_HOLD: _ClassVar[OrderKind]
    ORDER_KIND_DEPART_NOT_BEFORE: _ClassVar[OrderKind]
    ORDER_KIND_SPEED: _ClassVar[OrderKind]
    ORDER_KIND_PRIORITY: _ClassVar[OrderKind]
    ORDER_KIND_INSERT: _ClassVar[OrderKind]
    ORDER_KIND_CANCEL: _ClassVar[OrderKind]
    ORDER_KIND_TEXT: _ClassVar[OrderKind]

class OrderState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_STATE_UNSPECIFIED: _ClassVar[OrderState]
    ORDER_STATE_PROPOSED: _ClassVar[OrderState]
    ORDER_STATE_ACCEPTED: _ClassVar[OrderState]
    ORDER_STATE_SENT: _ClassVar[OrderState]
    ORDER_STATE_ACKNOWLEDGED: _ClassVar[OrderState]
    ORDER_STATE_CARRIED_OUT: _ClassVar[OrderState]
    ORDER_STATE_REJECTED: _ClassVar[OrderState]
    ORDER_STATE_NOT_CARRIED_OUT: _ClassVar[OrderState]
    ORDER_STATE_TIMED_OUT: _ClassVar[OrderState]
    ORDER_STATE_SUPERSEDED: _ClassVar[OrderState]
    ORDER_STATE_WITHDRAWN: _ClassVar[OrderState]
    ORDER_STATE_DECLINED: _ClassVar[OrderState]
    ORDER_STATE_EXPIRED: _ClassVar[OrderState]

class DispatchMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPATCH_MODE_UNSPECIFIED: _ClassVar[DispatchMode]
    DISPATCH_MODE_ADVISE: _ClassVar[DispatchMode]
    DISPATCH_MODE_CONFIRM: _ClassVar[DispatchMode]
    DISPATCH_MODE_AUTOMATIC: _ClassVar[DispatchMode]

class DispatchVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPATCH_VERDICT_UNSPECIFIED: _ClassVar[DispatchVerdict]
    DISPATCH_VERDICT_TAKEN: _ClassVar[DispatchVerdict]
    DISPATCH_VERDICT_REFUSED: _ClassVar[DispatchVerdict]
ORDER_KIND_UNSPECIFIED: OrderKind
ORDER_KIND_DEPART_AT: OrderKind
ORDER_KIND_HOLD: OrderKind
ORDER_KIND_DEPART_NOT_BEFORE: OrderKind
ORDER_KIND_SPEED: OrderKind
ORDER_KIND_PRIORITY: OrderKind
ORDER_KIND_INSERT: OrderKind
ORDER_KIND_CANCEL: OrderKind
ORDER_KIND_TEXT: OrderKind
ORDER_STATE_UNSPECIFIED: OrderState
ORDER_STATE_PROPOSED: OrderState
ORDER_STATE_ACCEPTED: OrderState
ORDER_STATE_SENT: OrderState
ORDER_STATE_ACKNOWLEDGED: OrderState
ORDER_STATE_CARRIED_OUT: OrderState
ORDER_STATE_REJECTED: OrderState
ORDER_STATE_NOT_CARRIED_OUT: OrderState
ORDER_STATE_TIMED_OUT: OrderState
ORDER_STATE_SUPERSEDED: OrderState
ORDER_STATE_WITHDRAWN: OrderState
ORDER_STATE_DECLINED: OrderState
ORDER_STATE_EXPIRED: OrderState
DISPATCH_MODE_UNSPECIFIED: DispatchMode
DISPATCH_MODE_ADVISE: DispatchMode
DISPATCH_MODE_CONFIRM: DispatchMode
DISPATCH_MODE_AUTOMATIC: DispatchMode
DISPATCH_VERDICT_UNSPECIFIED: DispatchVerdict
DISPATCH_VERDICT_TAKEN: DispatchVerdict
DISPATCH_VERDICT_REFUSED: DispatchVerdict

class OrderEffect(_message.Message):
    __slots__ = ("waiting_s", "in_vehicle_s", "operator_s")
    WAITING_S_FIELD_NUMBER: _ClassVar[int]
    IN_VEHICLE_S_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_S_FIELD_NUMBER: _ClassVar[int]
    waiting_s: float
    in_vehicle_s: float
    operator_s: float
    def __init__(self, waiting_s: _Optional[float] = ..., in_vehicle_s: _Optional[float] = ..., operator_s: _Optional[float] = ...) -> None: ...

class BusOrder(_message.Message):
    __slots__ = ("id", "version", "kind", "state", "line", "vehicle", "trip", "stop", "value", "text", "issued_unix_ns", "valid_until_unix_ns", "author", "changed_unix_ns", "reason", "why", "confidence", "predicted", "measured", "counterfactual")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    VEHICLE_FIELD_NUMBER: _ClassVar[int]
    TRIP_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ISSUED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    CHANGED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    COUNTERFACTUAL_FIELD_NUMBER: _ClassVar[int]
    id: str
    version: int
    kind: OrderKind
    state: OrderState
    line: str
    vehicle: str
    trip: str
    stop: int
    value: float
    text: str
    issued_unix_ns: int
    valid_until_unix_ns: int
    author: str
    changed_unix_ns: int
    reason: str
    why: str
    confidence: float
    predicted: OrderEffect
    measured: OrderEffect
    counterfactual: str
    def __init__(self, id: _Optional[str] = ..., version: _Optional[int] = ..., kind: _Optional[_Union[OrderKind, str]] = ..., state: _Optional[_Union[OrderState, str]] = ..., line: _Optional[str] = ..., vehicle: _Optional[str] = ..., trip: _Optional[str] = ..., stop: _Optional[int] = ..., value: _Optional[float] = ..., text: _Optional[str] = ..., issued_unix_ns: _Optional[int] = ..., valid_until_unix_ns: _Optional[int] = ..., author: _Optional[str] = ..., changed_unix_ns: _Optional[int] = ..., reason: _Optional[str] = ..., why: _Optional[str] = ..., confidence: _Optional[float] = ..., predicted: _Optional[_Union[OrderEffect, _Mapping]] = ..., measured: _Optional[_Union[OrderEffect, _Mapping]] = ..., counterfactual: _Optional[str] = ...) -> None: ...

class ListOrdersRequest(_message.Message):
    __slots__ = ("line", "vehicle", "ended")
    LINE_FIELD_NUMBER: _ClassVar[int]
    VEHICLE_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    line: str
    vehicle: str
    ended: int
    def __init__(self, line: _Optional[str] = ..., vehicle: _Optional[str] = ..., ended: _Optional[int] = ...) -> None: ...

class LineMode(_message.Message):
    __slots__ = ("line", "mode", "headway_s")
    LINE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    HEADWAY_S_FIELD_NUMBER: _ClassVar[int]
    line: str
    mode: DispatchMode
    headway_s: float
    def __init__(self, line: _Optional[str] = ..., mode: _Optional[_Union[DispatchMode, str]] = ..., headway_s: _Optional[float] = ...) -> None: ...

class ListOrdersResponse(_message.Message):
    __slots__ = ("orders", "lines")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[BusOrder]
    lines: _containers.RepeatedCompositeFieldContainer[LineMode]
    def __init__(self, orders: _Optional[_Iterable[_Union[BusOrder, _Mapping]]] = ..., lines: _Optional[_Iterable[_Union[LineMode, _Mapping]]] = ...) -> None: ...

class WatchOrdersRequest(_message.Message):
    __slots__ = ("line",)
    LINE_FIELD_NUMBER: _ClassVar[int]
    line: str
    def __init__(self, line: _Optional[str] = ...) -> None: ...

class AcceptOrderRequest(_message.Message):
    __slots__ = ("order_id", "version")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    version: int
    def __init__(self, order_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ChangeOrderRequest(_message.Message):
    __slots__ = ("order_id", "version", "value", "valid_until_unix_ns")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    version: int
    value: float
    valid_until_unix_ns: int
    def __init__(self, order_id: _Optional[str] = ..., version: _Optional[int] = ..., value: _Optional[float] = ..., valid_until_unix_ns: _Optional[int] = ...) -> None: ...

class RejectOrderRequest(_message.Message):
    __slots__ = ("order_id", "reason")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    reason: str
    def __init__(self, order_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class GiveOrderRequest(_message.Message):
    __slots__ = ("kind", "vehicle", "trip", "stop", "value", "valid_until_unix_ns")
    KIND_FIELD_NUMBER: _ClassVar[int]
    VEHICLE_FIELD_NUMBER: _ClassVar[int]
    TRIP_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    kind: OrderKind
    vehicle: str
    trip: str
    stop: int
    value: float
    valid_until_unix_ns: int
    def __init__(self, kind: _Optional[_Union[OrderKind, str]] = ..., vehicle: _Optional[str] = ..., trip: _Optional[str] = ..., stop: _Optional[int] = ..., value: _Optional[float] = ..., valid_until_unix_ns: _Optional[int] = ...) -> None: ...

class WithdrawOrderRequest(_message.Message):
    __slots__ = ("order_id", "reason")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    reason: str
    def __init__(self, order_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SendTextRequest(_message.Message):
    __slots__ = ("vehicle", "text", "valid_until_unix_ns")
    VEHICLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    vehicle: str
    text: str
    valid_until_unix_ns: int
    def __init__(self, vehicle: _Optional[str] = ..., text: _Optional[str] = ..., valid_until_unix_ns: _Optional[int] = ...) -> None: ...

class SetHeadwayRequest(_message.Message):
    __slots__ = ("line", "headway_s")
    LINE_FIELD_NUMBER: _ClassVar[int]
    HEADWAY_S_FIELD_NUMBER: _ClassVar[int]
    line: str
    headway_s: float
    def __init__(self, line: _Optional[str] = ..., headway_s: _Optional[float] = ...) -> None: ...

class SetModeRequest(_message.Message):
    __slots__ = ("line", "mode")
    LINE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    line: str
    mode: DispatchMode
    def __init__(self, line: _Optional[str] = ..., mode: _Optional[_Union[DispatchMode, str]] = ...) -> None: ...

class DispatchAnswer(_message.Message):
    __slots__ = ("verdict", "text", "order_id", "version")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    verdict: DispatchVerdict
    text: str
    order_id: str
    version: int
    def __init__(self, verdict: _Optional[_Union[DispatchVerdict, str]] = ..., text: _Optional[str] = ..., order_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class DispatchAct(_message.Message):
    __slots__ = ("id", "author", "accept", "change", "reject", "order", "withdraw", "text", "headway", "mode")
    ID_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    REJECT_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    HEADWAY_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    id: str
    author: str
    accept: AcceptOrderRequest
    change: ChangeOrderRequest
    reject: RejectOrderRequest
    order: GiveOrderRequest
    withdraw: WithdrawOrderRequest
    text: SendTextRequest
    headway: SetHeadwayRequest
    mode: SetModeRequest
    def __init__(self, id: _Optional[str] = ..., author: _Optional[str] = ..., accept: _Optional[_Union[AcceptOrderRequest, _Mapping]] = ..., change: _Optional[_Union[ChangeOrderRequest, _Mapping]] = ..., reject: _Optional[_Union[RejectOrderRequest, _Mapping]] = ..., order: _Optional[_Union[GiveOrderRequest, _Mapping]] = ..., withdraw: _Optional[_Union[WithdrawOrderRequest, _Mapping]] = ..., text: _Optional[_Union[SendTextRequest, _Mapping]] = ..., headway: _Optional[_Union[SetHeadwayRequest, _Mapping]] = ..., mode: _Optional[_Union[SetModeRequest, _Mapping]] = ...) -> None: ...
