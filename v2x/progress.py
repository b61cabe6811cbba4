"""What the operator sees of a running road: a live line, and a summary at the end.

Rules:
* Counting costs the road a few microseconds a step, printing nothing: the line is written by a task of its own.
* Latency here is from the arrival of a sample to the end of its step, decisions handed to the sinks; what the network adds
  is measured by a subscriber (`v2x bench-client`).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from intersections.decisions import Decision, SensorFault, TrackReport, Warning, WarningKind, WarningState
from positioning.samples import RsuFrame
from v2x.arrivals import Arrival, SampleSource
from v2x.clock import Clock

LATENCIES_KEPT = 1 << 16  # the latest arrivals, in place from the start: a busy district's five minutes
LINE_PERIOD_S = 1.0


@dataclass(slots=True)
class Counts:
    """What came and what was decided since the start."""

    samples: int = 0
    frames: int = 0
    objects: int = 0
    steps: int = 0
    tracks: int = 0
    sensor_faults: int = 0


class Progress:
    """Stands at both ends of the road: wraps its source and is one of its sinks."""

    def __init__(self, source: SampleSource, clock: Clock) -> None:
        self.counts = Counts()
        self.warnings: Counter[str] = Counter(dict.fromkeys(WarningKind, 0))
        self._source = source
        self._clock = clock
        self._taken: Sequence[Arrival] = ()
        self._latencies_ns = np.zeros(LATENCIES_KEPT, np.int64)
        self._stepped = 0
        self._ids: dict[str, frozenset[int]] = {}

    async def take(self, deadline_ns: int) -> list[Arrival] | None:
        """The road asks for more when it has stepped what it took before."""
        if self._taken:
            now_ns = self._clock.now_ns()
            for arrival in self._taken:
                self._latencies_ns[self._stepped % LATENCIES_KEPT] = now_ns - arrival.received_ns
                self._stepped += 1
        taken = await self._source.take(deadline_ns)
        self._taken = taken or ()
        self._note_arrivals()
        return taken

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:  # noqa: ARG002 - the Protocol's
        for decision in decisions:
            match decision:
                case TrackReport():
                    self._note_tracks(decision)
                case Warning():
                    self.warnings[decision.kind] += decision.state is WarningState.RAISED
                case SensorFault():
                    self.counts.sensor_faults += not decision.cleared

    @property
    def tracks_now(self) -> int:
        return sum(map(len, self._ids.values()))

    def latency_ms(self) -> tuple[float, float, float]:
        """p50, p99, p99.9 of the latest arrivals; NaN before the first."""
        if not self._stepped:
            return float("nan"), float("nan"), float("nan")
        p50, p99, p999 = np.percentile(self._latencies_ns[: self._stepped], (50.0, 99.0, 99.9)) / 1e6
        return float(p50), float(p99), float(p999)

    def _note_arrivals(self) -> None:
        counts = self.counts
        counts.steps += 1
        counts.samples += len(self._taken)
        for arrival in self._taken:
            if isinstance(arrival.sample, RsuFrame):
                counts.frames += 1
                counts.objects += len(arrival.sample.rows)

    def _note_tracks(self, report: TrackReport) -> None:
        ids = frozenset(report.ids.tolist())
        self.counts.tracks += len(ids - self._ids.get(report.intersection, frozenset()))
        self._ids[report.intersection] = ids


def live_line(progress: Progress, objects_per_s: float, dropped: int) -> str:
    p50_ms, p99_ms, _ = progress.latency_ms()
    warnings = "  ".join(f"{kind} {count}" for kind, count in progress.warnings.items())
    return (
        f"{objects_per_s:7.0f} objects/s  {progress.tracks_now:4d} tracks  {warnings}  "
        f"step p50 {p50_ms:.1f} p99 {p99_ms:.1f} ms  dropped {dropped}"
    )


async def show_live_line(progress: Progress, dropped: Callable[[], int], out: TextIO) -> None:
    """Rewrite one line each second until cancelled."""
    before, width = progress.counts.objects, 0
    try:
        while True:
            await asyncio.sleep(LINE_PERIOD_S)
            line = live_line(progress, (progress.counts.objects - before) / LINE_PERIOD_S, dropped())
            before = progress.counts.objects
            width = max(width, len(line))
            out.write(f"\r{line:<{width}}")
            out.flush()
    finally:
        out.write("\r" + " " * width + "\r")
        out.flush()


def summary(progress: Progress, elapsed_s: float, drops: Mapping[str, int], notes: Mapping[str, str]) -> str:
    """The closing summary, a figure a line."""
    counts = progress.counts
    p50_ms, p99_ms, p999_ms = progress.latency_ms()
    dropped = ", ".join(f"{count} {reason}" for reason, count in drops.items() if count) or "none"
    rows = {
        "ran for": f"{elapsed_s:.1f} s",
        "frames": f"{counts.frames}",
        "objects": f"{counts.objects} ({counts.objects / max(elapsed_s, 1e-9):.0f}/s)",
        "other samples": f"{counts.samples - counts.frames}",
        "tracks": f"{counts.tracks}",
        "warnings": ", ".join(f"{count} {kind}" for kind, count in progress.warnings.items()),
        "sensor faults": f"{counts.sensor_faults}",
        "dropped": dropped,
        "arrival to decision": f"p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms, p99.9 {p999_ms:.2f} ms" if counts.samples else "nothing arrived",
        **notes,
    }
    width = max(map(len, rows))
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows.items())
