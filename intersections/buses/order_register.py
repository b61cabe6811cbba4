"""Where orders stand: the open and the ended, who holds which slot, what is still to be told. Each change goes through here.

Rules:
* A record moves by the table `order_rules.NEXT` only; whatever its state implies (slot, telling, awaited) is kept in step with it.
* Open orders are at most `OPEN_MAX`; of the ended the latest `KEPT_ORDERS` are kept (the input log has the rest).
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from intersections.buses.order_effects import UNMEASURED
from intersections.buses.order_rules import ACTIVE, BY_PLATFORM, NEXT, SECOND_NS, Slot, slot_of
from intersections.buses.orders import NEVER_NS, DispatchOrder, Effect, OrderKind, OrderRecord, OrderState, Proposal

OPEN_MAX = 8192  # four for each bus of a large town
KEPT_ORDERS = 20_000  # about a day of it
SEEN_WITHIN_NS = 180 * SECOND_NS  # after an order's end: so late may the stop call come that shows what was done
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class OrderRegister:
    def __init__(self) -> None:
        self.open: dict[str, OrderRecord] = {}
        self.ended: OrderedDict[str, OrderRecord] = OrderedDict()
        self.active: dict[Slot, str] = {}
        self.proposed: dict[Slot, str] = {}
        self.awaited: dict[str, list[str]] = {}  # by vehicle: acknowledged orders of which positions have shown nothing yet
        self.telling_ns: dict[str, int] = {}  # when an order, or its withdrawal, is to be said (again)
        self.granted: dict[str, list[str]] = {}  # orders of priority that are open: which intersections have granted them
        self.news: list[OrderRecord] = []
        self.due_ns = NEVER_NS  # the first end of an open order
        self._run = ""
        self._number = 0

    @property
    def is_full(self) -> bool:
        return len(self.open) >= OPEN_MAX

    def enter(self, order: DispatchOrder, state: OrderState, now_ns: int, proposal: Proposal | None = None) -> OrderRecord:
        self._run = self._run or _base36(now_ns // 1_000_000)
        self._number += 1
        order = replace(order, id=f"{self._run}-{self._number}")
        record = OrderRecord(order, state, now_ns)
        if proposal is not None:
            record = replace(record, why=proposal.why, confidence=proposal.confidence, predicted=proposal.predicted)
        self._claim(record, now_ns)
        return self.store(record, told=True)

    def move(self, record: OrderRecord, state: OrderState, now_ns: int, reason: str = "") -> OrderRecord:
        assert state in NEXT[record.state], f"{record.state.name} -> {state.name}"
        moved = replace(record, state=state, changed_ns=now_ns, reason=reason)
        self._release(record)
        self._claim(moved, now_ns)
        return self.store(moved, told=True)

    def conclude(self, record: OrderRecord, now_ns: int) -> None:
        """An order to the platform is over: it was carried out if any intersection has granted it."""
        granted = self.granted.get(record.order.id)
        state = OrderState.CARRIED_OUT if granted else OrderState.NOT_CARRIED_OUT
        reason = granted_at(granted) if granted else "no intersection granted it"
        self.move(replace(record, counterfactual=UNMEASURED[record.order.kind]), state, now_ns, reason)

    def _claim(self, record: OrderRecord, now_ns: int) -> None:
        """What its new state takes: the slot from whoever held it, a turn to be told, a place among those that are looked for."""
        order, slot = record.order, slot_of(record.order)
        if record.state is OrderState.PROPOSED:
            self._replace(self.proposed, slot, order.id, now_ns)
        elif record.state in ACTIVE:
            self._replace(self.proposed, slot, order.id, now_ns)
            self._replace(self.active, slot, order.id, now_ns)
            del self.proposed[slot]
        if record.state is OrderState.ACCEPTED and order.kind not in BY_PLATFORM:
            self.telling_ns[order.id] = now_ns
        elif record.state is OrderState.ACKNOWLEDGED:
            self.awaited.setdefault(order.vehicle, []).append(order.id)

    def _replace(self, holders: dict[Slot, str], slot: Slot, order: str, now_ns: int) -> None:
        holder = self.open.get(holders.get(slot, ""))
        if holder is not None and holder.order.id != order and (holders is self.proposed or is_active(holder, now_ns)):
            self.move(holder, OrderState.SUPERSEDED, now_ns, f"by {order}")
        holders[slot] = order

    def _release(self, record: OrderRecord) -> None:
        order, slot = record.order, slot_of(record.order)
        for holders in (self.active, self.proposed):
            if holders.get(slot) == order.id:
                del holders[slot]
        self.telling_ns.pop(order.id, None)
        awaited = self.awaited.get(order.vehicle, [])
        if order.id in awaited:
            awaited.remove(order.id)
            if not awaited:
                del self.awaited[order.vehicle]

    def store(self, record: OrderRecord, *, told: bool) -> OrderRecord:
        id = record.order.id
        if record.state in NEXT:
            self.open[id] = record
            self.due_ns = min(self.due_ns, end_ns(record))
        else:
            self.open.pop(id, None)
            self.granted.pop(id, None)
            self.ended[id] = record
            if len(self.ended) > KEPT_ORDERS:
                self.ended.popitem(last=False)
        if told:
            self.news.append(record)
        return record

    def in_slot(self, holders: dict[Slot, str], order: DispatchOrder, now_ns: int) -> OrderRecord | None:
        """The order of that slot that is still valid."""
        record = self.open.get(holders.get(slot_of(order), ""))
        return record if record is not None and record.order.valid_until_ns > now_ns else None

    def end_expired(self, now_ns: int) -> None:
        for record in [one for one in self.open.values() if end_ns(one) <= now_ns]:
            if record.order.kind in BY_PLATFORM and record.state in ACTIVE:
                self.conclude(record, now_ns)
            else:
                state, reason = _ENDS[record.state]
                self.move(record, state, now_ns, reason)
        self.due_ns = min((end_ns(one) for one in self.open.values()), default=NEVER_NS)

    def state(self) -> dict[str, Any]:
        """For JSON; news are told before."""
        return {
            "open": [asdict(one) for one in self.open.values()],
            "ended": [asdict(one) for one in self.ended.values()],
            "active": [[*slot, order] for slot, order in self.active.items()],
            "proposed": [[*slot, order] for slot, order in self.proposed.items()],
            "awaited": self.awaited,
            "telling_ns": self.telling_ns,
            "granted": self.granted,
            "due_ns": self.due_ns,
            "run": self._run,
            "number": self._number,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.open = {one["order"]["id"]: _record(one) for one in state["open"]}
        self.ended = OrderedDict((one["order"]["id"], _record(one)) for one in state["ended"])
        self.active = {(vehicle, use): order for vehicle, use, order in state["active"]}
        self.proposed = {(vehicle, use): order for vehicle, use, order in state["proposed"]}
        self.awaited, self.telling_ns, self.due_ns = state["awaited"], state["telling_ns"], state["due_ns"]
        self.granted = state["granted"]
        self._run, self._number = state["run"], state["number"]


_ENDS = {
    OrderState.PROPOSED: (OrderState.EXPIRED, "nobody accepted it in time"),
    OrderState.ACCEPTED: (OrderState.TIMED_OUT, "it expired before it could be sent"),
    OrderState.SENT: (OrderState.TIMED_OUT, "no answer"),
    OrderState.ACKNOWLEDGED: (OrderState.NOT_CARRIED_OUT, "the positions show nothing of it"),
}


def end_ns(record: OrderRecord) -> int:
    grace_ns = SEEN_WITHIN_NS if record.state is OrderState.ACKNOWLEDGED else 0
    return record.order.valid_until_ns + grace_ns


def is_active(record: OrderRecord, now_ns: int) -> bool:
    return record.state in ACTIVE and now_ns < record.order.valid_until_ns


def granted_at(intersections: Sequence[str]) -> str:
    return f"granted at {', '.join(intersections)}"


def _record(stored: dict[str, Any]) -> OrderRecord:
    order = DispatchOrder(**{**stored["order"], "kind": OrderKind(stored["order"]["kind"])})
    effects = {name: Effect(**stored[name]) if stored[name] is not None else None for name in ("predicted", "measured")}
    return OrderRecord(**{**stored, **effects, "order": order, "state": OrderState(stored["state"])})


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"
