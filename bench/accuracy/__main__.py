"""The command: every set that is found, one line, one picture and one entry of the JSON file each."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.accuracy import berlin, boulder, milan, nagoya, picture, score, uwb
from bench.accuracy.engine import engine_for
from bench.accuracy.replay import replay
from bench.accuracy.runs import Run, Set
from positioning.measurements import Fusion

READERS: dict[str, Callable[[Path, int], Iterator[Set]]] = {
    "gnss_nagoya_drive": nagoya.sets,
    "gnss_boulder_imu": boulder.sets,
    "gnss_berlin_smartloc": berlin.sets,
    "uwb_hanyang": uwb.sets,
    "nr_milan_raytrace": milan.sets,
}
COLUMNS = ("p50_m", "p95_m", "p99_m", "rms_m", "misleading", "pl_median_m", "pl_p95_m", "inform", "availability", "cpu_us_per_epoch")
Figures = dict[str, float]


def measure(one: Set, engine: Callable[[Run], Fusion], pictures: Path) -> Figures:
    replayed = [replay(run, engine(run)) for run in one.runs]
    everything = score.pooled(replayed)
    picture.draw(
        f"{one.name} ({one.note})" if one.note else one.name,
        everything if one.pooled else replayed[0],
        everything,
        pictures / f"{one.name}.png",
    )
    return score.score(everything) if one.pooled else score.mean([score.score(epochs) for epochs in replayed])


def line(name: str, figures: Figures) -> str:
    outage = ""
    if "outage_worst_m" in figures:
        outage = f"  outages {figures['outage_median_max_m']:.2f}, worst {figures['outage_worst_m']:.2f} m"
    return f"{name:32}" + "".join(f"{figures[column]:>17.4g}" for column in COLUMNS) + outage


def arguments_of(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("V2X_DATA", "../shared/data")), help="folder of the recordings")
    parser.add_argument("--json", type=Path, default=Path("build/accuracy.json"), help="where the figures go")
    parser.add_argument("--pictures", type=Path, default=Path("build/accuracy"), help="folder of the pictures")
    parser.add_argument("--seeds", type=int, default=20, help="draws of the simulated motion and ranges; their scores are averaged")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    arguments = arguments_of(words)
    print(f"{'set':32}" + "".join(f"{column:>17}" for column in COLUMNS), flush=True)
    folders = {name: arguments.data.resolve() / name for name in READERS}
    figures: dict[str, Figures] = {}
    unread = 0
    for name, folder in folders.items():
        try:
            for one in READERS[name](folder, arguments.seeds) if folder.is_dir() else ():
                figures[one.name] = measure(one, engine_for, arguments.pictures)
                print(line(one.name, figures[one.name]), flush=True)
        except (OSError, ValueError, LookupError) as error:  # of one folder: the others are still measured
            print(f"{name}: not measured: {error!r}", file=sys.stderr)
            unread += 1
    if not figures:
        print(f"no known set in {arguments.data}: {', '.join(READERS)}", file=sys.stderr)
        return 2
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if unread else 0


if __name__ == "__main__":
    sys.exit(main())
