"""The search under the sanitizers: any tables that fit together, and values of no measure. A case is named by FUZZ_SEED and its number."""

import os
from dataclasses import replace

import numpy as np
import pytest

from intersections._plan import Search
from intersections.signals.plan_tables import HORIZON_MAX_S, KEEP_MAX, STAGES_MAX, VEHICLES_MAX, DischargeLaws, SearchLimits
from tests.plan_scenes import random_scene

SCENES = int(os.environ.get("FUZZ_SCENES", "1_000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
WIDEST = SearchLimits(horizon_s=HORIZON_MAX_S, beam=1_000, keep=KEEP_MAX, branch=STAGES_MAX, effort=3_000)
HUGE = (0.0, 1e-300, 1e9, 1e300)

pytestmark = pytest.mark.timeout(1800)


def test_any_scene_gives_a_course():
    chance = np.random.default_rng(SEED)
    for number in range(SCENES):
        crossing, now = random_scene(SEED * 1_000_000 + number, vehicles=int(chance.choice([0, 20, VEHICLES_MAX])))
        wild = {name: getattr(now, name) * chance.choice(HUGE) for name in ("arrival_s", "weight", "closes_s", "room_m", "rolled_m")}
        for situation in (now, replace(now, **wild)):
            course = Search(crossing, DischargeLaws(), WIDEST).plan(situation)
            assert course.stages[0] == now.wanted, number
            assert len(course.departure_s) == len(now.connection), number
