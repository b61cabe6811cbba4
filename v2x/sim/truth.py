"""The truth of all road users at one time, as arrays."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

JUMP_M = 10.0  # further in one step is a teleport, not motion


class Motion(IntEnum):
    """Columns of `Truth.motion`."""

    EAST_M = 0
    NORTH_M = 1
    SPEED_MPS = 2
    HEADING_RAD = 3
    YAW_RATE_RADPS = 4
    ACCELERATION_MPS2 = 5


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """All road users at one time. ids: int64 (n,), ascending, never used twice; classes: uint8 (n,), `ObjectClass`;
    motion: float64 (n, 6), columns by `Motion`; sizes_m: float64 (n, 3): length, width, height."""

    time_s: float
    ids: NDArray[np.int64]
    classes: NDArray[np.uint8]
    motion: NDArray[np.float64]
    sizes_m: NDArray[np.float64]

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> "Truth":
        return Truth(self.time_s, self.ids[index], self.classes[index], self.motion[index], self.sizes_m[index])


def between(before: Truth, after: Truth, time_s: float) -> Truth:
    """The truth at `time_s` between two steps, for those present at both; motion is linear, headings turn the short way."""
    common, first, second = np.intersect1d(before.ids, after.ids, assume_unique=True, return_indices=True)
    start, end = before.motion[first], after.motion[second]
    fraction = (time_s - before.time_s) / (after.time_s - before.time_s)
    motion = start + fraction * (end - start)
    heading = Motion.HEADING_RAD
    motion[:, heading] = np.mod(start[:, heading] + fraction * wrapped(end[:, heading] - start[:, heading]), 2.0 * np.pi)
    moved = np.hypot(*(end[:, :2] - start[:, :2]).T) < JUMP_M
    truth = Truth(time_s, common, after.classes[second], motion, after.sizes_m[second])
    return truth if moved.all() else truth.take(moved)


def wrapped(angle_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles brought into [-pi, pi)."""
    return np.mod(angle_rad + np.pi, 2.0 * np.pi) - np.pi
