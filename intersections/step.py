"""One intersection, one step: samples in, decisions and the next deadline out.

    samples -> vehicles' positions -> tracks -> places -> conflicts -> warnings
                              \\           \\-> report about every 100 ms      lamps -> report when they change
                               \\-> corrected positions as often

    and, where its signals are controlled from here, `control`: places -> plan -> guard -> lamps, each 100 ms, after all that.

Rules:
* No I/O, no clock, no chance: the same steps give the same decisions, byte for byte, from any snapshot on.
* Samples of a batch take effect in their order, but vehicles' own after all others, when fusion has said where they are;
  conflicts are judged once, after the last.
* The cause of a warning is the latest sample of the batch that shows one of its parties.
* The state is changed in place: a step either ends or is a defect of ours.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.causes import Causes
from intersections.conflicts import ConflictConfig, Workspace, find_conflicts
from intersections.decisions import Cause, CorrectedPositions, Decision, SensorFault, TrackReport, WarningKind
from intersections.lamps import Lamps
from intersections.localize import Places, localize, network
from intersections.map import IntersectionMap
from intersections.paths import flatten
from intersections.samples import CommandKind, CommandSample, PrioritySample, Sample, SignalSample
from intersections.signals.road import NEVER_NS, Ordered, RoadSignals, SignalConfig
from intersections.warnings.ledger import WarningLedger
from positioning.connected import ConnectedVehicles
from positioning.frames import LocalFrame
from positioning.samples import Anchor, MotionSample, RangeSample, RsuFrame, Verdict
from positioning.tracks import SourceFault, TrackerConfig, TrackTable, TrackView

REPORT_LEAST_NS = 90_000_000  # so long after the last report a frame brings the next: frames of 10 Hz are not punctual
REPORT_MOST_NS = 120_000_000  # and without a frame it comes after this long
IDLE_NS = 1_000_000_000  # an intersection that waits for nothing looks at itself once a second
FUSION, VEHICLES = "fusion", "vehicles"  # as sources of what was refused
FRESH_NS = 300_000_000  # a warning is raised on what two or three frames have just shown, not on memory


@dataclass(frozen=True, slots=True)
class IntersectionConfig:
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    conflicts: ConflictConfig = field(default_factory=ConflictConfig)


class Intersection:
    """All state of one intersection. Use `step` to move it on."""

    def __init__(
        self,
        map: IntersectionMap,
        config: IntersectionConfig | None = None,
        anchors: Sequence[Anchor] = (),
        signals: SignalConfig | None = None,
    ) -> None:
        """`anchors`: surveyed gNBs; those within reach are used. `signals`: how its lamps are controlled from here, if they are."""
        self.map = map
        self.id = map.id
        self.config = config or IntersectionConfig()
        self.frame = LocalFrame(map.origin.latitude_rad, map.origin.longitude_rad, map.origin.height_m)
        self.paths = flatten(map)
        self.tracks = TrackTable(self.frame, self.config.tracker)
        self.vehicles = ConnectedVehicles(self.frame, anchors)
        self.lamps = Lamps(map.id, self.paths.groups)
        self.signals = RoadSignals(map, self.paths, signals) if signals is not None else None
        self.warnings = WarningLedger(map.id)
        self.verdicts: Counter[tuple[str, Verdict]] = Counter()  # by source; for display, not part of the state
        self._own: list[MotionSample] = []  # of this step
        self._levels_m: dict[int, float] = {}  # of this step's view
        self._network = network(self.paths)
        self._space = Workspace()
        self._places = Places()
        self._meanings = self.lamps.meanings(0)
        self._reported_ns = 0
        self._reported_tracks = 0

    def take(self, sample: Sample) -> bool:
        """Let one sample take effect. True if it may have touched tracks."""
        return _TAKE[type(sample)](self, sample)

    def look(self, now_ns: int) -> TrackView:
        """Tracks as of now, silent ones ended; where a connected vehicle itself is known better than its track, that is shown."""
        self._fuse(now_ns)
        self.tracks.expire(now_ns)
        view = self.tracks.view(now_ns)
        self._levels_m = self.vehicles.show(view)
        return view

    def judge(self, view: TrackView, now_ns: int, causes: Causes, *, touched: bool) -> list[Decision]:
        """Warnings by this view. After a change of lamps every pair is judged again, however long ago its tracks were updated."""
        meanings = self.lamps.meanings(now_ns)
        relit = meanings is not self._meanings and not np.array_equal(meanings, self._meanings)
        self._meanings = meanings
        if not touched and not relit:
            return list(self.warnings.refresh(view, now_ns, causes.of))
        self._places = localize(self._network, view, self._places, meanings)
        if relit:
            view.updated[:] = 1
        found = find_conflicts(self._network, self.paths, view, self._places, meanings, self.config.conflicts, self._space)
        fresh = now_ns - self._places.seen_ns <= FRESH_NS
        return list(self.warnings.judge(found, view, fresh, now_ns, causes.of))

    def report(self, view: TrackView, now_ns: int, *, touched: bool) -> list[Decision]:
        """All tracks, while there are any and once when the last is gone, and to vehicles where they are; with a frame's news if it can."""
        if now_ns - self._reported_ns < (REPORT_LEAST_NS if touched else REPORT_MOST_NS):
            return []
        self._reported_ns = now_ns
        decisions: list[Decision] = []
        if len(view.ids) or self._reported_tracks:
            self._reported_tracks = len(view.ids)
            motion, sigma_m = np.ascontiguousarray(view.motion[:, :5]), np.ascontiguousarray(view.sigma[:, 0])
            arrays = view.ids, view.classes, motion, sigma_m, view.size_m
            decisions.append(TrackReport(self.id, now_ns, *arrays, dict(view.vehicles), self._levels_m))
        rows = self.vehicles.corrected(now_ns)
        if rows is not None:
            worth = rows.sigma_m, rows.level_m, rows.alert, rows.sources
            decisions.append(CorrectedPositions(self.id, now_ns, rows.vehicles, rows.motion, *worth))
        return decisions

    def next_deadline_ns(self, now_ns: int) -> int:
        """When silence itself must be acted on: a report, the end of a track, a warning to repeat, a lamp gone stale."""
        reports = self._reported_tracks or len(self.tracks) or self.vehicles.is_answering(now_ns)
        report_ns = self._reported_ns + REPORT_MOST_NS if reports else now_ns + IDLE_NS
        others = (self.tracks.next_deadline_ns(), self.warnings.next_deadline_ns(), self.lamps.next_deadline_ns(now_ns))
        return max(now_ns + 1, min(report_ns, *(due_ns for due_ns in others if due_ns is not None)))

    @property
    def control_due_ns(self) -> int:
        """When `control` is due; never where the signals are not ours."""
        return NEVER_NS if self.signals is None else self.signals.due_ns

    def control(self, now_ns: int, orders: Ordered | None = None) -> list[Decision]:
        """What the lamps have to show now, and who is told what of it. `orders`: of dispatchers, for priority."""
        assert self.signals is not None
        return [*self.signals.step(now_ns, self._survey, orders)]

    def _survey(self, now_ns: int) -> tuple[TrackView, Places]:
        """Who is where now. Warnings keep the places they were judged by."""
        view = self.look(now_ns)
        return view, localize(self._network, view, self._places, self.lamps.meanings(now_ns))

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Everything that later decisions depend on."""
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            "tracks": self.tracks.snapshot(),
            "vehicles": self.vehicles.snapshot(),
            "lamps": self.lamps.snapshot(),
            "warnings": self.warnings.snapshot(),
            "signals": {} if self.signals is None else self.signals.snapshot(),
            "places": {name: getattr(self._places, name).copy() for name in Places.__slots__},
            "step": {
                "meanings": self._meanings.copy(),
                "report": np.array([self._reported_ns, self._reported_tracks], np.int64),
            },
        }
        return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of an intersection with the same map and configuration."""
        parts: dict[str, dict[str, NDArray[Any]]] = {}
        for key, array in arrays.items():
            part, name = key.split("/", 1)
            parts.setdefault(part, {})[name] = array
        self.tracks.restore(parts["tracks"])
        self.vehicles.restore(parts["vehicles"])
        self.lamps.restore(parts["lamps"])
        self.warnings.restore(parts["warnings"])
        if self.signals is not None:
            self.signals.restore(parts["signals"])
        self._places = Places(**parts["places"])
        self._meanings = parts["step"]["meanings"].copy()
        self._reported_ns, self._reported_tracks = (int(number) for number in parts["step"]["report"])

    def _take_frame(self, frame: RsuFrame) -> bool:
        for verdict, count in self.tracks.update_frame(frame).items():
            self.verdicts[frame.station, verdict] += count
        self.vehicles.take_sightings(self.tracks.sightings)
        return True

    def _take_motion(self, sample: MotionSample) -> bool:
        self.vehicles.take_motion(sample, doubts_speed=self.tracks.doubts_speed(sample.vehicle))
        self._own.append(sample)
        return True

    def _take_ranges(self, sample: RangeSample) -> bool:
        for verdict, count in self.vehicles.take_ranges(sample).items():
            self.verdicts[FUSION, verdict] += count
        return False

    def _fuse(self, now_ns: int) -> None:
        """All filters to now; then the vehicles that spoke find their tracks by where they are."""
        for verdict, count in self.vehicles.fuse(now_ns).items():
            self.verdicts[FUSION, verdict] += count
        for verdict, count in self.tracks.update_motion(self._own, self.vehicles.alone).items():
            self.verdicts[VEHICLES, verdict] += count
        self._own = []
        for parting in self.tracks.parted:
            self.vehicles.part(parting)

    def _take_signal(self, sample: SignalSample) -> bool:
        self.lamps.take(sample)
        if self.signals is not None:
            self.signals.take(sample)
        return False

    def _take_request(self, sample: PrioritySample) -> bool:
        if self.signals is not None:
            self.signals.ask(sample)
        return False

    def _take_command(self, command: CommandSample) -> bool:
        return _OBEY[command.kind](self, command)

    def _acknowledge(self, command: CommandSample) -> bool:
        self.warnings.acknowledge(command.about, command.author, command.answer)
        return False

    def _reset_tracks(self, _command: CommandSample) -> bool:
        self.tracks.reset()
        return True

    def _to_signals(self, command: CommandSample) -> bool:
        if self.signals is not None:
            self.signals.obey(command)
        return False

    def _silence(self, command: CommandSample) -> bool:
        if command.about in WarningKind.__members__:
            self.warnings.silence(WarningKind(command.about), command.valid_until_ns)
        return False


