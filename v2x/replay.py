"""A log played again through the same pipeline: what was decided, and whether it is what was decided then.

Rules:
* A log brings its maps and settings; nothing else is read, but for the buses' timetable, which has to be the one it was recorded with.
* Every state in the log is checked against the replay's own digest, or, after a gap, damage or a start in the middle, restored;
  so each stretch between two states is verified by itself.
"""

import asyncio
import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path
from time import monotonic

from intersections.decisions import Decision
from v2x.arrivals import Arrival, ArrivalKind
from v2x.bus_files import buses_of
from v2x.clock import SetClock
from v2x.district import build_id, intersections_of
from v2x.log_format import Damage, End, Gap, Header, Item, LogError, LoggedArrival, Step, read_log
from v2x.messages import MessageEncoder
from v2x.pipeline import DecisionSink, NoLog, Pipeline, RoadState
from v2x.recorder import SUFFIX
from v2x.wire import arrival


@dataclass(slots=True)
class ReplayResult:
    """What a replay found out. `differences` name every place at which it left the recorded course."""

    steps: int = 0
    decisions: int = 0
    digest: str = ""
    recorded_digest: str = ""  # '' where the log has no END
    states_checked: int = 0
    gaps: list[Gap] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        return not self.differences


def log_files(path: Path) -> list[Path]:
    """The files of the run that `path` names: itself, or the latest run in a folder, in order."""
    if not path.is_dir():
        return [path]
    files = sorted(path.glob(f"*{SUFFIX}"))
    if not files:
        raise LogError(f"no *{SUFFIX} in {path}")
    run = files[-1].name.rsplit("-", 1)[0]
    return [file for file in files if file.name.startswith(f"{run}-")]


def read_files(files: Iterable[Path]) -> Iterator[Item]:
    """Every item of the files in order; raises LogError naming the file that is none."""
    for file in files:
        try:
            with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
                yield from read_log(content)
        except (LogError, ValueError, OSError) as error:  # ValueError: an empty file cannot be mapped
            raise LogError(f"{file}: {error}") from error


def header_of(files: Sequence[Path]) -> Header:
    header = next((item for item in read_files(files[:1]) if isinstance(item, Header)), None)
    if header is None:
        raise LogError(f"{files[0]}: no header")
    return header


def encoder_of(files: Sequence[Path]) -> MessageEncoder:
    """The encoder of the region and the intersections that `files` were recorded of."""
    header = header_of(files)
    frames = {name: intersection.frame for name, intersection in intersections_of(header).items()}
    kept = header.settings.get("buses")
    return MessageEncoder(header.settings["region"], frames, kept["name"] if kept and not frames else "")


def replay(
    files: Sequence[Path],
    sinks: Sequence[DecisionSink] = (),
    from_ns: int = 0,
    speed: float | None = None,
) -> ReplayResult:
    """Play `files` from the last state at or before `from_ns`; `speed` 1 as it was, None as fast as it goes."""
    header = header_of(files)
    kept = header.settings.get("buses")
    buses = buses_of(kept) if kept else None
    pipeline = Pipeline(intersections_of(header), NoLog(), [_From(from_ns, sink) for sink in sinks], buses)
    source = LogSource(_from_state(files, from_ns), pipeline, speed)
    asyncio.run(pipeline.run(source, source.clock))
    result = source.result
    result.decisions, result.digest = pipeline.decisions, pipeline.digest.hex()
    if header.build != (running := build_id()):
        result.notes.append(f"recorded by build {header.build}, replayed by {running}: decisions may differ in their last digits")
    if not result.recorded_digest:
        result.notes.append("the log has no END: its process was killed or crashed, and up to the last flush may be missing")
    return result


class LogSource:
    """The `SampleSource` of a log; on the way it holds the pipeline against the recorded states."""

    def __init__(self, items: Iterator[Item], pipeline: Pipeline, speed: float | None) -> None:
        self.clock = SetClock()
        self.result = ReplayResult()
        self._items = items
        self._pipeline = pipeline
        self._speed = speed
        self._exact = False  # whether the pipeline is where the live one was; the next state makes it so
        self._began: tuple[float, int] | None = None

    async def take(self, deadline_ns: int) -> list[Arrival] | None:  # noqa: ARG002 - the Protocol's
        """The next step's arrivals; its time, not the deadline, says when."""
        for item in self._items:
            match item:
                case Step():
                    await self._wait_for(item.now_ns)
                    self.clock.set(item.now_ns)
                    self.result.steps += 1
                    return [_arrival(logged) for logged in item.arrivals]
                case RoadState():
                    self._meet(item)
                case End():
                    self._compare("END", item.time_ns, item.digest)
                    self.result.recorded_digest = item.digest.hex()
                case Gap():
                    self._exact = False
                    self.result.gaps.append(item)
                case Damage():
                    self._exact = False
                    self.result.notes.append(f"{item.length} bytes at {item.offset} are no record: {item.text}")
        return None

    def _meet(self, recorded: RoadState) -> None:
        if not self._exact:
            try:
                self._pipeline.restore(recorded)
            except (KeyError, ValueError, TypeError) as error:
                raise LogError(f"the state at {recorded.time_ns} is of another build and does not fit this one: {error}") from error
            self._exact = True
            return
        self._compare("STATE", recorded.time_ns, recorded.digest)
        if differing := _differing(recorded, self._pipeline.take_state(recorded.time_ns)):
            self.result.differences.append(f"state at {recorded.time_ns}: {', '.join(differing[:5])} differ")
        self.result.states_checked += 1

    def _compare(self, what: str, time_ns: int, digest: bytes) -> None:
        if self._exact and self._pipeline.digest != digest:
            self.result.differences.append(f"{what} at {time_ns}: the decisions since the state before are not those recorded")

    async def _wait_for(self, now_ns: int) -> None:
        if self._speed is None:
            return
        if self._began is None:
            self._began = monotonic(), now_ns
        began_s, began_ns = self._began
        await asyncio.sleep(began_s + (now_ns - began_ns) / 1e9 / self._speed - monotonic())


class _From:
    """Keeps from `sink` what was decided before the time asked for."""

    def __init__(self, from_ns: int, sink: DecisionSink) -> None:
        self._from_ns = from_ns
        self._sink = sink

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:
        if now_ns >= self._from_ns:
            self._sink.publish(decisions, now_ns)


def _from_state(files: Sequence[Path], from_ns: int) -> Iterator[Item]:
    """The items from the last state at or before `from_ns` on; all of them where there is none."""
    times_ns = (item.time_ns for item in read_files(files) if isinstance(item, RoadState)) if from_ns else ()
    start_ns = max((time_ns for time_ns in times_ns if time_ns <= from_ns), default=0)
    return dropwhile(lambda item: start_ns and not (isinstance(item, RoadState) and item.time_ns == start_ns), read_files(files))


def _arrival(logged: LoggedArrival) -> Arrival:
    kind = ArrivalKind(logged.kind)
    return arrival(kind, logged.source, logged.intersection, logged.measured_ns, logged.received_ns, logged.payload)


def _differing(recorded: RoadState, replayed: RoadState) -> list[str]:
    """The names of the arrays that are not byte for byte the same."""
    names = [f"deadline of {name}" for name in recorded.deadlines_ns if recorded.deadlines_ns[name] != replayed.deadlines_ns.get(name)]
    for intersection, held in recorded.intersections.items():
        again = replayed.intersections[intersection]
        names += [f"{intersection}/{key}" for key in held if key not in again or held[key].tobytes() != again[key].tobytes()]
    return names
