"""What the whole platform gives a town's travellers: Bologna's morning peak with buses that depart off time, `make service-score`.

Rules:
* The steps are added one by one: the city's own programs, adaptive signals, buses by persons and lateness, dispatch. All else is the same.
* "Public operations efficiency" is read as passenger-km per bus-hour in service, "travel efficiency per person" as time per person.
* Runs are kept and named as those of `bench.bologna`.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bench.bologna import END_S, SCENARIO, Arm, play, table
from bench.signals_score import ROOT

JITTER_S = 75
COLUMNS = (
    "bus_productivity",
    "person_tt",
    "bus_speed",
    "headway_cv",
    "ride_wait",
    "ride_tt",
    "car_tt",
    "walk_tt",
    "unfinished",
    "teleports",
)
GAINS = {"bus_productivity": +1.0, "person_tt": -1.0, "bus_speed": +1.0, "headway_cv": -1.0, "ride_wait": -1.0}  # which way is better


def arms(convention: str) -> tuple[Arm, ...]:
    late = ("--jitter", f"{JITTER_S}")
    adaptive = ("--control", "adaptive", "--convention", convention, *late)
    program = ("--control", "program", *late)
    return (
        Arm("program", program),
        Arm("+ adaptive signals", (*adaptive, "--priority", "none")),
        Arm("+ priority", (*adaptive, "--priority", "conditional")),
        Arm("+ dispatch", (*adaptive, "--priority", "conditional", "--dispatch")),
        Arm("dispatch alone", (*program, "--dispatch")),
        Arm("bound: no cars, no signals", program, cars=False, signals=False),
    )


def gains(results: dict[Arm, list[dict[str, Any]]]) -> Iterable[str]:
    """Against the first arm, better is positive; means of the seeds that both have."""
    base, *others = results
    yield f"| better than {base.name} by, % | {' | '.join(GAINS)} |"
    yield "|---" * (len(GAINS) + 1) + "|"
    for arm in others:
        cells = [_gain(results[base], results[arm], column, sign) for column, sign in GAINS.items()]
        yield f"| {arm.name} | {' | '.join(cells)} |"


def _gain(base: list[dict[str, Any]], other: list[dict[str, Any]], column: str, sign: float) -> str:
    pairs = [(one[column], two[column]) for one, two in zip(base, other, strict=False) if one.get(column) and two.get(column) is not None]
    if not pairs:
        return ""
    before, after = (statistics.fmean(column) for column in zip(*pairs, strict=True))
    return f"{100.0 * sign * (after / before - 1.0):+.1f}"


def picture(results: dict[Arm, list[dict[str, Any]]]) -> str:
    """SVG: for each step and figure a bar, per cent better than the first arm."""
    base, *others = results
    bars = [
        (row, column, arm.name, name, float(text))
        for row, (name, sign) in enumerate(GAINS.items())
        for column, arm in enumerate(others)
        if (text := _gain(results[base], results[arm], name, sign))
    ]
    most = max((abs(value) for *_, value in bars), default=1.0)
    height = 40 + len(GAINS) * (18 * len(others) + 28)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" font-family="sans-serif" font-size="12">']
    parts.append(f'<text x="10" y="20" font-size="14">Better than {escape(base.name)} by, %</text>')
    parts.append(f'<path d="M450 30V{height}" stroke="#999"/>')
    for row, column, arm_name, name, value in bars:
        y = 44 + row * (18 * len(others) + 28) + 18 * column
        width = 150 * abs(value) / most
        left = 450 if value >= 0.0 else 450 - width
        if column == 0:
            parts.append(f'<text x="10" y="{y + 11}" font-weight="bold">{name}</text>')
        parts.append(f'<text x="150" y="{y + 11}">{escape(arm_name)}</text>')
        parts.append(f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="13" fill="{"#1b8a6b" if value >= 0.0 else "#b0402f"}"/>')
        parts.append(f'<text x="640" y="{y + 11}">{value:+.1f}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    result.add_argument("--data", type=Path, default=Path(os.environ.get("V2X_DATA", "../shared/data")), help="folder of the lent sets")
    result.add_argument("--seeds", type=int, default=3, help="1 to this")
    result.add_argument("--end", type=float, default=END_S, help="shorter while developing: not comparable")
    result.add_argument("--convention", default="safe", choices=("safe", "resco"))
    result.add_argument("--arms", nargs="*", help="those whose name begins so; default: all")
    result.add_argument("--picture", type=Path, help="where the gains go as SVG")
    return result


def main() -> None:
    options = parser().parse_args()
    shipped = next((options.data / SCENARIO).resolve().glob("*.sumocfg"))
    tool = options.data.parent / "tools" / "score_sumo.py"
    results: dict[Arm, list[dict[str, Any]]] = {}
    for arm in arms(options.convention):
        if options.arms and not arm.name.startswith(tuple(options.arms)):
            continue
        for seed in range(1, options.seeds + 1):
            run = play(shipped, tool, arm, seed, options.end)
            results.setdefault(arm, []).append(run if arm.cars else run | {"person_tt": None})  # of other persons: not to be compared
            told = run.get("dispatch")
            print(f"{arm.name}, seed {seed}: {run['person_tt']:.1f} s a person {told or ''}", file=sys.stderr, flush=True)
    print("\n".join([*table(results, COLUMNS), "", *gains(results)]))
    if options.picture:
        options.picture.write_text(picture(results), encoding="utf-8")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
