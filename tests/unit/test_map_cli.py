"""`v2x map` as its users type it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from intersections.map_json import dumps, load, loads
from tests.small_network import SIGNALISED
from v2x.cli.map import map_app, notes, summary
from v2x.district import example_map_text
from v2x.errors import ConfigError
from v2x.importers.four_arms import four_arm_crossing


@pytest.fixture
def run():
    def invoke(*words):
        return CliRunner().invoke(map_app, [str(word) for word in words], catch_exceptions=False)

    return invoke


@pytest.fixture
def example(tmp_path):
    path = tmp_path / "example.json"
    path.write_text(example_map_text())
    return path


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "town.net.xml"
    path.write_text(SIGNALISED)
    return path


def test_the_packaged_example_is_what_its_rule_makes():
    assert example_map_text() == dumps(four_arm_crossing())


def test_the_packaged_example_is_on_jiangxinzhou_and_knows_no_priority():
    map = loads(example_map_text())
    assert (map.id, map.region, len(map.lanes), len(map.connections), len(map.crossings)) == ("example", "district", 8, 12, 4)
    assert {connection.priority for connection in map.connections} == {"equal"}
    assert all(connection.signal_group == "" and connection.yields_to == () for connection in map.connections)


def test_import_writes_our_map_and_says_what_is_in_it(run, network, tmp_path):
    out = tmp_path / "north.json"
    result = run("import", network, "--out", out, "--origin", "32.03,118.69", "--id", "north", "--region", "island", "--radius", 150)
    assert result.exit_code == 0
    assert result.stdout.startswith("island/north at 32.03")
    assert "signal groups  3" in result.stdout
    map = load(out)
    assert (map.id, map.region) == ("north", "island")
    assert "far_0" not in map.lane


def test_import_of_a_map_message(run, tmp_path):
    line = [{"delta": {"nodeXY1": {"x": 0, "y": -500}}}, {"delta": {"nodeXY1": {"x": 0, "y": -500}}}]
    use = {"directionalUse": {"ingressPath": True}, "laneType": {"vehicle": {}}}
    geometry = {"id": {"id": 7}, "refPoint": {"latitude": 32.0, "longitude": 118.0}, "laneWidth": 350}
    geometry["laneSet"] = [{"laneID": 1, "laneAttributes": use, "nodeList": {"nodes": line}}]
    (tmp_path / "message.json").write_text(json.dumps({"intersections": [geometry]}))
    result = run("import", tmp_path / "message.json", "--out", tmp_path / "out.json")
    assert result.exit_code == 0
    assert "note: no connections" in result.stdout
    assert load(tmp_path / "out.json").id == "7"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--origin", "north"), "--origin: 'north' is not LAT,LON"),
        (("--origin", "118.69,32.03"), "--origin: '118.69,32.03' is not on the earth"),
        ((), "map import: the network has no projection"),
        (("--junction", "Q", "--origin", "32,118"), "map import: junction 'Q' is not in the network"),
    ],
)
def test_an_import_that_cannot_work_names_what_to_change(run, network, tmp_path, words, message):
    with pytest.raises(ConfigError, match=message):
        run("import", network, "--out", tmp_path / "out.json", *words)
    assert not (tmp_path / "out.json").exists()


def test_show_is_geojson_about_the_origin(run, example):
    shown = json.loads(run("show", example).stdout)
    assert (shown["type"], shown["intersection"]) == ("FeatureCollection", "example")
    kinds = [feature["properties"]["element"] for feature in shown["features"]]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"lane": 8, "connection": 12, "stop_line": 4, "crossing": 4, "zone": 52}
    ids = [feature["id"] for feature in shown["features"]]
    assert len(set(ids)) == len(ids)
    for feature in shown["features"]:
        points = feature["geometry"]["coordinates"]
        for longitude, latitude in points if feature["geometry"]["type"] == "LineString" else [points]:
            assert abs(longitude - 118.69) < 0.0017
            assert abs(latitude - 32.03) < 0.0014


def test_stop_lines_lie_across_the_ends_of_their_lanes(run, example):
    """The northern ingress ends 12 m north of the centre, 3.5 m wide: 1 m is 1.0587e-5 degrees of longitude here."""
    shown = json.loads(run("show", example).stdout)
    (stop,) = [feature for feature in shown["features"] if feature["id"] == "stop_line/north.in@138"]
    (west, south), (east, north) = sorted(stop["geometry"]["coordinates"])
    assert abs(south - north) < 2e-8
    assert (east - west) / 1.0587e-5 == pytest.approx(3.5, abs=0.01)
    assert (south - 32.03) * 110887 == pytest.approx(12.0, abs=0.01)


def test_show_into_a_file(run, example, tmp_path):
    assert run("show", example, "--geojson", tmp_path / "out.geojson").stdout == ""
    assert json.loads((tmp_path / "out.geojson").read_text())["type"] == "FeatureCollection"
    with pytest.raises(ConfigError, match="--geojson"):
        run("show", example, "--geojson", tmp_path / "no" / "such.geojson")


def test_check_says_what_is_in_a_valid_map(run, example):
    lines = run("check", example).stdout.splitlines()
    assert lines[0] == "district/example at 32.0300000, 118.6900000, reaching 150 m"
    assert lines[2:] == ["connections    12 (12 equal)", "crossings      4", "conflict zones 52", "signal groups  0"]


def test_check_refuses_an_invalid_map_in_one_sentence(example):
    broken = example_map_text().replace('"egress": "south.out"', '"egress": "nowhere"', 1)
    example.write_text(broken)
    ended = subprocess.run([sys.executable, "-m", "v2x", "map", "check", str(example)], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "egress lane 'nowhere' is unknown" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_odd_maps_are_noted():
    text = json.loads(example_map_text()) | {"signal_groups": ["g1"]}
    text["connections"][0]["path_m"].insert(1, [-1.75, 20.0])
    map = loads(json.dumps(text))
    assert list(notes(map)) == ["signal group 'g1' rules nothing", "connection 'north-left' bends by 179 degrees at one vertex"]
    assert summary(map)[-1].startswith("note: ")


@pytest.mark.parametrize("words", [("--help",), ("import", "--help"), ("show", "--help"), ("check", "--help")])
def test_help_has_examples(run, words):
    result = run(*words)
    assert result.exit_code == 0
    assert "Examples" in result.stdout
    assert "v2x map" in result.stdout


def test_the_client_of_the_readme_has_twenty_lines():
    text = (Path(__file__).resolve().parents[2] / "examples/rsu_client.py").read_text()
    code = [line for line in text.splitlines() if line.strip() and not line.startswith('"""')]
    assert len(code) == 20
