"""`v2x eta-score`: arrivals predicted on recorded days of any city that has GTFS, and how far they were out."""

import gzip
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, TextIO
from zoneinfo import ZoneInfo

import typer

from intersections.buses.eta import Predictions
from intersections.buses.samples import BusPosition
from v2x.cli import application
from v2x.errors import ConfigError
from v2x.eta_replay import of_day, predicted, write_predictions
from v2x.importers.gtfs import GtfsFeed, read_gtfs
from v2x.importers.vehicle_positions import PositionReader

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
    day: Annotated[str, typer.Option("--date", help="The service day to score; default: the one with most positions.")] = "",
    scorer: Annotated[Path | None, typer.Option(help="score_eta.py; default: in tools, beside V2X_DATA (../shared/data).")] = None,
) -> None:
    """Replay recorded positions minute by minute, predict, and score. Days before the scored one are learnt from."""
    if truth is None and predictions is None:
        raise ConfigError("--truth", "give it to score, or --predictions to keep what is predicted")
    days = _service_days(gtfs, positions)
    scored = _date(day) if day else max(days, key=lambda one: (len(days[one][1]), one))
    if scored not in days:
        raise ConfigError("--date", f"no position is of {scored}; there are {', '.join(map(str, sorted(days)))}")
    learner: Predictions | None = None
    with tempfile.TemporaryDirectory() as room:
        out = predictions or Path(room) / "predictions.csv"
        for one in sorted(one for one in days if one <= scored):
            learner = _one_day(*days[one], learner, out if one == scored else None)
        if truth is not None:
            typer.echo(_scored(scorer or _scorer(), truth, out))


def _one_day(feed: GtfsFeed, positions: list[BusPosition], learner: Predictions | None, out: Path | None) -> Predictions:
    predictions, verdicts = Predictions(feed.network), Counter[str]()
    if learner is not None:
        predictions.begin(learner.learnt())
    minutes = predicted(feed.network, predictions, positions, verdicts)
    if out is None:
        for _ in minutes:  # learnt from, not kept
            pass
    else:
        with _opened(out) as file:
            write_predictions(file, minutes)
    typer.echo(f"timetable {dict(feed.notes)}\npositions {dict(verdicts)}", err=True)
    return predictions


def _service_days(gtfs: Path, positions: Path) -> dict[date, tuple[GtfsFeed, list[BusPosition]]]:
    """Days with service, and the positions of each. They are read twice: the agency's time zone is in the timetable of a day."""
    rough = PositionReader((), UTC).file(positions)
    if not rough:
        raise ConfigError("--positions", f"{positions} has no position")
    first, last = (datetime.fromtimestamp(rough[end].measured_ns / 1e9, UTC).date() for end in (0, -1))
    feeds = _feeds(gtfs, [first + timedelta(days=number) for number in range(-1, (last - first).days + 2)])
    trips = frozenset(trip for feed in feeds.values() for trip in feed.network.trips)
    reader = PositionReader(trips, ZoneInfo(next(iter(feeds.values())).time_zone))
    recorded = reader.file(positions)
    typer.echo(f"{len(recorded)} positions {dict(reader.notes)}", err=True)
    found = {day: (feed, list(of_day(feed.network, recorded))) for day, feed in feeds.items()}
    return {day: part for day, part in found.items() if part[1]}


def _feeds(gtfs: Path, days: list[date]) -> dict[date, GtfsFeed]:
    """Of those days on which there is service."""
    feeds: dict[date, GtfsFeed] = {}
    wrong: list[ConfigError] = []
    for day in days:
        try:
            feeds[day] = read_gtfs(gtfs, day)
        except ConfigError as error:
            wrong.append(error)
    if not feeds:
        raise wrong[0]
    return feeds


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


def _scored(scorer: Path, truth: Path, predictions: Path) -> str:
    if not scorer.is_file():
        raise ConfigError("--scorer", f"{scorer} is no file")
    done = subprocess.run([sys.executable, scorer, truth, predictions], capture_output=True, text=True, check=False)  # noqa: S603 - the operator's own
    if done.returncode:
        raise ConfigError("--truth", done.stderr.strip().splitlines()[-1])
    return done.stdout.rstrip()