_TAKE: dict[type, Callable[[Intersection, Any], bool]] = {
    RsuFrame: Intersection._take_frame,
    MotionSample: Intersection._take_motion,
    RangeSample: Intersection._take_ranges,
    SignalSample: Intersection._take_signal,
    PrioritySample: Intersection._take_request,
    CommandSample: Intersection._take_command,
}
_OBEY: dict[CommandKind, Callable[[Intersection, CommandSample], bool]] = {
    CommandKind.ACKNOWLEDGEMENT: Intersection._acknowledge,
    CommandKind.RESET_TRACKS: Intersection._reset_tracks,
    CommandKind.SILENCE: Intersection._silence,
    CommandKind.RESET_SIGNALS: Intersection._to_signals,
    CommandKind.PLAN_OVERRUN: Intersection._to_signals,
}


def step(intersection: Intersection, samples: Sequence[Sample], now_ns: int) -> tuple[list[Decision], int]:
    """Let the samples take effect at `now_ns`; -> what is decided, and when to step again if nothing arrives."""
    touched = False
    for sample in samples:
        touched |= intersection.take(sample)
    view = intersection.look(now_ns)
    causes = Causes(samples, intersection.frame)
    decisions = intersection.judge(view, now_ns, causes, touched=touched)
    lamps = intersection.lamps.report(now_ns, causes.latest) if intersection.signals is None else None  # else SPaT tells them
    decisions += [lamps] if lamps else []
    decisions += [_sensor_fault(intersection.id, fault, now_ns, causes.latest) for fault in intersection.tracks.take_faults()]
    decisions += intersection.report(view, now_ns, touched=touched)
    return decisions, intersection.next_deadline_ns(now_ns)


def _sensor_fault(intersection: str, fault: SourceFault, now_ns: int, cause: Cause) -> SensorFault:
    return SensorFault(
        id=f"{intersection}-fault-{fault.source}-{fault.subject}-{fault.quantity}",
        intersection=intersection,
        source=fault.source,
        subject=fault.subject,
        quantity=fault.quantity,
        text=fault.text,
        created_ns=now_ns,
        cleared=fault.cleared,
        cause=cause,
    )
