"""The memory of one tracker: struct-of-arrays that grow by doubling up to named bounds.

Rules:
* Every array is C-contiguous and owned here; the kernel holds pointers, so a replaced array means a new kernel view.
* A snapshot holds every value that the next result depends on; strings are kept by `tracks`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from positioning import _tracks
from positioning.track_columns import NUMBERS, PROFILES, Link, LinkMark, Mark, Motion

MAX_TRACKS = 4096  # per intersection, tentative ones included; ten times a jammed crossing
MAX_SOURCES = 64  # stations of one intersection, and the vehicles' own fixes together as one
FIRST_TRACKS = 256
FIRST_SOURCES = 4
MAX_EVENTS = 64  # per frame
EVENT_COLUMNS = 7  # track id, source, local id, quantity, cleared, reported, shown
EXIT_CELLS = 64
EXIT_CELL_M = 8.0
OFFSET_SIGMA_M = 0.3  # how far a station's survey may be off
OFFSET_SIGMA_RAD = float(np.radians(0.5))
COMMON_SIGMA_M = 0.15  # how far all stations together may be off
COMMON_SIGMA_RAD = float(np.radians(0.3))

PER_TRACK: Final = ("motion", "covariance", "marks", "numbers", "links", "link_marks")
PER_SOURCE: Final = ("offsets", "offset_covariance")


@dataclass(slots=True, eq=False)
class TrackArrays:
    """Rows [0, count) of the per-track arrays are alive."""

    count: int
    motion: NDArray[np.float64]  # (capacity, 6) by Motion
    covariance: NDArray[np.float64]  # (capacity, 36)
    marks: NDArray[np.int64]  # (capacity, Mark)
    numbers: NDArray[np.float64]  # (capacity, Number)
    links: NDArray[np.float64]  # (capacity, sources, Link)
    link_marks: NDArray[np.int64]  # (capacity, sources, LinkMark)
    offsets: NDArray[np.float64]  # (sources, 3) east, north, clockwise yaw about the origin
    offset_covariance: NDArray[np.float64]  # (sources, 3, 3)
    exits: NDArray[np.int64]  # (cells, cells, 2) tracks lost for good, tracks seen again
    events: NDArray[np.float64]  # (MAX_EVENTS, EVENT_COLUMNS)

    @classmethod
    def empty(cls, capacity: int = FIRST_TRACKS, sources: int = FIRST_SOURCES) -> "TrackArrays":
        return cls(
            count=0,
            motion=np.zeros((capacity, len(Motion))),
            covariance=np.zeros((capacity, 36)),
            marks=np.zeros((capacity, len(Mark)), np.int64),
            numbers=np.zeros((capacity, NUMBERS)),
            links=np.zeros((capacity, sources, len(Link))),
            link_marks=np.zeros((capacity, sources, len(LinkMark)), np.int64),
            offsets=np.zeros((sources, 3)),
            offset_covariance=_first_covariance(sources),
            exits=np.zeros((EXIT_CELLS, EXIT_CELLS, 2), np.int64),
            events=np.zeros((MAX_EVENTS, EVENT_COLUMNS)),
        )

    @property
    def capacity(self) -> int:
        return len(self.motion)

    @property
    def sources(self) -> int:
        return int(self.links.shape[1])

    def kernel(self, stations: int) -> _tracks.Tracks:
        """The kernel's view; valid until an array is replaced or a station joins."""
        arrays = (self.motion, self.covariance, self.marks, self.numbers, self.links, self.link_marks)
        return _tracks.Tracks(*arrays, PROFILES, self.offsets, self.offset_covariance, self.exits, self.events, stations)

    def grow_tracks(self, wanted: int) -> None:
        capacity = min(MAX_TRACKS, max(wanted, 2 * self.capacity))
        for name in PER_TRACK:
            old = getattr(self, name)
            new = np.zeros((capacity, *old.shape[1:]), old.dtype)
            new[: self.count] = old[: self.count]
            setattr(self, name, new)

    def grow_sources(self) -> None:
        sources = min(MAX_SOURCES, 2 * self.sources)
        for name in ("links", "link_marks"):
            old = getattr(self, name)
            new = np.zeros((self.capacity, sources, old.shape[2]), old.dtype)
            new[:, : old.shape[1]] = old
            setattr(self, name, new)
        offsets, covariance = self.offsets, self.offset_covariance
        self.offsets, self.offset_covariance = np.zeros((sources, 3)), _first_covariance(sources)
        self.offsets[: len(offsets)], self.offset_covariance[: len(covariance)] = offsets, covariance

    def remove(self, rows: NDArray[np.intp]) -> None:
        """Close the gaps; the order of the others stays, so that results do not depend on when silence was noticed."""
        keep = np.ones(self.count, bool)
        keep[rows] = False
        left = int(keep.sum())
        for name in PER_TRACK:
            array = getattr(self, name)
            array[:left] = array[: self.count][keep]
        self.count = left

    def note_lost(self, places: NDArray[np.float64]) -> None:
        """(n, 2) east, north where tracks were seen last and never again."""
        cells = np.clip(np.floor(places / EXIT_CELL_M).astype(np.int64) + EXIT_CELLS // 2, 0, EXIT_CELLS - 1)
        self.exits[0, 0, 0] += len(places)  # cell 0 holds the sum over all places
        by_cell = np.bincount(cells[:, 0] * EXIT_CELLS + cells[:, 1], minlength=EXIT_CELLS**2)
        self.exits[:, :, 0] += by_cell.reshape(EXIT_CELLS, EXIT_CELLS)

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        arrays: dict[str, NDArray[np.generic]] = {name: getattr(self, name)[: self.count].copy() for name in PER_TRACK}
        arrays |= {name: getattr(self, name).copy() for name in (*PER_SOURCE, "exits")}
        return arrays

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "TrackArrays":
        count, sources = len(arrays["motion"]), len(arrays["offsets"])
        if count > MAX_TRACKS or sources > MAX_SOURCES:
            raise ValueError(f"a snapshot of {count} tracks and {sources} sources is beyond {MAX_TRACKS} and {MAX_SOURCES}")
        new = cls.empty(max(FIRST_TRACKS, count), sources)
        for name in (*PER_TRACK, *PER_SOURCE, "exits"):
            target = getattr(new, name)
            rows = count if name in PER_TRACK else len(target)
            target[:rows] = arrays[name]
        new.count = count
        return new


def _first_covariance(sources: int) -> NDArray[np.float64]:
    """Of the stations' offsets; slot 0 stands for the part common to all, known from the vehicles' own fixes."""
    covariance = np.zeros((sources, 3, 3))
    covariance[:] = np.diag([OFFSET_SIGMA_M**2, OFFSET_SIGMA_M**2, OFFSET_SIGMA_RAD**2])
    covariance[0] = np.diag([COMMON_SIGMA_M**2, COMMON_SIGMA_M**2, COMMON_SIGMA_RAD**2])
    return covariance
