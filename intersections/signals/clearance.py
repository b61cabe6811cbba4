"""Clearance of the junction: who stands inside when his lamp has closed gets out before those whom he stands in the way of are let in.

Rules:
* Only openings are put off. What is lit goes on, and everybody else opens as planned.
* No longer than MOST_S after the lamp has closed: a vehicle that has broken down, or is not there, holds up nobody for ever.
"""

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Floats, Ints
from intersections.signals.layout import SignalLayout

MOST_S = 10.0  # three or four vehicles start one after the other and drive 20 m


def put_off(layout: SignalLayout, lit: int, inside: NDArray[np.uint8], connection_group: Ints, closes_s: Floats) -> int:
    """Groups that should not open yet. `inside`, `connection_group`: (connections,) as in `Observation` and `Approaches`;
    `closes_s`: (groups,) when the last green of those that are not lit ended, s from now."""
    late = 0
    for group in set(connection_group[(inside > 0) & (connection_group >= 0)].tolist()):
        if not lit >> group & 1 and closes_s[group] >= -MOST_S:
            late |= layout.conflicts[group] | layout.yields[group]
    return late & ~lit
