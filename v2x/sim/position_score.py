"""What vehicles know of their own position, before and after the road has fused it, against the truth.

Rules:
* Before is the vehicle's own fix, judged at the time it was measured. Moments without a fix have no error; they count as further than
  GOOD_M off, and their share is told.
* After is what came back to the vehicle, judged against the truth of the time the position is for, not of the time it came.
* Shares are of vehicle-seconds; a vehicle counts as within GOOD_M as a whole if that holds for 95 % of its own moments.
* What lies beyond its protection level is counted whether or not the position raised its alert.
* Bounded: errors are kept as counts per centimetre, truth for TRUTH_S, a vehicle as four numbers.
"""

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from v2x.sim.truth import Truth, between
from v2x.sim.vehicles import OwnSample

GOOD_M = 1.5  # the lane a vehicle is in
BIN_M = 0.01
FARTHEST_M = 200.0  # counted as so far
TRUTH_S = 2.0  # an answer about a moment longer ago is not judged, but counted


class Errors:
    """A distribution of errors to the centimetre."""

    def __init__(self) -> None:
        self.counts = np.zeros(round(FARTHEST_M / BIN_M) + 1, dtype=np.int64)

    def add(self, error_m: float) -> None:
        self.counts[min(round(error_m / BIN_M), len(self.counts) - 1)] += 1

    def quantile(self, share: float) -> float:
        """NaN of nothing."""
        total = int(self.counts.sum())
        return float(np.searchsorted(np.cumsum(self.counts), share * total)) * BIN_M if total else math.nan

    def share_within(self, error_m: float) -> float:
        total = int(self.counts.sum())
        return float(self.counts[: round(error_m / BIN_M) + 1].sum()) / total if total else math.nan


@dataclass(slots=True)
class _Vehicle:
    """Moments so far, and how many of them were within GOOD_M."""

    own: int = 0
    own_good: int = 0
    fused: int = 0
    fused_good: int = 0


@dataclass(frozen=True, slots=True)
class PositionFigures:
    """NaN where nothing was judged. Shares 0..1; `answered` is positions that came back per sample that was sent."""

    vehicles: int
    samples: int
    without_fix: float
    own_p50_m: float
    own_p95_m: float
    own_within: float
    own_vehicles_within: float
    positions: int
    answered: float
    fused_p50_m: float
    fused_p95_m: float
    fused_within: float
    fused_vehicles_within: float
    beyond_level: float  # of positions with a protection level
    median_level_m: float
    alerts: float
    unjudged: int


