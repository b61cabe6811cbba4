"""The bus network that a SUMO scenario holds: lines, patterns and timetables of the vehicles and flows that serve bus stops.

Rules:
* A bus is a vehicle, trip or flow with a `line` and at least two bus stops. Its trip is named as SUMO names the vehicle (`flow.0`).
* `until` is the timetable; of a flow, or of a route that stands by itself, it counts from the departure. Who has none at some stop has no
  timetable and is left out, counted by name.
* Its way are the shapes of its roads' outermost driving lanes.
* Who has less than `LAYOVER_S` to its first departure comes from elsewhere: its line has no terminal here.
* Buses may be held at every stop but the last. A line with a bus every `FREQUENT_S` or more often is run by headway (TCQSM, 3rd ed., 2013,
  chapter 5: riders of such lines come without looking at a timetable).

Formats: https://sumo.dlr.de/docs/Simulation/Public_Transport.html, Definition_of_Vehicles,_Vehicle_Types,_and_Routes.html
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from intersections.buses.network import BusNetwork, Floats, Stop
from intersections.buses.planned import Journey, planned_network
from intersections.geometry import arc_lengths
from intersections.map import Origin
from v2x.importers.georeference import geodetic_from_plane
from v2x.importers.sumo_xml import SumoNetwork, is_driven, read_elements

FREQUENT_S = 600.0
LAYOVER_S = 60.0
RUNS = ("vehicle", "trip", "flow")
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class BusRun:
    """One bus of the timetable. `departs_s`: as planned."""

    id: str
    line: str
    departs_s: float
    roads: tuple[str, ...]
    stops: tuple[str, ...]
    until_s: tuple[float, ...]


def read_bus_network(
    network: SumoNetwork, routes: Sequence[Path], additional: Sequence[Path], origin: Origin | None = None, midnight_ns: int = 0
) -> tuple[BusNetwork, Counter[str]]:
    """The network, and every oddity with how often it was met. Raises MapError where a file cannot be read."""
    notes: Counter[str] = Counter()
    degrees = _degrees(network, origin)
    stops = _stops(network, (one for path in additional for one in read_elements(path) if one.tag == "busStop"), degrees, notes)
    runs = [run for path in routes for run in bus_runs(read_elements(path), notes)]
    kept = [run for run in runs if _is_known(run, network, stops, notes)]
    shapes = {" ".join(roads): degrees(_way(network, roads)) for roads in dict.fromkeys(run.roads for run in kept)}
    journeys = (
        Journey(run.id, run.line, " ".join(run.roads), run.stops, np.array(run.until_s), np.array(run.until_s), " ".join(run.roads))
        for run in kept
    )
    planned = planned_network(stops, journeys, shapes, midnight_ns, notes, _frequent(kept))
    held = {pattern.id: tuple(range(len(pattern.stops) - 1)) for pattern in planned.patterns.values()}
    through = frozenset(run.line for run in kept if run.until_s[0] - run.departs_s < LAYOVER_S)
    return replace(planned, control_stops=held, through_lines=through), +notes


def bus_runs(elements: Iterable[ET.Element], notes: Counter[str]) -> Iterator[BusRun]:
    """Of one route file, in its order."""
    routes: dict[str, ET.Element] = {}
    for element in elements:
        if element.tag == "route":
            routes[element.get("id", "")] = element
        elif element.tag in RUNS and element.get("line"):
            yield from _runs_of(element, routes, notes)


def departures(element: ET.Element) -> list[tuple[str, float]]:
    """(name, planned departure) of each vehicle that the element makes; none where it is not planned by the clock."""
    try:
        if element.tag != "flow":
            return [(element.get("id", ""), float(element.get("depart", "")))]
        begin_s, period_s = float(element.get("begin", "0")), float(element.get("period", ""))
        end_s, number = float(element.get("end", "inf")), float(element.get("number", "inf"))
        count = int(min(number, -((begin_s - end_s) // period_s))) if period_s > 0.0 else 0
    except (ValueError, OverflowError):
        return []
    return [(f"{element.get('id', '')}.{row}", begin_s + row * period_s) for row in range(count)]


def _runs_of(element: ET.Element, routes: Mapping[str, ET.Element], notes: Counter[str]) -> Iterator[BusRun]:
    route = routes.get(element.get("route", ""), element.find("route"))
    own = element.findall("stop")
    if route is None:
        notes["bus_without_route"] += 1
        return
    calls = [*route.findall("stop"), *own]
    stops = tuple(stop.get("busStop", "") for stop in calls)
    if len(stops) < 2 or not all(stops):
        notes["bus_without_stops"] += 1
        return
    relative = [stop not in own or element.tag == "flow" for stop in calls]
    until_s = [_seconds(stop.get("until")) for stop in calls]
    if not np.isfinite(until_s).all():
        notes["bus_without_timetable"] += 1
        return
    made = departures(element)
    if not made:
        notes["bus_without_departure"] += 1
    for name, departs_s in made:
        times_s = tuple(time_s + departs_s * counts for time_s, counts in zip(until_s, relative, strict=True))
        yield BusRun(name, element.get("line", ""), departs_s, tuple(route.get("edges", "").split()), stops, times_s)


def _seconds(text: str | None) -> float:
    try:
        return float(text) if text is not None else NAN
    except ValueError:
        return NAN


def _is_known(run: BusRun, network: SumoNetwork, stops: Mapping[str, Stop], notes: Counter[str]) -> bool:
    notes["bus_on_unknown_road"] += (lost := not all(road in network.edges for road in run.roads) or not run.roads)
    notes["bus_at_unknown_stop"] += (strange := not all(stop in stops for stop in run.stops))
    return not lost and not strange


def _stops(
    network: SumoNetwork, elements: Iterable[ET.Element], degrees: Callable[[Floats], Floats], notes: Counter[str]
) -> dict[str, Stop]:
    """The bus's front stands at the stop's downstream end."""
    stops: dict[str, Stop] = {}
    for element in elements:
        lane = network.lanes.get(element.get("lane", ""))
        end_m = _seconds(element.get("endPos", f"{lane.length_m}" if lane else ""))
        if lane is None or not np.isfinite(end_m):
            notes["stop_without_place"] += 1
            continue
        end_m += lane.length_m if end_m < 0.0 else 0.0
        place_m = arc_lengths(lane.shape)
        along_m = min(max(end_m / lane.length_m, 0.0), 1.0) * place_m[-1]
        point = np.array([[np.interp(along_m, place_m, lane.shape[:, axis]) for axis in (0, 1)]])
        latitude_deg, longitude_deg = degrees(point)[0].tolist()
        stops[element.get("id", "")] = Stop(element.get("id", ""), element.get("name", element.get("id", "")), latitude_deg, longitude_deg)
    return stops


def _way(network: SumoNetwork, roads: Sequence[str]) -> Floats:
    lanes = [[network.lanes[lane] for lane in network.edges[road].lanes] for road in roads]
    return np.concatenate([next((lane for lane in own if is_driven(lane)), own[0]).shape for own in lanes])


def _degrees(network: SumoNetwork, origin: Origin | None) -> Callable[[Floats], Floats]:
    """(n, 2) of the network's plane -> (n, 2) latitude and longitude."""
    geodetic = geodetic_from_plane(network.projection, origin)
    x_m, y_m = network.offset_m
    return lambda points: np.degrees(np.column_stack(geodetic(points[:, 0] - x_m, points[:, 1] - y_m)))


def _frequent(runs: Iterable[BusRun]) -> frozenset[str]:
    starts: dict[tuple[str, tuple[str, ...]], list[float]] = defaultdict(list)
    for run in runs:
        starts[run.line, run.roads].append(run.departs_s)
    gaps = {key: np.diff(np.sort(times)) for key, times in starts.items() if len(times) > 1}
    return frozenset(line for (line, _), gap_s in gaps.items() if np.median(gap_s) <= FREQUENT_S)
