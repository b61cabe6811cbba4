"""The comparison with published learned agents: SUMO 1.9.2, the RESCO benchmark's own delay, ten seeds.

    pip install --no-deps --target build/sumo192 eclipse-sumo==1.9.2
    python -m bench.signals_published --sumo build/sumo192

Rules:
* The other SUMO is the first that Python finds (PYTHONPATH, SUMO_HOME); nothing of `v2x sim` knows of it.
* The delay is the benchmark's: mean of timeLoss + departDelay over all trips that departed, and of the wait of those vehicles that
  should have departed after the last one that did and never could. (It leaves those out where a route file has trips instead of
  vehicles; here they count.) SUMO 1.28 reads about a quarter lower: figures of the two are never mixed.
* The benchmark's greedy agent, played again by `published_greedy`, must come out as it was published.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.signals_score import ROOT, Case, cached, commit, key, run, simulate, sources, span_s

CACHE = Path("build/signals_published")
RESULTS = Path("docs/results/signals_published.md")
LEARNED_S = {"grid4x4": 32.9, "cologne1": 26.1, "cologne3": 24.0, "ingolstadt1": 20.9}  # the best learned agent published
GREEDY_S = {"grid4x4": 34.4}  # the mean of the benchmark's 30 published episodes
TARGET_S = {"grid4x4": 19.0, "cologne1": 23.0, "cologne3": 16.0, "ingolstadt1": 19.5}
GREEDY = "greedy"


def published_delay_s(tripinfo: Path) -> float:
    trips = ET.parse(tripinfo).getroot().findall("tripinfo")  # noqa: S314  our own
    losses_s = [float(trip.get("departDelay", 0)) + (float(trip.get("timeLoss", 0)) if _departed(trip) else 0.0) for trip in trips]
    return statistics.fmean(losses_s)


def _departed(trip: ET.Element) -> bool:
    return float(trip.get("depart") or -1) >= 0


def environment(sumo: Path) -> Mapping[str, str]:
    folders = (sumo, sumo / "sumo" / "tools", ROOT)
    return {"PYTHONPATH": os.pathsep.join(str(folder.resolve()) for folder in folders), "SUMO_HOME": str((sumo / "sumo").resolve())}


def delay_s(folder: Path, control: str, seed: int, sumo: Path, keep: bool) -> float:
    configuration = next(folder.glob("*.sumocfg"))
    begin_s, end_s = span_s(configuration, quick=False)
    case = Case("resco", folder.name, control, 1.0)
    kept = CACHE / f"{key(case, seed)}.json"
    if known := cached(kept, case, keep or control == GREEDY):
        return float(known["delay_s"])
    trips = kept.resolve().with_suffix(".trips.xml")
    if control == GREEDY:
        words = ["-m", "bench.published_greedy", str(configuration), f"{end_s:g}", f"{seed}", str(trips)]
        run([sys.executable, *words], environment(sumo))
    else:
        simulate(configuration, case, seed, begin_s, end_s, trips, (), environment(sumo))
    delay_s = published_delay_s(trips)
    kept.write_text(json.dumps({"delay_s": delay_s, "commit": commit(), "sources": sources()}))
    trips.unlink()
    return delay_s


def rows(figures: Mapping[tuple[str, str], Sequence[float]]) -> Iterable[str]:
    yield "| map | control | delay, s | sd | worst | seeds | best learned agent, published | target |\n|---|---|---|---|---|---|---|---|"
    for (map, control), delays_s in sorted(figures.items()):
        sd = statistics.stdev(delays_s) if len(delays_s) > 1 else 0.0
        figure = f"{statistics.fmean(delays_s):.2f} | {sd:.2f} | {max(delays_s):.2f} | {len(delays_s)}"
        known = f"{GREEDY_S[map]} (this agent)" if control == GREEDY and map in GREEDY_S else LEARNED_S.get(map, "")
        yield f"| {map} | {control} | {figure} | {known} | {f'< {TARGET_S[map]}' if control == 'adaptive' and map in TARGET_S else ''} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sumo", type=Path, required=True, help="where the other SUMO was installed to")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("V2X_DATA", "../shared/data")))
    parser.add_argument("--maps", nargs="*")
    parser.add_argument("--controls", nargs="*", default=["adaptive", "program", GREEDY])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="take finished runs of older sources too")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    folder = options.data / "sumo" / "resco"
    maps = options.maps or sorted(path.parent.name for path in folder.glob("*/*.sumocfg"))
    figures: dict[tuple[str, str], list[float]] = {}
    with ThreadPoolExecutor(options.jobs) as pool:
        jobs = {
            (map, control): [
                pool.submit(delay_s, folder / map, control, seed, options.sumo, options.keep) for seed in range(1, options.seeds + 1)
            ]
            for map in maps
            for control in options.controls
            if control != GREEDY or map in GREEDY_S  # its lanes of a phase are told as its authors do it for this map alone
        }
        for place, runs in jobs.items():
            figures[place] = [job.result() for job in runs]
            print(*place, f"{statistics.fmean(figures[place]):.2f}", flush=True)
    head = "# Published agents, on their simulator\n\n" + " ".join(__doc__.split("Rules:")[1].split()).replace("* ", "\n* ")
    command = f"Commit {commit()}, command: `python -m bench.signals_published {' '.join(sys.argv[1:])}`"
    options.out.write_text(f"{head}\n\n{command}\n\n" + "\n".join(rows(figures)) + "\n")


if __name__ == "__main__":
    main()
