"""Positions of vehicles as GTFS-RT gives them: a feed message (a file, or polled by HTTP) or a table with the same field names.

Rules:
* A table's columns are named as in GTFS-RT, with or without their path (`vehicle.trip.trip_id`, `trip_id`). More columns do no harm.
* Times are ISO 8601 or epoch seconds; an ISO time without an offset is the agency's local time.
* What cannot be read is counted by name and costs only that report. Whether a place can be believed is the matcher's to say.
* A trip of frequencies.txt is named by trip and start_time together, as `importers.gtfs` does.
"""

import asyncio
import csv
import gzip
import http.client
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from io import StringIO
from math import isfinite, nan
from pathlib import Path

from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as realtime

from intersections.buses.samples import UNKNOWN_LOAD, BusPosition
from v2x.errors import ConfigError

MAX_MESSAGE_BYTES = 64_000_000  # the largest cities' feeds are some megabytes
POLL_TIMEOUT_S = 10.0
MAX_EPOCH_S = 1e11  # the year 5138; what is bigger is not seconds
NAMES = {  # of a column's last part, or of its last two where the last alone would not tell
    "vehicle.id": "vehicle_id",
    "vehicle.vehicle.id": "vehicle_id",
    "vehicle_label": "label",
    "lat": "latitude",
    "lon": "longitude",
    "lng": "longitude",
}


@dataclass(slots=True)
class PositionReader:
    """`trips`: the ids of the network; `zone`: the agency's. `notes`: every oddity by name and how often it was met."""

    trips: Collection[str]
    zone: tzinfo
    notes: Counter[str] = field(default_factory=Counter)

    def file(self, path: Path) -> list[BusPosition]:
        """All positions in order of time: of a table (.csv, .csv.gz), of a feed message, or of a folder of these. Raises ConfigError."""
        try:
            if path.is_dir():
                found = [one for part in sorted(path.iterdir()) if part.is_file() for one in self.file(part)]
            else:
                raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
                is_table = ".csv" in path.suffixes
                found = list(self.table(raw.decode("utf-8-sig", errors="replace")) if is_table else self.message(raw))
        except (OSError, EOFError) as error:
            raise ConfigError(str(path), f"it cannot be read: {error}") from error
        return sorted(found, key=lambda one: (one.measured_ns, one.vehicle))

    def table(self, text: str) -> Iterator[BusPosition]:
        rows = csv.reader(StringIO(text.replace("\0", ""), newline=""))
        header = [_column(name) for name in next(rows, [])]
        for cells in rows:
            row = dict(zip(header, cells, strict=False))
            measured_ns = self._time_ns(row.get("timestamp", ""))
            latitude, longitude = _number(row.get("latitude")), _number(row.get("longitude"))
            vehicle = row.get("vehicle_id") or row.get("label") or ""
            if self._complete(vehicle, measured_ns, latitude, longitude):
                yield BusPosition(
                    vehicle,
                    measured_ns,
                    latitude,
                    longitude,
                    _number(row.get("speed")),
                    self._trip(row.get("trip_id", ""), row.get("start_time", "")),
                    row.get("route_id", ""),
                    int(_number(row["load"])) if isfinite(_number(row.get("load"))) else UNKNOWN_LOAD,
                )

    def message(self, raw: bytes) -> Iterator[BusPosition]:
        feed = realtime.FeedMessage()
        try:
            feed.ParseFromString(raw)
        except DecodeError:
            self.notes["message_unreadable"] += 1
            return
        for entity in feed.entity:
            one = entity.vehicle
            if not entity.HasField("vehicle"):
                continue  # trip updates and alerts travel in the same feeds
            vehicle = one.vehicle.id or one.vehicle.label or entity.id
            measured_ns = (one.timestamp or feed.header.timestamp) * 1_000_000_000
            latitude, longitude = (one.position.latitude, one.position.longitude) if one.HasField("position") else (nan, nan)
            if self._complete(vehicle, measured_ns, latitude, longitude):
                speed = one.position.speed if one.position.HasField("speed") else nan
                yield BusPosition(
                    vehicle, measured_ns, latitude, longitude, speed, self._trip(one.trip.trip_id, one.trip.start_time), one.trip.route_id
                )

    def _complete(self, vehicle: str, measured_ns: int, latitude: float, longitude: float) -> bool:
        for name, missing in (
            ("vehicle_unnamed", not vehicle),
            ("time_unreadable", measured_ns <= 0),
            ("place_unreadable", not (isfinite(latitude) and isfinite(longitude))),
        ):
            if missing:
                self.notes[name] += 1
                return False
        return True

    def _trip(self, trip: str, start_time: str) -> str:
        run = f"{trip}@{start_time}"
        return run if start_time and run in self.trips else trip

    def _time_ns(self, text: str) -> int:
        seconds = _number(text)
        if isfinite(seconds):
            return round(seconds * 1e6) * 1000 if 0.0 < seconds < MAX_EPOCH_S else 0
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            return 0
        return round((moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).timestamp() * 1e6) * 1000


def _column(name: str) -> str:
    parts = name.strip().lower().split(".")
    whole, last = ".".join(parts[-3:]), parts[-1]
    return NAMES.get(whole) or NAMES.get(".".join(parts[-2:])) or NAMES.get(last, last)


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return nan


@dataclass(slots=True)
class PositionPoll:
    """A GTFS-RT feed asked again and again. What has not changed is not given twice; failures are counted, and outlived."""

    url: str
    reader: PositionReader
    period_s: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ConfigError("positions", f"{self.url!r} is no http or https address")

    async def positions(self, turns: Iterable[int]) -> AsyncIterator[list[BusPosition]]:
        """What is new at each turn. The server is asked beside the loop, never in it."""
        for turn in turns:
            if turn:
                await asyncio.sleep(self.period_s)
            raw = await asyncio.to_thread(self._ask)
            yield self._new(self.reader.message(raw)) if raw else []

    def _ask(self) -> bytes:
        request = urllib.request.Request(self.url, headers=dict(self.headers))  # noqa: S310 - the operator's own address
        try:
            with urllib.request.urlopen(request, timeout=POLL_TIMEOUT_S) as answer:  # noqa: S310
                raw: bytes = answer.read(MAX_MESSAGE_BYTES + 1)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            self.reader.notes[f"poll_{type(error).__name__}"] += 1
            return b""
        if len(raw) > MAX_MESSAGE_BYTES:
            self.reader.notes["poll_too_large"] += 1
            return b""
        return raw

    def _new(self, positions: Iterable[BusPosition]) -> list[BusPosition]:
        """Bounded by the feed itself: who is in it no more is forgotten."""
        told = {one.vehicle: one for one in positions}
        new = [one for one in told.values() if self._seen.get(one.vehicle) != one.measured_ns]
        self._seen = {one.vehicle: one.measured_ns for one in told.values()}
        return new
