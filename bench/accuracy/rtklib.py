"""RTKLIB's solution files (.pos): one row a position, columns named in the manual's appendix B; time in GPS seconds."""

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.runs import Rows, ns_of
from positioning.measurements import Kind
from positioning.samples import FixStatus

GPS_EPOCH = datetime(1980, 1, 6)  # noqa: DTZ001  GPS time has no zone
WEEK_S = 604_800
COLUMNS = ("time_s", "latitude_deg", "longitude_deg", "height_m", "quality", "satellites", "sigma_north_m", "sigma_east_m", "sigma_up_m")
COLUMNS += ("sigma_north_east_m", "sigma_east_up_m", "sigma_up_north_m", "age_s", "ratio", "north_mps", "east_mps")
STATUS = {1: FixStatus.RTK_FIXED, 2: FixStatus.RTK_FLOAT, 3: FixStatus.DIFFERENTIAL, 4: FixStatus.DIFFERENTIAL, 5: FixStatus.SINGLE}
Solution = dict[str, NDArray[np.float64]]


def read(path: Path) -> Solution:
    """The columns by name; those of velocity only where every row has them. Rows in order of time."""
    with path.open() as file:
        rows = [_numbers(line.split()) for line in file if line.strip() and not line.startswith("%")]
    width = min(len(row) for row in rows)
    table = np.array([row[:width] for row in rows])
    table = table[np.argsort(table[:, 0], kind="stable")]
    return {name: table[:, index] for index, name in enumerate(COLUMNS[:width])}


def add_fixes(rows: Rows, solution: Solution, velocity_sigma_mps: float) -> None:
    """The solution's positions and, where it has them, velocities."""
    measured_ns = ns_of(solution["time_s"])
    place = np.radians(solution["latitude_deg"]), np.radians(solution["longitude_deg"]), solution["height_m"]
    status = [STATUS.get(int(quality), FixStatus.UNKNOWN) for quality in solution["quality"]]
    claimed_m = np.hypot(solution["sigma_north_m"], solution["sigma_east_m"])
    rows.add(Kind.FIX, measured_ns, *place, status, solution["satellites"], solution["age_s"], claimed_m)
    if "east_mps" in solution:
        rows.add(Kind.VELOCITY, measured_ns, solution["east_mps"], solution["north_mps"], velocity_sigma_mps, solution["satellites"])


def _numbers(words: list[str]) -> list[float]:
    """Time as `week seconds` or as a date; both in GPS time."""
    if "/" in words[0]:
        moment = datetime.strptime(f"{words[0]} {words[1]}", "%Y/%m/%d %H:%M:%S.%f")  # noqa: DTZ007  GPS time has no zone
        seconds = (moment - GPS_EPOCH).total_seconds()
    else:
        seconds = int(words[0]) * WEEK_S + float(words[1])
    return [seconds, *map(float, words[2:])]
