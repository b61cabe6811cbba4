"""The guard on a small crossing: times derived by hand from the tables of `signal_layouts.crossing`.

In service from 14 s on (5 s of flashing, 9 s of all-red, the longest intergreen). Local plan: main and left 20 s, side and walk 12 s.
"""

import pytest

from intersections.samples import PhaseState
from intersections.signals.control import GuardMode
from intersections.signals.guard_tables import Lamp, tables_of
from intersections.signals.guard_words import GuardAct, GuardEvent, Refusal
from intersections.signals.layout import SECOND_NS, TICK_NS, GroupKind, Stage
from tests.guard_road import Road, ns
from tests.signal_layouts import LEFT, MAIN, SIDE, WALK, crossing, group

RED, GREEN, YELLOW = "STOP_AND_REMAIN", "PROTECTED_MOVEMENT_ALLOWED", "PROTECTED_CLEARANCE"


def test_start_up_flashes_then_all_red_then_the_first_stage_of_the_local_plan():
    road = Road()
    assert road.last.mode is GuardMode.FLASHING
    assert [road.ends(bit) for bit in range(4)] == [(5, 5)] * 4
    road.run(5)
    assert road.last.mode is GuardMode.ALL_RED
    assert road.last.since_ns == (ns(5),) * 4
    assert [road.ends(bit) for bit in range(4)] == [(14, 14), (14, 14), (14, None), (14, None)]
    road.run(20)
    assert road.changes(0) == [(0, "CAUTION_CONFLICTING_TRAFFIC"), (5, RED), (14, GREEN)]
    assert road.changes(1) == [(0, "CAUTION_CONFLICTING_TRAFFIC"), (5, RED), (14, "PERMISSIVE_MOVEMENT_ALLOWED")]
    assert road.changes(3) == [(0, "DARK"), (5, RED)]
    assert road.last.since_ns == (ns(14), ns(14), ns(5), ns(5))
    assert (road.last.greens, road.last.wanted) == (MAIN | LEFT, MAIN | LEFT)
    assert road.events() == [("MODE", "ALL_RED", 0), ("MODE", "LOCAL", 0)]


def test_all_red_at_start_up_lasts_as_long_as_it_must_without_intergreens():
    layout = crossing(conflicts=(0, 0, 0, 0))
    road = Road(layout)
    road.run(9)
    assert road.changes(0) == [(0, "CAUTION_CONFLICTING_TRAFFIC"), (5, RED), (8, GREEN)]


def test_the_local_plan_goes_round_by_legal_transitions():
    road = Road()
    road.run(100)
    # main ends after 20 s; walk opens 4 s later, side 5 s later (1 s of it red-yellow); 12 s from when both are green; 9 s of clearance
    assert road.changes(0, 14) == [(14, GREEN), (34, YELLOW), (37, RED), (60, GREEN), (80, YELLOW), (83, RED)]
    assert road.changes(1, 14)[1:] == [
        (34, "PERMISSIVE_CLEARANCE"),
        (37, RED),
        (60, "PERMISSIVE_MOVEMENT_ALLOWED"),
        (80, "PERMISSIVE_CLEARANCE"),
        (83, RED),
    ]
    side = [(38, "PRE_MOVEMENT"), (39, "PERMISSIVE_MOVEMENT_ALLOWED"), (51, YELLOW), (54, RED)]
    assert road.changes(2, 14) == [*side, (84, "PRE_MOVEMENT"), (85, "PERMISSIVE_MOVEMENT_ALLOWED"), (97, YELLOW), (100, RED)]
    assert road.changes(3, 14) == [(38, GREEN), (51, RED), (84, GREEN), (97, RED)]


def test_a_group_of_two_stages_that_follow_each_other_stays_green_for_the_time_of_both():
    stages = (Stage("all", MAIN | LEFT), Stage("main", MAIN), Stage("side", SIDE))
    road = Road(crossing(stages=stages, local=((0, 10 * SECOND_NS), (1, 7 * SECOND_NS), (2, 6 * SECOND_NS))))
    road.run(40)
    assert road.changes(0, 14) == [(14, GREEN), (31, YELLOW), (34, RED)]
    assert road.changes(1, 14)[1] == (24, "PERMISSIVE_CLEARANCE")
    assert road.changes(2, 14) == [(35, "PRE_MOVEMENT"), (36, GREEN)]


