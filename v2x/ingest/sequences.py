"""How much a sender may send, and what its sequence numbers tell: duplicates, gaps, restarts.

Rules:
* A duplicate is the same number *and* the same stamp. A number that comes again with another stamp is a sender that
  started anew: nothing of it is lost.
* No I/O and no clock: times are handed in.
"""

from dataclasses import dataclass

from v2x.ingest.clocks import LATE_WINDOW_NS, SECOND_NS

SEQUENCE_MODULUS = 1 << 32
SEQUENCE_WINDOW = 1024  # numbers remembered: 40 s at the default rate; also the largest leap that counts as a gap


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """What one sender may send. 25 frames/s is twice the usual 10 Hz and room for a sensor at video rate."""

    frames_per_s: float = 25.0
    burst_frames: int = 50
    frame_bytes: int = 64 * 1024
    frame_objects: int = 512

    def __post_init__(self) -> None:
        if not (self.frames_per_s > 0 and self.burst_frames >= 1 and self.frame_bytes >= 1 and self.frame_objects >= 1):
            raise ValueError(f"limits must be positive: {self}")


class RateLimit:
    """Token bucket kept as one time (the generic cell rate algorithm, ITU-T I.371): when the bucket will be full again."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._interval_ns = int(SECOND_NS / per_s)
        self._tolerance_ns = (burst - 1) * self._interval_ns
        self._full_ns = 0

    def takes(self, now_ns: int) -> bool:
        full_ns = max(self._full_ns, now_ns)
        if full_ns - now_ns > self._tolerance_ns:
            return False
        self._full_ns = full_ns + self._interval_ns
        return True


class SequenceWindow:
    """The last SEQUENCE_WINDOW numbers of one sender with their stamps. Numbers wrap at 2^32.

    `gaps` counts numbers that never came between the first and the highest of each start.
    A number behind the highest whose stamp is newer by more than the late window belongs to a new start.
    """

    def __init__(self) -> None:
        self._numbers = [-1] * SEQUENCE_WINDOW
        self._stamps = [0] * SEQUENCE_WINDOW
        self._first = 0
        self._newest_ns = 0  # stamp of the highest
        self.highest = -1  # -1 until the first
        self.gaps = 0
        self.restarts = 0

    def is_duplicate(self, sequence: int, stamp_ns: int) -> bool:
        slot = sequence % SEQUENCE_WINDOW
        return self._numbers[slot] == sequence and self._stamps[slot] == stamp_ns

    def note(self, sequence: int, stamp_ns: int, unread: int) -> None:
        """A number came that is no duplicate; `unread` messages before it were refused without a look at their number."""
        slot = sequence % SEQUENCE_WINDOW
        ahead = _distance(self.highest, sequence)
        if self.highest < 0:
            self._start(sequence, stamp_ns)
        elif abs(ahead) > SEQUENCE_WINDOW or self._numbers[slot] == sequence or (ahead < 0 and stamp_ns - self._newest_ns > LATE_WINDOW_NS):
            self.restarts += 1
            self._start(sequence, stamp_ns)
        elif ahead > 0:
            self.gaps += max(0, ahead - 1 - unread)
            self.highest = sequence
            self._newest_ns = stamp_ns
        elif _distance(self._first, sequence) > 0:
            self.gaps = max(0, self.gaps - 1)
        self._numbers[slot] = sequence
        self._stamps[slot] = stamp_ns

    def _start(self, sequence: int, stamp_ns: int) -> None:
        self._numbers = [-1] * SEQUENCE_WINDOW
        self._first = self.highest = sequence
        self._newest_ns = stamp_ns


def _distance(start: int, end: int) -> int:
    """From one number on to another, negative where it lies behind; the shorter way round."""
    return (end - start + SEQUENCE_MODULUS // 2) % SEQUENCE_MODULUS - SEQUENCE_MODULUS // 2
