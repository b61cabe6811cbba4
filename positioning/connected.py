"""The connected vehicles of one intersection: what they, the network and the roadside say of where each is, through the fusion core.

Rules:
* One `ingest` and one `step` of the engine per step of the road, whatever the number of vehicles; none while there is no vehicle.
* Two filters per vehicle, so that no evidence is counted twice. The one *alone* takes what the vehicle and the network say: by it the
  vehicle finds its track, and is told from it again. The one that is *seen* takes the roadside's raw detections of that track besides.
  It begins with the first of them, and ends when the vehicle turns out to be another. No track's estimate enters either.
* Bounded: MAX_CONNECTED vehicles; the longest silent goes, at the latest after SILENT_NS.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, hypot, isnan, nan, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from positioning.frames import LocalFrame
from positioning.fusion import FusionConfig, FusionEngine
from positioning.measurements import VALUES, Kind, MeasurementBatch, Positions
from positioning.own import OwnPosition, Parting
from positioning.samples import Anchor, Detection, FixStatus, MotionSample, RangeSample, Verdict
from positioning.tracks import FULL_SKY, Sighting, TrackView

MAX_CONNECTED = 1024  # per intersection; two filters each
SILENT_NS = 60_000_000_000  # who said nothing for so long has left
ANSWERED_NS = 3_000_000_000  # who said nothing for so long is not told where he is
REACH_M = 5_000.0  # gNBs farther from the intersection are not heard there
LATE_S = 0.3  # what a mobile network may take at its worst, and no more than the engine's ring holds
COURSE_SIGMA_RAD = 0.2  # of a heading that may be the receiver's course over ground
COURSE_LEAST_MPS = 2.0  # slower than this it is noise
COURSE_HELPS_RAD2 = 0.01  # variance of the filter's own heading until which it is asked
HEADING_INFLATION = 3.0  # ten headings a second whose errors last about one
LEAST_VARIANCE = 1e-8  # of what is shown
SIGHTING_LASTS_S = 10.0  # what a mast gets wrong of a vehicle stays for as long as that passes it; only the first sighting is all news
LEAST_APART_S = 0.02  # of two stations
MAST_SIGMA_M = 0.2  # how well a mast's own place and azimuth are known
USUAL_SATELLITES = {FixStatus.RTK_FIXED: 11.0}
POOR_FIX_M = 5.0
Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Link:
    """`number`: its filters are 2 number (alone) and 2 number + 1 (seen)."""

    number: int
    heard_ns: int
    seen: bool = False
    sighted_ns: int = 0  # the newest sighting
    disputed: bool = False  # the roadside has contradicted its own position: an alert until it is sighted again


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedRows:
    """The vehicles that are answered, by row. motion: (n, 4) east m, north m, speed m/s, heading rad clockwise."""

    vehicles: tuple[str, ...]
    motion: Floats
    sigma_m: Floats
    level_m: Floats
    alert: NDArray[np.bool_]
    sources: NDArray[np.uint32]


class ConnectedVehicles:
    """Samples are taken first, then `fuse` moves all filters on; what is asked after that holds for its moment."""

    def __init__(self, frame: LocalFrame, anchors: Sequence[Anchor] = ()) -> None:
        near = _within_reach(frame, anchors)
        self._anchors = {anchor.id: row for row, anchor in enumerate(near)}
        places = np.array([(anchor.latitude_rad, anchor.longitude_rad, anchor.height_m) for anchor in near]).reshape(-1, 3)
        self._engine = FusionEngine(2 * MAX_CONNECTED, frame, FusionConfig(late_s=LATE_S, forget_s=SILENT_NS * 1e-9), places)
        self._k_sigma = self._engine.config.k_sigma
        self._links: dict[str, _Link] = {}  # the longest silent first
        self._next_number = 0
        self._rows: list[tuple[int, int, int, int]] = []  # kind, filter, measured, received; taken but not fused yet
        self._values: list[tuple[float, ...]] = []
        self._turned: frozenset[int] = frozenset()  # filters that know their heading
        self._latest: Positions | None = None
        self._row: dict[int, int] = {}  # of `_latest`, by filter

    def take_motion(self, sample: MotionSample, *, doubts_speed: bool = False) -> None:
        """`doubts_speed`: its fixes have shown that its wheels are not to be believed."""
        link = self._hear(sample.vehicle, sample.received_ns)
        row = sample.row.tolist()
        stamps = sample.measured_ns, sample.received_ns
        for each in _filters(link):
            if sample.fix_status != FixStatus.NONE:
                place = row[Detection.LATITUDE_RAD], row[Detection.LONGITUDE_RAD], sample.altitude_m
                sigma_m = row[Detection.POSITION_SIGMA_M]
                worth = float(sample.fix_status), _satellites(sample, sigma_m), sample.correction_age_s, sigma_m
                self._add(Kind.FIX, each, stamps, *place, *worth)
            if not (doubts_speed or isnan(row[Detection.SPEED_MPS])):
                self._add(Kind.WHEEL_SPEED, each, stamps, row[Detection.SPEED_MPS])
            if not isnan(row[Detection.YAW_RATE_RADPS]):
                self._add(Kind.YAW_RATE, each, stamps, row[Detection.YAW_RATE_RADPS])
            sigma_rad = self._heading_sigma(each, row)
            if not isnan(row[Detection.HEADING_RAD]) and not isnan(sigma_rad):
                self._add(Kind.HEADING, each, stamps, row[Detection.HEADING_RAD], sigma_rad)

    def take_ranges(self, sample: RangeSample) -> Counter[Verdict]:
        """-> what was not even tried."""
        link = self._hear(sample.vehicle, sample.received_ns)
        unknown: Counter[Verdict] = Counter()
        for anchor, range_m in zip(sample.anchors, sample.range_m.tolist(), strict=True):
            row = self._anchors.get(anchor)
            if row is None:
                unknown[Verdict.UNKNOWN_ANCHOR] += 1
                continue
            for each in _filters(link):
                self._add(Kind.RANGE, each, (sample.measured_ns, sample.received_ns), range_m, float(row))
        return unknown

    def take_sightings(self, sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            link = self._links.get(sighting.vehicle)
            if link is not None:
                apart_s = min(max(abs(sighting.measured_ns - link.sighted_ns) * 1e-9, LEAST_APART_S), SIGHTING_LASTS_S)
                sigma_m = hypot(sighting.sigma_m, MAST_SIGMA_M) * sqrt(SIGHTING_LASTS_S / apart_s)
                link.seen, link.disputed, link.sighted_ns = True, False, max(link.sighted_ns, sighting.measured_ns)
                stamps = sighting.measured_ns, sighting.received_ns
                self._add(Kind.ROADSIDE_DETECTION, 2 * link.number + 1, stamps, sighting.latitude_rad, sighting.longitude_rad, sigma_m)

    def part(self, parting: Parting) -> None:
        """The roadside's detections of late were of another road user, or the vehicle is wrong about itself."""
        link = self._links.get(parting.vehicle)
        if link is not None and link.seen:
            link.seen, link.disputed = False, parting.is_dispute
            self._engine.forget([2 * link.number + 1])

    def fuse(self, now_ns: int) -> Counter[Verdict]:
        """-> what became of the measurements, once per filter that they went to."""
        while self._links and next(iter(self._links.values())).heard_ns < now_ns - SILENT_NS:
            self._drop(next(iter(self._links)))
        if not self._links:
            self._latest, self._row = None, {}
            return Counter()
        verdicts = self._engine.ingest(self._batch()) if self._rows else Counter()
        latest = self._latest = self._engine.step(now_ns)
        ids = latest.id.tolist()
        self._row = dict(zip(ids, range(len(ids)), strict=True))
        self._turned = frozenset(latest.id[latest.covariance[:, 3, 3] < COURSE_HELPS_RAD2].tolist())
        return verdicts

    def alone(self, vehicle: str, measured_ns: int) -> OwnPosition | None:
        """Where the vehicle was then by its own and the network's word. `sigma_m`: what its protection level comes to as one."""
        link, latest = self._links.get(vehicle), self._latest
        row = -1 if link is None else self._row.get(2 * link.number, -1)
        if row < 0 or latest is None:
            return None
        heading_rad, level_m = float(latest.heading_rad[row]), float(latest.protection_level_m[row])
        back_m = float(latest.speed_mps[row]) * (int(latest.time_ns[row]) - measured_ns) * 1e-9
        east_m, north_m = float(latest.east_m[row]) - back_m * sin(heading_rad), float(latest.north_m[row]) - back_m * cos(heading_rad)
        return OwnPosition(east_m, north_m, level_m / self._k_sigma, level_m, bool(latest.alert[row]))

    def show(self, view: TrackView) -> dict[int, float]:
        """Where a vehicle's own state is the better known, put it into the view. -> protection levels, by track."""
        latest = self._latest
        if latest is None or not view.vehicles:
            return {}
        shown: dict[int, float] = {}
        rows = dict(zip(view.ids.tolist(), range(len(view.ids)), strict=True))
        for track, vehicle in view.vehicles.items():
            source, row = self._best(vehicle), rows[track]
            if source < 0 or latest.alert[source] or self._links[vehicle].disputed:
                continue
            p = latest.covariance[source]
            sigma_m = float(np.sqrt(0.5 * (p[0, 0] + p[1, 1])))
            if sigma_m < view.sigma[row, 0]:
                view.motion[row, :4] = (
                    latest.east_m[source], latest.north_m[source], latest.speed_mps[source], latest.heading_rad[source]
                )  # fmt: skip
                view.sigma[row] = sigma_m, np.sqrt(max(p[2, 2], LEAST_VARIANCE)), np.sqrt(max(p[3, 3], LEAST_VARIANCE))
                shown[track] = float(latest.protection_level_m[source])
        return shown

    def is_answering(self, now_ns: int) -> bool:
        return bool(self._links) and next(reversed(self._links.values())).heard_ns > now_ns - ANSWERED_NS

    def corrected(self, now_ns: int) -> CorrectedRows | None:
        """Of every vehicle heard of late: the state with the smaller protection level, one without an alert first."""
        latest = self._latest
        if latest is None:
            return None
        heard = [name for name, link in self._links.items() if link.heard_ns > now_ns - ANSWERED_NS]
        found = [(name, row) for name in heard if (row := self._best(name)) >= 0]
        if not found:
            return None
        rows = np.array([row for _, row in found])
        p = latest.covariance[rows]
        motion = (latest.east_m[rows], latest.north_m[rows], latest.speed_mps[rows], latest.heading_rad[rows])
        return CorrectedRows(
            vehicles=tuple(name for name, _ in found),
            motion=np.column_stack(motion),
            sigma_m=np.sqrt(0.5 * (p[:, 0, 0] + p[:, 1, 1])),
            level_m=latest.protection_level_m[rows],
            alert=latest.alert[rows] | np.array([self._links[name].disputed for name, _ in found]),
            sources=latest.sources[rows],
        )

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        links = self._links.values()
        return {f"engine.{name}": array for name, array in self._engine.snapshot().items()} | {
            "names": np.array(list(self._links), dtype=np.str_),
            "links": np.array([(k.number, k.heard_ns, k.seen, k.sighted_ns, k.disputed) for k in links], np.int64).reshape(-1, 5),
            "turned": np.array(sorted(self._turned), np.int64),
            "next_number": np.array([self._next_number], np.int64),
        }

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on as the snapshot's would have, once the next `fuse` has said where everybody is."""
        self._engine.restore({name.removeprefix("engine."): array for name, array in state.items() if name.startswith("engine.")})
        links = (
            _Link(number, heard_ns, bool(seen), at_ns, bool(disputed))
            for number, heard_ns, seen, at_ns, disputed in state["links"].tolist()
        )
        self._links = dict(zip(map(str, state["names"]), links, strict=True))
        self._turned = frozenset(state["turned"].tolist())
        self._next_number = int(state["next_number"][0])
        self._rows, self._values, self._latest, self._row = [], [], None, {}

    def _heading_sigma(self, each: int, row: Sequence[float]) -> float:
        """NaN: not to be used. One of unknown origin may be the course of the very fixes that are fused: it only helps at the start."""
        claimed_rad = row[Detection.HEADING_SIGMA_RAD]
        if not isnan(claimed_rad):
            return HEADING_INFLATION * claimed_rad
        return COURSE_SIGMA_RAD if each not in self._turned and row[Detection.SPEED_MPS] > COURSE_LEAST_MPS else nan

    def _best(self, vehicle: str) -> int:
        """The row of `_latest` that says best where the vehicle is; -1 where none does."""
        link, latest = self._links.get(vehicle), self._latest
        if link is None or latest is None:
            return -1
        rows = [row for each in _filters(link) if (row := self._row.get(each)) is not None]
        return min(rows, key=lambda row: (latest.alert[row], latest.protection_level_m[row]), default=-1)

    def _hear(self, vehicle: str, now_ns: int) -> _Link:
        link = self._links.pop(vehicle, None)
        if link is None:
            if len(self._links) >= MAX_CONNECTED:
                self._drop(next(iter(self._links)))
            link = _Link(self._next_number, now_ns)
            self._next_number += 1
        link.heard_ns = now_ns
        self._links[vehicle] = link
        return link

    def _drop(self, vehicle: str) -> None:
        number = self._links.pop(vehicle).number
        self._engine.forget([2 * number, 2 * number + 1])

    def _add(self, kind: Kind, each: int, stamps: tuple[int, int], *values: float) -> None:
        self._rows.append((kind, each, *stamps))
        self._values.append(values + (nan,) * (VALUES - len(values)))

    def _batch(self) -> MeasurementBatch:
        columns = np.array(self._rows, np.int64).T
        values = np.array(self._values)
        self._rows, self._values = [], []
        return MeasurementBatch(columns[0].astype(np.uint8), columns[1], columns[2], columns[3], values)


def _filters(link: _Link) -> tuple[int, ...]:
    return (2 * link.number, 2 * link.number + 1) if link.seen else (2 * link.number,)


def _satellites(sample: MotionSample, sigma_m: float) -> float:
    """Who does not count is taken to have a usual sky, but not against the receiver's own word: it may understate, hardly exaggerate."""
    if sample.satellites is not None:
        return float(sample.satellites)
    return USUAL_SATELLITES.get(sample.fix_status, FULL_SKY) if not sigma_m > POOR_FIX_M else 0.0


def _within_reach(frame: LocalFrame, anchors: Sequence[Anchor]) -> list[Anchor]:
    if not anchors:
        return []
    enu = frame.enu_from_geodetic([anchor.latitude_rad for anchor in anchors], [anchor.longitude_rad for anchor in anchors])
    return [anchor for anchor, (east, north) in zip(anchors, enu.tolist(), strict=True) if east * east + north * north <= REACH_M**2]
