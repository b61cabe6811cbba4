"""The server under a faster clock, for demos at more than real time. Not a way to serve real roads.

Run as: python -m v2x.demo.server SPEED SETTINGS-AS-JSON

Rules:
* Everything but the clock is what `v2x serve` serves.
* The clock's reading is written to `clock.txt` before `endpoints.json`: whoever sees the endpoints can stamp alike.
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from v2x.app import open_road
from v2x.clock import ScaledClock
from v2x.config import Settings, load_settings
from v2x.logs import configure_logs
from v2x.sim.setup import clock_reading

CLOCK_FILE = "clock.txt"


async def serve_paced(settings: Settings, speed: float) -> None:
    """Until SIGINT or SIGTERM; then the summary, as `v2x serve`."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = ScaledClock(speed)
    _tell_clock(settings.state / CLOCK_FILE, clock)
    async with open_road(settings, clock) as road:
        await stop.wait()
    print(road.summary(), file=sys.stderr)


def _tell_clock(path: Path, clock: ScaledClock) -> None:
    path.write_text(clock_reading(clock, time.monotonic_ns()))


def main() -> None:
    settings = load_settings(json.loads(sys.argv[2]))
    configure_logs(settings.log_level)
    asyncio.run(serve_paced(settings, float(sys.argv[1])))


if __name__ == "__main__":
    main()
