"""The buses of one network, one step: positions and what people say in; states, predictions, orders and their news out.

    positions -> places and stop calls -> predictions -> proposals -> orders -> vehicles
                                     \\-> what became of orders        /
                                         answers, dispatchers' acts --

Rules:
* No I/O, no clock, no chance: `serve`, replay and the simulation run this same code.
* What vehicles answer, then what dispatchers do, takes effect before orders are judged by what is seen. Predictions and proposals are
  made every `PERIOD_NS`; orders go out with any step.
* Snapshot and restore cover all that later steps depend on.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from intersections.buses.dispatch import Proposer
from intersections.buses.eta import Predictions
from intersections.buses.matching import Matcher
from intersections.buses.network import BusNetwork
from intersections.buses.order_book import OrderBook
from intersections.buses.order_rules import ENDED
from intersections.buses.ordered_times import as_ordered
from intersections.buses.orders import (
    Acknowledgement,
    ActAnswer,
    ActKind,
    DispatchAct,
    DispatchOrder,
    OrderKind,
    OrderRecord,
    OrderState,
    OrderVerdict,
)
from intersections.buses.plans import LinePlans
from intersections.buses.samples import BusPosition, BusState, Prediction, StopCall

PERIOD_NS = 10_000_000_000
HEADWAY_MOST_S = 4 * 3600.0
FRESH_NS = 300_000_000_000  # a vehicle that is silent for longer is neither predicted nor ordered about
CANCELLED = frozenset({OrderState.ACKNOWLEDGED, OrderState.CARRIED_OUT})
HARMLESS = frozenset({OrderVerdict.TAKEN, OrderVerdict.DUPLICATE})
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class DispatchStep:
    """`orders`: to be sent now. `events`: every change of an order. `states`: of all vehicles heard of lately.

    `predictions`: of this step, () between two periods.
    """

    states: tuple[BusState, ...]
    calls: tuple[StopCall, ...]
    predictions: tuple[Prediction, ...]
    orders: tuple[DispatchOrder, ...]
    events: tuple[OrderRecord, ...]
    answers: tuple[ActAnswer, ...]
    refused: tuple[tuple[Acknowledgement, OrderVerdict], ...]  # what vehicles said and nobody could use
    is_planned: bool  # whether predictions and proposals were made
    verdicts: Counter[Any]


class Dispatcher:
    def __init__(
        self,
        network: BusNetwork,
        matcher: Matcher,
        predictions: Predictions,
        proposer: Proposer,
        plans: LinePlans,
        book: OrderBook | None = None,
    ) -> None:
        self.network = network
        self.book = book or OrderBook(network)
        self.headways_s: dict[str, float] = {}  # by line, as dispatchers have set them
        self._matcher = matcher
        self._predictions = predictions
        self._proposer = proposer
        self._plans = plans
        self.lines = tuple(sorted({pattern.line for pattern in network.patterns.values()}))
        self._states: dict[str, BusState] = {}
        self._due_ns = 0

    @classmethod
    def of(cls, network: BusNetwork, plans: LinePlans, book: OrderBook) -> Self:
        return cls(network, Matcher(network), Predictions(network), Proposer(network), plans, book)

    def step(self, positions: Sequence[BusPosition], commands: Sequence[DispatchAct | Acknowledgement], now_ns: int) -> DispatchStep:
        matched = self._matcher.step(positions, now_ns)
        self._states = {state.vehicle: state for state in matched.states}
        acts = [command for command in commands if isinstance(command, DispatchAct)]
        said = [(command, self.book.acknowledge(command, now_ns)) for command in commands if isinstance(command, Acknowledgement)]
        answers = tuple(_ACTS[act.kind](self, act, now_ns) for act in acts)
        self._predictions.observe(matched.calls)
        self._proposer.observe(matched.calls)
        self.book.see(matched.states, matched.calls, now_ns)
        events = self._events()
        is_planned = now_ns >= self._due_ns
        predictions = self._plan(now_ns) if is_planned else ()
        orders = tuple(self.book.tick(now_ns))
        states, events = tuple(matched.states), (*events, *self._events())
        refused = tuple((one, verdict) for one, verdict in said if verdict not in HARMLESS)
        calls = tuple(matched.calls)
        return DispatchStep(states, calls, predictions, orders, events, answers, refused, is_planned, matched.verdicts)

    def priority_orders(self, now_ns: int) -> dict[str, int]:
        """The vehicles that signals are to let through by order, and how many ride in each, -1 where that is unknown."""
        return self.book.signals.in_force(self._matcher.state, now_ns)

    def next_due_ns(self) -> int:
        """When to step again if nothing arrives."""
        return min(self._due_ns, self.book.next_due_ns())

    def _plan(self, now_ns: int) -> tuple[Prediction, ...]:
        self._due_ns = now_ns + PERIOD_NS
        states = [state for state in self._states.values() if now_ns - state.measured_ns <= FRESH_NS]
        foreseen, standing = self._predictions.predict(states, now_ns), self._proposer.standing(states)
        self.book.propose(self._proposer.propose(states, foreseen, self._plans, now_ns), now_ns)
        return tuple(as_ordered(self.network, foreseen, states, self.book.obeyed(now_ns), standing, now_ns))

    def _events(self) -> tuple[OrderRecord, ...]:
        """Of the orders. A trip is cancelled from the driver's yes on, unless that order ends otherwise."""
        events = tuple(self.book.events())
        for record in events:
            if record.order.kind is not OrderKind.CANCEL:
                continue
            for part in (self._predictions, self._proposer):
                if record.state in CANCELLED:
                    part.cancelled[record.order.trip] = record.order.stop
                elif record.state in ENDED:
                    part.cancelled.pop(record.order.trip, None)
        return events

    def _accept(self, act: DispatchAct, now_ns: int) -> ActAnswer:
        return self._answer(act, self.book.accept(act.order, act.author, now_ns, act.version))

    def _change(self, act: DispatchAct, now_ns: int) -> ActAnswer:
        return self._answer(act, self.book.change(act.order, act.value, act.valid_until_ns, act.author, now_ns, act.version))

    def _decline(self, act: DispatchAct, now_ns: int) -> ActAnswer:
        return self._answer(act, self.book.decline(act.order, act.author, now_ns, act.text))

    def _withdraw(self, act: DispatchAct, now_ns: int) -> ActAnswer:
        return self._answer(act, self.book.withdraw(act.order, act.author, now_ns, act.text))

    def _answer(self, act: DispatchAct, verdict: OrderVerdict) -> ActAnswer:
        record = self.book.record(act.order)
        return ActAnswer(act.id, verdict, act.order, record.order.version if record is not None else 0)

    def _order(self, act: DispatchAct, now_ns: int) -> ActAnswer:
        """By hand; the trip and the stop are the vehicle's present trip and its next stop where the act leaves them open."""
        state = self._states.get(act.vehicle)
        if state is None:
            return ActAnswer(act.id, OrderVerdict.UNKNOWN_VEHICLE)
        trip = act.trip or state.trip
        pattern = self.network.patterns.get(state.pattern)
        wanted = DispatchOrder(
            id="",
            version=1,
            kind=act.order_kind,
            line=act.line or (pattern.line if pattern is not None else ""),
            vehicle=act.vehicle,
            trip=trip,
            stop=act.stop if act.stop >= 0 else state.next_stop,
            value=act.value,
            text=act.text,
            issued_ns=now_ns,
            valid_until_ns=act.valid_until_ns,
            author=act.author,
        )
        verdict, order = self.book.order(wanted, now_ns)
        return ActAnswer(act.id, verdict, order.id, order.version)

    def _set_headway(self, act: DispatchAct, _now_ns: int) -> ActAnswer:
        if act.line not in self.lines:
            return ActAnswer(act.id, OrderVerdict.UNKNOWN_LINE)
        if not 0.0 <= act.value <= HEADWAY_MOST_S:
            return ActAnswer(act.id, OrderVerdict.MALFORMED)
        self._use_headway(act.line, act.value)
        return ActAnswer(act.id, OrderVerdict.TAKEN)

    def _use_headway(self, line: str, headway_s: float) -> None:
        self.headways_s[line] = headway_s
        self._plans = self._plans.with_headway(line, headway_s)

    def _set_mode(self, act: DispatchAct, _now_ns: int) -> ActAnswer:
        if act.line not in self.lines:
            return ActAnswer(act.id, OrderVerdict.UNKNOWN_LINE)
        self.book.set_mode(act.line, act.mode)
        return ActAnswer(act.id, OrderVerdict.TAKEN)

    def snapshot(self) -> Arrays:
        own = {
            "due_ns": self._due_ns,
            "headways_s": self.headways_s,
        }
        parts: dict[str, Arrays] = {
            "matcher": self._matcher.snapshot(),
            "predictions": self._predictions.snapshot(),
            "proposer": self._proposer.snapshot(),
            "book": self.book.snapshot(),
            "step": {"json": np.frombuffer(json.dumps(own, default=np.generic.item).encode(), np.uint8).copy()},
        }
        return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of a dispatcher of the same network and plans."""
        parts: dict[str, Arrays] = {"matcher": {}, "predictions": {}, "proposer": {}, "book": {}, "step": {}}
        for key, array in arrays.items():
            part, name = key.split("/", 1)
            parts[part][name] = array
        self._matcher.restore(parts["matcher"])
        self._predictions.restore(parts["predictions"])
        self._proposer.restore(parts["proposer"])
        self.book.restore(parts["book"])
        own = json.loads(parts["step"]["json"].tobytes())
        self._due_ns = own["due_ns"]
        for line, headway_s in own["headways_s"].items():
            self._use_headway(line, headway_s)


_ACTS: dict[ActKind, Callable[[Dispatcher, DispatchAct, int], ActAnswer]] = {
    ActKind.ACCEPT: Dispatcher._accept,
    ActKind.CHANGE: Dispatcher._change,
    ActKind.DECLINE: Dispatcher._decline,
    ActKind.ORDER: Dispatcher._order,
    ActKind.WITHDRAW: Dispatcher._withdraw,
    ActKind.HEADWAY: Dispatcher._set_headway,
    ActKind.MODE: Dispatcher._set_mode,
}
