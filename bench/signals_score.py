"""Signal control on public maps, scored from SUMO's own outputs by the scorer that lies beside the maps: `make signals-score`.

Rules:
* Each run is a process of its own (SUMO runs once in one), two at a time; it is `v2x sim --control ...` as anybody would type it.
* A finished run is kept under build/: asked again, it is not run again unless the sources have changed. `--keep` takes it even then;
  the table tells the commit of each run.
* A map is a folder with one .sumocfg; none is named here, and none has parameters of its own.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path("build/signals")
RESULTS = Path("docs/results/signals.md")
CONTROLS = ("program", "actuated", "max-pressure", "adaptive")
CONVENTIONS = ("resco", "safe")
COMPARED = "adaptive"  # played at every penetration; the others where everybody is connected
SOURCES = ("intersections/**/*.py", "v2x/importers/*.py", "v2x/sim/signal_*.py", "ext/_plan*")
QUICK_S = 600.0


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One line of the table; `seed` makes it one run."""

    convention: str
    map: str
    control: str
    penetration: float


def cases(maps: Sequence[str], controls: Sequence[str], conventions: Sequence[str], penetrations: Sequence[float]) -> list[Case]:
    return sorted(
        {
            Case(convention, map, control, penetration if control == COMPARED else 1.0)
            for convention in conventions
            for map in maps
            for control in controls
            for penetration in penetrations
        }
    )


@cache
def sources() -> str:
    """What the controllers were built from."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def commit() -> str:
    words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def span_s(configuration: Path, quick: bool) -> tuple[float, float]:
    from v2x.sim.scenario import read_xml, seconds

    root = read_xml(configuration)
    begin, end = (root.find(f".//{name}") for name in ("begin", "end"))
    begin_s = 0.0 if begin is None else seconds(begin.get("value", "0"))
    end_s = begin_s + 3600.0 if end is None else seconds(end.get("value", "0"))
    return begin_s, min(end_s, begin_s + QUICK_S) if quick else end_s


def play(folder: Path, tool: Path, case: Case, seed: int, options: argparse.Namespace) -> dict[str, Any] | None:
    """Scored figures of one run, from the cache where it has been run; None where it has not and nothing is to be run."""
    configuration = next(folder.glob("*.sumocfg"))
    begin_s, end_s = span_s(configuration, options.quick)
    kept = CACHE / f"{key(case, seed)}-{end_s:g}.json"
    known = cached(kept, case, options.keep or options.finished)
    if known or options.finished:
        return known
    trips, figures = kept.with_suffix(".trips.xml"), kept.with_suffix(".statistics.xml")
    told = simulate(configuration, case, seed, begin_s, end_s, trips, ["--statistics", str(figures)])
    scored = run([sys.executable, str(tool), str(trips), "--end", f"{end_s:g}", "--statistics", str(figures), "--json"])
    result = told | json.loads(scored) | {"commit": commit(), "sources": sources(), "seed": seed}
    trips.unlink()
    figures.unlink()
    kept.write_text(json.dumps(result))
    return result


def cached(path: Path, case: Case, keep: bool) -> dict[str, Any] | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return None
    known = json.loads(path.read_text())
    untouched = case.control == "program" and case.convention == "resco"  # SUMO's own program: none of our sources takes part
    return known if untouched or keep or known["sources"] == sources() else None


def key(case: Case, seed: int) -> str:
    return f"{case.map}-{case.control}-{case.convention}-{case.penetration:g}-{seed}"


def simulate(
    configuration: Path,
    case: Case,
    seed: int,
    begin_s: float,
    end_s: float,
    trips: Path,
    more: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The closing summary of `v2x sim`, in a process of its own."""
    words = ["-m", "v2x", "sim", str(configuration), "--control", case.control, "--convention", case.convention, "--json", *more]
    words += ["--penetration", f"{case.penetration:g}", "--seed", f"{seed}", "--begin", f"{begin_s:g}", "--end", f"{end_s:g}"]
    return json.loads(run([sys.executable, *words, "--tripinfo", str(trips)], environment))


def run(words: list[str], environment: Mapping[str, str] | None = None) -> str:
    """The last line that it prints."""
    environment = os.environ | (environment or {"PYTHONPATH": str(ROOT)})
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stderr[-2000:]}")
    return (done.stdout.strip().splitlines() or [""])[-1]


