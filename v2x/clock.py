"""What time it is: the system's clock live, a scaled one for fast demonstrations, a set one in replay and in SUMO's lockstep.

Rules:
* A clock never runs backwards.
* Only the edge asks a clock; the core is told the time.
"""

import time
from typing import Protocol


class Clock(Protocol):
    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""


class ScaledClock:
    """The wall clock at the moment of construction, then `speed` times as fast as the monotonic clock.

    Anchoring keeps a stepped wall clock (NTP at start, an operator's `date -s`) from tearing all tracks: the kernel slews the
    monotonic clock as it does the wall clock, it only leaves out the steps. `step_of_wall_ns` shows them.
    """

    def __init__(self, speed: float = 1.0, start_ns: int | None = None) -> None:
        if not speed > 0.0:
            raise ValueError(f"speed {speed} is not positive")
        self.speed = speed
        self._start_ns = time.time_ns() if start_ns is None else start_ns
        self._wall_ns = time.time_ns()
        self._anchor_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        elapsed_ns = time.monotonic_ns() - self._anchor_ns
        return self._start_ns + (elapsed_ns if self.speed == 1.0 else int(elapsed_ns * self.speed))

    def step_of_wall_ns(self) -> int:
        """How far the wall clock was stepped since construction."""
        return time.time_ns() - self._wall_ns - (time.monotonic_ns() - self._anchor_ns)


SystemClock = ScaledClock  # at speed 1


class SetClock:
    """Shows what it was set to."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def set(self, now_ns: int) -> None:
        if now_ns < self._now_ns:
            raise ValueError(f"time would run backwards, from {self._now_ns} to {now_ns}")
        self._now_ns = now_ns
