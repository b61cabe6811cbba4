"""VehicleService: vehicles' own samples in; warnings, lamp states, corrected positions and orders out.

Rules:
* A temporary id belongs to the stream that uses it, until that stream ends or has been silent for some seconds.
* What a vehicle is told waits in its own bounded queue: one that stops reading holds up nobody.
* Which intersection a sample belongs to follows from its position, each time anew.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence

import grpc

from intersections.decisions import CorrectedPositions, Decision, PriorityAnswer, SignalReport, SpeedAdvices, Warning
from intersections.signals.priority import Reason
from intersections.signals.spat import SpatMessage
from positioning.frames import LocalFrame
from positioning.samples import Role, Verdict
from v2x.arrivals import Arrival, ArrivalKind, ArrivalQueue
from v2x.bus_positions import bus_arrival
from v2x.commands import acknowledgement, command_arrival, encode_command
from v2x.errors import WireError
from v2x.ingest.access import Access, Context, RefusedError
from v2x.ingest.admission import AdmissionLimits, RateLimit, StationAdmission
from v2x.ingest.areas import Locate
from v2x.ingest.clocks import SECOND_NS
from v2x.ingest.downlink import Downlink, DownlinkKind
from v2x.ingest.limits import IngestLimits
from v2x.ingest.streams import STOPPING, OpenStream, Requests, first_message
from v2x.ingest.tally import Tally
from v2x.v1 import vehicle_pb2
from v2x.wire import bus_position, motion_sample, range_sample, range_verdicts, resolve_stamp, stamp_of, vehicle_downlink
from v2x.wire.arrivals import decode
from v2x.wire.priority import preempts, priority_sample

ACKNOWLEDGEMENTS_PER_S = 5.0  # commands are never dropped from the queue, so they are limited here
ACKNOWLEDGEMENT_BURST = 20
REQUESTS_PER_S = 2.0  # a vehicle sends its request about once a second; more is looked at by nobody
REQUEST_BURST = 4
USUAL_POSITION_PERIOD_NS = SECOND_NS  # until the vehicle asks for another rate
BUS_PERIOD_NS = 9 * SECOND_NS // 10  # samples of 10 Hz are not punctual
REPORT_JITTER_NS = SECOND_NS // 20  # a report that comes so much before its time is taken: half a period of the reports


class VehicleSession:
    """One vehicle's stream: what is known of it between its messages."""

    def __init__(self, stream: OpenStream, limits: AdmissionLimits, now_ns: int, *, may_preempt: bool = False) -> None:
        self.stream = stream
        self.admission = StationAdmission(limits)
        self.range_admission = StationAdmission(limits)  # their sequence is a count of its own
        self.acknowledgements = RateLimit(ACKNOWLEDGEMENTS_PER_S, ACKNOWLEDGEMENT_BURST)
        self.requests = RateLimit(REQUESTS_PER_S, REQUEST_BURST)
        self.may_preempt = may_preempt
        self.downlink = Downlink()
        self.vehicle = ""
        self.intersection = ""
        self.heard_ns = now_ns
        self.position_period_ns = USUAL_POSITION_PERIOD_NS  # 0: no positions wanted
        self.position_due_ns = 0
        self.bus_due_ns = 0

    def tell(self, kind: DownlinkKind, payload: bytes) -> None:
        if not self.downlink.put(kind, payload):
            self.stream.end(RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, "orders wait unread; connect again and read"))


