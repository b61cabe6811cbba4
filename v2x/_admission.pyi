import numpy as np
from numpy.typing import NDArray

from positioning.samples import Verdict
from v2x.sequences import AdmissionLimits

class StationAdmission:
    """Everything remembered of one sender between its messages; the twin is `v2x.admission.AdmissionTwin`."""

    @property
    def limits(self) -> AdmissionLimits: ...
    @property
    def highest_taken(self) -> int: ...
    @property
    def gaps(self) -> int: ...
    @property
    def restarts(self) -> int: ...
    @property
    def jumps_adopted(self) -> int: ...
    @property
    def offset_ns(self) -> int | None: ...
    @property
    def is_synchronised(self) -> bool: ...
    def __init__(self, limits: AdmissionLimits) -> None: ...
    def admit_unread(self, size_bytes: int, received_ns: int) -> Verdict:
        """Before decoding: ACCEPTED, OVERSIZED or RATE_LIMITED."""

    def note_unread(self) -> None:
        """A message came whose number nobody could read: no gap."""

    def admit(self, sequence: int, stamp_ns: int, received_ns: int) -> tuple[Verdict, int]:
        """After decoding: the verdict, and the measured time on our clock."""

class Circle:
    """Whether all of a frame lies in an area; the twin is `v2x.areas.Area.holds`."""

    def __init__(self, latitude_rad: float, longitude_rad: float, radius_m: float) -> None: ...
    def holds_all(self, rows: NDArray[np.float64]) -> bool:
        """Whether all detection rows, C-contiguous (n, DETECTION_COLUMNS), lie inside; NaN does not. ValueError for another shape."""
