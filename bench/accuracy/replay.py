"""One run through one engine, causally: what had been received by then goes in, a position is asked for at each truth epoch."""

import time
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.runs import NS, Run, rows_of
from bench.accuracy.score import Epochs
from positioning.measurements import Fusion

PIECE_NS = NS // 10
LATITUDE, LONGITUDE, LEVEL, ALERT, CPU_US = range(5)


def replay(run: Run, engine: Fusion) -> Epochs:
    """The epochs to be scored: those later than the run's warm-up, counted from the first truth epoch."""
    answers = _answers(run, engine)
    enu_m = run.frame.enu_from_geodetic(answers[:, LATITUDE], answers[:, LONGITUDE])
    error_m = np.hypot(*(enu_m - run.truth_enu_m).T)
    time_s = (run.truth_ns - run.truth_ns[0]) / NS
    scored = time_s > run.warm_up_s
    table = answers[scored]
    return Epochs(time_s[scored], error_m[scored], table[:, LEVEL], table[:, ALERT] == 1, table[:, CPU_US], gap_of(run)[scored])


def _answers(run: Run, engine: Fusion) -> NDArray[np.float64]:
    """A row per truth epoch; NaN where the engine has no position."""
    answers = np.full((len(run.truth_ns), 5), np.nan)
    seen = 0
    ends = np.searchsorted(run.batch.received_ns, run.truth_ns, "right")
    for answer, now_ns, end in zip(answers, run.truth_ns.tolist(), ends, strict=True):
        arrived = [rows_of(run.batch, piece) for piece in _pieces(run.batch.received_ns, seen, end)]
        seen = end
        start_ns = time.process_time_ns()
        for received in arrived:
            engine.ingest(received)
        positions = engine.step(now_ns)
        answer[CPU_US] = (time.process_time_ns() - start_ns) / 1e3
        if len(positions.id):
            place = positions.latitude_rad[0], positions.longitude_rad[0]
            answer[:CPU_US] = *place, positions.protection_level_m[0], positions.alert[0]
    return answers


def _pieces(received_ns: NDArray[np.int64], start: int, end: int) -> list[slice]:
    """What arrived in the same tenth of a second is handed over together, as a service would."""
    cuts = [start, *(start + 1 + np.flatnonzero(np.diff(received_ns[start:end] // PIECE_NS))), end]
    return [slice(first, last) for first, last in pairwise(cuts) if last > first]


def gap_of(run: Run) -> NDArray[np.int64]:
    """Number of the window without GNSS that each truth epoch lies in, -1 outside."""
    gap = np.full(len(run.truth_ns), -1)
    for number, (start_ns, end_ns) in enumerate(run.gaps_ns):
        gap[(run.truth_ns > start_ns) & (run.truth_ns <= end_ns)] = number
    return gap
