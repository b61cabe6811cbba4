"""Departures off time: who departs is the same, when is drawn by name and seed, and the file stays sorted for SUMO."""

import pytest

from v2x.sim.bus_jitter import with_jitter
from v2x.sim.scenario import read_xml

BUSES = '<flow id="f" line="7" type="bus" route="r" begin="0" end="1200" period="60"/><vehicle id="v" line="9" depart="300" route="r"/>'
CARS = '<vType id="bus"/><route id="r" edges="a b"/><trip id="c1" depart="10"/><flow id="c2" begin="400" end="500" period="9"/>'


@pytest.fixture
def routes(tmp_path):
    path = tmp_path / "town.rou.xml"
    path.write_text(f"<routes>{CARS}{BUSES}</routes>", encoding="utf-8")
    return path


def departs(path):
    return {element.get("id"): float(element.get("depart")) for element in read_xml(path) if element.get("line")}


def test_each_bus_departs_off_its_time_by_as_much_as_was_asked_for(routes, tmp_path):
    drawn = departs(with_jitter(routes, tmp_path, 5.0, 1, 0.0))
    planned = {f"f.{row}": 60.0 * row for row in range(20)} | {"v": 300.0}
    assert drawn.keys() == planned.keys()
    off_s = [drawn[name] - planned[name] for name in planned]
    assert 2.5 < (sum(one**2 for one in off_s) / len(off_s)) ** 0.5 < 7.5
    assert min(drawn.values()) >= 0.0


def test_the_seed_alone_decides(routes, tmp_path):
    assert departs(with_jitter(routes, tmp_path, 30.0, 1, 0.0)) == departs(with_jitter(routes, tmp_path, 30.0, 1, 0.0))
    assert departs(with_jitter(routes, tmp_path, 30.0, 1, 0.0)) != departs(with_jitter(routes, tmp_path, 30.0, 2, 0.0))


def test_everything_else_stays_and_is_sorted_by_departure(routes, tmp_path):
    root = read_xml(with_jitter(routes, tmp_path, 200.0, 1, 0.0))
    assert [element.get("id") for element in root if element.tag in ("vType", "route")] == ["bus", "r"]
    times_s = [float(element.get("depart") or element.get("begin")) for element in root[2:]]
    assert times_s == sorted(times_s)
    assert {"c1", "c2"} <= {element.get("id") for element in root}
    assert all(element.get("route") == "r" and element.get("period") is None for element in root if element.get("line"))


def test_a_file_without_buses_is_used_where_it_is(tmp_path):
    path = tmp_path / "cars.rou.xml"
    path.write_text(f"<routes>{CARS}</routes>", encoding="utf-8")
    assert with_jitter(path, tmp_path, 30.0, 1, 0.0) == path
