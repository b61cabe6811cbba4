"""What is wrong with a station, from ten seconds of what it really sent."""

from collections import deque

from positioning.samples import Verdict

WATCHED_FRAMES = 512  # ten seconds at twice the allowed rate


class Watch:
    """Keeps what one station sends while somebody watches it: (payload, received_ns, verdict)."""

    def __init__(self) -> None:
        self.frames: deque[tuple[bytes, int, Verdict]] = deque(maxlen=WATCHED_FRAMES)

    def note(self, payload: bytes, received_ns: int, verdict: Verdict) -> None:
        self.frames.append((payload, received_ns, verdict))
