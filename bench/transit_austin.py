"""Austin's bus network as it was recorded (`transit_austin` of the data folder; its README): schedule, stops and positions, not GTFS.

Rules:
* Times of the truth are seconds of the local day, so a trip that was begun on the day before stands there with its times less 24 h.
* Nothing is known of shapes: a pattern's way is its stops' polyline.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from intersections.buses.network import BusNetwork, Stop
from intersections.buses.planned import Journey, planned_network
from intersections.buses.samples import BusPosition
from v2x.importers.gtfs import WEEKDAYS, midnight_ns, seconds_of

ZONE = ZoneInfo("America/Chicago")
DAY_S = 86_400.0
EVE = "@eve"  # marks the run of a trip that was begun on the day before


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as file:
        yield from csv.DictReader(file)


def days(folder: Path) -> list[date]:
    return sorted(date.fromisoformat(path.name.split("_")[2][:10]) for path in folder.glob("vehicle_positions_*.csv.gz"))


def read_positions(folder: Path, day: date) -> list[BusPosition]:
    return sorted((_position(row) for row in rows(folder / f"vehicle_positions_{day}.csv.gz")), key=lambda one: one.measured_ns)


def _position(row: dict[str, str]) -> BusPosition:
    return BusPosition(
        vehicle=row["vehicle_id"],
        measured_ns=int(datetime.fromisoformat(row["timestamp"]).timestamp()) * 1_000_000_000,
        latitude_deg=float(row["latitude"]),
        longitude_deg=float(row["longitude"]),
        speed_mps=float(row["speed"] or "nan"),
        trip=row["trip_id"],
        line=row["route_id"],
    )


def read_network(folder: Path, day: date, positions: list[BusPosition]) -> BusNetwork:
    """Of the local day. The lines of trips are those that the vehicles name: the schedule knows none."""
    (stops_file,), (schedule_file,) = folder.glob("stops_*.csv.gz"), folder.glob("schedule_*.csv.gz")
    stops = {
        row["stop_id"]: Stop(row["stop_id"], row["stop_name"], float(row["stop_lat"]), float(row["stop_lon"])) for row in rows(stops_file)
    }
    lines = {position.trip: position.line for position in positions}
    calls: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in rows(schedule_file):
        if row["trip_id"] in lines and row[WEEKDAYS[day.weekday()]] == "1":
            calls[row["trip_id"]].append((row["stop_id"], seconds_of(row["arrival_time"])))
    journeys = [journey for trip, its in calls.items() if len(its) > 1 for journey in _journeys(trip, lines[trip], its)]
    return planned_network(stops, journeys, {}, midnight_ns(day, ZONE), Counter())


def _journeys(trip: str, line: str, calls: list[tuple[str, float]]) -> Iterator[Journey]:
    stops, times_s = tuple(stop for stop, _ in calls), np.array([time_s for _, time_s in calls])
    yield Journey(trip, line, "", stops, times_s, times_s)
    if times_s[-1] >= DAY_S:
        yield Journey(trip + EVE, line, "", stops, times_s - DAY_S, times_s - DAY_S)
