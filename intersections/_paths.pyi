import numpy as np
from numpy.typing import NDArray

from intersections.localize import Places
from intersections.paths import Paths
from positioning.tracks import TrackView

class Network:
    def __init__(self, paths: Paths, admission: NDArray[np.float64], roles: NDArray[np.uint8], cell_m: float) -> None: ...
    def locate(self, view: TrackView, before: Places, lamps: NDArray[np.uint8], places: Places) -> None: ...
    def localize(
        self,
        motion: NDArray[np.float64],
        classes: NDArray[np.uint8],
        moving: NDArray[np.uint8],
        hints: NDArray[np.int32],
        element: NDArray[np.int32],
        place: NDArray[np.float64],
    ) -> None: ...
    def reach(
        self,
        motion: NDArray[np.float64],
        size: NDArray[np.float64],
        moving: NDArray[np.uint8],
        element: NDArray[np.int32],
        place: NDArray[np.float64],
        lamps: NDArray[np.uint8],
        horizon_s: float,
        stop_mps2: float,
        visits: NDArray[np.int32],
        visited: NDArray[np.int32],
        travel: NDArray[np.float64],
        parent: NDArray[np.int8],
        attentive: NDArray[np.uint8],
    ) -> None: ...
    def trajectories(
        self,
        motion: NDArray[np.float64],
        moving: NDArray[np.uint8],
        element: NDArray[np.int32],
        place: NDArray[np.float64],
        visits: NDArray[np.int32],
        visited: NDArray[np.int32],
        travel: NDArray[np.float64],
        parent: NDArray[np.int8],
        routes: NDArray[np.int32],
        samples: NDArray[np.float64],
    ) -> None: ...
