"""The corridor of two lines that the demo plays: as its few lines say, the same for the same seed, and SUMO carries its riders."""

import importlib.util
import math
import os
import subprocess
import sys
from collections import defaultdict

import pytest

from v2x.importers.georeference import geodetic_from_plane
from v2x.importers.sumo_buses import read_bus_network
from v2x.importers.sumo_xml import read_network
from v2x.sim.bus_corridor import HEADWAY_S, LINE_OFFSET_S, LINES, ORIGIN_DEG, calls, write_corridor
from v2x.sim.scenario import read_inputs, read_xml, sumo_home

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")
BEGUN_S, END_S = 1200.0, 2400.0


def test_six_lights_fourteen_stops_two_lines_at_a_place_on_earth(tmp_path):
    inputs = read_inputs(write_corridor(tmp_path, seed=1))
    network = read_network(inputs["net-file"][0])
    stops = {stop.get("id"): stop.get("lane") for stop in read_xml(inputs["additional-files"][0]).iter("busStop")}
    assert len({connection.tl for connection in network.connections if connection.tl}) == 6
    assert len(stops) == 14
    assert {line for line, _ in LINES} == {"1", "2"}
    latitude, longitude = geodetic_from_plane(network.projection, None)(network.offset_m[0], network.offset_m[1])
    assert (math.degrees(latitude), math.degrees(longitude)) == pytest.approx(ORIGIN_DEG)


def test_a_seed_is_a_scenario(tmp_path):
    first, again, other = (
        {path.name: path.read_text() for path in write_corridor(tmp_path / name, seed).parent.glob("*.rou.xml")}
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert first["riders.rou.xml"] != other["riders.rou.xml"]


def test_it_is_read_as_two_lines_run_by_headway(tmp_path):
    inputs = read_inputs(write_corridor(tmp_path, seed=1))
    network, notes = read_bus_network(read_network(inputs["net-file"][0]), inputs["route-files"], inputs["additional-files"])
    assert not notes
    assert network.headway_lines == {"1", "2"}
    assert len(network.patterns) == len(LINES)
    first, second = network.trips["bus_1east.0"], network.trips["bus_1east.1"]
    assert (second.departure_s - first.departure_s).tolist() == [HEADWAY_S] * 6


def test_buses_serve_all_their_stops_and_riders_arrive(tmp_path):
    configuration = write_corridor(tmp_path, seed=1)
    outputs = ["--stop-output", "stops.xml", "--tripinfo-output", "trips.xml"]
    words = ["-c", configuration.name, "--end", f"{END_S:g}", "--no-step-log", "--no-warnings", *outputs]
    subprocess.run([str(sumo_home() / "bin" / "sumo"), *words], cwd=tmp_path, check=True, capture_output=True)
    served = defaultdict(list)
    for call in read_xml(tmp_path / "stops.xml").iter("stopinfo"):
        served[call.get("id")].append(call.get("busStop"))
    begun = [bus for bus in read_xml(tmp_path / "buses.rou.xml").iter("vehicle") if float(bus.get("depart")) < BEGUN_S]
    assert len(begun) > 8
    for bus in begun:
        line, direction = next(key for key in LINES if bus.get("id").startswith(f"bus_{key[0]}{key[1]}"))
        assert served[bus.get("id")] == [call.road for call in calls(line, direction)]
    rides = list(read_xml(tmp_path / "trips.xml").iter("ride"))
    assert len(rides) > 200
    assert all(ride.get("vehicle").startswith("bus_") for ride in rides)


def test_no_timetable_holds_a_bus_but_its_layover(tmp_path):
    write_corridor(tmp_path, seed=1)
    words = ["sim", str(tmp_path), "--control", "program", "--end", "600", "--dwell", "8+2", "--stops", str(tmp_path / "stops.xml")]
    subprocess.run([sys.executable, "-m", "v2x", *words], check=True, capture_output=True)
    left_s = [float(call.get("ended")) for call in read_xml(tmp_path / "stops.xml").iter("stopinfo") if call.get("id") == "bus_1east.0"]
    assert left_s[0] == pytest.approx(LINE_OFFSET_S["1"], abs=1.0)
    assert len(left_s) == 6
    assert left_s[5] < LINE_OFFSET_S["1"] + calls("1", "east")[5].after_s
