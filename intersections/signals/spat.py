"""SPaT: what each group shows, between when and when that ends, and when it probably will. One message per guard step, 10 Hz.

Rules:
* A promise [min_end_ns, max_end_ns] is the guard's: what binds it to end a state, nothing hoped for. It is only ever narrowed while
  the state lasts, so that whoever acted on an older message was not deceived.
* A guess (likely time and its band) is the plan's, put right by how far such guesses have been off before; it may move, but never
  leaves the promise.
* A state is a lamp's: a green that begins or ceases to yield to others is still the same green, and ends when it is no longer green.
* After a fault, and while lamps flash, no promise holds: the message says so, and gives no times at all.
* All times are on the clock of the guard that steps; a receiver with another clock counts from `now_ns`, not from its own time.
"""

import json
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.samples import PhaseState
from intersections.signals.control import UNBOUNDED_NS, GuardMode, Plan, Shown
from intersections.signals.layout import SignalLayout, bits
from intersections.signals.likely import Likely

MS_NS = 1_000_000
TIMES = ("min_end_ns", "max_end_ns", "likely_ns", "likely_from_ns", "likely_until_ns", "next_ns")  # of a TimeChange
VOID = frozenset({GuardMode.FLASHING, GuardMode.FAULT})


class SpatStatus(IntFlag):
    """J2735 IntersectionStatusObject: the bits that mean something here."""

    NONE = 0
    FAILURE_FLASH = 1 << 2
    FIXED_TIME = 1 << 5
    TRAFFIC_DEPENDENT = 1 << 6
    STANDBY = 1 << 7
    FAILURE_MODE = 1 << 8


STATUS: dict[GuardMode, SpatStatus] = {
    GuardMode.FLASHING: SpatStatus.STANDBY,
    GuardMode.ALL_RED: SpatStatus.STANDBY,
    GuardMode.COMMANDED: SpatStatus.TRAFFIC_DEPENDENT,
    GuardMode.LOCAL: SpatStatus.FIXED_TIME,
    GuardMode.FAULT: SpatStatus.FAILURE_FLASH | SpatStatus.FAILURE_MODE,
}


@dataclass(frozen=True, slots=True)
class TimeChange:
    """J2735 TimeChangeDetails of the state a group is in. `max_end_ns` is UNBOUNDED_NS where nothing forces an end.

    `likely_ns` is None where no plan reaches the end; else it lies within [likely_from_ns, likely_until_ns], which holds the end
    with `confidence` (a share, by what such guesses were worth so far). `next_ns`: when a group that is green, or soon will be,
    probably gets green the next time; None beyond the plan.
    """

    min_end_ns: int
    max_end_ns: int
    likely_ns: int | None = None
    likely_from_ns: int = 0
    likely_until_ns: int = UNBOUNDED_NS
    confidence: float = 0.0
    next_ns: int | None = None


@dataclass(frozen=True, slots=True)
class MovementEvent:
    """One group; `timing` is None where no promise holds."""

    group: str
    state: PhaseState
    since_ns: int
    timing: TimeChange | None


@dataclass(frozen=True, slots=True)
class SpatMessage:
    """`revision` grows with each change of a lamp or a promise (J2735 MsgCount without its wrap), not with time alone.

    `void`: what was promised before holds no more.
    """

    intersection: str
    revision: int
    now_ns: int
    mode: GuardMode
    status: SpatStatus
    void: bool
    events: tuple[MovementEvent, ...]


class Aspect(IntEnum):
    """What a lamp state is to a road user who waits for its end; past errors are filed by it."""

    CLOSED = 0
    OPEN = 1


ASPECT: dict[PhaseState, Aspect] = {
    PhaseState.STOP_AND_REMAIN: Aspect.CLOSED,
    PhaseState.STOP_THEN_PROCEED: Aspect.CLOSED,
    PhaseState.PERMISSIVE_MOVEMENT_ALLOWED: Aspect.OPEN,
    PhaseState.PROTECTED_MOVEMENT_ALLOWED: Aspect.OPEN,
}  # every other state ends at a time that is exactly known, or nobody knows when


