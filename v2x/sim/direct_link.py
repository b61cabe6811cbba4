"""The sim in lockstep with the road: SUMO's clock is the road's clock, and nothing but sockets is left out.

Rules:
* The same bytes as on the wire, read by the same code (`v2x.wire.arrival`); a delay is an arrival later on SUMO's clock.
* The world is moved on only when the next thing to happen may lie beyond what it has shown; so the truth at the time of a
  step always lies within the field's last step.
"""

import asyncio
import heapq
from collections.abc import Sequence

from intersections.decisions import CorrectedPositions, Decision
from intersections.map import IntersectionMap
from intersections.step import Intersection
from v2x import wire
from v2x.arrivals import Arrival
from v2x.clock import SetClock
from v2x.pipeline import DecisionSink, NoLog, Pipeline, StepLog
from v2x.sim.field import Field, Sending


class DirectLink:
    """A `SampleSource` for `Pipeline.run`; sets `clock` to the time of each batch."""

    def __init__(self, field: Field, clock: SetClock, duration_s: float) -> None:
        self.frames = self.objects = 0
        self._field = field
        self._clock = clock
        self._end_ns = field.epoch_ns + round(duration_s * 1e9)
        self._shown_ns = field.epoch_ns  # everything due until then is in flight
        self._in_flight: list[tuple[int, int, Sending]] = []  # heap: due, number, message
        self._number = 0

    async def take(self, deadline_ns: int) -> list[Arrival] | None:
        if deadline_ns <= self._clock.now_ns():
            return []
        while (next_ns := self._next_ns(deadline_ns)) > self._shown_ns:
            if self._shown_ns >= self._end_ns:
                return None
            self._show()
        self._clock.set(next_ns)
        arrivals = []
        while self._in_flight and self._in_flight[0][0] <= next_ns:
            arrivals.append(self._arrive(heapq.heappop(self._in_flight)[2]))
        return arrivals

    def _next_ns(self, deadline_ns: int) -> int:
        return min(deadline_ns, self._in_flight[0][0]) if self._in_flight else deadline_ns

    def _show(self) -> None:
        for sending in self._field.step():
            self._number += 1
            heapq.heappush(self._in_flight, (sending.due_ns, self._number, sending))
        self._shown_ns = self._field.time_ns(self._field.truth.time_s)

    def _arrive(self, sending: Sending) -> Arrival:
        self.frames += sending.objects > 0
        self.objects += sending.objects
        return wire.arrival(sending.kind, sending.source, self._field.intersection, sending.measured_ns, sending.due_ns, sending.payload)


class _Answers:
    """A `DecisionSink`: every vehicle is told its corrected position in the bytes of the wire."""

    def __init__(self, field: Field) -> None:
        self._field = field

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:  # noqa: ARG002  positions carry their own time
        for decision in decisions:
            if isinstance(decision, CorrectedPositions):
                self._tell(decision)

    def _tell(self, decision: CorrectedPositions) -> None:
        for vehicle in decision.vehicles:
            message = wire.vehicle_downlink(decision, self._field.frame, vehicle)
            assert message is not None
            self._field.hear(vehicle, message.position)


def play_direct(
    field: Field, map: IntersectionMap, duration_s: float, sinks: Sequence[DecisionSink] = (), log: StepLog | None = None
) -> Pipeline:
    """Play the field to a road of its own; returns the pipeline at the end. Without a log nothing is kept: the seed brings it back."""
    clock = SetClock(field.epoch_ns)
    intersection = Intersection(map, anchors=field.anchors)
    pipeline = Pipeline({map.id: intersection}, log or NoLog(), (*sinks, _Answers(field)))
    asyncio.run(pipeline.run(DirectLink(field, clock, duration_s), clock))
    return pipeline
