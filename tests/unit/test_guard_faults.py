"""Faults, clocks and restarts, on the crossing of `signal_layouts`: main and left are green from 14 to 34 s."""

import pytest

from intersections.samples import PhaseState
from intersections.signals.control import GreenCommand, GuardMode
from intersections.signals.guard_words import GuardAct, GuardEvent, Limits, Refusal
from intersections.signals.layout import SECOND_NS, TICK_NS
from tests.guard_road import Road, ns
from tests.signal_layouts import LEFT, MAIN, SIDE, WALK

RED, GREEN, YELLOW = "STOP_AND_REMAIN", "PROTECTED_MOVEMENT_ALLOWED", "PROTECTED_CLEARANCE"
FLASH = (PhaseState.CAUTION_CONFLICTING_TRAFFIC,) * 3 + (PhaseState.DARK,)
LIT = [
    PhaseState.PRE_MOVEMENT,
    PhaseState.PERMISSIVE_MOVEMENT_ALLOWED,
    PhaseState.PROTECTED_MOVEMENT_ALLOWED,
    PhaseState.PERMISSIVE_CLEARANCE,
    PhaseState.PROTECTED_CLEARANCE,
]


def road_at(second=20, **changed):
    road = Road(**changed)
    road.run(second)
    road.guard.take_events()
    return road


def seen(road, **lamps):
    """What the guard shows, but for some lamps."""
    states = list(road.last.states)
    for name, state in lamps.items():
        states[road.guard.layout.index[name]] = state
    return tuple(states)


def fed(road, until_s, **lamps):
    """Each step is followed by its feedback."""
    while road.second < until_s and road.last.mode is not GuardMode.FAULT:
        road.guard.feedback(seen(road, **lamps), road.now_ns)
        road.step()
    return road


# Feedback


@pytest.mark.parametrize("side", LIT)
def test_conflicting_lamps_in_the_feedback_are_a_fault_at_the_next_step(side):
    road = road_at()
    road.guard.feedback(seen(road, side=side), road.now_ns + 20_000_000)
    assert road.last.mode is GuardMode.LOCAL
    assert road.step().mode is GuardMode.FAULT
    assert road.last.states == FLASH
    assert road.events() == [("FAULT", "FEEDBACK_CONFLICT", MAIN | LEFT | SIDE), ("MODE", "FAULT", 0)]


@pytest.mark.parametrize("side", [PhaseState.STOP_AND_REMAIN, PhaseState.STOP_THEN_PROCEED, PhaseState.UNKNOWN])
def test_what_is_closed_or_unknown_is_no_conflict(side):
    road = fed(road_at(), 30, side=side)
    assert road.last.mode is GuardMode.LOCAL


def test_permissive_greens_are_no_conflict_and_their_letters_are_one_colour():
    road = fed(road_at(), 30, left=PhaseState.PROTECTED_MOVEMENT_ALLOWED, main=PhaseState.PERMISSIVE_MOVEMENT_ALLOWED)
    assert road.last.mode is GuardMode.LOCAL


def test_a_lamp_that_does_not_follow_is_a_fault_after_three_steps():
    road = fed(road_at(), 40, main=PhaseState.PROTECTED_MOVEMENT_ALLOWED)
    # main should be yellow from 34 s on: the feedback is wrong from then
    assert road.second == 34.3
    assert road.last.states == FLASH
    assert ("FAULT", "LAMP_MISMATCH", MAIN) in road.events()


def test_a_dark_lamp_is_a_fault_whatever_it_should_show():
    for second in (20, 36, 38.2, 40):  # green, yellow and red, red-yellow
        road = fed(road_at(second), second + 1, side=PhaseState.DARK)
        assert road.second == pytest.approx(second + 0.3)


def test_a_mismatch_counts_from_its_feedback():
    road = road_at()
    road.guard.feedback(seen(road, main=PhaseState.DARK), road.now_ns + 1)
    road.run(20.3)
    assert road.last.mode is GuardMode.LOCAL
    assert road.step().mode is GuardMode.FAULT


