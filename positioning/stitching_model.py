"""Which lost track a young one continues: the readable twin of `_tracks_stitch.pxi`. The rules are those of `stitching`."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from positioning.model import SIDEWAYS_SIGMA_MPS2
from positioning.track_arrays import TrackArrays
from positioning.track_columns import PROFILES, LinkMark, Mark, Motion, Number, Profile

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

HIDDEN_NS = 3_000_000_000  # longer ago, and the ways are too many
CARRIED_M = 15.0  # under the same number
LIKELY = 9.0  # squared sigmas, way along and across and turn
PLACE_SIGMA_M = 0.5  # of both ends together
BRAKING_MPS2 = 2.0  # half of what may lie between the speeds at the ends and the mean speed of the way
ACROSS_BY_WAY = 0.12  # of the way gone: lanes bend and are changed
TURN_SIGMA_RAD = 0.15
TURNING = 1.5  # times the spread of yaw rates at this class and speed: obstacles hide most at corners, where one turns
SIZE_APART = 0.35  # of the longer one, lengths of one body seen from two sides


def continued(arrays: TrackArrays, row: int, taken: Collection[int]) -> int:
    """The lost track that `row` continues, -1 = none; not one of those `taken`."""
    marks = arrays.marks[: arrays.count]
    begun_ns, seen_ns = marks[row, Mark.BORN_NS], marks[:, Mark.ROADSIDE_NS]
    hidden = (seen_ns > 0) & (seen_ns < begun_ns) & (begun_ns - seen_ns < HIDDEN_NS)
    lost = np.flatnonzero((marks[:, Mark.CONFIRMED] == 1) & hidden)
    lost = lost[~np.isin(lost, list(taken))]
    if not len(lost):
        return -1
    costs = np.where(_carries(arrays, lost, row), 0.0, _way_costs(arrays, lost, row))
    costs[~_alike(arrays, lost, row)] = np.inf
    best = int(np.argmin(costs))
    return int(lost[best]) if costs[best] < LIKELY else -1


def _carries(arrays: TrackArrays, lost: Rows, row: int) -> NDArray[np.bool_]:
    """A station saw both under one number, not long apart."""
    theirs, own = arrays.link_marks[lost, 1:], arrays.link_marks[row, 1:]
    seen, since = theirs[:, :, LinkMark.TIME_NS], own[:, LinkMark.TIME_NS] - theirs[:, :, LinkMark.TIME_NS]
    same = (theirs[:, :, LinkMark.LOCAL_ID] == own[:, LinkMark.LOCAL_ID]) & (seen > 0) & (since > 0) & (since < HIDDEN_NS)
    apart = np.hypot(*(arrays.motion[row, :2] - arrays.motion[lost, :2]).T)
    return np.asarray(same.any(axis=1) & (apart < CARRIED_M))


def _way_costs(arrays: TrackArrays, lost: Rows, row: int) -> Floats:
    """Squared sigmas by which the hidden way differs from a plain one: at the mean of both speeds, along the mean of both headings."""
    motion, young = arrays.motion[lost], arrays.motion[row]
    hidden_s = (arrays.marks[row, Mark.TIME_NS] - arrays.marks[lost, Mark.TIME_NS]) * 1e-9
    turn = (young[Motion.HEADING_RAD] - motion[:, Motion.HEADING_RAD] + np.pi) % (2 * np.pi) - np.pi
    middle = motion[:, Motion.HEADING_RAD] + 0.5 * turn
    east, north = (young[:2] - motion[:, :2]).T
    along, across = east * np.sin(middle) + north * np.cos(middle), east * np.cos(middle) - north * np.sin(middle)
    mean_mps = 0.5 * (young[Motion.SPEED_MPS] + motion[:, Motion.SPEED_MPS])
    way = mean_mps * hidden_s
    place2 = PLACE_SIGMA_M**2 + arrays.numbers[lost, Number.FLOOR_M] ** 2
    along2 = place2 + (0.25 * BRAKING_MPS2 * hidden_s**2) ** 2
    across2 = place2 + (ACROSS_BY_WAY * along) ** 2 + (0.25 * turn * along) ** 2
    profile = PROFILES[arrays.marks[lost, Mark.CLASS]]
    turning = np.minimum(profile[:, Profile.YAW_SIGMA], SIDEWAYS_SIGMA_MPS2 / (np.abs(mean_mps) + 0.1))
    turn2 = TURN_SIGMA_RAD**2 + (TURNING * turning * hidden_s) ** 2
    turned = np.where(np.minimum(young[Motion.SPEED_MPS], motion[:, Motion.SPEED_MPS]) < 1.0, 0.0, turn**2 / turn2)
    return np.asarray((along - way) ** 2 / along2 + across**2 / across2 + turned)


def _alike(arrays: TrackArrays, lost: Rows, row: int) -> NDArray[np.bool_]:
    """Of one kind and size, and not two vehicles."""
    marks, young = arrays.marks[lost], arrays.marks[row]
    kinds, kind = PROFILES[marks[:, Mark.CLASS], Profile.KIND], PROFILES[young[Mark.CLASS], Profile.KIND]
    length, other = arrays.numbers[lost, Number.LENGTH_M], arrays.numbers[row, Number.LENGTH_M]
    sized = (arrays.numbers[lost, Number.SIZE_WEIGHT] > 0) & (arrays.numbers[row, Number.SIZE_WEIGHT] > 0)
    like_size = ~sized | (np.abs(length - other) < SIZE_APART * np.maximum(length, other) + 0.2)
    two_vehicles = (marks[:, Mark.VEHICLE] != 0) & (young[Mark.VEHICLE] != 0)
    oriented = (marks[:, Mark.ORIENTED] == 1) & (young[Mark.ORIENTED] == 1)
    return np.asarray((kinds == kind) & like_size & ~two_vehicles & oriented)
