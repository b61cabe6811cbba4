"""What has arrived and waits for its step: every sample together with the bytes the log keeps of it.

Rules:
* An arrival can be made again from its log fields alone (`v2x.wire.arrival`): replay and live take the same path.
* The queue is bounded; when it is full the oldest frame or sample goes, never what people said, and the drop is counted.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from intersections.samples import Sample
from positioning.samples import Verdict

QUEUE_CAPACITY = 4096  # arrivals; 20 s of 20 stations at 10 Hz
LOOK_AGAIN_S = 0.001  # after a clock that was slower than expected


class ArrivalKind(IntEnum):
    RSU_FRAME = 1  # payload: v2x.v1.RsuFrame
    VEHICLE_SAMPLE = 2  # payload: v2x.v1.VehicleSample
    SIGNAL_STATE = 3  # payload: v2x.v1.SignalState
    COMMAND = 4  # payload: JSON, schema `command`
    RANGES = 5  # payload: v2x.v1.RangeMeasurements
    PRIORITY = 6  # payload: v2x.v1.PriorityRequest
    BUS_POSITIONS = 7  # payload: JSON, `v2x.bus_positions`
    DISPATCH = 8  # payload: v2x.v1.DispatchAct


SAID = frozenset({ArrivalKind.COMMAND, ArrivalKind.DISPATCH})


@dataclass(slots=True, eq=False)  # not frozen, as `RsuFrame`
class Arrival:
    """Never written to after construction. `measured_ns` is already on our clock; `source` is the authenticated sender."""

    kind: ArrivalKind
    source: str
    intersection: str
    measured_ns: int
    received_ns: int
    payload: bytes
    sample: Sample


class SampleSource(Protocol):
    """gRPC and MQTT live, the log in replay, SUMO in lockstep."""

    async def take(self, deadline_ns: int) -> list[Arrival] | None:
        """Everything that has arrived, in order; [] at the deadline; None when there will be no more."""


class ArrivalQueue:
    """The live `SampleSource`. `put` never waits; `take` empties the queue at once."""

    def __init__(self, now_ns: Callable[[], int], capacity: int = QUEUE_CAPACITY, speed: float = 1.0) -> None:
        """`speed`: how many of the clock's seconds pass in one of ours."""
        self._now_ns = now_ns
        self._speed = speed
        self._capacity = capacity
        self._waiting: deque[Arrival] = deque()
        self._arrived = asyncio.Event()
        self._closed = False
        self.dropped: Counter[Verdict] = Counter()

    def put(self, arrival: Arrival) -> None:
        if len(self._waiting) >= self._capacity:
            self._drop_oldest()
        self._waiting.append(arrival)
        self._arrived.set()

    def close(self) -> None:
        """No more arrivals; `take` hands out what waits, then None."""
        self._closed = True
        self._arrived.set()

    async def take(self, deadline_ns: int) -> list[Arrival] | None:
        if not self._waiting and not self._closed:
            await self._wait_until(deadline_ns)
        if self._closed and not self._waiting:
            return None
        batch = list(self._waiting)
        self._waiting.clear()
        if not self._closed:
            self._arrived.clear()
        return batch

    async def _wait_until(self, deadline_ns: int) -> None:
        """Or until something arrives. A demo's clock may have waited meanwhile, so it is asked again."""
        wait_s = max(0, deadline_ns - self._now_ns()) / 1e9 / self._speed
        while not self._arrived.is_set():
            try:
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
            except TimeoutError:
                left_ns = deadline_ns - self._now_ns()
                if left_ns <= 0:
                    return
                wait_s = max(left_ns / 1e9 / self._speed, LOOK_AGAIN_S)

    def _drop_oldest(self) -> None:
        """Drop the oldest arrival that nobody said; what people say may exceed the capacity, and is limited where it comes in."""
        for index, arrival in enumerate(self._waiting):
            if arrival.kind not in SAID:
                del self._waiting[index]
                self.dropped[Verdict.QUEUE_FULL] += 1
                return
