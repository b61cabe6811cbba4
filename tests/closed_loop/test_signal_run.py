"""`v2x sim --control` as it is typed: where outputs go, what a convention is, that a seed repeats, that a stop loses nothing."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from intersections.samples import PhaseState
from tests.signal_scenes import write_town
from v2x.sim.scenario import read_xml

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = [
    pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')"),
    pytest.mark.timeout(300),  # seconds alone; a busy build machine takes its time
]
GREEN = {PhaseState.PERMISSIVE_MOVEMENT_ALLOWED, PhaseState.PROTECTED_MOVEMENT_ALLOWED}
YELLOW = {PhaseState.PERMISSIVE_CLEARANCE, PhaseState.PROTECTED_CLEARANCE}


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return write_town(tmp_path_factory.mktemp("town"))


def words(town, *options):
    return [sys.executable, "-m", "v2x", "sim", str(town.parent), "--link", "direct", *map(str, options)]


def play(town, *options):
    done = subprocess.run(words(town, "--json", *options), check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def trips(path):
    """Without the head, which holds the time of writing."""
    return [ET.tostring(element) for element in read_xml(path)]


def test_outputs_are_where_they_were_told_to_go_and_nowhere_else(town, tmp_path):
    before = sorted(town.parent.iterdir())
    told = {name: tmp_path / f"{name}.xml" for name in ("tripinfo", "stops", "statistics")}
    town.parent.chmod(0o555)
    try:
        play(town, "--control", "max-pressure", "--end", 60, *(word for name, path in told.items() for word in (f"--{name}", path)))
    finally:
        town.parent.chmod(0o755)
    assert sorted(town.parent.iterdir()) == before
    assert sorted(tmp_path.iterdir()) == sorted(told.values())
    assert {name: read_xml(path).tag for name, path in told.items()} == {
        "tripinfo": "tripinfos", "stops": "stops", "statistics": "statistics",
    }  # fmt: skip


def test_whoever_has_not_arrived_is_in_the_trips(town, tmp_path):
    summary = play(town, "--control", "program", "--end", 40, "--tripinfo", tmp_path / "t.xml")
    arrivals = [float(trip.get("arrival")) for trip in read_xml(tmp_path / "t.xml").iter("tripinfo")]
    assert summary["inside"] > 10
    assert sum(arrival < 0 for arrival in arrivals) >= summary["inside"]


def test_the_shipped_program_under_resco_is_sumo_alone(town, tmp_path):
    from v2x.sim.scenario import sumo_home

    play(town, "--control", "program", "--seed", 3, "--end", 200, "--tripinfo", tmp_path / "ours.xml")
    alone = ["-c", town, "--seed", 3, "--end", 200, "--time-to-teleport", -1, "--tripinfo-output", tmp_path / "alone.xml", "--no-step-log"]
    alone += ["--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted", "--summary-output", tmp_path / "s.xml"]
    alone += ["--log", tmp_path / "log.txt", "--additional-files", _without_detector(town, tmp_path)]
    subprocess.run([str(sumo_home() / "bin" / "sumo"), *map(str, alone)], check=True, capture_output=True)
    assert trips(tmp_path / "ours.xml") == trips(tmp_path / "alone.xml")


def _without_detector(town, folder):
    root = read_xml(town.with_name("town.add.xml"))
    root.remove(root.find("e1Detector"))
    ET.ElementTree(root).write(folder / "town.add.xml")
    return folder / "town.add.xml"


def test_a_seed_repeats_and_another_does_not(town, tmp_path):
    case = ("--control", "max-pressure", "--penetration", 0.5, "--end", 120)
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        play(town, *case, "--seed", seed, "--tripinfo", tmp_path / f"{name}.xml")
    one, again, other = (trips(tmp_path / f"{name}.xml") for name in ("one", "again", "other"))
    assert one == again != other


@pytest.mark.parametrize(("convention", "all_red_s", "least_green_s"), [("resco", 0.0, 5.0), ("safe", 2.0, 7.0)])
def test_a_convention_is_kept_by_the_lamps(town, tmp_path, convention, all_red_s, least_green_s):
    from intersections.signals.conventions import CONVENTIONS
    from v2x.importers.sumo_signals import read_signals

    trace = tmp_path / "trace.jsonl"
    summary = play(town, "--control", "max-pressure", "--convention", convention, "--end", 300, "--trace", trace)
    sites = read_signals(town.with_name("town.net.xml"), [], CONVENTIONS[convention])
    spans = _spans(trace)
    changes = 0
    for site in sites:
        layout = site.layout
        for bit, group in enumerate(layout.groups):
            own = spans[layout.intersection, group.id]
            assert all(end - start == 3.0 for start, end, lamp in own if lamp == "yellow")
            greens = [(start, end) for start, end, lamp in own if lamp == "green"]
            assert all(end - start >= least_green_s for start, end in greens)
            for other in (other for other in range(len(layout.groups)) if layout.conflicts[bit] >> other & 1):
                for start, _, lamp in spans[layout.intersection, layout.groups[other].id]:
                    gaps = [start - end for _, end in greens if end <= start]
                    if lamp == "green" and gaps:
                        assert min(gaps) >= 3.0 + all_red_s
                        changes += 1
    assert changes > 20
    assert summary["modes"]["COMMANDED"] >= 4 * 280
    assert not any("FAULT" in event or "REFUSED" in event for event in summary["events"])


def _spans(trace):
    """(intersection, group) -> [(from, to, lamp)] of finished greens and yellows, s."""
    running, spans = {}, {}
    for text in trace.read_text().splitlines():
        message = json.loads(text)
        for group, state, since, *_ in message["g"]:
            key = message["i"], group
            spans.setdefault(key, [])
            lamp = "green" if state in GREEN else "yellow" if state in YELLOW else "closed"
            before = running.get(key)
            if before and before[1] != lamp:
                if before[1] != "closed" and message["mode"] == "COMMANDED":
                    spans[key].append((before[0] / 1e3, since / 1e3, before[1]))
                running[key] = since, lamp
            running.setdefault(key, (since, lamp))
    return spans


def test_ctrl_c_closes_the_files(town, tmp_path):
    trip_file = tmp_path / "t.xml"
    with subprocess.Popen(
        words(town, "--control", "max-pressure", "--tripinfo", trip_file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        while "inside" not in (text := running.stderr.read(80)):  # the first report of progress
            assert text
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate()
    assert running.returncode == 130
    assert "stopped" in out
    assert any(float(trip.get("arrival")) < 0 for trip in read_xml(trip_file).iter("tripinfo"))


def test_a_scenario_that_is_not_there_is_named():
    done = subprocess.run(words(Path("nowhere/town.sumocfg"), "--control", "adaptive"), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
