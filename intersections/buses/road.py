"""The buses of one network as the road sees them: one more member of its pipeline, stepped by the same rules as an intersection.

Rules:
* Samples of a batch take effect in their order; people's words before positions (`step`).
* What a vehicle answers is refused by name where it does not fit, and the vehicle is told; nothing it says raises.
* The report of states and predictions is told each period, with the boards at stops that it changes; orders and their news at once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.boards import Boards
from intersections.buses.decisions import ActDone, AnswerRefused, BusReport, DispatchDecision, OrderNews, OrderSent
from intersections.buses.orders import Acknowledgement, Answer, DispatchAct, DispatchOrder, OrderKind
from intersections.buses.samples import BusPosition, BusPositions, StopCall
from intersections.buses.step import Dispatcher
from intersections.samples import CommandKind, CommandSample, Sample

TIMED = frozenset({OrderKind.DEPART_AT, OrderKind.DEPART_NOT_BEFORE})
BOARDS = "boards/"  # what their arrays of a snapshot begin with
CALLS = "road/calls"
CALLS_MAX = 65_536  # kept for the next report


class BusRoad:
    def __init__(self, id: str, dispatcher: Dispatcher) -> None:
        self.id = id
        self.dispatcher = dispatcher
        self._boards = Boards(dispatcher.network)
        self._calls: list[StopCall] = []

    def step(self, samples: Sequence[Sample], now_ns: int) -> tuple[list[DispatchDecision], int]:
        """Let the samples take effect at `now_ns`; -> what is decided, and when to step again if nothing arrives."""
        positions: list[BusPosition] = []
        commands: list[DispatchAct | Acknowledgement] = []
        for sample in samples:
            match sample:
                case BusPositions():
                    positions += sample.positions
                case DispatchAct():
                    commands.append(sample)
                case CommandSample(kind=CommandKind.ACKNOWLEDGEMENT):
                    commands.append(acknowledgement(sample))
        done = self.dispatcher.step(positions, commands, now_ns)
        decided: list[DispatchDecision] = [self._sent(order, now_ns) for order in done.orders]
        decided += [OrderNews(self.id, now_ns, record) for record in done.events]
        decided += [AnswerRefused(self.id, now_ns, said, verdict) for said, verdict in done.refused]
        decided += [ActDone(self.id, now_ns, answer) for answer in done.answers]
        self._calls = (self._calls + list(done.calls))[-CALLS_MAX:]
        if done.is_planned:
            decided.append(BusReport(self.id, now_ns, done.states, tuple(self._calls), done.predictions))
            decided += self._boards.step(self.id, done.predictions, now_ns)
            self._calls = []
        return decided, max(now_ns + 1, self.dispatcher.next_due_ns())

    def priority_orders(self, now_ns: int) -> dict[str, int]:
        return self.dispatcher.priority_orders(now_ns)

    def priority_granted(self, intersection: str, vehicles: Sequence[str], now_ns: int) -> bool:
        """-> whether a step has news of it to tell."""
        return self.dispatcher.book.signals.grant(intersection, vehicles, now_ns)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        boards = {f"{BOARDS}{name}": array for name, array in self._boards.snapshot().items()}
        calls = json.dumps([asdict(call) for call in self._calls]).encode()
        return self.dispatcher.snapshot() | boards | {CALLS: np.frombuffer(calls, np.uint8).copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._calls = [StopCall(**call) for call in json.loads(arrays[CALLS].tobytes())]
        self._boards.restore({key.removeprefix(BOARDS): array for key, array in arrays.items() if key.startswith(BOARDS)})
        self.dispatcher.restore({key: array for key, array in arrays.items() if key != CALLS and not key.startswith(BOARDS)})

    def _sent(self, order: DispatchOrder, now_ns: int) -> OrderSent:
        network = self.dispatcher.network
        trip = network.trips.get(order.trip)
        stops = network.patterns[trip.pattern].stops if trip is not None else ()
        stop = network.stops.get(stops[order.stop]) if 0 <= order.stop < len(stops) else None
        at_ns = network.midnight_ns + round(order.value * 1e9) if order.kind in TIMED else 0
        return OrderSent(self.id, now_ns, order, stop.id if stop else "", stop.name if stop else "", at_ns)


def acknowledgement(sample: CommandSample) -> Acknowledgement:
    return Acknowledgement(sample.about, sample.version, sample.author, Answer(sample.answer), sample.reason, sample.received_ns)
