"""smartLoc, Berlin: pseudoranges with satellite positions, wheel speed and yaw rate as recorded; the truth is earth-centred.

The files' word: pseudoranges are free of atmosphere and satellite clock; they are not free of the earth's turn during the flight (Sagnac),
as the engine takes them to be unless told. Yaw rates are counter-clockwise.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.runs import Rows, Run, Set, ns_of
from positioning import geodesy
from positioning.frames import LocalFrame
from positioning.measurements import Kind

SYSTEMS = {1: 0, 4: 1, 8: 2, 32: 3, 16: 4, 2: 5}  # of the files -> of `Kind.PSEUDORANGE`: GPS, GLONASS, Galileo, BeiDou, QZSS, SBAS
SENSORS = {"gyro": float(np.radians(0.15)), "wheel_sigma_mps": 0.15}
ROUNDS = 10
Floats = NDArray[np.float64]


def sets(folder: Path, seeds: int) -> Iterator[Set]:
    del seeds  # nothing here is drawn
    inputs = sorted(folder.glob("*_Input.txt"))
    for path in inputs:
        place = "_" + path.stem.removesuffix("_Input").lower() if len(inputs) > 1 else ""
        yield Set(f"berlin_tight{place}", [run(path, path.with_name(path.name.replace("_Input", "_GT")))])


def run(path: Path, truth_path: Path) -> Run:
    lines = _lines(path)
    ranges, odometry = lines["pseudorange3"], lines["odom3"]
    truth = _lines(truth_path)["point3"]
    place = first_fix(ranges[ranges[:, 0] == ranges[0, 0]])
    latitude, longitude, height = geodesy.geodetic_from_geocentric(geodesy.WGS84, place)
    frame = LocalFrame(float(latitude), float(longitude), float(height))
    rows = Rows()
    rows.add(Kind.WHEEL_SPEED, ns_of(odometry[:, 0]), odometry[:, 1])
    ends = odometry[:, 6]  # measured at the moment; the mean over the interval is that of its ends
    rows.add(Kind.YAW_RATE, ns_of(odometry[:, 0]), -(ends + np.concatenate([ends[:1], ends[:-1]])) / 2)
    system = [SYSTEMS.get(int(number), len(SYSTEMS)) for number in ranges[:, 7]]
    signal = ranges[:, 9], np.radians(ranges[:, 8])
    rows.add(Kind.PSEUDORANGE, ns_of(ranges[:, 0]), ranges[:, 1], *ranges[:, 3:6].T, *signal, system, ranges[:, 6])
    truth_latitude, truth_longitude, _ = geodesy.geodetic_from_geocentric(geodesy.WGS84, truth[:, 1:4])
    return Run(frame, rows.batch(), ns_of(truth[:, 0]), frame.enu_from_geodetic(truth_latitude, truth_longitude), sensors=SENSORS)


def first_fix(ranges: Floats) -> Floats:
    """Earth-centred metres of the road zone's origin: least squares over one epoch's pseudoranges with a clock (Groves 2013 eq. 9.141)."""
    unknown = np.append(ranges[:, 3:6].mean(axis=0) * 0.24, 0.0)  # below the satellites, on the ground
    for _ in range(ROUNDS):
        sight = unknown[:3] - ranges[:, 3:6]
        distance = np.linalg.norm(sight, axis=1)
        design = np.column_stack([sight / distance[:, None], np.ones(len(ranges))])
        unknown += np.linalg.lstsq(design, ranges[:, 1] - distance - unknown[3], rcond=None)[0]
    return unknown[:3]


def _lines(path: Path) -> dict[str, Floats]:
    """The numbers of each line, by the word the line begins with, in order of time."""
    found: dict[str, list[list[float]]] = {}
    with path.open() as file:
        for line in file:
            if words := line.split():
                found.setdefault(words[0], []).append([float(word) for word in words[1:]])
    tables = {word: np.array(rows) for word, rows in found.items()}
    return {word: table[np.argsort(table[:, 0], kind="stable")] for word, table in tables.items()}
