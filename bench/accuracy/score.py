"""From errors and protection levels to the figures.

Rules:
* Every truth epoch after the run's first seconds counts. One without a position counts as an error of 100 m and as misleading.
* Misleading: the error is not within the protection level, alert or no alert; a protection level that is no number protects nothing.
* Available: there is a position and no alert.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ERROR_WITHOUT_POSITION_M = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Epochs:
    """The scored epochs of a run: time_s since its start, error_m, protection_level_m (NaN without a position), alert, cpu_us."""

    time_s: NDArray[np.float64]
    error_m: NDArray[np.float64]
    protection_level_m: NDArray[np.float64]
    alert: NDArray[np.bool_]
    cpu_us: NDArray[np.float64]
    gap: NDArray[np.int64]  # number of the window without GNSS, -1 outside

    @property
    def missing(self) -> NDArray[np.bool_]:
        return np.isnan(self.error_m)


def pooled(runs: list[Epochs]) -> Epochs:
    names = ("time_s", "error_m", "protection_level_m", "alert", "cpu_us", "gap")
    return Epochs(*(np.concatenate([getattr(run, name) for run in runs]) for name in names))


def score(epochs: Epochs) -> dict[str, float]:
    """Figures of one run; ValueError where nothing is to be scored."""
    if not len(epochs.error_m):
        raise ValueError("no truth epoch to score")
    error = np.where(epochs.missing, ERROR_WITHOUT_POSITION_M, epochs.error_m)
    level = np.where(epochs.missing, np.nan, epochs.protection_level_m)
    misleading = ~(error <= level)
    known = level[np.isfinite(level)]
    median, p95 = np.percentile(known, [50, 95]) if len(known) else (np.inf, np.inf)
    p50_m, p90_m, p95_m, p99_m = np.percentile(error, [50, 90, 95, 99])
    figures = {
        "p50_m": p50_m,
        "p90_m": p90_m,
        "p95_m": p95_m,
        "p99_m": p99_m,
        "max_m": error.max(),
        "rms_m": np.sqrt((error**2).mean()),
        "misleading": misleading.mean(),
        "pl_median_m": median,
        "pl_p95_m": p95,
        "inform": smallest_constant_level(error, int(misleading.sum())) / median,
        "availability": (~epochs.missing & ~epochs.alert).mean(),
        "cpu_us_per_epoch": epochs.cpu_us.mean(),
    }
    return {name: float(value) for name, value in (figures | _gap_figures(error, epochs.gap)).items()}


def smallest_constant_level(error_m: NDArray[np.float64], misleading: int) -> float:
    """The least level that, held constant, misleads in no more than as many epochs."""
    ascending = np.sort(error_m)
    return float(ascending[len(ascending) - 1 - misleading]) if misleading < len(ascending) else 0.0


def mean(scores: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([figures[name] for figures in scores])) for name in scores[0]}


def _gap_figures(error_m: NDArray[np.float64], gap: NDArray[np.int64]) -> dict[str, float]:
    """The greatest error of each window without GNSS: their median and the worst."""
    maxima = [error_m[gap == number].max() for number in np.unique(gap[gap >= 0])]
    return {"outage_median_max_m": float(np.median(maxima)), "outage_worst_m": float(max(maxima))} if maxima else {}
