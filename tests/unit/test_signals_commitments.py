"""When the next change of the lamps becomes a promise, how wide, and what a planner may still decide."""

from dataclasses import replace
from math import inf

import pytest

from intersections.signals.commitments import FREE, Play, committed, first_change
from intersections.signals.control import UNBOUNDED_NS, Commitment, GuardMode, Plan, Shown
from intersections.signals.layout import SECOND_NS
from tests.arrival_scenes import SOUTH_GREEN, WEST_GREEN, shown
from tests.spat_scenes import plan

PLAY = Play(10 * SECOND_NS, 1 * SECOND_NS, 3 * SECOND_NS)
TO_SOUTH = Commitment(SOUTH_GREEN, 20 * SECOND_NS, 23 * SECOND_NS)


def west(now_s: float, least_s: float = 0.0, most_s: float = 1e6) -> Shown:
    bounds = ((round(least_s * SECOND_NS), 0), (round(most_s * SECOND_NS), UNBOUNDED_NS))
    return replace(shown(now_s, WEST_GREEN), earliest_end_ns=bounds[0], latest_end_ns=bounds[1])


def promised(made: Plan) -> tuple[int, float, float] | None:
    commitment = made.command.commitment
    return commitment and (commitment.greens, commitment.earliest_ns / SECOND_NS, commitment.latest_ns / SECOND_NS)


def to_south(now_s: float, at_s: float) -> Plan:
    return plan(now_s, (WEST_GREEN, now_s), (SOUTH_GREEN, at_s))


def test_a_change_is_promised_when_it_is_as_near_as_the_notice() -> None:
    assert promised(committed(to_south(10, 25), west(10), PLAY)) is None
    assert promised(committed(to_south(10, 20), west(10), PLAY)) == (SOUTH_GREEN, 19, 23)


def test_no_promise_is_earlier_than_the_guard_could_keep_it_or_later_than_it_would() -> None:
    assert promised(committed(to_south(10, 20), west(10, least_s=19.5, most_s=22.0), PLAY)) == (SOUTH_GREEN, 19.5, 22)


def test_nothing_is_promised_twice_and_on_the_way_already_the_next_is() -> None:
    assert promised(committed(to_south(10, 20), replace(west(10), commitment=TO_SOUTH), PLAY)) is None
    opening = replace(shown(20, 0), wanted=SOUTH_GREEN, commitment=TO_SOUTH)
    assert promised(committed(plan(20, (SOUTH_GREEN, 20), (WEST_GREEN, 30)), opening, PLAY)) == (WEST_GREEN, 29, 33)


def test_a_stage_that_only_adds_greens_ends_nothing_and_is_no_promise() -> None:
    assert promised(committed(plan(10, (WEST_GREEN, 10), (WEST_GREEN | SOUTH_GREEN, 15)), west(10), PLAY)) is None


@pytest.mark.parametrize("mode", [GuardMode.LOCAL, GuardMode.FAULT, GuardMode.ALL_RED, GuardMode.FLASHING])
def test_whoever_does_not_command_promises_nothing(mode: GuardMode) -> None:
    assert promised(committed(to_south(10, 20), replace(west(10), mode=mode), PLAY)) is None


def test_who_is_free_promises_nothing_and_may_change_at_once() -> None:
    assert promised(committed(to_south(10, 11), west(10), FREE)) is None
    assert first_change(west(10), 10 * SECOND_NS, FREE) == (0.0, inf, 0, False)


def test_a_planner_gives_notice_and_is_bound_by_what_was_promised() -> None:
    assert first_change(west(10), 10 * SECOND_NS, PLAY) == (10.0, inf, 0, False)
    bound = replace(west(12), commitment=TO_SOUTH)
    assert first_change(bound, 12 * SECOND_NS, PLAY) == (8.0, 11.0, SOUTH_GREEN, True)
    assert first_change(bound, 22 * SECOND_NS, PLAY) == (0.0, 1.0, SOUTH_GREEN, True)
