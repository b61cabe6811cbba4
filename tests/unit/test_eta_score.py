"""`v2x eta-score` on a small feed: what it predicts, which day it takes, and what it says where it cannot."""

import csv
import gzip
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from v2x.cli.eta_score import eta_score_app
from v2x.errors import ConfigError

STOPS, BETWEEN_S, DEGREES = 8, 120, 0.005  # of latitude, 556 m
TRUTH = "trip_id,route,stop_idx,dist_m,sched_s,actual_s"
SCORER = """
import sys, csv
rows = list(csv.DictReader(open(sys.argv[2])))
print("scored", len(rows))
"""


def feed(folder: Path) -> Path:
    folder.mkdir()
    tables = {
        "agency": ["agency_id,agency_name,agency_url,agency_timezone", "1,A,http://a.test,Europe/Paris"],
        "routes": ["route_id,route_short_name,route_type", "7,7,3"],
        "calendar": [
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
            "d,1,1,1,1,1,1,1,20260101,20261231",
        ],
        "stops": ["stop_id,stop_name,stop_lat,stop_lon", *(f"s{row},S{row},{48 + DEGREES * row},2.0" for row in range(STOPS))],
        "trips": ["route_id,service_id,trip_id", "7,d,early", "7,d,night"],
        "stop_times": [
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence",
            *(f"early,08:{2 * row:02d}:00,08:{2 * row:02d}:00,s{row},{row}" for row in range(STOPS)),
            *(f"night,24:{2 * row:02d}:00,24:{2 * row:02d}:00,s{row},{row}" for row in range(STOPS)),
        ],
    }
    for name, lines in tables.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder


def positions(path: Path, trip: str, begin: datetime) -> Path:
    """A bus on time, once a minute."""
    with gzip.open(path, "wt", newline="") as file:
        out = csv.writer(file)
        out.writerow(["vehicle_id", "timestamp", "trip_id", "route_id", "latitude", "longitude", "speed"])
        for minute in range(2 * STOPS - 1):
            out.writerow(["b", begin.timestamp() + 60 * minute, trip, "7", 48 + DEGREES * minute / 2, 2.0, 4.6])
    return path


