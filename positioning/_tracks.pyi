from typing import Any

from numpy import float64, int32, int64, uint8
from numpy.typing import NDArray

LAYOUT: dict[str, Any]

def predict_one(
    motion: NDArray[float64], covariance: NDArray[float64], dt_s: float, kind: int, profiles: NDArray[float64]
) -> tuple[list[float], list[float]]: ...
def absorb_one(
    motion: NDArray[float64],
    covariance: NDArray[float64],
    dt_s: float,
    kind: int,
    profiles: NDArray[float64],
    row: NDArray[float64],
    east_m: float,
    north_m: float,
    speed_trust: int,
    heading_trust: int,
    surprises: NDArray[float64],
) -> tuple[list[float], list[float]]: ...
def assign(costs: NDArray[float64], cost_of_none: float, choice: NDArray[int32]) -> None: ...

class Tracks:
    def __init__(
        self,
        motion: NDArray[float64],
        covariance: NDArray[float64],
        marks: NDArray[int64],
        numbers: NDArray[float64],
        links: NDArray[float64],
        link_marks: NDArray[int64],
        profiles: NDArray[float64],
        offsets: NDArray[float64],
        offset_covariance: NDArray[float64],
        exits: NDArray[int64],
        events: NDArray[float64],
        stations: int,
    ) -> None: ...
    def take_frame(
        self,
        count: int,
        source: int,
        now_ns: int,
        next_id: int,
        rows: NDArray[float64],
        enu: NDArray[float64],
        radius_m: float,
        outcome: NDArray[int64],
    ) -> tuple[int, int, int, int, int]: ...
    def take_own(
        self,
        count: int,
        row: int,
        now_ns: int,
        values: NDArray[float64],
        east_m: float,
        north_m: float,
        raw_east_m: float,
        raw_north_m: float,
        raw_sigma_m: float,
    ) -> tuple[bool, int]: ...
    def nearest_own(self, count: int, now_ns: int, values: NDArray[float64], east_m: float, north_m: float) -> tuple[int, float, float]: ...
    def begin_own(self, count: int, id: int, now_ns: int, values: NDArray[float64], east_m: float, north_m: float) -> None: ...
    def first_end_ns(self, count: int) -> int: ...
    def continued(self, count: int, row: int, taken: list[int]) -> int: ...
    def close_pairs(self, count: int, now_ns: int, age_ns: int, apart_m: NDArray[float64]) -> list[tuple[int, int]]: ...
    def view(
        self,
        count: int,
        now_ns: int,
        ids: NDArray[int64],
        classes: NDArray[uint8],
        motion: NDArray[float64],
        sigma: NDArray[float64],
        size: NDArray[float64],
        updated: NDArray[uint8],
        vehicles: NDArray[int64],
    ) -> int: ...
