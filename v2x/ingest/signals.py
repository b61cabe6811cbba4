"""SignalService: what the lamps show, from their controllers; what they have to show, to them.

Rules:
* Commands are the signal guard's decisions, passed on unchanged; of those that a controller has not read only the newest waits.
* One stream drives the lamps of an intersection: the one that came last with the right to; an older one is ended.
* Where this process controls the signals, a controller is believed by its own token, or from this machine while none is registered.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

import grpc

from intersections.decisions import Decision, LampCommand
from positioning.samples import Verdict
from v2x.arrivals import Arrival, ArrivalKind, ArrivalQueue
from v2x.errors import WireError
from v2x.ingest.access import Access, Context, RefusedError
from v2x.ingest.admission import StationAdmission
from v2x.ingest.limits import IngestLimits
from v2x.ingest.streams import STOPPING, OpenStream, Requests, first_message
from v2x.ingest.tally import Tally
from v2x.stations import Station
from v2x.v1 import signal_pb2
from v2x.wire import resolve_stamp, signal_sample, stamp_of
from v2x.wire.arrivals import decode
from v2x.wire.signal_control import signal_command


class _Session:
    """One controller's stream, and the command that waits for it."""

    def __init__(self, stream: OpenStream, controller: Station | None, context: Context, admission: StationAdmission) -> None:
        self.stream = stream
        self.controller = controller
        self.context = context
        self.admission = admission
        self._waiting = b""
        self._filled = asyncio.Event()

    def tell(self, payload: bytes) -> None:
        self._waiting = payload
        self._filled.set()

    async def write(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            await self.stream.send(self._waiting)


class SignalService:
    """`intersections`: those whose lamps mean something here; `controlled`: those of them that are commanded from here."""

    def __init__(
        self,
        access: Access,
        queue: ArrivalQueue,
        intersections: Collection[str],
        limits: IngestLimits,
        now_ns: Callable[[], int],
        controlled: Collection[str] = (),
    ) -> None:
        self.total = Tally()
        self._access = access
        self._queue = queue
        self._intersections = frozenset(intersections)
        self._controlled = frozenset(controlled)
        self._limits = limits
        self._now_ns = now_ns
        self._streams: set[OpenStream] = set()
        self._drivers: dict[str, _Session] = {}  # by intersection that is controlled from here

    def end_all(self) -> None:
        for stream in self._streams:
            stream.end(STOPPING)

    def publish(self, decisions: Sequence[Decision]) -> None:
        """Commands to those who drive the lamps; never waits."""
        for decision in decisions:
            if isinstance(decision, LampCommand) and (driver := self._drivers.get(decision.intersection)) is not None:
                driver.tell(signal_command(decision).SerializeToString())

    async def stream(self, requests: Requests, context: Context) -> None:
        try:
            controller = self._access.admit_controller(context, self._now_ns())
            first = await first_message(requests, self._limits.first_message_s)
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        stream = OpenStream(context)
        session = _Session(stream, controller, context, StationAdmission(self._limits.station))
        self._streams.add(stream)
        try:
            await context.send_initial_metadata(())
            await stream.serve(self._read(session, requests, first), session.write(), lambda: None, self._limits.final_report_s)
        finally:
            self._streams.discard(stream)
            for intersection in [name for name, driver in self._drivers.items() if driver is session]:
                del self._drivers[intersection]

    async def _read(self, session: _Session, requests: Requests, first: bytes) -> None:
        try:
            self._take(first, session)
            async for payload in requests:
                if self._take(payload, session) is Verdict.RATE_LIMITED:
                    await asyncio.sleep(self._limits.overload_pause_s)
        except RefusedError as refusal:
            session.stream.end(refusal)

    def _take(self, payload: bytes, session: _Session) -> Verdict:
        """Judge one message and queue what it says; raises RefusedError where the stream has to end."""
        received_ns = self._now_ns()
        verdict = session.admission.admit_unread(len(payload), received_ns)
        if verdict is Verdict.ACCEPTED:
            try:
                self._queue.put(self._arrival(payload, session, received_ns))
            except WireError as error:
                verdict = error.verdict
        if verdict is Verdict.ACCEPTED:
            self.total.frames += 1
        else:
            self.total.frames_rejected[verdict] += 1
        return verdict

    def _arrival(self, payload: bytes, session: _Session, received_ns: int) -> Arrival:
        """Raises WireError, RefusedError."""
        message = decode(signal_pb2.SignalState, payload)
        intersection, controller = message.intersection_id, session.controller
        if intersection not in self._intersections or (controller is not None and controller.intersection != intersection):
            raise WireError(Verdict.UNKNOWN_INTERSECTION, f"no controller of intersection {intersection} is expected here")
        stamp_ns = resolve_stamp(stamp_of(message.measured), received_ns)
        if intersection in self._controlled:
            self._access.admit_driver(controller, intersection, session.context)
        verdict, measured_ns = session.admission.admit(message.sequence, stamp_ns, received_ns)
        if verdict is not Verdict.ACCEPTED:
            raise WireError(verdict, "not taken")
        source = controller.id if controller is not None else f"signals-{intersection}"
        sample = signal_sample(message, measured_ns, received_ns)
        if intersection in self._controlled:
            self._take_over(intersection, session)
        return Arrival(ArrivalKind.SIGNAL_STATE, source, intersection, measured_ns, received_ns, payload, sample)

    def _take_over(self, intersection: str, session: _Session) -> None:
        """A session that was ended drives nothing any more, whatever of it is still being read."""
        older = self._drivers.get(intersection)
        if older is session:
            return
        if session.stream.is_ended:
            raise WireError(Verdict.DUPLICATE, "another stream drives these lamps")
        if older is not None:
            older.stream.end(RefusedError(grpc.StatusCode.ABORTED, f"another stream took over the lamps of {intersection}"))
        self._drivers[intersection] = session
