"""Which sample made a decision: the latest of the batch that shows one of the parties where it is.

Found only when asked: most steps decide nothing about anybody.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from intersections.buses.orders import DispatchAct
from intersections.buses.samples import BusPositions
from intersections.decisions import Cause, Party
from intersections.samples import CommandSample, PrioritySample, Sample, SignalSample
from positioning.frames import LocalFrame
from positioning.samples import Detection, MotionSample, RangeSample, RsuFrame

SAME_PLACE_M = 5.0  # a detection this near a party has shown it: a car's length
TIMER = Cause("", 0)


class Causes:
    """Of one step. Without samples, time itself is the cause."""

    def __init__(self, samples: Sequence[Sample], frame: LocalFrame) -> None:
        self._samples = samples
        self._frame = frame
        self._places: NDArray[np.float64] | None = None
        self._owner = np.empty(0, np.int64)
        self.latest = _cause(samples[-1]) if samples else TIMER

    def of(self, parties: tuple[Party, Party]) -> Cause:
        if len(self._samples) < 2:
            return self.latest
        if self._places is None:
            self._places = self._locate()
        near = np.zeros(len(self._places), bool)
        for party in parties:
            near |= np.hypot(self._places[:, 0] - party.east_m, self._places[:, 1] - party.north_m) <= SAME_PLACE_M
        return _cause(self._samples[int(self._owner[near].max())]) if near.any() else self.latest

    def _locate(self) -> NDArray[np.float64]:
        """East and north of every detection of the batch, (n, 2); `_owner` says in which sample each is."""
        rows, owner = [np.empty((0, len(Detection)))], [np.empty(0, np.int64)]
        for number, sample in enumerate(self._samples):
            if isinstance(sample, RsuFrame | MotionSample):
                rows.append(sample.rows if isinstance(sample, RsuFrame) else sample.row[None])
                owner.append(np.full(len(rows[-1]), number))
        self._owner = np.concatenate(owner)
        every = np.concatenate(rows)
        return self._frame.enu_from_geodetic(every[:, Detection.LATITUDE_RAD], every[:, Detection.LONGITUDE_RAD])


def _cause(sample: Sample) -> Cause:
    match sample:
        case RsuFrame():
            return Cause(sample.station, sample.sequence)
        case MotionSample() | RangeSample():
            return Cause(sample.vehicle, sample.sequence)
        case SignalSample():
            return Cause(f"signal {sample.intersection}", sample.sequence)
        case PrioritySample():
            return Cause(sample.vehicle, sample.sequence)
        case CommandSample() | DispatchAct():
            return Cause(sample.author, 0)
        case BusPositions():
            return Cause("", 0)  # the buses' network has none of an intersection's decisions
