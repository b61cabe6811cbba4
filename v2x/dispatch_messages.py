"""Orders to buses, what became of them, and arrivals at stops, as MQTT messages by the schemas `order`, `dispatch` and `eta`.

Rules:
* An order goes to its vehicle's own topic, QoS 1, never retained: who connects later is not to find it. It says until when it is valid,
  and MQTT 3.1.1 does not keep to that: the vehicle has to.
* `text` is what a driver can read as it is; the members say the same for programs.
"""

import math
from collections.abc import Callable

from intersections.buses.decisions import ArrivalBoard, OrderNews, OrderSent
from intersections.buses.orders import DispatchOrder, Effect, OrderKind

SENTENCES: dict[OrderKind, Callable[[OrderSent], str]] = {
    OrderKind.DEPART_AT: lambda sent: f"Depart {_where(sent)} at the time shown.",
    OrderKind.HOLD: lambda sent: f"Wait {sent.order.value:.0f} s longer {_where(sent)}.",
    OrderKind.DEPART_NOT_BEFORE: lambda sent: f"Do not leave {_where(sent)} before the time shown.",
    OrderKind.SPEED: lambda sent: f"Drive about {sent.order.value * 3.6:.0f} km/h until you are {_where(sent)}.",
    OrderKind.INSERT: lambda sent: f"Begin trip {sent.order.trip} {_where(sent)}.",
    OrderKind.CANCEL: lambda sent: f"End trip {sent.order.trip} {_where(sent)}.",
    OrderKind.TEXT: lambda sent: sent.order.text,
}
UNITS = {OrderKind.HOLD: "hold_s", OrderKind.SPEED: "speed_mps"}  # the member that holds `value`


def order_body(sent: OrderSent, rfc3339: Callable[[int], str]) -> dict[str, object]:
    """By the schema `order`, but for the members that all messages have."""
    order = sent.order
    body: dict[str, object] = {
        "version": order.version,
        "kind": order.kind.name,
        "state": "WITHDRAWN" if order.withdrawn else "ACTIVE",
        "vehicle": order.vehicle,
        "line": order.line,
        "trip": order.trip,
        "stop": sent.stop,
        "stop_name": sent.stop_name,
        "author": order.author,
        "text": "No longer wanted." if order.withdrawn else order.text or SENTENCES[order.kind](sent),
    }
    if order.kind in UNITS:
        body[UNITS[order.kind]] = round(order.value, 1)
    if sent.at_ns:
        body["at"] = rfc3339(sent.at_ns)
    return body


def news_body(news: OrderNews, rfc3339: Callable[[int], str]) -> dict[str, object]:
    """By the schema `dispatch`, but for the members that all messages have."""
    record = news.record
    order = record.order
    return {
        "version": order.version,
        "kind": order.kind.name,
        "state": record.state.name,
        "vehicle": order.vehicle,
        "line": order.line,
        "trip": order.trip,
        "stop": order.stop,
        "value": order.value,
        "text": order.text,
        "author": order.author,
        "order_valid_until": rfc3339(order.valid_until_ns),
        "reason": record.reason,
        "why": record.why,
        "confidence": round(record.confidence, 3),
        "predicted": _effect(record.predicted),
        "measured": _effect(record.measured),
        "counterfactual": record.counterfactual,
    }


def board_body(board: ArrivalBoard, rfc3339: Callable[[int], str]) -> dict[str, object]:
    """By the schema `eta`, but for the members that all messages have."""
    arrivals = [
        {
            "trip": one.trip,
            "vehicle": one.vehicle,
            "direction": one.direction,
            "scheduled": rfc3339(one.scheduled_ns),
            "likely": rfc3339(one.likely_ns),
            "likely_from": rfc3339(one.early_ns),
            "likely_until": rfc3339(one.late_ns),
            "predictor": one.predictor.name,
        }
        for one in board.arrivals
    ]
    return {"stop": board.stop, "stop_name": board.stop_name, "line": board.line, "arrivals": arrivals}


def value_text(order: DispatchOrder) -> str:
    """`value` as people read it: seconds, a time of the day, km/h."""
    match order.kind:
        case OrderKind.HOLD:
            return f"{order.value:.0f} s"
        case OrderKind.SPEED:
            return f"{order.value * 3.6:.0f} km/h"
        case OrderKind.DEPART_AT | OrderKind.DEPART_NOT_BEFORE:
            return clock_text(order.value)
    return order.text


def clock_text(day_s: float) -> str:
    """As timetables write it: past midnight the hours go on."""
    minutes, seconds = divmod(round(day_s), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def _where(sent: OrderSent) -> str:
    return f"at {sent.stop_name or sent.stop}" if sent.stop else "here"


def _effect(effect: Effect | None) -> dict[str, float] | None:
    if effect is None or not math.isfinite(effect.total_s):
        return None
    return {
        "waiting_s": round(effect.waiting_s, 1),
        "in_vehicle_s": round(effect.in_vehicle_s, 1),
        "operator_s": round(effect.operator_s, 1),
    }
