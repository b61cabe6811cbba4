"""A bus of a line on a straight road with three stops: it stands 8 s and 2 s for each who boards, whatever its timetable says."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from v2x.sim.scenario import read_xml

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")

ROUTES = """<routes>
  <vType id="bus" vClass="bus" length="12"/>
  <route id="line" edges="A0B0 B0C0 C0D0">{stops}</route>
  <flow id="bus" type="bus" route="line" line="7" begin="0" end="300" period="120" departPos="0"/>
  {persons}
</routes>"""


def _scenario(folder: Path) -> None:
    import sumo

    network = [f"{sumo.SUMO_HOME}/bin/netgenerate", "--grid", "--grid.x-number", "4", "--grid.y-number", "1", "--grid.length", "300"]
    subprocess.run([*network, "-o", str(folder / "road.net.xml")], check=True, capture_output=True)
    lanes = {"a": "A0B0_0", "b": "B0C0_0", "c": "C0D0_0"}
    places = "".join(f'<busStop id="{stop}" lane="{lane}" startPos="150" endPos="180"/>' for stop, lane in lanes.items())
    (folder / "stops.add.xml").write_text(f"<additional>{places}</additional>")
    calls = "".join(f'<stop busStop="{stop}" until="{until}"/>' for stop, until in zip("abc", (200, 400, 600), strict=True))
    persons = "".join(
        f'<person id="{number}" depart="0"><stop busStop="a" duration="1"/><ride busStop="{goal}" lines="7"/></person>'
        for number, goal in enumerate("bccc")
    )
    (folder / "line.rou.xml").write_text(ROUTES.format(stops=calls, persons=persons))
    inputs = {"net-file": "road.net.xml", "route-files": "line.rou.xml", "additional-files": "stops.add.xml"}
    words = "".join(f'<{name} value="{value}"/>' for name, value in inputs.items())
    (folder / "run.sumocfg").write_text(f"<configuration><input>{words}</input></configuration>")


def test_dwell_is_fixed_and_by_boarder_and_no_timetable_holds_the_bus(tmp_path: Path) -> None:
    _scenario(tmp_path)
    stops = tmp_path / "out.xml"
    words = ["-m", "v2x", "sim", str(tmp_path), "--control", "program", "--end", "400", "--dwell", "8+2", "--stops", str(stops)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    calls = [call for call in read_xml(stops).iter("stopinfo") if call.get("id") == "bus.0"]
    stood = {
        call.get("busStop"): (float(call.get("ended", 0)) - float(call.get("started", 0)), int(call.get("loadedPersons", 0)))
        for call in calls
    }
    assert stood == {"a": (16.0, 4), "b": (8.0, 0), "c": (8.0, 0)}
