"""Arrival predictions on recorded days, scored by the scorer that lies beside the recordings: `make eta-score`.

Rules:
* Each day of the folder is replayed in order, the scored one last; a day begins with what the days before have taught.
* Only positions are read, and only those known at the minute; the truth is read by the scorer alone.
"""

import argparse
import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from bench.transit_austin import DAY_S, EVE, days, read_network, read_positions
from intersections.buses.eta import Predictions
from intersections.buses.network import BusNetwork
from intersections.buses.samples import BusPosition, Prediction
from v2x.eta_replay import predicted, write_predictions

OUT = Path("build/eta")


def one_day(folder: Path, day: date, predictions_of) -> tuple[Predictions, Iterator[list[Prediction]], Counter[str]]:
    positions = read_positions(folder, day)
    network = read_network(folder, day, positions)
    predictions, verdicts = predictions_of(network), Counter()
    return predictions, predicted(network, predictions, (of_the_eve(network, one) for one in positions), verdicts), verdicts


def of_the_eve(network: BusNetwork, position: BusPosition) -> BusPosition:
    """A trip past midnight is claimed before its own day comes: then it is the run of the day before."""
    eve = network.trips.get(position.trip + EVE)
    at_s = (position.measured_ns - network.midnight_ns) / 1e9
    return replace(position, trip=eve.id) if eve and at_s < eve.arrival_s[-1] + DAY_S / 2 else position


def begun(network: BusNetwork, learnt) -> Predictions:
    predictions = Predictions(network)
    if learnt:
        predictions.begin(learnt)
    return predictions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cold", action="store_true", help="without the days before")
    parser.add_argument("--day", type=date.fromisoformat, help="of which there is a truth")
    arguments = parser.parse_args()
    truths = sorted(arguments.folder.glob("stop_arrivals_truth_*.csv.gz"))
    for truth in truths:
        scored = date.fromisoformat(truth.name.split("_")[-1][:10])
        learnt = None
        for day in [day for day in days(arguments.folder) if day < scored and not arguments.cold]:
            predictions, minutes, _ = one_day(arguments.folder, day, lambda network: begun(network, learnt))  # noqa: B023
            for _ in minutes:
                pass
            learnt = predictions.learnt()
            print(day, "outcomes", int(learnt["outcomes"]), flush=True)
        predictions, minutes, verdicts = one_day(arguments.folder, scored, lambda network: begun(network, learnt))  # noqa: B023
        OUT.mkdir(parents=True, exist_ok=True)
        out = OUT / f"predictions_{scored}.csv.gz"
        with gzip.open(out, "wt", newline="", compresslevel=1) as file:
            write_predictions(file, ([replace(one, trip=one.trip.removesuffix(EVE)) for one in minute] for minute in minutes))
        print(dict(verdicts))
        scorer = arguments.folder.parents[1] / "tools" / "score_eta.py"
        print(subprocess.run([sys.executable, scorer, truth, out], capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
