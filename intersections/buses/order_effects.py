"""Whether an order was carried out, and what it was worth, both seen from stop calls and places alone.

Rules:
* A hold is what a bus stood beyond its usual dwell at that stop (the running mean of calls without orders, at first the timetable's), and
  no more than was ordered: the rest is boarding.
* The counterfactual is stated with each effect. For orders that shift a departure: without it the bus would have left `shift_s` earlier,
  the bus before and the bus after it as they did.
* Riders who come evenly, `r` a second at the stops ahead, wait r h^2 / 2 for each headway h (Welding 1957, "The instability of a
  close-interval service"). With h before and g after the bus the shift saved r ((h - shift)^2 + (g + shift)^2 - h^2 - g^2) / 2, which is
  r shift (g - h + shift). Those who sit in a bus at its terminal are among them.
* Where a bus shall not leave before its time, riders know the timetable, as in the prediction: those who would have missed it wait g.
* An effect is known only when the next bus has left the same stop; after `FOLLOWER_WITHIN_S` it never will be.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from intersections.buses.holding import missing
from intersections.buses.network import BusNetwork
from intersections.buses.orders import DispatchOrder, Effect, OrderKind, OrderRecord
from intersections.buses.samples import UNKNOWN_LOAD, BusState, Duty, StopCall

TOLERANCE_S = 15.0  # what the times of stop calls are worth
PUNCTUAL_S = (-30.0, 60.0)  # a driver who leaves so much before and after the time he was told has obeyed
FOLLOWER_WITHIN_S = 3600.0
KEPT_DEPARTURES = 4  # by line, direction and stop
DWELL_WEIGHT = 0.2  # of the newest call

UNMEASURED = {
    OrderKind.SPEED: "not measured: how fast it would have driven without it is not known",
    OrderKind.PRIORITY: "not measured: how the signals would have gone without it is not known",
    OrderKind.INSERT: "not measured: whether another bus would have run the trip is not known",
    OrderKind.CANCEL: "not measured: when the bus and its next trip would have come is not known",
}
NOT_FOLLOWING = "not measured: no bus before it is known"

Place = tuple[str, str, str]  # line, direction, stop: where buses of several patterns serve the same riders
RidersPerS = Callable[[str, int], float]  # pattern, stop: who come each second at the stops from there on


@dataclass(frozen=True, slots=True)
class Departure:
    vehicle: str
    trip: str
    left_s: float


@dataclass(frozen=True, slots=True)
class Pending:
    """An effect that waits for the next bus."""

    order: str
    place: Place
    left_s: float
    headway_s: float
    shift_s: float
    riders_per_s: float
    in_vehicle_s: float
    missed: float | None  # riders who know the timetable and would have missed the bus; None: they come evenly


@dataclass(frozen=True, slots=True)
class Measured:
    order: str
    effect: Effect | None  # None: it will not be known
    counterfactual: str


class Effects:
    """What is remembered of stops for the judgement of orders: bounded by the network and by the open orders."""

    def __init__(self, network: BusNetwork, riders_per_s: RidersPerS) -> None:
        self._network = network
        self._riders_per_s = riders_per_s
        self._left: dict[Place, deque[Departure]] = {}
        self._dwell_s: dict[Place, float] = {}
        self._pending: dict[str, Pending] = {}

    def shift_s(self, order: DispatchOrder, call: StopCall) -> float:
        """How much later the bus left than it would have without the order; nan where that is not known of this kind."""
        shift = _SHIFTS.get(order.kind)
        return float("nan") if shift is None else shift(self, order, call)

    def obeyed(self, order: DispatchOrder, call: StopCall) -> bool:
        """Whether the bus, which has left the stop that the order is about, did what it says."""
        return _OBEYED[order.kind](self, order, call)

    def await_follower(self, record: OrderRecord, call: StopCall) -> list[Measured]:
        """The order was carried out at this call: `leave` tells what it was worth, when the next bus has left; -> what never will be."""
        order, place = record.order, self.place(call)
        shift_s = self.shift_s(order, call)
        before = [one.left_s for one in self._left.get(place, ()) if one.left_s < call.left_s and one.trip != call.trip]
        if not before or not np.isfinite(shift_s):
            return [Measured(order.id, None, UNMEASURED.get(order.kind, NOT_FOLLOWING))]
        predicted_s = record.predicted.in_vehicle_s if record.predicted is not None else 0.0
        in_vehicle_s = predicted_s if call.load == UNKNOWN_LOAD else -call.load * shift_s
        if call.stop == 0:
            in_vehicle_s = 0.0
        riders, headway_s = self._riders_per_s(call.pattern, call.stop), call.left_s - max(before)
        missed = self._missed(call, shift_s, headway_s) if order.kind is OrderKind.DEPART_NOT_BEFORE else None
        self._pending[order.id] = Pending(order.id, place, call.left_s, headway_s, shift_s, riders, in_vehicle_s, missed)
        return []

    def leave(self, call: StopCall, *, ordered: bool) -> list[Measured]:
        """A bus has left a stop; -> the effects that are known by that. `ordered`: it stood there by order."""
        place = self.place(call)
        if not ordered:
            self._dwell_s[place] = self.usual_dwell_s(call) + DWELL_WEIGHT * (call.left_s - call.arrived_s - self.usual_dwell_s(call))
        self._left.setdefault(place, deque(maxlen=KEPT_DEPARTURES)).append(Departure(call.vehicle, call.trip, call.left_s))
        followed = [one for one in self._pending.values() if one.place == place and one.left_s < call.left_s]
        return [self._settle(one, call.left_s - one.left_s) for one in followed]

    def forget(self, now_s: float) -> list[Measured]:
        """Effects that nobody will know any more."""
        lost = [one.order for one in self._pending.values() if now_s - one.left_s > FOLLOWER_WITHIN_S]
        for order in lost:
            del self._pending[order]
        return [Measured(order, None, "not measured: no bus followed") for order in lost]

    def place(self, call: StopCall) -> Place:
        pattern = self._network.patterns[call.pattern]
        return pattern.line, pattern.direction, pattern.stops[call.stop]

    def usual_dwell_s(self, call: StopCall) -> float:
        known = self._dwell_s.get(self.place(call))
        if known is not None:
            return known
        trip = self._network.trips.get(call.trip)
        return float(trip.departure_s[call.stop] - trip.arrival_s[call.stop]) if trip is not None else 0.0

    def planned_departure_s(self, call: StopCall) -> float:
        trip = self._network.trips.get(call.trip)
        return float(trip.departure_s[call.stop]) if trip is not None else float("nan")

    def _missed(self, call: StopCall, shift_s: float, headway_s: float) -> float:
        """Riders of this stop for whom the bus would have been too early without the order, and was not with it."""
        here = self._riders_per_s(call.pattern, call.stop) - self._riders_per_s(call.pattern, call.stop + 1)
        early_s = self.planned_departure_s(call) - call.left_s
        return here * headway_s * (missing(early_s + shift_s) - missing(early_s))

    def _settle(self, one: Pending, gap_s: float) -> Measured:
        del self._pending[one.order]
        text = (
            f"without it the bus would have left {one.shift_s:.0f} s earlier, {one.headway_s - one.shift_s:.0f} s after the one before it"
        )
        if one.missed is None:
            waiting_s = one.riders_per_s * one.shift_s * (gap_s - one.headway_s + one.shift_s)
            text += f" and {gap_s + one.shift_s:.0f} s before the next; riders come evenly, {one.riders_per_s:.3f} a second"
        else:
            waiting_s = one.missed * gap_s
            text += f"; {one.missed:.1f} riders who know the timetable would have missed it and waited {gap_s:.0f} s for the next"
        return Measured(one.order, Effect(round(waiting_s, 1), round(one.in_vehicle_s, 1), round(-one.shift_s, 1)), text)

    def state(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "left": [[list(place), [asdict(one) for one in left]] for place, left in self._left.items()],
            "dwell_s": [[list(place), dwell_s] for place, dwell_s in self._dwell_s.items()],
            "pending": [asdict(one) for one in self._pending.values()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._left = {_place(place): deque((Departure(**one) for one in left), KEPT_DEPARTURES) for place, left in state["left"]}
        self._dwell_s = {_place(place): dwell_s for place, dwell_s in state["dwell_s"]}
        self._pending = {one["order"]: Pending(**{**one, "place": _place(one["place"])}) for one in state["pending"]}


def shows_trip(order: DispatchOrder, state: BusState) -> bool:
    """Of orders that no single call shows: whether the vehicle now does what it was told. A doubted claim to a trip shows nothing."""
    if order.kind is OrderKind.INSERT:
        return state.trip == order.trip and state.duty in (Duty.ON_TRIP, Duty.AT_TERMINAL, Duty.DETOUR)
    return state.trip != order.trip or state.duty is Duty.OFF


def _place(words: list[str]) -> Place:
    line, direction, stop = words
    return line, direction, stop


def _stood_longer(effects: Effects, _order: DispatchOrder, call: StopCall) -> float:
    return max(0.0, call.left_s - call.arrived_s - effects.usual_dwell_s(call))


def _was_held(effects: Effects, order: DispatchOrder, call: StopCall) -> float:
    return min(_stood_longer(effects, order, call), order.value)


def _left_later(effects: Effects, _order: DispatchOrder, call: StopCall) -> float:
    """Than by the timetable, or than at once where the bus came later than that."""
    return call.left_s - max(effects.planned_departure_s(call), call.arrived_s)


def _held(effects: Effects, order: DispatchOrder, call: StopCall) -> bool:
    return _stood_longer(effects, order, call) >= order.value - min(TOLERANCE_S, order.value / 2)


def _left_at(_effects: Effects, order: DispatchOrder, call: StopCall) -> bool:
    return PUNCTUAL_S[0] <= call.left_s - order.value <= PUNCTUAL_S[1]


def _left_not_before(_effects: Effects, order: DispatchOrder, call: StopCall) -> bool:
    return call.left_s >= order.value - TOLERANCE_S


def _came(_effects: Effects, _order: DispatchOrder, _call: StopCall) -> bool:
    """How fast it drove is not seen from calls; that it drove there is."""
    return True


_SHIFTS: dict[OrderKind, Callable[[Effects, DispatchOrder, StopCall], float]] = {
    OrderKind.HOLD: _was_held,
    OrderKind.DEPART_NOT_BEFORE: _stood_longer,
    OrderKind.DEPART_AT: _left_later,
}
_OBEYED: dict[OrderKind, Callable[[Effects, DispatchOrder, StopCall], bool]] = {
    OrderKind.HOLD: _held,
    OrderKind.DEPART_AT: _left_at,
    OrderKind.DEPART_NOT_BEFORE: _left_not_before,
    OrderKind.SPEED: _came,
}
