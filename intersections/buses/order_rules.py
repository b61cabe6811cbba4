"""What an order may be: the table of its states, what a driver can be told at the same time, and the limits of each kind.

Rules:
* A driver has one order at a time (his slot); texts come beside, and so does what the platform itself does (priority): that is in force
  as soon as it is accepted, is sent to nobody, and ends carried out or not.
* An order that could not be carried out before it expires is none.
* Limits hold for rule and dispatcher alike.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from intersections.buses.network import BusNetwork
from intersections.buses.orders import DispatchMode, DispatchOrder, OrderKind, OrderState, OrderVerdict

SECOND_NS = 1_000_000_000
DAY_END_S = 48 * 3600.0  # GTFS times run past midnight, never past a second one
MAX_VALIDITY_NS = 4 * 3600 * SECOND_NS  # longer than any trip of a town
MAX_TEXT = 200
SPEEDS_MPS = (2.0, 30.0)

S = OrderState
NEXT: dict[OrderState, frozenset[OrderState]] = {
    S.PROPOSED: frozenset({S.ACCEPTED, S.DECLINED, S.EXPIRED, S.SUPERSEDED}),
    S.ACCEPTED: frozenset(  # to itself: changed; carried out or not: by the platform
        {S.ACCEPTED, S.SENT, S.SUPERSEDED, S.WITHDRAWN, S.TIMED_OUT, S.CARRIED_OUT, S.NOT_CARRIED_OUT}
    ),
    S.SENT: frozenset({S.ACCEPTED, S.ACKNOWLEDGED, S.REJECTED, S.SUPERSEDED, S.WITHDRAWN, S.TIMED_OUT}),
    S.ACKNOWLEDGED: frozenset({S.ACCEPTED, S.CARRIED_OUT, S.NOT_CARRIED_OUT, S.REJECTED, S.SUPERSEDED, S.WITHDRAWN}),
}
ENDED = frozenset(S) - frozenset(NEXT)
ACTIVE = frozenset({S.ACCEPTED, S.SENT, S.ACKNOWLEDGED})  # the driver obeys it, or will when he hears of it

BY_PLATFORM = frozenset({OrderKind.PRIORITY})  # no driver hears of it
BESIDE = BY_PLATFORM | {OrderKind.TEXT}  # contradict nothing
ANSWER_SUFFICES = frozenset({OrderKind.TEXT})  # carried out as soon as it is acknowledged: positions show nothing of it
SIGNALS = "signals"  # the slot of what signals are asked for

Slot = tuple[str, str]  # of two orders in one slot the newer replaces the older
Key = tuple[OrderKind, str, str, int]  # the same wish, with whatever value


def slot_of(order: DispatchOrder) -> Slot:
    match order.kind:
        case OrderKind.TEXT:
            return order.vehicle, order.id
        case OrderKind.PRIORITY:
            return order.vehicle, SIGNALS
    return order.vehicle, ""


def key_of(order: DispatchOrder) -> Key:
    return order.kind, order.vehicle, order.trip, order.stop


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be ordered at all, and what a line in automatic mode may order without being asked."""

    hold_most_s: float = 60.0  # at a stop on the way
    respace_most_s: float = 600.0  # a departure, against the timetable; a hold at the terminal
    automatic_kinds: frozenset[OrderKind] = frozenset(
        {OrderKind.DEPART_AT, OrderKind.HOLD, OrderKind.DEPART_NOT_BEFORE, OrderKind.SPEED, OrderKind.PRIORITY}
    )
    automatic_confidence: float = 0.5
    modes: dict[str, DispatchMode] = field(default_factory=dict)  # by line, at the start
    mode: DispatchMode = DispatchMode.CONFIRM  # of all other lines

    def refusal(self, order: DispatchOrder, network: BusNetwork, now_ns: int) -> OrderVerdict | None:
        """Why this cannot be ordered; None: it can."""
        if not now_ns < order.valid_until_ns:
            return OrderVerdict.EXPIRED
        if not order.vehicle or order.valid_until_ns > now_ns + MAX_VALIDITY_NS or not math.isfinite(order.value) or order.stop < 0:
            return OrderVerdict.MALFORMED
        return _REFUSALS[order.kind](self, order, network)

    def by_rule(self, kind: OrderKind, confidence: float) -> bool:
        """Whether a line in automatic mode orders this without being asked."""
        return kind in self.automatic_kinds and confidence >= self.automatic_confidence


def _departure(limits: Limits, order: DispatchOrder, network: BusNetwork) -> OrderVerdict | None:
    trip = network.trips.get(order.trip)
    if trip is None or order.stop >= len(trip.departure_s) or not _in_time(order, network):
        return OrderVerdict.MALFORMED
    moved_s = order.value - float(trip.departure_s[order.stop])
    if order.kind is OrderKind.DEPART_NOT_BEFORE:
        return OrderVerdict.OVER_LIMIT if moved_s > limits.hold_most_s else None
    return OrderVerdict.OVER_LIMIT if abs(moved_s) > limits.respace_most_s else None


def _in_time(order: DispatchOrder, network: BusNetwork) -> bool:
    return 0.0 <= order.value <= DAY_END_S and network.midnight_ns + round(order.value * SECOND_NS) <= order.valid_until_ns


def _hold(limits: Limits, order: DispatchOrder, _network: BusNetwork) -> OrderVerdict | None:
    if order.value <= 0.0:
        return OrderVerdict.MALFORMED
    return OrderVerdict.OVER_LIMIT if order.value > (limits.hold_most_s if order.stop else limits.respace_most_s) else None


def _speed(_limits: Limits, order: DispatchOrder, _network: BusNetwork) -> OrderVerdict | None:
    return None if SPEEDS_MPS[0] <= order.value <= SPEEDS_MPS[1] else OrderVerdict.OVER_LIMIT


def _trip(_limits: Limits, order: DispatchOrder, network: BusNetwork) -> OrderVerdict | None:
    return None if order.trip in network.trips else OrderVerdict.MALFORMED


def _text(_limits: Limits, order: DispatchOrder, _network: BusNetwork) -> OrderVerdict | None:
    return None if 0 < len(order.text) <= MAX_TEXT else OrderVerdict.MALFORMED


def _anything(_limits: Limits, _order: DispatchOrder, _network: BusNetwork) -> OrderVerdict | None:
    return None


_REFUSALS: dict[OrderKind, Callable[[Limits, DispatchOrder, BusNetwork], OrderVerdict | None]] = {
    OrderKind.DEPART_AT: _departure,
    OrderKind.HOLD: _hold,
    OrderKind.DEPART_NOT_BEFORE: _departure,
    OrderKind.SPEED: _speed,
    OrderKind.PRIORITY: _anything,
    OrderKind.INSERT: _trip,
    OrderKind.CANCEL: _trip,
    OrderKind.TEXT: _text,
}
