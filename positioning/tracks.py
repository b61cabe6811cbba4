"""All road users of one intersection: many roadside views and the vehicles' own samples become one track each.

Rules:
* One kernel call per frame, per sample and per view; this module keeps names, bounds and verdicts.
* Time is an argument. Late measurements (up to LATE_WINDOW_NS) are taken at their own moment, older ones are STALE.
* Ids grow and are never used again. Same inputs in the same order give the same arrays, bit for bit.
* Everything is bounded: MAX_TRACKS, MAX_SOURCES, MAX_VEHICLES, MAX_FAULTS; what falls out is the longest silent.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np
from numpy.typing import NDArray

from positioning.duplicates import duplicates
from positioning.frames import LocalFrame
from positioning.own import Fix, Outcome, OwnLinks, OwnPosition, Parting
from positioning.samples import Detection, FixStatus, MotionSample, RsuFrame, Verdict
from positioning.source_faults import Faults, SourceFault
from positioning.stitching import stitch
from positioning.track_arrays import MAX_SOURCES, MAX_TRACKS, TrackArrays
from positioning.track_columns import PROFILES, Mark, Number, Profile

__all__ = ["Sighting", "SourceFault", "TrackTable", "TrackView", "TrackerConfig"]

FULL_SKY = 13.0  # satellites: from so many on the fusion core's laws take a fix for a good one
LATE_WINDOW_NS = 500_000_000  # measured longer ago than this when received: not taken
EARLY_WINDOW_NS = 200_000_000  # measured this far in our future: the sender's clock is wrong
REMEMBERED_FRAMES = 256  # (source, sequence, moment) of the newest frames, against duplicates
MERGE_PERIOD_NS = 200_000_000  # two tracks of one object are looked for this often
FAR_AWAY_NS = 2**62
PlaceOf = Callable[[str, int], OwnPosition | None]  # vehicle, measured_ns
LEAST_SIGMA_M = 0.03  # of a detection, whatever its station claims


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """What an installation may set; the physics of classes is in `track_columns.PROFILES`."""

    radius_m: float = 1_000.0  # detections farther from the origin are out of the area


@dataclass(frozen=True, slots=True, eq=False)
class TrackView:
    """Confirmed tracks at one moment, by row.

    motion: (n, 6) by `track_columns.Motion`; sigma: (n, 3), one standard deviation of position per axis, speed and heading;
    updated: 1 where a measurement touched the track since the view before.
    """

    time_ns: int
    ids: NDArray[np.int64]
    classes: NDArray[np.uint8]
    motion: NDArray[np.float64]
    sigma: NDArray[np.float64]
    size_m: NDArray[np.float64]
    updated: NDArray[np.uint8]
    vehicles: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A raw detection of a track that carries a vehicle: one station's own, less that station's constant offset."""

    vehicle: str
    latitude_rad: float
    longitude_rad: float
    sigma_m: float
    measured_ns: int
    received_ns: int


