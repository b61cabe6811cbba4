"""What became of one sender's messages, counted; and the sentences its installer is told."""

from collections import Counter
from dataclasses import dataclass, field

from positioning.samples import Verdict
from v2x.ingest.admission import StationAdmission
from v2x.ingest.clocks import MILLISECOND_NS, SECOND_NS

SILENT_OBJECTS_NS = 10 * SECOND_NS


@dataclass(slots=True)
class Tally:
    """Counts since a stream was opened, or since the server was started."""

    frames: int = 0
    objects: int = 0
    gaps: int = 0  # sequence numbers that never came
    frames_rejected: Counter[Verdict] = field(default_factory=Counter)
    objects_rejected: Counter[Verdict] = field(default_factory=Counter)

    def since(self, earlier: "Tally") -> "Tally":
        return Tally(
            self.frames - earlier.frames,
            self.objects - earlier.objects,
            max(0, self.gaps - earlier.gaps),
            self.frames_rejected - earlier.frames_rejected,
            self.objects_rejected - earlier.objects_rejected,
        )

    def copy(self) -> "Tally":
        return Tally(self.frames, self.objects, self.gaps, self.frames_rejected.copy(), self.objects_rejected.copy())


@dataclass(frozen=True, slots=True)
class Situation:
    """What advice is drawn from: the counts of the last seconds, and how things stand."""

    recent: Tally
    admission: StationAdmission
    station: str
    registered_intersection: str
    intersection_is_served: bool
    objects_seen_ns: int | None  # when the last object was taken
    opened_ns: int
    now_ns: int
    position_mistake: str | None


def advice(situation: Situation) -> list[str]:
    """Plain sentences, the gravest first; [] where all is well."""
    said = [rule(situation) for rule in RULES]
    return [sentence for sentence in said if sentence]


def _intersection(at: Situation) -> str | None:
    name = at.registered_intersection
    if not at.intersection_is_served:
        return f"Intersection {name}, for which this station is registered, has no map here: nothing is taken. Give its map to the server."
    if at.recent.frames_rejected[Verdict.UNKNOWN_INTERSECTION]:
        return f"Frames name another intersection than {name}, for which this station is registered: they are not taken."
    return None


def _malformed(at: Situation) -> str | None:
    count = at.recent.frames_rejected[Verdict.MALFORMED]
    return f"{count} messages could not be read as RsuFrame of station {at.station}." if count else None


def _oversized(at: Situation) -> str | None:
    limits = at.admission.limits
    if at.recent.frames_rejected[Verdict.OVERSIZED]:
        return f"Frames are too large: {limits.frame_bytes} bytes and {limits.frame_objects} objects at most. Split the scene into several."
    return None


def _rate(at: Situation) -> str | None:
    count = at.recent.frames_rejected[Verdict.RATE_LIMITED]
    limit = at.admission.limits.frames_per_s
    return f"The rate is too high: {count} frames were dropped, {limit:g} frames/s are taken. 10 are enough." if count else None


def _clock(at: Situation) -> str | None:
    clock = at.admission
    if at.recent.frames_rejected[Verdict.CLOCK_JUMP]:
        return "The clock jumped by more than a second; frames are taken again once three agree. Check the time service (NTP, PTP, GNSS)."
    if clock.offset_ns is None or clock.is_synchronised:
        return None
    side = "behind" if clock.offset_ns > 0 else "ahead of"
    offset_ms = abs(clock.offset_ns) / MILLISECOND_NS
    return (
        f"The clock is {offset_ms:.0f} ms {side} ours (shortest transport delay included); stamps are moved by that. "
        "Set up NTP or PTP: with a wrong clock the delay of the network cannot be told from the clock's error."
    )


def _stale(at: Situation) -> str | None:
    count = at.recent.frames_rejected[Verdict.STALE]
    return f"{count} frames arrived more than 500 ms after they were measured, too late to use. Check network and load." if count else None


def _sequence(at: Situation) -> str | None:
    if at.recent.frames > 5 and at.admission.restarts > at.recent.frames // 2:
        return "The sequence number does not grow by one a frame: losses cannot be seen."
    if at.recent.frames_rejected[Verdict.DUPLICATE]:
        return f"{at.recent.frames_rejected[Verdict.DUPLICATE]} frames came twice."
    return None


def _positions(at: Situation) -> str | None:
    outside = at.recent.objects_rejected[Verdict.OUT_OF_AREA]
    wrong = at.recent.objects_rejected[Verdict.OUT_OF_RANGE]
    if not outside and not wrong:
        return None
    if at.position_mistake:
        return f"Positions are not at the intersection: it seems that {at.position_mistake}."
    if outside:
        return f"{outside} objects lay outside the area of {at.registered_intersection}. Check the station's pose and its intersection."
    return f"{wrong} objects had a value outside the range its field allows."


def _silence(at: Situation) -> str | None:
    since_ns = at.now_ns - (at.objects_seen_ns or at.opened_ns)
    if since_ns < SILENT_OBJECTS_NS:
        return None
    if not at.recent.frames and not at.recent.frames_rejected:
        return f"No frame for {since_ns / SECOND_NS:.0f} s."
    return f"No object was taken for {since_ns / SECOND_NS:.0f} s."


RULES = (_intersection, _malformed, _oversized, _positions, _clock, _rate, _stale, _sequence, _silence)
