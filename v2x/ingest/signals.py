"""SignalService: what the lamps show, from their controllers."""

import asyncio
from collections.abc import Callable, Collection

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


class SignalService:
    """`intersections`: those whose lamps mean something here."""

    def __init__(
        self, access: Access, queue: ArrivalQueue, intersections: Collection[str], limits: IngestLimits, now_ns: Callable[[], int]
    ) -> None:
        self.total = Tally()
        self._access = access
        self._queue = queue
        self._intersections = frozenset(intersections)
        self._limits = limits
        self._now_ns = now_ns
        self._streams: set[OpenStream] = set()

    def end_all(self) -> None:
        for stream in self._streams:
            stream.end(STOPPING)

    async def stream(self, requests: Requests, context: Context) -> None:
        try:
            controller = self._access.admit_controller(context, self._now_ns())
            first = await first_message(requests, self._limits.first_message_s)
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        stream = OpenStream(context)
        self._streams.add(stream)
        try:
            await context.send_initial_metadata(())
            await stream.serve(self._read(controller, requests, first), _say_nothing(), lambda: None, self._limits.final_report_s)
        finally:
            self._streams.discard(stream)

    async def _read(self, controller: Station | None, requests: Requests, first: bytes) -> None:
        admission = StationAdmission(self._limits.station)
        self._take(first, controller, admission)
        async for payload in requests:
            if self._take(payload, controller, admission) is Verdict.RATE_LIMITED:
                await asyncio.sleep(self._limits.overload_pause_s)

    def _take(self, payload: bytes, controller: Station | None, admission: StationAdmission) -> Verdict:
        received_ns = self._now_ns()
        verdict = admission.admit_unread(len(payload), received_ns)
        if verdict is Verdict.ACCEPTED:
            try:
                self._queue.put(self._arrival(payload, controller, admission, received_ns))
            except WireError as error:
                verdict = error.verdict
        if verdict is Verdict.ACCEPTED:
            self.total.frames += 1
        else:
            self.total.frames_rejected[verdict] += 1
        return verdict

    def _arrival(self, payload: bytes, controller: Station | None, admission: StationAdmission, received_ns: int) -> Arrival:
        """Raises WireError."""
        message = decode(signal_pb2.SignalState, payload)
        intersection = message.intersection_id
        if intersection not in self._intersections or (controller is not None and controller.intersection != intersection):
            raise WireError(Verdict.UNKNOWN_INTERSECTION, f"no controller of intersection {intersection} is expected here")
        stamp_ns = resolve_stamp(stamp_of(message.measured), received_ns)
        verdict, measured_ns = admission.admit(message.sequence, stamp_ns, received_ns)
        if verdict is not Verdict.ACCEPTED:
            raise WireError(verdict, "not taken")
        source = controller.id if controller is not None else f"signals-{intersection}"
        sample = signal_sample(message, measured_ns, received_ns)
        return Arrival(ArrivalKind.SIGNAL_STATE, source, intersection, measured_ns, received_ns, payload, sample)


async def _say_nothing() -> None:
    """Commands to controllers are written by the signal guard alone; without one there is nothing to say."""
    await asyncio.Event().wait()
