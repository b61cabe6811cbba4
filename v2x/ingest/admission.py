"""Which messages of one sender are taken: size, rate, clock and sequence, each judged once and counted by its verdict.

Rules:
* All state is one sender's. No other sender's frames, clocks or numbers can cost it anything.
* No I/O and no clock: `received_ns` is handed in, so the same input gives the same verdicts in live, test and replay.
* What is refused unread (size, rate) is refused before it costs a decode.
* The kernel `v2x._admission` judges; `AdmissionTwin` reads, and tests hold the two together.
"""

from positioning.samples import Verdict
from v2x._admission import Circle, StationAdmission
from v2x.ingest.clocks import SourceClock
from v2x.ingest.sequences import AdmissionLimits, RateLimit, SequenceWindow

__all__ = ["AdmissionLimits", "AdmissionTwin", "Circle", "RateLimit", "StationAdmission"]


class AdmissionTwin:
    """Everything remembered of one sender between its messages, across its streams."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.limits = limits
        self._clock = SourceClock()
        self._sequences = SequenceWindow()
        self.highest_taken = 0
        self._rate = RateLimit(limits.frames_per_s, limits.burst_frames)
        self._unread = 0

    @property
    def gaps(self) -> int:
        return self._sequences.gaps

    @property
    def restarts(self) -> int:
        return self._sequences.restarts

    @property
    def jumps_adopted(self) -> int:
        return self._clock.jumps_adopted

    @property
    def offset_ns(self) -> int | None:
        return self._clock.offset_ns

    @property
    def is_synchronised(self) -> bool:
        return self._clock.is_synchronised

    def admit_unread(self, size_bytes: int, received_ns: int) -> Verdict:
        """Before decoding: ACCEPTED, OVERSIZED or RATE_LIMITED."""
        if not self._rate.takes(received_ns):
            verdict = Verdict.RATE_LIMITED
        elif size_bytes > self.limits.frame_bytes:
            verdict = Verdict.OVERSIZED
        else:
            return Verdict.ACCEPTED
        self.note_unread()
        return verdict

    def note_unread(self) -> None:
        """A message came whose number nobody could read: no gap."""
        self._unread += 1

    def admit(self, sequence: int, stamp_ns: int, received_ns: int) -> tuple[Verdict, int]:
        """After decoding: the verdict, and the measured time on our clock."""
        if self._sequences.is_duplicate(sequence, stamp_ns):
            return Verdict.DUPLICATE, stamp_ns
        self._sequences.note(sequence, stamp_ns, self._unread)
        self._unread = 0
        reading = self._clock.read(stamp_ns, received_ns)
        if reading.verdict is Verdict.ACCEPTED:
            self.highest_taken = self._sequences.highest
        return reading.verdict, reading.measured_ns