def test_lamps_may_be_late_by_two_steps():
    road = road_at()
    road.guard.feedback(seen(road, main=PhaseState.DARK), road.now_ns)
    road.step()
    road.guard.feedback(seen(road, main=PhaseState.DARK), road.now_ns)
    road.step()
    road.guard.feedback(seen(road), road.now_ns)
    road.run(21)
    road.guard.feedback(seen(road, main=PhaseState.DARK), road.now_ns)
    road.run(21.2)
    road.guard.feedback(seen(road), road.now_ns)
    road.run(30)
    assert road.last.mode is GuardMode.LOCAL


def test_each_lamp_has_its_own_patience():
    road = road_at()
    for number in range(10):
        wrong = {"main": PhaseState.DARK} if number % 4 < 2 else {"left": PhaseState.DARK}
        road.guard.feedback(seen(road, **wrong), road.now_ns)
        road.step()
    assert road.last.mode is GuardMode.LOCAL


def test_feedback_of_another_length_is_wrong_for_all():
    road = road_at()
    road.guard.feedback(road.last.states[:3], road.now_ns)
    road.run(20.3)
    assert road.last.mode is GuardMode.FAULT
    assert ("FAULT", "LAMP_MISMATCH", 15) in road.events()


def test_conflicting_lamps_are_a_fault_while_the_signals_start_too():
    road = road_at(2)
    road.guard.feedback((PhaseState.PROTECTED_MOVEMENT_ALLOWED,) * 4, road.now_ns)
    assert road.step().mode is GuardMode.FAULT


def test_a_lamp_that_does_not_flash_is_a_fault():
    road = fed(road_at(2), 4, main=PhaseState.DARK)
    assert road.second == 2.3
    assert ("FAULT", "LAMP_MISMATCH", MAIN) in road.events()


# The latch


def test_a_fault_stays_until_somebody_who_may_resets_it():
    road = road_at()
    assert road.guard.reset("planner", road.now_ns) is Refusal.NO_FAULT
    road.step(passed_ns=SECOND_NS)
    road.run(300)
    assert road.last.mode is GuardMode.FAULT
    assert [road.ends(bit) for bit in range(4)] == [(21, None)] * 4
    assert road.want(MAIN) is Refusal.NOT_IN_SERVICE
    road.guard.take_events()
    assert road.guard.reset("stranger", road.now_ns + 7) is Refusal.UNAUTHORISED
    assert road.guard.take_events() == [GuardEvent(road.now_ns + 7, GuardAct.REFUSED, "UNAUTHORISED", "stranger", 0)]
    assert road.step().mode is GuardMode.FAULT
    assert road.guard.reset("planner", road.now_ns + 8) is Refusal.ACCEPTED
    assert road.guard.take_events() == [
        GuardEvent(road.now_ns + 8, GuardAct.RESET, "WATCHDOG", "planner"),
        GuardEvent(road.now_ns, GuardAct.MODE, "FLASHING"),
    ]
    road.run(330)
    assert road.changes(0, 300) == [(305.1, RED), (314.1, GREEN)]  # as after power-up, from 300.1 s
    assert road.guard.refused == {Refusal.NO_FAULT: 1, Refusal.NOT_IN_SERVICE: 1, Refusal.UNAUTHORISED: 1}


def test_what_was_wanted_before_a_fault_is_forgotten_but_not_who_has_said_what():
    road = road_at()
    assert road.want(SIDE, sequence=5) is Refusal.ACCEPTED
    road.run(21, calls=WALK)
    road.step(passed_ns=SECOND_NS)
    road.guard.reset("planner", road.now_ns)
    road.run(40)
    assert road.last.mode is GuardMode.LOCAL
    assert road.ends(3)[1] is None
    assert road.want(SIDE, sequence=5) is Refusal.DUPLICATE


def test_a_second_fault_changes_nothing():
    road = road_at()
    road.step(passed_ns=SECOND_NS)
    road.guard.take_events()
    road.step(passed_ns=SECOND_NS)
    road.guard.feedback((PhaseState.PROTECTED_MOVEMENT_ALLOWED,) * 4, road.now_ns)
    road.run(30)
    assert road.guard.take_events() == []
    assert road.last.since_ns == (ns(21),) * 4


# Clocks


def test_the_guard_not_stepped_for_more_than_half_a_second_is_a_fault():
    road = road_at()
    road.step(passed_ns=5 * TICK_NS)
    assert road.last.mode is GuardMode.LOCAL
    road.step(passed_ns=5 * TICK_NS + 1)
    assert road.last.mode is GuardMode.FAULT
    assert road.last.states == FLASH
    assert ("FAULT", "WATCHDOG", 0) in road.events()