def test_a_command_is_followed_and_when_it_expires_the_local_plan_takes_over_and_back():
    road = Road()
    road.run(20)
    assert road.want(SIDE, valid_s=15) is Refusal.ACCEPTED
    assert road.run(34.9).mode is GuardMode.COMMANDED
    assert road.changes(0, 20) == [(20.1, YELLOW), (23.1, RED)]
    assert road.changes(2, 20) == [(24.1, "PRE_MOVEMENT"), (25.1, GREEN)]
    # the stage nearest to what is lit is side and walk: 12 s from when walk too is green
    assert road.run(35).mode is GuardMode.LOCAL
    assert road.last.wanted == SIDE | WALK
    road.run(47)
    assert road.changes(3, 20) == [(35, GREEN), (47, RED)]
    assert road.want(SIDE) is Refusal.ACCEPTED
    assert road.step().mode is GuardMode.COMMANDED
    assert [name for act, name, _ in road.events() if act == "MODE"][2:] == ["COMMANDED", "LOCAL", "COMMANDED"]


def test_greens_that_are_wanted_no_more_end_even_if_nothing_follows():
    road = Road()
    road.run(20)
    assert road.want(0) is Refusal.ACCEPTED
    road.run(30)
    assert road.changes(0, 20) == [(20.1, YELLOW), (23.1, RED)]
    assert road.last.greens == road.last.wanted == 0


def test_a_rest_is_seen_for_a_step_even_if_the_group_is_wanted_again():
    road = Road()
    road.run(20)
    road.want(LEFT)
    road.run(21)
    road.want(MAIN | LEFT)
    road.run(30)
    assert road.changes(0, 20) == [(20.1, YELLOW), (23.1, RED), (23.2, GREEN)]


def test_a_rest_is_not_cut_short_by_a_step_that_comes_early():
    road = Road()
    road.run(20)
    road.want(LEFT)
    road.run(21)
    road.want(MAIN | LEFT)
    road.run(23.1)
    assert road.step(passed_ns=1).states[0].name == RED
    assert road.last.earliest_end_ns[0] > road.now_ns
    assert road.step(passed_ns=TICK_NS - 1).states[0].name == GREEN


def test_minimum_green_holds_against_preemption():
    road = Road()
    road.run(15)  # main is green since 14 s
    assert road.want(SIDE, author="preemption") is Refusal.ACCEPTED
    road.run(30)
    assert road.changes(0, 15) == [(19, YELLOW), (22, RED)]
    assert road.changes(2, 15) == [(23, "PRE_MOVEMENT"), (24, GREEN)]  # protected: walk is closed


def test_two_preemptions_in_turn_never_meet():
    road = Road()
    road.run(20)
    for _ in range(30):
        road.want(SIDE, author="preemption")
        road.run(road.second + 0.5)
        road.want(MAIN, author="planner")
        road.run(road.second + 0.5)
    for shown in road.shown:
        lit = {bit for bit, state in enumerate(shown.states) if state.name not in {RED, "DARK", "CAUTION_CONFLICTING_TRAFFIC"}}
        assert not (2 in lit and lit & {0, 1})


def test_pedestrians_clear_the_crossing_before_anybody_gets_green():
    road = Road()
    road.run(45)  # walk is green since 38 s
    road.want(MAIN, author="preemption")
    road.run(60)
    assert road.changes(3, 45) == [(45.1, RED)]
    assert road.changes(0, 45) == [(54.1, GREEN)]  # 9 s of clearance, nobody cuts it


def test_red_yellow_lies_within_the_intergreen_but_not_within_the_yellow():
    # 3 s from green to green, all of them yellow: red-yellow comes after
    layout = crossing(intergreen_ns=tuple((3 * SECOND_NS,) * 4 for _ in range(4)))
    road = Road(layout)
    road.run(20)
    road.want(SIDE)
    road.run(30)
    assert road.changes(2, 20) == [(23.1, "PRE_MOVEMENT"), (24.1, GREEN)]


def test_groups_without_yellow_and_conflicts_open_and_close_at_once():
    groups = (group("main", yellow=0), group("left", yellow=0), group("side"), group("walk", GroupKind.PEDESTRIAN))
    road = Road(crossing(groups=groups, intergreen_ns=((0,) * 4, (0,) * 4, (4 * SECOND_NS,) * 4, (0,) * 4)))
    road.run(20)
    road.want(WALK)
    road.step()
    assert road.changes(0, 20) == [(20.1, RED)]
    assert road.changes(3, 20) == [(20.1, GREEN)]


def test_a_yielding_green_is_permissive_while_the_other_is_lit_and_protected_after():
    road = Road()
    road.run(20)
    road.want(LEFT)
    road.run(30)
    assert road.changes(1, 14) == [(14, "PERMISSIVE_MOVEMENT_ALLOWED"), (23.1, GREEN)]  # main's yellow counts
    assert road.last.since_ns[1] == ns(14)  # the green goes on


