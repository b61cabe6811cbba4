"""Signals in the road: who drives the lamps is commanded each 100 ms, is watched, and hears what everybody else hears."""

from itertools import pairwise

import numpy as np
import pytest

from intersections.decisions import LampCommand, PriorityAnswer, SignalEvent, SignalReport, SpeedAdvices
from intersections.samples import CommandKind, PhaseState
from intersections.signals.control import GuardMode
from intersections.signals.layout import SECOND_NS, TICK_NS
from intersections.signals.spat import SpatMessage
from positioning.samples import ObjectClass
from tests.controlled_scenes import RED, SERVED_NS, START_NS, SignalRoad, controlled, reset_arrival
from tests.scenes import EAST, Noise, User, frame, signalised
from v2x.arrivals import Arrival, ArrivalKind

GREEN = PhaseState.PROTECTED_MOVEMENT_ALLOWED


def once(at_s, make):
    """`make(now_ns)` at the first tick from `at_s` on, nothing else."""
    waiting = [at_s]

    def arrivals(now_ns):
        if waiting and now_ns >= START_NS + waiting[0] * SECOND_NS:
            waiting.clear()
            return [make(now_ns)]
        return []

    return arrivals


def test_nothing_is_commanded_before_the_lamps_have_spoken():
    road = SignalRoad()
    assert road.run(0, 3, feedback=False).decisions == []
    road.run(3, 20)
    assert road.modes() == [GuardMode.FLASHING, GuardMode.ALL_RED, GuardMode.LOCAL, GuardMode.COMMANDED]


def test_lamps_are_commanded_each_100_ms_with_every_group_and_for_half_a_second():
    commands = SignalRoad().run(0, 20).commands
    times_ns = [one.issued_ns for one in commands]
    assert {later - earlier for earlier, later in pairwise(times_ns[1:])} == {TICK_NS}
    assert all([group for group, _ in one.groups] == ["ns", "ew", "walk"] for one in commands)
    assert {one.valid_until_ns - one.issued_ns for one in commands} == {500_000_000}
    assert [one.sequence for one in commands] == list(range(1, len(commands) + 1))


def test_spat_is_what_the_lamps_show_and_takes_the_place_of_the_report():
    driver = SignalRoad().run(0, 20)
    commands = {one.issued_ns // TICK_NS: dict(one.groups) for one in driver.commands}
    spats = [spat for _, spat in driver.of(SpatMessage)]
    assert len(spats) == len(commands)
    assert all({event.group: event.state for event in spat.events} == commands[spat.now_ns // TICK_NS] for spat in spats)
    assert not driver.of(SignalReport)


def test_lamps_that_fall_silent_are_a_fault_within_half_a_second_after_the_gap_until_an_operator_resets_them():
    road = SignalRoad()
    road.run(0, 20)
    road.run(20, 25, feedback=False)
    first_fault = next(one for one in road.driver.commands if one.mode is GuardMode.FAULT)
    gap_is_a_fault_ns = START_NS + 20 * SECOND_NS + 300_000_000
    assert first_fault.issued_ns <= gap_is_a_fault_ns + 500_000_000
    assert {state for group, state in first_fault.groups if group != "walk"} == {PhaseState.CAUTION_CONFLICTING_TRAFFIC}
    road.run(25, 30)
    assert road.modes(25) == [GuardMode.FAULT]
    assert "FAULT LAMP_MISMATCH" in [event.subject for _, event in road.driver.of(SignalEvent)]
    road.run(30, 45, once(30, reset_arrival))
    assert road.modes(30.1) == [GuardMode.FLASHING, GuardMode.ALL_RED, GuardMode.LOCAL, GuardMode.COMMANDED]


@pytest.mark.parametrize("broken", [{"ns": RED, "ew": RED, "walk": RED}, {"ew": None}, {"ew": PhaseState.DARK}])
def test_lamps_that_do_not_follow_or_are_left_out_are_a_fault(broken):
    road = SignalRoad()
    road.run(0, 15)
    road.driver.broken = broken
    road.run(15, 16)
    assert road.modes(15.6) == [GuardMode.FAULT]


def test_a_plan_that_took_too_long_leaves_the_local_plan():
    road = SignalRoad()
    road.run(0, 15)
    road.run(15, 20, once(15, lambda now_ns: reset_arrival(now_ns, CommandKind.PLAN_OVERRUN)))
    assert road.modes(19) == [GuardMode.LOCAL]
    assert [(event.source, event.subject, event.text) for _, event in road.driver.of(SignalEvent)][-2:] == [
        ("planner", "OVERRUN", "looked at"),
        ("guard", "MODE LOCAL", "the signals are now: local"),
    ]


@pytest.mark.parametrize("control", ["adaptive", "actuated", "max-pressure", "program"])
def test_every_control_commands(control):
    road = SignalRoad(controlled(control))
    road.run(0, 60)
    assert road.modes(15) == [GuardMode.COMMANDED]


def test_a_program_is_played_by_the_clock():
    """15 s each for ns, ew, walk; the time began 25 s into the cycle, so ns is wanted at 20 s, ew at 35 s and, after 3 s of yellow
    and 2 s of all red, is green at 40 s."""
    road = SignalRoad(controlled("program"))
    road.run(0, 60)
    greens = [(one.issued_ns, group) for one in road.driver.commands for group, state in one.groups if state == GREEN]
    began_ns = {group: min(at_ns for at_ns, green in greens if green == group and at_ns > SERVED_NS) for group in ("ew", "walk")}
    assert {group: (at_ns - START_NS) / SECOND_NS for group, at_ns in began_ns.items()} == {"ew": 40.0, "walk": 55.0}


@pytest.mark.parametrize("control", ["adaptive", "actuated", "max-pressure"])
def test_whoever_waits_gets_green(control):
    """A car stands from the west and a walker at the southern kerb; nobody comes from north or south. Maximum red is 90 s."""
    intersection, random = controlled(control), np.random.default_rng(0)
    users = [User(-16.0, -1.75, EAST, 0.0), User(-5.0, -9.5, EAST, 0.0, ObjectClass.PEDESTRIAN)]

    def seen(now_ns):
        number = (now_ns - START_NS) // TICK_NS
        sample = frame(intersection, users, 0.0, now_ns, number, Noise(), random)
        return [Arrival(ArrivalKind.RSU_FRAME, "rsu-1", "example", now_ns, now_ns, b"", sample)]

    road = SignalRoad(intersection)
    commands = road.run(0, 60 if control == "adaptive" else 130, seen).commands
    green = {group for one in commands if one.issued_ns > SERVED_NS + 5 * SECOND_NS for group, state in one.groups if state == GREEN}
    assert green >= {"ew", "walk"}
    assert road.modes(15) == [GuardMode.COMMANDED]


def test_goes_on_from_a_snapshot_as_if_nothing_had_happened():
    live, again = SignalRoad(), SignalRoad()
    live.run(0, 17.3)
    again.pipeline.restore(live.pipeline.take_state(START_NS))
    again.driver.states, again.driver._sequence = dict(live.driver.states), live.driver._sequence
    done = [road.run(17.3, 30).decisions for road in (live, again)]
    assert done[0][-len(done[1]) :] == done[1] != []


def test_an_intersection_without_signals_of_ours_is_as_before():
    road = SignalRoad(signalised())
    driver = road.run(0, 5)
    assert not driver.of(LampCommand)
    assert driver.of(SignalReport)
    assert not any(driver.of(kind) for kind in (SpatMessage, SpeedAdvices, PriorityAnswer, SignalEvent))
