"""Holding and re-spacing on real passengers, scored by the scorer that lies beside the data: `make holding-score`.

The plug-ins are `intersections.buses.holding:hold_s` and `intersections.buses.departures:respaced_s`, which the product itself calls.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("docs/results/holding.md")
OURS, RESPACED = "intersections.buses.holding:hold_s", "intersections.buses.departures:respaced_s"
FIGURES = {
    "headway_cv": ("headway CV", ".3f"),
    "bunched": ("bunched", ".1%"),
    "wait_min": ("wait, min", ".2f"),
    "wait_p95_min": ("wait p95, min", ".1f"),
    "hold_s_per_bus": ("held per bus, s", ".0f"),
    "trip_min": ("trip, min", ".1f"),
}


@dataclass(frozen=True, slots=True)
class Case:
    dispatch: str
    policy: str
    target: str = ""


CASES = (
    Case("even", "none"),
    Case("even", "backward"),
    Case("even", "two-way"),
    Case("even", OURS, "CV <= 0.175, wait <= 3.70, held <= 220"),
    Case("real", "none"),
    Case("real", "backward"),
    Case("real", OURS),
    Case(RESPACED, "none"),
    Case(RESPACED, OURS, "wait <= 4.6"),
)


def scored(tool: Path, folder: Path, case: Case, seeds: int) -> dict[str, float]:
    words = [sys.executable, str(tool), str(folder), "--policy", case.policy, "--dispatch", case.dispatch, "--seeds", str(seeds), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)})
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def table(results: Iterable[tuple[Case, dict[str, float]]]) -> Iterable[str]:
    yield f"| departures | holding | {' | '.join(name for name, _ in FIGURES.values())} | target |"
    yield "|---|---|" + "---|" * (len(FIGURES) + 1)
    for case, figures in results:
        cells = (format(figures[name], shape) for name, (_, shape) in FIGURES.items())
        yield f"| {named(case.dispatch)} | {named(case.policy)} | {' | '.join(cells)} | {case.target} |"


def named(plugin: str) -> str:
    """A plug-in by its function."""
    return f"`{plugin.split(':')[1]}`" if ":" in plugin else plugin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("V2X_DATA", "../shared/data")), help="folder of the lent sets")
    parser.add_argument("--line", default="transit_xiamen", help="in it: the recorded line")
    parser.add_argument("--seeds", type=int, default=5, help="0 to one below this")
    parser.add_argument("--out", type=Path, default=RESULTS, help="its part below TABLE is written anew")
    options = parser.parse_args()
    tool = options.data.parent / "tools" / "holding_sim.py"
    results = [(case, scored(tool, options.data / options.line, case, options.seeds)) for case in CASES]
    text = "\n".join(table(results)) + "\n"
    print(text)
    if options.out.exists():
        head, _, rest = options.out.read_text().partition(BEGIN)
        _, _, tail = rest.partition(END)
        options.out.write_text(f"{head}{BEGIN}\n{text}{END}{tail}")


BEGIN, END = "<!-- table -->", "<!-- end of table -->"

if __name__ == "__main__":
    main()