def predicted(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(*words: object) -> str:
    result = CliRunner().invoke(eta_score_app, [str(word) for word in words])
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.mark.parametrize(
    ("trip", "begin", "zero_s"),
    [
        ("early", datetime(2026, 5, 4, 6, tzinfo=UTC), 28_800),  # 8 o'clock in Paris
        ("night", datetime(2026, 5, 4, 22, tzinfo=UTC), 86_400),  # midnight in Paris: of the service day before
    ],
)
def test_a_bus_on_time_is_predicted_by_the_clock_of_its_service_day(tmp_path, trip, begin, zero_s):
    out = tmp_path / "out.csv"
    run("--gtfs", feed(tmp_path / "gtfs"), "--positions", positions(tmp_path / "p.csv.gz", trip, begin), "--predictions", out)
    rows = [row for row in predicted(out) if row["trip_id"] == trip]
    assert len(rows) > STOPS
    for row in rows:
        due_s = zero_s + BETWEEN_S * int(row["stop_idx"])
        assert float(row["made_at_s"]) <= float(row["p10_s"]) <= float(row["predicted_s"]) <= float(row["p90_s"])
        assert abs(float(row["predicted_s"]) - due_s) < 60.0


def test_the_scorer_gets_truth_and_predictions(tmp_path):
    scorer, truth = tmp_path / "score.py", tmp_path / "truth.csv"
    scorer.write_text(SCORER)
    truth.write_text(f"{TRUTH}\nearly,7,0,0,28800,28800\n")
    recorded = positions(tmp_path / "p.csv.gz", "early", datetime(2026, 5, 4, 6, tzinfo=UTC))
    output = run("--gtfs", feed(tmp_path / "gtfs"), "--positions", recorded, "--truth", truth, "--scorer", scorer)
    assert int(output.split("scored ")[1].split()[0]) > STOPS


@pytest.mark.parametrize(("reports_of_last", "scored"), [(9, 5), (3, 4)])  # of 15 on the day before
def test_the_last_day_is_scored_unless_it_is_torn_off(tmp_path, reports_of_last, scored):
    """When the last prediction was made tells of which day it was; it is said, as a truth of the other one would fit as well."""
    lines = ["vehicle_id,timestamp,trip_id,latitude,longitude"]
    for day, count in ((4, 2 * STOPS - 1), (5, reports_of_last)):
        begin_s = datetime(2026, 5, day, 6, tzinfo=UTC).timestamp()
        lines += [f"b,{begin_s + 60 * row},early,{48 + DEGREES * row / 2},2.0" for row in range(count)]
    (tmp_path / "p.csv").write_text("\n".join(lines))
    out = tmp_path / "out.csv"
    told = run("--gtfs", feed(tmp_path / "gtfs"), "--positions", tmp_path / "p.csv", "--predictions", out)
    assert f"scored: 2026-05-0{scored}; a truth of another day with positions (2026-05-0{9 - scored}) needs --date" in told
    ends_s = 28_800 + 60 * ((reports_of_last if scored == 5 else 2 * STOPS - 1) - 1)
    assert abs(max(float(row["made_at_s"]) for row in predicted(out)) - ends_s) <= 120.0


def test_a_day_without_positions_is_refused_with_those_there_are(tmp_path):
    recorded = positions(tmp_path / "p.csv.gz", "early", datetime(2026, 5, 4, 6, tzinfo=UTC))
    with pytest.raises(ConfigError, match=str(date(2026, 5, 4))):
        run("--gtfs", feed(tmp_path / "gtfs"), "--positions", recorded, "--predictions", tmp_path / "out.csv", "--date", "2026-06-01")


@pytest.mark.parametrize(
    ("flag", "name", "content", "told"),
    [
        ("--positions", "none.csv", None, "none.csv: it cannot be read"),
        ("--positions", "empty.csv", b"", "no column for vehicle_id, timestamp, latitude, longitude: it is empty"),
        ("--positions", "other.csv", b"when,where\n1,2\n", "its columns are when, where"),
        ("--positions", "bare.csv", b"vehicle_id,timestamp,latitude,longitude\n", "has no position"),
        ("--positions", "torn.csv.gz", gzip.compress(b"vehicle_id\n" * 99)[:20], "cannot be read"),
        ("--positions", "winter.csv", b"vehicle_id,timestamp,latitude,longitude\nv,2031-01-01T12:00:00,48,2\n", "no trip on 2031-01-01"),
        ("--truth", "none.csv", None, "none.csv cannot be read"),
        ("--truth", "empty.csv", b"", "has no column trip_id, stop_idx, sched_s, actual_s"),
        ("--truth", "bare.csv", f"{TRUTH}\n".encode(), "has no arrival"),
        ("--truth", "other.csv", f"{TRUTH}\nx,7,0,0,1,1\n".encode(), "none of its 1 trips runs on 2026-05-04, such as x"),
        ("--gtfs", "none.zip", None, "neither a folder nor a zip"),
        ("--gtfs", "torn.zip", b"PK\x05\x06" + bytes(18), "names no time zone"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path, flag, name, content, told):
    (tmp_path / "score.py").write_text(SCORER)
    truth = tmp_path / "truth.csv"
    truth.write_text(f"{TRUTH}\nearly,7,0,0,28800,28800\n")
    right = {
        "--gtfs": feed(tmp_path / "gtfs"),
        "--positions": positions(tmp_path / "p.csv.gz", "early", datetime(2026, 5, 4, 6, tzinfo=UTC)),
        "--truth": truth,
        "--scorer": tmp_path / "score.py",
    }
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(told)):
        run(*(word for pair in (right | {flag: tmp_path / name}).items() for word in pair))


def test_neither_truth_nor_predictions_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--truth"):
        run("--gtfs", tmp_path, "--positions", tmp_path)
