"""The road itself: log what arrived, step the intersections concerned, publish what they decided.

Rules:
* What is decided is a pure function of the steps (time, arrivals) in order; `replay` runs this same code over the logged steps.
* A step is handed to the log before it takes effect, and what an intersection decided to the sinks before the next one is stepped.
* Live, the loop gets a turn after each intersection: what was decided is on its way before the next one is stepped, or anything is booked.
* Reports are told last: what they take to be made into messages holds up no warning.
* Signals are controlled after that, one intersection at a time, the one longest due: a plan holds up no warning of its own step,
  and of the next no more than one plan does.
* Buses come last of all: their plans are made each ten seconds, and nothing of theirs is urgent within a step. What they ordered of the
  signals holds from the next plan on; whose order a plan counted, the buses hear at once.
* One quiet intersection, the one longest due, is stepped at a time: ten track reports due at once do not hold up a frame.
* A failing step is a defect of ours: it ends the process with its input in the log, to be replayed.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from intersections.buses.decisions import BusReport
from intersections.buses.road import BusRoad
from intersections.decisions import CorrectedPositions, Decision, TrackReport
from intersections.samples import Sample
from intersections.signals.spat import MovementEvent, SpatMessage
from intersections.step import Intersection, step
from v2x.arrivals import Arrival, SampleSource
from v2x.clock import Clock

NEVER_NS = 2**63 - 1
REPORTS = (TrackReport, CorrectedPositions)  # of state, every 100 ms; all else is news


@dataclass(frozen=True, slots=True)
class RoadState:
    """All a replay needs to go on from `time_ns`. `digest` covers every decision before it, in order."""

    time_ns: int
    decisions: int
    digest: bytes
    deadlines_ns: dict[str, int]
    intersections: dict[str, dict[str, NDArray[Any]]]


class DecisionSink(Protocol):
    """MQTT and vehicles live, event lines in replay, SUMO in lockstep."""

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None: ...


class StepLog(Protocol):
    """The recorder live; in replay the log that is checked against."""

    def wants_state(self, now_ns: int) -> bool: ...
    def write_state(self, state: RoadState) -> None: ...
    def write_step(self, now_ns: int, arrivals: Sequence[Arrival]) -> None: ...


class NoLog:
    """For roads that are not recorded, replays among them."""

    def wants_state(self, now_ns: int) -> bool:  # noqa: ARG002 - the Protocol's
        return False

    def write_state(self, state: RoadState) -> None:
        """Never asked for."""

    def write_step(self, now_ns: int, arrivals: Sequence[Arrival]) -> None:
        """Nothing is kept."""


def decision_bytes(decision: Decision) -> bytes:
    """One decision in full and nothing else: equal decisions, and only those, give equal bytes."""
    words: object
    arrays: tuple[NDArray[Any], ...]
    match decision:
        case TrackReport():
            words = (len(decision.ids), sorted(decision.vehicles.items()), sorted(decision.levels_m.items()))
            arrays = (decision.ids, decision.classes, decision.motion, decision.sigma_m, decision.size_m)
        case CorrectedPositions():
            words = decision.vehicles
            arrays = (decision.motion, decision.sigma_m, decision.level_m, decision.alert, decision.sources)
        case SpatMessage():
            rule = decision.revision, decision.now_ns, int(decision.mode), int(decision.status), decision.void
            return repr((decision.intersection, *rule, [_event_words(event) for event in decision.events])).encode()
        case BusReport():
            words = (
                decision.states,
                decision.calls,
                [(one.vehicle, one.trip, one.first_stop, one.predictor) for one in decision.predictions],
            )
            arrays = tuple(times for one in decision.predictions for times in (one.p10_s, one.p50_s, one.p90_s))
        case _:
            return repr(decision).encode()
    head = f"{decision.intersection} {decision.time_ns} {words}".encode()
    return b"".join((head, *(array.tobytes() for array in arrays)))


def _event_words(event: MovementEvent) -> tuple[object, ...]:
    """Of numbers and texts: ten times a second for every group, where writing out dataclasses would cost most of a step."""
    timing = event.timing
    if timing is None:
        return event.group, int(event.state), event.since_ns
    promise = timing.min_end_ns, timing.max_end_ns
    likely = timing.likely_ns, timing.likely_from_ns, timing.likely_until_ns, timing.confidence
    return event.group, int(event.state), event.since_ns, *promise, *likely, timing.next_ns


class Pipeline:
    def __init__(
        self, intersections: Mapping[str, Intersection], log: StepLog, sinks: Sequence[DecisionSink] = (), buses: BusRoad | None = None
    ) -> None:
        self._intersections = dict(intersections)
        self._buses = {buses.id: buses} if buses is not None else {}
        self._members: dict[str, Intersection | BusRoad] = {**self._intersections, **self._buses}
        self._deadlines_ns = dict.fromkeys(self._members, 0)
        self._signals = [intersection for intersection in self._intersections.values() if intersection.signals is not None]
        self._log = log
        self._sinks = tuple(sinks)
        self._sealed = bytes(32)  # the digest at the latest state
        self._running = hashlib.sha256(self._sealed)
        self._sealed_decisions = self.decisions = 0

    def step(self, now_ns: int, arrivals: Sequence[Arrival]) -> list[Decision]:
        return [decision for decided in self._parts(now_ns, arrivals) for decision in decided]

    async def run(self, source: SampleSource, clock: Clock) -> None:
        """Until the source ends."""
        while (arrivals := await source.take(self.next_deadline_ns)) is not None:
            for _told in self._parts(clock.now_ns(), arrivals):
                await asyncio.sleep(0)

    def _parts(self, now_ns: int, arrivals: Sequence[Arrival]) -> Iterator[list[Decision]]:
        """One step, intersection by intersection: what each decided, when the sinks have it; then all that they report."""
        if self._log.wants_state(now_ns):
            self._log.write_state(self.take_state(now_ns))
        self._log.write_step(now_ns, arrivals)
        reports: list[Decision] = []
        concerned = self._concerned(now_ns, arrivals)
        for_buses = {name: concerned.pop(name, []) for name in self._buses}
        for intersection, samples in concerned.items():
            decided, self._deadlines_ns[intersection] = step(self._intersections[intersection], samples, now_ns)
            reports += [decision for decision in decided if isinstance(decision, REPORTS)]
            yield from self._told([decision for decision in decided if not isinstance(decision, REPORTS)], now_ns)
        for report in reports:
            yield from self._told([report], now_ns)
        if self._signals:
            due = min(self._signals, key=lambda intersection: intersection.control_due_ns)
            if due.control_due_ns <= now_ns:
                yield from self._told(due.control(now_ns, self._priority_orders if self._buses else None), now_ns)
                self._note_granted(due, now_ns)
        for name, samples in for_buses.items():
            if samples or self._deadlines_ns[name] <= now_ns:
                done, self._deadlines_ns[name] = self._buses[name].step(samples, now_ns)
                yield from self._told([*done], now_ns)

    def _priority_orders(self, now_ns: int) -> dict[str, int]:
        """What the buses' dispatchers want of the signals."""
        return {vehicle: riding for buses in self._buses.values() for vehicle, riding in buses.priority_orders(now_ns).items()}

    def _note_granted(self, intersection: Intersection, now_ns: int) -> None:
        assert intersection.signals is not None
        granted = intersection.signals.granted
        for name, buses in self._buses.items():
            if granted and buses.priority_granted(intersection.id, granted, now_ns):
                self._deadlines_ns[name] = now_ns

    def _told(self, decided: list[Decision], now_ns: int) -> Iterator[list[Decision]]:
        if not decided:
            return
        for sink in self._sinks:
            sink.publish(decided, now_ns)
        yield decided
        for decision in decided:
            self._running.update(decision_bytes(decision))
        self.decisions += len(decided)

    @property
    def next_deadline_ns(self) -> int:
        return min(*self._deadlines_ns.values(), *(intersection.control_due_ns for intersection in self._signals), NEVER_NS)

    def take_state(self, now_ns: int) -> RoadState:
        """The state before a step at `now_ns`; the digest of what follows is chained to the one so far."""
        self._seal(self.digest, self.decisions)
        states = {name: member.snapshot() for name, member in self._members.items()}
        return RoadState(now_ns, self.decisions, self._sealed, dict(self._deadlines_ns), states)

    def restore(self, state: RoadState) -> None:
        self._seal(state.digest, state.decisions)
        self.decisions = state.decisions
        self._deadlines_ns = dict(state.deadlines_ns)
        for name, member in self._members.items():
            member.restore(state.intersections[name])

    @property
    def digest(self) -> bytes:
        """SHA-256 over every decision so far, chained at each state that was taken."""
        return self._sealed if self.decisions == self._sealed_decisions else self._running.digest()

    def _seal(self, digest: bytes, decisions: int) -> None:
        self._sealed, self._sealed_decisions = digest, decisions
        self._running = hashlib.sha256(digest)

    def _concerned(self, now_ns: int, arrivals: Sequence[Arrival]) -> dict[str, list[Sample]]:
        """Samples by intersection in order of arrival, and the one intersection longest due."""
        concerned: dict[str, list[Sample]] = {}
        for arrival in arrivals:
            concerned.setdefault(arrival.intersection, []).append(arrival.sample)
        due = min(self._intersections, key=self._deadlines_ns.__getitem__, default=None)
        if due is not None and self._deadlines_ns[due] <= now_ns:
            concerned.setdefault(due, [])
        return concerned
