"""Records of another kernel beside the bank's, of those whom the bank cannot place.

Rules:
* No memory and no time until the first of them is heard; a bound of its own.
* The anchors' delays are the bank's: read here, learnt there.
"""

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from positioning.measurements import Kind

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[np.generic]]
Rows = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]
Fleet = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # records, slots, heard_ns, tally
ELSEWHERE = 128  # beside a verdict or alone, as the kernels have it
USED, SINCE_NS = 0, 3  # the kernels' tally
TABLES = "vehicles", "slots", "heard_ns", "tally"  # in a snapshot, after the block's name


class Block:
    """Up to `capacity` records of the kernel. opening: the kinds that begin one; shared: the kernel's numbers, anchors, their delays."""

    def __init__(
        self,
        kernel: ModuleType,
        opening: tuple[Kind, ...],
        capacity: int,
        shared: tuple[Floats, Floats, Floats],
        bank_tally: NDArray[np.int64],
    ) -> None:
        self._kernel, self._opening, self._capacity, self._shared, self._bank_tally = kernel, opening, capacity, shared, bank_tally
        self._fleet = self._empty(0)

    def _empty(self, capacity: int) -> Fleet:
        sizes = self._kernel.SIZES
        slots = np.zeros((1 << (2 * capacity - 1).bit_length() if capacity else 0, 2), dtype=np.int64)
        vehicles = np.zeros(capacity * sizes["vehicle"], dtype=np.uint8)
        return vehicles, slots, np.zeros(capacity, dtype=np.int64), np.zeros(sizes["tally"], dtype=np.int64)

    @property
    def alive(self) -> int:
        return int(self._fleet[3][USED])

    def ingest(self, rows: Rows) -> NDArray[np.uint8]:
        """Columns of measurements in the zone's plane -> a verdict each, ELSEWHERE where the vehicle is none of these."""
        verdicts = np.full(len(rows[0]), ELSEWHERE, dtype=np.uint8)
        if not self.alive and not np.isin(rows[0], self._opening).any():
            return verdicts
        if not len(self._fleet[2]):
            self._fleet = self._empty(self._capacity)
        self._fleet[3][SINCE_NS] = self._bank_tally[SINCE_NS]
        self._kernel.ingest(*self._fleet, *self._shared, *rows, verdicts)
        return verdicts

    def step(self, now_ns: int) -> tuple[NDArray[np.int64], Floats, NDArray[np.uint32]]:
        """-> ids (n,), numbers (n, outputs) and marks (n, 2), as the bank's."""
        self._fleet[3][SINCE_NS] = self._bank_tally[SINCE_NS]
        ids, out = np.empty(self.alive, dtype=np.int64), np.empty((self.alive, self._kernel.SIZES["outputs"]))
        marks = np.empty((self.alive, 2), dtype=np.uint32)
        rows = self._kernel.step(*self._fleet, *self._shared, now_ns, ids, out, marks) if self.alive else 0
        return ids[:rows], out[:rows], marks[:rows]

    def forget(self, ids: NDArray[np.int64]) -> int:
        return int(self._kernel.forget(*self._fleet, ids)) if self.alive else 0

    def snapshot(self, name: str) -> Arrays:
        used = self.alive * self._kernel.SIZES["vehicle"]
        tables = self._fleet[0][:used], *self._fleet[1:]
        return {f"{name}_{part}": np.array(table) for part, table in zip(TABLES, tables, strict=True)}

    def restore(self, name: str, state: Arrays) -> None:
        vehicles, *tables = (state[f"{name}_{part}"] for part in TABLES)
        fleet = self._empty(self._capacity if len(tables[0]) else 0)
        if any(mine.shape != given.shape for mine, given in zip(fleet[1:], tables, strict=True)) or vehicles.size > fleet[0].size:
            raise ValueError("a snapshot of another engine")
        fleet[0][: vehicles.size] = vehicles
        for mine, given in zip(fleet[1:], tables, strict=True):
            mine[:] = given
        self._fleet = fleet


def rows_of(rows: Rows, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Rows:
    kind, vehicle, measured_ns, received_ns, values = rows
    return kind[chosen], vehicle[chosen], measured_ns[chosen], received_ns[chosen], values[chosen]
