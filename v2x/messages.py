"""Decisions as MQTT messages: topic, JSON by the published schemas in `v2x/schemas`, and how each is to be delivered.

Rules:
* Topics are `v2x/v1/{region}/{intersection}/{kind}/...`; every word that is not ours is percent-encoded, so no id can break a topic.
* JSON speaks of degrees, metres and seconds with the unit in the name; positions are WGS84 degrees with 7 digits; NaN becomes null.
* Times are RFC 3339 in UTC, milliseconds in what we write.
* Retained is only what is true until it is replaced: lamp states, arrivals at stops, our own status; never a warning, event or command.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
from numpy.typing import NDArray

from intersections.buses.boards import AGAIN_NS
from intersections.buses.decisions import ActDone, AnswerRefused, ArrivalBoard, BusReport, OrderNews, OrderSent
from intersections.decisions import (
    Cause,
    CorrectedPositions,
    Decision,
    LampCommand,
    Party,
    PriorityAnswer,
    SensorFault,
    Severity,
    SignalEvent,
    SignalReport,
    SpeedAdvices,
    TrackReport,
    Warning,
)
from intersections.samples import PhaseState
from intersections.signals.control import UNBOUNDED_NS, GuardMode
from intersections.signals.priority import RequestStatus
from intersections.signals.spat import MovementEvent, SpatMessage
from positioning.frames import LocalFrame
from positioning.samples import ObjectClass, Verdict
from v2x.dispatch_messages import board_body, news_body, order_body

TOPIC_ROOT = "v2x/v1"
EVERYWHERE = "all"  # stands for the intersection in what concerns a whole process
NOBODY = Cause("", 0)  # time alone

TRACK_VALIDITY_NS = 500_000_000  # five periods of 10 Hz
SIGNAL_VALIDITY_NS = 1_000_000_000  # ten periods of 10 Hz; beyond it a retained state says nothing
EVENT_VALIDITY_NS = 60_000_000_000
BOARD_VALIDITY_NS = 2 * AGAIN_NS
NEVER_NS = 2**63 - 1

CLASS_NAMES = tuple(ObjectClass(number).name for number in range(len(ObjectClass)))
SEVERITY_NAMES = {severity: severity.name for severity in Severity}
PHASE_NAMES = tuple(PhaseState(number).name for number in range(len(PhaseState)))


MODE_NAMES = tuple(GuardMode(number).name for number in range(len(GuardMode)))
PRIORITY_NAMES = tuple(RequestStatus(number).name for number in range(len(RequestStatus)))
# Each vehicle's, controller's or dispatcher's own affair, told on its stream; a bus report is what others make their messages of.
PRIVATE = (CorrectedPositions, LampCommand, SpeedAdvices, ActDone, BusReport)


class MessageKind(StrEnum):
    """The word after the intersection in a topic, the most urgent first."""

    ORDER = "order"
    WARNING = "warning"
    STATUS = "status"
    SIGNAL = "signal"
    EVENT = "event"
    DISPATCH = "dispatch"
    PRIORITY = "priority"
    TRACK = "track"
    ETA = "eta"


@dataclass(frozen=True, slots=True)
class Delivery:
    """`newest_only`: a newer message of the same topic replaces one that still waits."""

    qos: int
    retain: bool
    newest_only: bool


DELIVERY = {
    MessageKind.ORDER: Delivery(qos=1, retain=False, newest_only=False),
    MessageKind.WARNING: Delivery(qos=1, retain=False, newest_only=False),
    MessageKind.STATUS: Delivery(qos=1, retain=True, newest_only=True),
    MessageKind.SIGNAL: Delivery(qos=0, retain=True, newest_only=True),
    MessageKind.EVENT: Delivery(qos=1, retain=False, newest_only=False),
    MessageKind.DISPATCH: Delivery(qos=1, retain=False, newest_only=False),
    MessageKind.PRIORITY: Delivery(qos=1, retain=False, newest_only=True),
    MessageKind.TRACK: Delivery(qos=0, retain=False, newest_only=True),
    MessageKind.ETA: Delivery(qos=0, retain=True, newest_only=True),
}


@dataclass(frozen=True, slots=True)
class Message:
    """After `valid_until_ns` it is not worth sending any more."""

    kind: MessageKind
    topic: str
    payload: bytes
    valid_until_ns: int

    @property
    def delivery(self) -> Delivery:
        return DELIVERY[self.kind]


@lru_cache(maxsize=4096)
def topic_word(text: str) -> str:
    """`text` as one level of a topic that no broker refuses: no space, wildcard, dollar or slash; never empty."""
    return quote(text, safe="") or "-"


def rfc3339_ms(time_ns: int) -> str:
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    return f"{_rfc3339_seconds(seconds)}.{rest_ns // 1_000_000:03d}Z"


def rfc3339_ns(time_ns: int) -> str:
    """To the nanosecond, where the value has to come back as it was."""
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    return f"{_rfc3339_seconds(seconds)}.{rest_ns:09d}Z"


@lru_cache(maxsize=64)
def _rfc3339_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


class MessageEncoder:
    """Decisions of the intersections in `frames` as messages of one region.

    `process` names us beside others at one broker; by default after the first of our intersections, which nobody else serves.
    """

    def __init__(self, region: str, frames: Mapping[str, LocalFrame], process: str = "") -> None:
        self.process = process or min(frames)
        self._region = topic_word(region)
        self._frames = dict(frames)
        self._encoders: dict[type, Callable[[Any], Message]] = {
            Warning: self._warning,
            TrackReport: self._tracks,
            SignalReport: self._signal,
            SensorFault: self._sensor_fault,
            SpatMessage: self._spat,
            PriorityAnswer: self._priority,
            SignalEvent: self._signal_event,
            OrderSent: self._order,
            OrderNews: self._order_news,
            AnswerRefused: self._answer_refused,
            ArrivalBoard: self._board,
        }

    def encode(self, decision: Decision) -> Message:
        """Of any decision but the PRIVATE ones."""
        return self._encoders[type(decision)](decision)

    def topic(self, intersection: str, kind: str, *words: str) -> str:
        return "/".join((TOPIC_ROOT, self._region, topic_word(intersection), kind, *map(topic_word, words)))

    def topic_filter(self, channel: str) -> str:
        """Whatever anybody writes to `channel`, at any intersection of the region."""
        return f"{TOPIC_ROOT}/{self._region}/+/{channel}/#"

    @property
    def client_id(self) -> str:
        """Ours at the broker, the same each time."""
        return f"v2x-{self._region}-{self.process}"

    def status(self, now_ns: int, *, online: bool) -> Message:
        """Who serves which intersections; the offline form is also the last will."""
        body = {
            "id": self.process,
            "created": rfc3339_ms(now_ns),
            "valid_until": None,
            "cause": _cause(NOBODY),
            "state": "ONLINE" if online else "OFFLINE",
            "intersections": sorted(self._frames),
        }
        return _message(MessageKind.STATUS, self.topic(EVERYWHERE, MessageKind.STATUS, self.process), body, NEVER_NS)

    def command_answer(self, intersection: str, author: str, command_id: str, verdict: Verdict, text: str, now_ns: int) -> Message:
        """Tells `author` what became of a command; `text` says why it was refused."""
        kind = "command-taken" if verdict is Verdict.ACCEPTED else "command-refused"
        fields = {"source": author, "subject": command_id, "verdict": verdict.name, "text": text}
        key = f"{kind}-{author}-{now_ns}"
        return self._event(intersection, kind, author, key, now_ns, Cause(author, 0), fields)

    def _warning(self, warning: Warning) -> Message:
        first, second = warning.parties
        place, *positions = self._positions(
            warning.intersection, (warning.east_m, first.east_m, second.east_m), (warning.north_m, first.north_m, second.north_m)
        )
        body = {
            "id": warning.id,
            "created": rfc3339_ms(warning.created_ns),
            "updated": rfc3339_ms(warning.updated_ns),
            "valid_until": rfc3339_ms(warning.valid_until_ns),
            "cause": _cause(warning.cause),
            "intersection": warning.intersection,
            "kind": warning.kind,
            "state": warning.state,
            "severity": SEVERITY_NAMES[warning.severity],
            **place,
            "time_to_conflict_s": round(warning.time_to_conflict_s, 3),
            "post_encroachment_s": round(warning.post_encroachment_s, 3),
            "required_deceleration_mps2": round(warning.required_deceleration_mps2, 2),
            "confidence": round(warning.confidence, 3),
            "parties": [_party(first, positions[0]), _party(second, positions[1])],
        }
        topic = self.topic(warning.intersection, MessageKind.WARNING, warning.kind.lower(), warning.id)
        return _message(MessageKind.WARNING, topic, body, warning.valid_until_ns)

    def _tracks(self, report: TrackReport) -> Message:
        valid_until_ns = report.time_ns + TRACK_VALIDITY_NS
        head = _head(f"{report.intersection}-{report.time_ns // 1_000_000}", report.time_ns, valid_until_ns, NOBODY, report.intersection)
        body = head | {"tracks": self._track_objects(report)}
        return _message(MessageKind.TRACK, self.topic(report.intersection, MessageKind.TRACK), body, valid_until_ns)

    def _track_objects(self, report: TrackReport) -> list[dict[str, Any]]:
        # One list of rows and one dict display each: 100 objects in about 50 us.
        motion = report.motion
        latitudes, longitudes = self._degrees(report.intersection, motion[:, 0], motion[:, 1])
        rest = (motion[:, 2], np.degrees(motion[:, 3]), np.degrees(motion[:, 4]), report.sigma_m, report.size_m)
        rows = np.round(np.column_stack(rest), 2).tolist()
        tracks: list[dict[str, Any]] = [
            {
                "id": track,
                "class": CLASS_NAMES[number],
                "latitude": latitude,
                "longitude": longitude,
                "speed_mps": speed,
                "heading_deg": heading % 360.0,
                "yaw_rate_degps": yaw_rate,
                "accuracy_m": accuracy,
                "length_m": length,
                "width_m": width,
            }
            for track, number, latitude, longitude, (speed, heading, yaw_rate, accuracy, length, width) in zip(
                report.ids.tolist(), report.classes.tolist(), latitudes, longitudes, rows, strict=True
            )
        ]
        for track in tracks if report.vehicles else ():
            vehicle = report.vehicles.get(track["id"])
            if vehicle is not None:
                level_m = report.levels_m.get(track["id"])
                track["vehicle"] = vehicle
                track["source"] = "ROADSIDE" if level_m is None else "FUSION"
                if level_m is not None:
                    track["protection_level_m"] = round(level_m, 2)
        return tracks

    def _signal(self, report: SignalReport) -> Message:
        valid_until_ns = report.time_ns + SIGNAL_VALIDITY_NS
        head = _head(
            f"{report.intersection}-{report.time_ns // 1_000_000}", report.time_ns, valid_until_ns, report.cause, report.intersection
        )
        body = head | {"groups": [{"id": group, "state": PHASE_NAMES[state]} for group, state in report.groups]}
        return _message(MessageKind.SIGNAL, self.topic(report.intersection, MessageKind.SIGNAL), body, valid_until_ns)

    def _spat(self, spat: SpatMessage) -> Message:
        """In the place of `_signal` where the platform rules the lamps: what is shown and what is promised of its end."""
        valid_until_ns = spat.now_ns + SIGNAL_VALIDITY_NS
        body = _head(f"{spat.intersection}-{spat.now_ns // 1_000_000}", spat.now_ns, valid_until_ns, NOBODY, spat.intersection) | {
            "mode": MODE_NAMES[spat.mode],
            "revision": spat.revision,
            "promises_void": spat.void,
            "groups": [_movement_event(event) for event in spat.events],
        }
        return _message(MessageKind.SIGNAL, self.topic(spat.intersection, MessageKind.SIGNAL), body, valid_until_ns)

    def _priority(self, answer: PriorityAnswer) -> Message:
        valid_until_ns = answer.time_ns + EVENT_VALIDITY_NS
        id, cause = f"{answer.intersection}-{answer.vehicle}-{answer.request_id}-{answer.sequence}", Cause(answer.vehicle, answer.sequence)
        body = _head(id, answer.time_ns, valid_until_ns, cause, answer.intersection) | {
            "vehicle": answer.vehicle,
            "request": answer.request_id,
            "sequence": answer.sequence,
            "status": PRIORITY_NAMES[answer.status],
            "text": answer.reason,
        }
        return _message(MessageKind.PRIORITY, self.topic(answer.intersection, MessageKind.PRIORITY, answer.vehicle), body, valid_until_ns)

    def _signal_event(self, event: SignalEvent) -> Message:
        fields = {"source": event.source, "subject": event.subject, "text": event.text}
        return self._event(event.intersection, "lamps", event.source, event.id, event.created_ns, NOBODY, fields)

    def _sensor_fault(self, fault: SensorFault) -> Message:
        fields = {
            "source": fault.source,
            "subject": fault.subject,
            "quantity": fault.quantity,
            "state": "CLEARED" if fault.cleared else "RAISED",
            "text": fault.text,
        }
        return self._event(fault.intersection, "sensor-fault", fault.id, fault.id, fault.created_ns, fault.cause, fields)

    def _order(self, sent: OrderSent) -> Message:
        order = sent.order
        head = _head(order.id, order.issued_ns, order.valid_until_ns, NOBODY, sent.intersection)
        topic = self.topic(sent.intersection, MessageKind.ORDER, order.vehicle)
        return _message(MessageKind.ORDER, topic, head | order_body(sent, rfc3339_ms), order.valid_until_ns)

    def _order_news(self, news: OrderNews) -> Message:
        order, valid_until_ns = news.record.order, news.time_ns + EVENT_VALIDITY_NS
        head = _head(order.id, news.record.changed_ns, valid_until_ns, NOBODY, news.intersection)
        topic = self.topic(news.intersection, MessageKind.DISPATCH, order.line, order.id)
        return _message(MessageKind.DISPATCH, topic, head | news_body(news, rfc3339_ms), valid_until_ns)

    def _board(self, board: ArrivalBoard) -> Message:
        valid_until_ns = board.time_ns + BOARD_VALIDITY_NS
        id = f"{board.intersection}-{board.stop}-{board.line}-{board.time_ns // 1_000_000}"
        head = _head(id, board.time_ns, valid_until_ns, NOBODY, board.intersection)
        topic = self.topic(board.intersection, MessageKind.ETA, board.stop, board.line)
        return _message(MessageKind.ETA, topic, head | board_body(board, rfc3339_ms), valid_until_ns)

    def _answer_refused(self, refused: AnswerRefused) -> Message:
        said, kind = refused.said, "answer-refused"
        fields = {"source": said.vehicle, "subject": f"{said.order} version {said.version}", "text": refused.verdict.value}
        return self._event(
            refused.intersection, kind, said.vehicle, f"{kind}-{said.order}-{refused.time_ns}", refused.time_ns, NOBODY, fields
        )

    def _event(
        self, intersection: str, kind: str, word: str, event_id: str, created_ns: int, cause: Cause, fields: Mapping[str, object]
    ) -> Message:
        valid_until_ns = created_ns + EVENT_VALIDITY_NS
        body = _head(event_id, created_ns, valid_until_ns, cause, intersection) | {"kind": kind, **fields}
        return _message(MessageKind.EVENT, self.topic(intersection, MessageKind.EVENT, kind, word), body, valid_until_ns)

    def _degrees(self, intersection: str, east_m: NDArray[np.float64], north_m: NDArray[np.float64]) -> tuple[list[float], list[float]]:
        latitudes_rad, longitudes_rad = self._frames[intersection].geodetic_from_enu(east_m, north_m)
        return np.round(np.degrees(latitudes_rad), 7).tolist(), np.round(np.degrees(longitudes_rad), 7).tolist()

    def _positions(self, intersection: str, east_m: Sequence[float], north_m: Sequence[float]) -> list[dict[str, float]]:
        """For a few points, where NumPy's calls cost more than Python's."""
        latitudes_rad, longitudes_rad = self._frames[intersection].geodetic_from_enu(east_m, north_m)
        return [
            {"latitude": round(math.degrees(latitude), 7), "longitude": round(math.degrees(longitude), 7)}
            for latitude, longitude in zip(latitudes_rad.tolist(), longitudes_rad.tolist(), strict=True)
        ]


def _message(kind: MessageKind, topic: str, body: Mapping[str, object], valid_until_ns: int) -> Message:
    return Message(kind, topic, orjson.dumps(body), valid_until_ns)


def _head(id: str, created_ns: int, valid_until_ns: int, cause: Cause, intersection: str) -> dict[str, object]:
    times = {"created": rfc3339_ms(created_ns), "valid_until": rfc3339_ms(valid_until_ns)}
    return {"id": id, **times, "cause": _cause(cause), "intersection": intersection}


def _movement_event(event: MovementEvent) -> dict[str, object]:
    described: dict[str, object] = {"id": event.group, "state": PHASE_NAMES[event.state], "since": rfc3339_ms(event.since_ns)}
    timing = event.timing
    if timing is None:
        return described
    described["min_end"] = rfc3339_ms(timing.min_end_ns)
    if timing.max_end_ns < UNBOUNDED_NS:
        described["max_end"] = rfc3339_ms(timing.max_end_ns)
    if timing.likely_ns is not None:
        described["likely_end"] = rfc3339_ms(timing.likely_ns)
        described["likely_from"] = rfc3339_ms(timing.likely_from_ns)
        described["likely_until"] = rfc3339_ms(timing.likely_until_ns)
        described["confidence"] = round(timing.confidence, 2)
    if timing.next_ns is not None:
        described["next_green"] = rfc3339_ms(timing.next_ns)
    return described


def _cause(cause: Cause) -> dict[str, object]:
    return {"station": cause.station or "timer", "sequence": cause.sequence}


def _party(party: Party, position: Mapping[str, float]) -> dict[str, object]:
    described: dict[str, object] = {
        "track": party.track_id,
        "class": CLASS_NAMES[party.object_class],
        **position,
        "speed_mps": round(party.speed_mps, 2),
        "heading_deg": round(math.degrees(party.heading_rad), 2) % 360.0,
    }
    if party.vehicle:
        described["vehicle"] = party.vehicle
    return described
