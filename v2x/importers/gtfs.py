"""GTFS static (a folder or a zip of its tables) becomes the BusNetwork of one service day.

Rules:
* References are checked here: a row that names what is not there is left out and counted, and the rest of the feed is read.
* A cell, a row or a table that cannot be read costs only itself. What costs everything (no trip, no time zone) is the operator's to mend.
* Times are seconds after noon minus 12 h (GTFS reference, "Field types: Time"); 25:00:00 is 90,000.
* A trip of frequencies.txt runs under the ids `trip@HH:MM:SS`, as GTFS-RT names it by trip_id and start_time.
"""

import csv
import io
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import numpy as np

from intersections.buses.network import BusNetwork, Floats, Stop
from intersections.buses.planned import Journey, planned_network
from v2x.errors import ConfigError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_RUNS_OF_A_FREQUENCY = 2_000  # one a minute for a whole service day, and some
MAX_TIME_S = 7 * 86_400.0  # no trip lasts a week; a bigger time is a slip of the pen
NAN = float("nan")

Row = Mapping[str, str]
SEQUENCE_DIGITS = 9  # GTFS-realtime gives it 32 bits
Times = tuple[int, str, float, float, bool]  # stop_sequence, stop, arrival, departure, whether a bus waits for its time


@dataclass(frozen=True, slots=True)
class GtfsFeed:
    """`notes`: every oddity by name and how often it was met. `time_zone`: the agency's."""

    network: BusNetwork
    notes: Counter[str]
    time_zone: str


def read_gtfs(feed: Path, day: date) -> GtfsFeed:
    """Raises ConfigError where nothing can be read of it."""
    tables = _Tables(feed)
    notes = tables.notes
    zone = _time_zone(tables)
    stops = _stops(tables)
    services = _services(tables, day)
    lines = {row["route_id"] for row in tables.rows("routes") if row.get("route_id")}
    runs = _runs(tables, services, lines)
    times = _stop_times(tables, runs, stops)
    shapes = _shapes(tables, {run.get("shape_id", "") for run in runs.values()})
    frequent = _frequencies(tables, runs)
    journeys = _journeys(runs, times, frequent, notes)
    headway_lines = frozenset(runs[trip]["route_id"] for trip, starts in frequent.items() if not starts.exact)
    network = planned_network(stops, journeys, shapes, midnight_ns(day, zone), notes, headway_lines)
    if not network.trips:
        raise ConfigError(str(feed), f"it has no trip on {day}: {dict(+notes)}")
    return GtfsFeed(network, +notes, zone.key)


def time_zone(feed: Path) -> ZoneInfo:
    """The agency's. Raises ConfigError."""
    return _time_zone(_Tables(feed))


def midnight_ns(day: date, zone: ZoneInfo) -> int:
    """Epoch of second 0 of the service day: noon minus 12 h, which is not midnight on the two days when clocks change."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return (int(noon.timestamp()) - 43_200) * 1_000_000_000


def seconds_of(text: str) -> float:
    """H:MM:SS as seconds; NaN for what is none. Hours may exceed 24."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        return NAN
    hours, minutes, seconds = map(int, parts)
    total = 3600.0 * hours + 60.0 * minutes + seconds
    return total if minutes < 60 and seconds < 60 and total <= MAX_TIME_S else NAN


