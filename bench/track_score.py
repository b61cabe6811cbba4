"""`make track-score`: ten minutes of the demo against SUMO's truth, with both stations and with either alone.

The direct link: same bytes, same code, SUMO's clock. Each run is a process of its own (libsumo keeps one simulation a process).
Exits 1 beyond a target. Definitions: the rules at the head of `v2x.sim.score`. A station alone sees fewer and nearer road users, so
"better than either alone" compares the medians over the moments at which both runs have a track of the same road user.
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

import numpy as np

from v2x.sim.position_score import from_json, sentences
from v2x.sim.score import TrackScore

TARGETS = {  # figure -> least (+) or greatest (-) value
    "coverage": (+1, 0.98),
    "false_share": (-1, 0.01),
    "median_error_m": (-1, 0.25),
    "switches_per_100": (-1, 1.0),
}
Errors = tuple[np.ndarray, np.ndarray]
RUNS = {"both": ("rsu-a", "rsu-b"), "rsu-a alone": ("rsu-a",), "rsu-b alone": ("rsu-b",)}


def run(stations: tuple[str, ...], seconds: float, seed: int) -> tuple[dict[str, Any], Errors]:
    """The figures of one run, and each error with whom it is of and when."""
    from v2x.sim.direct_link import play_direct  # needs libsumo, one simulation a process
    from v2x.sim.judge import Judge
    from v2x.sim.position_score import as_json
    from v2x.sim.stage import Play, open_stage

    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        stage = open_stage(Play(seed=seed, stations=stations), Path(folder))
        judge = Judge(stage.field)
        pipeline = play_direct(stage.field, stage.map, seconds, [judge])
        health = stage.field.world.health
        stage.field.world.close()
    figures = asdict(judge.scorer.score()) | {
        "decisions": pipeline.decisions,
        "digest": pipeline.digest.hex(),
        "collisions": health.collisions,
        "most_waiting": health.most_waiting,
        "cpu_s": time.process_time() - started,
        "positions": as_json(stage.field.positions.figures()),
    }
    return figures, judge.scorer.errors()


def medians_on_common(both: Errors, alone: Errors) -> tuple[float, float]:
    """Median error of the two runs over the moments at which both track the same road user."""
    (both_keys, both_m), (alone_keys, alone_m) = both, alone
    joined = np.concatenate([both_keys, alone_keys])
    _, codes = np.unique(joined, axis=0, return_inverse=True)
    _, first, second = np.intersect1d(codes[: len(both_keys)], codes[len(both_keys) :], assume_unique=True, return_indices=True)
    return float(np.median(both_m[first])), float(np.median(alone_m[second]))


def beyond_targets(scores: dict[str, dict[str, Any]]) -> list[str]:
    both = scores["both"]
    missed = [f"{name} = {both[name]:.4g}, target {limit:g}" for name, (sign, limit) in TARGETS.items() if sign * both[name] < sign * limit]
    for name, score in scores.items():
        if name != "both" and score["common_median_both_m"] >= score["common_median_alone_m"]:
            missed.append(f"{score['common_median_both_m']:.4g} m median with both, {score['common_median_alone_m']:.4g} m with {name}")
    return missed


def table(scores: dict[str, dict[str, Any]]) -> str:
    names = [*(name for name in TrackScore.__dataclass_fields__ if name != "reports"), "common_median_both_m", "common_median_alone_m"]
    lines = ["| figure | " + " | ".join(scores) + " | target |", "|---|" + "---:|" * (len(scores) + 1)]
    for name in names:
        sign, limit = TARGETS.get(name, (0, 0.0))
        target = "" if not sign else f"{'>=' if sign > 0 else '<='} {limit:g}"
        lines.append(
            f"| {name} | " + " | ".join(f"{score[name]:.4g}" if name in score else "" for score in scores.values()) + f" | {target} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path("build/track_score.json"))
    arguments = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        runs = {name: pool.apply(run, (stations, arguments.seconds, arguments.seed)) for name, stations in RUNS.items()}
    scores = {name: figures for name, (figures, _) in runs.items()}
    for name in RUNS.keys() - {"both"}:
        medians = medians_on_common(runs["both"][1], runs[name][1])
        scores[name].update(zip(("common_median_both_m", "common_median_alone_m"), medians, strict=True))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"seconds": arguments.seconds, "seed": arguments.seed, **scores}, indent=1) + "\n")
    print(table(scores))
    print("\n".join(f"{name}: {words}" for name, words in sentences(from_json(scores["both"]["positions"])).items()))
    missed = beyond_targets(scores)
    for text in missed:
        print(f"beyond target: {text}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
