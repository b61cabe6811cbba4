"""The life of every dispatch order, from proposal to effect: who may change what, when it ends, what is still to be said to whom.

    proposed -> accepted -> sent -> acknowledged -> carried out, or not          the table is `order_rules.NEXT`

Rules:
* A slot (a driver's, see `order_rules`) holds one active order and one proposal; the newer replaces the older. A proposal never displaces
  what is active: only its own wish with another value does, as that order's next version, and only where the rule had given it.
* After `valid_until_ns` nothing is sent, accepted or acknowledged; what comes late is counted and told, and changes no state.
* What is sent is sent again each `REPEAT_NS`, the same id and version, until the vehicle says anything: the way to it loses messages.
* What a dispatcher declined, or the driver rejected, is not proposed again.
* What signals are asked for is `order_signals`' matter. All is kept, in the bounds of `order_register`.
"""

import json
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import BusNetwork
from intersections.buses.order_effects import UNMEASURED, Effects, Measured, RidersPerS, shows_trip
from intersections.buses.order_register import OrderRegister, is_active
from intersections.buses.order_rules import ACTIVE, ANSWER_SUFFICES, BY_PLATFORM, SECOND_NS, Key, Limits, key_of
from intersections.buses.order_signals import SignalOrders
from intersections.buses.orders import (
    NEVER_NS,
    RULE,
    Acknowledgement,
    Answer,
    DispatchMode,
    DispatchOrder,
    OrderKind,
    OrderRecord,
    OrderState,
    OrderVerdict,
    Proposal,
)
from intersections.buses.samples import BusState, StopCall

DECLINED_MAX = 8192
REPEAT_NS = 20 * SECOND_NS
SAME_WITHIN = 0.1  # of its value, or `SAME_WITHIN_S`: a proposal that differs less is the same one
SAME_WITHIN_S = 5.0
SAME_TIME_S = 20.0  # where the value is a time of day
TIMED = frozenset({OrderKind.DEPART_AT, OrderKind.DEPART_NOT_BEFORE})
UNSENT = frozenset({OrderState.PROPOSED, OrderState.ACCEPTED})
LATE = "; the vehicle: "
V = OrderVerdict


