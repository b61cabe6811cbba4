"""Ten minutes and more at 10,000 objects/s: resident memory stays flat and nothing is dropped. Writes docs/results/soak.md.

python -m bench.soak --minutes 10
"""

import argparse
import asyncio
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.servers import ServerUnderTest, real_server
from v2x.load.client import Load, Outcome, measure
from v2x.load.client import report as load_report
from v2x.load.district import Scene, prepare_district
from v2x.load.subscriber import Subscriber

CROSSINGS, OBJECTS, RATE_HZ = 10, 50, 10.0  # two stations at each: 10,000 objects/s
SAMPLE_S = 1.0
GROWTH = 0.02  # of the median of the last quarter over that of the second
RESULT = Path("docs/results/soak.md")


async def load_and_watch(server: ServerUnderTest, minutes: float) -> tuple[Outcome, list[int]]:
    """The load's outcome, and the server's resident memory each second of it."""
    load = Load(server.grpc, server.district.peers, Scene(OBJECTS), RATE_HZ)
    resident: list[int] = []
    with Subscriber(*server.mqtt) as subscriber:
        running = asyncio.create_task(measure(load, subscriber, minutes * 60.0), name="load")
        while not running.done():
            resident.append(server.resident_bytes())
            await asyncio.wait({running}, timeout=SAMPLE_S)
        return await running, resident


def quarter_medians(resident: list[int]) -> list[float]:
    length = len(resident) // 4
    return [median(resident[index * length : (index + 1) * length]) for index in range(4)]


def judge(outcome: Outcome, quarters: list[float], last_words: str) -> list[str]:
    """What went wrong; [] is a pass."""
    wrong = []
    if quarters[3] > quarters[1] * (1.0 + GROWTH):
        wrong.append(f"resident memory grew by {quarters[3] / quarters[1] - 1.0:.1%} from the second to the last quarter")
    if outcome.lost or outcome.rejected or outcome.broken:
        wrong.append(f"{outcome.lost} frames lost, {dict(outcome.rejected)} rejected, {len(outcome.broken)} streams ended")
    dropped = next(line for line in last_words.splitlines() if line.strip().startswith("dropped"))
    if not dropped.endswith("none"):
        wrong.append(dropped.strip())
    return wrong


def summary(minutes: float, outcome: Outcome, quarters: list[float], last_words: str, wrong: list[str]) -> str:
    load = f"{2 * CROSSINGS} stations at {CROSSINGS} crossings, {RATE_HZ:g} Hz, {OBJECTS} objects a frame"
    growth = f"last against second: {quarters[3] / quarters[1] - 1.0:+.2%}, at most {GROWTH:+.0%}"
    megabytes = ", ".join(f"{value / 1e6:.1f}" for value in quarters)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    return f"""# Soak

`make soak MINUTES={minutes:g}` at commit {commit}, Python {platform.python_version()}, {platform.machine()}:
{load}, {2 * CROSSINGS * RATE_HZ * OBJECTS:.0f} objects/s, on a machine that also ran the senders.

**{"Passed" if not wrong else "Failed: " + "; ".join(wrong)}.**

Median resident memory of the server by quarter, MB: {megabytes} ({growth}).

The client's side:

```
{load_report(outcome, OBJECTS)}
```

The server's closing summary:

```
{last_words}
```
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with real_server(prepare_district(Path(folder) / "district", CROSSINGS)) as server:
            outcome, resident = asyncio.run(load_and_watch(server, chosen.minutes))
        quarters = quarter_medians(resident)
        wrong = judge(outcome, quarters, server.last_words())
        text = summary(chosen.minutes, outcome, quarters, server.last_words(), wrong)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(text)
    print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
