import numpy as np
from numpy.typing import NDArray

class Search:
    expanded: int
    def __init__(
        self,
        conflicts: NDArray[np.uint64],
        yields: NDArray[np.uint64],
        min_green: NDArray[np.float64],
        intergreen: NDArray[np.float64],
        stages: NDArray[np.uint64],
        proceed: int,
        lane_speed: NDArray[np.float64],
        lane_length: NDArray[np.float64],
        connection_group: NDArray[np.int32],
        connection_exit: NDArray[np.int32],
        connection_speed: NDArray[np.float64],
        exits: int,
        laws: NDArray[np.float64],
        horizon: int,
        beam: int,
        keep: int,
        fine: int,
        branch: int,
        ahead_s: int,
    ) -> None: ...
    def plan(
        self,
        lane_first: NDArray[np.int32],
        connection: NDArray[np.int32],
        ahead: NDArray[np.int32],
        arrival: NDArray[np.float64],
        length: NDArray[np.float64],
        weight: NDArray[np.float64],
        metres: NDArray[np.float64],
        opens: NDArray[np.float64],
        closes: NDArray[np.float64],
        wanted: int,
        room: NDArray[np.float64],
        refill: NDArray[np.float64],
        earliest: float,
        latest: float,
        following: int,
        bound: bool,
        out_stages: NDArray[np.uint64],
        out_start: NDArray[np.float64],
        out_departures: NDArray[np.float64],
    ) -> tuple[int, float]: ...