def test_flashing_that_nobody_could_see_begins_anew():
    road = road_at(4)
    road.step(passed_ns=3_600 * SECOND_NS)
    assert road.last.mode is GuardMode.FLASHING
    assert road.ends(0) == (3_609, 3_609)
    road.run(3_609)
    assert road.last.mode is GuardMode.ALL_RED


def test_a_late_step_skips_no_state_and_shortens_none():
    road = road_at(20)
    road.want(SIDE)
    road.step()
    road.run(22.9)  # main is yellow until 23.1 s, side's red-yellow from 24.1 s
    road.step(passed_ns=5 * TICK_NS)
    assert road.changes(0, 20) == [(20.1, YELLOW), (23.4, RED)]
    road.run(23.9)
    road.step(passed_ns=5 * TICK_NS)
    road.run(30)
    assert road.changes(2, 20) == [(24.4, "PRE_MOVEMENT"), (25.4, GREEN)]  # exact again


def test_a_clock_that_goes_back_holds_time():
    road = road_at(20)
    road.want(SIDE)
    road.step()
    road.run(21)
    states = road.last.states
    road.step(passed_ns=-3_600 * SECOND_NS)
    assert road.last.states == states
    assert road.events()[-1] == ("CLOCK_BACK", "", 0)
    back_s = 3_600
    assert road.last.since_ns[0] == ns(20.1 - back_s)
    road.run(30 - back_s)
    changes = [(round(second + back_s, 6), name) for second, name in road.changes(0, -5_000) if second < 0]
    assert changes == [(23.1, RED)]


def test_a_command_lives_as_long_as_it_was_meant_to_when_the_clock_is_set():
    road = road_at(20)
    road.want(SIDE, valid_s=10)
    road.step(passed_ns=-100 * SECOND_NS)
    road.run(-70.1)
    assert road.last.mode is GuardMode.COMMANDED
    assert road.step().mode is GuardMode.LOCAL


def test_a_command_between_two_steps_lives_from_when_it_came():
    road = road_at(20)
    assert road.guard.command(_command(road, ns(20.05), valid_s=1), ns(20.05)) is Refusal.ACCEPTED
    road.run(21)
    assert road.last.mode is GuardMode.COMMANDED
    assert road.step().mode is GuardMode.LOCAL


def test_a_command_from_before_the_last_step_lives_from_that_step():
    road = road_at(20)
    assert road.guard.command(_command(road, ns(19), valid_s=1), ns(19)) is Refusal.ACCEPTED
    road.run(20.9)
    assert road.last.mode is GuardMode.COMMANDED
    assert road.run(21).mode is GuardMode.LOCAL


def _command(road, now_ns, valid_s):
    return GreenCommand("planner", 1, SIDE, now_ns, now_ns + valid_s * SECOND_NS)


def test_a_clock_that_stands_still_is_a_fault():
    road = road_at(20)
    for _ in range(4):
        assert road.step(passed_ns=0).mode is GuardMode.LOCAL
    road.step()
    for _ in range(4):
        assert road.step(passed_ns=-1).mode is GuardMode.LOCAL
    assert road.step(passed_ns=0).mode is GuardMode.FAULT
    assert ("FAULT", "CLOCK_STOPPED", 0) in road.events()


def test_a_late_step_ends_a_standstill_too():
    road = road_at(2)
    for _ in range(4):
        road.step(passed_ns=0)
    road.step(passed_ns=SECOND_NS)
    for _ in range(4):
        assert road.step(passed_ns=0).mode is GuardMode.FLASHING


def test_limits_are_the_callers():
    limits = Limits(flash_ns=SECOND_NS, all_red_ns=20 * SECOND_NS, watchdog_ns=2 * SECOND_NS, mismatch_ns=SECOND_NS, still_steps=2)
    road = road_at(20.9, limits=limits)
    assert road.last.mode is GuardMode.ALL_RED
    road.run(21)
    assert road.last.mode is GuardMode.LOCAL
    assert road.step(passed_ns=2 * SECOND_NS).mode is GuardMode.LOCAL
    assert fed(road, 30, main=PhaseState.DARK).second == 24
    road = road_at(30, limits=limits)
    road.step(passed_ns=0)
    assert road.step(passed_ns=0).mode is GuardMode.FAULT
