"""Which track a connected vehicle is: bound after agreeing samples, so it never makes a second track beside the roadside one.

Rules:
* Where a vehicle is by its own word comes from the fusion core (`OwnPosition`), or is its raw fix; roadside evidence is never in it.
* A track carries at most one vehicle, a vehicle at most one track; the track's VEHICLE mark is the only record of it.
* A vehicle that stands among several likely tracks waits; one with none near begins its own. Not so if it is farther off (one sigma) than
  tracks are looked for, is at odds with itself, or has just been told from a track beside it: that would be its body twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, hypot, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from positioning import _tracks
from positioning.samples import Verdict
from positioning.track_arrays import TrackArrays
from positioning.track_columns import LinkMark, Mark, Motion, Number, Trust

MAX_VEHICLES = 4096  # names remembered per intersection; the longest silent go first
BIND_AFTER = 5  # samples in a row with the same likeliest track
UNBIND_AFTER = 5  # samples in a row outside the gate
LIKELY_COST = 16.0  # twice the negative log likelihood
CLEAR_BY = 3.0  # the next likely track must cost more by this
TRACK_SIGMAS = 4.0  # as the kernel's gate
WANDERED_M = 2.0  # as the kernel's
SEARCHED_M = 8.0  # as the kernel's: none is found farther from a vehicle
Sample = tuple[int, NDArray[np.float64], float, float]  # measured_ns, detection row, east_m, north_m
Fix = tuple[float, float, float]  # east_m, north_m, sigma_m; NaN without one


@dataclass(frozen=True, slots=True)
class OwnPosition:
    """Where a vehicle is by its own word. `alert`: it is at odds with itself, and not to be bound to a track by it."""

    east_m: float
    north_m: float
    sigma_m: float
    level_m: float
    alert: bool


class Parting(NamedTuple):
    """A vehicle that is not the track that it was bound to: so far from it, and how uncertain the track and the vehicle itself are."""

    vehicle: str
    apart_m: float
    track_m: float
    level_m: float

    @property
    def is_contradiction(self) -> bool:
        """The vehicle says where it is, how far that may be off, and is wrong."""
        return self.apart_m > self.track_m + self.level_m

    @property
    def is_dispute(self) -> bool:
        """One of the two is wrong, and nobody knows which."""
        return self.apart_m > self.track_m + min(WANDERED_M, self.level_m)


class Outcome(NamedTuple):
    """Of one own sample. `events`: of the kernel; `bound`: to a track of the roadside, just now."""

    verdict: Verdict
    begun: int = 0
    events: int = 0
    bound: bool = False
    parting: Parting | None = None


@dataclass(slots=True)
class OwnLink:
    """`key` is the vehicle's number in the tracks' VEHICLE mark."""

    key: int
    candidate: int = 0  # track id
    votes: int = 0
    strikes: int = 0
    parted: int = 0  # track id that it was last told from


class OwnLinks:
    """The connected vehicles of one intersection, the longest silent first."""

    def __init__(self) -> None:
        self._links: dict[str, OwnLink] = {}
        self._names: dict[int, str] = {}
        self._next_key = 1

    def __len__(self) -> int:
        return len(self._links)

    def name(self, key: int) -> str:
        return self._names.get(key, "")

    def doubts_speed(self, arrays: TrackArrays, vehicle: str) -> bool:
        """Whether the displacement of the vehicle's fixes has contradicted its own speed, twice running."""
        link = self._links.get(vehicle)
        row = -1 if link is None else _row_of(arrays, link.key)
        return row >= 0 and bool(arrays.link_marks[row, 0, LinkMark.SPEED_TRUST] == Trust.FAULTY)

    def take(
        self, kernel: _tracks.Tracks, arrays: TrackArrays, vehicle: str, next_id: int, sample: Sample, raw: Fix, own: OwnPosition | None
    ) -> Outcome:
        """`raw`: the fix itself. It owes nothing to the vehicle's speed, and tells what that is worth."""
        link = self._link(vehicle, arrays)
        row = _row_of(arrays, link.key)
        sure = own is None or not own.alert
        parting, events = None, 0
        if row >= 0:
            inside, events = kernel.take_own(arrays.count, row, *sample, *raw)
            if arrays.marks[row, Mark.ROADSIDE_NS] == 0 and self._found(link, kernel, arrays, row, sample, sure=sure):
                return Outcome(Verdict.ACCEPTED, events=events, bound=True)
            link.strikes = 0 if inside else link.strikes + 1
            if link.strikes < UNBIND_AFTER:
                return Outcome(Verdict.ACCEPTED if inside else Verdict.OUT_OF_GATE, events=events)
            parting = _parting(arrays, row, vehicle, sample, own)
            arrays.marks[row, Mark.VEHICLE] = 0
            link.strikes, link.votes, link.parted = 0, 0, int(arrays.marks[row, Mark.ID])
        row, cost, next_cost = kernel.nearest_own(arrays.count, *sample)
        if row < 0 and not _may_begin(arrays, link.parted, sample, own):
            return Outcome(Verdict.ACCEPTED, parting=parting)
        if row < 0:
            kernel.begin_own(arrays.count, next_id, *sample)
            arrays.marks[arrays.count, Mark.VEHICLE] = link.key
            arrays.count += 1
            return Outcome(Verdict.ACCEPTED, begun=1, parting=parting)
        clear = sure and cost < LIKELY_COST and next_cost - cost > CLEAR_BY
        if not self._elect(link, int(arrays.marks[row, Mark.ID]), clear=clear):
            return Outcome(Verdict.ACCEPTED, parting=parting)
        _bind(arrays, row, link.key)
        inside, events = kernel.take_own(arrays.count, row, *sample, *raw)
        return Outcome(Verdict.ACCEPTED if inside else Verdict.OUT_OF_GATE, events=events, bound=True, parting=parting)

    def _found(self, link: OwnLink, kernel: _tracks.Tracks, arrays: TrackArrays, row: int, sample: Sample, *, sure: bool) -> bool:
        """Move from a track known by this vehicle's word only to the one the roadside has of it; the former ends."""
        found, cost, next_cost = kernel.nearest_own(arrays.count, *sample)
        if found < 0 or arrays.marks[found, Mark.CONFIRMED] == 0:
            return False
        clear = sure and cost < LIKELY_COST and next_cost - cost > CLEAR_BY
        if not self._elect(link, int(arrays.marks[found, Mark.ID]), clear=clear):
            return False
        arrays.marks[row, [Mark.VEHICLE, Mark.END_NS]] = 0
        _bind(arrays, found, link.key)
        return True

    @staticmethod
    def _elect(link: OwnLink, candidate: int, *, clear: bool) -> bool:
        link.votes = (link.votes + 1 if link.candidate == candidate else 1) if clear else 0
        link.candidate = candidate
        return link.votes >= BIND_AFTER

    def _link(self, vehicle: str, arrays: TrackArrays) -> OwnLink:
        link = self._links.pop(vehicle, None)
        if link is None:
            link = OwnLink(self._next_key)
            self._next_key += 1
            self._names[link.key] = vehicle
            if len(self._links) >= MAX_VEHICLES:
                self._drop(next(iter(self._links)), arrays)
        self._links[vehicle] = link
        return link

    def _drop(self, vehicle: str, arrays: TrackArrays) -> None:
        key = self._links.pop(vehicle).key
        del self._names[key]
        vehicles = arrays.marks[: arrays.count, Mark.VEHICLE]
        vehicles[vehicles == key] = 0

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        links = self._links.values()
        return {
            "names": np.array(list(self._links), dtype=np.str_),
            "links": np.array([(k.key, k.candidate, k.votes, k.strikes, k.parted) for k in links], np.int64).reshape(-1, 5),
            "next_key": np.array([self._next_key], np.int64),
        }

    @classmethod
    def restored(cls, state: Mapping[str, NDArray[np.generic]]) -> "OwnLinks":
        new = cls()
        new._links = {str(name): OwnLink(*map(int, link)) for name, link in zip(state["names"], state["links"], strict=True)}
        new._names = {link.key: name for name, link in new._links.items()}
        new._next_key = int(state["next_key"][0])
        return new