class SpatPublisher:
    """One intersection's messages. Call `publish` once for each step of the guard, with the plan in force."""

    def __init__(self, layout: SignalLayout) -> None:
        self._layout = layout
        self._likely = Likely(len(layout.groups), len(Aspect))
        self._events: tuple[MovementEvent, ...] = ()
        self._revision = 0
        self._heard: tuple[Plan | None, int] = (None, 0)  # what `_expected` is of: the plan, and the greens it was heard under
        self._expected: list[tuple[int | None, int | None]] = [(None, None)] * len(layout.groups)
        self.broken = 0  # promises that the guard itself has contradicted: always 0, or the guard is wrong

    def publish(self, shown: Shown, plan: Plan | None) -> SpatMessage:
        void = shown.mode in VOID
        self._learn(shown, void=void)
        self._hear(shown, plan)
        events = tuple(
            MovementEvent(group.id, shown.states[row], shown.since_ns[row], None if void else self._timing(shown, row))
            for row, group in enumerate(self._layout.groups)
        )
        self._revision += [_promised(event, shown.now_ns) for event in events] != [_promised(event, shown.now_ns) for event in self._events]
        self._events = events
        return SpatMessage(self._layout.intersection, self._revision, shown.now_ns, shown.mode, STATUS[shown.mode], void, events)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        promises = [(event.state, event.since_ns, *_bounds(event.timing)) for event in self._events]
        kept = {"promises": np.array(promises, np.int64).reshape(-1, 4), "counts": np.array([self._revision, self.broken], np.int64)}
        return kept | self._likely.snapshot()

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._likely.restore(arrays)
        self._revision, self.broken = arrays["counts"].tolist()
        self._events = tuple(
            MovementEvent(group.id, PhaseState(state), since_ns, None if low < 0 else TimeChange(low, high))
            for group, (state, since_ns, low, high) in zip(self._layout.groups, arrays["promises"].tolist(), strict=False)
        )

    def _learn(self, shown: Shown, *, void: bool) -> None:
        """What was said of the states that are over is filed; of those that a fault ended, forgotten."""
        for row, before in enumerate(self._events):
            aspect = ASPECT.get(before.state)
            if void or aspect is None:
                self._likely.forget(row)
            elif not _lasts(before, shown, row):
                self._likely.ended(row, aspect, shown.since_ns[row])

    def _hear(self, shown: Shown, plan: Plan | None) -> None:
        """By group: when the plan ends its state, and when it gets green the next time. A plan is heard ten times a second."""
        if self._heard[0] is plan and self._heard[1] == shown.greens:
            return
        self._heard = (plan, shown.greens)
        self._expected = [(None, None)] * len(shown.states) if plan is None else expected(self._layout, shown, plan)

    def _timing(self, shown: Shown, row: int) -> TimeChange:
        low, high = self._promise(shown, row)
        expected_ns, next_ns = self._expected[row]
        aspect = ASPECT.get(shown.states[row])
        if aspect is Aspect.CLOSED:
            next_ns = None
        if low == high:
            return TimeChange(low, high, low, low, high, 1.0, next_ns)
        if expected_ns is None or aspect is None:
            return TimeChange(low, high, next_ns=next_ns)
        expected_ns = min(max(expected_ns, low), high)
        self._likely.remember(row, shown.now_ns, expected_ns)
        guess = self._likely.guess(aspect, shown.now_ns, expected_ns)
        likely_ns, from_ns, until_ns = (min(max(time_ns, low), high) for time_ns in (guess.likely_ns, guess.from_ns, guess.until_ns))
        return TimeChange(low, high, likely_ns, from_ns, until_ns, guess.confidence, next_ns)

    def _promise(self, shown: Shown, row: int) -> tuple[int, int]:
        """The guard's, within what was promised before for the same state."""
        low, high = max(shown.earliest_end_ns[row], shown.now_ns), shown.latest_end_ns[row]
        before = self._events[row] if self._events else None
        if before is None or before.timing is None or not _lasts(before, shown, row):
            return low, high
        narrowed = max(low, before.timing.min_end_ns), min(high, before.timing.max_end_ns)
        if narrowed[0] <= narrowed[1]:
            return narrowed
        self.broken += 1
        return low, high