class VehicleService:
    def __init__(
        self,
        access: Access,
        queue: ArrivalQueue,
        locate: Locate,
        frames: Mapping[str, LocalFrame],
        limits: IngestLimits,
        now_ns: Callable[[], int],
        anchors: Collection[str] = (),
        bus_network: str = "",
    ) -> None:
        self.total = Tally()
        self._access = access
        self._queue = queue
        self._locate = locate
        self._frames = frames
        self._limits = limits
        self._now_ns = now_ns
        self._anchors = frozenset(anchors)
        self._bus_network = bus_network  # '' where no buses are dispatched from here
        self._sessions: dict[str, VehicleSession] = {}  # by temporary id
        self._streams: set[OpenStream] = set()
        self._takers: dict[str, Callable[[VehicleSession, vehicle_pb2.VehicleUplink, int], None]] = {
            "sample": self._take_sample,
            "ranges": self._take_ranges,
            "request": self._take_request,
            "acknowledgement": self._take_acknowledgement,
            "priority": self._take_priority,
        }

    @property
    def connected(self) -> int:
        return len(self._streams)

    def end_all(self) -> None:
        for stream in self._streams:
            stream.end(STOPPING)

    async def stream(self, requests: Requests, context: Context) -> None:
        try:
            may_preempt = self._access.admit_vehicle(context, self._now_ns())
            first = await first_message(requests, self._limits.first_message_s)
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        stream = OpenStream(context)
        session = VehicleSession(stream, self._limits.vehicle, self._now_ns(), may_preempt=may_preempt)
        self._streams.add(stream)
        try:
            await context.send_initial_metadata(())
            await stream.serve(self._read(session, requests, first), _write(session), lambda: None, self._limits.final_report_s)
        finally:
            self._streams.discard(stream)
            self._release(session)

    async def _read(self, session: VehicleSession, requests: Requests, first: bytes) -> None:
        try:
            self._take(session, first)
            async for payload in requests:
                if self._take(session, payload) is Verdict.RATE_LIMITED:
                    await asyncio.sleep(self._limits.overload_pause_s)
        except RefusedError as refusal:
            session.stream.end(refusal)

    def _take(self, session: VehicleSession, payload: bytes) -> Verdict:
        """Judge one message and do what it says; raises RefusedError where the stream has to end."""
        received_ns = self._now_ns()
        session.heard_ns = received_ns
        verdict = session.admission.admit_unread(len(payload), received_ns)
        if verdict is Verdict.ACCEPTED:
            try:
                message = decode(vehicle_pb2.VehicleUplink, payload)
                take = self._takers.get(message.WhichOneof("message") or "")
                if take is not None:  # what newer vehicles send passes
                    take(session, message, received_ns)
            except WireError as error:
                verdict = error.verdict
        if verdict is Verdict.ACCEPTED:
            self.total.frames += 1
        else:
            self.total.frames_rejected[verdict] += 1
        return verdict

    def _take_sample(self, session: VehicleSession, message: vehicle_pb2.VehicleUplink, received_ns: int) -> None:
        sample = message.sample
        stamp_ns = resolve_stamp(stamp_of(sample.measured), received_ns)
        verdict, measured_ns = session.admission.admit(sample.sequence, stamp_ns, received_ns)
        if verdict is not Verdict.ACCEPTED:
            raise WireError(verdict, "not taken")
        position = sample.fix.position
        intersection: str | None = session.intersection
        if sample.fix.status != vehicle_pb2.FIX_STATUS_NONE:
            intersection = self._locate(math.radians(position.latitude_e7 * 1e-7), math.radians(position.longitude_e7 * 1e-7))
        motion = motion_sample(sample, intersection or "", measured_ns, received_ns)
        is_bus = bool(self._bus_network) and motion.role is Role.BUS
        if not intersection and not is_bus:
            raise WireError(Verdict.OUT_OF_AREA, "no intersection is near")
        self._bind(session, sample.temporary_id, received_ns)
        if is_bus:
            self._report_bus(session, sample, measured_ns, received_ns)
        if not intersection:
            return
        session.intersection = intersection
        payload = sample.SerializeToString()
        self._queue.put(Arrival(ArrivalKind.VEHICLE_SAMPLE, session.vehicle, intersection, measured_ns, received_ns, payload, motion))
        self.total.objects += 1

    def _report_bus(self, session: VehicleSession, sample: vehicle_pb2.VehicleSample, measured_ns: int, received_ns: int) -> None:
        """A dispatched bus is wherever its line goes; once a second is enough to know where on it."""
        if sample.fix.status != vehicle_pb2.FIX_STATUS_NONE and received_ns >= session.bus_due_ns:
            session.bus_due_ns = received_ns + BUS_PERIOD_NS
            self._queue.put(bus_arrival(self._bus_network, session.vehicle, (bus_position(sample, measured_ns),), received_ns))

    def _take_ranges(self, session: VehicleSession, message: vehicle_pb2.VehicleUplink, received_ns: int) -> None:
        """Ranges out of range and to gNBs that nobody surveyed are left out of what is queued, and so of what is logged."""
        ranges = message.ranges
        if not session.vehicle or ranges.temporary_id != session.vehicle:
            raise WireError(Verdict.MALFORMED, "temporary_id has to be that of the stream's samples")
        stamp_ns = resolve_stamp(stamp_of(ranges.measured), received_ns)
        verdict, measured_ns = session.range_admission.admit(ranges.sequence, stamp_ns, received_ns)
        if verdict is not Verdict.ACCEPTED:
            raise WireError(verdict, "not taken")
        verdicts = range_verdicts(ranges, self._anchors)
        kept = [measured for measured, verdict in zip(ranges.ranges, verdicts, strict=True) if verdict is Verdict.ACCEPTED]
        self.total.objects_rejected.update(verdict for verdict in verdicts if verdict is not Verdict.ACCEPTED)
        del ranges.ranges[:]
        ranges.ranges.extend(kept)
        sample = range_sample(ranges, session.intersection, measured_ns, received_ns)
        if kept:
            payload = ranges.SerializeToString()
            self._queue.put(Arrival(ArrivalKind.RANGES, session.vehicle, session.intersection, measured_ns, received_ns, payload, sample))

    def _take_request(self, session: VehicleSession, message: vehicle_pb2.VehicleUplink, received_ns: int) -> None:
        if message.request.WhichOneof("request") != "position_rate_dhz":
            return
        rate_dhz = message.request.position_rate_dhz
        if rate_dhz > 100:
            raise WireError(Verdict.OUT_OF_RANGE, f"position_rate_dhz {rate_dhz} is not in 0..100")
        session.position_period_ns = 10 * SECOND_NS // rate_dhz if rate_dhz else 0
        session.position_due_ns = received_ns

    def _take_acknowledgement(self, session: VehicleSession, message: vehicle_pb2.VehicleUplink, received_ns: int) -> None:
        answer = message.acknowledgement
        if not session.vehicle or answer.temporary_id != session.vehicle:
            raise WireError(Verdict.MALFORMED, "temporary_id has to be that of the stream's samples")
        if not session.acknowledgements.takes(received_ns):
            raise WireError(Verdict.RATE_LIMITED, f"at most {ACKNOWLEDGEMENTS_PER_S:g} acknowledgements a second are taken")
        command = acknowledgement(session.vehicle, session.intersection, answer.about_id, answer.answer, answer.reason, received_ns)
        self._queue.put(command_arrival(command, encode_command(command)))

    def _take_priority(self, session: VehicleSession, message: vehicle_pb2.VehicleUplink, received_ns: int) -> None:
        """What a vehicle may not ask for is refused here, for nothing that is logged says who it is."""
        asked = message.priority
        if not session.vehicle or asked.temporary_id != session.vehicle:
            raise WireError(Verdict.MALFORMED, "temporary_id has to be that of the stream's samples")
        if not session.requests.takes(received_ns):
            raise WireError(Verdict.RATE_LIMITED, f"at most {REQUESTS_PER_S:g} priority requests a second are taken")
        sample = priority_sample(asked, session.intersection, received_ns)
        if preempts(asked) and not session.may_preempt:
            state, text = vehicle_pb2.PRIORITY_STATE_REJECTED, Reason.UNAUTHORISED.value
            status = vehicle_pb2.PriorityStatus(
                intersection_id=session.intersection, request_id=asked.request_id, sequence=asked.sequence, state=state, reason=text
            )
            session.tell(DownlinkKind.PRIORITY, vehicle_pb2.VehicleDownlink(priority=status).SerializeToString())
            return
        payload = asked.SerializeToString()
        self._queue.put(Arrival(ArrivalKind.PRIORITY, session.vehicle, session.intersection, received_ns, received_ns, payload, sample))

    def _bind(self, session: VehicleSession, vehicle: str, now_ns: int) -> None:
        """The id is this stream's from now on; raises RefusedError while another stream uses it."""
        if session.vehicle == vehicle and self._sessions.get(vehicle) is session:
            return
        holder = self._sessions.get(vehicle)
        if holder is not None and holder is not session:
            if now_ns - holder.heard_ns < self._limits.vehicle_silence_s * SECOND_NS:
                raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"temporary id {vehicle} is in use by another stream")
            holder.stream.end(RefusedError(grpc.StatusCode.ABORTED, f"another stream took over temporary id {vehicle}"))
        self._release(session)
        session.vehicle = vehicle
        self._sessions[vehicle] = session

    def _release(self, session: VehicleSession) -> None:
        if self._sessions.get(session.vehicle) is session:
            del self._sessions[session.vehicle]

    # Downlink

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:
        """Each vehicle is told what concerns it; never waits."""
        if not self._sessions:
            return
        for decision in decisions:
            if isinstance(decision, Warning):
                for party in decision.parties:
                    self._tell(party.vehicle, DownlinkKind.WARNING, decision)
            elif isinstance(decision, SignalReport | SpatMessage):
                self._tell_all(decision)
            elif isinstance(decision, CorrectedPositions):
                self._tell_positions(decision, now_ns)
            elif isinstance(decision, SpeedAdvices):
                for band in decision.bands:
                    self._tell(band.vehicle, DownlinkKind.ADVICE, decision)
            elif isinstance(decision, PriorityAnswer):
                self._tell(decision.vehicle, DownlinkKind.PRIORITY, decision)

    def _tell_all(self, decision: SignalReport | SpatMessage) -> None:
        """What is the same for everybody at the intersection is made into a message once."""
        told = [session for session in self._sessions.values() if session.intersection == decision.intersection]
        message = vehicle_downlink(decision, self._frames[decision.intersection], "") if told else None
        payload = message.SerializeToString() if message is not None else b""
        for session in told:
            session.tell(DownlinkKind.SIGNAL, payload)

    def _tell_positions(self, report: CorrectedPositions, now_ns: int) -> None:
        for vehicle in report.vehicles:
            session = self._sessions.get(vehicle)
            if session is None or not session.position_period_ns or now_ns < session.position_due_ns - REPORT_JITTER_NS:
                continue
            session.position_due_ns = max(session.position_due_ns + session.position_period_ns, now_ns)
            self._tell(vehicle, DownlinkKind.POSITION, report)

    def _tell(self, vehicle: str, kind: DownlinkKind, decision: Decision) -> None:
        session = self._sessions.get(vehicle)
        if session is None:
            return
        message = vehicle_downlink(decision, self._frames[decision.intersection], vehicle)
        if message is not None:
            session.tell(kind, message.SerializeToString())


async def _write(session: VehicleSession) -> None:
    while True:
        await session.stream.send(await session.downlink.take())
