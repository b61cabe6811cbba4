"""StationService: what the people on site ask of the running server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from v2x.areas import Area
from v2x.ingest.access import Access, Context, RefusedError
from v2x.ingest.roadside import RoadsideService
from v2x.stations import StationRegistry
from v2x.v1 import operator_pb2

# station -> east_m, north_m, yaw_rad, sigma_m by which its view differs from the others'
SensorOffsets = Callable[[], Mapping[str, tuple[float, float, float, float]]]


class OperatorService:
    def __init__(
        self,
        access: Access,
        stations: StationRegistry,
        roadside: RoadsideService,
        areas: Mapping[str, Area],
        now_ns: Callable[[], int],
        sensor_offsets: SensorOffsets | None,
    ) -> None:
        self._access = access
        self._stations = stations
        self._roadside = roadside
        self._areas = areas
        self._now_ns = now_ns
        self._sensor_offsets = sensor_offsets

    async def check(self, payload: bytes, context: Context) -> AsyncIterator[bytes]:
        try:
            self._access.admit_operator(context, self._now_ns())
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        request = operator_pb2.CheckStationRequest.FromString(payload)
        yield operator_pb2.StationFinding(topic="stream", text=request.station_id).SerializeToString()
        await asyncio.sleep(0)
