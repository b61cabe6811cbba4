"""How SUMO is started for signal control: with the scenario's own inputs and step, and with every output where it was told to go.

Rules:
* A scenario is only read where it lies. What its configuration or its additional files would write goes to a folder of the run.
* Vehicles that never departed or never arrived are in SUMO's own tripinfo; nothing writes into it afterwards.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from v2x.sim.bus_jitter import with_jitter
from v2x.sim.scenario import ScenarioError, prepare, read_inputs, read_xml

NO_TELEPORT_S = -1.0  # never: who is stuck stays stuck and counts
REPORTS = ("log", "error-log", "message-log")  # options that name files and do not end in -output
WRITING = {  # additional elements that write a file of their own -> the attribute that names it
    "calibrator": "output",
    "e1Detector": "file",
    "e2Detector": "file",
    "e3Detector": "file",
    "edgeData": "file",
    "entryExitDetector": "file",
    "inductionLoop": "file",
    "instantInductionLoop": "file",
    "laneAreaDetector": "file",
    "laneData": "file",
    "routeProbe": "file",
    "timedEvent": "dest",
    "vTypeProbe": "file",
}


class Control(StrEnum):
    PROGRAM = "program"
    ACTUATED = "actuated"
    MAX_PRESSURE = "max-pressure"
    ADAPTIVE = "adaptive"


class BusPriority(StrEnum):
    NONE = "none"  # a bus counts like a car
    PERSONS = "persons"  # as many persons as it carries
    CONDITIONAL = "conditional"  # and it asks for more where it is late or behind a gap


@dataclass(frozen=True, slots=True)
class Dwell:
    fixed_s: float
    per_boarder_s: float


def read_dwell(text: str) -> Dwell:
    """`8+2`: 8 s and 2 s for each boarder. Raises ScenarioError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)", text)
    if not match:
        raise ScenarioError(f"a dwell is written like 8+2, not {text!r}")
    return Dwell(float(match[1]), float(match[2]))


@dataclass(frozen=True, slots=True)
class Traffic:
    """One run of SUMO. `None`: as the configuration says; `end_s` inf: until nobody is left."""

    scenario: Path | None = None  # the demo crossing
    seed: int = 0
    begin_s: float | None = None
    end_s: float | None = None
    teleport_s: float = NO_TELEPORT_S
    tripinfo: Path | None = None
    stops: Path | None = None
    statistics: Path | None = None
    dwell: Dwell | None = None  # of buses at their stops
    jitter_s: float = 0.0  # standard deviation of their departures


@dataclass(frozen=True, slots=True)
class Started:
    """What SUMO is started with. `routes`, `additional`: as the scenario has them, for whoever reads timetables and programs from them."""

    arguments: list[str]
    network: Path
    routes: tuple[Path, ...]
    additional: tuple[Path, ...]
    begin_s: float
    end_s: float


def sumo_arguments(traffic: Traffic, folder: Path) -> Started:
    """`folder` takes what the scenario itself wants to write. Raises ScenarioError."""
    scenario = prepare(traffic.scenario, folder)
    inputs = read_inputs(scenario.configuration)
    begin_s = scenario.begin_s if traffic.begin_s is None else traffic.begin_s
    end_s = scenario.end_s if traffic.end_s is None else traffic.end_s
    if not begin_s < end_s:
        raise ScenarioError(f"{scenario.configuration}: begins at {begin_s:g} s and ends at {end_s:g} s")
    options = {option: str(folder / option) for option in _own_outputs(scenario.configuration)}
    if inputs["additional-files"]:
        options["additional-files"] = ",".join(str(_redirected(path, folder)) for path in inputs["additional-files"])
    if traffic.jitter_s > 0.0:
        moved = (with_jitter(path, folder, traffic.jitter_s, traffic.seed, begin_s) for path in inputs["route-files"])
        options["route-files"] = ",".join(str(path) for path in moved)
    options |= {
        "seed": f"{traffic.seed}",
        "begin": f"{begin_s:.3f}",
        "end": f"{end_s:.3f}" if end_s < float("inf") else "-1",
        "time-to-teleport": f"{traffic.teleport_s:g}",
        "no-step-log": "true",
        "no-warnings": "true",
        "duration-log.disable": "true",
    }
    told = {"tripinfo-output": traffic.tripinfo, "stop-output": traffic.stops, "statistic-output": traffic.statistics}
    options |= {option: str(path.resolve()) for option, path in told.items() if path is not None}
    options |= {f"tripinfo-output.{who}": "true" for who in ("write-unfinished", "write-undeparted")}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    arguments = ["sumo", "--configuration-file", str(scenario.configuration), *words]
    return Started(arguments, inputs["net-file"][0], tuple(inputs["route-files"]), tuple(inputs["additional-files"]), begin_s, end_s)


def _own_outputs(configuration: Path) -> list[str]:
    """Options of the configuration that make SUMO write a file."""
    tags = (str(element.tag) for element in read_xml(configuration).iter())
    return sorted({tag for tag in tags if tag.endswith("-output") or tag in REPORTS})


def _redirected(path: Path, folder: Path) -> Path:
    """The additional file itself, or a copy whose elements write into `folder`."""
    root = read_xml(path)
    writing = [element for element in root.iter() if element.get(WRITING.get(str(element.tag), ""))]
    if not writing:
        return path
    for number, element in enumerate(writing):
        element.set(WRITING[str(element.tag)], str(folder / f"{path.stem}.{number}.xml"))
    copy = folder / path.name.removesuffix(".gz")
    ET.ElementTree(root).write(copy, encoding="utf-8", xml_declaration=True)
    return copy
