"""From a message's sending to the receipt of what it caused, across processes of one machine.

Rules:
* Both ends read the monotonic clock, which all processes of one machine share; the simulated radio delay lies before the sending.
* A decision names the message that caused it (`cause {station, sequence}`); decisions of the timer have no sender and are not counted.
* What one message caused about one thing counts once, at its first receipt: neither a redelivery nor a repetition half a second
  later says anything about the road.
"""

import time
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

TIMER = "timer"


class SendLog:
    """Written by the sim: one line a message, `source sequence monotonic_ns`."""

    def __init__(self, path: Path) -> None:
        self._file: TextIOWrapper = path.open("w", encoding="ascii", buffering=1 << 16)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def note(self, source: str, sequence: int) -> None:
        self._file.write(f"{source} {sequence} {time.monotonic_ns()}\n")

    def flush(self) -> None:
        self._file.flush()


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds; NaN where nothing was measured."""

    count: int
    p50_ms: float
    p99_ms: float
    p999_ms: float

    def __str__(self) -> str:
        if not self.count:
            return "none received"
        return f"p50 {self.p50_ms:.2f}  p99 {self.p99_ms:.2f}  p99.9 {self.p999_ms:.2f} ms  ({self.count:,} messages)"


@dataclass(slots=True)
class Receipts:
    """Kept by the subscriber: when each caused message came in, by kind, joined with the send log whenever asked."""

    send_log: Path
    _received: dict[tuple[str, str, int, str], int] = field(default_factory=dict)  # kind, station, sequence, about -> ns
    _sent: dict[tuple[str, int], int] = field(default_factory=dict)
    _read_bytes: int = 0

    def note(self, kind: str, station: str, sequence: int, about: str, received_ns: int) -> None:
        if station != TIMER:
            self._received.setdefault((kind, station, sequence, about), received_ns)

    def quantiles(self, *kinds: str) -> Quantiles:
        self._read_sent()
        latencies_ns = [
            received_ns - self._sent[station, sequence]
            for (kind, station, sequence, _), received_ns in self._received.items()
            if kind in kinds and (station, sequence) in self._sent
        ]
        if not latencies_ns:
            return Quantiles(0, np.nan, np.nan, np.nan)
        p50, p99, p999 = (np.quantile(latencies_ns, [0.5, 0.99, 0.999]) / 1e6).tolist()
        return Quantiles(len(latencies_ns), p50, p99, p999)

    def unmatched(self) -> int:
        """Receipts whose sending nobody noted; more than none is a defect."""
        self._read_sent()
        return sum((station, sequence) not in self._sent for _, station, sequence, _ in self._received)

    def _read_sent(self) -> None:
        """What was added since; the last line may still be half written."""
        if not self.send_log.exists():
            return
        with self.send_log.open("rb") as file:
            file.seek(self._read_bytes)
            whole, _, _ = file.read().rpartition(b"\n")
        self._read_bytes += len(whole) + 1 if whole else 0
        for line in whole.decode("ascii").splitlines():
            source, sequence, sent_ns = line.rsplit(" ", 2)
            self._sent[source, int(sequence)] = int(sent_ns)
