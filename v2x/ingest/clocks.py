"""Where a sender's clock stands against ours, from nothing but when its messages were measured and when they arrived.

Rules:
* No clock is read here: `received_ns` is ours and handed in, `measured_ns` is what the sender wrote.
* The offset is the running minimum of received - measured. It holds the shortest transport delay too; one-way arrivals
  cannot tell the two apart (RFC 5905 needs the way back), so a synchronised sender shows its delay, not zero.
* Synchronised senders (offset within [0, 200 ms)) are taken at their word, all others are moved by the offset.
* A jump counts as one only after three frames agree on it, so that one wild stamp costs one frame.
"""

from collections import deque
from dataclasses import dataclass

from positioning.samples import Verdict

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000

WINDOW_BUCKETS = 60  # of one second: long enough to catch an unhindered frame, short enough to follow 50 ppm of drift
SYNCHRONISED_NS = 200 * MILLISECOND_NS  # what a mobile network may take at best
LATE_WINDOW_NS = 500 * MILLISECOND_NS  # older frames cannot be put right by the tracker's retrodiction
JUMP_NS = SECOND_NS
FARTHEST_NS = 100 * 365 * 86_400 * SECOND_NS  # a stamp farther away is no clock, and its offset no 64-bit number
AGREEING_FRAMES = 3
AGREEMENT_NS = 100 * MILLISECOND_NS  # jitter of one network path; a backlog that drains differs by more


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A stamp brought onto our clock; `verdict` is ACCEPTED, STALE or CLOCK_JUMP."""

    verdict: Verdict
    measured_ns: int


class SlidingMinimum:
    """Minimum over the last WINDOW_BUCKETS seconds; amortised constant time, at most one entry a bucket."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int]] = deque()  # (bucket, value), values rising

    def push(self, time_ns: int, value: int) -> None:
        bucket = time_ns // SECOND_NS
        entries = self._entries
        while entries and entries[-1][1] >= value:
            entries.pop()
        if not entries or entries[-1][0] < bucket:
            entries.append((bucket, value))
        self._forget(bucket)

    def at(self, time_ns: int) -> int | None:
        self._forget(time_ns // SECOND_NS)
        return self._entries[0][1] if self._entries else None

    def clear(self) -> None:
        self._entries.clear()

    def _forget(self, bucket: int) -> None:
        entries = self._entries
        while entries and entries[0][0] <= bucket - WINDOW_BUCKETS:
            entries.popleft()


class SourceClock:
    """One sender's clock. `offset_ns` is None until the first message."""

    def __init__(self) -> None:
        self._minimum = SlidingMinimum()
        self._candidates: deque[tuple[int, int]] = deque(maxlen=AGREEING_FRAMES)  # (received, measured) off the course
        self.offset_ns: int | None = None
        self.jumps_adopted = 0

    @property
    def is_synchronised(self) -> bool:
        return self.offset_ns is not None and 0 <= self.offset_ns < SYNCHRONISED_NS

    def read(self, measured_ns: int, received_ns: int) -> ClockReading:
        """Judge one stamp and bring it onto our clock."""
        delay_ns = received_ns - measured_ns
        if abs(delay_ns) > FARTHEST_NS:
            return ClockReading(Verdict.CLOCK_JUMP, measured_ns)
        offset_ns = self._minimum.at(received_ns)
        if offset_ns is not None:
            late_ns = delay_ns - (0 if 0 <= offset_ns < SYNCHRONISED_NS else offset_ns)
            if late_ns > LATE_WINDOW_NS or delay_ns < offset_ns - JUMP_NS:
                if not self._adopts(measured_ns, received_ns):
                    jumped = abs(delay_ns - offset_ns) > JUMP_NS
                    return ClockReading(Verdict.CLOCK_JUMP if jumped else Verdict.STALE, measured_ns)
            else:
                self._candidates.clear()
        self._minimum.push(received_ns, delay_ns)
        return ClockReading(Verdict.ACCEPTED, measured_ns + self._correction_ns(received_ns))

    def _correction_ns(self, received_ns: int) -> int:
        offset_ns = self._minimum.at(received_ns)
        assert offset_ns is not None
        self.offset_ns = offset_ns
        return 0 if 0 <= offset_ns < SYNCHRONISED_NS else offset_ns

    def _adopts(self, measured_ns: int, received_ns: int) -> bool:
        """Whether the last frames agree on a new course; then the old one is forgotten.

        A backlog that arrives at once is no new course: its delays shrink while hardly any time passes here.
        """
        self._candidates.append((received_ns, measured_ns))
        if len(self._candidates) < AGREEING_FRAMES:
            return False
        delays = [received - measured for received, measured in self._candidates]
        (first_received, first_measured) = self._candidates[0]
        in_step = 2 * (received_ns - first_received) >= abs(measured_ns - first_measured)
        if max(delays) - min(delays) > AGREEMENT_NS or not in_step:
            return False
        self._minimum.clear()
        for received, measured in self._candidates:
            self._minimum.push(received, received - measured)
        self._candidates.clear()
        self.jumps_adopted += 1
        return True
