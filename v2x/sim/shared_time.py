"""One time for the server and the sim of a fast demo: it waits where either of them falls behind.

At ten times real time a pause of 50 ms is half a second of traffic: on a busy machine frames would come too late to be taken, and
warnings would be raised of vehicles that are long elsewhere. So simulated time goes `speed` times as fast as real time at most, and
never beyond a limit that the sim sets: what is due has been sent, and the server was awake to take it.

Rules:
* A page of five 64-bit words in a file that both processes map. Every word has one writer; a word is written at once.
* Before the sim takes the page over, and after it let go, nothing is waited for: time goes on at full speed.
* Time never runs backwards for any reader. What waiting cost is kept in SLIP, and said in the summary.
* At real time there is no page: the server is the one of `v2x serve`, on the system's clock.
"""

import mmap
import time
from enum import IntEnum
from pathlib import Path

from v2x.clock import ScaledClock

AWAKE_LEAD_NS = 50_000_000  # beyond what the server has last seen of the time
NO_LIMIT_NS = 1 << 62


class Word(IntEnum):
    START_NS = 0  # by the server, once: simulated time at START_MONOTONIC_NS
    START_MONOTONIC_NS = 1
    SEEN_NS = 2  # by the server, all the while: the time it is awake at
    SLIP_NS = 3  # by the sim: simulated time that was waited for
    LIMIT_NS = 4  # by the sim


class SharedClock(ScaledClock):
    """The page as a clock, alike in both processes: the monotonic clock is the same in all processes of one machine."""

    def __init__(self, path: Path, speed: float) -> None:
        with path.open("r+b") as file:
            self._words = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")
        elapsed_ns = time.monotonic_ns() - self._words[Word.START_MONOTONIC_NS]
        super().__init__(speed, self._words[Word.START_NS] + round(elapsed_ns * speed))
        self._shown_ns = 0

    def now_ns(self) -> int:
        unhindered_ns = super().now_ns() - self._words[Word.SLIP_NS]
        self._shown_ns = max(self._shown_ns, min(unhindered_ns, self._words[Word.LIMIT_NS]))
        return self._shown_ns

    def note_awake(self) -> None:
        """The server's word."""
        self._words[Word.SEEN_NS] = self.now_ns()

    def take_over(self) -> None:
        """The sim's first word: from now on time waits for it."""
        self._words[Word.LIMIT_NS] = self.now_ns()

    def allow(self, until_ns: int) -> None:
        """Let time go on until then, as far as the server is awake; what it stood still for is not made up for."""
        limit_ns = self._words[Word.LIMIT_NS]
        waited_ns = super().now_ns() - self._words[Word.SLIP_NS] - limit_ns
        if waited_ns > 0:
            self._words[Word.SLIP_NS] += waited_ns
        self._words[Word.LIMIT_NS] = max(limit_ns, min(until_ns, self._words[Word.SEEN_NS] + AWAKE_LEAD_NS))

    def let_go(self) -> None:
        """The sim's last word."""
        self.allow(0)
        self._words[Word.LIMIT_NS] = NO_LIMIT_NS

    def awake_ns(self) -> int:
        """When the server was last awake."""
        return self._words[Word.SEEN_NS]

    def slip_ns(self) -> int:
        return self._words[Word.SLIP_NS]


def write_page(path: Path) -> None:
    """A new page that begins now."""
    words = memoryview(bytearray(8 * len(Word))).cast("q")
    words[Word.START_NS] = words[Word.SEEN_NS] = time.time_ns()
    words[Word.START_MONOTONIC_NS] = time.monotonic_ns()
    words[Word.LIMIT_NS] = NO_LIMIT_NS
    beside = path.with_suffix(".new")
    beside.write_bytes(words)
    beside.replace(path)
