"""The guard on a small crossing: times derived by hand from the tables of `signal_layouts.crossing`."""

from intersections.samples import PhaseState
from intersections.signals.control import GreenCommand, GuardMode
from intersections.signals.guard import Guard
from intersections.signals.guard_words import Refusal
from intersections.signals.layout import SECOND_NS, TICK_NS
from tests.signal_layouts import LEFT, MAIN, SIDE, WALK, crossing

BEGIN_NS = 1_000 * SECOND_NS
AUTHORS = frozenset({"planner", "preemption"})


class Road:
    """A guard stepped on its grid; everything shown is kept."""

    def __init__(self, layout=None, **limits):
        self.guard = Guard(layout or crossing(), BEGIN_NS, AUTHORS, **limits)
        self.now_ns, self.shown, self.sequence = BEGIN_NS, [], 0

    def run(self, until_s, calls=0):
        while self.now_ns <= BEGIN_NS + round(until_s * SECOND_NS):
            self.shown.append(self.guard.step(self.now_ns, calls))
            self.now_ns += TICK_NS
        return self.shown[-1]

    def want(self, greens, *, commitment=None, author="planner", valid_s=50, **changed):
        self.sequence += 1
        now_ns = self.now_ns - TICK_NS
        fields = {"sequence": self.sequence, "issued_ns": now_ns, "valid_until_ns": now_ns + valid_s * SECOND_NS} | changed
        return self.guard.command(GreenCommand(author, greens=greens, commitment=commitment, **fields), now_ns)

    def changes(self, bit):
        """(second, state) whenever the group's lamp changes."""
        seen = [(round((shown.now_ns - BEGIN_NS) / SECOND_NS, 3), shown.states[bit].name) for shown in self.shown]
        return [after for before, after in zip([(None, None), *seen], seen, strict=False) if before[1] != after[1]]


def test_start_up_flashes_then_all_red_then_the_first_stage_of_the_local_plan():
    road = Road()
    road.run(20)
    # 5 s of flashing; all-red as long as the longest intergreen, 9 s
    assert road.changes(0) == [(0, "CAUTION_CONFLICTING_TRAFFIC"), (5, "STOP_AND_REMAIN"), (14, "PROTECTED_MOVEMENT_ALLOWED")]
    assert road.changes(1)[-1] == (14, "PERMISSIVE_MOVEMENT_ALLOWED")
    assert road.changes(3) == [(0, "DARK"), (5, "STOP_AND_REMAIN")]


def test_the_local_plan_goes_round_by_legal_transitions():
    road = Road()
    road.run(75)
    # main 14-34 s, then 5 s to side (the last second of it red-yellow), 4 s to walk; 12 s from when both are green, 9 s from walk to main
    assert road.changes(0)[2:] == [
        (14, "PROTECTED_MOVEMENT_ALLOWED"),
        (34, "PROTECTED_CLEARANCE"),
        (37, "STOP_AND_REMAIN"),
        (60, "PROTECTED_MOVEMENT_ALLOWED"),
    ]
    assert road.changes(2)[2:] == [
        (38, "PRE_MOVEMENT"),
        (39, "PERMISSIVE_MOVEMENT_ALLOWED"),
        (51, "PROTECTED_CLEARANCE"),
        (54, "STOP_AND_REMAIN"),
    ]
    assert road.changes(3)[2:] == [(38, "PROTECTED_MOVEMENT_ALLOWED"), (51, "STOP_AND_REMAIN")]


def test_a_command_is_followed_and_when_it_expires_the_local_plan_takes_over():
    road = Road()
    road.run(20)
    assert road.want(SIDE | WALK, valid_s=15) is Refusal.ACCEPTED
    road.run(34)
    assert road.shown[-1].mode is GuardMode.COMMANDED
    assert road.changes(0)[-2:] == [(20.1, "PROTECTED_CLEARANCE"), (23.1, "STOP_AND_REMAIN")]
    road.run(35)
    assert road.shown[-1].mode is GuardMode.LOCAL


def test_conflicting_greens_are_refused_and_change_nothing():
    road = Road()
    road.run(20)
    before = road.shown[-1]
    assert road.want(MAIN | SIDE) is Refusal.CONFLICT
    assert road.guard.refused == {Refusal.CONFLICT: 1}
    road.run(21)
    assert road.shown[-1].states == before.states
    assert road.shown[-1].mode is GuardMode.LOCAL
    assert road.want(MAIN | LEFT, sequence=1) is Refusal.ACCEPTED  # the refused one has not used up its number


def test_minimum_green_holds_against_preemption():
    road = Road()
    road.run(15)  # main is green since 14 s
    assert road.want(SIDE, author="preemption") is Refusal.ACCEPTED
    road.run(30)
    assert road.changes(0)[-2] == (19, "PROTECTED_CLEARANCE")
    assert road.shown[-1].states[2] is PhaseState.PROTECTED_MOVEMENT_ALLOWED  # walk is not wanted: nobody to yield to
