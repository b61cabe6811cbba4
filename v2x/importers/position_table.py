"""A table of vehicle positions (csv) row by row, in the field names of GTFS-RT as people write them.

Rules:
* Columns are found by their letters alone: `vehicle.trip.trip_id`, `vehicle_trip_trip_id`, `vehicle.trip.tripId` and `trip_id` are one.
  Of several that would do, the one with the longer path counts; where none does, one that ends so. More columns do no harm; without
  vehicle, time and place nothing is read.
* Times are ISO 8601 or epoch seconds (or thousandths, millionths...: nothing before 1973 was recorded); an ISO time without an offset
  is the agency's local time.
* What cannot be read is counted by name and costs only that row. Nothing is kept: a day of a large city has millions of rows.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from math import isfinite, nan
from typing import NamedTuple

from intersections.buses.samples import UNKNOWN_LOAD
from v2x.errors import ConfigError

MAX_LOAD = 10_000.0  # riders: more is no vehicle
MAX_EPOCH_S = 1e11  # the year 5138; what is bigger is thousandths of seconds, or less


class Claim(NamedTuple):
    """What a vehicle says that it runs, as GTFS-RT's TripDescriptor; '' for what it does not say."""

    trip: str = ""
    start_time: str = ""
    line: str = ""


class Reported(NamedTuple):
    vehicle: str
    measured_ns: int
    latitude_deg: float
    longitude_deg: float
    speed_mps: float
    claim: Claim
    load: int


COLUMNS = {
    "vehicle_id": ("vehicle.vehicle.id", "vehicle.id", "vehicle.vehicle.label", "vehicle.label", "label", "entity.id", "id"),
    "timestamp": ("vehicle.timestamp", "timestamp"),
    "latitude": ("vehicle.position.latitude", "position.latitude", "vehicle.latitude", "latitude", "lat"),
    "longitude": ("vehicle.position.longitude", "position.longitude", "vehicle.longitude", "longitude", "lon", "lng"),
    "speed": ("vehicle.position.speed", "position.speed", "vehicle.speed", "speed"),
    "trip_id": ("vehicle.trip.trip_id", "trip.trip_id", "trip.id", "trip_id"),
    "start_time": ("vehicle.trip.start_time", "trip.start_time", "start_time"),
    "route_id": ("vehicle.trip.route_id", "trip.route_id", "route_id"),
    "load": ("load",),
}
NEEDED = ("vehicle_id", "timestamp", "latitude", "longitude")


def letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower())).removeprefix("entityvehicle" if "entity" in name.lower() else "")


def read_table(lines: Iterable[str], source: str, zone: tzinfo, notes: Counter[str]) -> Iterator[Reported]:
    """`notes` is added to. Raises ConfigError naming the `source` where it is no such table."""
    rows = csv.reader(line.replace("\0", "") for line in lines)
    try:
        header = next(rows, [])
        cell, vehicles = _cells(header, source)
        for given in rows:
            row = given + [""] * (len(header) + 1 - len(given))
            measured_ns = time_ns(cell["timestamp"](row), zone)
            latitude, longitude = number(cell["latitude"](row)), number(cell["longitude"](row))
            vehicle = next(filter(None, (row[column] for column in vehicles)), "")
            if is_complete(vehicle, measured_ns, latitude, longitude, notes):
                claim = Claim(cell["trip_id"](row), cell["start_time"](row), cell["route_id"](row))
                load = number(cell["load"](row))
                riders = int(load) if abs(load) < MAX_LOAD else UNKNOWN_LOAD
                yield Reported(vehicle, measured_ns, latitude, longitude, number(cell["speed"](row)), claim, riders)
    except csv.Error as error:
        raise ConfigError(source, f"it is no table: line {rows.line_num}: {error}") from error


def _cells(header: Sequence[str], source: str) -> tuple[dict[str, Callable[[Sequence[str]], str]], list[int]]:
    """Of each field how to get it from a row, and the columns that may name the vehicle, the best first. Row's last cell is empty."""
    place = {letters(name): column for column, name in reversed(list(enumerate(header)))}
    found = {field: [place[letters(name)] for name in names if letters(name) in place] for field, names in COLUMNS.items()}
    for field in COLUMNS.keys() - {"load"}:
        found[field] = found[field] or [column for name, column in place.items() if name.endswith(letters(field))][:1]
    if missing := [field for field in NEEDED if not found[field]]:
        there = f"its columns are {', '.join(header)}"[:200] if any(header) else "it is empty"
        raise ConfigError(source, f"no column for {', '.join(missing)}: {there}")
    absent = len(header)
    return {field: _getter(columns[0] if columns else absent) for field, columns in found.items()}, found["vehicle_id"]


def _getter(column: int) -> Callable[[Sequence[str]], str]:
    def get(row: Sequence[str]) -> str:
        return row[column]

    return get


def is_complete(vehicle: str, measured_ns: int, latitude_deg: float, longitude_deg: float, notes: Counter[str]) -> bool:
    if vehicle and measured_ns > 0 and isfinite(latitude_deg) and isfinite(longitude_deg):
        return True
    notes["vehicle_unnamed" if not vehicle else "time_unreadable" if measured_ns <= 0 else "place_unreadable"] += 1
    return False


def time_ns(text: str, zone: tzinfo) -> int:
    """Epoch ns; 0 for what is no time."""
    seconds = number(text)
    if isfinite(seconds):
        while seconds > MAX_EPOCH_S:
            seconds /= 1000.0
        return round(seconds * 1e6) * 1000
    try:
        moment = datetime.fromisoformat(text.strip())
        return round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1e6) * 1000
    except (ValueError, OverflowError):
        return 0


def number(text: str) -> float:
    try:
        return float(text) if text else nan
    except ValueError:
        return nan
