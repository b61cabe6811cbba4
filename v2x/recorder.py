"""The input log as it is written: every step's time and arrivals, a state each minute, what was lost in between.

Rules:
* The road never waits for the disk. Steps go into a bounded queue that a thread empties every `FLUSH_PERIOD_S`; when the queue is
  full or the disk fails, steps are lost, counted, and left behind as a GAP followed by a fresh state, so that a replay goes on
  exactly from there.
* A crash of the process flushes what was queued, the crashing step included; a killed process loses at most one flush period,
  a power cut what the operating system had not written.
* Files turn over by size, at a state; the oldest go when there are more than `keep_files`.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import gmtime, strftime
from typing import BinaryIO

import structlog

from v2x.arrivals import Arrival
from v2x.log_format import MAGIC, End, Gap, Header, encode_record, encode_step
from v2x.pipeline import RoadState

FLUSH_PERIOD_S = 0.05  # rare enough that the writer's turns at the interpreter do not show in the road's latency
STATE_PERIOD_NS = 60_000_000_000
QUEUE_STEPS = 20_000  # about a minute of a busy district
QUEUE_BYTES = 64 << 20
STEP_OVERHEAD_BYTES = 200  # about what a queued step, or one arrival in it, takes beside its payload
RETRY_AFTER_ERROR_NS = 5_000_000_000
FILE_BYTES = 256 << 20
KEEP_FILES = 16
SUFFIX = ".v2xlog"

_log = structlog.get_logger("v2x.recorder")


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """Where the log lies and how much of it is kept."""

    folder: Path
    file_bytes: int = FILE_BYTES
    keep_files: int = KEEP_FILES
    queue_steps: int = QUEUE_STEPS
    queue_bytes: int = QUEUE_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class _QueuedStep:
    now_ns: int
    arrivals: Sequence[Arrival]
    cost_bytes: int


_Queued = _QueuedStep | RoadState | Gap | End


class Recorder:
    """The `StepLog` of a live road. Its methods belong to the road's thread; `_LogWriter` is the other side of the queue."""

    def __init__(self, policy: LogPolicy, header: Header) -> None:
        policy.folder.mkdir(parents=True, exist_ok=True)
        self._policy = policy
        self._writer = _LogWriter(policy, header)
        self._gap: Gap | None = None
        self._next_state_ns = 0
        self._lost_steps = 0

    def start(self) -> None:
        self._writer.thread.start()

    @property
    def lost_steps(self) -> int:
        return self._lost_steps + self._writer.lost_steps

    @property
    def path(self) -> Path | None:
        """The file being written."""
        return self._writer.path

    def wants_state(self, now_ns: int) -> bool:
        writer = self._writer
        if self._gap is not None:
            return 2 * len(writer.queue) <= self._policy.queue_steps and 2 * writer.queued_bytes <= self._policy.queue_bytes
        if writer.turn_over:
            return now_ns >= writer.retry_ns
        return now_ns >= self._next_state_ns

    def write_state(self, state: RoadState) -> None:
        if self._gap is not None:
            self._writer.queue.append(self._gap)
            self._gap = None
        self._writer.turn_over = False
        self._next_state_ns = state.time_ns + STATE_PERIOD_NS
        self._writer.queue.append(state)

    def write_step(self, now_ns: int, arrivals: Sequence[Arrival]) -> None:
        writer = self._writer
        cost_bytes = STEP_OVERHEAD_BYTES + sum(len(arrival.payload) + STEP_OVERHEAD_BYTES for arrival in arrivals)
        full = len(writer.queue) >= self._policy.queue_steps or writer.queued_bytes + cost_bytes > self._policy.queue_bytes
        if full or self._gap is not None:
            self._lose(now_ns)
            return
        writer.queue.append(_QueuedStep(now_ns, arrivals, cost_bytes))
        writer.add_queued_bytes(cost_bytes)
        if 2 * writer.queued_bytes > self._policy.queue_bytes:
            writer.wake.set()

    def close(self, state: RoadState) -> None:
        """Write what waits, then END; returns when the file is closed."""
        self.write_state(state)
        self._writer.queue.append(End(state.time_ns, state.decisions, state.digest, 0, self._lost_steps))
        self.flush()

    def flush(self) -> None:
        """Write what waits and stop, without an END: the way out of a crash."""
        self._writer.closing = True
        self._writer.wake.set()
        self._writer.thread.join()

    def _lose(self, now_ns: int) -> None:
        if self._gap is None:
            _log.warning("the log lags behind the road; steps are lost until it has caught up", waiting=len(self._writer.queue))
            self._gap = Gap(now_ns, now_ns, 0)
        self._gap = replace(self._gap, to_ns=now_ns, steps=self._gap.steps + 1)
        self._lost_steps += 1


