"""What waits to be sent to one vehicle: bounded by kind, urgent first.

Rules:
* A vehicle that does not read loses its oldest positions, lamp states, advice and warnings, in bounds of their own: none displaces another.
* Orders are never dropped. A vehicle that leaves its bound of orders unread is not there any more: its stream is ended.
"""

import asyncio
from collections import deque
from enum import IntEnum


class DownlinkKind(IntEnum):
    """In the order in which they are sent."""

    ORDER = 0
    WARNING = 1
    PRIORITY = 2
    SIGNAL = 3
    ADVICE = 4
    POSITION = 5


# Of positions, lamp states and advice only the newest means anything; warnings are raised and cleared, a crossing has few at a time.
BOUNDS = {
    DownlinkKind.ORDER: 64,
    DownlinkKind.WARNING: 32,
    DownlinkKind.PRIORITY: 8,
    DownlinkKind.SIGNAL: 1,
    DownlinkKind.ADVICE: 1,
    DownlinkKind.POSITION: 1,
}


class Downlink:
    def __init__(self) -> None:
        self._waiting: dict[DownlinkKind, deque[bytes]] = {kind: deque(maxlen=bound) for kind, bound in BOUNDS.items()}
        self._filled = asyncio.Event()
        self.dropped = 0

    def put(self, kind: DownlinkKind, payload: bytes) -> bool:
        """Whether there was room; without it an order is refused, anything else takes the place of the oldest of its kind."""
        waiting = self._waiting[kind]
        if len(waiting) == BOUNDS[kind]:
            if kind is DownlinkKind.ORDER:
                return False
            self.dropped += 1
        waiting.append(payload)
        self._filled.set()
        return True

    async def take(self) -> bytes:
        """The most urgent, oldest first."""
        await self._filled.wait()
        waiting = next(waiting for waiting in self._waiting.values() if waiting)
        payload = waiting.popleft()
        if not any(self._waiting.values()):
            self._filled.clear()
        return payload
