"""Bad input against real traffic: vehicles that are not there, neighbours that lie, loops that stick.

One town of four lights, some minutes of cars; what goes wrong goes wrong at one light, for the whole run. Each run in a process of its own.
"""

import importlib.util
import multiprocessing
import os
from dataclasses import dataclass, replace

import numpy as np
import pytest

from intersections.signals.approaches import Observation
from intersections.signals.control import Plan, PlannedDepartures, Shown
from tests.signal_scenes import write_town

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = [
    pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')"),
    pytest.mark.timeout(600),  # a busy build machine takes its time
]
SECONDS = 300
SICK = "A0"
PHANTOMS = 1000
MAX_RED_S = 180.0


def phantoms(seen: Observation, words: tuple) -> tuple[Observation, tuple]:
    """A thousand claims to stand on the lanes of the first approach."""
    rows = np.arange(PHANTOMS)
    lies = {
        "vehicle": rows + 10**6, "lane": (rows % 2).astype(np.int32), "movement": np.zeros(PHANTOMS, np.int32),
        "distance_m": 1.0 + rows % 290, "speed_mps": np.zeros(PHANTOMS), "length_m": np.full(PHANTOMS, 5.0),
        "weight": np.full(PHANTOMS, 1.4), "waited_s": np.full(PHANTOMS, 60.0), "stop_m": np.full(PHANTOMS, -1.0),
        "place": np.full(PHANTOMS, -1, np.int32),
    }  # fmt: skip
    return replace(seen, **{name: np.concatenate((getattr(seen, name), lie)) for name, lie in lies.items()}), words


def liar(seen: Observation, words: tuple) -> tuple[Observation, tuple]:
    """Its neighbours tell of full exits, of crowds on their way and of clearing thousands, then none."""
    exits = len(seen.exit_vehicles)
    now_s = seen.now_ns // 1_000_000_000
    lies = tuple(
        replace(
            word,
            sent=tuple((road, 1e6 * (now_s % 7)) for road, _ in word.sent),
            cleared=tuple((road, 10**6 * (now_s % 5) - 10**5) for road, _ in word.cleared),
            exit_lane=word.exit_lane[:1] * PHANTOMS,
            time_ns=(seen.now_ns,) * PHANTOMS,
            vehicle=tuple(range(PHANTOMS)),
            weight=np.full(PHANTOMS, 1e9),
        )
        for word in words if word.exit_lane
    )  # fmt: skip
    return replace(seen, exit_vehicles=np.full(exits, 1e9), exit_queue_m=np.full(exits, np.inf)), lies


def stuck_loops(seen: Observation, words: tuple) -> tuple[Observation, tuple]:
    """Every loop says occupied, the advance loops count nobody, and the stop lines' counters start anew each minute."""
    lanes = len(seen.stop_line_count)
    on = np.ones(lanes, np.uint8)
    count = seen.stop_line_count % 7
    return replace(seen, stop_line_count=count, stop_line_occupied=on, advance_count=np.zeros(lanes, np.int64), advance_occupied=on), words


BAD = {"phantoms": phantoms, "liar": liar, "stuck loops": stuck_loops}


@dataclass
class Corrupted:
    """The adaptive planner behind bad input."""

    planner: object
    bad: object

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        worse, words = self.bad(seen, neighbours)
        plan = self.planner.plan(worse, shown, words)
        return replace(plan, departure_ns=plan.departure_ns[: len(seen.vehicle)])

    def snapshot(self) -> dict:
        return self.planner.snapshot()

    def restore(self, arrays: dict) -> None:
        self.planner.restore(arrays)


def play(configuration, folder, bad: str, penetration: float) -> tuple[int, float]:
    """-> vehicles arrived, and the longest any stood at a time, s. To be called in a process of its own."""
    import libsumo

    from intersections.signals.conventions import RESCO
    from intersections.signals.optimise import AdaptivePlanner
    from v2x.importers.sumo_signals import read_signals
    from v2x.sim.signal_arguments import Traffic, sumo_arguments
    from v2x.sim.signal_loop import SignalLoop

    def planner_of(site):
        planner = AdaptivePlanner(site.layout, site.approaches)
        return Corrupted(planner, BAD[bad]) if bad and site.layout.intersection == SICK else planner

    started = sumo_arguments(Traffic(configuration, seed=1), folder)
    sites = read_signals(started.network, started.additional, RESCO)
    libsumo.start(started.arguments)
    try:
        loop, arrived, stood_s = SignalLoop(sites, planner_of, 1, penetration), 0, 0.0
        for second in range(SECONDS):
            loop.step(float(second))
            libsumo.simulationStep()
            arrived += libsumo.simulation.getArrivedNumber()
            stood_s = max([stood_s, *(libsumo.vehicle.getWaitingTime(name) for name in libsumo.vehicle.getIDList())])
    finally:
        libsumo.close()
    return arrived, stood_s


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return write_town(tmp_path_factory.mktemp("town"))


# What is bad, the part of vehicles that is connected, and the part of the arrivals that must be left. With no connected vehicle and no
# loop to believe, a light knows nothing but its own lamps.
CASES = (("phantoms", 1.0, 0.85), ("liar", 1.0, 0.9), ("liar", 0.0, 0.9), ("stuck loops", 0.0, 0.8))


@pytest.fixture(scope="module")
def played(town, tmp_path_factory):
    """(what is bad, penetration) -> what came of it."""
    cases = [("", 1.0), ("", 0.0), *(case[:2] for case in CASES)]
    folder = tmp_path_factory.mktemp("run")
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return {case: pool.apply(play, (town, folder, *case)) for case in cases}


@pytest.mark.parametrize(("bad", "penetration", "least"), CASES)
def test_bad_input_at_one_light_starves_nobody_and_costs_little(played, bad, penetration, least):
    """Nobody stands longer than the maximum red and a queue's way."""
    arrived, stood_s = played[bad, penetration]
    assert arrived >= least * played["", penetration][0]
    assert stood_s < MAX_RED_S + 60.0