class TrackTable:
    """The tracker of one intersection."""

    def __init__(self, frame: LocalFrame, config: TrackerConfig | None = None) -> None:
        self._frame = frame
        self._config = config or TrackerConfig()
        self._next_id = 1
        self._stations: dict[str, int] = {}
        self.reset()

    def __len__(self) -> int:
        return self._arrays.count

    def reset(self) -> None:
        """Drop all tracks and what was learnt of the stations; ids go on."""
        self._arrays = TrackArrays.empty()
        self._stations = {}
        self._own = OwnLinks()
        self._faults = Faults()
        self._recent: dict[tuple[str, int, int], None] = {}
        self._merged_ns = 0
        self.sightings: list[Sighting] = []  # of the latest frame
        self.parted: list[Parting] = []  # of the latest own samples
        self._bind()

    def update_frame(self, frame: RsuFrame) -> Counter[Verdict]:
        """One roadside frame, in any measured order."""
        self.sightings = []
        count = len(frame.rows)
        refused = self._refused(frame.station, frame.sequence, frame.measured_ns, frame.received_ns)
        source = 0 if refused else self._source(frame.station)
        if refused or source == 0:
            return Counter({refused or Verdict.RATE_LIMITED: count})
        enu = self._frame.enu_from_geodetic(frame.rows[:, Detection.LATITUDE_RAD], frame.rows[:, Detection.LONGITUDE_RAD])
        self._make_room(count)
        seen = (frame.rows, enu, self._config.radius_m, np.empty(count, np.int64))
        after, events, missing, outside, confirmed = self._kernel.take_frame(
            self._arrays.count, source, frame.measured_ns, self._next_id, *seen
        )
        self._next_id += after - self._arrays.count
        self._arrays.count = after
        if self._own:
            self.sightings = self._sightings(frame, source, enu, seen[-1])
        self._note_faults(events, frame.measured_ns)
        if confirmed:
            self._remove_joined(stitch(self._arrays, self._kernel, frame.measured_ns))
        self._merge(frame.measured_ns)
        if not missing and not outside:
            return Counter({Verdict.ACCEPTED: count})
        return Counter({Verdict.ACCEPTED: count - missing - outside, Verdict.OUT_OF_RANGE: missing, Verdict.OUT_OF_AREA: outside})

    def update_motion(self, samples: Sequence[MotionSample], place_of: PlaceOf = lambda *_: None) -> Counter[Verdict]:
        """What connected vehicles say of themselves. By `place_of` they are where that says, by their raw fixes where it is None."""
        self.parted = []
        verdicts: Counter[Verdict] = Counter()
        if not samples:
            return verdicts
        rows = np.stack([sample.row for sample in samples])
        places = self._frame.enu_from_geodetic(rows[:, Detection.LATITUDE_RAD], rows[:, Detection.LONGITUDE_RAD])
        for sample, row, (east, north) in zip(samples, rows, places.tolist(), strict=True):
            own = place_of(sample.vehicle, sample.measured_ns)
            raw = (east, north, float(row[Detection.POSITION_SIGMA_M])) if own is None or _shows_motion(sample) else (nan, nan, nan)
            if own is None:
                verdicts[self._take_sample(sample, row, (east, north), raw, None)] += 1
            else:
                row[Detection.POSITION_SIGMA_M] = own.sigma_m
                verdicts[self._take_sample(sample, row, (own.east_m, own.north_m), raw, own)] += 1
        return verdicts

    def doubts_speed(self, vehicle: str) -> bool:
        """Whether a vehicle's wheels contradict its fixes: then no dead reckoning by them."""
        return self._own.doubts_speed(self._arrays, vehicle)

    def expire(self, now_ns: int) -> NDArray[np.int64]:
        """End the tracks whose silence has lasted too long; -> their ids."""
        if self.next_deadline_ns() > now_ns:
            return np.empty(0, np.int64)
        marks = self._arrays.marks[: self._arrays.count]
        rows = np.flatnonzero(marks[:, Mark.END_NS] <= now_ns)
        ids: NDArray[np.int64] = marks[rows, Mark.ID].copy()
        self._learn_exits(rows)
        self._arrays.remove(rows)
        return ids

    def next_deadline_ns(self) -> int:
        """When the next track would end by silence alone; far away where there is none."""
        if not self._arrays.count:
            return FAR_AWAY_NS
        return self._kernel.first_end_ns(self._arrays.count)

    def view(self, now_ns: int) -> TrackView:
        """Confirmed tracks, moved to now."""
        n = self._arrays.count
        ids, keys, kinds, updated = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint8), np.empty(n, np.uint8)
        motion, sigma, size = np.empty((n, 6)), np.empty((n, 3)), np.empty((n, 2))
        shown = self._kernel.view(n, now_ns, ids, kinds, motion, sigma, size, updated, keys)
        names = {int(ids[row]): self._own.name(int(keys[row])) for row in np.flatnonzero(keys[:shown])}
        return TrackView(now_ns, ids[:shown], kinds[:shown], motion[:shown], sigma[:shown], size[:shown], updated[:shown], names)

    def take_faults(self) -> list[SourceFault]:
        """Contradictions found, and cleared, since the last call; each once."""
        return self._faults.take()

    def sensor_offsets(self) -> dict[str, tuple[float, float, float, float]]:
        """By station: east m, north m, clockwise yaw rad about the origin, and the standard deviation of the shift in m."""
        offsets, covariance = self._arrays.offsets, self._arrays.offset_covariance
        spread = np.sqrt(0.5 * (covariance[:, 0, 0] + covariance[:, 1, 1]))
        return {name: (*map(float, offsets[k]), float(spread[k])) for name, k in self._stations.items()}  # type: ignore[misc]

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Everything the next results depend on."""
        recent = list(self._recent)
        return (
            {f"tracks.{name}": array for name, array in self._arrays.snapshot().items()}
            | {f"own.{name}": array for name, array in self._own.snapshot().items()}
            | {f"faults.{name}": array for name, array in self._faults.snapshot().items()}
            | {
                "counters": np.array([self._next_id, self._merged_ns], np.int64),
                "stations": np.array(list(self._stations), dtype=np.str_),
                "recent.sources": np.array([source for source, _, _ in recent], dtype=np.str_),
                "recent.marks": np.array([marks for _, *marks in recent], np.int64).reshape(-1, 2),
            }
        )

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on as the snapshot's tracker would have."""
        self._arrays = TrackArrays.restored(_part(state, "tracks."))
        self._own = OwnLinks.restored(_part(state, "own."))
        self._faults = Faults.restored(_part(state, "faults."))
        self._next_id, self._merged_ns = (int(value) for value in state["counters"])
        self._stations = {str(name): slot for slot, name in enumerate(state["stations"], start=1)}
        sources, marks = state["recent.sources"], state["recent.marks"]
        self._recent = {(str(source), int(a), int(b)): None for source, (a, b) in zip(sources, marks, strict=True)}
        self._bind()

    def _bind(self) -> None:
        self._kernel = self._arrays.kernel(len(self._stations))

    def _source(self, station: str) -> int:
        """The station's slot; 0 when there are too many."""
        slot = self._stations.get(station)
        if slot is None:
            if len(self._stations) + 1 >= MAX_SOURCES:
                return 0
            slot = self._stations[station] = len(self._stations) + 1
            if slot >= self._arrays.sources:
                self._arrays.grow_sources()
            self._bind()
        return slot

    def _refused(self, source: str, sequence: int, measured_ns: int, received_ns: int) -> Verdict | None:
        if received_ns - measured_ns > LATE_WINDOW_NS:
            return Verdict.STALE
        if measured_ns - received_ns > EARLY_WINDOW_NS:
            return Verdict.CLOCK_JUMP
        key = (source, sequence, measured_ns)
        if key in self._recent:
            return Verdict.DUPLICATE
        self._recent[key] = None
        if len(self._recent) > REMEMBERED_FRAMES:
            del self._recent[next(iter(self._recent))]
        return None

    def _make_room(self, wanted: int) -> None:
        """For so many new tracks; at the bound the longest silent go."""
        need = self._arrays.count + wanted
        if need > MAX_TRACKS:
            silent = np.argsort(self._arrays.marks[: self._arrays.count, Mark.HIT_NS], kind="stable")
            self._arrays.remove(silent[: need - MAX_TRACKS])
            need = MAX_TRACKS
        if need > self._arrays.capacity:
            self._arrays.grow_tracks(need)
            self._bind()

    def _learn_exits(self, rows: NDArray[np.intp]) -> None:
        """Where well-known tracks end for good, silence is borne for less time."""
        marks, numbers = self._arrays.marks[rows], self._arrays.numbers[rows]
        known = (marks[:, Mark.CONFIRMED] == 1) & (marks[:, Mark.HIT_NS] - marks[:, Mark.BORN_NS] > 1_000_000_000)
        self._arrays.note_lost(numbers[known][:, [Number.HIT_EAST_M, Number.HIT_NORTH_M]])

    def _take_sample(
        self, sample: MotionSample, row: NDArray[np.float64], place: tuple[float, float], raw: Fix, own: OwnPosition | None
    ) -> Verdict:
        east, north = place
        if not (abs(east) <= self._config.radius_m and abs(north) <= self._config.radius_m):
            return Verdict.OUT_OF_RANGE if east != east or north != north else Verdict.OUT_OF_AREA  # noqa: PLR0124  NaN
        if sample.fix_status == FixStatus.NONE and own is None:
            return Verdict.OUT_OF_RANGE
        refused = self._refused(sample.vehicle, sample.sequence, sample.measured_ns, sample.received_ns)
        if refused:
            return refused
        self._make_room(1)
        values = sample.measured_ns, row, east, north
        outcome = self._own.take(self._kernel, self._arrays, sample.vehicle, self._next_id, values, raw, own)
        self._next_id += outcome.begun
        self._note_faults(outcome.events, sample.measured_ns)
        self._note_binding(sample, outcome)
        return outcome.verdict

    def _note_binding(self, sample: MotionSample, outcome: Outcome) -> None:
        parting = outcome.parting
        if parting is not None:
            self.parted.append(parting)
            if parting.is_contradiction:
                self._faults.note_place(
                    parting.vehicle, (parting.apart_m, parting.track_m + parting.level_m), sample.measured_ns, cleared=False
                )
        elif outcome.bound:
            self._faults.note_place(sample.vehicle, (0.0, 0.0), sample.measured_ns, cleared=True)

    def _sightings(self, frame: RsuFrame, source: int, enu: NDArray[np.float64], outcome: NDArray[np.int64]) -> list[Sighting]:
        placed = np.flatnonzero(outcome >= 0)
        keys = self._arrays.marks[outcome[placed], Mark.VEHICLE]
        known = placed[keys != 0]
        if not len(known):
            return []
        shift_east, shift_north, turn = self._arrays.offsets[source]
        east, north = enu[known, 0], enu[known, 1]
        places = self._frame.geodetic_from_enu(east - shift_east - north * turn, north - shift_north + east * turn)
        sigmas = frame.rows[known, Detection.POSITION_SIGMA_M]
        usual = PROFILES[self._arrays.marks[outcome[known], Mark.CLASS], Profile.POSITION_SIGMA]
        sigmas = np.maximum(np.where(np.isnan(sigmas), usual, sigmas), LEAST_SIGMA_M)
        stamps = frame.measured_ns, frame.received_ns
        columns = zip(keys[keys != 0].tolist(), *(column.tolist() for column in (*places, sigmas)), strict=True)
        return [Sighting(self._own.name(key), latitude, longitude, sigma, *stamps) for key, latitude, longitude, sigma in columns]

    def _note_faults(self, count: int, now_ns: int) -> None:
        if count:
            stations = ["", *self._stations]
            self._faults.note(self._arrays, count, stations, self._own, now_ns)

    def _merge(self, now_ns: int) -> None:
        if abs(now_ns - self._merged_ns) < MERGE_PERIOD_NS:
            return
        self._merged_ns = now_ns
        self._remove_joined(duplicates(self._arrays, self._kernel, now_ns))

    def _remove_joined(self, pairs: list[tuple[int, int]]) -> None:
        if pairs:
            self._arrays.remove(np.array([gone for _, gone in pairs], np.intp))


def _part(state: Mapping[str, NDArray[np.generic]], prefix: str) -> dict[str, NDArray[np.generic]]:
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def _shows_motion(sample: MotionSample) -> bool:
    """Whether the way between its fixes is the vehicle's: a receiver in a narrow sky, and all but a fixed one, jumps by metres."""
    if sample.satellites is None:
        return sample.fix_status != FixStatus.NONE
    return sample.fix_status == FixStatus.RTK_FIXED and sample.satellites >= FULL_SKY