class _Tables:
    """The tables of a feed as rows of stripped text, whatever their encoding or byte-order mark."""

    def __init__(self, feed: Path) -> None:
        self.notes: Counter[str] = Counter()
        self._feed = feed
        if feed.is_dir():
            self._names = {path.stem: path.name for path in feed.iterdir() if path.suffix == ".txt"}
        elif zipfile.is_zipfile(feed):
            with zipfile.ZipFile(feed) as archive:
                self._names = {Path(name).stem: name for name in archive.namelist() if name.endswith(".txt")}
        else:
            raise ConfigError(str(feed), "it is neither a folder nor a zip of GTFS tables")

    def rows(self, table: str) -> Iterator[Row]:
        """None where the table is absent. Rows with too few or too many cells are counted; the cells they have are used."""
        if table not in self._names:
            self.notes[f"{table}_absent"] += 1
            return
        lines = csv.reader(self._lines(self._names[table]))
        try:
            header = [name.strip() for name in next(lines, [])]
            for cells in lines:
                if not any(cells):
                    continue
                self.notes[f"{table}_row_of_wrong_length"] += len(cells) != len(header)
                yield dict(zip(header, map(str.strip, cells), strict=False))
        except csv.Error:  # a quote that is never closed swallows the rest
            self.notes[f"{table}_unreadable_from_a_row_on"] += 1

    def _lines(self, name: str) -> Iterator[str]:
        """One after the other: a large city's stop_times.txt has some hundred megabytes."""
        clean = True
        try:
            with self._opened(name) as raw, io.TextIOWrapper(raw, "utf-8-sig", errors="replace", newline="") as lines:
                for line in lines:
                    clean &= "�" not in line
                    yield line.replace("\0", "")
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise ConfigError(str(self._feed), f"{name} cannot be read: {error}") from error
        self.notes["not_utf8"] += not clean

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        if self._feed.is_dir():
            with (self._feed / name).open("rb") as file:
                yield file
        else:
            with zipfile.ZipFile(self._feed) as archive, archive.open(name) as member:
                yield member


def _time_zone(tables: _Tables) -> ZoneInfo:
    for row in tables.rows("agency"):
        try:
            return ZoneInfo(row.get("agency_timezone", ""))
        except (KeyError, ValueError, OSError):  # not found, no key at all, a folder's name
            tables.notes["time_zone_unknown"] += 1
    raise ConfigError("agency.txt", "it names no time zone that is known")


def _stops(tables: _Tables) -> dict[str, Stop]:
    stops: dict[str, Stop] = {}
    for row in tables.rows("stops"):
        id, latitude, longitude = row.get("stop_id", ""), _number(row.get("stop_lat")), _number(row.get("stop_lon"))
        if id in stops:
            tables.notes["stop_repeated"] += 1
        elif not (id and abs(latitude) < 90.0 and abs(longitude) <= 180.0) or latitude == longitude == 0.0:
            tables.notes["stop_without_place"] += 1
        else:
            stops[id] = Stop(id, row.get("stop_name", ""), latitude, longitude)
    return stops


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return NAN


def _services(tables: _Tables, day: date) -> Mapping[str, bool]:
    """Whether each service that is known runs on the day; every service does where there is no calendar at all."""
    runs: dict[str, bool] = {}
    today = day.strftime("%Y%m%d")
    for row in tables.rows("calendar"):
        inside = row.get("start_date", "") <= today <= row.get("end_date", "")
        runs[row.get("service_id", "")] = inside and row.get(WEEKDAYS[day.weekday()]) == "1"
    for row in tables.rows("calendar_dates"):
        added = row.get("exception_type") == "1"
        service = row.get("service_id", "")
        runs.setdefault(service, False)
        if row.get("date") == today:
            runs[service] = added
    return runs or defaultdict(lambda: True)


def _runs(tables: _Tables, services: Mapping[str, bool], lines: set[str]) -> dict[str, Row]:
    runs: dict[str, Row] = {}
    everything = isinstance(services, defaultdict)
    for row in tables.rows("trips"):
        id, service = row.get("trip_id", ""), row.get("service_id", "")
        if not id or not row.get("route_id"):
            tables.notes["trip_without_id_or_route"] += 1
        elif not everything and service not in services:
            tables.notes["trip_of_unknown_service"] += 1
        elif not services[service]:
            continue  # it runs on other days
        elif id in runs:
            tables.notes["trip_repeated"] += 1
        else:
            tables.notes["trip_of_unknown_route"] += row["route_id"] not in lines
            runs[id] = row
    return runs


def _stop_times(tables: _Tables, runs: Mapping[str, Row], stops: Mapping[str, Stop]) -> dict[str, dict[int, Times]]:
    """By trip and stop_sequence."""
    times: dict[str, dict[int, Times]] = defaultdict(dict)
    known = {row.get("trip_id", "") for row in tables.rows("trips")}
    for row in tables.rows("stop_times"):
        trip, stop, sequence = row.get("trip_id", ""), row.get("stop_id", ""), row.get("stop_sequence", "")
        if trip not in runs:
            tables.notes["stop_time_of_unknown_trip"] += trip not in known
        elif stop not in stops:
            tables.notes["stop_time_of_unknown_stop"] += 1
        elif not (sequence.isascii() and sequence.isdigit() and len(sequence) <= SEQUENCE_DIGITS):
            tables.notes["stop_time_without_sequence"] += 1
        elif int(sequence) in times[trip]:
            tables.notes["stop_time_repeated"] += 1
        else:
            arrival, departure = (_time(row.get(name, ""), tables.notes) for name in ("arrival_time", "departure_time"))
            times[trip][int(sequence)] = (int(sequence), stop, arrival, departure, row.get("timepoint") == "1")
    return times


