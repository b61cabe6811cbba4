"""What the operator is told: counts, latencies by a clock one can foresee, and the summary's lines."""

import numpy as np
import pytest

from intersections.decisions import TrackReport
from tests.road import START_NS, command_arrival
from v2x import progress as progress_module
from v2x.clock import ScaledClock, SetClock
from v2x.progress import Progress, live_line, summary

MILLISECOND_NS = 1_000_000


class Batches:
    def __init__(self, *batches):
        self._batches = list(batches)

    async def take(self, deadline_ns):
        return self._batches.pop(0) if self._batches else None


def report_of(*ids, intersection="north"):
    count = len(ids)
    none = np.zeros((count, 2))
    return TrackReport(
        intersection, START_NS, np.array(ids, np.int64), np.zeros(count, np.uint8), np.zeros((count, 5)), np.zeros(count), none
    )


async def test_latency_is_from_arrival_to_the_next_take():
    clock = SetClock(START_NS + 3 * MILLISECOND_NS)
    progress = Progress(Batches([command_arrival(1), command_arrival(2)], []), clock)
    await progress.take(0)
    clock.set(START_NS + 5 * MILLISECOND_NS)
    await progress.take(0)
    assert progress.latency_ms() == pytest.approx((5.0, 5.0, 5.0))
    assert (progress.counts.samples, progress.counts.frames) == (2, 0)


async def test_only_the_latest_latencies_are_kept(monkeypatch):
    monkeypatch.setattr(progress_module, "LATENCIES_KEPT", 4)
    clock = SetClock(START_NS)
    progress = Progress(Batches(*[[command_arrival(number)] for number in range(10)]), clock)
    for number in range(10):
        await progress.take(0)
        clock.set(START_NS + (number + 1) * MILLISECOND_NS)
    await progress.take(0)
    assert progress.latency_ms()[0] == pytest.approx(8.5), "of 7, 8, 9 and 10 ms"


def test_each_track_is_counted_once_while_it_is_reported():
    progress = Progress(Batches(), SetClock())
    for ids in ((1, 2), (1, 2, 3), (3,)):
        progress.publish([report_of(*ids)], START_NS)
    progress.publish([report_of(1, intersection="south")], START_NS)
    assert progress.counts.tracks == 4
    assert progress.tracks_now == 2


def test_a_summary_before_anything_arrived_has_no_figures_to_invent():
    text = summary(Progress(Batches(), SetClock()), 1.0, {}, {"log": "kept"})
    assert "nothing arrived" in text
    assert "dropped" in text
    assert "none" in text
    assert "nan" not in text


def test_drops_are_named_by_reason():
    assert "3 received STALE" in summary(Progress(Batches(), SetClock()), 1.0, {"received STALE": 3, "queued QUEUE_FULL": 0}, {})
    assert "QUEUE_FULL" not in summary(Progress(Batches(), SetClock()), 1.0, {"queued QUEUE_FULL": 0}, {})


def test_the_live_line_fits_on_a_terminal():
    assert len(live_line(Progress(Batches(), SetClock()), 123456.0, 99999)) <= 120


def test_a_scaled_clock_starts_where_it_is_told_and_runs_forward():
    clock = ScaledClock(speed=1e6, start_ns=START_NS)
    first = clock.now_ns()
    assert first >= START_NS
    assert clock.now_ns() > first
    with pytest.raises(ValueError, match="not positive"):
        ScaledClock(speed=0.0)


def test_a_set_clock_never_runs_backwards():
    clock = SetClock(5)
    clock.set(5)
    with pytest.raises(ValueError, match="backwards"):
        clock.set(4)
