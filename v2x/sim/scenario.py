"""The traffic that is played: the wheel's research crossing by default, or any SUMO configuration.

Rules:
* A scenario is only read where it lies; what has to be rewritten goes to the run's own folder.
* As shipped, the crossing's bicycles and pedestrians repeat every 25 s and 15 s and jam it within the hour. Each bicycle rides
  once and each pedestrian walks every 150 s instead. The motor trips are recorded and stay as they are.
"""

import gzip
import importlib.util
import zlib
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

STEP_S = 0.1
PEDESTRIAN_PERIOD_S = 150.0
DEMO_JUNCTION = "38"  # the signalised crossing in the middle of the demo network
FILE_INPUTS = ("net-file", "route-files", "additional-files")
SIMULATED = "simulated: roadside sensors and radios; of vehicles GNSS in a city, wheel speed, yaw rate and 5G ranges (3GPP TR 38.901)"
FLOW_TO_TRIP = {"begin": "depart", "type": "type", "from": "from", "to": "to", "speedFactor": "speedFactor"}


class ScenarioError(Exception):
    """The scenario cannot be played; the text names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`provenance` says in plain sentences what was recorded on a real road, what is synthetic, and what is simulated."""

    name: str
    configuration: Path
    network: Path
    junction: str  # '' = the network's only or largest signalised one
    begin_s: float
    end_s: float
    provenance: tuple[str, ...]


def sumo_home() -> Path:
    """The data folder of the installed SUMO wheel."""
    spec = importlib.util.find_spec("sumo")
    if spec is None or not spec.submodule_search_locations:
        raise ScenarioError("SUMO is not installed; install the extra 'sim' (pip install 'v2x-road[sim]')")
    return Path(spec.submodule_search_locations[0])


def prepare_demo(folder: Path) -> Scenario:
    """Write the thinned crossing of Braunschweig into `folder` and return it."""
    shipped = sumo_home() / "tools" / "game" / "fokr_bs_demo.sumocfg"
    inputs = read_inputs(shipped)
    folder = folder.resolve()  # SUMO takes relative names to be relative to the configuration
    folder.mkdir(parents=True, exist_ok=True)
    routes, counts = [], {}
    for path in inputs["route-files"]:
        root = read_xml(path)
        written, counts[_kind(root)] = _thin(root, path, folder)
        routes.append(written)
    inputs["route-files"] = routes
    configuration = folder / "demo.sumocfg"
    begin_s, end_s = _write_configuration(shipped, inputs, configuration)
    return Scenario(
        name="fokr_bs_demo",
        configuration=configuration,
        network=inputs["net-file"][0],
        junction=DEMO_JUNCTION,
        begin_s=begin_s,
        end_s=end_s,
        provenance=(
            f"recorded: {counts['trip']:,} motor trips of one hour (15-16 h) at the DLR research crossing in Braunschweig",
            "recorded: their times, lanes and speeds where they were detected, and the signal plan",
            f"synthetic: {counts['flow']} bicycles (each once), {counts['personFlow']} pedestrian relations (a person every 150 s)",
            "synthetic: how everybody drives after entering",
            SIMULATED,
        ),
    )


def prepare(source: Path | None, folder: Path) -> Scenario:
    """The demo, or the scenario at `source`: a .sumocfg or a folder that holds exactly one."""
    if source is None:
        return prepare_demo(folder)
    configurations = sorted(source.glob("*.sumocfg")) if source.is_dir() else [source]
    if len(configurations) != 1 or not configurations[0].is_file():
        raise ScenarioError(f"{source}: expected a .sumocfg file or a folder with exactly one")
    configuration = configurations[0].resolve()
    begin_s, end_s = _times(read_xml(configuration))
    return Scenario(
        name=configuration.stem,
        configuration=configuration,
        network=read_inputs(configuration)["net-file"][0],
        junction="",
        begin_s=begin_s,
        end_s=end_s,
        provenance=(f"traffic as {configuration.name} describes it", SIMULATED),
    )


def read_inputs(configuration: Path) -> dict[str, list[Path]]:
    """The input files of a SUMO configuration as absolute paths."""
    root = read_xml(configuration)
    inputs: dict[str, list[Path]] = {}
    for option in FILE_INPUTS:
        element = root.find(f".//{option}")
        names = [] if element is None else element.get("value", "").replace(" ", ",").split(",")
        inputs[option] = [(configuration.parent / name).resolve() for name in names if name]
    if not inputs["net-file"]:
        raise ScenarioError(f"{configuration}: names no net-file")
    return inputs


def read_xml(path: Path) -> ET.Element:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            return ET.parse(stream).getroot()  # noqa: S314  the operator's own file
    except (OSError, EOFError, zlib.error, ET.ParseError) as error:
        raise ScenarioError(f"{path}: {error}") from error


def _kind(root: ET.Element) -> str:
    return root[0].tag if len(root) else ""


def _thin(root: ET.Element, path: Path, folder: Path) -> tuple[Path, int]:
    """Where the route file to be used lies, and how many trips or relations it holds. Recorded trips are used where they are."""
    if root.find("flow") is None and root.find("personFlow") is None:
        return path, len(root)
    thinned = ET.Element("routes")
    thinned.extend(sorted((_thin_flow(element) for element in root), key=_departure_s))
    target = folder / path.name.removesuffix(".gz")
    ET.ElementTree(thinned).write(target, encoding="utf-8", xml_declaration=True)
    return target, len(thinned)


def _thin_flow(element: ET.Element) -> ET.Element:
    """A bicycle flow becomes one trip; a pedestrian flow keeps its walk and gets the longer period."""
    if element.tag == "flow":
        attributes = {name: element.attrib[key] for key, name in FLOW_TO_TRIP.items() if key in element.attrib}
        return ET.Element("trip", {"id": element.attrib["id"], **attributes})
    element.set("period", f"{PEDESTRIAN_PERIOD_S:g}")
    return element


def _departure_s(element: ET.Element) -> float:
    return float(element.get("depart") or element.get("begin") or 0.0)


def _write_configuration(shipped: Path, inputs: dict[str, list[Path]], target: Path) -> tuple[float, float]:
    """The shipped configuration with our inputs and step; its insertion checks and stripe width stay."""
    root = read_xml(shipped)
    for option, paths in inputs.items():
        element = root.find(f".//{option}")
        if element is not None:
            element.set("value", ",".join(str(path) for path in paths))
    step = root.find(".//step-length")
    if step is not None:
        step.set("value", f"{STEP_S:g}")
    for gui in root.findall("gui_only"):
        root.remove(gui)
    ET.ElementTree(root).write(target, encoding="utf-8", xml_declaration=True)
    return _times(root)


def _times(root: ET.Element) -> tuple[float, float]:
    begin, end = (root.find(f".//{name}") for name in ("begin", "end"))
    begin_s = 0.0 if begin is None else seconds(begin.get("value", "0"))
    end_s = -1.0 if end is None else seconds(end.get("value", "-1"))
    return begin_s, end_s if end_s >= 0.0 else float("inf")


def seconds(text: str) -> float:
    """SUMO times are seconds or [days:]hours:minutes:seconds."""
    total = 0.0
    *upper, last = text.split(":")
    for part, scale in zip(reversed(upper), (60.0, 3600.0, 86400.0), strict=False):
        total += float(part) * scale
    return total + float(last)
