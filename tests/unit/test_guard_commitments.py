"""Commitments and promises, on the crossing of `signal_layouts`: main and left are green since 14 s, side (1 s red-yellow) and walk closed.

From the end of main or left: 5 s to side's green, 4 s to walk's; from side 4 s, from walk 9 s to main and left. Minimum green 5 s.
"""

import pytest

from intersections.signals.control import Commitment, GuardMode
from intersections.signals.guard_words import Refusal
from intersections.signals.layout import SECOND_NS, Stage
from tests.guard_road import Road, ns
from tests.signal_layouts import LEFT, MAIN, SIDE, WALK, crossing, group

BOTH, OTHERS = MAIN | LEFT, SIDE | WALK
RED, GREEN, YELLOW = "STOP_AND_REMAIN", "PROTECTED_MOVEMENT_ALLOWED", "PROTECTED_CLEARANCE"


def road_at(second=20, layout=None, calls=0):
    road = Road(layout)
    road.run(14)
    road.want(BOTH)
    road.run(second, calls)
    road.guard.take_events()
    return road


def bound(then=OTHERS, earliest_s=25, latest_s=31, **changed):
    """At 20 s."""
    road = road_at()
    assert road.commit(BOTH, then, earliest_s, latest_s, **changed) is Refusal.ACCEPTED
    road.step()
    return road


def test_what_is_promised_without_a_commitment():
    road = road_at(20)
    assert road.ends(0) == road.ends(1) == (19, None)
    assert road.ends(2) == road.ends(3) == (23, None)  # after main's minimum: 4 s to walk, and to side's red-yellow
    road.want(OTHERS)
    road.step()
    assert road.ends(0) == (23.1, 23.1)  # yellow
    assert road.ends(2) == (24.1, None)  # another command may come
    road.run(24.1)
    assert road.ends(2) == (25.1, 25.1)  # red-yellow
    assert road.ends(3) == (29.1, None)
    assert road.ends(0) == (38.1, None)  # walk's minimum and clearance
    assert road.last.commitment is None


def test_both_sides_of_the_change_are_promised():
    road = bound()
    assert road.last.commitment == Commitment(OTHERS, ns(25), ns(31))
    assert road.ends(0) == road.ends(1) == (25, 31)
    assert road.ends(2) == road.ends(3) == (29, 35)


def test_a_commitment_is_kept_by_a_guard_that_hears_nothing_more():
    road = bound(valid_s=3)
    road.run(60)
    assert road.changes(0, 20) == [(31, YELLOW), (34, RED), (57.0, GREEN)]
    assert road.changes(3, 20) == [(35, GREEN), (48, RED)]
    assert road.changes(2, 20)[:2] == [(35, "PRE_MOVEMENT"), (36, "PERMISSIVE_MOVEMENT_ALLOWED")]
    assert road.last.mode is GuardMode.LOCAL


def test_the_command_chooses_the_moment_within_the_window():
    road = bound()
    road.run(27)
    assert road.want(OTHERS) is Refusal.ACCEPTED
    assert road.step().states[0].name == YELLOW
    assert road.ends(0) == (30.1, 30.1)
    assert road.ends(2) == road.ends(3) == (31.1, 31.1)  # nobody can turn it any more
    assert road.last.commitment is not None
    road.run(31.1)
    assert road.last.commitment is None


def test_a_command_before_the_window_waits_for_it():
    road = bound()
    assert road.want(OTHERS) is Refusal.ACCEPTED
    road.run(30)
    assert road.changes(0, 20) == [(25, YELLOW), (28, RED)]


def test_a_command_that_expires_before_the_window_opens_asks_for_nothing():
    road = bound()
    assert road.want(OTHERS, valid_s=2) is Refusal.ACCEPTED
    road.run(32)
    assert road.changes(0, 20) == [(31, YELLOW)]


def test_other_greens_are_refused_until_the_commitment_is_kept():
    road = bound()
    for greens in (0, MAIN, SIDE, WALK):
        assert road.want(greens, author="preemption") is Refusal.COMMITTED
    road.run(27)
    assert road.want(OTHERS) is Refusal.ACCEPTED
    road.step()
    assert road.want(BOTH) is Refusal.COMMITTED  # the change is under way
    road.run(31)
    assert road.want(BOTH) is Refusal.COMMITTED
    road.run(31.1)
    assert road.want(BOTH) is Refusal.ACCEPTED
    assert road.guard.refused == {Refusal.COMMITTED: 6}


