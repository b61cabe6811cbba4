"""The server on the sim's time, for demos at other than real time. Not a way to serve real roads.

Run as: python -m v2x.demo.server SPEED SETTINGS-AS-JSON

Rules:
* Everything but the clock is what `v2x serve` serves.
* The time page lies in the state folder before `endpoints.json` does: whoever sees the endpoints can stamp alike.
"""

import asyncio
import json
import signal
import sys

from v2x.app import open_road
from v2x.config import Settings, load_settings
from v2x.logs import configure_logs
from v2x.sim.shared_time import SharedClock, write_page

PAGE_FILE = "time.page"
AWAKE_PERIOD_S = 0.001


async def serve_paced(settings: Settings, speed: float) -> None:
    """Until SIGINT or SIGTERM; then the summary, as `v2x serve`."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    page = settings.state / PAGE_FILE
    write_page(page)
    clock = SharedClock(page, speed)
    async with open_road(settings, clock) as road:
        awake = asyncio.create_task(_tell_awake(clock), name="awake")
        await stop.wait()
        awake.cancel()
    print(road.summary(), file=sys.stderr)


async def _tell_awake(clock: SharedClock) -> None:
    """Simulated time waits for a loop that is held up, here as in a busy machine's queue."""
    while True:
        clock.note_awake()
        await asyncio.sleep(AWAKE_PERIOD_S)


def main() -> None:
    settings = load_settings(json.loads(sys.argv[2]))
    configure_logs(settings.log_level)
    asyncio.run(serve_paced(settings, float(sys.argv[1])))


if __name__ == "__main__":
    main()
