"""What a plan costs, in CPU time brought to the reference machine by `calibration_ms`.

What is timed:
* `plan_ms`: the search of one intersection and second: four arms, twelve lanes and groups, 24 stages, 60 vehicles within sight of which
  every third stands. The mean over several such situations: a search is as long as there is something to weigh.
* `plan_speedup_twin`: the same against the readable twin, of one situation.
"""

import time
from dataclasses import replace

import numpy as np

from bench.figures import CALIBRATION_REFERENCE_MS, calibration_ms, cpu_ms, record
from intersections import _plan
from intersections.signals import plan_model
from intersections.signals.plan_tables import DischargeLaws, SearchLimits, Situation
from tests.plan_scenes import four_arms, situation

VEHICLES, SITUATIONS = 60, 8
SIGHT_S = 22.0
CROSSING = four_arms()


def busy(seed: int) -> Situation:
    """The stage has been green for 20 s; a third of the vehicles stands, the others come within sight."""
    chance = np.random.default_rng(seed)
    lanes = len(CROSSING.lane_speed_mps)
    chosen = chance.integers(0, lanes, VEHICLES)
    times_s = np.where(chance.random(VEHICLES) < 1 / 3, 0.0, chance.uniform(0, SIGHT_S, VEHICLES))
    arrivals = [sorted(times_s[chosen == lane].tolist()) for lane in range(lanes)]
    return replace(situation(CROSSING, arrivals, int(CROSSING.stages[0])), rolled_m=np.full(lanes, 100.0))


def test_plan_ms():
    search = _plan.Search(CROSSING, DischargeLaws(), SearchLimits())
    situations = [busy(seed) for seed in range(SITUATIONS)]
    scale = CALIBRATION_REFERENCE_MS / calibration_ms()
    kernel_ms = [cpu_ms(lambda now=now: search.plan(now), 5) * scale for now in situations]
    twin = plan_model.Search(CROSSING, DischargeLaws(), SearchLimits())
    begin = time.process_time_ns()
    twin.plan(situations[0])
    twin_ms = (time.process_time_ns() - begin) / 1e6 * scale
    record("plan_speedup_twin", twin_ms / kernel_ms[0], at_least=50.0)
    record("plan_ms", float(np.mean(kernel_ms)), at_most=2.0)
