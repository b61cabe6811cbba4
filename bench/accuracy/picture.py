"""What a score looks like: error with its protection level over time, and the Stanford diagram (one against the other)."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.accuracy.score import Epochs

LEAST_M = 0.01
BINS = 80


def draw(title: str, first: Epochs, everything: Epochs, path: Path) -> None:
    """`first` over time (one run of the set, or its epochs in their order where they have no common time), `everything` in the diagram."""
    figure = Figure(figsize=(13, 5), layout="constrained")
    over_time, stanford = figure.subplots(1, 2, width_ratios=[1.6, 1])
    _over_time(over_time, first)
    _stanford(stanford, everything)
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _over_time(axes: Axes, epochs: Epochs) -> None:
    has_time = len(epochs.time_s) > 1 and (np.diff(epochs.time_s) > 0).all()
    across = epochs.time_s if has_time else np.arange(len(epochs.time_s))
    for where, colour, label in (
        (epochs.gap >= 0, "#e8e8e8", "without GNSS"),
        (epochs.missing, "#f4c7c3", "no position"),
        (epochs.alert, "#f6dfa4", "alert"),
    ):
        if where.any():
            axes.fill_between(across, 0, 1, where=where, color=colour, transform=axes.get_xaxis_transform(), label=label)
    axes.plot(across, np.maximum(epochs.protection_level_m, LEAST_M), color="#d9822b", linewidth=0.9, label="protection level")
    axes.plot(across, np.maximum(epochs.error_m, LEAST_M), color="#2f6fb0", linewidth=0.8, label="error")
    axes.set(yscale="log", xlabel="time, s" if has_time else "epoch", ylabel="m", ylim=(LEAST_M, None))
    axes.margins(x=0.01)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, fontsize="small")
    axes.grid(alpha=0.3)


def _stanford(axes: Axes, epochs: Epochs) -> None:
    known = ~epochs.missing & np.isfinite(epochs.protection_level_m)
    error, level = (np.maximum(column[known], LEAST_M) for column in (epochs.error_m, epochs.protection_level_m))
    greatest = max(1.0, error.max(initial=0), level.max(initial=0))
    edges = np.geomspace(LEAST_M, 1.5 * greatest, BINS)
    axes.fill_between(edges, LEAST_M, edges, color="#c0392b", alpha=0.08, linewidth=0)
    axes.hist2d(error, level, bins=[edges, edges], norm="log", cmin=1, cmap="viridis")
    axes.plot(edges, edges, color="#c0392b", linewidth=1)
    axes.text(0.97, 0.03, "misleading below the line", transform=axes.transAxes, ha="right", fontsize="small", color="#c0392b")
    axes.set(xscale="log", yscale="log", xlabel="error, m", ylabel="protection level, m", aspect="equal")
