"""Orders of priority, which are the signals' and no driver's: for whom one is in force, which intersections grant it, when it is over.

Rules:
* In force from its acceptance until the vehicle has left `stop` or ended its trip, its end, or what replaces or withdraws it; only while
  the vehicle runs the order's trip and is believed to.
* Carried out if an intersection granted it before that. What it was worth is not measured, and that is said.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from intersections.buses.order_register import OrderRegister, granted_at, is_active
from intersections.buses.order_rules import SIGNALS
from intersections.buses.orders import OrderRecord
from intersections.buses.samples import BusState, Duty, StopCall

DRIVING = frozenset({Duty.ON_TRIP, Duty.DETOUR})
GRANTS_MAX = 16  # intersections that are named


class SignalOrders:
    """Of one order book."""

    def __init__(self, register: OrderRegister) -> None:
        self._register = register

    def in_force(self, state_of: Callable[[str], BusState | None], now_ns: int) -> dict[str, int]:
        """By vehicle: how many ride, -1 where that is unknown."""
        states = [state_of(vehicle) for vehicle, slot in self._register.active if slot == SIGNALS]
        return {state.vehicle: state.load for state in states if state is not None and self._is_wanted(state, now_ns)}

    def grant(self, intersection: str, vehicles: Iterable[str], now_ns: int) -> bool:
        """An intersection lets them through as far as it can; -> whether that is news."""
        is_news = False
        for vehicle in vehicles:
            record = self._of(vehicle, now_ns)
            is_news |= record is not None and self._note(record, intersection, now_ns)
        return is_news

    def see(self, state: BusState, now_ns: int) -> None:
        record = self._of(state.vehicle, now_ns)
        if record is not None and record.order.trip in {"", state.trip} and state.next_stop > record.order.stop:
            self._register.conclude(record, now_ns)

    def end_of_trip(self, call: StopCall, now_ns: int) -> None:
        """A bus has reached the last stop of its trip: it is seen on that trip no more."""
        record = self._of(call.vehicle, now_ns)
        if record is not None and record.order.trip in {"", call.trip}:
            self._register.conclude(record, now_ns)

    def _note(self, record: OrderRecord, intersection: str, now_ns: int) -> bool:
        granted = self._register.granted.setdefault(record.order.id, [])
        if intersection in granted or len(granted) >= GRANTS_MAX:
            return False
        granted.append(intersection)
        self._register.store(replace(record, changed_ns=now_ns, reason=granted_at(granted)), told=True)
        return True

    def _is_wanted(self, state: BusState, now_ns: int) -> bool:
        record = self._of(state.vehicle, now_ns)
        if record is None or state.duty not in DRIVING:
            return False
        return record.order.trip in {"", state.trip} and state.next_stop <= record.order.stop

    def _of(self, vehicle: str, now_ns: int) -> OrderRecord | None:
        record = self._register.open.get(self._register.active.get((vehicle, SIGNALS), ""))
        return record if record is not None and is_active(record, now_ns) else None