class OrderBook:
    """All orders of one network. `riders_per_s`: see `order_effects`; by default nobody is reckoned to wait."""

    def __init__(self, network: BusNetwork, limits: Limits | None = None, riders_per_s: RidersPerS | None = None) -> None:
        self.limits = limits or Limits()
        self.modes: dict[str, DispatchMode] = dict(self.limits.modes)
        self.verdicts: Counter[tuple[str, OrderVerdict]] = Counter()  # of proposals and answers; for display, not part of the state
        self._network = network
        self._effects = Effects(network, riders_per_s or _nobody)
        self._register = OrderRegister()
        self.signals = SignalOrders(self._register)
        self._unwanted: OrderedDict[Key, None] = OrderedDict()

    # What is known

    def record(self, order: str) -> OrderRecord | None:
        return self._register.open.get(order) or self._register.ended.get(order)

    def open(self) -> list[OrderRecord]:
        return list(self._register.open.values())

    def ended(self) -> list[OrderRecord]:
        """The latest, oldest first."""
        return list(self._register.ended.values())

    def active(self, vehicle: str, now_ns: int) -> list[DispatchOrder]:
        """What the vehicle has to obey now."""
        return [one.order for one in self._register.open.values() if one.order.vehicle == vehicle and is_active(one, now_ns)]

    def obeyed(self, now_ns: int) -> list[DispatchOrder]:
        """What drivers have said yes to and positions have not shown yet."""
        awaited = (self._register.open[order].order for orders in self._register.awaited.values() for order in orders)
        return [order for order in awaited if now_ns < order.valid_until_ns]

    def events(self) -> list[OrderRecord]:
        """Every change since the last call, in order: the record as it was then."""
        news, self._register.news = self._register.news, []
        return news

    def mode(self, line: str) -> DispatchMode:
        return self.modes.get(line, self.limits.mode)

    def set_mode(self, line: str, mode: DispatchMode) -> None:
        """What is proposed already waits for its next proposal."""
        self.modes[line] = mode

    # Proposals

    def propose(self, proposals: Iterable[Proposal], now_ns: int) -> None:
        """Take what the rules of dispatch propose; with lines in automatic mode it becomes orders at once."""
        for proposal in proposals:
            self.verdicts["proposal", self._take(proposal, now_ns)] += 1

    def _take(self, proposal: Proposal, now_ns: int) -> OrderVerdict:
        order = _order_of(proposal, now_ns)
        refusal = self.limits.refusal(order, self._network, now_ns)
        if refusal is not None:
            return refusal
        if key_of(order) in self._unwanted:
            return V.DECLINED_BEFORE
        automatic = self.mode(order.line) is DispatchMode.AUTOMATIC and self.limits.by_rule(order.kind, proposal.confidence)
        active = self._register.in_slot(self._register.active, order, now_ns)
        if active is not None:
            return self._amend(active, proposal, automatic, now_ns)
        record = self._register.in_slot(self._register.proposed, order, now_ns)
        if record is not None and key_of(record.order) == key_of(order):
            record = self._refresh(record, proposal, now_ns)
        else:
            if self._register.is_full:
                return V.FULL
            record = self._register.enter(order, OrderState.PROPOSED, now_ns, proposal)
        if automatic:
            self._register.move(record, OrderState.ACCEPTED, now_ns, f"within the limits of line {order.line}")
        return V.TAKEN

    def _amend(self, record: OrderRecord, proposal: Proposal, automatic: bool, now_ns: int) -> OrderVerdict:  # noqa: FBT001
        """The driver has an order: only the rule's own is changed, and only by the same wish."""
        wished = _order_of(proposal, now_ns)
        if record.order.author != RULE or key_of(record.order) != key_of(wished) or not automatic:
            return V.BUSY
        if _is_same(wished.kind, record.order.value, wished.value):
            return V.DUPLICATE
        self._next_version(record, wished.value, wished.valid_until_ns, RULE, now_ns, "reckoned anew")
        return V.TAKEN

    def _refresh(self, record: OrderRecord, proposal: Proposal, now_ns: int) -> OrderRecord:
        """The same wish again: news only where its value differs."""
        before, same = record.order, _is_same(proposal.kind, record.order.value, proposal.value)
        value, version = (before.value, before.version) if same else (proposal.value, before.version + 1)
        order = replace(before, value=value, version=version, valid_until_ns=proposal.valid_until_ns)
        fresh = replace(record, order=order, why=proposal.why, predicted=proposal.predicted, confidence=proposal.confidence)
        return self._register.store(fresh if same else replace(fresh, changed_ns=now_ns), told=not same)

    # What dispatchers do

    def accept(self, order: str, author: str, now_ns: int, version: int = 0) -> OrderVerdict:
        record = self._register.open.get(order)
        refusal = self._refusal(record, order, version, now_ns, frozenset({OrderState.PROPOSED}))
        if refusal is not None or record is None:
            return refusal or V.UNKNOWN_ORDER
        if self.mode(record.order.line) is DispatchMode.ADVISE:
            return V.ADVISED_ONLY
        self._register.move(
            replace(record, order=replace(record.order, author=author)), OrderState.ACCEPTED, now_ns, f"accepted by {author}"
        )
        return V.TAKEN

    def decline(self, order: str, author: str, now_ns: int, reason: str = "") -> OrderVerdict:
        record = self._register.open.get(order)
        refusal = self._refusal(record, order, 0, now_ns, frozenset({OrderState.PROPOSED}))
        if refusal is not None or record is None:
            return refusal or V.UNKNOWN_ORDER
        self._register.move(record, OrderState.DECLINED, now_ns, _said(author, reason))
        self._remember_unwanted(record.order)
        return V.TAKEN

    def order(self, wanted: DispatchOrder, now_ns: int) -> tuple[OrderVerdict, DispatchOrder]:
        """Give an order by hand: it replaces whatever the driver was told. `wanted` has no id yet."""
        refusal = self.limits.refusal(wanted, self._network, now_ns)
        if refusal is None and self._register.is_full:
            refusal = V.FULL
        if refusal is not None:
            return refusal, wanted
        record = self._register.enter(replace(wanted, version=1, issued_ns=now_ns), OrderState.ACCEPTED, now_ns)
        return V.TAKEN, record.order

    def change(self, order: str, value: float, valid_until_ns: int, author: str, now_ns: int, version: int = 0) -> OrderVerdict:
        """Another value, and another end where `valid_until_ns` is not 0. A proposal is accepted by it, an order sent again."""
        record = self._register.open.get(order)
        refusal = self._refusal(record, order, version, now_ns, ACTIVE | {OrderState.PROPOSED})
        if refusal is not None or record is None:
            return refusal or V.UNKNOWN_ORDER
        end_ns = valid_until_ns or record.order.valid_until_ns
        refusal = self.limits.refusal(replace(record.order, value=value, valid_until_ns=end_ns), self._network, now_ns)
        if refusal is None:
            self._next_version(record, value, end_ns, author, now_ns, f"changed by {author}")
        return refusal or V.TAKEN

    def withdraw(self, order: str, author: str, now_ns: int, reason: str = "") -> OrderVerdict:
        """The vehicle is told so until it answers, or the order would have ended."""
        record = self._register.open.get(order)
        refusal = self._refusal(record, order, 0, now_ns, ACTIVE)
        if refusal is not None or record is None:
            return refusal or V.UNKNOWN_ORDER
        was_sent = record.order.kind not in BY_PLATFORM and (record.state is not OrderState.ACCEPTED or record.order.version > 1)
        last = replace(record.order, version=record.order.version + 1, issued_ns=now_ns, withdrawn=True)
        self._register.move(replace(record, order=last), OrderState.WITHDRAWN, now_ns, _said(author, reason))
        if was_sent:
            self._register.telling_ns[order] = now_ns
        self._remember_unwanted(record.order)
        return V.TAKEN

    # What vehicles say, and what is seen of them

    def acknowledge(self, said: Acknowledgement, now_ns: int) -> OrderVerdict:
        verdict = self._hear(said, now_ns)
        self.verdicts["answer", verdict] += 1
        return verdict

    def _hear(self, said: Acknowledgement, now_ns: int) -> OrderVerdict:
        record = self.record(said.order)
        if record is None:
            return V.UNKNOWN_ORDER
        if said.vehicle != record.order.vehicle:
            return V.NOT_YOURS
        if said.version != record.order.version:
            return V.STALE_VERSION
        if record.state in UNSENT:
            return V.UNKNOWN_ORDER
        self._register.telling_ns.pop(said.order, None)
        if record.order.withdrawn or (said.answer is Answer.RECEIVED and is_active(record, now_ns)):
            return V.TAKEN
        return self._conclude(record, said, now_ns) if is_active(record, now_ns) else self._hear_late(record, said)

    def _conclude(self, record: OrderRecord, said: Acknowledgement, now_ns: int) -> OrderVerdict:
        if said.answer is Answer.REJECTED:
            self._register.move(record, OrderState.REJECTED, now_ns, said.reason or "no reason given")
            self._remember_unwanted(record.order)
            return V.TAKEN
        if record.state is OrderState.ACKNOWLEDGED:
            return V.DUPLICATE
        record = self._register.move(record, OrderState.ACKNOWLEDGED, now_ns, said.reason)
        if record.order.kind in ANSWER_SUFFICES:
            self._register.move(record, OrderState.CARRIED_OUT, now_ns)
        return V.TAKEN

    def _hear_late(self, record: OrderRecord, said: Acknowledgement) -> OrderVerdict:
        """It changes nothing any more; why a vehicle refused what came late is kept."""
        if said.answer is Answer.REJECTED and LATE not in record.reason and record.state is not OrderState.REJECTED:
            self._register.store(replace(record, reason=f"{record.reason}{LATE}{said.reason}"), told=True)
        return V.TOO_LATE

    def see(self, states: Sequence[BusState], calls: Sequence[StopCall], now_ns: int) -> None:
        """Judge orders by where the vehicles are and were."""
        for call in calls:
            if call.stop == len(self._network.patterns[call.pattern].stops) - 1:
                self.signals.end_of_trip(call, now_ns)
                self._see_end(call, now_ns)
            if call.left_s > call.arrived_s or call.left_s == call.arrived_s:  # not nan: it has left
                self._see_call(call, now_ns)
        for state in states:
            self.signals.see(state, now_ns)
            for record in self._awaited_of(state.vehicle):
                if record.order.kind in {OrderKind.INSERT, OrderKind.CANCEL} and shows_trip(record.order, state):
                    self._register.move(record, OrderState.CARRIED_OUT, now_ns, "seen from its positions")
                    self._measure([Measured(record.order.id, None, UNMEASURED[record.order.kind])], now_ns)
        self._measure(self._effects.forget((now_ns - self._network.midnight_ns) / 1e9), now_ns)

    def _see_call(self, call: StopCall, now_ns: int) -> None:
        concerned = [one for one in self._awaited_of(call.vehicle) if one.order.trip in {"", call.trip} and one.order.stop == call.stop]
        for record in concerned:
            if record.order.kind in {OrderKind.INSERT, OrderKind.CANCEL}:  # seen from `states`, and `_see_end`
                continue
            if self._effects.obeyed(record.order, call):
                self._register.move(record, OrderState.CARRIED_OUT, now_ns, _left(call))
                self._measure(self._effects.await_follower(record, call), now_ns)
            else:
                self._register.move(record, OrderState.NOT_CARRIED_OUT, now_ns, _left(call))
        self._measure(self._effects.leave(call, ordered=bool(concerned)), now_ns)

    def _see_end(self, call: StopCall, now_ns: int) -> None:
        """Who comes to the last stop has run the trip: that he is then on another one does not show that it was cancelled."""
        for record in self._awaited_of(call.vehicle):
            if record.order.kind is OrderKind.CANCEL and record.order.trip == call.trip and record.order.stop < call.stop:
                self._register.move(record, OrderState.NOT_CARRIED_OUT, now_ns, "it ran to its last stop")

    def _awaited_of(self, vehicle: str) -> list[OrderRecord]:
        return [self._register.open[order] for order in self._register.awaited.get(vehicle, ())]

    def _measure(self, measured: Iterable[Measured], now_ns: int) -> None:
        for one in measured:
            record = self._register.ended.get(one.order)
            if record is not None:
                fresh = replace(record, measured=one.effect, counterfactual=one.counterfactual, changed_ns=now_ns)
                self._register.store(fresh, told=True)

    # Time

    def tick(self, now_ns: int) -> list[DispatchOrder]:
        """End what has expired; -> what is to be sent to vehicles now, withdrawals among it."""
        if now_ns >= self._register.due_ns:
            self._register.end_expired(now_ns)
        told: list[DispatchOrder] = []
        for order, due_ns in list(self._register.telling_ns.items()):
            record = self.record(order)
            if record is None or record.order.valid_until_ns <= now_ns:
                del self._register.telling_ns[order]
            elif due_ns <= now_ns:
                if record.state is OrderState.ACCEPTED:
                    self._register.move(record, OrderState.SENT, now_ns)
                self._register.telling_ns[order] = now_ns + REPEAT_NS
                told.append(record.order)
        return told

    def next_due_ns(self) -> int:
        """When `tick` has something to do, should nothing happen before."""
        return min(self._register.due_ns, *self._register.telling_ns.values(), NEVER_NS)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        state = {
            "register": self._register.state(),
            "effects": self._effects.state(),
            "modes": self.modes,
            "unwanted": list(self._unwanted),
        }
        return {"json": np.frombuffer(json.dumps(state, default=np.generic.item).encode(), np.uint8).copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of a book of the same network and limits."""
        state = json.loads(arrays["json"].tobytes())
        self._register.restore(state["register"])
        self._effects.restore(state["effects"])
        self.modes = {line: DispatchMode(mode) for line, mode in state["modes"].items()}
        self._unwanted = OrderedDict.fromkeys((OrderKind(kind), vehicle, trip, stop) for kind, vehicle, trip, stop in state["unwanted"])

    # What they have in common

    def _next_version(self, record: OrderRecord, value: float, valid_until_ns: int, author: str, now_ns: int, reason: str) -> None:
        before = record.order
        order = replace(
            before, value=value, valid_until_ns=valid_until_ns, author=author, version=before.version + 1, issued_ns=now_ns, withdrawn=False
        )
        self._register.move(replace(record, order=order), OrderState.ACCEPTED, now_ns, reason)

    def _refusal(
        self, record: OrderRecord | None, order: str, version: int, now_ns: int, states: frozenset[OrderState]
    ) -> OrderVerdict | None:
        if record is None:
            return V.TOO_LATE if order in self._register.ended else V.UNKNOWN_ORDER
        for refused, verdict in (
            (record.state not in states, V.TOO_LATE),
            (record.order.valid_until_ns <= now_ns, V.EXPIRED),
            (version not in {0, record.order.version}, V.STALE_VERSION),
        ):
            if refused:
                return verdict
        return None

    def _remember_unwanted(self, order: DispatchOrder) -> None:
        self._unwanted[key_of(order)] = None
        if len(self._unwanted) > DECLINED_MAX:
            self._unwanted.popitem(last=False)


def _order_of(proposal: Proposal, now_ns: int) -> DispatchOrder:
    return DispatchOrder(
        id="",
        version=1,
        kind=proposal.kind,
        line=proposal.line,
        vehicle=proposal.vehicle,
        trip=proposal.trip,
        stop=proposal.stop,
        value=proposal.value,
        text="",
        issued_ns=now_ns,
        valid_until_ns=proposal.valid_until_ns,
        author=RULE,
    )


def _is_same(kind: OrderKind, before: float, now: float) -> bool:
    return abs(now - before) <= (SAME_TIME_S if kind in TIMED else max(SAME_WITHIN_S, SAME_WITHIN * abs(before)))


def _said(author: str, reason: str) -> str:
    return f"{author}: {reason}" if reason else author


def _left(call: StopCall) -> str:
    return f"stood {call.left_s - call.arrived_s:.0f} s, left at {call.left_s:.0f} s of the day"


def _nobody(_pattern: str, _stop: int) -> float:
    return 0.0
