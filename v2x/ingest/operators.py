"""StationService: what the people on site ask of the running server."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping

import grpc
import numpy as np

from positioning.samples import Verdict
from v2x.errors import WireError
from v2x.ingest.access import Access, Context, RefusedError
from v2x.ingest.areas import Area
from v2x.ingest.roadside import RoadsideService
from v2x.ingest.source import StationSource
from v2x.station_check import Finding, Observation, SeenFrame, Severity, Watch, findings
from v2x.stations import StationRegistry
from v2x.v1 import operator_pb2, roadside_pb2
from v2x.wire import resolve_stamp, stamp_of
from v2x.wire.arrivals import decode

# station -> east_m, north_m, yaw_rad, sigma_m by which its view differs from the others'
SensorOffsets = Callable[[], Mapping[str, tuple[float, float, float, float]]]

DEFAULT_DURATION_MS = 10_000
MAX_DURATION_MS = 60_000
MAX_WATCHES = 8  # at once; each keeps some megabytes


class OperatorService:
    def __init__(
        self,
        access: Access,
        stations: StationRegistry,
        roadside: RoadsideService,
        now_ns: Callable[[], int],
        sensor_offsets: SensorOffsets | None,
    ) -> None:
        self._access = access
        self._stations = stations
        self._roadside = roadside
        self._now_ns = now_ns
        self._sensor_offsets = sensor_offsets
        self._watching = 0

    async def check(self, payload: bytes, context: Context) -> AsyncIterator[bytes]:
        try:
            self._access.admit_operator(context, self._now_ns())
            request = decode(operator_pb2.CheckStationRequest, payload)
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        except WireError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.text)
        source = self._roadside.sources.get(request.station_id)
        obstacle = self._obstacle(request.station_id, source)
        if obstacle is not None or source is None or source.area is None:
            yield _message(obstacle or Finding("stream", Severity.FAULT, "The station's intersection has no map here."))
            return
        duration_ms = request.duration_ms if request.HasField("duration_ms") else DEFAULT_DURATION_MS
        seconds = min(max(duration_ms, 1), MAX_DURATION_MS) / 1000
        for finding in findings(await self._observe(source, source.area, seconds)):
            yield _message(finding)

    def _obstacle(self, station_id: str, source: StationSource | None) -> Finding | None:
        """Why there is nothing to watch."""
        if self._watching >= MAX_WATCHES:
            return Finding("stream", Severity.NOTE, "Too many stations are being watched just now; try again in a minute.")
        if source is not None and self._roadside.is_connected(station_id):
            return None
        pending = {one.id: one for one in self._stations.pending()}.get(station_id)
        if pending is not None:
            return Finding(
                "stream", Severity.FAULT, f"It tried {pending.attempts} times, last from {pending.peer}, and was refused: {pending.reason}"
            )
        station = self._stations.find(station_id)
        if station is None:
            text = (
                f"Station {station_id} has never tried to connect, and is not registered. Check the server's address in its configuration."
            )
            return Finding("stream", Severity.FAULT, text)
        seen = "is not connected any more" if source is not None else "has not connected since the server was started"
        return Finding(
            "stream", Severity.FAULT, f"Station {station_id} is registered but {seen}. Check its power, network and the server's address."
        )

    async def _observe(self, source: StationSource, area: Area, seconds: float) -> Observation:
        watch = Watch()
        source.watches.append(watch)
        self._watching += 1
        gaps = source.admission.gaps
        try:
            await asyncio.sleep(seconds)
        finally:
            self._watching -= 1
            source.watches.remove(watch)
        offsets = self._sensor_offsets() if self._sensor_offsets is not None else {}
        return Observation(
            station=source.station,
            frames=[frame for frame in (_seen(*noted) for noted in watch.frames) if frame is not None],
            verdicts=[verdict for _, _, verdict in watch.frames],
            area=area,
            seconds=seconds,
            clock_offset_ns=source.admission.offset_ns,
            is_synchronised=source.admission.is_synchronised,
            gaps=source.admission.gaps - gaps,
            offset=offsets.get(source.station),
        )


def _message(finding: Finding) -> bytes:
    severity = operator_pb2.FindingSeverity.Name(int(finding.severity))
    return operator_pb2.StationFinding(topic=finding.topic, severity=severity, text=finding.text).SerializeToString()


def _seen(payload: bytes, received_ns: int, verdict: Verdict) -> SeenFrame | None:
    """The frame as sent, impossible values included; None where it cannot be read."""
    try:
        message = decode(roadside_pb2.RsuFrame, payload)
    except WireError:
        return None
    try:
        stamp_ns = resolve_stamp(stamp_of(message.measured), received_ns)
    except WireError:
        stamp_ns = None
    rows = [
        (
            found.local_id,
            found.latitude_e7 * 1e-7,
            found.longitude_e7 * 1e-7,
            found.speed * 0.02 if found.HasField("speed") and found.speed != 8191 else math.nan,
            found.heading * 0.0125 if found.HasField("heading") and found.heading != 28800 else math.nan,
        )
        for found in message.objects
    ]
    sensors = tuple((sensor.sensor_id, int(sensor.health)) for sensor in message.sensors)
    return SeenFrame(received_ns, stamp_ns, verdict, sensors, np.array(rows, dtype=np.float64).reshape(-1, 5))
