"""Whatever layout, command, attack, fault, clock and restart: each step that the guard shows is judged by the oracle, and by its twin.

`make guard-soak` runs the same machine for longer, with other examples each time.
"""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from intersections.samples import PhaseState
from intersections.signals.control import Commitment, GuardMode
from intersections.signals.guard_words import Refusal
from intersections.signals.layout import SECOND_NS, TICK_NS
from tests.guard_drive import Drive, random_layout

SIMULATED_S = 100_000
EXAMPLES = 250
simulated = {"seconds": 0.0, "transitions": 0}
seeds = st.integers(0, 2**32 - 1)
masks = st.integers(0, 2**9 - 1)
shares = st.sampled_from((0.0, 0.1, 0.5))


class AnyGuard(RuleBasedStateMachine):
    @initialize(seed=seeds)
    def a_layout(self, seed):
        self.drive = Drive(random_layout(random.Random(seed)))

    def teardown(self):
        if hasattr(self, "drive"):
            simulated["seconds"] += self.drive.seconds
            simulated["transitions"] += self.drive.oracle.transitions

    @rule(steps=st.integers(1, 900), calls=masks)
    def time_passes(self, steps, calls):
        self.drive.run(steps, calls)

    def in_service(self):
        if self.drive.shown.mode == GuardMode.FAULT:
            assert self.drive.reset() is Refusal.ACCEPTED
            self.drive.step()
        self.drive.start()

    @rule(seconds=st.integers(1, 180), seed=seeds, call_share=shares, commit_share=shares)
    def somebody_plans(self, seconds, seed, call_share, commit_share):
        self.in_service()
        self.drive.plan(seconds, random.Random(seed), call_share=call_share, commit_share=commit_share)

    @rule(seconds=st.integers(1, 60), seed=seeds, call_share=shares)
    def somebody_preempts(self, seconds, seed, call_share):
        """Beside what the planner has commanded last."""
        self.in_service()
        self.drive.plan(seconds, random.Random(seed), call_share=call_share, commit_share=0, author="preemption")

    @rule(greens=st.integers(-(2**9), 2**70))
    def any_greens(self, greens):
        self.drive.command(greens)

    @rule(author=st.sampled_from(("stranger", "", "preemption")))
    def a_stranger_commands(self, author):
        self.drive.command(0, author=author)

    @rule(sequence=st.integers(-5, 50))
    def an_old_command_comes_again(self, sequence):
        self.drive.command(self.drive.shown.wanted, sequence=sequence)

    @rule(issued_ns=st.integers(-(10**11), 10**11), valid_ns=st.integers(-(10**11), 10**11))
    def a_command_of_another_time(self, issued_ns, valid_ns):
        now_ns = self.drive.now_ns
        self.drive.command(0, issued_ns=now_ns + issued_ns, valid_until_ns=now_ns + valid_ns)

    @rule(greens=st.integers(-(2**9), 2**10), earliest_ns=st.integers(-(2**35), 2**36), width_ns=st.integers(-(2**30), 2**36))
    def any_commitment(self, greens, earliest_ns, width_ns):
        first_ns = self.drive.now_ns + earliest_ns
        self.drive.command(self.drive.shown.greens, Commitment(greens, first_ns, first_ns + width_ns))

    @rule(seconds=st.integers(1, 200))
    def the_planner_falls_silent(self, seconds):
        self.drive.run(seconds * 10)

    @rule(late_ns=st.lists(st.integers(1, 5 * TICK_NS), min_size=1, max_size=30), calls=masks)
    def steps_come_early_and_late(self, late_ns, calls):
        for passed_ns in late_ns:
            self.drive.step(passed_ns, calls)

    @rule(back_ns=st.integers(0, 10**18), times=st.integers(1, 4))
    def the_clock_goes_back(self, back_ns, times):
        for _ in range(times):
            self.drive.step(-back_ns)
        self.drive.run(1)

    @rule(jump_ns=st.integers(5 * TICK_NS + 1, 10**15))
    def the_guard_is_not_stepped(self, jump_ns):
        self.drive.step(jump_ns)

    @rule(steps=st.integers(5, 7))
    def the_clock_stands_still(self, steps):
        for _ in range(steps):
            self.drive.step(0)

    @rule()
    def the_process_is_restarted_at_once(self):
        self.drive.restart()

    @rule(away_ns=st.integers(-(10**12), 10**12).filter(lambda away_ns: not 0 <= away_ns <= 5 * TICK_NS))
    def the_process_is_restarted_too_late(self, away_ns):
        self.drive.restart(away_ns)

    @rule(steps=st.integers(1, 50))
    def lamps_follow_one_step_late(self, steps):
        for _ in range(steps):
            before = self.drive.shown.states
            self.drive.step()
            self.drive.feed_back(before)
        self.drive.feed_back(self.drive.shown.states)

    @rule(seed=seeds)
    def conflicting_lamps_are_lit(self, seed):
        if self.drive.shown.mode != GuardMode.FAULT:
            self.drive.conflict_in_the_feedback(random.Random(seed))

    @precondition(lambda self: self.drive.shown.mode != GuardMode.FAULT)
    @rule(row=st.integers(0, 7), stuck=st.sampled_from((PhaseState.DARK, PhaseState.STOP_AND_REMAIN)))
    def a_lamp_does_not_follow(self, row, stuck):
        """Dark, or red for ever: at the latest half a second after it differs for good, all lamps flash."""
        row %= len(self.drive.layout.groups)
        differs = 0
        for _ in range(60):
            shown = self.drive.shown.states
            same = {shown[row], PhaseState.STOP_THEN_PROCEED} if shown[row] == stuck else {shown[row]}
            red = stuck is PhaseState.STOP_AND_REMAIN and shown[row] is PhaseState.STOP_THEN_PROCEED
            differs = 0 if stuck in same or red else differs + 1
            self.drive.feed_back((*shown[:row], stuck, *shown[row + 1 :]), faulty=differs == 3)
            self.drive.step()
            if differs == 3:
                return
        self.drive.feed_back(self.drive.shown.states)

    @rule(author=st.sampled_from(("planner", "planner", "stranger")))
    def somebody_resets(self, author):
        self.drive.reset(author)
        self.drive.step()


@pytest.mark.timeout(600)
def test_no_reachable_guard_breaks_an_invariant():
    simulated.update(seconds=0.0, transitions=0)
    run_state_machine_as_test(AnyGuard, settings=settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None, derandomize=True))
    assert simulated["seconds"] >= SIMULATED_S
    assert simulated["transitions"] >= SIMULATED_S / 10  # the lamps do change meanwhile


@pytest.mark.parametrize("seed", range(40))
def test_senseless_planning_breaks_no_invariant(seed):
    """Ten minutes without a fault, where greens reach their maximum and calls are overdue together."""
    chance = random.Random(seed)
    drive = Drive(random_layout(chance), now_ns=seed * SECOND_NS)
    drive.start()
    while drive.seconds < 600:
        drive.plan(100, chance, call_share=chance.choice((0, 0.1, 0.5)), commit_share=chance.choice((0, 0.3, 0.9)))
        drive.run(chance.randint(0, 600), chance.getrandbits(8) if chance.random() < 0.3 else 0)
    assert drive.shown.mode in {GuardMode.COMMANDED, GuardMode.LOCAL}
    assert drive.accepted["plain"] > 10
