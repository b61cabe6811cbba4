"""Dispatchers' acts, from generated code to `DispatchAct`; orders as they are shown to them."""

import math
from collections.abc import Callable
from typing import Any, cast

from intersections.buses.orders import ActAnswer, ActKind, DispatchAct, DispatchMode, Effect, OrderKind, OrderRecord, OrderVerdict
from positioning.samples import Verdict
from v2x.errors import WireError
from v2x.v1 import dispatch_pb2

OFFSET = 1  # our enumerations begin at 0, which is unspecified on the wire
MAX_TEXT = 200
MAX_ID = 64
MAX_STOP = 10_000


def dispatch_act(message: dispatch_pb2.DispatchAct, received_ns: int) -> DispatchAct:
    """Raises WireError where the act cannot be read; whether it can be done is decided by the order book."""
    name = message.WhichOneof("act")
    if name is None:
        raise WireError(Verdict.MALFORMED, "an act has to be named")
    kind, fields = _ACTS[name]
    return DispatchAct(id=message.id, kind=kind, author=message.author, received_ns=received_ns, **fields(getattr(message, name)))


def bus_order(record: OrderRecord) -> dispatch_pb2.BusOrder:
    order = record.order
    message = dispatch_pb2.BusOrder(
        id=order.id,
        version=order.version,
        kind=cast("dispatch_pb2.OrderKind", order.kind + OFFSET),
        state=cast("dispatch_pb2.OrderState", record.state + OFFSET),
        line=order.line,
        vehicle=order.vehicle,
        trip=order.trip,
        stop=order.stop,
        value=order.value,
        text=order.text,
        issued_unix_ns=order.issued_ns,
        valid_until_unix_ns=order.valid_until_ns,
        author=order.author,
        changed_unix_ns=record.changed_ns,
        reason=record.reason,
        why=record.why,
        confidence=record.confidence,
        counterfactual=record.counterfactual,
    )
    for name in ("predicted", "measured"):
        effect: Effect | None = getattr(record, name)
        if effect is not None:
            saved = dispatch_pb2.OrderEffect(waiting_s=effect.waiting_s, in_vehicle_s=effect.in_vehicle_s, operator_s=effect.operator_s)
            getattr(message, name).CopyFrom(saved)
    return message


def dispatch_answer(answer: ActAnswer) -> dispatch_pb2.DispatchAnswer:
    taken = answer.verdict is OrderVerdict.TAKEN
    verdict = dispatch_pb2.DISPATCH_VERDICT_TAKEN if taken else dispatch_pb2.DISPATCH_VERDICT_REFUSED
    text = "" if taken else answer.verdict.value
    return dispatch_pb2.DispatchAnswer(verdict=verdict, text=text, order_id=answer.order, version=answer.version)


def line_mode(line: str, mode: DispatchMode, headway_s: float) -> dispatch_pb2.LineMode:
    return dispatch_pb2.LineMode(line=line, mode=cast("dispatch_pb2.DispatchMode", mode + OFFSET), headway_s=headway_s)


def _about(message: Any) -> dict[str, Any]:
    """`order_id`, `version` and `reason` of what has them."""
    about = {"order": _text("order_id", message.order_id, MAX_ID)}
    for name, field in (("version", "version"), ("reason", "text")):
        if name in message.DESCRIPTOR.fields_by_name:
            about[field] = getattr(message, name)
    _text("reason", about.get("text", ""))
    return about


def _change(message: dispatch_pb2.ChangeOrderRequest) -> dict[str, Any]:
    return _about(message) | {"value": _number("value", message.value), "valid_until_ns": message.valid_until_unix_ns}


def _order(message: dispatch_pb2.GiveOrderRequest) -> dict[str, Any]:
    kind = message.kind - OFFSET
    if kind not in OrderKind._value2member_map_ or kind == OrderKind.TEXT:
        raise WireError(Verdict.OUT_OF_RANGE, "kind has to be named; texts are sent by Text")
    if message.stop > MAX_STOP:
        raise WireError(Verdict.OUT_OF_RANGE, f"stop is at most {MAX_STOP}")
    return {
        "order_kind": OrderKind(kind),
        "vehicle": _text("vehicle", message.vehicle, MAX_ID),
        "trip": _text("trip", message.trip),
        "stop": message.stop if message.HasField("stop") else -1,
        "value": _number("value", message.value),
        "valid_until_ns": message.valid_until_unix_ns,
    }


def _words(message: dispatch_pb2.SendTextRequest) -> dict[str, Any]:
    vehicle, text = _text("vehicle", message.vehicle, MAX_ID), _text("text", message.text)
    return {"order_kind": OrderKind.TEXT, "vehicle": vehicle, "text": text, "valid_until_ns": message.valid_until_unix_ns}


def _headway(message: dispatch_pb2.SetHeadwayRequest) -> dict[str, Any]:
    return {"line": _text("line", message.line), "value": _number("headway_s", message.headway_s)}


def _mode(message: dispatch_pb2.SetModeRequest) -> dict[str, Any]:
    mode = message.mode - OFFSET
    if mode not in DispatchMode._value2member_map_:
        raise WireError(Verdict.OUT_OF_RANGE, "mode has to be named")
    return {"line": _text("line", message.line), "mode": DispatchMode(mode)}


def _text(name: str, text: str, most: int = MAX_TEXT) -> str:
    if len(text) > most:
        raise WireError(Verdict.OUT_OF_RANGE, f"{name} has at most {most} characters")
    return text


def _number(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise WireError(Verdict.OUT_OF_RANGE, f"{name} has to be a finite number")
    return value


_ACTS: dict[str, tuple[ActKind, Callable[[Any], dict[str, Any]]]] = {
    "accept": (ActKind.ACCEPT, _about),
    "change": (ActKind.CHANGE, _change),
    "reject": (ActKind.DECLINE, _about),
    "order": (ActKind.ORDER, _order),
    "withdraw": (ActKind.WITHDRAW, _about),
    "text": (ActKind.ORDER, _words),
    "headway": (ActKind.HEADWAY, _headway),
    "mode": (ActKind.MODE, _mode),
}
