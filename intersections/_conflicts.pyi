import numpy as np
from numpy.typing import NDArray

from intersections.conflicts import ConflictConfig, TrackRows
from intersections.paths import Paths

class Judge:
    def __init__(self, tracks: TrackRows, paths: Paths, lamps: NDArray[np.uint8], config: ConflictConfig) -> None: ...
    def find(self, pairs: NDArray[np.int32], values: NDArray[np.float64], cell_m: float) -> tuple[int, int]: ...

def sift(
    pairs: NDArray[np.int32],
    values: NDArray[np.float64],
    bounds: NDArray[np.float64],
    ids: NDArray[np.int64],
    fresh: NDArray[np.bool_],
    rows: NDArray[np.int64],
    keys: NDArray[np.int64],
    raised: NDArray[np.bool_],
) -> int: ...
def required_deceleration(own_mps: float, gap_m: float, speed_mps: float, acceleration_mps2: float, reaction_s: float) -> float: ...
