"""Ultra-wideband ranges from four anchors on a car to a tag that walks about it: the honest stand-in for 5G round-trip ranges.

Coordinates are local metres. Every folder with a truth (`trajectory.csv`) is a set of its own, and every `A*.csv` beside it one anchor.
What is declared here is of the devices, the same in all runs, and says why.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.accuracy.runs import Rows, Run, Set
from positioning.frames import LocalFrame
from positioning.fusion import WalkerConfig
from positioning.measurements import Kind

ANYWHERE = LocalFrame(float(np.radians(30.0)), float(np.radians(114.0)))  # the files know no place on earth
RANGE_SCALE = 1.0046  # what these radios call a metre; all runs agree
STAMP_DELAY_NS = 170_000_000  # from the flight to its stamp, against the truth's clock: the driver's queue; all runs agree to 20 ms
TAG_HEIGHT_M = 1.0  # above the ground that the anchors' heights are counted from
RECEIVED, STAMP, IDENTITY, EAST, NORTH, HEIGHT, DISTANCE = range(7)
SENSORS = {
    "antenna_height_m": TAG_HEIGHT_M,
    "anchor_delay_m": 0.02,  # constant, of one radio against another
    "range_los_m": 0.03,
    "range_nlos_m": 0.06,
    "range_excess_m": 0.3,
    "range_los_share": 0.9,
    "range_outlier": 0.005,
    "walker": WalkerConfig(link_error_m=0.03, link_time_s=0.7),  # reflections from ground and bodies: 3 cm that last about 0.7 s
}


def sets(folder: Path, seeds: int) -> Iterator[Set]:
    del seeds  # nothing here is drawn
    for truth in sorted(folder.rglob("trajectory.csv")):
        name = "_".join(truth.parent.relative_to(folder).parts).lower()
        yield Set(f"uwb_{name}", [run(truth.parent)])


def run(folder: Path) -> Run:
    """Nanoseconds do not fit a float: they are read as integers. Truth stamps are written as floats, good to 0.3 microseconds."""
    words = [line.split(",") for path in sorted(folder.glob("A*.csv")) for line in path.read_text().splitlines()[1:] if line]
    places = {int(row[IDENTITY]): [float(row[column]) for column in (EAST, NORTH, HEIGHT)] for row in words}
    numbers = sorted(places)
    east, north, height = np.array([places[number] for number in numbers]).T
    anchors = np.column_stack([*ANYWHERE.geodetic_from_enu(east, north), height])
    received_ns, stamp_ns = (np.array([int(row[column]) for row in words], np.int64) for column in (RECEIVED, STAMP))
    range_m = np.array([float(row[DISTANCE]) for row in words]) / RANGE_SCALE
    anchor = np.searchsorted(numbers, [int(row[IDENTITY]) for row in words])
    rows = Rows()
    rows.add(Kind.RANGE, stamp_ns - STAMP_DELAY_NS, range_m, anchor, received_ns=received_ns)
    truth = np.genfromtxt(folder / "trajectory.csv", delimiter=",", skip_header=1)
    return Run(ANYWHERE, rows.batch(), np.round(truth[:, 0]).astype(np.int64), truth[:, 1:3], anchors, SENSORS)