class PositionScore:
    """`show` each step of the world with its samples, then `judge` what comes back."""

    def __init__(self) -> None:
        self._steps: deque[tuple[Truth, Truth]] = deque()
        self._numbers: dict[str, int] = {}  # of the vehicles that ever sent; a word and a number each
        self._vehicles: dict[str, _Vehicle] = {}
        self._own, self._fused, self._levels = Errors(), Errors(), Errors()
        self._counts: Counter[str] = Counter()

    def show(self, before: Truth, after: Truth, samples: list[OwnSample]) -> None:
        self._steps.append((before, after))
        while self._steps[0][1].time_s < after.time_s - TRUTH_S:
            self._steps.popleft()
        for sample in samples:
            self._note(sample)

    def judge(self, vehicle: str, time_s: float, place_m: NDArray[np.float64], level_m: float, *, alert: bool) -> None:
        """A position (east, north) that came back to `vehicle`, for the simulation's `time_s`; level NaN = not told."""
        truth_m = self._truth(self._numbers.get(vehicle, -1), time_s)
        if truth_m is None:
            self._counts["unjudged"] += 1
            return
        error_m = float(np.hypot(*(place_m - truth_m)))
        self._fused.add(error_m)
        own = self._vehicles[vehicle]
        own.fused += 1
        own.fused_good += error_m <= GOOD_M
        self._counts["alerts"] += alert
        if not math.isnan(level_m):
            self._levels.add(level_m)
            self._counts["levels"] += 1
            self._counts["beyond"] += error_m > level_m

    def figures(self) -> PositionFigures:
        vehicles, counts = self._vehicles.values(), self._counts
        positions = sum(vehicle.fused for vehicle in vehicles)
        return PositionFigures(
            vehicles=len(vehicles),
            samples=counts["samples"],
            without_fix=_share(counts["without fix"], counts["samples"]),
            own_p50_m=self._own.quantile(0.5),
            own_p95_m=self._own.quantile(0.95),
            own_within=_share(sum(vehicle.own_good for vehicle in vehicles), counts["samples"]),
            own_vehicles_within=_share(sum(vehicle.own_good >= 0.95 * vehicle.own for vehicle in vehicles), len(vehicles)),
            positions=positions,
            answered=_share(positions, counts["samples"]),
            fused_p50_m=self._fused.quantile(0.5),
            fused_p95_m=self._fused.quantile(0.95),
            fused_within=self._fused.share_within(GOOD_M),
            fused_vehicles_within=_share(
                sum(vehicle.fused_good >= 0.95 * vehicle.fused for vehicle in vehicles if vehicle.fused),
                sum(vehicle.fused > 0 for vehicle in vehicles),
            ),
            beyond_level=_share(counts["beyond"], counts["levels"]),
            median_level_m=self._levels.quantile(0.5),
            alerts=_share(counts["alerts"], positions),
            unjudged=counts["unjudged"],
        )

    def _note(self, sample: OwnSample) -> None:
        self._numbers[sample.temporary_id] = sample.number
        own = self._vehicles.setdefault(sample.temporary_id, _Vehicle())
        error_m = float(np.hypot(*sample.fix.error_m[:2]))
        own.own += 1
        own.own_good += error_m <= GOOD_M  # never of NaN
        self._counts["samples"] += 1
        if math.isnan(error_m):
            self._counts["without fix"] += 1
        else:
            self._own.add(error_m)

    def _truth(self, number: int, time_s: float) -> NDArray[np.float64] | None:
        """Where it was then; None where nobody knows any more."""
        for before, after in self._steps:
            if before.time_s - 1e-6 <= time_s <= after.time_s + 1e-6:
                truth = between(before, after, time_s)
                row = int(np.searchsorted(truth.ids, number))
                return truth.motion[row, :2] if row < len(truth.ids) and truth.ids[row] == number else None
        return None


def as_json(figures: PositionFigures) -> dict[str, float | None]:
    """JSON knows no NaN."""
    return {name: None if math.isnan(value) else value for name, value in asdict(figures).items()}


def from_json(figures: Mapping[str, float | None]) -> PositionFigures:
    return PositionFigures(**{name: math.nan if value is None else value for name, value in figures.items()})  # type: ignore[arg-type]


def sentences(figures: PositionFigures) -> dict[str, str]:
    """Two lines of a summary, by name."""
    if not figures.samples:
        return {}
    before = f"p50 {figures.own_p50_m:.2f} p95 {figures.own_p95_m:.2f} m, {figures.own_within:.1%} of vehicle-seconds within {GOOD_M:g} m"
    rows = {"own position": f"{before}; {figures.without_fix:.1%} without a fix (receivers simulated)"}
    if not figures.positions:
        return rows | {"fused position": "none came back"}
    after = f"p50 {figures.fused_p50_m:.2f} p95 {figures.fused_p95_m:.2f} m, {figures.fused_within:.1%} within {GOOD_M:g} m"
    whole = f"{figures.fused_vehicles_within:.0%} of vehicles (before: {figures.own_vehicles_within:.0%}) for 95 % of their time"
    level = f"{figures.beyond_level:.2%} beyond the protection level (median {figures.median_level_m:.1f} m)"
    return rows | {"fused position": f"{after}, {whole}; {level} (5G simulated)"}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
