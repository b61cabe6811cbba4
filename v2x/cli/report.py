"""`v2x report`: one day's bus service from its timetable and positions, as a page."""

from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from intersections.buses.figures import ServiceRecord
from intersections.buses.matching import Matcher
from v2x.cli import application
from v2x.errors import ConfigError
from v2x.importers.gtfs import read_gtfs
from v2x.importers.vehicle_positions import PositionReader
from v2x.service_report import report_page

report_app = application()

EXAMPLES = """
Examples:

  v2x report --gtfs gtfs.zip --positions positions.csv.gz --day 2024-05-15 --out report.html
"""


@report_app.command(epilog=EXAMPLES)
def report_command(
    gtfs: Annotated[Path, typer.Option(help="The timetable: a GTFS folder or zip.")],
    positions: Annotated[Path, typer.Option(help="GTFS-RT VehiclePositions: a message, a .csv or .csv.gz, or a folder of them.")],
    day: Annotated[str, typer.Option(help="The service day, YYYY-MM-DD.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
) -> None:
    """Match a day's positions to the timetable and report the service as riders had it."""
    service_day = _day(day)
    feed = read_gtfs(gtfs, service_day)
    reader = PositionReader(feed.network.trips, ZoneInfo(feed.time_zone))
    reports = reader.file(positions)
    if not reports:
        raise ConfigError("--positions", f"nothing in {positions} could be read: {dict(+reader.notes)}")
    record = ServiceRecord(feed.network)
    step = Matcher(feed.network).step(reports, reports[-1].measured_ns)
    record.observe(step.calls)
    out.write_text(report_page(feed.network, record, service_day, feed.notes + reader.notes + step.verdicts), encoding="utf-8")
    typer.echo(f"{len(reports)} positions, {len(step.calls)} stop calls of {len(record.calls())} trips: {out}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError("--day", f"{text!r} is no day such as 2024-05-15") from error
