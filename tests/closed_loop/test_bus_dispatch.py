"""Dispatch on the generated corridor: orders reach drivers, most are obeyed, and buses run more evenly for it."""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise

import pytest

from v2x.sim.bus_corridor import write_corridor
from v2x.sim.scenario import read_xml

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")
END_S = 2700


def play(folder, name, *words):
    stops = folder / f"{name}.xml"
    given = (
        "--control",
        "program",
        "--dwell",
        "8+2",
        "--jitter",
        "75",
        "--seed",
        "1",
        "--end",
        f"{END_S}",
        "--stops",
        str(stops),
        "--json",
    )
    command = [sys.executable, "-m", "v2x", "sim", str(folder / "town"), *given, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout), stops


def headway_cv(stops):
    """Mean over lines, directions and stops of the standard deviation of the headways over their mean."""
    left_s = defaultdict(list)
    for call in read_xml(stops).iter("stopinfo"):
        left_s[call.get("id").split(".")[0], call.get("busStop")].append(float(call.get("ended")))
    gaps = [[after - before for before, after in pairwise(times)] for times in map(sorted, left_s.values())]
    return statistics.fmean(statistics.pstdev(gap) / statistics.fmean(gap) for gap in gaps if len(gap) > 4)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corridor")
    write_corridor(folder / "town", seed=1)
    return folder


def test_orders_flow_and_buses_run_more_evenly(town):
    plain, stops = play(town, "plain")
    told, dispatched = play(town, "dispatched", "--dispatch")
    assert "dispatch" not in plain
    states = told["dispatch"]["states"]
    sent, acknowledged, carried_out = (
        sum(kind.get(name, 0) for kind in states.values()) for name in ("SENT", "ACKNOWLEDGED", "CARRIED_OUT")
    )
    assert sent >= acknowledged > 0.5 * sent
    assert acknowledged >= carried_out > 0.3 * acknowledged
    assert headway_cv(dispatched) < 0.9 * headway_cv(stops)


def test_dispatch_without_a_dwell_is_refused_in_a_sentence(town):
    command = [sys.executable, "-m", "v2x", "sim", str(town / "town"), "--control", "program", "--dispatch"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--dwell" in done.stderr
