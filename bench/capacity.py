"""The highest rate of objects at which warnings still come within 20 ms (p99) for 30 s, nothing lost: `capacity_objects_per_s`.

More crossings with two stations each, 10 Hz, 50 objects a frame: a bigger district, not faster sensors. Doubles until a rate fails, then
halves the interval. Senders and subscriber share the machine with the server, so the figure is a lower bound.

    python -m bench.capacity
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from bench import figures
from bench.servers import real_server
from v2x.load.client import Load, Outcome, measure
from v2x.load.district import Scene, prepare_district
from v2x.load.subscriber import Subscriber

OBJECTS = 50
RATE_HZ = 10.0
STATIONS_EACH = 2
DURATION_S = 30.0
P99_MS = 20.0
FIRST_CROSSINGS = 10
RESOLUTION = 2  # crossings
TRIALS = 8
OBJECTS_PER_CROSSING = OBJECTS * RATE_HZ * STATIONS_EACH


def holds(crossings: int, scene: Scene, folder: Path) -> bool:
    """Whether a fresh server keeps the promise at this size."""
    shutil.rmtree(folder, ignore_errors=True)
    district = prepare_district(folder, crossings, STATIONS_EACH)
    with real_server(district) as server, Subscriber(*server.mqtt) as subscriber:
        outcome = asyncio.run(measure(Load(server.grpc, district.peers, scene, RATE_HZ), subscriber, DURATION_S))
    kept = is_kept(outcome)
    p50_ms, p99_ms, _ = outcome.percentiles_ms()
    rate = crossings * OBJECTS_PER_CROSSING
    print(f"{rate:8.0f} objects/s: p50 {p50_ms:.1f} p99 {p99_ms:.1f} ms, {outcome.lost} lost: {'kept' if kept else 'not kept'}", flush=True)
    return kept


def is_kept(outcome: Outcome) -> bool:
    return outcome.percentiles_ms()[1] <= P99_MS and outcome.lost == 0 and not outcome.rejected and not outcome.broken


def capacity(folder: Path, trials: int = TRIALS) -> float:
    """Objects a second, as near as so many trials come to it."""
    scene, good, bad, crossings = Scene(OBJECTS), 0, 0, FIRST_CROSSINGS
    for _ in range(trials):
        if holds(crossings, scene, folder):
            good = crossings
        else:
            bad = crossings
        if bad and bad - good <= RESOLUTION:
            break
        crossings = (good + bad) // 2 if bad else 2 * good
    return good * OBJECTS_PER_CROSSING


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        figures.record("capacity_objects_per_s", capacity(Path(folder) / "district"))
    figures.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