def _time(text: str, notes: Counter[str]) -> float:
    time_s = seconds_of(text) if text else NAN
    notes["time_unreadable"] += bool(text) and not time_s >= 0.0
    notes["time_past_midnight"] += time_s >= 86_400.0
    return time_s


def _shapes(tables: _Tables, wanted: set[str]) -> dict[str, Floats]:
    points: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for row in tables.rows("shapes"):
        id = row.get("shape_id", "")
        if id not in wanted or not id:
            continue
        point = tuple(_number(row.get(f"shape_pt_{name}")) for name in ("sequence", "lat", "lon"))
        if all(np.isfinite(point)) and abs(point[1]) < 90.0 and abs(point[2]) <= 180.0:
            points[id].append((point[0], point[1], point[2]))
        else:
            tables.notes["shape_point_unreadable"] += 1
    return {id: np.array(sorted(rows))[:, 1:] for id, rows in points.items()}


@dataclass(slots=True)
class _Starts:
    first_s: list[float]
    exact: bool


def _frequencies(tables: _Tables, runs: Mapping[str, Row]) -> dict[str, _Starts]:
    starts: dict[str, _Starts] = {}
    if "frequencies" not in tables._names:
        return starts
    for row in tables.rows("frequencies"):
        trip = row.get("trip_id", "")
        begin, end = (seconds_of(row.get(name, "")) for name in ("start_time", "end_time"))
        headway = _number(row.get("headway_secs"))
        if trip not in runs:
            tables.notes["frequency_of_unknown_trip"] += 1
        elif not (headway > 0.0 and begin < end and (end - begin) / headway <= MAX_RUNS_OF_A_FREQUENCY):
            tables.notes["frequency_unreadable"] += 1
        else:
            run = starts.setdefault(trip, _Starts([], exact=row.get("exact_times") == "1"))
            run.first_s += list(np.arange(begin, end, headway))
    return starts


def _journeys(
    runs: Mapping[str, Row], times: Mapping[str, dict[int, Times]], frequent: Mapping[str, _Starts], notes: Counter[str]
) -> Iterator[Journey]:
    for id, run in runs.items():
        calls = _timed(times.get(id, {}), notes)
        if len(calls) < 2:
            notes["trip_with_fewer_than_two_stops"] += 1
            continue
        journey = Journey(
            id,
            run["route_id"],
            run.get("direction_id", ""),
            tuple(call[1] for call in calls),
            np.array([call[2] for call in calls]),
            np.array([call[3] for call in calls]),
            run.get("shape_id", ""),
            run.get("block_id", ""),
            tuple(row for row, call in enumerate(calls) if call[4]),
            tuple(call[0] for call in calls),
        )
        yield from _repeated(journey, frequent[id]) if id in frequent else (journey,)


def _timed(calls: Mapping[int, Times], notes: Counter[str]) -> list[Times]:
    """In order of stop_sequence, from the first to the last with a time."""
    ordered = [calls[sequence] for sequence in sorted(calls)]
    given = [row for row, call in enumerate(ordered) if call[2] >= 0.0 or call[3] >= 0.0]
    kept = ordered[given[0] : given[-1] + 1] if given else []
    notes["stop_time_beyond_the_timed"] += len(ordered) - len(kept)
    return kept


def _repeated(journey: Journey, starts: _Starts) -> Iterator[Journey]:
    begin = np.fmin(journey.arrival_s, journey.departure_s)[0]
    for first_s in starts.first_s:
        shift = first_s - begin
        yield replace(
            journey,
            id=f"{journey.id}@{clock(first_s)}",
            arrival_s=journey.arrival_s + shift,
            departure_s=journey.departure_s + shift,
            duty="",
        )


def clock(time_s: float) -> str:
    """HH:MM:SS of the service day."""
    whole = round(time_s)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
