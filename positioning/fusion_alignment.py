"""How sources of fixes are brought together, readable: the frame each declares, and the constant that is learnt between two services.

Rules:
* A source's datum and epoch are left behind at the engine's edge: the filters know one frame, the zone's, which is the first source's.
* Two RTK services still differ by constant metres: each further source's offset from the first is learnt of all vehicles and taken off.
* It is learnt of vehicles that the first source places well; a wrong one counts the less the farther off it is, none shuts the others out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, isnan, sqrt

import numpy as np
from numpy.typing import NDArray

from positioning.fusion_laws import FIXED, GROSS_M, SINGLE, Delays, Filter, Floats, Sample, fix_law
from positioning.geodesy import SourceFrame
from positioning.measurements import Kind

MAX_SOURCES = 16
OFFSET_SIGMA_M = 3.0  # between two services, before anything is known
FLAGGED_M = 0.5  # an offset worth a look at the service's frame, once it is three sigma from nothing
ALIGNED_M = 0.3  # by which one vehicle's fixes of two services differ from another's: antennas, reflections
ALIGNED_S = 10.0  # errors of one vehicle last so long
UNALIGNED_M = 0.3  # a vehicle that knows its place no better has nothing to tell
PRIMARY_S = 2.0  # nor has one that the first source has not placed for so long


@dataclass(frozen=True, slots=True, eq=False)
class Alignments:
    """Of each declared source: its offset from the first, m, one sigma of each axis, and whether it is too large to be left alone."""

    east_m: NDArray[np.float64]
    north_m: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    flagged: NDArray[np.bool_]


def priors(sources: int) -> Floats:
    """-> (2 sources, 2): offset and variance, east and north of each; the first is what the others are measured by."""
    sigma = np.repeat([1e-6 if source == 0 else OFFSET_SIGMA_M for source in range(sources)], 2)
    return np.column_stack([np.zeros(2 * sources), sigma**2])


def alignments(offsets: Floats) -> Alignments:
    """(2 sources, 2): offset and variance."""
    east, north = offsets[0::2, 0], offsets[1::2, 0]
    sigma = np.sqrt(np.maximum(offsets[0::2, 1], offsets[1::2, 1]))
    apart = np.hypot(east, north)
    return Alignments(east.copy(), north.copy(), sigma, (apart > 3 * sigma) & (apart > FLAGGED_M))


def in_zone(values: Floats, sources: Sequence[SourceFrame]) -> Floats:
    """Fixes (n, VALUES) as sent -> latitude and longitude (n, 2) in the first source's frame and epoch; NaN of a source not declared."""
    named = np.where(np.isnan(values[:, 7]), 0, values[:, 7])
    known = (named >= 0) & (named < max(1, len(sources)))
    places = np.where(known[:, None], values[:, :2], np.nan)
    for number, source in enumerate(sources):
        rows = known & (np.floor(named) == number)
        with np.errstate(invalid="ignore", over="ignore"):  # what is no place becomes NaN
            places[rows] = np.column_stack(source.geodetic_at(sources[0].epoch_year, places[rows, 0], places[rows, 1]))
    return places


def aligned(s: Sample, delays: Delays) -> Sample:
    """An offset that is not known yet makes a fix worth as little as old corrections do."""
    if s.kind != Kind.FIX or not 0 < s.detail[2] < delays.sources or s.detail[0] == SINGLE:
        return s
    (east, spread), (north, other) = delays.of_source(s)
    age = 0.0 if isnan(s.v[3]) else max(s.v[3] - 5, 0)
    return replace(s, v=(s.v[0] - east, s.v[1] - north, s.v[2], 5 + sqrt(age * age + 1e4 * max(spread, other))))


def learn(f: Filter, s: Sample, delays: Delays, t: float, times: dict[str, float]) -> None:
    """f: the main filter of a vehicle; times: among others when the first source last placed it, and when any other did."""
    grade, satellites, source = s.detail
    missed = np.array(s.v[:2]) - f.x[:2]
    if grade != FIXED or satellites < 13 or source >= delays.sources:
        return
    if t - times["primary"] > PRIMARY_S or f.major() > UNALIGNED_M or hypot(*missed) > GROSS_M:
        return
    for axis, (offset, variance) in enumerate(delays.of_source(s)):
        precision = min(t - times["other"], 1.0) / ALIGNED_S / (f.p[axis, axis] + fix_law(grade, satellites)[0] ** 2 + ALIGNED_M**2)
        precision /= 1 + float(missed @ missed) / (ALIGNED_M**2 + variance)
        delays.add(delays.row_of_source(source) + axis, s.measured_ns, precision, precision * (offset + missed[axis]))
