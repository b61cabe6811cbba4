"""Loop counters made trustworthy: how many passed since last time, and whether the loop can be believed.

Rules:
* A counter only grows. One that went back was reset: it passed nobody we know of, and counts from where it now stands.
* More than a lane can carry passed nobody either; each refusal is counted by its reason.
* A loop is dead after EVIDENCE vehicles that others saw pass while it counted none, and alive again with its next count.
* A loop that is never free while STUCK vehicles pass it is stuck: its counts may hold, its occupancy is not used.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Ints

EVIDENCE = 8  # vehicles; short of that lane changes between two loops explain a difference
STUCK = 40  # vehicles; more than discharge in one platoon
LEAST_HEADWAY_S = 1.0  # of two vehicles over one loop, on average over a second; saturation is about 1.8 s
BURST = 2  # vehicles that may come sooner
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class LoopFaults:
    resets: int = 0
    jumps: int = 0


class LoopCounts:
    """The loops of one kind, one per lane; a count of -1 is a lane without."""

    def __init__(self, lanes: int) -> None:
        self.faults = LoopFaults()
        self.passed = np.zeros(lanes, np.int32)  # since the step before; never negative, never more than a lane can carry
        self._count = np.full(lanes, -1, np.int64)
        self._missed = np.zeros(lanes)
        self._never_free = np.zeros(lanes)

    def step(self, count: NDArray[np.int64], occupied: NDArray[np.uint8], passed_s: float) -> None:
        change = count - self._count
        known = (self._count >= 0) & (count >= 0)
        reset = known & (change < 0)
        jump = known & (change > passed_s / LEAST_HEADWAY_S + BURST)
        self.faults.resets += int(reset.sum())
        self.faults.jumps += int(jump.sum())
        self.passed = passed = np.where(known & ~reset & ~jump, change, 0).astype(np.int32)
        self._count = np.maximum(count, -1)
        self._missed[passed > 0] = 0.0
        self._never_free = np.where(occupied > 0, np.minimum(self._never_free + passed, STUCK), 0.0)

    def missed(self, others: Ints) -> None:
        """(lanes,) vehicles that others saw pass and this loop did not; negative where it saw more."""
        self._missed = np.clip(self._missed + others, 0.0, 2 * EVIDENCE)

    @property
    def counting(self) -> Bools:
        return (self._count >= 0) & (self._missed < EVIDENCE)

    @property
    def occupancy_holds(self) -> Bools:
        return self.counting & (self._never_free < STUCK)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {"count": self._count.copy(), "missed": self._missed.copy(), "never_free": self._never_free.copy()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._count, self._missed, self._never_free = arrays["count"].copy(), arrays["missed"].copy(), arrays["never_free"].copy()
