"""Who asks for priority, what is done about it, and why: bus priority by weight, preemption for emergency vehicles.

The words are those of SAE J2735's signal request (SRM) and signal status (SSM) messages.
Rules:
* A request is served or refused with a named reason, and every refusal is counted. What is refused changes nothing and is kept nowhere.
* Bus priority is a weight in the optimiser, never a command. Preemption is a command to the guard like any other: see `preemption`.
* A requester is held to RATE_HZ however often it asks; one that falls silent for LEASE_NS has withdrawn.
* A dispatcher's order counts as being late, for as long as it is in force and the vehicle in sight. For a vehicle that asks nothing the
  platform asks. Without the order all is at once as if it had never been.
* Time is an argument; nothing here reads a clock or draws a chance.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np

from intersections.signals.approaches import Approaches, Floats, Observation
from intersections.signals.layout import SECOND_NS

RATE_HZ = 2  # requests of one requester that are looked at, sustained; a vehicle sends its request about once a second
BURST = 4
STALE_NS = 2 * SECOND_NS  # a request older than this, or from further in the future, is not believed
LEASE_NS = 10 * SECOND_NS
PRESENCE_NS = 300 * SECOND_NS  # a request that has not passed by then blocks the crossing rather than needing it
RESERVICE_NS = 60 * SECOND_NS  # the same vehicle is served once, not each time it asks anew
ETA_NS = 600 * SECOND_NS
REQUESTS = 256  # live at one intersection; a further one is refused
DRIVER_PERSONS = 1.0
BUS_PERSONS = 50.0  # what a bus that is granted counts for at least; what other figures give: docs/results/service.md
CAPACITY_PERSONS = 200.0  # no bus carries more, whatever it says
MOST_SCALED = 3.0


class RequestKind(IntEnum):
    """J2735 PriorityRequestType."""

    PRIORITY_REQUEST = 1
    PRIORITY_REQUEST_UPDATE = 2
    PRIORITY_CANCELLATION = 3


class RequestStatus(IntEnum):
    """J2735 PrioritizationResponseStatus."""

    UNKNOWN = 0
    REQUESTED = 1
    PROCESSING = 2
    WATCH_OTHER_TRAFFIC = 3
    GRANTED = 4
    REJECTED = 5
    MAX_PRESENCE = 6
    RESERVICE_LOCKED = 7


class Role(IntEnum):
    """J2735 BasicVehicleRole, as far as it may ask for anything."""

    PUBLIC_TRANSPORT = 1
    ROAD_RESCUE = 5
    EMERGENCY = 6
    POLICE = 12
    FIRE = 13
    AMBULANCE = 14
    TRANSIT = 16


PREEMPTING = frozenset({Role.ROAD_RESCUE, Role.EMERGENCY, Role.POLICE, Role.FIRE, Role.AMBULANCE})


class Reason(StrEnum):
    """Why a request stands as it does."""

    ORDERED = "a dispatcher has asked for it"
    LATE = "late or in a gap: more than its persons"
    ON_TIME = "on time: as many persons as it carries, or what any bus counts for"
    EARLY = "ahead of its timetable"
    BUNCHED = "close behind the bus ahead of it"
    PREEMPTS = "its way is being cleared"
    CLEARED = "its way is green"
    FAR = "too far away to act yet"
    OTHER_PREEMPTION = "another preemption came first, or is more urgent"
    UNAUTHORISED = "not entitled to this role"
    MALFORMED = "names no movement here, or has values out of range"
    STALE = "too old, or from the future"
    DUPLICATE = "already received"
    OUT_OF_ORDER = "older than what was received"
    TOO_OFTEN = "asks more often than allowed"
    FULL = "too many requests at this intersection"
    UNKNOWN_REQUEST = "cancels what was never requested"
    CANCELLED = "cancelled by the requester"
    PASSED = "has passed"
    SILENT = "not heard of any more"
    PRESENT_TOO_LONG = "has not passed in the time allowed"
    SERVED_BEFORE = "was served a short while ago"


@dataclass(frozen=True, slots=True)
class PriorityRequest:
    """One SRM at one intersection. `requester` is the vehicle of the observation, `movement` a row of `Approaches.movements`.

    `importance` as in J2735 (0 unknown, 1 to 14); `headway_ratio`: gap to the bus of the line ahead / planned gap; `lateness_s` < 0: early.
    """

    requester: int
    role: Role
    request_id: int
    sequence: int
    kind: RequestKind
    movement: int
    arrival_ns: int
    issued_ns: int
    importance: int = 0
    persons: float = 0.0
    lateness_s: float = 0.0
    headway_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class PriorityResponse:
    """One status of an SSM."""

    requester: int
    request_id: int
    sequence: int
    status: RequestStatus
    reason: Reason


@dataclass(frozen=True, slots=True)
class Condition:
    """A row of the table: holds where the bus is within all three ranges [low, high), and `ordered` only by a dispatcher's order."""

    reason: Reason
    lateness_s: tuple[float, float]
    headway_ratio: tuple[float, float]
    persons: tuple[float, float]
    granted: bool
    ordered: bool = False
    least_late_s: float = 0.0  # counts as late as that