def line(case: Case, runs: Sequence[dict[str, Any]], program: Sequence[dict[str, Any]]) -> str:
    delay = [run["delay_all"] for run in runs]
    mean, base = statistics.fmean(delay), statistics.fmean(run["delay_all"] for run in program) if program else None
    cells = (
        case.map,
        case.control,
        f"{case.penetration:g}" if case.control == COMPARED else "",
        f"{mean:.2f}",
        f"{statistics.stdev(delay) if len(delay) > 1 else 0.0:.2f}",
        f"{max(delay):.2f}",
        f"{len(delay)}",
        f"{sum(run['gridlocked_s'] is not None for run in runs)}",
        "" if base is None or case.control == "program" else f"{100.0 * (base - mean) / base:.0f} %",
        f"{max(run.get('plan_ms') or 0.0 for run in runs):.2f}" if case.control != "program" else "",
        ", ".join(sorted({run["commit"] for run in runs})),
    )
    return f"| {' | '.join(cells)} |"


HEAD = """| map | control | penetration | delay, s | sd | worst seed | seeds | gridlocks | less than program | plan, CPU ms | commit |
|---|---|---|---|---|---|---|---|---|---|---|"""


def tables(results: dict[Case, list[dict[str, Any]]]) -> Iterable[str]:
    for convention in sorted({case.convention for case in results}):
        yield f"\n## {convention}\n\n{HEAD}"
        for case in sorted((case for case in results if case.convention == convention), key=_place):
            yield line(case, results[case], results.get(Case(convention, case.map, "program", 1.0), ()))


def _place(case: Case) -> tuple[str, int, float]:
    return case.map, CONTROLS.index(case.control), -case.penetration


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    result.add_argument("--data", type=Path, default=Path(os.environ.get("V2X_DATA", "../shared/data")), help="folder of the lent sets")
    result.add_argument("--scenarios", default="sumo/resco", help="in it: the folder whose folders are the maps")
    result.add_argument("--maps", nargs="*", help="default: all")
    result.add_argument("--controls", nargs="*", default=CONTROLS, choices=CONTROLS)
    result.add_argument("--conventions", nargs="*", default=CONVENTIONS, choices=CONVENTIONS)
    result.add_argument("--penetrations", nargs="*", type=float, default=[1.0, 0.5, 0.2, 0.0])
    result.add_argument("--seeds", type=int, default=5, help="1 to this")
    result.add_argument("--jobs", type=int, default=2)
    result.add_argument("--keep", action="store_true", help="take finished runs of older sources too")
    result.add_argument("--finished", action="store_true", help="run nothing: a table of the runs that are finished, of older sources too")
    result.add_argument("--quick", action="store_true", help="one seed, ten minutes of each map, nothing written")
    result.add_argument("--out", type=Path, default=RESULTS)
    return result


def main() -> None:
    options = parser().parse_args()
    folder = options.data / options.scenarios
    tool = options.data.parent / "tools" / "score_sumo.py"
    maps = options.maps or sorted(path.parent.name for path in folder.glob("*/*.sumocfg"))
    seeds = range(1, 2 if options.quick else options.seeds + 1)
    wanted = [(case, seed) for case in cases(maps, options.controls, options.conventions, options.penetrations) for seed in seeds]
    results: dict[Case, list[dict[str, Any]]] = defaultdict(list)
    with ThreadPoolExecutor(options.jobs) as pool:
        jobs = [(case, seed, pool.submit(play, folder / case.map, tool, case, seed, options)) for case, seed in wanted]
        for case, seed, job in jobs:
            if figures := job.result():
                results[case].append(figures)
                print(
                    f"{case.convention} {case.map} {case.control} {case.penetration:g} seed {seed}: {figures['delay_all']:.2f} s",
                    flush=True,
                )
    text = "\n".join(tables(results)) + "\n"
    print(text)
    if not options.quick:
        options.out.write_text(INTRODUCTION + f"\nCommand: `{' '.join(['python -m bench.signals_score', *sys.argv[1:]])}`\n" + text)


INTRODUCTION = """# Signal control on public maps

`delay_all` of the lent scorer: mean over all loaded vehicles of time lost and delay before departure, s per vehicle; who never departed
or arrived counts. SUMO 1.28, one hour of each map, never teleported. `resco`: yellow 3 s, no all-red, minimum green 5 s. `safe`: all-red
2 s, minimum green 7 s, pedestrians' clearances. `program` under resco is SUMO's own program untouched; under safe the same program with
the safe times, through the guard. A gridlock is 300 s without an arrival while vehicles are inside. Plan: CPU of one intersection's
second, planner, guard and SPaT together, on a shared machine.
"""


if __name__ == "__main__":
    main()