def test_a_commitment_is_not_kept_before_the_last_green_it_ends_has_ended():
    for then in (0, MAIN):
        road = road_at(15)
        assert road.commit(BOTH, then, 15, 19) is Refusal.ACCEPTED
        road.want(then)
        road.step()
        assert road.ends(1) == (19, 19)
        road.run(18.9)
        assert road.last.commitment is not None
        assert road.want(BOTH) is Refusal.COMMITTED
        assert road.run(19).commitment is None
        assert road.changes(1, 15) == [(19, "PERMISSIVE_CLEARANCE")]


def test_present_greens_are_meant_when_the_command_names_what_follows():
    road = road_at()
    assert road.commit(OTHERS, OTHERS, 25, 31) is Refusal.ACCEPTED
    road.run(26)
    assert road.changes(0, 20) == [(25, YELLOW)]


def test_a_commitment_is_only_narrowed():
    road = bound()
    assert road.commit(BOTH, OTHERS, 26, 30) is Refusal.ACCEPTED
    road.step()
    assert road.last.commitment == Commitment(OTHERS, ns(26), ns(30))
    assert road.commit(BOTH, OTHERS, 25.9, 30) is Refusal.COMMITMENT_WIDENED
    assert road.commit(BOTH, OTHERS, 26, 30.1) is Refusal.COMMITMENT_WIDENED
    assert road.commit(BOTH, SIDE, 26, 30) is Refusal.COMMITTED
    assert road.commit(OTHERS, OTHERS, 25.95, 30.05) is Refusal.ACCEPTED  # the same, as far as its steps can tell
    road.step()
    assert road.last.commitment == Commitment(OTHERS, ns(26), ns(30))
    assert road.ends(0) == (26, 30)
    road.run(27)
    assert road.changes(0, 20) == [(26, YELLOW)]


def test_a_window_off_the_grid_is_narrowed_to_it():
    road = bound(earliest_s=25.01, latest_s=30.99)
    assert road.last.commitment == Commitment(OTHERS, ns(25.1), ns(30.9))
    road = road_at()
    assert road.commit(BOTH, OTHERS, 25.01, 25.09) is Refusal.COMMITMENT_BELOW_MINIMUM
    assert road.commit(BOTH, OTHERS, 25, 25) is Refusal.ACCEPTED


@pytest.mark.parametrize(
    ("greens", "then", "earliest_s", "latest_s"),
    [
        (BOTH, BOTH, 25, 31),
        (MAIN, BOTH, 25, 31),
        (BOTH, 16, 25, 31),
        (BOTH, -1, 25, 31),
        (BOTH, MAIN | SIDE, 25, 31),
        (BOTH, OTHERS, 31, 30.999),
    ],
)
def test_a_commitment_that_says_nothing_that_can_be_done_is_refused(greens, then, earliest_s, latest_s):
    road = road_at()
    assert road.commit(greens, then, earliest_s, latest_s) is Refusal.COMMITMENT_MALFORMED
    assert road.step().commitment is None


def test_nothing_is_committed_while_other_greens_are_lit():
    road = road_at()
    assert road.commit(MAIN, OTHERS, 25, 31) is Refusal.COMMITMENT_UNSETTLED
    road.want(OTHERS)
    road.step()
    assert road.commit(OTHERS, BOTH, 35, 45) is Refusal.ACCEPTED  # yellow already: what follows is certain


def test_a_commitment_on_the_way_promises_the_openings_too():
    road = road_at()
    road.want(OTHERS)
    road.step()  # main ends at 20.1 s
    assert road.commit(OTHERS, BOTH, 21, 33) is Refusal.ACCEPTED
    road.step()
    assert road.ends(2) == road.ends(3) == (24.1, 24.1)
    assert road.ends(0) == (23.1, 23.1)
    road.run(24)
    # side ends at 30.1 s at the earliest, walk at 29.1 s and clears for 9 s
    assert road.ends(0) == (38.1, 42)
    road.run(24.1)
    assert road.ends(3) == (29.1, 33)
    road.want(BOTH)
    road.run(50)
    assert road.changes(2, 20) == [
        (24.1, "PRE_MOVEMENT"),
        (25.1, "PERMISSIVE_MOVEMENT_ALLOWED"),
        (29.1, GREEN),
        (30.1, YELLOW),
        (33.1, RED),
    ]
    assert road.changes(3, 20) == [(24.1, GREEN), (29.1, RED)]
    assert road.changes(0, 30) == [(38.1, GREEN)]


