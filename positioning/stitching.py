"""A road user who was lost from sight and comes back is the same one: a young track takes the place of the lost one it continues.

The prediction of a hidden track soon misses whoever brakes or turns behind the obstacle. Looking back from where he comes out, both
ends of the hidden way are known: how fast he went in and came out, and which way. A way that a road user of the class can have gone
joins the two tracks ("tracklet stitching", Perera et al. 2006).

Rules:
* Judged once, when a young track is confirmed, before anyone has been shown it; the lost track's identity lives on with the young state.
* Lost: no roadside source has seen it since the young one began. Whoever is seen is not lost.
* A number that a source has given to both joins them over any way up to CARRIED_M; else the likeliest way counts, if it is likely.
* Two connected vehicles are never one.
"""

import numpy as np
from numpy.typing import NDArray

from positioning.duplicates import absorb
from positioning.track_arrays import TrackArrays
from positioning.track_columns import PROFILES, LinkMark, Mark, Motion, Number, Profile

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

YOUNG_NS = 1_500_000_000  # an older track has been shown as what it is
HIDDEN_NS = 3_000_000_000  # longer ago, and the ways are too many
CARRIED_M = 15.0  # under the same number
LIKELY = 9.0  # squared sigmas, way along and across and turn
PLACE_SIGMA_M = 0.5  # of both ends together
BRAKING_MPS2 = 2.0  # half of what may lie between the speeds at the ends and the mean speed of the way
ACROSS_BY_WAY = 0.12  # of the way gone: lanes bend and are changed
TURN_SIGMA_RAD = 0.15
TURNING = 1.5  # times the class's spread of yaw rates: obstacles hide most at corners, where one turns
SIZE_APART = 0.35  # of the longer one, lengths of one body seen from two sides


def stitch(arrays: TrackArrays, now_ns: int) -> list[tuple[int, int]]:
    """For each track confirmed at `now_ns`: -> [(row of the lost track it continues, its own row, to be removed)]."""
    marks = arrays.marks[: arrays.count]
    confirmed = marks[:, Mark.CONFIRMED] == 1
    young = np.flatnonzero(confirmed & (marks[:, Mark.HIT_NS] == now_ns) & (now_ns - marks[:, Mark.BORN_NS] < YOUNG_NS))
    pairs: list[tuple[int, int]] = []
    for row in young.tolist():
        begun_ns = marks[row, Mark.BORN_NS]
        seen_ns = marks[:, Mark.ROADSIDE_NS]
        lost = np.flatnonzero(confirmed & (seen_ns > 0) & (seen_ns < begun_ns) & (begun_ns - seen_ns < HIDDEN_NS))
        lost = lost[~np.isin(lost, [kept for kept, _ in pairs])]
        kept = _continued(arrays, lost, row)
        if kept >= 0:
            absorb(arrays, kept, row)
            pairs.append((kept, row))
    return pairs


def _continued(arrays: TrackArrays, lost: Rows, row: int) -> int:
    """The lost track that `row` continues, -1 = none."""
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
    way = 0.5 * (young[Motion.SPEED_MPS] + motion[:, Motion.SPEED_MPS]) * hidden_s
    place2 = PLACE_SIGMA_M**2 + arrays.numbers[lost, Number.FLOOR_M] ** 2
    along2 = place2 + (0.25 * BRAKING_MPS2 * hidden_s**2) ** 2
    across2 = place2 + (ACROSS_BY_WAY * along) ** 2 + (0.25 * turn * along) ** 2
    profile = PROFILES[arrays.marks[lost, Mark.CLASS]]
    turn2 = TURN_SIGMA_RAD**2 + (TURNING * profile[:, Profile.YAW_SIGMA] * hidden_s) ** 2
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
