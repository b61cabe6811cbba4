"""The drive in Nagoya: positions as recorded; motion and 5G ranges SIMULATED from the truth by the tool beside the data.

The tool's word for its frames: yaw rate clockwise, the mean over the interval that ended; stations 10 m high against an antenna at 1.5 m.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from bench.accuracy import rtklib
from bench.accuracy.runs import Rows, Run, Set, ns_of, with_gaps
from positioning.frames import LocalFrame
from positioning.measurements import Kind

TOOL = Path("tools/surrogates.py")
PROJECT = Path(__file__).resolve().parents[2]
DOPPLER_SIGMA_MPS = 0.15
SENSORS = {"gyro": float(np.radians(0.1) * np.sqrt(0.2)), "wheel_sigma_mps": 0.035}


@dataclass(frozen=True, slots=True)
class Drive:
    """What does not change with the seed."""

    reference: Path
    tool: ModuleType
    frame: LocalFrame
    week_s: float
    solutions: tuple[rtklib.Solution, rtklib.Solution]
    truth: np.ndarray  # rows of the reference


def sets(folder: Path, seeds: int) -> Iterator[Set]:
    drive = read(folder, find_tool(folder.parent))
    for name, ranges in (("nagoya_no_5g", False), ("nagoya_simulated_5g", True)):
        runs = [run(drive, seed, ranges=ranges) for seed in range(seeds)]
        note = "motion and 5G ranges SIMULATED from the truth" if ranges else "motion SIMULATED from the truth"
        yield Set(name, runs, note=note)
        yield Set(f"{name}_outages", map(with_gaps, runs), note=note)


def read(folder: Path, tool: Path) -> Drive:
    solutions = rtklib.read(folder / "rover_rtk.pos"), rtklib.read(folder / "rover_1Hz_spp.pos")
    first = min(solutions, key=lambda solution: solution["time_s"][0])
    frame = LocalFrame(*np.radians([first["latitude_deg"][0], first["longitude_deg"][0]]), first["height_m"][0])
    truth = np.genfromtxt(folder / "reference.csv", delimiter=",", skip_header=1)
    return Drive(folder / "reference.csv", load_tool(tool), frame, truth[0, 1] * rtklib.WEEK_S, solutions, truth)


def find_tool(recordings: Path) -> Path:
    """Beside the folder of the recordings, or beside the recordings that are lent to this project."""
    places = [recordings.parent / TOOL, PROJECT.parent / "shared" / TOOL]
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"the Nagoya drive needs the tool that simulates its motion and 5G ranges: {' or '.join(map(str, places))}")


def load_tool(path: Path) -> ModuleType:
    """The tool that makes the stand-ins, the same for everybody: imported from where it lies, never copied."""
    spec = importlib.util.spec_from_file_location("surrogates", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def run(drive: Drive, seed: int, *, ranges: bool) -> Run:
    reference = drive.tool.read_reference(drive.reference)
    rows = Rows()
    for solution in drive.solutions:
        rtklib.add_fixes(rows, solution, DOPPLER_SIGMA_MPS)
    tow_s, speed_mps, yaw_rate_radps = np.array(list(drive.tool.motion(reference, seed))).T
    measured_ns = ns_of(drive.week_s + tow_s)
    rows.add(Kind.WHEEL_SPEED, measured_ns, speed_mps)
    rows.add(Kind.YAW_RATE, measured_ns, yaw_rate_radps)
    anchors = _add_ranges(rows, drive, list(drive.tool.ranges(reference, seed))) if ranges else np.empty((0, 3))
    truth_enu_m = drive.frame.enu_from_geodetic(*np.radians(drive.truth[:, 2:4]).T)
    return Run(drive.frame, rows.batch(), ns_of(drive.week_s + drive.truth[:, 0]), truth_enu_m, anchors, SENSORS)


def _add_ranges(rows: Rows, drive: Drive, ranges: list[tuple]) -> np.ndarray:
    """tow_s, available_tow_s, station, latitude, longitude in degrees, height, range -> anchors, in the order of their names."""
    places = {station: (np.radians(latitude), np.radians(longitude), height) for _, _, station, latitude, longitude, height, _ in ranges}
    anchors = {station: index for index, station in enumerate(sorted(places))}
    numbers = np.array([(tow, available, anchors[station], metres) for tow, available, station, *_, metres in ranges])
    measured_s, received_s, anchor, range_m = numbers.T
    rows.add(Kind.RANGE, ns_of(drive.week_s + measured_s), range_m, anchor, received_ns=ns_of(drive.week_s + received_s))
    return np.array([places[station] for station in anchors])