def test_a_group_shows_its_own_rest():
    groups = tuple(group(name, rest=PhaseState.STOP_THEN_PROCEED) for name in "abcd")
    road = Road(crossing(groups=groups))
    road.run(20)
    assert road.changes(2) == [(0, "CAUTION_CONFLICTING_TRAFFIC"), (5, "STOP_THEN_PROCEED")]


# Maximum green, maximum red


def test_maximum_green_counts_from_when_somebody_waits():
    road = Road()
    road.run(20)
    road.want(MAIN | LEFT, valid_s=60)
    assert road.run(22.9).latest_end_ns[0] > ns(10_000)
    road.run(23, calls=SIDE)
    assert road.ends(0) == (19, 53)
    assert road.ends(2)[1] > 83  # maximum red and what else may come first
    road.run(80)
    assert road.changes(0, 20) == [(53, YELLOW), (56, RED), (67, GREEN)]
    assert road.changes(2, 20) == [(57, "PRE_MOVEMENT"), (58, GREEN), (63, YELLOW), (66, RED)]  # served for its minimum
    assert [event for event in road.events() if event[0] in {"CUT", "FORCED"}] == [
        ("CUT", "", MAIN),
        ("CUT", "", LEFT),
        ("FORCED", "", SIDE),
    ]


def test_a_call_that_waits_already_limits_the_next_green_from_its_start():
    road = Road()
    road.run(15)
    road.want(SIDE)
    road.run(19.5, calls=WALK)  # main is yellow since 19 s
    road.want(LEFT, valid_s=60)
    road.run(22.2)
    assert road.changes(1, 22) == [(22, RED), (22.1, GREEN)]
    assert road.ends(1) == (27.1, 52.1)


def test_of_those_who_wait_the_longest_is_served_after_a_maximum_green():
    road = Road()
    road.run(20)
    road.want(MAIN | LEFT, valid_s=60)
    road.run(21, calls=WALK)
    road.run(23, calls=SIDE)
    assert road.run(54).wanted == WALK  # since 20.1 s; side is not due yet, and main is barred until walk is served
    assert road.changes(0, 20) == [(50.1, YELLOW), (53.1, RED)]
    assert road.run(56).wanted == MAIN | LEFT
    assert road.changes(3, 20) == [(54.1, GREEN)]


def test_maximum_red_forces_service_although_nobody_wants_it():
    groups = tuple(group(name, max_green=200, max_red=60) for name in ("main", "left", "side", "walk"))
    road = Road(crossing(groups=groups))
    road.run(20)
    road.want(MAIN, valid_s=60)
    road.run(20.2, calls=WALK)
    road.want(MAIN, valid_s=60)
    road.run(79)
    road.want(MAIN, valid_s=60)
    road.run(100)
    # called at 20.1 s; its minimum green of 5 s, then back after its 9 s of clearance
    assert road.changes(0, 60) == [(80.1, YELLOW), (83.1, RED), (98.1, GREEN)]
    assert road.changes(3, 60) == [(84.1, GREEN), (89.1, YELLOW), (92.1, RED)]


def test_two_that_are_overdue_are_served_one_after_the_other_in_the_order_of_their_calls():
    road = Road()
    road.run(20)
    road.want(0, valid_s=60)
    road.run(30)
    road.run(30.1, calls=WALK)
    road.run(31, calls=MAIN)
    road.want(0, valid_s=60)
    road.run(85)
    road.want(0, valid_s=60)
    road.run(120)
    assert road.changes(3, 30) == [(90.1, GREEN), (95.1, RED)]
    assert road.changes(0, 30) == [(104.1, GREEN), (109.1, YELLOW), (112.1, RED)]


def test_two_overdue_that_agree_are_served_together():
    road = Road()
    road.run(20)
    road.want(0, valid_s=60)
    road.run(30)
    road.run(30.1, calls=WALK | SIDE)
    road.want(0, valid_s=60)
    road.run(85)
    road.want(0, valid_s=60)
    road.run(92)
    assert road.changes(3, 30) == [(90.1, GREEN)]
    assert road.changes(2, 30) == [(90.1, "PRE_MOVEMENT"), (91.1, "PERMISSIVE_MOVEMENT_ALLOWED")]


def test_a_call_of_a_green_group_waits_for_nothing():
    road = Road()
    road.run(40, calls=MAIN)
    assert road.ends(0)[1] > 90  # called again when it ended at 34 s
    road = Road()
    road.run(33, calls=MAIN)
    assert road.ends(0) == (19, None)


