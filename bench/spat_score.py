"""SPaT against what the lamps then did: every promise ever published, and the guesses as they stood ten seconds before each end.

    python -m bench.spat_score SCENARIO    plays it with promises and without, each seed, and scores
    python -m bench.spat_score FILE.jsonl  scores what `v2x sim --trace FILE.jsonl` wrote

A state is judged when it ends. *Broken* counts the messages whose [minEnd, maxEnd] the end fell outside of; *void* the states that a
fault ended, after which nothing is promised. AHEAD_MS before the end of each green and each red: how wide the promise was, how wide the
likely band, whether the end fell into it, and how far the likely time was off. States that were shorter are not judged there.
Exits 1 beyond a target: none broken, median width 20 s, bands of at most 6 s that hold 90 %, median error 1.5 s.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from intersections.signals.commitments import USUAL_NOTICE_S
from v2x.sim.scenario import read_xml

WIDTH_S, BAND_S, HELD, ERROR_S = 20.0, 6.0, 0.9, 1.5
AHEAD_MS = 10_000
KIND = {2: "red", 3: "red", 4: "red-yellow", 5: "green", 6: "green", 7: "yellow", 8: "yellow"}  # MovementPhaseState
JUDGED_AHEAD = ("green", "red")
STATE, SINCE, MIN, MAX, LIKELY, FROM, UNTIL = range(1, 8)  # columns of a group's row


@dataclass(slots=True)
class Ahead:
    """One end as it was foretold AHEAD_MS before."""

    width_s: float
    error_s: float | None = None
    band_s: float | None = None
    held: bool | None = None


@dataclass(slots=True)
class Tally:
    messages: int = 0
    ends: int = 0
    void: int = 0
    broken: int = 0
    ahead: dict[str, list[Ahead]] = field(default_factory=lambda: defaultdict(list))


def score(lines: Iterable[str]) -> Tally:
    tally = Tally()
    open_states: dict[tuple[str, str], list[tuple[int, list]]] = {}
    for line in lines:
        message = json.loads(line)
        tally.messages += 1
        for row in message["g"]:
            key = (message["i"], row[0])
            said = open_states.setdefault(key, [])
            if said and (message["void"] or KIND.get(said[-1][1][STATE]) != KIND.get(row[STATE])):
                _judge(tally, said, None if message["void"] else message["t"])
                said.clear()
            if len(row) > SINCE + 1:
                said.append((message["t"], row))
    for said in open_states.values():
        tally.broken += sum(row[MAX] is not None and row[MAX] < said[-1][0] for _, row in said)
    return tally


def _judge(tally: Tally, said: list[tuple[int, list]], end_ms: int | None) -> None:
    if end_ms is None:
        tally.void += 1
        return
    tally.ends += 1
    tally.broken += sum(not row[MIN] <= end_ms <= (inf if row[MAX] is None else row[MAX]) for _, row in said)
    kind = KIND.get(said[0][1][STATE])
    before = [row for now_ms, row in said if now_ms <= end_ms - AHEAD_MS]
    if kind in JUDGED_AHEAD and before:
        tally.ahead[kind].append(_foretold(before[-1], end_ms))


def _foretold(row: list, end_ms: int) -> Ahead:
    ahead = Ahead(inf if row[MAX] is None else (row[MAX] - row[MIN]) / 1000)
    if row[LIKELY] is not None:
        ahead.error_s = abs(row[LIKELY] - end_ms) / 1000
        ahead.band_s = (row[UNTIL] - row[FROM]) / 1000
        ahead.held = row[FROM] <= end_ms <= row[UNTIL]
    return ahead


def figures(ahead: Sequence[Ahead]) -> dict[str, float]:
    """Where no likely time was given, the band counts as missed and endless in the median, and so does the error."""
    if not ahead:
        return {"ends": 0}
    return {
        "ends": len(ahead),
        "width_median_s": statistics.median(one.width_s for one in ahead),
        "foretold_share": statistics.fmean(one.error_s is not None for one in ahead),
        "band_median_s": statistics.median(inf if one.band_s is None else one.band_s for one in ahead),
        "band_widest_s": max((one.band_s for one in ahead if one.band_s is not None), default=inf),
        "band_held_share": statistics.fmean(bool(one.held) for one in ahead),
        "error_median_s": statistics.median(inf if one.error_s is None else one.error_s for one in ahead),
    }


def report(name: str, tally: Tally) -> dict[str, Any]:
    every = [one for ahead in tally.ahead.values() for one in ahead]
    kinds = {kind: figures(ahead) for kind, ahead in {"all": every, **tally.ahead}.items()}
    return {"trace": name, "messages": tally.messages, "ends": tally.ends, "void": tally.void, "broken": tally.broken, **kinds}


def play(scenario: Path, seed: int, end: float | None, notice: float, folder: Path) -> dict[str, Any]:
    """One run as anybody would type it: what SPaT was worth, and SUMO's own delay (timeLoss and departDelay, s per vehicle)."""
    trace, tripinfo = folder / f"{seed}.jsonl", folder / f"{seed}.xml"
    words = [
        "--control",
        "adaptive",
        "--convention",
        "resco",
        "--link",
        "direct",
        "--seed",
        seed,
        "--notice",
        notice,
        "--tripinfo",
        tripinfo,
    ]
    words += ["--trace", trace] if notice else []
    words += [] if end is None else ["--end", end]
    subprocess.run([sys.executable, "-m", "v2x", "sim", str(scenario), *map(str, words)], check=True, stdout=subprocess.DEVNULL)
    trips = read_xml(tripinfo).findall("tripinfo")
    delay_s = statistics.fmean(float(trip.attrib["timeLoss"]) + float(trip.attrib["departDelay"]) for trip in trips)
    scored = report(trace.name, score(_lines(trace))) if notice else {}
    return {"seed": seed, "notice_s": notice, "delay_s": round(delay_s, 2), **scored}


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file


def met(scored: dict[str, Any]) -> bool:
    every = scored["all"]
    return bool(
        not scored["broken"]
        and every["width_median_s"] <= WIDTH_S
        and every["band_widest_s"] <= BAND_S
        and every["band_held_share"] >= HELD
        and every["error_median_s"] <= ERROR_S
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", type=Path, help="a folder with one .sumocfg, or a trace that lies ready (.jsonl)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--end", type=float)
    arguments = parser.parse_args()
    if arguments.scenario.suffix == ".jsonl":
        reports = [report(arguments.scenario.name, score(_lines(arguments.scenario)))]
    else:
        with tempfile.TemporaryDirectory() as folder:
            arms = [(seed, notice) for seed in arguments.seeds for notice in (USUAL_NOTICE_S, 0.0)]
            reports = [play(arguments.scenario, seed, arguments.end, notice, Path(folder)) for seed, notice in arms]
    sys.stdout.write(json.dumps(reports, indent=2) + "\n")
    return int(not all(met(one) for one in reports if "broken" in one))


if __name__ == "__main__":
    sys.exit(main())
