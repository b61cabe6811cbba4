"""RoadsideService: raw bytes in, a report a second out.

Rule: a station has one stream. The newest wins, for the older one may hang on a connection that is gone.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import grpc

from positioning.samples import Verdict
from v2x.arrivals import ArrivalQueue
from v2x.ingest.access import Access, Context, RefusedError
from v2x.ingest.areas import Area
from v2x.ingest.clocks import SECOND_NS
from v2x.ingest.limits import IngestLimits
from v2x.ingest.source import StationSource
from v2x.ingest.streams import STOPPING, OpenStream, Requests, first_message
from v2x.ingest.tally import Tally
from v2x.stations import Station
from v2x.wire import WireError, parse_rsu_frame

ADVICE_WINDOW_NS = 10 * SECOND_NS  # advice is repeated for one to two of these after its reason


@dataclass(slots=True)
class Reporting:
    """What one stream's reports count from: its opening, and, for the advice, some seconds ago."""

    opened: Tally
    opened_ns: int
    recent: Tally
    next_recent: Tally
    turned_ns: int

    def turn(self, tally: Tally, now_ns: int) -> None:
        if now_ns - self.turned_ns >= ADVICE_WINDOW_NS:
            self.recent, self.next_recent, self.turned_ns = self.next_recent, tally, now_ns


class RoadsideService:
    def __init__(
        self, access: Access, queue: ArrivalQueue, areas: Mapping[str, Area], limits: IngestLimits, now_ns: Callable[[], int]
    ) -> None:
        self.sources: dict[str, StationSource] = {}  # of approved stations only, so as many as the registry has
        self._access = access
        self._queue = queue
        self._areas = areas
        self._limits = limits
        self._now_ns = now_ns
        self._streams: dict[str, OpenStream] = {}

    def end_all(self) -> None:
        for stream in self._streams.values():
            stream.end(STOPPING)

    def is_connected(self, station: str) -> bool:
        return station in self._streams

    async def stream(self, requests: Requests, context: Context) -> None:
        try:
            first = await first_message(requests, self._limits.first_message_s)
            station = self._open(first, context)
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        source = self._source(station)
        stream = OpenStream(context)
        self._take_over(source.station, stream)
        tally, now_ns = source.tally(), self._now_ns()
        reporting = Reporting(tally, now_ns, tally, tally, now_ns)
        try:
            await context.send_initial_metadata(())
            read, write = self._read(source, requests, first), self._report(source, station, stream, reporting)
            await stream.serve(read, write, lambda: self._next_report(source, reporting), self._limits.final_report_s)
        finally:
            if self._streams.get(source.station) is stream:
                del self._streams[source.station]

    def _open(self, first: bytes, context: Context) -> Station:
        try:
            parsed = parse_rsu_frame(first, max_objects=len(first), max_bytes=len(first))
        except WireError as error:
            text = f"the first message has to be an RsuFrame that names its station: {error.text}"
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, text) from error
        return self._access.admit_station(parsed.station, parsed.intersection, context, self._now_ns())

    def _source(self, station: Station) -> StationSource:
        """What is remembered of the station; anew when it was moved to another intersection."""
        source = self.sources.get(station.id)
        if source is None or source.intersection != station.intersection:
            area = self._areas.get(station.intersection)
            source = StationSource(station.id, station.intersection, area, self._queue, self._limits.station, self._now_ns)
            self.sources[station.id] = source
        return source

    def _take_over(self, station: str, stream: OpenStream) -> None:
        older = self._streams.get(station)
        if older is not None:
            older.end(RefusedError(grpc.StatusCode.ABORTED, f"another stream of station {station} took over"))
        self._streams[station] = stream

    async def _read(self, source: StationSource, requests: Requests, first: bytes) -> None:
        source.take(first)
        async for payload in requests:
            if source.take(payload) is Verdict.RATE_LIMITED:
                await asyncio.sleep(self._limits.overload_pause_s)

    async def _report(self, source: StationSource, station: Station, stream: OpenStream, reporting: Reporting) -> None:
        while True:
            await asyncio.sleep(self._limits.report_period_s)
            if not self._access.is_unchanged(station, self._now_ns()):
                text = f"the registration of station {station.id} changed; connect again with its present token"
                stream.end(RefusedError(grpc.StatusCode.UNAUTHENTICATED, text))
            await stream.send(self._next_report(source, reporting))

    def _next_report(self, source: StationSource, reporting: Reporting) -> bytes:
        report = source.report(reporting.opened, reporting.recent, reporting.opened_ns)
        reporting.turn(source.tally(), self._now_ns())
        return report
