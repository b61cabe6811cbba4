"""One roadside station as the server knows it, across its streams: bytes in, arrivals out, everything else counted.

Rules:
* `take` never raises for what a peer sent, never waits, and keeps nothing of a frame but its counts.
* What is queued is what is logged: objects that are left out for their place are left out of the payload too, or a replay,
  which reads the payload alone, would see them.
"""

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from positioning.samples import RsuFrame, Verdict
from v2x.arrivals import Arrival, ArrivalKind, ArrivalQueue
from v2x.ingest.admission import AdmissionLimits, Circle, StationAdmission
from v2x.ingest.areas import Area, Floats, find_mistake
from v2x.ingest.tally import Situation, Tally, advice
from v2x.station_check import Watch
from v2x.v1 import common_pb2, roadside_pb2
from v2x.wire import ParsedFrame, WireError, parse_rsu_frame, resolve_stamp, rsu_frame

ACCEPTED = Verdict.ACCEPTED
RSU_FRAME = ArrivalKind.RSU_FRAME  # an enumeration's member costs more to look up than a module's name


class StationSource:
    """`area` is None while no map of the station's intersection is served."""

    def __init__(
        self,
        station: str,
        intersection: str,
        area: Area | None,
        queue: ArrivalQueue,
        limits: AdmissionLimits,
        now_ns: Callable[[], int],
    ) -> None:
        self.station = station
        self.intersection = intersection
        self.area = area
        self._circle = None if area is None else Circle(area.latitude_rad, area.longitude_rad, area.radius_m)
        self.admission = StationAdmission(limits)
        self.total = Tally()
        self.watches: list[Watch] = []
        self.objects_seen_ns: int | None = None
        self._queue = queue
        self._now_ns = now_ns
        self._max_objects = limits.frame_objects
        self._max_bytes = limits.frame_bytes
        self._mistake: str | None = None
        self._misplaced: bytes = b""  # the latest frame with objects at impossible places

    def take(self, payload: bytes) -> Verdict:
        """Judge one message and queue it if it is good."""
        received_ns = self._now_ns()
        verdict = self.admission.admit_unread(len(payload), received_ns)
        if verdict is ACCEPTED:
            try:
                parsed = parse_rsu_frame(payload, self._max_objects, self._max_bytes)
                verdict = self._admit(parsed, payload, received_ns)
            except WireError as error:
                self.admission.note_unread()
                verdict = error.verdict
        if verdict is not ACCEPTED:
            self.total.frames_rejected[verdict] += 1
        if self.watches:
            for watch in self.watches:
                watch.note(payload, received_ns, verdict)
        return verdict

    def _admit(self, parsed: ParsedFrame, payload: bytes, received_ns: int) -> Verdict:
        if parsed.station != self.station:
            raise WireError(Verdict.MALFORMED, f"a frame of {parsed.station} in the stream of {self.station}")
        verdict, measured_ns = self.admission.admit(parsed.sequence, resolve_stamp(parsed.stamp, received_ns), received_ns)
        circle = self._circle
        if verdict is ACCEPTED and (circle is None or parsed.intersection != self.intersection):
            verdict = Verdict.UNKNOWN_INTERSECTION
        if verdict is not ACCEPTED:
            self.total.objects_rejected[verdict] += len(parsed.rows)
            return verdict
        assert circle is not None
        sample = rsu_frame(parsed, measured_ns, received_ns)
        if parsed.left_out or not circle.holds_all(sample.rows):
            payload, sample = self._keep_good(payload, sample, parsed.left_out)
        self._queue.put(Arrival(RSU_FRAME, self.station, self.intersection, measured_ns, received_ns, payload, sample))
        objects = len(sample.rows)
        total = self.total
        total.frames += 1
        total.objects += objects
        if objects:
            self.objects_seen_ns = received_ns
        return ACCEPTED

    def _keep_good(self, payload: bytes, sample: RsuFrame, left_out: int) -> tuple[bytes, RsuFrame]:
        """Count what was out of range, and take out what lies outside the area."""
        self._misplaced = payload
        self.total.objects_rejected[Verdict.OUT_OF_RANGE] += left_out
        assert self._circle is not None
        return (payload, sample) if self._circle.holds_all(sample.rows) else self._only_inside(payload, sample)

    def _only_inside(self, payload: bytes, sample: RsuFrame) -> tuple[bytes, RsuFrame]:
        """The frame without the objects outside the area, in both its forms."""
        assert self.area is not None
        message = roadside_pb2.RsuFrame.FromString(payload)
        inside = self.area.holds(*_positions_rad(message))
        kept = [found for found, is_inside in zip(message.objects, inside, strict=True) if is_inside]
        del message.objects[:]
        message.objects.extend(kept)
        payload = message.SerializeToString()
        parsed = parse_rsu_frame(payload, self._max_objects, self._max_bytes)
        self.total.objects_rejected[Verdict.OUT_OF_AREA] += len(sample.rows) - len(parsed.rows)
        return payload, rsu_frame(parsed, sample.measured_ns, sample.received_ns)

    def tally(self) -> Tally:
        """A copy of the counts as they stand."""
        self.total.gaps = self.admission.gaps
        return self.total.copy()

    def report(self, since: Tally, recent: Tally, opened_ns: int) -> bytes:
        """A StationReport: counts since `since`, advice from what came since `recent`."""
        now = self.tally()
        counts = now.since(since)
        situation = Situation(
            recent=now.since(recent),
            admission=self.admission,
            station=self.station,
            registered_intersection=self.intersection,
            intersection_is_served=self.area is not None,
            objects_seen_ns=self.objects_seen_ns,
            opened_ns=opened_ns,
            now_ns=self._now_ns(),
            position_mistake=self._position_mistake(),
        )
        return roadside_pb2.StationReport(
            station_id=self.station,
            highest_sequence=self.admission.highest_taken,
            frames_accepted=counts.frames,
            objects_accepted=counts.objects,
            frames_rejected=_verdict_counts(counts.frames_rejected),
            objects_rejected=_verdict_counts(counts.objects_rejected),
            sequence_gaps=counts.gaps,
            clock_offset_ns=self.admission.offset_ns or 0,
            advice=advice(situation),
        ).SerializeToString()

    def _position_mistake(self) -> str | None:
        """Judged on the latest frame that had misplaced objects, at most once a report."""
        if self._misplaced and self.area is not None:
            latitude_rad, longitude_rad = _positions_rad(roadside_pb2.RsuFrame.FromString(self._misplaced))
            self._mistake = find_mistake(np.degrees(latitude_rad), np.degrees(longitude_rad), self.area)
            self._misplaced = b""
        return self._mistake


def _positions_rad(message: roadside_pb2.RsuFrame) -> tuple[Floats, Floats]:
    """Latitudes and longitudes as sent, possible or not."""
    latitude = np.array([found.latitude_e7 for found in message.objects], dtype=np.float64)
    longitude = np.array([found.longitude_e7 for found in message.objects], dtype=np.float64)
    return np.radians(latitude * 1e-7), np.radians(longitude * 1e-7)


def _verdict_counts(counts: Mapping[Verdict, int]) -> list[common_pb2.VerdictCount]:
    return [
        common_pb2.VerdictCount(verdict=cast("common_pb2.Verdict", int(verdict)), count=count)
        for verdict, count in sorted(counts.items())
        if count
    ]
