"""The demo's scenario as it is prepared: nobody rides or walks more often than said, nothing is written beside the original."""

import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from v2x.sim.scenario import ScenarioError, prepare, read_inputs, read_xml, seconds, sumo_home

try:
    SHIPPED = sumo_home() / "tools" / "game" / "fokr_bs_demo.sumocfg"
except ScenarioError:
    SHIPPED = None
needs_sumo = pytest.mark.skipif(SHIPPED is None and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")


def listing(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in folder.rglob("*")}


@needs_sumo
def test_each_bicycle_rides_once_and_pedestrians_come_every_150_s(tmp_path):
    before = listing(SHIPPED.parent)
    scenario = prepare(None, tmp_path)
    assert listing(SHIPPED.parent) == before
    bicycles, walkers, motor = (read_xml(path) for path in read_inputs(scenario.configuration)["route-files"])
    assert {element.tag for element in bicycles} == {"trip"}
    assert len({element.get("id") for element in bicycles}) == len(bicycles) == 152
    departures = [float(element.get("depart")) for element in bicycles]
    assert departures == sorted(departures)
    assert {element.get("period") for element in walkers} == {"150"}
    assert len(motor) == 2325


@needs_sumo
def test_the_configuration_keeps_what_was_chosen_for_this_crossing(tmp_path):
    scenario = prepare(None, tmp_path)
    root = read_xml(scenario.configuration)
    values = {element.tag: element.get("value") for element in root.iter() if element.get("value") is not None}
    assert values["step-length"] == "0.1"
    assert values["insertion-checks"] == "collision leaderGap followerGap stop arrivalSpeed speedLimit pedestrian"
    assert (scenario.begin_s, scenario.end_s) == (54000.0, 57600.0)
    assert any("2,325 motor trips" in text for text in scenario.provenance)
    assert all(text.split(":")[0] in ("recorded", "synthetic", "simulated") for text in scenario.provenance)


def configuration(folder, **options):
    root = ET.Element("sumoConfiguration")
    for name, value in options.items():
        ET.SubElement(root, name.replace("_", "-"), value=value)
    path = folder / "any.sumocfg"
    ET.ElementTree(root).write(path)
    return path


def test_any_configuration_or_its_folder_is_played_as_it_is(tmp_path):
    path = configuration(tmp_path, net_file="one.net.xml", begin="0:01:30", end="600")
    for source in (path, tmp_path):
        scenario = prepare(source, tmp_path / "run")
        assert scenario.configuration == path
        assert scenario.network == tmp_path / "one.net.xml"
        assert (scenario.begin_s, scenario.end_s) == (90.0, 600.0)


@pytest.mark.parametrize("content", ["", "<sumoConfiguration/>", "no xml"])
def test_a_configuration_without_a_network_is_refused_by_name(tmp_path, content):
    path = tmp_path / "bad.sumocfg"
    path.write_text(content)
    with pytest.raises(ScenarioError, match=r"bad\.sumocfg"):
        prepare(path, tmp_path / "run")


def test_a_folder_without_a_configuration_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match=r"expected a \.sumocfg"):
        prepare(tmp_path, tmp_path / "run")


@pytest.mark.parametrize(("text", "expected"), [("15:0:0", 54000.0), ("1:00:00:01", 86401.0), ("12.5", 12.5)])
def test_times_are_read_as_sumo_writes_them(text, expected):
    assert seconds(text) == expected


@needs_sumo
def test_a_relative_folder_is_as_good_as_an_absolute_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scenario = prepare(None, Path("state/scenario"))
    routes = [file.get("value").split(",") for file in read_xml(scenario.configuration).iter("route-files")]
    assert [Path(name).is_absolute() and Path(name).is_file() for name in routes[0]] == [True] * 3
