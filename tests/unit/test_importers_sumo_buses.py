"""Buses of a SUMO scenario as a bus network: a straight road of 1,000 m with two stops, driven by all kinds of entries."""

from pathlib import Path

import numpy as np
import pytest

from v2x.importers.sumo_buses import read_bus_network
from v2x.importers.sumo_xml import read_network

NET = """<net><location netOffset="-500000.00,0.00" convBoundary="0,0,1000,0" origBoundary="0,0,0,0"
 projParameter="+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +units=m +no_defs"/>
<edge id="a" from="A" to="B"><lane id="a_0" index="0" allow="pedestrian" speed="14" length="500" shape="0,-5 500,-5"/>
<lane id="a_1" index="1" speed="14" length="500" shape="0,0 500,0"/></edge>
<edge id="b" from="B" to="C"><lane id="b_0" index="0" speed="14" length="500" shape="500,0 1000,0"/></edge>
<junction id="A" type="dead_end" x="0" y="0" incLanes="" intLanes="" shape="0,0"/>
<junction id="B" type="priority" x="500" y="0" incLanes="a_1" intLanes="" shape="500,0"/>
<junction id="C" type="dead_end" x="1000" y="0" incLanes="b_0" intLanes="" shape="1000,0"/>
<connection from="a" to="b" fromLane="1" toLane="0" dir="s" state="M"/></net>"""
STOPS = """<add><busStop id="s1" lane="a_1" startPos="180" endPos="200" name="Mill"/>
<busStop id="s2" lane="b_0" startPos="-120" endPos="-100"/></add>"""
CALLS = '<stop busStop="s1" until="60"/><stop busStop="s2" until="180"/>'
ROUTE = f'<route id="r" edges="a b">{CALLS}</route>'


def network(tmp_path: Path, *buses: str, stops: str = STOPS):
    files = {"net.xml": NET, "stops.xml": stops, "routes.xml": f"<routes>{ROUTE}{''.join(buses)}</routes>"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return read_bus_network(read_network(tmp_path / "net.xml"), [tmp_path / "routes.xml"], [tmp_path / "stops.xml"])


def test_a_flow_is_a_line_with_a_timetable_from_its_departures(tmp_path):
    found, notes = network(tmp_path, '<flow id="f" line="7" route="r" begin="100" end="1300" period="600"/>')
    assert not notes
    assert {id: trip.departure_s.tolist() for id, trip in found.trips.items()} == {"f.0": [160.0, 280.0], "f.1": [760.0, 880.0]}
    (pattern,) = found.patterns.values()
    assert (pattern.line, pattern.stops) == ("7", ("s1", "s2"))
    assert pattern.stop_m == pytest.approx([200.0, 900.0], abs=1.5)  # UTM grid metres against metres on the ground
    assert found.control_stops == {pattern.id: (0,)}
    assert found.headway_lines == {"7"}
    assert found.stops["s1"].name == "Mill"


def test_a_line_whose_buses_do_not_wait_before_their_first_stop_has_no_terminal_here(tmp_path):
    late = '<vehicle id="v" line="9" depart="-30"><route edges="a b"/>' + CALLS.replace("60", "20") + "</vehicle>"
    found, _ = network(tmp_path, '<flow id="f" line="7" route="r" begin="100" end="1300" period="600"/>', late)
    assert found.through_lines == {"9"}


def test_a_line_with_few_buses_is_run_by_its_timetable(tmp_path):
    found, _ = network(tmp_path, '<flow id="f" line="7" route="r" begin="0" period="900" number="3"/>')
    assert list(found.trips) == ["f.0", "f.1", "f.2"]
    assert not found.headway_lines


def test_a_vehicle_with_stops_of_its_own_has_absolute_times(tmp_path):
    found, notes = network(tmp_path, f'<vehicle id="v" line="9" depart="50"><route edges="a b"/>{CALLS}</vehicle>')
    assert not notes
    assert found.trips["v"].departure_s.tolist() == [60.0, 180.0]


@pytest.mark.parametrize(
    ("bus", "note"),
    [
        ('<vehicle id="v" line="9" depart="0" route="lost"/>', "bus_without_route"),
        ('<vehicle id="v" line="9" depart="0"><route edges="a b"/><stop busStop="s1" until="9"/></vehicle>', "bus_without_stops"),
        (
            '<vehicle id="v" line="9" depart="0"><route edges="a b"/><stop busStop="s1"/><stop busStop="s2"/></vehicle>',
            "bus_without_timetable",
        ),
        ('<vehicle id="v" line="9" depart="triggered" route="r"/>', "bus_without_departure"),
        ('<flow id="v" line="9" begin="0" end="9" period="soon" route="r"/>', "bus_without_departure"),
        (f'<vehicle id="v" line="9" depart="0"><route edges="a z"/>{CALLS}</vehicle>', "bus_on_unknown_road"),
        ('<vehicle id="v" line="9" depart="0"><route edges="a"/>' + CALLS.replace("s2", "s9") + "</vehicle>", "bus_at_unknown_stop"),
    ],
)
def test_a_bus_that_cannot_be_read_is_left_out_by_name_and_the_others_stay(tmp_path, bus, note):
    found, notes = network(tmp_path, bus, '<vehicle id="good" line="7" depart="0" route="r"/>')
    assert list(found.trips) == ["good"]
    assert dict(notes) == {note: 1}


def test_who_is_of_no_line_is_no_bus(tmp_path):
    found, notes = network(tmp_path, '<vehicle id="car" depart="0" route="r"/>')
    assert not found.trips
    assert not notes


def test_a_stop_without_a_place_is_left_out_by_name(tmp_path):
    found, notes = network(tmp_path, stops=STOPS.replace('lane="a_1"', 'lane="z_0"'))
    assert list(found.stops) == ["s2"]
    assert dict(notes) == {"stop_without_place": 1}
    assert np.isfinite([found.stops["s2"].latitude_deg, found.stops["s2"].longitude_deg]).all()
