from numpy import float64, int64, uint8, uint32
from numpy.typing import NDArray

SIZES: dict[str, int]

def ingest(
    vehicles: NDArray[uint8],
    slots: NDArray[int64],
    heard_ns: NDArray[int64],
    tally: NDArray[int64],
    config: NDArray[float64],
    anchors: NDArray[float64],
    delays: NDArray[float64],
    kind: NDArray[uint8],
    vehicle: NDArray[int64],
    measured_ns: NDArray[int64],
    received_ns: NDArray[int64],
    values: NDArray[float64],
    verdicts: NDArray[uint8],
) -> None: ...
def step(
    vehicles: NDArray[uint8],
    slots: NDArray[int64],
    heard_ns: NDArray[int64],
    tally: NDArray[int64],
    config: NDArray[float64],
    anchors: NDArray[float64],
    delays: NDArray[float64],
    now_ns: int,
    ids: NDArray[int64],
    out: NDArray[float64],
    marks: NDArray[uint32],
) -> int: ...
def forget(
    vehicles: NDArray[uint8], slots: NDArray[int64], heard_ns: NDArray[int64], tally: NDArray[int64], ids: NDArray[int64]
) -> int: ...
