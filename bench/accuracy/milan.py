"""Ray-traced 5G time differences in Piazza Duomo, Milan: a draw is one moment of one standing receiver, located from nothing before it.

The files' word: local metres; the differences are metres too; a draw begins with the row of its reference station, which has none.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.runs import NS, Rows, Run, Set
from positioning.frames import LocalFrame
from positioning.fusion import WalkerConfig
from positioning.measurements import Kind

ANYWHERE = LocalFrame(float(np.radians(30.0)), float(np.radians(114.0)))  # the files know no place on earth
WHEN_NS = np.array([NS])  # each draw is alone: any time does
STATION, DIFFERENCE, RECEIVER = slice(0, 3), 3, slice(4, 7)
ERROR_OF_RESOLUTION = 0.7 / 3.0  # a link's error: multipath moves the peak by about a quarter of what the bandwidth resolves
LIGHT_M_MHZ = 299.792458


def sets(folder: Path, seeds: int) -> Iterator[Set]:
    """Files of one bandwidth, which their names end in, are one set."""
    del seeds  # nothing here is drawn
    files = defaultdict(list)
    for path in sorted(folder.glob("*MHz.csv")):
        files[path.stem.rsplit("_", 1)[-1]].append(path)
    for band, paths in files.items():
        link_error_m = ERROR_OF_RESOLUTION * LIGHT_M_MHZ / float(band.removesuffix("MHz"))
        tables = (np.genfromtxt(path, delimiter=",", skip_header=1) for path in paths)
        yield Set(f"nr_milan_tdoa_{band.lower()}", (run(draw, link_error_m) for table in tables for draw in draws(table)), pooled=True)


def draws(table: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return np.split(table, np.flatnonzero(np.isnan(table[:, DIFFERENCE])))[1:]


def run(draw: NDArray[np.float64], link_error_m: float) -> Run:
    east, north, height = draw[:, STATION].T
    anchors = np.column_stack([*ANYWHERE.geodetic_from_enu(east, north), height])
    others = np.arange(1, len(draw))
    rows = Rows()
    rows.add(Kind.TDOA, np.repeat(WHEN_NS, len(others)), draw[1:, DIFFERENCE], others, 0)
    sensors = {
        "antenna_height_m": 0.0,  # the receivers stand on the plane that heights are counted from
        "anchor_delay_m": 0.01,  # ray tracing knows none
        "tdoa_sigma_m": 0.2 * link_error_m,  # what does not last
        "walker": WalkerConfig(link_error_m=link_error_m, link_time_s=10.0),
    }
    return Run(ANYWHERE, rows.batch(), WHEN_NS, draw[:1, RECEIVER][:, :2], anchors, sensors, warm_up_s=-1.0)
