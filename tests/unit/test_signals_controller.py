"""One intersection's control as a whole: who speaks to the guard when, and that a snapshot is all of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.samples import PhaseState
from intersections.signals.actuated import ActuatedPlanner
from intersections.signals.approaches import Observation
from intersections.signals.control import OPERATOR, GuardMode, Plan, PlannedDepartures, Planner, Shown
from intersections.signals.controller import OVERRUN_PAUSE_NS, ControllerStep, PlannerEvent, PlanVerdict, SignalController
from intersections.signals.guard_words import GuardAct
from intersections.signals.layout import SECOND_NS, TICK_NS
from intersections.signals.priority import PriorityRequest, RequestKind, RequestStatus, Role
from tests.arrival_scenes import SOUTH, SOUTH_GREEN, STRAIGHT, crossing, layout, observed

START_NS = 1_000 * SECOND_NS
COMING = [(1, 0, STRAIGHT, 60.0, 10.0), (2, 2, SOUTH, 5.0, 0.0, 8.0)]
Rows = list[tuple[Any, ...]]


class Failing:
    """A planner with a defect."""

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        raise ZeroDivisionError("a flow of nothing")

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        assert not arrays


def controller(planner: Planner | None = None) -> SignalController:
    return SignalController(layout(), crossing(), planner or ActuatedPlanner(layout(), crossing()), START_NS)


def run(one: SignalController, from_s: float, to_s: float, rows: Rows | None = None, **step: Any) -> list[ControllerStep]:
    """Steps in [from_s, to_s) after the start; `rows` are seen each second."""
    done = []
    for tick in range(round(from_s * 10), round(to_s * 10)):
        now_ns = START_NS + tick * TICK_NS
        seen = observed(now_ns / SECOND_NS, rows) if rows is not None and tick % 10 == 0 else None
        done.append(one.step(now_ns, seen, **step))
    return done


def modes(done: list[ControllerStep]) -> list[GuardMode]:
    return list(dict.fromkeys(step.shown.mode for step in done))


def same(one: ControllerStep, other: ControllerStep) -> bool:
    return (one.shown, one.spat, one.answers, one.events) == (other.shown, other.spat, other.answers, other.events)


def test_starts_flashing_then_is_commanded_each_second() -> None:
    done = run(controller(), 0, 20, COMING)
    assert modes(done) == [GuardMode.FLASHING, GuardMode.ALL_RED, GuardMode.LOCAL, GuardMode.COMMANDED]
    planned = [step.shown.now_ns for step in done if step.plan is not None]
    assert set(np.diff(planned)) == {SECOND_NS}


def test_nothing_seen_means_no_plan_and_the_local_plan_follows() -> None:
    one = controller()
    run(one, 0, 20, COMING)
    done = run(one, 20, 40)
    assert not any(step.plan for step in done)
    assert modes(done) == [GuardMode.COMMANDED, GuardMode.LOCAL]


def test_a_planner_that_fails_is_told_of_and_leaves_the_local_plan() -> None:
    one = controller(Failing())
    done = run(one, 0, 30, COMING)
    assert modes(done)[-1] is GuardMode.LOCAL
    told = [event for step in done for event in step.events if isinstance(event, PlannerEvent)]
    assert told[0].verdict is PlanVerdict.FAILED
    assert told[0].text == "ZeroDivisionError: a flow of nothing"
    assert one.verdicts[PlanVerdict.FAILED] == len(told)


def test_a_planner_that_took_too_long_is_left_alone_for_a_while() -> None:
    one = controller()
    run(one, 0, 20, COMING)
    one.overrun(START_NS + 20 * SECOND_NS, "plan of 60 ms")
    pause_s = OVERRUN_PAUSE_NS / SECOND_NS
    during, after = run(one, 20, 20 + pause_s, COMING), run(one, 20 + pause_s, 22 + pause_s, COMING)
    assert not any(step.plan for step in during)
    assert [event.verdict for event in during[0].events if isinstance(event, PlannerEvent)] == [PlanVerdict.OVERRUN]
    assert during[-1].shown.mode is GuardMode.LOCAL
    assert after[0].plan is not None


def test_wrong_feedback_is_a_fault_until_an_operator_resets_it() -> None:
    one = controller()
    run(one, 0, 20, COMING)
    both_green = [PhaseState.PROTECTED_MOVEMENT_ALLOWED] * 2
    one.feedback(both_green, START_NS + 20 * SECOND_NS)
    done = run(one, 20, 25, COMING)
    assert modes(done) == [GuardMode.FAULT]
    assert GuardAct.FAULT in [event.act for event in done[0].events if not isinstance(event, PlannerEvent)]
    assert done[0].spat.void
    one.reset("somebody", START_NS + 25 * SECOND_NS)
    assert modes(run(one, 25, 26)) == [GuardMode.FAULT]
    one.reset(OPERATOR, START_NS + 26 * SECOND_NS)
    assert modes(run(one, 26, 40, COMING)) == [GuardMode.FLASHING, GuardMode.ALL_RED, GuardMode.LOCAL, GuardMode.COMMANDED]


def test_an_emergency_vehicle_is_let_through_and_told_so() -> None:
    one = SignalController(layout(), crossing(), ActuatedPlanner(layout(), crossing()), START_NS, authority=lambda *_: True)
    run(one, 0, 20, COMING)
    now_ns = START_NS + 20 * SECOND_NS
    request = PriorityRequest(
        requester=2,
        role=Role.AMBULANCE,
        request_id=1,
        sequence=1,
        kind=RequestKind.PRIORITY_REQUEST,
        movement=SOUTH,
        arrival_ns=now_ns + 8 * SECOND_NS,
        issued_ns=now_ns,
    )
    done = [one.step(now_ns, observed(now_ns / SECOND_NS, COMING), requests=[request]), *run(one, 20.1, 29, COMING)]
    assert done[-1].shown.greens == SOUTH_GREEN
    told = [answer.status for step in done for answer in step.answers]
    assert told in ([RequestStatus.PROCESSING, RequestStatus.GRANTED], [RequestStatus.GRANTED])
    assert not any(step.plan for step in done)


def test_public_transport_may_ask_and_nobody_preempts_without_authority() -> None:
    one = controller()
    run(one, 0, 20, COMING)
    now_ns = START_NS + 20 * SECOND_NS
    asked = [
        PriorityRequest(number, role, 1, 1, RequestKind.PRIORITY_REQUEST, SOUTH, now_ns + SECOND_NS, now_ns, persons=30.0)
        for number, role in ((2, Role.TRANSIT), (1, Role.FIRE))
    ]
    answers = one.step(now_ns, requests=asked).answers
    assert [answer.status for answer in answers] == [RequestStatus.GRANTED, RequestStatus.REJECTED]


def test_goes_on_from_a_snapshot_as_if_nothing_had_happened() -> None:
    live = controller()
    run(live, 0, 33.7, COMING)
    live.feedback([PhaseState.DARK] * 2, START_NS + 33_700_000_000)
    replayed = controller()
    replayed.restore({name: array.copy() for name, array in live.snapshot().items()})
    again = replayed.snapshot()
    assert all(array.tobytes() == again[name].tobytes() for name, array in live.snapshot().items())
    assert all(map(same, run(live, 33.7, 60, COMING), run(replayed, 33.7, 60, COMING)))


def test_a_step_between_ticks_is_a_step_at_the_tick() -> None:
    one, other = controller(), controller()
    for tick in range(200):
        now_ns = START_NS + tick * TICK_NS
        assert same(one.step(now_ns), other.step(now_ns + tick * 7_919 % TICK_NS))
