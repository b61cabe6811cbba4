"""Positions before and after fusion, scored in scenes small enough to be worked out by hand."""

import json
import math

import numpy as np
import pytest

from positioning.samples import FixStatus, ObjectClass, Role
from v2x.sim.position_score import PositionScore, as_json, from_json, sentences
from v2x.sim.receiver import Fix
from v2x.sim.truth import Truth
from v2x.sim.vehicles import OwnSample


def truth(time_s, speed_mps=10.0):
    motion = np.zeros((1, 6))
    motion[0, 0], motion[0, 2] = speed_mps * time_s, speed_mps
    return Truth(time_s, np.array([4]), np.array([ObjectClass.CAR], np.uint8), motion, np.array([[4.5, 1.8, 1.5]]))


def sample(error_m, name="veh-4"):
    status = FixStatus.NONE if math.isnan(error_m) else FixStatus.RTK_FLOAT
    fix = Fix(status, 12, np.array([error_m, 0.0, 0.0]), 0.25, math.nan)
    return OwnSample(4, name, 1, 0.0, ObjectClass.CAR, Role.PRIVATE, np.zeros(15), False, fix, 0.0, np.zeros(2), [])


def played(errors_m):
    """0.1 s a step; one sample each."""
    score = PositionScore()
    for step, error_m in enumerate(errors_m):
        score.show(truth(step * 0.1), truth(step * 0.1 + 0.1), [sample(error_m)])
    return score


def test_a_position_is_judged_at_the_time_it_is_for():
    score = played([0.0] * 10)
    score.judge("veh-4", 0.55, np.array([5.5, 0.3]), 1.0, alert=False)  # where it was half a step before: 5.5 m east
    figures = score.figures()
    assert figures.fused_p50_m == pytest.approx(0.3)
    assert (figures.positions, figures.beyond_level, figures.fused_within) == (1, 0.0, 1.0)


def test_beyond_the_level_is_counted():
    score = played([0.0] * 10)
    for error_m, level_m in ((0.9, 1.0), (1.1, 1.0), (2.0, math.nan)):
        score.judge("veh-4", 0.5, np.array([5.0, error_m]), level_m, alert=error_m > 1.0)
    figures = score.figures()
    assert figures.beyond_level == pytest.approx(1 / 2)  # of those that have a level
    assert figures.alerts == pytest.approx(2 / 3)
    assert figures.fused_within == pytest.approx(2 / 3)


def test_own_fixes_have_quantiles_and_no_fix_is_not_within():
    errors_m = [0.1] * 10 + [3.0] * 5 + [math.nan] * 5
    figures = played(errors_m).figures()
    assert (figures.samples, figures.without_fix, figures.own_within) == (20, 0.25, 0.5)
    assert figures.own_p50_m == pytest.approx(0.1)
    assert figures.own_p95_m == pytest.approx(3.0)


def test_a_vehicle_counts_as_a_whole_by_its_worst_twentieth():
    good, bad = played([0.1] * 19 + [9.0]), played([0.1] * 18 + [9.0] * 2)
    assert (good.figures().own_vehicles_within, bad.figures().own_vehicles_within) == (1.0, 0.0)


def test_what_is_for_too_long_ago_or_of_a_stranger_is_counted_and_not_judged():
    score = played([0.0] * 100)
    score.judge("veh-4", 1.0, np.zeros(2), 1.0, alert=False)
    score.judge("veh-5", 9.9, np.zeros(2), 1.0, alert=False)
    assert (score.figures().unjudged, score.figures().positions) == (2, 0)


def test_figures_survive_json_and_name_what_is_simulated():
    score = played([0.1] * 20)
    assert sentences(score.figures())["fused position"] == "none came back"
    score.judge("veh-4", 1.95, np.array([19.5, 0.4]), 2.0, alert=False)
    figures = from_json(json.loads(json.dumps(as_json(score.figures()), allow_nan=False)))
    assert figures == score.figures()
    assert "p50 0.40 p95 0.40 m" in sentences(figures)["fused position"]
    assert "5G simulated" in sentences(figures)["fused position"]
    assert sentences(PositionScore().figures()) == {}
