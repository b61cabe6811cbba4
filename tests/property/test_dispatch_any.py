"""Whatever a line does: limits hold, nothing contradicts, evenness needs nothing."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intersections.buses.departures import respaced_s
from intersections.buses.dispatch import Proposer
from intersections.buses.holding import AtControlStop, hold_s
from intersections.buses.order_rules import Limits
from intersections.buses.orders import DispatchOrder, OrderKind, Proposal
from intersections.buses.plans import LinePlan, LinePlans
from intersections.buses.resolve import contradict, worth_s
from tests.bus_lines import BEGIN_S, STEP_S, STOPS, at_ns, foreseen, left, line_network, running, waiting

gaps = st.lists(st.floats(0.0, 3600.0), min_size=1, max_size=4)
times = st.lists(st.floats(0.0, 20_000.0), min_size=1, max_size=12).map(sorted)


def squares(times_s):
    return sum((later - sooner) ** 2 for sooner, later in pairwise(times_s))


@given(st.floats(0.0, 3600.0), gaps, st.floats(0.0, 86_400.0))
def test_a_hold_never_outlasts_the_evening_of_what_is_behind(forward_s, behind_s, now_s):
    etas_s = tuple((now_s + np.cumsum(behind_s)).tolist())
    held_s = hold_s(AtControlStop(now_s, 0, 600.0, 0.0, forward_s, etas_s))
    assert 0.0 <= held_s <= etas_s[-1] - now_s
    assert held_s == pytest.approx(hold_s(AtControlStop(0.0, 0, 600.0, 0.0, forward_s, tuple(time - now_s for time in etas_s))), abs=1e-6)


@given(times, st.floats(0.0, 900.0))
def test_departures_keep_number_order_ends_and_limit(times_s, most_s):
    moved = respaced_s(times_s, most_s)
    assert len(moved) == len(times_s)
    assert (moved[0], moved[-1]) == pytest.approx((times_s[0], times_s[-1]))
    assert all(later >= sooner - 1e-6 for sooner, later in pairwise(moved))
    assert all(abs(new - old) <= most_s + 1e-6 for new, old in zip(moved, times_s, strict=True))


@given(times, st.floats(0.0, 900.0), st.lists(st.floats(-1.0, 1.0), min_size=12, max_size=12))
def test_no_other_departures_within_the_limits_are_more_even(times_s, most_s, shifts):
    other = [times_s[0], *(time + most_s * shift for time, shift in zip(times_s[1:-1], shifts, strict=False)), times_s[-1]][: len(times_s)]
    other_s = sorted(min(max(time, times_s[0]), times_s[-1]) for time in other)
    found = squares(respaced_s(times_s, most_s))
    assert found <= squares(times_s) + 1e-3
    assert found <= squares(other_s) + 1e-3


@st.composite
def situations(draw):
    """Up to eight buses somewhere on the line or at its terminal, late or early, counted or not, predicted or not."""
    now_s = BEGIN_S + draw(st.floats(0.0, 5400.0))
    states, predictions, calls = [], [], []
    for number in draw(st.sets(st.integers(0, 9), max_size=8)):
        if draw(st.integers(0, 4)) == 0:
            states.append(waiting(number))
            continue
        state = running(number, draw(st.integers(0, STOPS - 1)), draw(st.integers(-1, 90)), draw(st.floats(-300.0, 1200.0)))
        states.append(replace(state, at_stop=draw(st.booleans())))
        if draw(st.booleans()):
            predictions.append(foreseen(states[-1], now_s + draw(st.floats(-60.0, 1800.0)), draw(st.floats(0.0, 200.0))))
        calls += [
            left(number, row, now_s - draw(st.floats(0.0, 60.0)) - STEP_S * (state.next_stop - row)) for row in range(state.next_stop)
        ]
    return now_s, states, predictions, calls


plans = st.builds(
    LinePlan,
    headway_s=st.sampled_from([0.0, 240.0, 900.0]),
    hold_most_s=st.sampled_from([0.0, 25.0, 60.0]),
    move_most_s=st.sampled_from([0.0, 240.0, 600.0]),
    riders_per_s=st.floats(0.0, 0.2),
    standby=st.sampled_from([(), ("s1",), ("s1", "s2")]),
)


@settings(max_examples=150, deadline=None)
@given(situations(), plans, st.booleans(), st.sampled_from([300.0, 600.0, 1500.0]))
def test_what_is_proposed_is_within_all_limits_and_free_of_contradiction(situation, plan, duties, headway_s):
    now_s, states, predictions, calls = situation
    network = line_network(12, duties=duties, headway_s=headway_s)
    if headway_s > 600.0:
        network = replace(network, headway_lines=frozenset())
    proposer = Proposer(network)
    proposer.observe(calls)
    found = proposer.propose(states, predictions, LinePlans({}, plan), at_ns(now_s))
    limits = Limits(hold_most_s=plan.hold_most_s, respace_most_s=plan.move_most_s)
    for one in found:
        order = _as_order(one)
        assert limits.refusal(order, network, at_ns(now_s)) is None, one
        assert worth_s(one, plan.waiting_weight) > 0.0
        assert 0.0 <= one.confidence <= 1.0
        assert one.why
    assert not any(contradict(one, other) for one, other in combinations(found, 2))
    assert len(states) > 1 or {one.kind for one in found} <= {OrderKind.DEPART_NOT_BEFORE, OrderKind.PRIORITY, OrderKind.INSERT}
    assert found == proposer.propose(states, predictions, LinePlans({}, plan), at_ns(now_s))


def _as_order(one: Proposal):
    return DispatchOrder(
        "o", 1, one.kind, one.line, one.vehicle, one.trip, one.stop, one.value, "", one.made_ns, one.valid_until_ns, "rule"
    )
