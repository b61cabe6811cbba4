"""`v2x eta-score`: arrivals predicted on recorded days of any city that has GTFS, and how far they were out."""

import csv
import gzip
import os
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Annotated, TextIO
from zoneinfo import ZoneInfo

import typer

from intersections.buses.eta import Predictions
from intersections.buses.samples import Prediction
from intersections.buses.vehicles import PositionVerdict
from v2x.cli import application
from v2x.errors import ConfigError
from v2x.eta_replay import predicted, write_predictions
from v2x.importers.gtfs import GtfsFeed, read_gtfs, time_zone
from v2x.importers.vehicle_positions import PositionReader
from v2x.recorded_positions import RecordedPositions

TRUTH_COLUMNS = ("trip_id", "stop_idx", "sched_s", "actual_s")
WORTH_LEARNING = 0.01  # of the scored day's positions: fewer are odd times, or the night's rest

eta_score_app = application()

EXAMPLES = """
Examples:

  v2x eta-score --gtfs city.zip --positions positions.csv.gz --truth arrivals.csv.gz

  v2x eta-score --gtfs city --positions positions.csv --predictions predictions.csv.gz      without a truth: only predict
"""


@eta_score_app.command(epilog=EXAMPLES)
def eta_score_command(
    gtfs: Annotated[Path, typer.Option(help="The timetable: a folder or zip of GTFS tables.")],
    positions: Annotated[Path, typer.Option(help="Vehicle positions: a table in GTFS-RT field names (csv, csv.gz) or feed messages.")],
    truth: Annotated[Path | None, typer.Option(help="Observed arrivals, for the scorer alone.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Write the predictions here (csv, csv.gz).")] = None,
    day: Annotated[str, typer.Option("--date", help="The service day to score; default: the last, unless it is torn off.")] = "",
    scorer: Annotated[Path | None, typer.Option(help="score_eta.py; default: in tools, beside V2X_DATA (../shared/data).")] = None,
) -> None:
    """Replay recorded positions minute by minute, predict, and score. Days before the scored one are learnt from."""
    if truth is None and predictions is None:
        raise ConfigError("--truth", "give it to score, or --predictions to keep what is predicted")
    if predictions is not None and not predictions.parent.is_dir():
        raise ConfigError("--predictions", f"{predictions.parent} is no folder")
    scorer = scorer or _scorer()
    observed = _trips_of(truth, scorer) if truth is not None else frozenset()
    zone = time_zone(gtfs)
    recorded = _recorded(positions, zone)
    days = recorded.days(zone)
    scored, feed = _scored_day(gtfs, days, _date(day) if day else None)
    others = ", ".join(str(one) for one in sorted(days) if one != scored)
    typer.echo(f"scored: {scored}" + (f"; a truth of another day with positions ({others}) needs --date" if others else ""), err=True)
    if observed and not observed & feed.network.trips.keys():
        raise ConfigError("--truth", f"none of its {len(observed)} trips runs on {scored}, such as {min(observed)}")
    learner: Predictions | None = None
    for one in sorted(one for one in days if one < scored and days[one] >= WORTH_LEARNING * days[scored]):
        with suppress(ConfigError):  # no service: nothing to learn
            learner = _one_day(read_gtfs(gtfs, one), recorded, learner, None)
    with tempfile.TemporaryDirectory() as room:
        out = predictions or Path(room) / "predictions.csv"
        _one_day(feed, recorded, learner, out)
        if truth is not None:
            typer.echo(_score(scorer, truth, out))


def _recorded(positions: Path, zone: ZoneInfo) -> RecordedPositions:
    reader = PositionReader((), zone)
    recorded = RecordedPositions(reader.reports(positions), lambda count: typer.echo(f"{count:,} positions read", err=True))
    if not len(recorded):
        raise ConfigError("--positions", f"{positions} has no position: {dict(reader.notes) or 'it is empty'}")
    typer.echo(f"{len(recorded):,} positions {dict(reader.notes)}", err=True)
    return recorded


def _scored_day(gtfs: Path, days: Mapping[date, int], wished: date | None) -> tuple[date, GtfsFeed]:
    """The wished one; or the last with service, one with less than half the positions of the fullest counts by their number."""
    if wished is not None and wished not in days:
        raise ConfigError("--date", f"no position is of {wished}; there are {', '.join(map(str, sorted(days)))}")
    half = max(days.values()) / 2
    wrong: list[ConfigError] = []
    for day in [wished] if wished is not None else sorted(days, key=lambda one: (min(days[one], half), one), reverse=True):
        try:
            return day, read_gtfs(gtfs, day)
        except ConfigError as error:
            wrong.append(error)
    raise wrong[0]


def _one_day(feed: GtfsFeed, recorded: RecordedPositions, learner: Predictions | None, out: Path | None) -> Predictions:
    network = feed.network
    predictions, verdicts = Predictions(network), Counter[str]()
    if learner is not None:
        predictions.begin(learner.learnt())
    count, positions = recorded.of_day(network)
    minutes = _shown(predicted(network, predictions, positions, verdicts), count, verdicts)
    if out is None:
        for _ in minutes:  # learnt from, not kept
            pass
    else:
        with _opened(out) as file:
            write_predictions(file, minutes)
    typer.echo(f"timetable {dict(feed.notes)}\npositions {dict(verdicts)}", err=True)
    return predictions


def _shown(minutes: Iterable[list[Prediction]], count: int, verdicts: Mapping[str, int]) -> Iterator[list[Prediction]]:
    """The same, with a line for each hour."""
    hour = -1.0
    for minute in minutes:
        if minute and minute[0].made_s // 3600.0 > hour:
            hour = minute[0].made_s // 3600.0
            done = sum(verdicts[verdict.name] for verdict in PositionVerdict)
            typer.echo(f"{hour:02.0f}:00  {done:,} of {count:,} positions, {len(minute)} buses predicted", err=True)
        yield minute


def _trips_of(truth: Path, scorer: Path) -> frozenset[str]:
    """What the scorer will look for. Asked for before hours of replay, not after."""
    if not scorer.is_file():
        raise ConfigError("--scorer", f"{scorer} is no file")
    try:
        with gzip.open(truth, "rt") if truth.suffix == ".gz" else truth.open() as file:
            rows = csv.DictReader(file)
            if missing := [name for name in TRUTH_COLUMNS if name not in (rows.fieldnames or ())]:
                raise ConfigError("--truth", f"{truth} has no column {', '.join(missing)}")
            trips = frozenset(row["trip_id"] for row in rows)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError("--truth", f"{truth} cannot be read: {error}") from error
    if not trips:
        raise ConfigError("--truth", f"{truth} has no arrival")
    return trips


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError("--date", str(error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    with gzip.open(path, "wt", newline="", compresslevel=1) if path.suffix == ".gz" else path.open("w", newline="") as file:
        yield file


def _scorer() -> Path:
    return Path(os.environ.get("V2X_DATA", "../shared/data")).resolve().parent / "tools" / "score_eta.py"


def _score(scorer: Path, truth: Path, predictions: Path) -> str:
    done = subprocess.run([sys.executable, scorer, truth, predictions], capture_output=True, text=True, check=False)  # noqa: S603 - the operator's own
    if done.returncode:
        raise ConfigError("--truth", done.stderr.strip().splitlines()[-1])
    return done.stdout.rstrip()
