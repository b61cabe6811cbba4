"""Bologna's morning peak with buses, cars and pedestrians, scored by class of traveller: `make bologna-score`.

Rules:
* Every arm is `v2x sim` as anybody would type it, with the same dwell of the buses, one process a run, one run at a time.
* The bounds (no cars; no cars and no signals) are the scenario's own inputs without cars, in a configuration written for the run.
* A finished run is kept under build/ by what it was run with and the sources it was run from: asked again, it is not run again.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from bench.signals_score import CACHE, ROOT, commit, run, sources
from v2x.sim.scenario import read_inputs

SCENARIO = Path("sumo/bologna/acosta_persontrips")
RESULTS = Path("docs/results/bologna.md")
DWELL, TELEPORT_S, END_S = "8+2", 300, 5400.0
COLUMNS = ("person_tt", "car_tt", "ride_tt", "walk_tt", "bus_speed", "ride_wait", "headway_cv", "unfinished", "teleports")
CAR_ROUTES = "acosta.rou.xml"


@dataclass(frozen=True, slots=True)
class Arm:
    name: str
    words: tuple[str, ...]
    cars: bool = True
    signals: bool = True


def arms(convention: str) -> tuple[Arm, ...]:
    adaptive = ("--control", "adaptive", "--convention", convention)
    program = ("--control", "program")
    return (
        Arm("program", program),
        Arm("adaptive", (*adaptive, "--priority", "none")),
        Arm("adaptive, buses by persons", (*adaptive, "--priority", "persons")),
        Arm("adaptive, conditional priority", (*adaptive, "--priority", "conditional")),
        Arm("bound: no cars", program, cars=False),
        Arm("bound: no cars, no signals", program, cars=False, signals=False),
    )


def configuration(shipped: Path, arm: Arm, folder: Path) -> Path:
    """The scenario's own, or a variant of it in `folder`."""
    if arm.cars and arm.signals:
        return shipped
    root = ET.Element("configuration")
    given = ET.SubElement(root, "input")
    for option, paths in read_inputs(shipped).items():
        kept = [str(path) for path in paths if arm.cars or path.name != CAR_ROUTES]
        if kept:
            ET.SubElement(given, option, value=",".join(kept))
    ET.SubElement(ET.SubElement(root, "processing"), "pedestrian.striping.reserve-oncoming", value="0.34")
    if not arm.signals:
        ET.SubElement(root.find("processing") or root, "tls.all-off", value="true")
    path = folder / "variant.sumocfg"
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def play(shipped: Path, tool: Path, arm: Arm, seed: int, end_s: float) -> dict[str, Any]:
    """Scored figures of one run."""
    how = "-".join(word.removeprefix("--") for word in arm.words) + ("" if arm.cars else "-nocars") + ("" if arm.signals else "-nosignals")
    kept = CACHE / f"bologna-{how}-{seed}-{end_s:g}-{'shipped' if 'program' in arm.words else sources()}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {option: folder / f"{option}.xml" for option in ("tripinfo", "stops", "statistics")}
        given = ["--seed", f"{seed}", "--end", f"{end_s:g}", "--teleport", f"{TELEPORT_S}", "--dwell", DWELL, "--json"]
        outputs = [word for option, path in files.items() for word in (f"--{option}", str(path))]
        told = run([sys.executable, "-m", "v2x", "sim", str(configuration(shipped, arm, folder)), *arm.words, *given, *outputs])
        more = ["--stops", str(files["stops"]), "--statistics", str(files["statistics"]), "--json"]
        scored = run([sys.executable, str(tool), str(files["tripinfo"]), "--end", f"{end_s:g}", *more])
    result = json.loads(told) | json.loads(scored) | {"commit": commit(), "seed": seed}
    kept.write_text(json.dumps(result))
    return result


def table(results: dict[Arm, list[dict[str, Any]]], columns: Sequence[str] = COLUMNS) -> Iterable[str]:
    yield f"| arm | seeds | {' | '.join(columns)} | plan, CPU ms | commit |"
    yield "|---" * (len(columns) + 4) + "|"
    for arm, runs in results.items():
        cells = [_cell([run.get(column) for run in runs]) for column in columns]
        plan_ms = max(run.get("plan_ms") or 0.0 for run in runs)
        commits = ", ".join(sorted({run["commit"] for run in runs}))
        yield f"| {arm.name} | {len(runs)} | {' | '.join(cells)} | {f'{plan_ms:.2f}' if plan_ms else ''} | {commits} |"


def _cell(figures: list[float | None]) -> str:
    known = [figure for figure in figures if figure is not None]
    if not known:
        return ""
    spread = f" ± {statistics.stdev(known):.2f}" if len(known) > 1 else ""
    return f"{statistics.fmean(known):.2f}{spread}"


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    result.add_argument("--data", type=Path, default=Path(os.environ.get("V2X_DATA", "../shared/data")), help="folder of the lent sets")
    result.add_argument("--seeds", type=int, default=3, help="1 to this")
    result.add_argument("--end", type=float, default=END_S, help="shorter while developing: not comparable")
    result.add_argument("--convention", default="safe", choices=("safe", "resco"))
    result.add_argument("--arms", nargs="*", help="those whose name begins so; default: all")
    result.add_argument("--out", type=Path, help=f"where the table goes as well, such as {RESULTS}")
    return result


def main() -> None:
    options = parser().parse_args()
    shipped = next((options.data / SCENARIO).resolve().glob("*.sumocfg"))
    tool = options.data.parent / "tools" / "score_sumo.py"
    wanted = [arm for arm in arms(options.convention) if not options.arms or arm.name.startswith(tuple(options.arms))]
    results: dict[Arm, list[dict[str, Any]]] = {}
    for arm in wanted:
        for seed in range(1, options.seeds + 1):
            results.setdefault(arm, []).append(play(shipped, tool, arm, seed, options.end))
            print(f"{arm.name}, seed {seed}: {results[arm][-1]['person_tt']:.1f} s a person", file=sys.stderr, flush=True)
    text = "\n".join(table(results))
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
