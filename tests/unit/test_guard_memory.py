"""What the guard has to forget, and what it must not: calls that were served, commitments that were kept, time while nobody stepped it."""

from dataclasses import replace

from intersections.samples import PhaseState
from intersections.signals.control import UNBOUNDED_NS, GuardMode
from intersections.signals.guard import Guard
from intersections.signals.guard_words import GuardAct, Refusal
from intersections.signals.layout import SECOND_NS, Stage
from tests.guard_road import AUTHORS, BEGIN_NS, Road, ns
from tests.signal_layouts import LEFT, MAIN, SIDE, WALK, crossing, group

BOTH, OTHERS = MAIN | LEFT, SIDE | WALK
YELLOW = "PROTECTED_CLEARANCE"


def wants(road, greens, until_s):
    """The same for long: a command lives for 60 s at most."""
    while road.second < until_s:
        assert road.want(greens, valid_s=59) is Refusal.ACCEPTED
        road.run(min(road.second + 50, until_s))


def kept():
    """A commitment from main and left to the others at 25 to 31 s, made at its end, and back again by hand: main is green since 58.1 s."""
    road = Road()
    road.run(20)
    road.commit(BOTH, OTHERS, 25, 31)
    road.run(36)
    wants(road, BOTH, 60)
    assert road.last.greens == BOTH
    return road


def test_a_call_of_a_green_group_is_no_call_when_its_green_has_ended():
    road = Road()
    road.run(20)
    road.run(30, calls=MAIN)  # green since 14 s
    wants(road, SIDE, 200)
    assert not [event for event in road.events() if event[0] in (GuardAct.FORCED.name, GuardAct.CUT.name)]
    assert road.last.greens == SIDE


def test_a_call_that_was_served_limits_nobody_any_more():
    road = Road()
    road.run(20)
    road.run(21, calls=SIDE)
    wants(road, SIDE, 45)
    wants(road, BOTH, 200)
    assert road.last.greens == BOTH
    assert road.ends(0)[1] is None


def test_overdue_groups_of_different_foes_never_want_what_conflicts():
    """main against side and left against walk: with all but walk overdue, main's foe stays out although left's foe is another."""
    conflicts = (SIDE, WALK, MAIN, LEFT)
    layout = crossing(conflicts=conflicts, yields=(0, 0, 0, 0), stages=(Stage("a", BOTH), Stage("b", OTHERS)))
    road = Road(layout)
    road.run(20)
    road.want(0, valid_s=59)
    road.run(30)
    road.run(31, calls=MAIN | LEFT | SIDE)
    wants(road, 0, 120)
    assert {shown.greens for shown in road.shown if ns(90) < shown.now_ns} >= {BOTH, SIDE}
    assert all(not layout.clash(shown.wanted) for shown in road.shown)


def test_a_commitment_that_was_kept_promises_nothing_more():
    road = kept()
    assert road.ends(0) == (road.ends(0)[0], None)
    assert road.ends(2)[1] is None
    assert road.ends(3)[1] is None


def test_after_the_change_what_follows_is_promised_by_the_change_not_by_the_window():
    road = Road()
    road.run(20)
    assert road.commit(BOTH, OTHERS, 22, 44) is Refusal.ACCEPTED
    road.run(25)
    assert road.want(OTHERS) is Refusal.ACCEPTED
    road.step()
    assert road.changes(0, 20) == [(25.1, YELLOW)]
    assert road.ends(3) == (29.1, 29.1)  # 4 s after the end of main's green


def test_who_follows_by_a_commitment_against_nobody_opens_when_it_is_kept():
    road = Road()
    road.run(15)
    road.want(MAIN)
    road.run(24)
    assert road.commit(MAIN, LEFT, 26, 30) is Refusal.ACCEPTED
    road.step()
    assert road.ends(1) == (26, 30)
    road.run(31)
    assert road.changes(1, 24) == [(30, "PERMISSIVE_MOVEMENT_ALLOWED")]  # main is still yellow


def test_minimum_green_of_those_that_have_long_been_closed_counts_from_the_next_step():
    road = Road()
    road.run(20)
    road.want(MAIN)
    road.run(40)  # left is closed since 23.1 s, and nothing is against it
    assert road.commit(BOTH, OTHERS, 41, 45) is Refusal.COMMITMENT_BELOW_MINIMUM
    assert road.commit(BOTH, OTHERS, 41, 45.1) is Refusal.ACCEPTED


def test_a_fault_is_as_old_as_it_is_whatever_happens_to_the_clock():
    road = Road()
    road.run(20)
    road.guard.feedback((PhaseState.PROTECTED_MOVEMENT_ALLOWED,) * 4, road.now_ns)
    since_ns = road.step().since_ns
    assert road.last.mode is GuardMode.FAULT
    road.step(passed_ns=10 * SECOND_NS)
    road.step(passed_ns=-SECOND_NS)
    assert road.last.since_ns == tuple(one_ns - SECOND_NS for one_ns in since_ns)
    assert road.last.latest_end_ns == (UNBOUNDED_NS,) * 4


def test_a_snapshot_of_a_guard_with_other_times_is_refused():
    other = replace(crossing(), groups=(group("main", max_green=40), *crossing().groups[1:]))
    road = Road()
    road.run(20)
    guard = Guard(other, BEGIN_NS, AUTHORS)
    assert not guard.restore(road.guard.snapshot(), road.now_ns)
