"""What is wrong with a station, from some seconds of what it really sent: the questions an installer asks, as a table of checks.

Rules:
* A check sees only what was observed, says one sentence, and answers GOOD, NOTE or FAULT; None where it cannot judge.
* Values are taken as sent (degrees, raw scales undone), impossible ones included: what is wrong shows in them.
* Directions are judged by displacement: an object seen twice tells where it went, whatever its heading field says.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from positioning.samples import Verdict
from v2x.ingest.areas import Area, find_mistake

Floats = NDArray[np.float64]

WATCHED_FRAMES = 512  # ten seconds at twice the allowed rate
METRES_PER_DEGREE = 111_195.0
MOVED_M = 2.0  # less than this is noise of the position
MOVED_WITHIN_S = 2.0
ENOUGH_MOVES = 8
HEADING_TOLERANCE_DEG = 15.0
SPEED_TOLERANCE = 0.25
SMALL_OFFSET_M = 0.5
SMALL_YAW_RAD = np.radians(1.0)


class Severity(IntEnum):
    """Numbered as in `operator.proto`."""

    GOOD = 1
    NOTE = 2
    FAULT = 3


@dataclass(frozen=True, slots=True)
class Finding:
    topic: str
    severity: Severity
    text: str


class Watch:
    """Keeps what one station sends while somebody watches it: (payload, received_ns, verdict)."""

    def __init__(self) -> None:
        self.frames: deque[tuple[bytes, int, Verdict]] = deque(maxlen=WATCHED_FRAMES)

    def note(self, payload: bytes, received_ns: int, verdict: Verdict) -> None:
        self.frames.append((payload, received_ns, verdict))


@dataclass(frozen=True, slots=True, eq=False)
class SeenFrame:
    """One frame as sent. objects: float64 (n, 5): local id, latitude_deg, longitude_deg, speed_mps, heading_deg; NaN where not sent."""

    received_ns: int
    stamp_ns: int | None
    verdict: Verdict
    sensors: tuple[tuple[str, int], ...]  # id, SensorHealth
    objects: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """`offset`: east_m, north_m, yaw_rad, sigma_m against the other stations' views, None where nobody else sees the same."""

    station: str
    frames: Sequence[SeenFrame]
    verdicts: Sequence[Verdict]  # of everything that came, readable or not
    area: Area
    seconds: float
    clock_offset_ns: int | None
    is_synchronised: bool
    gaps: int
    offset: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Displacements of objects between two frames, with what the later one claims. All (n,)."""

    east_m: Floats
    north_m: Floats
    elapsed_s: Floats
    speed_mps: Floats
    heading_deg: Floats

    @property
    def bearing_deg(self) -> Floats:
        return np.asarray(np.degrees(np.arctan2(self.east_m, self.north_m)) % 360.0)

    @property
    def true_speed_mps(self) -> Floats:
        return np.asarray(np.hypot(self.east_m, self.north_m) / self.elapsed_s)


def findings(seen: Observation) -> list[Finding]:
    """The gravest first."""
    answers = [check(seen) for check in CHECKS]
    return sorted((answer for answer in answers if answer is not None), key=lambda finding: -finding.severity)


def moves_of(frames: Sequence[SeenFrame]) -> Moves:
    """Each object against the latest sight of it at least MOVED_M away, by its own number."""
    last: dict[int, tuple[float, float, float]] = {}
    rows: list[tuple[float, ...]] = []
    for frame in frames:
        if frame.stamp_ns is None:
            continue
        time_s = frame.stamp_ns / 1e9
        for number, latitude, longitude, speed, heading in frame.objects.tolist():
            before = last.setdefault(int(number), (time_s, latitude, longitude))
            elapsed_s = time_s - before[0]
            north = (latitude - before[1]) * METRES_PER_DEGREE
            east = (longitude - before[2]) * METRES_PER_DEGREE * float(np.cos(np.radians(latitude)))
            distance = float(np.hypot(east, north))
            if elapsed_s < 0 or elapsed_s > MOVED_WITHIN_S:
                last[int(number)] = (time_s, latitude, longitude)
            elif elapsed_s > 0 and distance >= MOVED_M:
                last[int(number)] = (time_s, latitude, longitude)
                if distance / elapsed_s < 70.0:
                    rows.append((east, north, elapsed_s, speed, heading))
    return Moves(*np.array(rows, dtype=np.float64).reshape(-1, 5).T)


# The checks


def _stream(seen: Observation) -> Finding:
    taken = sum(verdict is Verdict.ACCEPTED for verdict in seen.verdicts)
    if not seen.verdicts:
        return Finding("stream", Severity.FAULT, f"No frame in {seen.seconds:.0f} s. Is the station's program running, and its network up?")
    refused = len(seen.verdicts) - taken
    if refused == 0:
        return Finding("stream", Severity.GOOD, f"{taken} frames, all taken.")
    reasons = sorted({verdict.name for verdict in seen.verdicts if verdict is not Verdict.ACCEPTED})
    severity = Severity.FAULT if refused > taken // 10 else Severity.NOTE
    return Finding("stream", severity, f"{taken} frames taken, {refused} refused: {', '.join(reasons)}.")


def _clock(seen: Observation) -> Finding | None:
    if seen.clock_offset_ns is None:
        return None
    offset_ms = seen.clock_offset_ns / 1e6
    if seen.is_synchronised:
        return Finding("clock", Severity.GOOD, f"Synchronised; frames arrive {offset_ms:.0f} ms after they were measured at the earliest.")
    side = "behind" if offset_ms > 0 else "ahead of"
    text = (
        f"The clock is {abs(offset_ms):.0f} ms {side} ours, shortest transport delay included; stamps are moved by that. Set up NTP or PTP."
    )
    return Finding("clock", Severity.NOTE, text)


def _stamps(seen: Observation) -> Finding | None:
    stamps = [frame.stamp_ns for frame in seen.frames if frame.stamp_ns is not None]
    if len(stamps) < len(seen.frames):
        return Finding("stamps", Severity.FAULT, f"{len(seen.frames) - len(stamps)} frames have no usable time of measurement.")
    if len(stamps) > 2 and len(set(stamps)) <= len(stamps) // 2:
        return Finding("stamps", Severity.FAULT, "The time of measurement stands still: several frames carry the same.")
    return None


def _latency(seen: Observation) -> Finding | None:
    delays = np.array([frame.received_ns - frame.stamp_ns for frame in seen.frames if frame.stamp_ns is not None]) / 1e6
    if len(delays) < 10:
        return None
    base = 0.0 if seen.is_synchronised else float(delays.min())
    middle, worst = np.percentile(delays, (50, 95)) - base
    severity = Severity.GOOD if worst <= 150 else Severity.NOTE if worst <= 500 else Severity.FAULT
    return Finding("latency", severity, f"{middle:.0f} ms from measurement to arrival, {worst:.0f} ms for the slowest 5 %.")


def _rate(seen: Observation) -> Finding | None:
    if len(seen.verdicts) < 2:
        return None
    rate = len(seen.verdicts) / seen.seconds
    missing = f" {seen.gaps} sequence numbers never came." if seen.gaps else ""
    if rate < 5:
        return Finding("rate", Severity.NOTE, f"{rate:.1f} frames/s; 10 are wanted for warnings.{missing}")
    severity = Severity.NOTE if missing or Verdict.RATE_LIMITED in seen.verdicts else Severity.GOOD
    return Finding("rate", severity, f"{rate:.1f} frames/s.{missing}")


def _objects(seen: Observation) -> Finding | None:
    if seen.frames and not any(len(frame.objects) for frame in seen.frames):
        return Finding(
            "objects", Severity.FAULT, "Frames come, but without a single object. Do the sensors run, and is their output wired up?"
        )
    return None


def _positions(seen: Observation) -> Finding | None:
    rows = _all_objects(seen)
    if not len(rows):
        return None
    inside = seen.area.holds(np.radians(rows[:, 1]), np.radians(rows[:, 2]))
    if inside.all():
        return Finding("positions", Severity.GOOD, f"All {len(rows)} positions lie in the intersection's area.")
    text = f"{np.mean(~inside):.0%} of the positions lie outside the intersection's area"
    mistake = find_mistake(rows[~inside, 1], rows[~inside, 2], seen.area)
    return Finding("positions", Severity.FAULT, f"{text}: it seems that {mistake}." if mistake else f"{text}. Check the station's pose.")


def _identity(seen: Observation) -> Finding | None:
    pairs = [
        (set(before.objects[:, 0].tolist()), set(after.objects[:, 0].tolist()))
        for before, after in zip(seen.frames, seen.frames[1:], strict=False)
        if len(before.objects) and len(after.objects)
    ]
    if len(pairs) < 5:
        return None
    kept = float(np.mean([len(before & after) / len(before) for before, after in pairs]))
    if kept >= 0.5:
        return None
    return Finding("identity", Severity.NOTE, "Objects change their number from frame to frame; a stable local_id makes better tracks.")


# What a heading field may hold instead of degrees clockwise from north, and how the true bearing follows from it.
HEADING_MISTAKES: tuple[tuple[str, Callable[[Floats], Floats]], ...] = (
    ("", lambda heading: heading),
    ("headings are opposite: they point where objects come from", lambda heading: heading + 180.0),
    ("headings are counted counter-clockwise from east, or east and north are swapped", lambda heading: 90.0 - heading),
    ("headings are mirrored: counter-clockwise from north, or east and west are swapped", lambda heading: -heading),
    ("headings are mirrored: north and south are swapped", lambda heading: 180.0 - heading),
    ("headings are sent in degrees instead of 0.0125 degree", lambda heading: heading * 80.0),
    ("headings are sent in 0.1 degree instead of 0.0125 degree", lambda heading: heading * 8.0),
)


def _axes(seen: Observation) -> Finding | None:
    moves = moves_of(seen.frames)
    known = np.isfinite(moves.heading_deg)
    if known.sum() < ENOUGH_MOVES:
        return None
    bearing, heading = moves.bearing_deg[known], moves.heading_deg[known]
    missed = [float(np.median(np.abs(_wrapped_deg(meant(heading) - bearing)))) for _, meant in HEADING_MISTAKES]
    best = int(np.argmin(missed))
    if missed[0] <= HEADING_TOLERANCE_DEG:
        return Finding("axes", Severity.GOOD, f"Headings agree with where objects go, {missed[0]:.0f} degree in the middle.")
    if missed[best] <= HEADING_TOLERANCE_DEG:
        return Finding("axes", Severity.FAULT, f"It seems that {HEADING_MISTAKES[best][0]}.")
    turned = float(np.degrees(np.angle(np.mean(np.exp(1j * np.radians(heading - bearing))))))
    spread = float(np.median(np.abs(_wrapped_deg(heading - bearing - turned))))
    if spread <= HEADING_TOLERANCE_DEG:
        return Finding(
            "axes", Severity.FAULT, f"Headings are turned by {turned:.0f} degree against where objects go. Check the sensor's yaw."
        )
    return Finding("axes", Severity.FAULT, f"Headings contradict where objects go, by {missed[0]:.0f} degree in the middle.")


# What a speed field may hold, and the ratio of what is read to the truth.
SPEED_MISTAKES = (
    (1.0, ""),
    (3.6, "speeds are sent in km/h instead of m/s"),
    (0.02, "speeds are sent in m/s instead of 0.02 m/s"),
    (0.072, "speeds are sent in km/h instead of 0.02 m/s"),
    (2.0, "speeds are sent in 0.01 m/s instead of 0.02 m/s"),
    (0.2, "speeds are sent in 0.1 m/s instead of 0.02 m/s"),
)


def _speed(seen: Observation) -> Finding | None:
    moves = moves_of(seen.frames)
    known = np.isfinite(moves.speed_mps)
    if known.sum() < ENOUGH_MOVES:
        return None
    ratio = float(np.median(moves.speed_mps[known] / moves.true_speed_mps[known]))
    if abs(ratio - 1.0) <= SPEED_TOLERANCE:
        return Finding("speed", Severity.GOOD, f"Speeds agree with how far objects go ({ratio:.2f}).")
    for expected, text in SPEED_MISTAKES[1:]:
        if abs(ratio / expected - 1.0) <= SPEED_TOLERANCE:
            return Finding("speed", Severity.FAULT, f"It seems that {text}.")
    return Finding("speed", Severity.FAULT, f"Speeds are {ratio:.2f} times what displacement says.")


def _offset(seen: Observation) -> Finding | None:
    if seen.offset is None:
        return Finding("offset", Severity.NOTE, "No other station sees the same objects: the offset cannot be judged.")
    east_m, north_m, yaw_rad, sigma_m = seen.offset
    text = f"{east_m:+.2f} m east, {north_m:+.2f} m north, {np.degrees(yaw_rad):+.2f} degree against the other views (+-{sigma_m:.2f} m)"
    is_small = np.hypot(east_m, north_m) <= max(SMALL_OFFSET_M, 3 * sigma_m) and abs(yaw_rad) <= SMALL_YAW_RAD
    return Finding("offset", Severity.GOOD if is_small else Severity.NOTE, f"{text}; it is estimated and taken out.")


def _sensors(seen: Observation) -> Finding | None:
    health = {sensor: state for frame in seen.frames for sensor, state in frame.sensors}
    if not health:
        return Finding("sensors", Severity.NOTE, "No sensor states are sent: a failed sensor looks like an empty road.")
    failed = sorted(sensor for sensor, state in health.items() if state == 3)
    degraded = sorted(sensor for sensor, state in health.items() if state == 2)
    if failed:
        return Finding("sensors", Severity.FAULT, f"Failed: {', '.join(failed)}.")
    if degraded:
        return Finding("sensors", Severity.NOTE, f"Degraded: {', '.join(degraded)}.")
    return Finding("sensors", Severity.GOOD, f"{len(health)} sensors, all well.")


CHECKS: tuple[Callable[[Observation], Finding | None], ...] = (
    _stream,
    _objects,
    _positions,
    _axes,
    _speed,
    _clock,
    _stamps,
    _latency,
    _rate,
    _identity,
    _sensors,
    _offset,
)


def _all_objects(seen: Observation) -> Floats:
    return np.concatenate([frame.objects for frame in seen.frames]) if seen.frames else np.empty((0, 5))


def _wrapped_deg(angle: Floats) -> Floats:
    return np.asarray((angle + 180.0) % 360.0 - 180.0)
