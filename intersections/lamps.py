"""What the lamps show, and what it means to whoever faces them.

Rules:
* A state older than STALE_NS is unknown; unknown, dark or no lamp at all means the map's priorities.
* Yellow is red to whoever can still stop; so is red-yellow, because the crossing traffic may still be clearing.
* The newest measured state of a group holds, whatever order samples arrive in.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.decisions import Cause, SignalReport
from intersections.samples import PhaseState, SignalSample

Bytes = NDArray[np.uint8]

STALE_NS = 1_000_000_000  # heads report at 10 Hz; a gap over 300 ms is a fault (CTI 4501), over 1 s nobody knows
LAMP_NONE, LAMP_STOP, LAMP_PERMISSIVE, LAMP_PROTECTED = range(4)

MEANING: dict[PhaseState, int] = {
    PhaseState.UNKNOWN: LAMP_NONE,
    PhaseState.DARK: LAMP_NONE,
    PhaseState.STOP_THEN_PROCEED: LAMP_PERMISSIVE,
    PhaseState.STOP_AND_REMAIN: LAMP_STOP,
    PhaseState.PRE_MOVEMENT: LAMP_STOP,
    PhaseState.PERMISSIVE_MOVEMENT_ALLOWED: LAMP_PERMISSIVE,
    PhaseState.PROTECTED_MOVEMENT_ALLOWED: LAMP_PROTECTED,
    PhaseState.PERMISSIVE_CLEARANCE: LAMP_STOP,
    PhaseState.PROTECTED_CLEARANCE: LAMP_STOP,
    PhaseState.CAUTION_CONFLICTING_TRAFFIC: LAMP_PERMISSIVE,
}
_MEANINGS = np.array([MEANING[state] for state in PhaseState], np.uint8)
_UNKNOWN = int(PhaseState.UNKNOWN)
_FOREVER_NS = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What is known from `from_ns` to before `until_ns`, unless something is heard; steps are many, changes of lamps few."""

    from_ns: int
    until_ns: int
    states: Bytes
    meanings: Bytes
    stale_ns: int | None  # when the next state that is known becomes stale


class Lamps:
    """States by signal group. Bounded by the map: groups that it does not name are ignored."""

    def __init__(self, intersection: str, groups: tuple[str, ...]) -> None:
        """groups: the signal group of each element, '' for none."""
        self._intersection = intersection
        self._names = tuple(sorted(set(groups) - {""}))
        self._row = {name: row for row, name in enumerate(self._names)}
        self._of_element = np.array([self._row.get(group, -1) for group in groups], np.int64)
        self._states = np.zeros(len(self._names), np.uint8)
        self._measured_ns = np.zeros(len(self._names), np.int64)
        self._reported: tuple[int, ...] = ()
        self._shown = self._look(0)

    def take(self, sample: SignalSample) -> None:
        for group, state in sample.groups:
            row = self._row.get(group)
            if row is not None and sample.measured_ns >= self._measured_ns[row]:
                self._states[row] = state
                self._measured_ns[row] = sample.measured_ns
        self._shown = self._look(sample.received_ns)

    def states(self, now_ns: int) -> Bytes:
        """uint8 per group, PhaseState; UNKNOWN where stale."""
        return self._at(now_ns).states

    def meanings(self, now_ns: int) -> Bytes:
        """uint8 per element: LAMP_NONE, LAMP_STOP, LAMP_PERMISSIVE or LAMP_PROTECTED. The same array while nothing changes."""
        return self._at(now_ns).meanings

    def report(self, now_ns: int, cause: Cause) -> SignalReport | None:
        """The states, if they differ from those reported before; nothing before any lamp was heard of."""
        if not self._names:
            return None
        states = tuple(self.states(now_ns).tolist())
        if states == self._reported or (not self._reported and not any(states)):
            return None
        self._reported = states
        time_ns = int(self._measured_ns.max()) if any(states) else now_ns  # that nothing is known any more is news of now
        return SignalReport(self._intersection, time_ns, tuple(zip(self._names, states, strict=True)), cause)

    def next_deadline_ns(self, now_ns: int) -> int | None:
        """When the next state that is known now becomes stale."""
        return self._at(now_ns).stale_ns

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {
            "states": self._states.copy(),
            "measured_ns": self._measured_ns.copy(),
            "reported": np.array(self._reported, np.int64),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._states = arrays["states"].astype(np.uint8)
        self._measured_ns = arrays["measured_ns"].astype(np.int64)
        self._reported = tuple(int(state) for state in arrays["reported"])
        self._shown = self._look(0)

    def _at(self, now_ns: int) -> _Shown:
        if not self._shown.from_ns <= now_ns < self._shown.until_ns:
            self._shown = self._look(now_ns)
        return self._shown

    def _look(self, now_ns: int) -> _Shown:
        fresh = np.abs(now_ns - self._measured_ns) <= STALE_NS
        states = np.where(fresh, self._states, np.uint8(_UNKNOWN))
        with_none = np.append(_MEANINGS[states], np.uint8(LAMP_NONE))  # row -1: no lamp
        known_ns = self._measured_ns[fresh & (self._states != _UNKNOWN)]
        stale_ns = int(known_ns.min()) + STALE_NS + 1 if len(known_ns) else None
        early_ns = self._measured_ns[self._measured_ns - STALE_NS > now_ns] - STALE_NS  # stamped too far ahead to be believed yet
        turns_ns = [int(early_ns.min(initial=_FOREVER_NS)), _FOREVER_NS if stale_ns is None else stale_ns]
        return _Shown(now_ns, min(turns_ns), states, np.ascontiguousarray(with_none[self._of_element]), stale_ns)