# Refusals


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"author": "stranger"}, Refusal.UNAUTHORISED),
        ({"sequence": 1}, Refusal.DUPLICATE),
        ({"sequence": 0}, Refusal.OLD),
        ({"issued_ns": ns(15) - 1}, Refusal.STALE),
        ({"issued_ns": ns(21) + 1}, Refusal.FROM_FUTURE),
        ({"valid_until_ns": ns(20)}, Refusal.EXPIRED),
        ({"valid_until_ns": ns(80) + 1}, Refusal.VALID_TOO_LONG),
        ({"greens": 16}, Refusal.UNKNOWN_GROUP),
        ({"greens": -1}, Refusal.UNKNOWN_GROUP),
        ({"greens": MAIN | SIDE}, Refusal.CONFLICT),
        ({"greens": LEFT | WALK}, Refusal.CONFLICT),
    ],
)
def test_an_illegal_command_is_refused_by_name_and_changes_nothing(changed, refusal):
    road = Road()
    road.run(20)
    assert road.want(MAIN | LEFT) is Refusal.ACCEPTED
    before = road.guard.snapshot()["state"]
    road.guard.take_events()
    assert road.want(**({"greens": SIDE} | changed)) is refusal
    assert road.guard.refused == {refusal: 1}
    groups = changed.get("greens", SIDE) & 15
    event = GuardEvent(ns(20), GuardAct.REFUSED, refusal.name, changed.get("author", "planner"), groups)
    assert road.guard.take_events() == [event]
    after = road.guard.snapshot()["state"]
    assert before | {"refused": None} == after | {"refused": None}


@pytest.mark.parametrize(
    "changed",
    [
        {"issued_ns": ns(15)},
        {"issued_ns": ns(21)},
        {"valid_until_ns": ns(20) + 1},
        {"valid_until_ns": ns(80)},
        {"greens": 0},
        {"sequence": 10**9},
        {"sequence": 0},
    ],
)
def test_a_command_at_the_edge_of_what_is_legal_is_accepted(changed):
    road = Road()
    road.run(20)
    assert road.want(**({"greens": SIDE} | changed)) is Refusal.ACCEPTED
    assert road.guard.refused == {}


def test_each_author_counts_for_itself_and_a_refused_number_is_not_used_up():
    road = Road()
    road.run(20)
    assert road.want(MAIN, sequence=7) is Refusal.ACCEPTED
    assert road.want(MAIN, sequence=7, author="preemption") is Refusal.ACCEPTED
    assert road.want(MAIN | SIDE, sequence=8) is Refusal.CONFLICT
    assert road.want(MAIN, sequence=8) is Refusal.ACCEPTED
    assert road.want(MAIN, sequence=7, author="preemption") is Refusal.DUPLICATE


def test_nobody_commands_while_the_signals_start():
    road = Road()
    assert road.want(MAIN) is Refusal.NOT_IN_SERVICE
    road.run(13.9)
    assert road.want(MAIN) is Refusal.NOT_IN_SERVICE
    road.run(14)
    assert road.want(MAIN) is Refusal.ACCEPTED
    assert road.guard.refused == {Refusal.NOT_IN_SERVICE: 2}


def test_events_are_kept_up_to_a_bound_and_taken_once():
    road = Road()
    for _ in range(300):
        road.want(MAIN)
    events = road.guard.take_events()
    assert len(events) == 256
    assert road.guard.take_events() == []
    assert road.guard.refused == {Refusal.NOT_IN_SERVICE: 300}


def test_the_tables_of_a_layout():
    tables = tables_of(crossing())
    assert tables.follow[0] == (Lamp.GREEN, Lamp.REST, Lamp.YELLOW, Lamp.REST)
    assert tables.follow[2] == (Lamp.RED_YELLOW, Lamp.GREEN, Lamp.YELLOW, Lamp.REST)
    assert tables.follow[3] == (Lamp.GREEN, Lamp.REST, Lamp.REST, Lamp.REST)
    assert tables.gap_ns[0] == (3 * SECOND_NS, 3 * SECOND_NS, 4 * SECOND_NS, 4 * SECOND_NS)  # side's red-yellow lies in main's intergreen
    assert tables.longest_intergreen_ns == 9 * SECOND_NS
    # opening: main and left after walk 9 s; side 4 s after main and 1 s of red-yellow; walk 4 s; two steps each.
    # a commitment: 30 s of maximum green, the longest opening twice; then all four: what is against has its minimum green, opening
    opening_ns = (9 + 9 + 5 + 4) * SECOND_NS + 8 * TICK_NS
    against_ns = (6 + 6 + 5 + 5) * SECOND_NS
    assert tables.overdue_ns == 30 * SECOND_NS + 2 * (9 * SECOND_NS + 2 * TICK_NS) + opening_ns + against_ns