class _LogWriter:
    """The thread that empties the queue into files."""

    def __init__(self, policy: LogPolicy, header: Header) -> None:
        self.queue: deque[_Queued] = deque()
        self.queued_bytes = 0
        self.turn_over = True  # the next state opens a file
        self.retry_ns = 0  # not before this time
        self.closing = False
        self.wake = threading.Event()
        self.thread = threading.Thread(target=self._write_until_closed, name="recorder", daemon=True)
        self.lost_steps = 0
        self.path: Path | None = None
        self._policy = policy
        self._header = header
        self._lock = threading.Lock()  # both threads change `queued_bytes`
        self._steps = 0
        self._gap: Gap | None = None  # steps the disk refused
        self._file: BinaryIO | None = None
        self._opened = 0
        self._written_bytes = 0

    def add_queued_bytes(self, change: int) -> None:
        with self._lock:
            self.queued_bytes += change

    def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            self.wake.wait(FLUSH_PERIOD_S)
            self.wake.clear()
            closing = self.closing
            self.write_waiting()
        if self._file is not None:
            self._file.close()

    def write_waiting(self) -> None:
        while self.queue:
            self._write_or_lose(self.queue.popleft())
        if self._file is not None:
            self._file.flush()

    def _write_or_lose(self, item: _Queued) -> None:
        try:
            self._write(item)
        except OSError as error:
            _log.error("the log cannot be written", path=str(self.path), error=str(error))
            self._abandon(_time_ns(item))
        if isinstance(item, _QueuedStep):
            self.add_queued_bytes(-item.cost_bytes)
            if self._file is None:
                self._lose(item.now_ns)

    def _write(self, item: _Queued) -> None:
        match item:
            case RoadState():
                if self._file is None or self._written_bytes >= self._policy.file_bytes:
                    self._open_next(item)
                self._append(encode_record(item))
            case _QueuedStep():
                self._steps += self._append(encode_step(item.now_ns, item.arrivals))
                if self._written_bytes >= self._policy.file_bytes:
                    self.turn_over = True
            case End():
                self._append(encode_record(replace(item, steps=self._steps, lost_steps=item.lost_steps + self.lost_steps)))
            case Gap():
                self._append(encode_record(item))

    def _append(self, record: bytes) -> bool:
        if self._file is None:
            return False
        self._file.write(record)
        self._written_bytes += len(record)
        return True

    def _open_next(self, state: RoadState) -> None:
        """End the file being written and begin another that needs nothing of it."""
        if self._file is not None:
            self._append(encode_record(End(state.time_ns, state.decisions, state.digest, self._steps, self.lost_steps)))
            self._file.close()
        self._file = None
        self._opened += 1
        started = strftime("%Y%m%dT%H%M%SZ", gmtime(self._header.started_ns / 1e9))
        self.path = self._policy.folder / f"{started}-{self._opened:04d}{SUFFIX}"
        self._file = self.path.open("xb")
        self._written_bytes = 0
        self._append(MAGIC + encode_record(self._header))
        if self._gap is not None:
            self._append(encode_record(self._gap))
            self._gap = None
        self._remove_oldest()

    def _remove_oldest(self) -> None:
        for old in sorted(self._policy.folder.glob(f"*{SUFFIX}"))[: -self._policy.keep_files]:
            old.unlink(missing_ok=True)

    def _abandon(self, now_ns: int) -> None:
        """After a failure of the disk: lose what follows, and ask for a state with which to try another file."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError:
                _log.warning("the abandoned log ends torn", path=str(self.path))
        self.retry_ns = now_ns + RETRY_AFTER_ERROR_NS
        self.turn_over = True

    def _lose(self, now_ns: int) -> None:
        gap = self._gap or Gap(now_ns, now_ns, 0)
        self._gap = replace(gap, to_ns=now_ns, steps=gap.steps + 1)
        self.lost_steps += 1


def _time_ns(item: _Queued) -> int:
    match item:
        case _QueuedStep():
            return item.now_ns
        case Gap():
            return item.to_ns
        case _:
            return item.time_ns