def expected(layout: SignalLayout, shown: Shown, plan: Plan) -> list[tuple[int | None, int | None]]:
    """By group: (when the plan ends its red or green, when it gives it green again afterwards); None beyond the plan."""
    found = []
    for row in range(len(shown.states)):
        end_ns = again_ns = None
        green = bool(shown.greens >> row & 1)
        lost = not green
        for stage, greens in enumerate(plan.stages):
            wanted = bool(greens >> row & 1)
            if end_ns is None and wanted is not green:
                end_ns = plan.start_ns[stage] if green else opening_ns(layout, shown, plan, stage, row)
            if wanted and lost and again_ns is None:
                again_ns = opening_ns(layout, shown, plan, stage, row)
            lost = lost or not wanted
        found.append((end_ns, again_ns))
    return found


def opening_ns(layout: SignalLayout, shown: Shown, plan: Plan, stage: int, row: int) -> int:
    """When a group gets green that a stage of the plan opens."""
    ends = (shown.greens if not stage else plan.stages[stage - 1]) & ~plan.stages[stage] & layout.conflicts[row]
    return plan.start_ns[stage] + max((layout.intergreen_ns[other][row] for other in bits(ends)), default=0)


def shifted(message: SpatMessage, by_ns: int) -> SpatMessage:
    """The same message on another clock: a receiver adds what its clock is ahead of the sender's, as learnt from many messages; a
    single one tells delay and skew not apart."""
    events = tuple(
        replace(event, since_ns=event.since_ns + by_ns, timing=None if event.timing is None else _moved(event.timing, by_ns))
        for event in message.events
    )
    return replace(message, now_ns=message.now_ns + by_ns, events=events)


def _moved(timing: TimeChange, by_ns: int) -> TimeChange:
    times = {name: getattr(timing, name) for name in TIMES}
    return replace(timing, **{name: time if time in (None, UNBOUNDED_NS) else time + by_ns for name, time in times.items()})


def trace_line(message: SpatMessage) -> str:
    """One message as a line of JSON, times in ms: what `--trace` writes and the scorer reads.

    {"i": intersection, "t": now, "mode": name, "void": 0|1, "g": [[group, state, since, min, max, likely, from, until, confidence]]};
    null for what is unknown or unbounded, a group's times left out where no promise holds.
    """
    rows = [[event.group, int(event.state), event.since_ns // MS_NS, *_times_ms(event.timing)] for event in message.events]
    return json.dumps(
        {"i": message.intersection, "t": message.now_ns // MS_NS, "mode": message.mode.name, "void": int(message.void), "g": rows},
        separators=(",", ":"),
    )


def _times_ms(timing: TimeChange | None) -> list[float | None]:
    if timing is None:
        return []
    unknown = timing.likely_ns is None
    likely = [timing.likely_ns, None if unknown else timing.likely_from_ns, None if unknown else timing.likely_until_ns]
    times_ns = [timing.min_end_ns, None if timing.max_end_ns == UNBOUNDED_NS else timing.max_end_ns, *likely]
    return [None if time_ns is None else time_ns // MS_NS for time_ns in times_ns] + [round(timing.confidence, 2)]


def _lasts(before: MovementEvent, shown: Shown, row: int) -> bool:
    """A green that begins or ceases to be permissive is still the same green."""
    return before.since_ns == shown.since_ns[row] and ASPECT.get(before.state) is ASPECT.get(shown.states[row])


def _bounds(timing: TimeChange | None) -> tuple[int, int]:
    return (-1, -1) if timing is None else (timing.min_end_ns, timing.max_end_ns)


def _promised(event: MovementEvent, now_ns: int) -> tuple[int, ...]:
    """What is news when it changes; that time has passed is none."""
    low, high = _bounds(event.timing)
    return event.state, event.since_ns, max(low, now_ns), high
