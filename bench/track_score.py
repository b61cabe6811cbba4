"""`make track-score`: ten minutes of the demo against SUMO's truth, with both stations and with either alone.

The direct link: same bytes, same code, SUMO's clock. Each run is a process of its own (libsumo keeps one simulation a process).
Exits 1 beyond a target. Definitions: the rules at the head of `v2x.sim.score`.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from v2x.sim.score import TrackScore

TARGETS = {  # figure -> least (+) or greatest (-) value
    "coverage": (+1, 0.98),
    "false_share": (-1, 0.01),
    "median_error_m": (-1, 0.25),
    "switches_per_100": (-1, 1.0),
}
RUNS = {"both": ("rsu-a", "rsu-b"), "rsu-a alone": ("rsu-a",), "rsu-b alone": ("rsu-b",)}


def run(stations: tuple[str, ...], seconds: float, seed: int) -> dict[str, Any]:
    from v2x.sim.direct_link import play_direct  # needs libsumo, one simulation a process
    from v2x.sim.judge import Judge
    from v2x.sim.stage import Play, open_stage

    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        stage = open_stage(Play(seed=seed, stations=stations), Path(folder))
        judge = Judge(stage.field)
        pipeline = play_direct(stage.field, stage.map, seconds, [judge])
        health = stage.field.world.health
        stage.field.world.close()
    return asdict(judge.scorer.score()) | {
        "decisions": pipeline.decisions,
        "digest": pipeline.digest.hex(),
        "collisions": health.collisions,
        "most_waiting": health.most_waiting,
        "cpu_s": time.process_time() - started,
    }


def beyond_targets(scores: dict[str, dict[str, Any]]) -> list[str]:
    both = scores["both"]
    missed = [f"{name} = {both[name]:.4g}, target {limit:g}" for name, (sign, limit) in TARGETS.items() if sign * both[name] < sign * limit]
    alone = min(score["median_error_m"] for name, score in scores.items() if name != "both")
    if both["median_error_m"] >= alone:
        missed.append(f"median_error_m = {both['median_error_m']:.4g}, not better than the better station alone ({alone:.4g})")
    return missed


def table(scores: dict[str, dict[str, Any]]) -> str:
    names = [name for name in TrackScore.__dataclass_fields__ if name != "reports"]
    lines = ["| figure | " + " | ".join(scores) + " | target |", "|---|" + "---:|" * (len(scores) + 1)]
    for name in names:
        sign, limit = TARGETS.get(name, (0, 0.0))
        target = "" if not sign else f"{'>=' if sign > 0 else '<='} {limit:g}"
        lines.append(f"| {name} | " + " | ".join(f"{score[name]:.4g}" for score in scores.values()) + f" | {target} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path("build/track_score.json"))
    arguments = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        scores = {name: pool.apply(run, (stations, arguments.seconds, arguments.seed)) for name, stations in RUNS.items()}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"seconds": arguments.seconds, "seed": arguments.seed, **scores}, indent=1) + "\n")
    print(table(scores))
    missed = beyond_targets(scores)
    for text in missed:
        print(f"beyond target: {text}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
