"""Tracks against truth: coverage, false tracks, error, identity switches, GOSPA.

Rules:
* A track and a road user match within 2 m. Matches of the report before are kept while they hold, the rest is assigned at the least
  total distance (CLEAR MOT, Bernardin & Stiefelhagen 2008, section 2.2).
* All road users can be matched; only those in view must be: a free ray to a station now or within the last 2 s.
* A track outside every station's range is not judged: nothing there was promised.
* A road user's identity switches when its track id changes while it stays in view; after it was out of view it may get a new one.
* GOSPA is the mean over reports, alpha 2 (Rahmathullah, Garcia-Fernandez, Svensson 2017, eq. 1 and proposition 1), of the tracks in
  range against the road users in view; tracks of road users that are not in view are left out of it.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # scipy ships no types

MATCH_GATE_M = 2.0
GOSPA_POWER = 2
GOSPA_CUTOFF_M = 2.0
Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Truth and tracks at one time. Positions (n, 2) m; `in_view` (n,) of the truth; `in_range` (m,) of the tracks."""

    truth_ids: Ids
    truth_m: Floats
    in_view: NDArray[np.bool_]
    track_ids: Ids
    tracks_m: Floats
    in_range: NDArray[np.bool_]
    time_ns: int = 0


@dataclass(frozen=True, slots=True)
class Gospa:
    """Distance in m; the parts are sums of squares in m^2: distance^2 = localisation + missed + false."""

    distance_m: float
    localisation_m2: float
    missed_m2: float
    false_m2: float


def gospa(truth_m: Floats, tracks_m: Floats, cutoff_m: float = GOSPA_CUTOFF_M) -> Gospa:
    """GOSPA with p = 2, alpha = 2. A pair further apart than the cut-off costs as much as one missed and one false."""
    squares = _distances(truth_m, tracks_m) ** GOSPA_POWER
    full = cutoff_m**GOSPA_POWER
    rows, columns = linear_sum_assignment(np.minimum(squares, full))
    assigned = squares[rows, columns] < full
    pairs = int(assigned.sum())
    localisation = float(squares[rows, columns][assigned].sum())
    missed, false = full / 2.0 * (len(truth_m) - pairs), full / 2.0 * (len(tracks_m) - pairs)
    return Gospa(math.sqrt(localisation + missed + false), localisation, missed, false)


@dataclass(frozen=True, slots=True)
class TrackScore:
    """One run's figures. Shares are of object-seconds in view and of track-seconds in range."""

    reports: int
    objects: int
    object_seconds: float
    coverage: float
    false_share: float
    median_error_m: float
    p95_error_m: float
    switches: int
    switches_per_100: float
    gospa_m: float
    gospa_localisation_m2: float
    gospa_missed_m2: float
    gospa_false_m2: float