def _bind(arrays: TrackArrays, row: int, key: int) -> None:
    """What was known of another binding's error is not this one's."""
    arrays.marks[row, Mark.VEHICLE] = key
    arrays.numbers[row, [Number.OWN_EAST_M, Number.OWN_NORTH_M]] = 0.0


def _row_of(arrays: TrackArrays, key: int) -> int:
    rows = np.flatnonzero(arrays.marks[: arrays.count, Mark.VEHICLE] == key)
    return int(rows[0]) if len(rows) else -1


def _may_begin(arrays: TrackArrays, parted: int, sample: Sample, own: OwnPosition | None) -> bool:
    if own is None:
        return True
    marks = arrays.marks[: arrays.count]
    rows = np.flatnonzero((marks[:, Mark.ID] == parted) & (marks[:, Mark.VEHICLE] == 0) & (marks[:, Mark.ROADSIDE_NS] != 0))
    beside = any(hypot(*_apart(arrays, row, sample)) < SEARCHED_M for row in rows.tolist())
    return own.sigma_m < SEARCHED_M and not own.alert and not beside


def _apart(arrays: TrackArrays, row: int, sample: Sample) -> tuple[float, float]:
    """East, north from the track as it is at the sample's moment to the sample."""
    measured_ns, _, east_m, north_m = sample
    x = arrays.motion[row]
    ahead_m = float(x[Motion.SPEED_MPS]) * (measured_ns - int(arrays.marks[row, Mark.TIME_NS])) * 1e-9
    heading_rad = float(x[Motion.HEADING_RAD])
    return east_m - float(x[Motion.EAST_M]) - ahead_m * sin(heading_rad), north_m - float(x[Motion.NORTH_M]) - ahead_m * cos(heading_rad)


def _parting(arrays: TrackArrays, row: int, vehicle: str, sample: Sample, own: OwnPosition | None) -> Parting:
    if own is None or not arrays.marks[row, Mark.ROADSIDE_NS]:  # nobody contradicts
        return Parting(vehicle, 0.0, 0.0, 0.0)
    p = arrays.covariance[row]
    return Parting(vehicle, hypot(*_apart(arrays, row, sample)), TRACK_SIGMAS * float(np.sqrt(max(p[0], p[7]))), own.level_m)
