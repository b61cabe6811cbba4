"""Two tracks of one object: found when both persist close together and no source has seen both of late.

Rules:
* What one source sees as two objects at a time is two objects, however close.
* The older id lives on, with the state of the one measured last.
"""

import numpy as np
from numpy.typing import NDArray

from positioning._tracks import Tracks
from positioning.track_arrays import PER_TRACK, TrackArrays
from positioning.track_columns import LinkMark, Mark, Motion

Rows = NDArray[np.intp]

APART_M = np.array([1.0, 1.6, 1.0, 0.6, 0.6])  # by Profile.KIND: closer than this may be one object; cars abreast are 3 m apart
SPEED_APART_MPS = 3.0
HEADING_APART_RAD = 0.6
BOTH_SEEN_NS = 800_000_000  # a source that saw each within this time sees two
AGE_NS = 400_000_000  # younger tracks are not judged


def duplicates(arrays: TrackArrays, kernel: Tracks, now_ns: int) -> list[tuple[int, int]]:
    """Merge what is double: -> [(row kept, row to remove)], the kept one already holding what both knew."""
    close = kernel.close_pairs(arrays.count, now_ns, AGE_NS, APART_M)
    if not close:
        return []
    marks, (first, second) = arrays.marks, np.array(close, np.intp).T
    same = _same(arrays, first, second)
    pairs: list[tuple[int, int]] = []
    used: set[int] = set()
    for pair in zip(first[same].tolist(), second[same].tolist(), strict=True):
        kept, gone = sorted(pair, key=lambda row: int(marks[row, Mark.ID]))
        if not used & {kept, gone}:
            absorb(arrays, kept, gone)
            used |= {kept, gone}
            pairs.append((kept, gone))
    return pairs


def _same(arrays: TrackArrays, first: Rows, second: Rows) -> NDArray[np.bool_]:
    """Nothing speaks against their being one: no source that saw both of late, no two vehicles, like motion."""
    seen, other_seen = arrays.link_marks[first, :, LinkMark.TIME_NS], arrays.link_marks[second, :, LinkMark.TIME_NS]
    both = ((seen > 0) & (other_seen > 0) & (np.abs(seen - other_seen) < BOTH_SEEN_NS)).any(axis=1)
    marks, other_marks, a, b = arrays.marks[first], arrays.marks[second], arrays.motion[first], arrays.motion[second]
    two_vehicles = (marks[:, Mark.VEHICLE] != 0) & (other_marks[:, Mark.VEHICLE] != 0)
    turn = np.abs((a[:, Motion.HEADING_RAD] - b[:, Motion.HEADING_RAD] + np.pi) % (2 * np.pi) - np.pi)
    speed, other_speed = a[:, Motion.SPEED_MPS], b[:, Motion.SPEED_MPS]
    alike = (np.abs(speed - other_speed) < SPEED_APART_MPS) & ((np.minimum(speed, other_speed) < 1.0) | (turn < HEADING_APART_RAD))
    unoriented = (marks[:, Mark.ORIENTED] == 0) | (other_marks[:, Mark.ORIENTED] == 0)
    return np.asarray(~both & ~two_vehicles & (alike | unoriented))


def absorb(arrays: TrackArrays, kept: int, gone: int) -> None:
    """The newest state, the older identity, every source's newest word."""
    marks, link_marks, links = arrays.marks, arrays.link_marks, arrays.links
    newer = link_marks[gone, :, LinkMark.TIME_NS] > link_marks[kept, :, LinkMark.TIME_NS]
    joined_links, joined_marks = links[kept].copy(), link_marks[kept].copy()
    joined_links[newer], joined_marks[newer] = links[gone][newer], link_marks[gone][newer]
    identity = marks[kept, [Mark.ID, Mark.BORN_NS]].copy()
    vehicle = max(marks[kept, Mark.VEHICLE], marks[gone, Mark.VEHICLE])
    hits, updated = marks[kept, Mark.HITS] + marks[gone, Mark.HITS], max(marks[kept, Mark.UPDATED], marks[gone, Mark.UPDATED])
    if marks[gone, Mark.HIT_NS] > marks[kept, Mark.HIT_NS]:
        for name in PER_TRACK:
            array = getattr(arrays, name)
            array[kept] = array[gone]
    marks[kept, [Mark.ID, Mark.BORN_NS]] = identity
    marks[kept, Mark.VEHICLE], marks[kept, Mark.HITS], marks[kept, Mark.UPDATED] = vehicle, hits, updated
    links[kept], link_marks[kept] = joined_links, joined_marks
