"""The kernel of the search and its readable twin find the same course for anything, and refuse the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intersections import _plan
from intersections.signals import plan_model
from intersections.signals.plan_tables import VEHICLES_MAX, DischargeLaws, SearchLimits
from tests.plan_scenes import random_scene

LIMITS = SearchLimits(horizon_s=30, beam=6, keep=2, fine_s=5, branch=3, effort=150)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**31))
def test_twins_find_the_same_course(seed):
    crossing, now = random_scene(seed)
    searches = [kind(crossing, DischargeLaws(), LIMITS) for kind in (_plan.Search, plan_model.Search)]
    fast, slow = (search.plan(now) for search in searches)
    assert (fast.stages, fast.start_s) == (slow.stages, slow.start_s)
    assert fast.value == pytest.approx(slow.value, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(fast.departure_s, slow.departure_s, rtol=1e-9, atol=1e-9)
    assert searches[0].expanded == searches[1].expanded


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31))
def test_the_same_situation_gives_the_same_course_again(seed):
    crossing, now = random_scene(seed, vehicles=60)
    search = _plan.Search(crossing, DischargeLaws(), SearchLimits())
    first, other, again = search.plan(now), search.plan(random_other(now)), search.plan(now)
    assert (first.stages, first.start_s, first.value) == (again.stages, again.start_s, again.value)
    assert np.array_equal(first.departure_s, again.departure_s)
    assert len(other.departure_s) == len(now.connection)


def random_other(now):
    return replace(now, arrival_s=now.arrival_s[::-1].copy())


HOSTILE = {
    "a connection that is not there": lambda now: {"connection": now.connection + 1000},
    "a row that is not there": lambda now: {"ahead": now.ahead + 1000},
    "an arrival that is no number": lambda now: {"arrival_s": now.arrival_s * np.nan},
    "an arrival before now": lambda now: {"arrival_s": now.arrival_s - 1e6},
    "a weight beyond numbers": lambda now: {"weight": now.weight + np.inf},
    "a lamp at no time": lambda now: {"opens_s": now.opens_s * np.nan},
    "too few lamps": lambda now: {"closes_s": now.closes_s[1:]},
    "too few exits": lambda now: {"room_m": now.room_m[1:]},
    "rows of no lane": lambda now: {"lane_first": now.lane_first[::-1].copy()},
    "a set that is none": lambda _now: {"wanted": -1},
    "more than fit": lambda now: {
        name: np.resize(getattr(now, name), VEHICLES_MAX + 1) for name in ("connection", "ahead", "arrival_s", "length_m", "weight")
    },
}


@pytest.mark.parametrize("kind", [_plan.Search, plan_model.Search])
@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_what_does_not_fit_together_is_refused(kind, change):
    crossing, now = next(scene for scene in map(random_scene, range(50)) if len(scene[1].connection) > 2)
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ, the refusal counts
        kind(crossing, DischargeLaws(), LIMITS).plan(replace(now, **change(now)))


@pytest.mark.parametrize("seed", range(20))
def test_values_without_measure_do_no_harm(seed):
    """Finite, but of no vehicle: whatever the course, it is one."""
    crossing, now = random_scene(seed, vehicles=VEHICLES_MAX)
    wild = replace(
        now, arrival_s=now.arrival_s * 1e200, weight=now.weight * 1e200, closes_s=now.closes_s - 1e300, opens_s=now.opens_s * 1e300
    )
    course = _plan.Search(crossing, DischargeLaws(), SearchLimits()).plan(wild)
    assert course.stages[0] == now.wanted
    assert list(course.start_s) == sorted(course.start_s)