_ANY = (-math.inf, math.inf)
CONDITIONS = (  # the first row that holds decides
    Condition(Reason.ORDERED, _ANY, _ANY, _ANY, granted=True, ordered=True, least_late_s=300.0),
    Condition(Reason.BUNCHED, (-math.inf, 300.0), (-math.inf, 0.4), _ANY, granted=False),
    Condition(Reason.EARLY, (-math.inf, -60.0), (-math.inf, 1.5), _ANY, granted=False),
    Condition(Reason.LATE, (60.0, math.inf), _ANY, _ANY, granted=True),
    Condition(Reason.LATE, _ANY, (1.2, math.inf), _ANY, granted=True),
    Condition(Reason.ON_TIME, _ANY, _ANY, _ANY, granted=True),
)


def condition(request: PriorityRequest, *, ordered: bool = False) -> Condition:
    return next(
        row
        for row in CONDITIONS
        if (ordered or not row.ordered)
        and row.lateness_s[0] <= request.lateness_s < row.lateness_s[1]
        and row.headway_ratio[0] <= request.headway_ratio < row.headway_ratio[1]
        and row.persons[0] <= request.persons < row.persons[1]
    )


def weight(request: PriorityRequest, *, ordered: bool = False) -> float:
    """Persons a bus counts for. Five minutes late counts double, a gap twice the planned one too; a bus that is refused counts its load.

    A gap ahead means people wait for this bus who are not on it yet: that is what lateness and headway stand for. BUS_PERSONS stand for the
    riders of the stops ahead and the bus-hour itself: a bus that has just entered almost empty on its own lane is otherwise outvoted by
    any queue.
    """
    persons = request.persons + DRIVER_PERSONS
    row = condition(request, ordered=ordered)
    if not row.granted:
        return persons
    persons = max(persons, BUS_PERSONS)
    late = 1.0 + min(max(request.lateness_s, row.least_late_s), 300.0) / 300.0
    return persons * min(late * max(request.headway_ratio, 1.0), MOST_SCALED)


@dataclass(slots=True)
class LiveRequest:
    """What is kept of a requester: its latest request, and how it stands."""

    request: PriorityRequest
    first_ns: int
    heard_ns: int
    tokens: float
    status: RequestStatus
    reason: Reason
    seen_m: float = math.inf  # its distance when last observed
    admitted: bool = False  # a preemption that has begun goes on until it ends, however its arrival is put off
    ended_ns: int = -1  # when it passed or withdrew; kept until it may be served again
    ordered: bool = False  # a dispatcher's order is in force, and it was in sight at the last look
    asked: bool = True  # by itself; else by the platform, for a vehicle that is ordered

    @property
    def urgency(self) -> tuple[int, int, int]:
        """Smaller comes first: the more important, then who came first."""
        return (-self.request.importance, self.first_ns, self.request.requester)

    @property
    def is_preempting(self) -> bool:
        return self.request.role in PREEMPTING

    def judge(self) -> None:
        """What it is worth by the table; preemption says so itself."""
        if not self.is_preempting:
            row = condition(self.request, ordered=self.ordered)
            self.status, self.reason = RequestStatus.GRANTED if row.granted else RequestStatus.REJECTED, row.reason

    def end(self, now_ns: int, status: RequestStatus, reason: Reason) -> None:
        self.ended_ns, self.status, self.reason = now_ns, status, reason


