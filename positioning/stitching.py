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

from positioning._tracks import Tracks
from positioning.duplicates import absorb
from positioning.track_arrays import TrackArrays
from positioning.track_columns import Mark

YOUNG_NS = 1_500_000_000  # an older track has been shown as what it is


def stitch(arrays: TrackArrays, kernel: Tracks, now_ns: int) -> list[tuple[int, int]]:
    """For each track confirmed at `now_ns`: -> [(row of the lost track it continues, its own row, to be removed)]."""
    marks = arrays.marks[: arrays.count]
    confirmed = marks[:, Mark.CONFIRMED] == 1
    young = np.flatnonzero(confirmed & (marks[:, Mark.HIT_NS] == now_ns) & (now_ns - marks[:, Mark.BORN_NS] < YOUNG_NS))
    pairs: list[tuple[int, int]] = []
    for row in young.tolist():
        kept = kernel.continued(arrays.count, row, [kept for kept, _ in pairs])
        if kept >= 0:
            absorb(arrays, kept, row)
            pairs.append((kept, row))
    return pairs