@dataclass(slots=True)
class Scorer:
    """Takes scene after scene; `score` sums up. `period_s` is the time one scene stands for."""

    period_s: float = 0.1
    matches: dict[int, int] = field(default_factory=dict)  # truth id -> track id of the scene before
    _last_track: dict[int, int] = field(default_factory=dict)  # truth id -> its latest track id since it came into view
    _objects: set[int] = field(default_factory=set)
    _errors: list[Floats] = field(default_factory=list)
    _whose: list[Ids] = field(default_factory=list)
    _gospa: list[Gospa] = field(default_factory=list)
    _in_view: int = 0
    _covered: int = 0
    _judged: int = 0
    _false: int = 0
    _switches: int = 0

    def add(self, scene: Scene) -> list[tuple[int, int]]:
        """Match one scene; the pairs as indices of truth and track."""
        pairs = self._match(scene)
        self.matches = {int(scene.truth_ids[i]): int(scene.track_ids[j]) for i, j in pairs}
        first, second = (np.array([pair[side] for pair in pairs], dtype=np.intp) for side in (0, 1))
        matched = np.zeros(len(scene.track_ids), dtype=bool)
        matched[second] = True
        self._in_view += int(scene.in_view.sum())
        self._covered += int(scene.in_view[first].sum())
        self._judged += int(scene.in_range.sum())
        self._false += int((scene.in_range & ~matched).sum())
        viewed = scene.in_view[first]
        self._errors.append(np.hypot(*(scene.truth_m[first] - scene.tracks_m[second])[viewed].T))
        whose = scene.truth_ids[first][viewed]
        self._whose.append(np.column_stack([np.full(len(whose), scene.time_ns), whose]))
        self._count_switches(scene)
        elsewhere = np.zeros(len(scene.track_ids), dtype=bool)
        elsewhere[second[~viewed]] = True
        self._gospa.append(gospa(scene.truth_m[scene.in_view], scene.tracks_m[scene.in_range & ~elsewhere]))
        return pairs

    def score(self) -> TrackScore:
        errors = np.concatenate(self._errors) if self._errors else np.zeros(0)
        parts = np.array([(part.distance_m, part.localisation_m2, part.missed_m2, part.false_m2) for part in self._gospa])
        distance, localisation, missed, false = parts.mean(axis=0).tolist() if len(parts) else [math.nan] * 4
        median, p95 = np.quantile(errors, [0.5, 0.95]).tolist() if len(errors) else (math.nan, math.nan)
        return TrackScore(
            reports=len(self._gospa),
            objects=len(self._objects),
            object_seconds=self._in_view * self.period_s,
            coverage=self._covered / max(self._in_view, 1),
            false_share=self._false / max(self._judged, 1),
            median_error_m=median,
            p95_error_m=p95,
            switches=self._switches,
            switches_per_100=100.0 * self._switches / max(len(self._objects), 1),
            gospa_m=distance,
            gospa_localisation_m2=localisation,
            gospa_missed_m2=missed,
            gospa_false_m2=false,
        )

    def errors(self) -> tuple[Ids, Floats]:
        """Every error with when it was and whose: (n, 2) time_ns and truth id; (n,) m."""
        if not self._errors:
            return np.zeros((0, 2), dtype=np.int64), np.zeros(0)
        return np.concatenate(self._whose), np.concatenate(self._errors)

    def _match(self, scene: Scene) -> list[tuple[int, int]]:
        distances = _distances(scene.truth_m, scene.tracks_m)
        rows = {int(number): index for index, number in enumerate(scene.truth_ids.tolist())}
        columns = {int(number): index for index, number in enumerate(scene.track_ids.tolist())}
        known = [(rows[truth], columns[track]) for truth, track in self.matches.items() if truth in rows and track in columns]
        kept = [pair for pair in known if distances[pair] <= MATCH_GATE_M]
        free_rows = np.setdiff1d(np.arange(len(rows)), [pair[0] for pair in kept])
        free_columns = np.setdiff1d(np.arange(len(columns)), [pair[1] for pair in kept])
        costs = distances[np.ix_(free_rows, free_columns)]
        chosen = linear_sum_assignment(np.where(costs <= MATCH_GATE_M, costs, 1e3))  # as many pairs in the gate as there can be
        return kept + [(int(free_rows[i]), int(free_columns[j])) for i, j in zip(*chosen, strict=True) if costs[i, j] <= MATCH_GATE_M]

    def _count_switches(self, scene: Scene) -> None:
        for truth in scene.truth_ids[~scene.in_view].tolist():
            self._last_track.pop(truth, None)
        for truth in scene.truth_ids[scene.in_view].tolist():
            self._objects.add(truth)
            track = self.matches.get(truth)
            if track is None:
                continue
            self._switches += self._last_track.get(truth, track) != track
            self._last_track[truth] = track


def _distances(first_m: Floats, second_m: Floats) -> Floats:
    difference = first_m.reshape(-1, 1, 2) - second_m.reshape(1, -1, 2)
    distances: Floats = np.hypot(difference[..., 0], difference[..., 1])
    return distances
