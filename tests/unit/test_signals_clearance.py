"""Who stands inside the junction keeps out those whose way he bars, for a while and no longer."""

import numpy as np
import pytest

from intersections.signals.clearance import MOST_S, put_off
from tests.signal_layouts import LEFT, MAIN, SIDE, WALK, crossing

GROUPS = np.array([0, 1, 2, -1], np.int32)  # of a connection each: main, left, side, one without a lamp
LONG_AGO_S = -1000.0


def late(inside, lit=0, closes_s=(-3.0, -3.0, -3.0, -3.0)):
    return put_off(crossing(), lit, np.array(inside, np.uint8), GROUPS, np.array(closes_s))


def test_an_empty_junction_keeps_nobody_out():
    assert late([0, 0, 0, 0]) == 0


def test_who_stands_inside_keeps_out_those_in_conflict_and_those_he_yields_to():
    assert late([0, 1, 0, 0]) == SIDE | WALK | MAIN
    assert late([0, 0, 1, 0]) == MAIN | LEFT | WALK
    assert late([1, 0, 1, 0]) == SIDE | WALK | MAIN | LEFT


def test_who_stands_at_his_own_green_keeps_out_nobody():
    assert late([1, 1, 0, 0], lit=MAIN | LEFT) == 0


def test_nobody_who_is_lit_is_put_off():
    """He who turns left still stands there when his lamp has closed and the oncoming one goes on."""
    assert late([0, 1, 0, 0], lit=MAIN) == SIDE | WALK


@pytest.mark.parametrize(("ago_s", "groups"), [(0.0, MAIN | LEFT | WALK), (MOST_S, MAIN | LEFT | WALK), (MOST_S + 1.0, 0)])
def test_it_ends_a_while_after_the_lamp_has_closed(ago_s, groups):
    assert late([0, 0, 1, 0], closes_s=(LONG_AGO_S, LONG_AGO_S, -ago_s, LONG_AGO_S)) == groups


def test_ways_without_a_lamp_keep_out_nobody():
    assert late([0, 0, 0, 1]) == 0