def test_a_switch_waits_for_greens_that_are_still_to_come():
    road = road_at()
    road.want(OTHERS)
    road.step()
    road.commit(OTHERS, BOTH, 21, 40)
    road.want(BOTH)
    assert road.run(23).wanted == OTHERS
    assert road.run(24.1).wanted == OTHERS
    assert road.step().wanted == BOTH  # all of them have begun: now only the minimum greens are waited for
    assert road.ends(2) == (25.1, 25.1)
    road.run(25.1)
    assert road.ends(2) == (30.1, 30.1)
    assert road.ends(3) == (29.1, 29.1)


@pytest.mark.parametrize(("second", "latest_s", "refusal"), [(15, 18.9, Refusal.COMMITMENT_BELOW_MINIMUM), (15, 19, Refusal.ACCEPTED)])
def test_a_commitment_below_the_minimum_green_is_refused(second, latest_s, refusal):
    road = road_at(second)
    assert road.commit(BOTH, OTHERS, 15, latest_s) is refusal


def test_a_commitment_to_a_time_that_no_step_can_reach_is_refused():
    road = road_at()
    assert road.commit(BOTH, OTHERS, 10, 20) is Refusal.COMMITMENT_BELOW_MINIMUM
    assert road.commit(BOTH, OTHERS, 10, 20.1) is Refusal.ACCEPTED
    assert road.step().states[0].name == YELLOW


def test_minimum_green_of_those_still_to_open_counts():
    road = road_at()
    road.want(OTHERS)
    road.step()  # side turns green at 25.1 s
    assert road.commit(OTHERS, BOTH, 21, 30) is Refusal.COMMITMENT_BELOW_MINIMUM
    assert road.commit(OTHERS, BOTH, 21, 30.1) is Refusal.ACCEPTED


def test_minimum_green_of_those_that_open_at_the_next_step_counts():
    road = road_at(15)
    road.want(MAIN)
    road.run(25)  # left is closed since 22 s, and nothing is against it
    assert road.commit(BOTH, OTHERS, 26, 30) is Refusal.COMMITMENT_BELOW_MINIMUM
    assert road.commit(BOTH, OTHERS, 26, 30.1) is Refusal.ACCEPTED


def test_minimum_green_of_a_red_yellow_counts():
    road = road_at()
    road.want(OTHERS)
    road.run(24.5)  # side is red-yellow since 24.1 s
    assert road.commit(OTHERS, BOTH, 25, 30) is Refusal.COMMITMENT_BELOW_MINIMUM
    assert road.commit(OTHERS, BOTH, 25, 30.1) is Refusal.ACCEPTED


def test_a_yellow_that_is_held_comes_back_after_its_rest():
    road = road_at()
    road.want(LEFT)
    road.step()  # main is yellow until 23.1 s, and seen red until 23.2 s
    assert road.commit(BOTH, OTHERS, 21, 28.1) is Refusal.COMMITMENT_BELOW_MINIMUM
    assert road.commit(BOTH, OTHERS, 21, 28.2) is Refusal.ACCEPTED
    road.run(30)
    assert road.changes(0, 20) == [(20.1, YELLOW), (23.1, RED), (23.2, GREEN), (28.2, YELLOW)]


def test_a_commitment_above_the_maximum_green_is_refused():
    road = road_at()
    # nobody waits: a call at once would end it 30 s from now
    assert road.commit(BOTH, OTHERS, 25, 50.1) is Refusal.COMMITMENT_ABOVE_MAXIMUM
    assert road.commit(BOTH, OTHERS, 25, 50) is Refusal.ACCEPTED
    road = road_at(calls=SIDE)  # since 14.1 s
    assert road.commit(BOTH, OTHERS, 25, 44.2) is Refusal.COMMITMENT_ABOVE_MAXIMUM
    assert road.commit(BOTH, OTHERS, 25, 44.1) is Refusal.ACCEPTED


def test_maximum_green_of_those_still_to_open_counts_from_their_green():
    road = road_at()
    road.want(OTHERS)
    road.step()  # walk turns green at 24.1 s, before side
    assert road.commit(OTHERS, BOTH, 30, 54.2) is Refusal.COMMITMENT_ABOVE_MAXIMUM
    assert road.commit(OTHERS, BOTH, 30, 54.1) is Refusal.ACCEPTED


def test_a_call_does_not_break_a_commitment_and_is_served_after_it():
    groups = tuple(group(name, max_red=5) for name in ("main", "left", "side", "walk"))
    road = road_at(layout=crossing(groups=groups))
    assert road.commit(BOTH, SIDE, 30, 34) is Refusal.ACCEPTED
    road.run(33, calls=WALK)  # due since 25.1 s
    assert road.changes(0, 20) == []
    assert road.last.commitment is not None
    road.run(60)
    assert road.changes(0, 20)[:2] == [(34, YELLOW), (37, RED)]
    assert road.changes(3, 20)[0] == (39.1, GREEN)  # side is open at 39 s, then walk is served


