from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_OBJECTS: Final = 512
MAX_BYTES: Final = 65536
MAX_SENSORS: Final = 64

class ParsedFrame:
    # An RsuFrame off the wire: SI units, NaN = unavailable, its stamp still the sender's.
    # stamp: (form, value), form by `v2x.wire.stamps.StampForm`; sensors: (id, SensorKind, SensorHealth) each;
    # rows: float64 (n, DETECTION_COLUMNS); left_out: objects out of range or without a position.
    @property
    def station(self) -> str: ...
    @property
    def intersection(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def stamp(self) -> tuple[int, int]: ...
    @property
    def sensors(self) -> tuple[tuple[str, int, int], ...]: ...
    @property
    def rows(self) -> NDArray[np.float64]: ...
    @property
    def left_out(self) -> int: ...
    def __init__(
        self,
        station: str,
        intersection: str,
        sequence: int,
        stamp: tuple[int, int],
        sensors: tuple[tuple[str, int, int], ...],
        rows: NDArray[np.float64],
        left_out: int,
    ) -> None: ...

class FrameReader:
    # table: float64 (13, 4), a row for each column of `Detection` that has a scale:
    # lowest, highest and unavailable code, SI units per code; ValueError where it is not so.
    # malformed, oversized: make the exception to raise from a text.
    def __init__(
        self, table: NDArray[np.float64], malformed: Callable[[str], Exception], oversized: Callable[[str], Exception]
    ) -> None: ...
    def read(self, payload: bytes | memoryview | NDArray[np.uint8], max_objects: int = 512, max_bytes: int = 65536) -> ParsedFrame: ...
