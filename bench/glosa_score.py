"""`make glosa-score`: speed advice on a generated corridor, every run once with advice and once without, everything else the same.

Of the vehicles EQUIPPED are connected, and only they are advised. A stop is SUMO's: slower than 0.1 m/s (`waitingCount`). All vehicles
arrive before a run ends. Exits 1 beyond a target: equipped vehicles stop at least 20 % less often, and the others are on the road at
most 1 % longer (mean over the seeds). What the equipped themselves lose or gain in time is told beside it.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.corridor import generate

EQUIPPED = 0.3
STOPS_LESS, LONGER = 0.20, 0.01


def run(control: str, seed: int, advised: bool) -> dict[str, float]:
    """Means over the equipped and over the others: stops, and time on the road."""
    from intersections.signals.commitments import Play
    from intersections.signals.conventions import RESCO
    from v2x.importers.sumo_signals import survey_signals
    from v2x.sim.signal_advice import AdvisedDrivers
    from v2x.sim.signal_arguments import Control, Traffic, sumo_arguments
    from v2x.sim.signal_loop import SignalLoop
    from v2x.sim.signal_planners import PLANNERS
    from v2x.sim.signal_run import Stop
    from v2x.sim.signal_run import run as play

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        started = sumo_arguments(Traffic(generate(folder), seed, tripinfo=folder / "tripinfo.xml"), folder)

        def parts() -> Sequence[SignalLoop]:
            sites = survey_signals(started.network, started.additional, RESCO).sites
            drivers = AdvisedDrivers(sites) if advised else None
            return [SignalLoop(sites, lambda site: PLANNERS[Control(control)](site, Play()), seed, EQUIPPED, drivers=drivers)]

        tally = play(started, parts, Stop())
        if tally.arrived != tally.loaded:
            raise SystemExit(f"{tally.loaded - tally.arrived} vehicles did not arrive before the end")
        return _means(folder / "tripinfo.xml", seed)


def _means(tripinfo: Path, seed: int) -> dict[str, float]:
    from v2x.sim.scenario import read_xml
    from v2x.sim.signal_sensors import is_connected

    means: dict[str, float] = {}
    trips = read_xml(tripinfo).findall("tripinfo")
    for who, wanted in (("equipped", True), ("others", False)):
        rows = [trip for trip in trips if is_connected(trip.attrib["id"], seed, EQUIPPED) is wanted]
        means[f"{who}"] = float(len(rows))
        means[f"{who}_stops"] = statistics.fmean(float(trip.attrib["waitingCount"]) for trip in rows)
        means[f"{who}_s"] = statistics.fmean(float(trip.attrib["duration"]) + float(trip.attrib["departDelay"]) for trip in rows)
    return means


def score(control: str, seeds: Sequence[int]) -> dict[str, Any]:
    arms: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    for seed in seeds:
        for advised, means in arms.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:  # one simulation a process
                means.append(pool.apply(run, (control, seed, advised)))
    without, told = ({key: statistics.fmean(one[key] for one in arms[arm]) for key in arms[arm][0]} for arm in (False, True))
    change = {key: round(told[key] / without[key] - 1.0, 4) for key in without if "_" in key}
    each = [round(b["equipped_stops"] / a["equipped_stops"] - 1.0, 4) for a, b in zip(arms[False], arms[True], strict=True)]
    return {"control": control, "seeds": list(seeds), "without": without, "advised": told, "change": change, "equipped_stops_by_seed": each}


def met(scored: dict[str, Any]) -> bool:
    change = scored["change"]
    return bool(change["equipped_stops"] <= -STOPS_LESS and change["others_s"] <= LONGER)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--control", nargs="+", default=["program", "adaptive"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    arguments = parser.parse_args()
    scores = [score(control, arguments.seeds) for control in arguments.control]
    sys.stdout.write(json.dumps(scores, indent=2) + "\n")
    return int(not all(met(scored) for scored in scores))


if __name__ == "__main__":
    sys.exit(main())
