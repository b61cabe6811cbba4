"""What is learnt of an intersection's traffic as it passes: vehicles per second by lane, turns by lane, the part that is connected.

Exponential forgetting, with a small prior that never fades, so that nothing divides by nothing and a start is no surprise.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Approaches, Floats, Ints

RATE_MEMORY_S = 180.0  # a few cycles: demand changes within a quarter of an hour
TURN_MEMORY_S = 900.0
PRIOR_RATE_PER_S = 0.05  # a vehicle in 20 s
PRIOR_S = 20.0
PRIOR_TURNS = 1.0
PRIOR_VEHICLES = 2.0
ALL_CONNECTED = 0.97  # the rest is noise of the matching


class Flows:
    def __init__(self, approaches: Approaches) -> None:
        lanes = len(approaches.lanes)
        self._lane = approaches.connection_lane
        self._passed = np.zeros(lanes)
        self._time_s = 0.0
        self._turns = np.zeros(len(approaches.connection_lane))
        self._known = self._all = 0.0
        self._owed = np.zeros(len(self._turns))  # of its share, to each turn
        self._rows = [np.flatnonzero(self._lane == lane).tolist() for lane in range(lanes)]

    def step(self, passed: Ints, known_turns: Floats, open_rows: NDArray[np.bool_], passed_s: float) -> Floats:
        """(connections,) what passed by each. `passed`: over the stop lines, all; `known_turns`: by connection, of connected vehicles.

        Where only some of a lane's turns have green, the others did not take what passed.
        """
        keep, keep_turns = math.exp(-passed_s / RATE_MEMORY_S), math.exp(-passed_s / TURN_MEMORY_S)
        self._passed = keep * self._passed + passed
        self._time_s = keep * self._time_s + passed_s
        known = np.bincount(self._lane, known_turns, minlength=len(passed))
        unknown = np.maximum(passed - known, 0.0)[self._lane] * open_rows * self.shares
        total = np.bincount(self._lane, unknown, minlength=len(passed))[self._lane]
        spread = np.divide(unknown * np.maximum(passed - known, 0.0)[self._lane], total, out=np.zeros_like(unknown), where=total > 0.0)
        self._turns = keep_turns * self._turns + known_turns + spread
        self._known = keep_turns * self._known + float(known.sum())
        self._all = keep_turns * self._all + max(float(passed.sum()), float(known.sum()))
        through: Floats = known_turns + spread
        return through

    @property
    def rate_per_s(self) -> Floats:
        """(lanes,) all vehicles."""
        rate: Floats = (self._passed + PRIOR_RATE_PER_S * PRIOR_S) / (self._time_s + PRIOR_S)
        return rate

    @property
    def shares(self) -> Floats:
        """(connections,) of its lane's traffic; they add up to 1 by lane."""
        turns = self._turns + PRIOR_TURNS
        share: Floats = turns / np.bincount(self._lane, turns, minlength=len(self._passed))[self._lane]
        return share

    @property
    def usual_row(self) -> Ints:
        """(lanes,) the turn that most of its traffic takes."""
        shares = self.shares
        return np.array([max(rows, key=shares.__getitem__) for rows in self._rows], np.int32)

    @property
    def connected(self) -> float:
        """Part of the vehicles that have passed."""
        return (self._known + PRIOR_VEHICLES) / (self._all + PRIOR_VEHICLES)

    @property
    def unconnected(self) -> float:
        """Part of the vehicles; none until counts say otherwise."""
        return 0.0 if self.connected >= ALL_CONNECTED else 1.0 - self.connected

    def turns(self, lane: int, count: int) -> list[int]:
        """Connections for `count` vehicles of the lane nobody knows the turn of: each time the one that is furthest behind its share."""
        if count <= 0 or not self._rows[lane]:
            return []
        return self._dealt(lane, count, self._owed)

    def usual_turns(self, lane: int, count: int) -> list[int]:
        """The same for vehicles that are only expected: nothing is remembered of them."""
        if count <= 0 or not self._rows[lane]:
            return []
        return self._dealt(lane, count, self._owed.copy())

    def _dealt(self, lane: int, count: int, owed: Floats) -> list[int]:
        rows = self._rows[lane]
        if len(rows) == 1:
            return rows * count
        shares, debt, dealt = self.shares[rows].tolist(), owed[rows].tolist(), []
        for _ in range(count):
            debt = [one + share for one, share in zip(debt, shares, strict=True)]
            first = debt.index(max(debt))
            debt[first] -= 1.0
            dealt.append(rows[first])
        owed[rows] = debt
        return dealt

    def snapshot(self) -> dict[str, NDArray[Any]]:
        sums = np.array([self._time_s, self._known, self._all])
        return {"passed": self._passed.copy(), "turns": self._turns.copy(), "owed": self._owed.copy(), "sums": sums}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._passed, self._turns, self._owed = arrays["passed"].copy(), arrays["turns"].copy(), arrays["owed"].copy()
        self._time_s, self._known, self._all = arrays["sums"].tolist()
