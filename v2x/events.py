"""What was decided, as lines of JSON: `{"name", "time", "intersection", ...}`, the rest as in the MQTT message of the decision."""

from collections.abc import Sequence
from typing import Any, BinaryIO

import orjson

from intersections.buses.decisions import AnswerRefused, ArrivalBoard, OrderNews, OrderSent
from intersections.decisions import (
    Decision,
    PriorityAnswer,
    SensorFault,
    SignalEvent,
    SignalReport,
    TrackReport,
    Warning,
)
from intersections.signals.spat import SpatMessage
from v2x.messages import PRIVATE, MessageEncoder, rfc3339_ns

NAMES: dict[type, str] = {
    SignalReport: "SIGNAL",
    TrackReport: "TRACKS",
    SpatMessage: "SPAT",
    PriorityAnswer: "PRIORITY",
    SignalEvent: "SIGNALS",
    OrderSent: "ORDER",
    OrderNews: "DISPATCH",
    ArrivalBoard: "ETA",
    AnswerRefused: "ANSWER_REFUSED",
}


def event_name(decision: Decision) -> str:
    """Of any decision but the PRIVATE ones."""
    match decision:
        case Warning():
            return f"WARNING_{decision.state}"
        case SensorFault():
            return "SENSOR_FAULT_CLEARED" if decision.cleared else "SENSOR_FAULT_RAISED"
    return NAMES[type(decision)]


class EventLines:
    """A `DecisionSink`. `tracks`: the 10 Hz reports and arrivals at stops too; without them a day fits into an editor."""

    def __init__(self, out: BinaryIO, encoder: MessageEncoder, *, tracks: bool = False) -> None:
        self._out = out
        self._encoder = encoder
        self._tracks = tracks

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:
        for decision in decisions:
            if isinstance(decision, PRIVATE):  # the vehicles' and controllers' own affair; tracks and SPaT show what the road needs of it
                continue
            if self._tracks or not isinstance(decision, TrackReport | SpatMessage | ArrivalBoard):
                head: dict[str, Any] = {"name": event_name(decision), "time": rfc3339_ns(now_ns), "intersection": decision.intersection}
                message = orjson.loads(self._encoder.encode(decision).payload)
                self._out.write(orjson.dumps(head | message, option=orjson.OPT_APPEND_NEWLINE))
