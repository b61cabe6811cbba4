"""When a state will probably end: the plan's word, put right by how far such words have been off.

Rules:
* Every second the plan's word is remembered; when the state ends, its error is filed under the kind of state and how far ahead the
  word looked. Nothing else is known: no constant here belongs to a map or to a planner.
* The band is the narrowest that held TARGET of the filed errors, never wider than WIDEST_NS: then it is the one that held the most.
  Its confidence is the share it held, with one miss on account.
* Everything is bounded: KEPT errors for each kind and distance, REMEMBERED words for each group.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.layout import SECOND_NS

KEPT = 256  # errors; about an hour of one intersection's states, and the 5 % quantile still rests on a dozen
REMEMBERED = 120  # words about one state, one a second
TARGET = 0.95  # of past errors; 90 % shall hold in the future
WIDEST_NS = 6 * SECOND_NS
LEADS_NS = tuple(seconds * SECOND_NS for seconds in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30))  # finer where errors grow fastest


@dataclass(frozen=True, slots=True)
class Guess:
    likely_ns: int
    from_ns: int
    until_ns: int
    confidence: float


@dataclass(frozen=True, slots=True)
class _Spread:
    """Of filed errors, actual minus expected: what to add to the next word."""

    middle_ns: int
    from_ns: int
    until_ns: int
    confidence: float


def spread(errors_ns: NDArray[np.int64]) -> _Spread:
    """The band of past errors by the rules above; nothing known: the widest, with no confidence."""
    count = len(errors_ns)
    if not count:
        return _Spread(0, -WIDEST_NS // 2, WIDEST_NS // 2, 0.0)
    ordered = np.sort(errors_ns)
    enough = int(np.ceil(TARGET * count))
    widths = ordered[enough - 1 :] - ordered[: count - enough + 1]
    first = int(widths.argmin())
    last = first + enough - 1
    if widths[first] > WIDEST_NS:
        held = np.searchsorted(ordered, ordered + WIDEST_NS, side="right") - np.arange(count)
        first = int(held.argmax())
        last = first + int(held[first]) - 1
    low, high = int(ordered[first]), int(ordered[last])
    middle = min(max(int(ordered[count // 2]), low), high)
    inside = int(np.searchsorted(ordered, high, side="right") - np.searchsorted(ordered, low))
    return _Spread(middle, low, high, inside / (count + 1))


class Likely:
    """Errors by kind of state, words by group. Kinds are small ints of the caller's."""

    def __init__(self, groups: int, kinds: int) -> None:
        self._errors_ns = np.zeros((kinds, len(LEADS_NS) + 1, KEPT), np.int64)
        self._filed = np.zeros((kinds, len(LEADS_NS) + 1), np.int64)  # ever
        self._spreads: dict[tuple[int, int], _Spread] = {}
        self._words: list[deque[tuple[int, int]]] = [deque(maxlen=REMEMBERED) for _ in range(groups)]

    def remember(self, group: int, now_ns: int, expected_ns: int) -> None:
        """One word a second is enough, however often it is asked for."""
        words = self._words[group]
        if not words or now_ns - words[-1][0] >= SECOND_NS:
            words.append((now_ns, expected_ns))

    def ended(self, group: int, kind: int, ended_ns: int) -> None:
        """The state that `group` was in is over: its words are filed by their errors."""
        for said_ns, expected_ns in self._words[group]:
            lead = _lead(said_ns, expected_ns)
            self._errors_ns[kind, lead, self._filed[kind, lead] % KEPT] = ended_ns - expected_ns
            self._filed[kind, lead] += 1
            self._spreads.pop((kind, lead), None)
        self._words[group].clear()

    def forget(self, group: int) -> None:
        """The state ended by no plan (a fault): its words teach nothing."""
        self._words[group].clear()

    def guess(self, kind: int, now_ns: int, expected_ns: int) -> Guess:
        lead = _lead(now_ns, expected_ns)
        found = self._spreads.get((kind, lead))
        if found is None:
            found = spread(self._errors_ns[kind, lead, : min(int(self._filed[kind, lead]), KEPT)])
            self._spreads[kind, lead] = found
        return Guess(expected_ns + found.middle_ns, expected_ns + found.from_ns, expected_ns + found.until_ns, found.confidence)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        words = [(group, said, expected) for group, words in enumerate(self._words) for said, expected in words]
        return {"errors_ns": self._errors_ns.copy(), "filed": self._filed.copy(), "words": np.array(words, np.int64).reshape(-1, 3)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._errors_ns = arrays["errors_ns"].copy()
        self._filed = arrays["filed"].copy()
        self._spreads.clear()
        for words in self._words:
            words.clear()
        for group, said_ns, expected_ns in arrays["words"].tolist():
            self._words[group].append((said_ns, expected_ns))


def _lead(now_ns: int, expected_ns: int) -> int:
    return bisect_left(LEADS_NS, expected_ns - now_ns)
