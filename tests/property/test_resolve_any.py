"""What a line is told together: never worse than less of it, within what was proposed, and as the headways themselves say."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intersections.buses.orders import Effect, OrderKind, Proposal
from intersections.buses.resolve import STEP_S, TELLING_S, Wish, contradict, resolved, saving, worth_s

WEIGHT = 2.0
NOTHING = Effect(0.0, 0.0, 0.0)


def proposal(kind, vehicle, trip, waiting_s=0.0, value=30.0, sure=1.0):
    return Proposal(kind, "1", f"v{vehicle}", f"t{trip}", 1, value, "why", Effect(waiting_s, 0.0, 0.0), sure, 0, 10**12)


def hold(number, shift_s, slack_s, riders_per_s=0.2, sure=1.0, riding=0):
    """Of bus `number`, which bus `number` + 1 follows."""
    one = proposal(OrderKind.HOLD, number, number, value=shift_s, sure=sure)
    return Wish(one, shift_s, 10.0, slack_s, riders_per_s, riding, f"t{number + 1}")


shifts = st.integers(2, 24).map(lambda steps: STEP_S * steps)
rates = st.floats(0.01, 0.5)
slacks = st.floats(-600.0, 900.0)
confidences = st.sampled_from([0.0, 0.3, 0.7, 1.0])


@st.composite
def lines(draw):
    """Buses one behind the other, most of them with something to be told, later or sooner, graded or not, some with two things."""
    wishes = []
    for number in range(draw(st.integers(0, 5))):
        for kind in draw(st.lists(st.sampled_from([OrderKind.HOLD, OrderKind.SPEED, OrderKind.PRIORITY, OrderKind.CANCEL]), max_size=2)):
            one = hold(number, draw(shifts), draw(slacks), draw(rates), draw(confidences), draw(st.integers(0, 60)))
            one = replace(one, proposal=replace(one.proposal, kind=kind))
            if kind is OrderKind.CANCEL:
                one = Wish(replace(one.proposal, predicted=Effect(draw(st.floats(-9e3, 9e3)), 0.0, 0.0)))
            elif kind is not OrderKind.HOLD:
                one = replace(one, shift_s=one.shift_s * draw(st.sampled_from([-1.0, 1.0])), least_s=0.0)
            wishes.append(one)
    return wishes


def amounts_of(wishes, told):
    """What became of each wish; those told are found by kind and trip."""
    chosen = np.zeros(len(wishes))
    for one in told:
        row = next(row for row, wish in enumerate(wishes) if not chosen[row] and _is_of(one, wish.proposal))
        chosen[row] = -one.predicted.operator_s if wishes[row].shift_s else 1.0
    return chosen


def _is_of(told, asked):
    return (told.kind, told.vehicle, told.trip, told.confidence) == (asked.kind, asked.vehicle, asked.trip, asked.confidence)


def saved_s(wishes, amounts):
    slope, curve = saving(wishes, WEIGHT)
    return slope @ amounts + amounts @ curve @ amounts - TELLING_S * np.count_nonzero(amounts)


def distinct(wishes):
    return list({(wish.proposal.kind, wish.proposal.trip): wish for wish in wishes}.values())


@given(lines().map(distinct))
def test_never_worse_than_nothing_or_any_one_proposal(wishes):
    told = saved_s(wishes, amounts_of(wishes, resolved(wishes, WEIGHT)))
    assert told >= -1e-6
    for row, wish in enumerate(wishes):
        alone = max(saved_s(wishes, amount * np.eye(len(wishes))[row]) for amount in wish.amounts())
        assert told >= alone - 1e-6 * abs(alone)


@given(lines().map(distinct))
def test_what_is_told_is_within_what_was_proposed_in_round_steps_and_of_use(wishes):
    told = resolved(wishes, WEIGHT)
    assert not any(contradict(one, other) for one, other in combinations(told, 2))
    for wish, amount in zip(wishes, amounts_of(wishes, told), strict=True):
        assert amount in wish.amounts()
        assert amount == 0.0 or not wish.least_s or wish.least_s <= amount <= wish.shift_s
    for one in told:
        assert worth_s(one, WEIGHT) > 0.0
        wish = next(wish for wish in wishes if _is_of(one, wish.proposal))
        less_s = -one.predicted.operator_s - wish.shift_s if wish.shift_s else 0.0
        assert one.value == wish.proposal.value + less_s
        assert one.valid_until_ns == wish.proposal.valid_until_ns + round(less_s * 1e9)


@given(lines().map(distinct), st.randoms())
def test_the_order_of_proposals_makes_no_difference(wishes, chance):
    mixed = list(wishes)
    chance.shuffle(mixed)
    key = lambda one: (one.kind, one.trip)  # noqa: E731
    assert sorted(resolved(mixed, WEIGHT), key=key) == sorted(resolved(wishes, WEIGHT), key=key)


@given(lines().map(distinct))
def test_one_wish_more_or_less_of_a_step_would_save_nothing_more(wishes):
    """Each is at its best beside the others."""
    chosen = amounts_of(wishes, resolved(wishes, WEIGHT))
    for row, wish in enumerate(wishes):
        if any(chosen[other] and contradict(wish.proposal, wishes[other].proposal) for other in range(len(wishes)) if other != row):
            continue
        for amount in wish.amounts():
            other = chosen.copy()
            other[row] = amount
            assert saved_s(wishes, other) <= saved_s(wishes, chosen) + 1e-6 * abs(saved_s(wishes, chosen)) + 1e-6


@given(st.lists(st.tuples(shifts, rates, st.floats(0.0, 600.0)), min_size=1, max_size=6))
def test_buses_that_are_no_neighbours_are_told_what_each_would_be_told_alone(buses):
    wishes = [hold(3 * number, shift_s, 2.0 * shift_s + more_s, rate) for number, (shift_s, rate, more_s) in enumerate(buses)]
    told = resolved(wishes, WEIGHT)
    assert told == [one for wish in wishes for one in resolved([wish], WEIGHT)]
    assert [one.value for one in told] == [wish.proposal.value for wish in wishes]


wished = st.builds(proposal, st.sampled_from(OrderKind), st.integers(0, 3), st.integers(0, 3), st.integers(-50, 100))


@given(st.lists(wished, max_size=8))
def test_of_contradicting_proposals_the_most_valuable_set_remains(asked):
    chosen = resolved([Wish(one) for one in asked], WEIGHT)
    best = max(
        sum(worth_s(one, WEIGHT) - TELLING_S for one in some)
        for size in range(len(asked) + 1)
        for some in combinations(asked, size)
        if not any(contradict(one, other) for one, other in combinations(some, 2))
    )
    assert sum(worth_s(one, WEIGHT) - TELLING_S for one in chosen) == pytest.approx(best)
    assert not any(contradict(one, other) for one, other in combinations(chosen, 2))


@given(st.lists(st.tuples(st.floats(60.0, 900.0), st.integers(-12, 24)), min_size=3, max_size=7), rates)
def test_the_form_is_what_the_resulting_headways_say(buses, rate):
    """Half r h^2 over all headways, before and after: buses one behind the other, the first and the last are not told anything."""
    left_s = np.cumsum([gap_s for gap_s, _ in buses])
    by_s = STEP_S * np.array([0, *(steps for _, steps in buses[1:-1]), 0])
    wishes = [
        hold(row, by_s[row], left_s[row + 1] - left_s[row] - (left_s[row] - left_s[row - 1]), rate) for row in range(1, len(buses) - 1)
    ]
    before, after = (0.5 * rate * sum((later - sooner) ** 2 for sooner, later in pairwise(times)) for times in (left_s, left_s + by_s))
    told = np.count_nonzero(by_s)
    assert saved_s(wishes, by_s[1:-1]) == pytest.approx(WEIGHT * (before - after) - TELLING_S * told, rel=1e-6, abs=1e-3)


def test_two_orders_that_close_the_same_gap_are_not_both_given_in_full():
    """The hold of bus 1 opens the gap before bus 2 so far; bus 2, which is to come 60 s sooner, leaves less of it to open."""
    held = hold(1, 60.0, 130.0)
    sooner = replace(hold(2, -60.0, -180.0), least_s=0.0)
    alone, together = resolved([held], WEIGHT), resolved([held, sooner], WEIGHT)
    assert [one.value for one in alone] == [60.0]
    # r x (130 - x) with 60 sooner behind it is r x (130 - 60 - x): 35 s are best.
    assert [-one.predicted.operator_s for one in together] == [35.0, -60.0]
    assert together[0].predicted.waiting_s == pytest.approx(0.2 * 35.0 * (130.0 - 60.0 - 35.0))
