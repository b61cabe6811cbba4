"""Positions of vehicles as GTFS-RT gives them: a feed message (a file, or polled by HTTP) or a table with the same field names.

Rules:
* What cannot be read is counted by name and costs only that report. Whether a place can be believed is the matcher's to say.
* A trip of frequencies.txt is named by trip and start_time together, as `importers.gtfs` does.
"""

import asyncio
import gzip
import http.client
import io
import urllib.error
import urllib.request
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from math import nan
from pathlib import Path
from typing import IO, cast

from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as realtime

from intersections.buses.samples import UNKNOWN_LOAD, BusPosition
from v2x.errors import ConfigError
from v2x.importers.position_table import Claim, Reported, is_complete, read_table

MAX_MESSAGE_BYTES = 64_000_000  # the largest cities' feeds are some megabytes
POLL_TIMEOUT_S = 10.0
GZIP = b"\x1f\x8b"  # RFC 1952, section 2.3.1


def run_of(claim: Claim, trips: Collection[str]) -> str:
    """The network's name of what is claimed: a run of a frequency bears its start."""
    run = f"{claim.trip}@{claim.start_time}"
    return run if claim.start_time and run in trips else claim.trip


@dataclass(slots=True)
class PositionReader:
    """`trips`: the ids of the network; `zone`: the agency's. `notes`: every oddity by name and how often it was met."""

    trips: Collection[str]
    zone: tzinfo
    notes: Counter[str] = field(default_factory=Counter)

    def file(self, path: Path) -> list[BusPosition]:
        """All positions in order of time. Raises ConfigError."""
        return sorted(map(self.position, self.reports(path)), key=lambda one: (one.measured_ns, one.vehicle))

    def reports(self, path: Path) -> Iterator[Reported]:
        """Of a table (.csv, .csv.gz), of a feed message, or of a folder of these, as they stand there. Raises ConfigError."""
        try:
            if path.is_dir():
                for part in sorted(part for part in path.iterdir() if part.is_file()):
                    yield from self.reports(part)
            elif ".csv" in path.name.lower():
                with self._opened(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", errors="replace", newline="") as lines:
                    yield from read_table(lines, str(path), self.zone, self.notes)
            else:
                with self._opened(path) as raw:
                    yield from self._reports(raw.read())
        except (OSError, EOFError, zlib.error) as error:
            raise ConfigError(str(path), f"it cannot be read: {error}") from error

    @staticmethod
    def _opened(path: Path) -> IO[bytes]:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP
        return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")

    def position(self, one: Reported) -> BusPosition:
        return BusPosition(*one[:5], run_of(one.claim, self.trips), one.claim.line, one.load)

    def table(self, text: str) -> Iterator[BusPosition]:
        return map(self.position, read_table(io.StringIO(text, newline=""), "table", self.zone, self.notes))

    def message(self, raw: bytes) -> Iterator[BusPosition]:
        return map(self.position, self._reports(raw))

    def _reports(self, raw: bytes) -> Iterator[Reported]:
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
            if is_complete(vehicle, measured_ns, latitude, longitude, self.notes):
                speed = one.position.speed if one.position.HasField("speed") else nan
                claim = Claim(one.trip.trip_id, one.trip.start_time, one.trip.route_id)
                yield Reported(vehicle, measured_ns, latitude, longitude, speed, claim, UNKNOWN_LOAD)


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
