"""Where SUMO's plane lies on the Earth: network metres to a map's east and north, grid headings to true ones."""

import math

import numpy as np
from numpy.typing import NDArray

from intersections.map import Origin
from positioning.frames import LocalFrame
from v2x.importers.georeference import geodetic_from_plane
from v2x.importers.sumo_xml import SumoNetwork

BASE_M = 10.0


class Plane:
    """`centre_m` is where in the network the local frame's origin lies about; there grid north is compared with true north."""

    def __init__(self, network: SumoNetwork, frame: LocalFrame, centre_m: tuple[float, float], origin: Origin | None = None) -> None:
        self._offset_x_m, self._offset_y_m = network.offset_m
        self._geodetic = geodetic_from_plane(network.projection, origin)
        self._frame = frame
        x_m, y_m = centre_m
        foot, tip = self.enu(np.array([x_m, x_m]), np.array([y_m, y_m + BASE_M]))
        self.convergence_rad = math.atan2(tip[0] - foot[0], tip[1] - foot[1])

    def enu(self, x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) metres east and north."""
        return self._frame.enu_from_geodetic(*self._geodetic(x_m - self._offset_x_m, y_m - self._offset_y_m))

    def true_headings(self, grid_rad: NDArray[np.float64]) -> NDArray[np.float64]:
        """Clockwise from true north, in [0, 2 pi)."""
        return np.asarray(np.mod(grid_rad + self.convergence_rad, 2.0 * math.pi))
