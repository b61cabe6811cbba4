"""`v2x report` from files to page."""

from datetime import UTC, datetime

import pytest

pytest.importorskip("google.transit.gtfs_realtime_pb2", reason="gtfs-realtime-bindings is not installed: make install")

from typer.testing import CliRunner

from tests.unit.test_importers_gtfs import FEED
from v2x.cli.report import report_app
from v2x.errors import ConfigError

EIGHT = datetime(2024, 5, 15, 6, tzinfo=UTC).timestamp()  # 08:00 in Rome


@pytest.fixture
def files(tmp_path):
    feed = tmp_path / "gtfs"
    feed.mkdir()
    for name, text in FEED.items():
        (feed / f"{name}.txt").write_text(text)
    rows = [f"bus,{EIGHT + 10 * tick:.0f},44.5,{11.30 + tick * 0.02 / 60:.6f},t1" for tick in range(61)]
    (tmp_path / "positions.csv").write_text("vehicle_id,timestamp,latitude,longitude,trip_id\n" + "\n".join(rows))
    return tmp_path


def run(folder, *more, day="2024-05-15"):
    words = ["--gtfs", f"{folder}/gtfs", "--positions", f"{folder}/positions.csv", "--day", day, "--out", f"{folder}/page.html", *more]
    return CliRunner().invoke(report_app, words)


def test_a_day_of_one_bus(files):
    result = run(files)
    assert result.exit_code == 0
    assert result.stdout.startswith("61 positions")
    assert "of 1 trips" in result.stdout
    page = (files / "page.html").read_text()
    assert "<td>r1 0</td><td>3</td><td>100.0</td>" in page
    assert "pattern_without_shape" in page


@pytest.mark.parametrize("wrong", [{"day": "tomorrow"}, {"day": "2024-05-18"}])
def test_what_cannot_be_reported_is_said_in_a_sentence(files, wrong):
    assert isinstance(run(files, **wrong).exception, ConfigError)


def test_positions_of_which_none_can_be_read_are_refused(files):
    (files / "positions.csv").write_text("vehicle_id,timestamp\n")
    assert isinstance(run(files).exception, ConfigError)