PASSED_M = 40.0  # whoever was last seen this near and is seen no more has crossed the stop line
Authority = Callable[[int, Role], bool]


class PriorityServer:
    """Of one intersection. `receive` takes requests in, `observe` ends what has ended, `weights` is the optimiser's."""

    def __init__(self, approaches: Approaches, authority: Authority) -> None:
        self._movements = len(approaches.movements)
        self._authority = authority
        self._live: dict[int, LiveRequest] = {}
        self.counts: Counter[Reason] = Counter()

    def receive(self, requests: Iterable[PriorityRequest], now_ns: int) -> tuple[PriorityResponse, ...]:
        """One answer to each, in order."""
        return tuple(self._answer(request, now_ns) for request in requests)

    def observe(self, seen: Observation | None, now_ns: int, orders: Mapping[int, PriorityRequest] | None = None) -> None:
        """`orders`: what the platform asks for each in sight for whom a dispatcher's order is in force; looked at where `seen` is given."""
        orders = orders or {}
        distance_m = {} if seen is None else dict(zip(seen.vehicle.tolist(), seen.distance_m.tolist(), strict=True))
        for requester, live in list(self._live.items()):
            if live.ended_ns >= 0:
                if now_ns - live.ended_ns >= RESERVICE_NS:
                    del self._live[requester]
                continue
            if seen is not None:
                self._follow(live, distance_m.get(requester), now_ns)
                self._heed(live, ordered=requester in orders)
            if live.ended_ns < 0 and live.asked and now_ns - live.heard_ns > LEASE_NS:
                live.end(now_ns, RequestStatus.UNKNOWN, Reason.SILENT)
            elif live.ended_ns < 0 and now_ns - live.first_ns > PRESENCE_NS:
                live.end(now_ns, RequestStatus.MAX_PRESENCE, Reason.PRESENT_TOO_LONG)
        if seen is not None:
            for requester, request in orders.items():
                self._ask_for(requester, request, now_ns)

    def _heed(self, live: LiveRequest, *, ordered: bool) -> None:
        if live.ended_ns >= 0 or live.ordered == ordered:
            return
        live.ordered = ordered
        live.judge()
        if not live.asked:
            del self._live[live.request.requester]

    def _ask_for(self, requester: int, request: PriorityRequest, now_ns: int) -> None:
        """The platform's request stands in where the vehicle makes none; not for one that has passed or withdrawn its own."""
        live = self._live.get(requester)
        free = live is None or (live.ended_ns >= 0 and live.reason is Reason.SILENT)
        if free and len(self._live) < REQUESTS and self._authority(requester, request.role):
            live = LiveRequest(request, now_ns, now_ns, float(BURST), RequestStatus.REQUESTED, Reason.FAR, ordered=True, asked=False)
            live.judge()
            self._live[requester] = live
            self.counts[live.reason] += 1

    @property
    def granted_orders(self) -> tuple[int, ...]:
        """Who was in sight at the last look, and counts for more by order."""
        return tuple(requester for requester, live in self._live.items() if live.ordered and live.ended_ns < 0 and not live.is_preempting)

    def _follow(self, live: LiveRequest, distance_m: float | None, now_ns: int) -> None:
        if distance_m is not None:
            live.seen_m = distance_m
        elif live.seen_m <= PASSED_M:
            live.end(now_ns, live.status, Reason.PASSED)

    def weights(self, seen: Observation) -> Floats:
        """The observation's weights, those of buses with a live request by `weight`."""
        weights = seen.weight.copy()
        for row in np.flatnonzero(np.isin(seen.vehicle, list(self._live))).tolist() if self._live else ():
            live = self._live[int(seen.vehicle[row])]
            if live.ended_ns < 0 and not live.is_preempting:
                weights[row] = weight(live.request, ordered=live.ordered)
        return weights

    def preemptions(self) -> list[LiveRequest]:
        """The most urgent first."""
        return sorted((live for live in self._live.values() if live.ended_ns < 0 and live.is_preempting), key=lambda live: live.urgency)

    def responses(self) -> tuple[PriorityResponse, ...]:
        """How every request stands that is live or has lately ended: the SSM."""
        return tuple(
            PriorityResponse(live.request.requester, live.request.request_id, live.request.sequence, live.status, live.reason)
            for live in self._live.values()
        )

    def snapshot(self) -> list[dict[str, Any]]:
        """Plain numbers and texts, in the order in which they came."""
        return [asdict(live) | {"reason": live.reason.name} for live in self._live.values()]

    def restore(self, plain: list[dict[str, Any]]) -> None:
        self._live = {}
        for kept in plain:
            asked = kept["request"]
            request = PriorityRequest(**(asked | {"role": Role(asked["role"]), "kind": RequestKind(asked["kind"])}))
            words = {"request": request, "status": RequestStatus(kept["status"]), "reason": Reason[kept["reason"]]}
            self._live[request.requester] = LiveRequest(**(kept | words))

    def _answer(self, request: PriorityRequest, now_ns: int) -> PriorityResponse:
        live = self._live.get(request.requester)
        reason = self._refusal(request, live, now_ns)
        if reason is not None:
            self.counts[reason] += 1
            status = RequestStatus.RESERVICE_LOCKED if reason is Reason.SERVED_BEFORE else RequestStatus.REJECTED
            return PriorityResponse(request.requester, request.request_id, request.sequence, status, reason)
        if live is None or live.ended_ns >= 0 or not live.asked:
            live = LiveRequest(request, now_ns, now_ns, float(BURST), RequestStatus.REQUESTED, Reason.FAR)
            self._live[request.requester] = live
        live.tokens = _tokens(live, now_ns) - 1.0
        live.heard_ns = now_ns
        self._accept(live, request, now_ns)
        self.counts[live.reason] += 1
        return PriorityResponse(request.requester, request.request_id, request.sequence, live.status, live.reason)

    def _accept(self, live: LiveRequest, request: PriorityRequest, now_ns: int) -> None:
        if request.kind is RequestKind.PRIORITY_CANCELLATION:
            live.request = replace(live.request, sequence=request.sequence)
            live.end(now_ns, RequestStatus.UNKNOWN, Reason.CANCELLED)
            return
        live.request = request
        live.judge()

    def _refusal(self, request: PriorityRequest, live: LiveRequest | None, now_ns: int) -> Reason | None:
        """The cheapest checks first: a flood of requests meets one of them."""
        if not self._authority(request.requester, request.role):
            return Reason.UNAUTHORISED
        if not _sound(request, self._movements, now_ns):
            return Reason.MALFORMED
        if abs(now_ns - request.issued_ns) > STALE_NS:
            return Reason.STALE
        if live is None or not live.asked:
            if request.kind is RequestKind.PRIORITY_CANCELLATION:
                return Reason.UNKNOWN_REQUEST
            return Reason.FULL if len(self._live) >= REQUESTS else None
        return self._repeated(request, live, now_ns)

    def _repeated(self, request: PriorityRequest, live: LiveRequest, now_ns: int) -> Reason | None:
        same = request.request_id == live.request.request_id
        ahead = (request.sequence - live.request.sequence) % 128 if same else 1
        if ahead == 0:
            return Reason.DUPLICATE
        if ahead >= 64 or request.issued_ns < live.request.issued_ns:
            return Reason.OUT_OF_ORDER
        if request.kind is RequestKind.PRIORITY_CANCELLATION and not (same and live.ended_ns < 0):
            return Reason.UNKNOWN_REQUEST
        if live.ended_ns >= 0 and live.reason is not Reason.SILENT and request.role not in PREEMPTING:
            return Reason.SERVED_BEFORE
        return Reason.TOO_OFTEN if _tokens(live, now_ns) < 1.0 else None


def _tokens(live: LiveRequest, now_ns: int) -> float:
    return min(float(BURST), live.tokens + RATE_HZ * max(now_ns - live.heard_ns, 0) / SECOND_NS)


def _sound(request: PriorityRequest, movements: int, now_ns: int) -> bool:
    figures = (request.persons, request.lateness_s, request.headway_ratio)
    return (
        0 <= request.movement < movements
        and 0 <= request.request_id < 256
        and 0 <= request.sequence < 128
        and 0 <= request.importance < 15
        and all(map(math.isfinite, figures))
        and 0.0 <= request.persons <= CAPACITY_PERSONS
        and request.headway_ratio >= 0.0
        and -LEASE_NS <= request.arrival_ns - now_ns <= ETA_NS
    )