def test_those_who_became_overdue_meanwhile_are_served_in_the_order_of_their_calls():
    groups = tuple(group(name, max_red=5) for name in "abcd")
    apart = tuple(15 & ~(1 << bit) for bit in range(4))
    stages = (Stage("a", 1),)
    four_s = ((4 * SECOND_NS,) * 4,) * 4
    road = Road(
        crossing(groups=groups, conflicts=apart, yields=(0,) * 4, intergreen_ns=four_s, stages=stages, local=((0, 20 * SECOND_NS),))
    )
    road.run(20)
    assert road.commit(1, 0, 30, 34) is Refusal.ACCEPTED
    for second, bit in ((21, 3), (22, 1), (23, 2)):
        road.run(second, calls=1 << bit)
    road.run(70)
    # a ends at 34 s; each opens 4 s after the last, and has its 5 s
    assert [road.changes(bit, 30)[0] for bit in (3, 1, 2)] == [(38, GREEN), (47, GREEN), (56, GREEN)]


def test_nobody_commits_while_somebody_is_overdue():
    groups = tuple(group(name, max_red=5) for name in ("main", "left", "side", "walk"))
    road = road_at(layout=crossing(groups=groups))
    road.run(25, calls=WALK)
    assert road.commit(BOTH, SIDE, 30, 34) is Refusal.ACCEPTED
    road = road_at(layout=crossing(groups=groups))
    road.run(25.1, calls=WALK)
    assert road.commit(OTHERS, BOTH, 45, 50) is Refusal.COMMITMENT_OVERDUE


def test_a_green_that_goes_on_may_reach_its_maximum_within_a_commitment():
    road = road_at(calls=SIDE)  # main may be green until 44.1 s
    road.want(BOTH)
    assert road.commit(BOTH, MAIN, 40, 44.1) is Refusal.ACCEPTED
    road.run(44.1)
    assert road.changes(0, 20) == [(44.1, YELLOW)]
    assert road.changes(1, 20) == [(44.1, "PERMISSIVE_CLEARANCE")]
    road.run(60)
    assert road.changes(2, 20)[1] == (49.1, GREEN)  # nothing is held up by it


def test_the_next_commitment_may_follow_as_soon_as_the_last_has_switched():
    road = bound()
    road.run(31)
    assert road.commit(OTHERS, OTHERS, 45, 50) is Refusal.COMMITMENT_MALFORMED  # the same again
    assert road.commit(OTHERS, BOTH, 45, 50) is Refusal.ACCEPTED
    road.step()
    assert road.last.commitment == Commitment(BOTH, ns(45), ns(50))
    assert road.ends(2) == road.ends(3) == (35, 35)  # as promised before
    road.run(60)
    assert road.changes(3, 20) == [(35, GREEN), (50, RED)]


def test_who_is_neither_held_nor_named_opens_after_the_change_at_the_earliest():
    layout = crossing(conflicts=(SIDE, SIDE, MAIN | LEFT, 0), yields=(0, 0, 0, 0))
    road = road_at(layout=layout)
    assert road.commit(BOTH, SIDE, 25, 31) is Refusal.ACCEPTED
    road.step()
    assert road.ends(3) == (25, None)
    assert road.ends(2) == (29, 35)


def test_a_fault_voids_commitments():
    road = bound()
    road.step(passed_ns=SECOND_NS)
    assert road.last.mode is GuardMode.FAULT
    assert road.last.commitment is None
    assert road.ends(0)[1] is None


def test_a_window_is_meant_on_the_clock_of_its_command():
    road = road_at()
    road.step(passed_ns=-7_030_000_000)  # 12.97 s, where guard time is 20 s
    assert road.commit(BOTH, OTHERS, 18, 24) is Refusal.ACCEPTED
    road.step()
    assert road.last.commitment == Commitment(OTHERS, ns(18.07), ns(23.97))  # where its steps are


def test_a_window_is_narrowed_to_the_steps_where_they_are():
    road = road_at()
    road.step(passed_ns=130_000_000)
    assert road.commit(BOTH, OTHERS, 25, 31) is Refusal.ACCEPTED
    road.step()
    assert road.last.commitment == Commitment(OTHERS, ns(25.03), ns(30.93))


def test_promises_move_with_a_clock_that_was_set_back():
    road = bound()
    road.step(passed_ns=-7 * SECOND_NS)
    assert road.last.commitment == Commitment(OTHERS, ns(25 - 7), ns(31 - 7))
    assert road.ends(0) == pytest.approx((25 - 7, 31 - 7))
