"""Scores of scenes small enough to be worked out by hand."""

import math

import numpy as np
import pytest

from bench.track_score import medians_on_common
from v2x.sim.score import Scene, Scorer, gospa


def scene(truth, tracks, in_view=None, in_range=None):
    """`truth` and `tracks`: {id: (east, north)}."""

    def arrays(items):
        return np.array(list(items), dtype=np.int64), np.array(list(items.values()), dtype=float).reshape(-1, 2)

    flags = [np.ones(len(items), bool) if given is None else np.array(given) for items, given in ((truth, in_view), (tracks, in_range))]
    (truth_ids, truth_m), (track_ids, tracks_m) = arrays(truth), arrays(tracks)
    return Scene(truth_ids, truth_m, flags[0], track_ids, tracks_m, flags[1])


def score(*scenes):
    scorer = Scorer()
    for item in scenes:
        scorer.add(item)
    return scorer.score()


def test_gospa_of_one_pair_one_missed_one_false():
    # A pair 1 m apart, one object without a track, one track 10 m from anything; c = 2, p = 2: 1 + 4/2 + 4/2 = 5.
    result = gospa(np.array([(0.0, 0.0), (50.0, 0.0)]), np.array([(1.0, 0.0), (60.0, 0.0)]))
    assert (result.localisation_m2, result.missed_m2, result.false_m2) == (1.0, 2.0, 2.0)
    assert result.distance_m == pytest.approx(math.sqrt(5.0))


def test_gospa_of_nothing_is_nothing():
    assert gospa(np.zeros((0, 2)), np.zeros((0, 2))).distance_m == 0.0


def test_coverage_false_share_and_error():
    result = score(scene({1: (0, 0), 2: (10, 0)}, {7: (0.3, 0.4), 8: (20, 0)}))
    assert (result.coverage, result.false_share, result.median_error_m) == (0.5, 0.5, pytest.approx(0.5))
    assert result.object_seconds == pytest.approx(0.2)


def test_a_track_of_somebody_out_of_view_is_neither_wanted_nor_false():
    result = score(scene({1: (0, 0)}, {7: (0, 0)}, in_view=[False]))
    assert (result.object_seconds, result.false_share, result.gospa_m, result.objects) == (0.0, 0.0, 0.0, 0)


def test_a_track_out_of_range_is_not_judged():
    assert score(scene({1: (0, 0)}, {7: (0, 0), 8: (500, 0)}, in_range=[True, False])).false_share == 0.0


def test_an_earlier_match_is_kept_though_another_track_comes_nearer():
    result = score(scene({1: (0, 0)}, {7: (0, 0)}), scene({1: (0, 0)}, {7: (1.5, 0), 8: (0.1, 0)}))
    assert (result.switches, result.false_share) == (0, pytest.approx(1 / 3))


def test_a_new_track_for_the_same_object_is_a_switch():
    result = score(scene({1: (0, 0)}, {7: (0, 0)}), scene({1: (0, 0)}, {}), scene({1: (0, 0)}, {8: (0, 0)}))
    assert (result.switches, result.switches_per_100) == (1, 100.0)


def test_a_new_track_after_being_out_of_view_is_no_switch():
    result = score(scene({1: (0, 0)}, {7: (0, 0)}), scene({1: (0, 0)}, {}, in_view=[False]), scene({1: (0, 0)}, {8: (0, 0)}))
    assert result.switches == 0


def test_as_many_pairs_as_the_gate_allows():
    # Track 7 is nearest to object 1 (0.5 m), but only it can reach object 2; both can be matched.
    result = score(scene({1: (0, 0), 2: (2.3, 0)}, {7: (0.5, 0), 8: (-1.0, 0)}))
    assert result.coverage == 1.0


def test_errors_are_compared_where_both_runs_have_the_road_user():
    both = (np.array([(1, 7), (1, 8), (2, 7)]), np.array([0.1, 0.2, 0.3]))
    alone = (np.array([(2, 7), (1, 7), (3, 9)]), np.array([0.9, 0.5, 5.0]))
    assert medians_on_common(both, alone) == (pytest.approx(0.2), pytest.approx(0.7))
