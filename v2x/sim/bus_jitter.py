"""Buses that depart as buses do: each some time off its planned departure, drawn from the seed.

Rules:
* Flows of buses become single vehicles with the names that SUMO would give them. Nobody departs before the run begins.
* The timetable stays: what was planned is read from the scenario's own files.
"""

from copy import deepcopy
from pathlib import Path
from xml.etree import ElementTree as ET

from v2x.importers.sumo_buses import RUNS, departures
from v2x.sim.randomness import generator
from v2x.sim.scenario import read_xml

FLOW_WORDS = ("begin", "end", "period", "number", "probability", "vehsPerHour", "perHour")


def with_jitter(routes: Path, folder: Path, sd_s: float, seed: int, begin_s: float) -> Path:
    """A copy of the route file in `folder` whose buses depart off time; the file itself where it has none."""
    root = read_xml(routes)
    buses = [element for element in root if element.tag in RUNS and element.get("line") and departures(element)]
    if not buses:
        return routes
    jittered = []
    for element in buses:
        root.remove(element)
        for name, departs_s in departures(element):
            off_s = generator(seed, "departure", name).normal(0.0, sd_s)
            vehicle = deepcopy(element)
            vehicle.tag = "trip" if element.tag == "trip" else "vehicle"
            for word in FLOW_WORDS:
                vehicle.attrib.pop(word, None)
            vehicle.attrib |= {"id": name, "depart": f"{max(departs_s + off_s, begin_s):.2f}"}
            jittered.append(vehicle)
    timed = [element for element in root if element.get("depart") or element.get("begin")]
    for element in timed:
        root.remove(element)
    root.extend(sorted((*timed, *jittered), key=_departs_s))
    target = folder / f"jitter-{routes.name.removesuffix('.gz')}"
    ET.ElementTree(root).write(target, encoding="utf-8", xml_declaration=True)
    return target


def _departs_s(element: ET.Element) -> float:
    try:
        return float(element.get("depart", element.get("begin", "")))
    except ValueError:
        return 0.0
