"""Road users do not follow kinks: SUMO's motion is averaged over one second, but for its speeding up and braking.

Where SUMO's lanes meet at an angle or shift sideways between two edges, its cars turn by 50 degrees and back within half a second at
14 m/s, at 40 m/s^2 across, and they change lanes in one step. Where a lane's length is not that of its drawing they jump by up to 3 m
along it. No car can, and no tracker and no odometer should have to believe it. (SUMO's own `lanechange.duration` leaves cars standing
across two lanes, inside one another.)

Rules:
* What SUMO's own speeds explain of the motion along the direction of travel stays as it is: speeds and stops are SUMO's own. All else
  is SUMO's mean over +-0.5 s; in the tightest turns of the demo crossing that cuts the corner by 0.1 m.
* Headings are those of the averaged motion; who stands, points as SUMO says.
* Pedestrians are left as they are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from positioning.samples import ObjectClass
from v2x.sim.scenario import STEP_S
from v2x.sim.truth import Motion, Truth

HALF_STEPS = 5  # of STEP_S, to either side
STANDS_MPS = 0.5  # weight of SUMO's own angle against the direction of motion
FARTHEST_M = 40.0  # from the middle of the window; further is a teleport


def smoothed(window: Sequence[Truth]) -> Truth:
    """The middle truth of 2 * HALF_STEPS + 1 successive ones, without its kinks."""
    middle = window[HALF_STEPS]
    offsets = [_offsets(middle, window[HALF_STEPS - step], window[HALF_STEPS + step]) for step in range(1, HALF_STEPS + 1)]
    known = np.array([known for _, _, known in offsets])  # an object's window is as wide as both sides reach
    weights = np.ones(HALF_STEPS)
    weights[-1] = 0.5  # trapezoid: its derivative is the chord over the window
    sums = sum(weight * (before + after) for weight, (before, after, _) in zip(weights, offsets, strict=True))
    mean_offset = sums / (1.0 + 2.0 * (weights[:, None] * known).sum(axis=0))[:, None]
    reach = known.sum(axis=0)
    chord = np.zeros_like(mean_offset)
    for step, (before, after, _) in enumerate(offsets, 1):
        chord[reach == step] = ((after - before) / (2.0 * step * STEP_S))[reach == step]
    return _moved(middle, mean_offset, _mean_way(window, weights, known), chord)


def _mean_way(window: Sequence[Truth], weights: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What SUMO's speeds alone make of the mean offset along the way, (n,); nothing at a constant speed. A step's speed led up to it."""
    middle = window[HALF_STEPS]
    speeds = np.array([_values(middle, truth, Motion.SPEED_MPS) for truth in window]) * STEP_S
    after = np.cumsum(speeds[HALF_STEPS + 1 :], axis=0)
    before = -np.cumsum(speeds[HALF_STEPS:0:-1], axis=0)
    weighted = weights[:, None] * known
    mean: NDArray[np.float64] = (weighted * (before + after)).sum(axis=0) / (1.0 + 2.0 * weighted.sum(axis=0))
    return mean


def _moved(middle: Truth, mean_offset: NDArray[np.float64], mean_way: NDArray[np.float64], chord_mps: NDArray[np.float64]) -> Truth:
    grid = middle.motion[:, Motion.HEADING_RAD]
    direction = chord_mps + STANDS_MPS * np.column_stack([np.sin(grid), np.cos(grid)])
    direction /= np.maximum(np.hypot(*direction.T), 1e-9)[:, None]
    drives = middle.classes != ObjectClass.PEDESTRIAN
    motion = middle.motion.copy()
    motion[drives, :2] += (mean_offset - mean_way[:, None] * direction)[drives]
    motion[drives, Motion.HEADING_RAD] = np.mod(np.arctan2(*direction[drives].T), 2.0 * np.pi)
    return Truth(middle.time_s, middle.ids, middle.classes, motion, middle.sizes_m)


def _offsets(middle: Truth, before: Truth, after: Truth) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """From the middle position to those before and after, (n, 2) each, zero where not both are known."""
    sides = [_offset(middle, side) for side in (before, after)]
    known = sides[0][1] & sides[1][1]
    return np.where(known[:, None], sides[0][0], 0.0), np.where(known[:, None], sides[1][0], 0.0), known


def _offset(middle: Truth, other: Truth) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    row, same = _rows(middle, other)
    if not len(other.ids):
        return np.zeros((len(middle.ids), 2)), same
    offset = other.motion[row, :2] - middle.motion[:, :2]
    return offset, same & (np.hypot(*offset.T) < FARTHEST_M)


def _values(middle: Truth, other: Truth, column: Motion) -> NDArray[np.float64]:
    """(n,) of the middle's road users, zero where `other` has them not."""
    row, same = _rows(middle, other)
    return np.where(same, other.motion[row, column], 0.0) if len(other.ids) else np.zeros(len(middle.ids))


def _rows(middle: Truth, other: Truth) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where in `other` the middle's road users are, and which of them really are there."""
    row = np.minimum(np.searchsorted(other.ids, middle.ids), len(other.ids) - 1)
    return row, other.ids[row] == middle.ids if len(other.ids) else np.zeros(len(middle.ids), dtype=bool)
