"""Figures of one benchmark run: measured in CPU time, recorded flat, judged against their budgets.

Rules:
* A figure is a ratio of two CPU times of the same run, or a CPU time brought to the reference machine by `calibration_ms`.
* `record` keeps the figure before it judges it, so a run beyond a budget still writes `build/bench.json`.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

BENCH_JSON = Path("build/bench.json")
CALIBRATION_REFERENCE_MS = 4.2  # calibration_ms() of the machine the budgets were written on

_figures: dict[str, float] = {}


class OverBudgetError(AssertionError):
    """A figure passed its budget."""


def record(name: str, value: float, at_most: float | None = None, at_least: float | None = None) -> None:
    """Keep `value` under `name` for `build/bench.json`; raise OverBudgetError outside its bounds."""
    _figures[name] = round(float(value), 6)
    if at_most is not None and value > at_most:
        raise OverBudgetError(f"{name} = {value:.4g}, budget {at_most:g}")
    if at_least is not None and value < at_least:
        raise OverBudgetError(f"{name} = {value:.4g}, at least {at_least:g} wanted")


def write(path: Path = BENCH_JSON) -> None:
    """Merge this run's figures into the file, so that one benchmark can be run again alone."""
    known = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known | _figures, indent=1, sort_keys=True) + "\n")


def cpu_ms(function: Callable[[], object], repeats: int) -> float:
    """Least CPU time of one call over `repeats` calls, ms: the least is what the noise of a shared machine adds to."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time_ns()
        function()
        best = min(best, (time.process_time_ns() - start) / 1e6)
    return best


def calibration_ms() -> float:
    """CPU time now of a fixed load, half interpreter and half arrays, as the chain is."""
    values = np.random.default_rng(1).random(40_000)

    def load() -> float:
        total = 0.0
        for index in range(30_000):
            total += (index * 7919) % 1013
        ordered = np.sort(values)
        return total + float(np.hypot(ordered, np.sin(values)).sum())

    return cpu_ms(load, 25)
