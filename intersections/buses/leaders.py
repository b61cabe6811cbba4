"""How much later than the bus before it a bus is: who falls back finds more riders at each stop, who catches up fewer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import Floats
from intersections.buses.timetable import Rows

NOBODY = -1.0
MEMORY_S = 3_600.0
MOST_S = 900.0


class Leaders:
    """Of each stop of each pattern the last two trips that passed it: number, deviation, time."""

    def __init__(self, rows: int) -> None:
        self._last, self._before = np.full((3, rows), NOBODY), np.full((3, rows), NOBODY)

    def add(self, row: int, trip: int, deviation_s: float, at_s: float) -> None:
        if self._last[0, row] != trip:
            self._before[:, row] = self._last[:, row]
        self._last[:, row] = trip, deviation_s, at_s

    def behind_s(self, trip: Rows, row: Rows, deviation_s: Floats, now_s: float) -> Floats:
        """(buses,) by how much the headway to the bus before is longer than planned; 0 where nobody went before of late."""
        leader = np.where(self._last[0, row] == trip, self._before[:, row], self._last[:, row])
        known = (leader[0] != NOBODY) & (now_s - leader[2] < MEMORY_S)
        return np.where(known, np.clip(deviation_s - leader[1], -MOST_S, MOST_S), 0.0)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {"leaders": np.array([self._last, self._before])}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._last, self._before = (part.copy() for part in arrays["leaders"])
