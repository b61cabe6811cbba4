"""SPaT: promises that are only narrowed, guesses that learn, and silence where nothing holds."""

import json
from dataclasses import replace

import numpy as np
import pytest

from intersections.samples import PhaseState
from intersections.signals.control import UNBOUNDED_NS, GuardMode
from intersections.signals.layout import SECOND_NS, TICK_NS
from intersections.signals.likely import WIDEST_NS, Likely, spread
from intersections.signals.spat import SpatPublisher, SpatStatus, shifted, trace_line
from tests.arrival_scenes import SOUTH_GREEN, WEST_GREEN, layout, shown
from tests.spat_scenes import bounded, plan

GREEN, RED, YELLOW = PhaseState.PROTECTED_MOVEMENT_ALLOWED, PhaseState.STOP_AND_REMAIN, PhaseState.PROTECTED_CLEARANCE


def test_a_promise_is_the_guards_and_is_never_widened() -> None:
    spat = SpatPublisher(layout())
    spat.publish(bounded(10, WEST_GREEN, (15, 30)), None)
    timing = spat.publish(bounded(11, WEST_GREEN, (12, 40)), None).events[0].timing
    assert timing is not None
    assert (timing.min_end_ns, timing.max_end_ns) == (15 * SECOND_NS, 30 * SECOND_NS)
    assert spat.broken == 0


def test_a_new_state_is_promised_anew() -> None:
    spat = SpatPublisher(layout())
    spat.publish(bounded(10, WEST_GREEN, (15, 30)), None)
    yellow = replace(bounded(15, 0, (18, 18)), states=(YELLOW, RED), since_ns=(15 * SECOND_NS, 0))
    timing = spat.publish(yellow, None).events[0].timing
    assert timing is not None
    assert (timing.min_end_ns, timing.likely_ns, timing.max_end_ns, timing.confidence) == (*[18 * SECOND_NS] * 3, 1.0)


def test_a_state_that_ends_now_is_exactly_known() -> None:
    timing = SpatPublisher(layout()).publish(bounded(30, WEST_GREEN, (5, 30)), plan(30, (WEST_GREEN, 30))).events[0].timing
    assert timing is not None
    assert timing.min_end_ns == timing.likely_ns == timing.max_end_ns == 30 * SECOND_NS


def test_without_a_plan_there_is_a_promise_and_no_guess() -> None:
    timing = SpatPublisher(layout()).publish(bounded(10, WEST_GREEN, (15, 30)), None).events[0].timing
    assert timing is not None
    assert timing.likely_ns is None
    assert timing.confidence == 0.0


@pytest.mark.parametrize("mode", [GuardMode.FAULT, GuardMode.FLASHING])
def test_fault_and_flashing_void_every_promise(mode: GuardMode) -> None:
    spat = SpatPublisher(layout())
    assert not spat.publish(bounded(10, WEST_GREEN, (15, 30)), None).void
    message = spat.publish(replace(bounded(10.1, WEST_GREEN, (15, 30)), mode=mode), plan(10, (WEST_GREEN, 10), (SOUTH_GREEN, 20)))
    assert message.void
    assert [event.timing for event in message.events] == [None, None]
    assert message.status & (SpatStatus.FAILURE_FLASH | SpatStatus.STANDBY)


def test_local_control_promises_on_and_says_that_it_is_fixed_time() -> None:
    message = SpatPublisher(layout()).publish(replace(bounded(10, WEST_GREEN, (15, 30)), mode=GuardMode.LOCAL), None)
    assert message.status is SpatStatus.FIXED_TIME
    assert not message.void
    assert message.events[0].timing is not None


def test_the_plan_tells_when_green_ends_and_red_too_within_the_promise() -> None:
    message = SpatPublisher(layout()).publish(
        bounded(10, WEST_GREEN, (12, 30), (15, 33)), plan(10, (WEST_GREEN, 10), (SOUTH_GREEN, 25), (WEST_GREEN, 40))
    )
    west, south = (event.timing for event in message.events)
    assert west is not None
    assert south is not None
    assert west.likely_ns == 25 * SECOND_NS
    assert south.likely_ns == 28 * SECOND_NS  # after three seconds of yellow
    assert west.next_ns == 43 * SECOND_NS
    assert south.next_ns is None


def test_a_guess_outside_the_promise_is_brought_into_it() -> None:
    message = SpatPublisher(layout()).publish(bounded(10, WEST_GREEN, (12, 15)), plan(10, (WEST_GREEN, 10), (SOUTH_GREEN, 40)))
    timing = message.events[0].timing
    assert timing is not None
    assert timing.likely_from_ns <= timing.likely_ns == 15 * SECOND_NS == timing.likely_until_ns


def test_an_end_that_nothing_forces_is_unbounded_and_null_in_the_trace() -> None:
    endless = replace(shown(10, WEST_GREEN), latest_end_ns=(UNBOUNDED_NS, UNBOUNDED_NS))
    line = json.loads(trace_line(SpatPublisher(layout()).publish(endless, None)))
    assert line["g"][0] == ["w", int(GREEN), 0, 10_000, None, None, None, None, 0.0]


def test_the_revision_grows_with_news_only() -> None:
    spat = SpatPublisher(layout())
    revisions = [
        spat.publish(bounded(now_s, WEST_GREEN, ends), None).revision for now_s, ends in [(1, (5, 30)), (2, (5, 30)), (3, (6, 30))]
    ]
    assert revisions[0] == revisions[1] < revisions[2]


def test_a_guard_that_contradicts_itself_is_counted() -> None:
    spat = SpatPublisher(layout())
    spat.publish(bounded(10, WEST_GREEN, (15, 20)), None)
    spat.publish(bounded(11, WEST_GREEN, (25, 30)), None)
    assert spat.broken == 1


def test_from_a_snapshot_the_same_messages_follow() -> None:
    def drive(spat: SpatPublisher, first: int, last: int) -> list[str]:
        lines = []
        for tick in range(first, last):
            now_s, cycle = tick / 10, tick // 100
            west = cycle % 2 == 0
            begin = cycle * 10
            lamps = replace(
                bounded(now_s, WEST_GREEN if west else SOUTH_GREEN, (begin + 5, begin + 60), (begin + 5, begin + 60)),
                since_ns=(begin * SECOND_NS, begin * SECOND_NS),
            )
            end_s = begin + 10 + (tick % 7) / 10
            lines.append(trace_line(spat.publish(lamps, plan(now_s, (lamps.greens, now_s), (lamps.greens ^ 3, end_s)))))
        return lines

    spat, restored = SpatPublisher(layout()), SpatPublisher(layout())
    drive(spat, 0, 537)
    restored.restore(spat.snapshot())
    assert drive(restored, 537, 900) == drive(spat, 537, 900)


def test_a_shifted_message_differs_in_its_clock_only() -> None:
    message = SpatPublisher(layout()).publish(bounded(10, WEST_GREEN, (12, 30)), plan(10, (WEST_GREEN, 10), (SOUTH_GREEN, 25)))
    away = shifted(message, 77 * SECOND_NS)
    assert away.now_ns == 87 * SECOND_NS
    assert shifted(away, -77 * SECOND_NS) == message


# A plan that always says two seconds too early: after some states that is known, to the tick, and with growing confidence.
def test_guesses_learn_how_far_plans_are_off() -> None:
    likely = Likely(groups=1, kinds=1)
    first = likely.guess(0, 0, 10 * SECOND_NS)
    for state in range(40):
        now_ns = state * 60 * SECOND_NS
        likely.remember(0, now_ns, now_ns + 10 * SECOND_NS)
        likely.ended(0, 0, now_ns + 12 * SECOND_NS)
    learnt = likely.guess(0, 0, 10 * SECOND_NS)
    assert first.likely_ns == 10 * SECOND_NS
    assert first.confidence == 0.0
    assert first.until_ns - first.from_ns == WIDEST_NS
    assert learnt.from_ns == learnt.likely_ns == learnt.until_ns == 12 * SECOND_NS
    assert learnt.confidence > 0.95


def test_a_fault_teaches_nothing() -> None:
    likely = Likely(groups=1, kinds=1)
    likely.remember(0, 0, 10 * SECOND_NS)
    likely.forget(0)
    likely.ended(0, 0, 40 * SECOND_NS)
    assert likely.guess(0, 0, 10 * SECOND_NS).confidence == 0.0


# Errors of 0 to 9 s in even steps: six seconds hold at most seven of the ten.
def test_errors_that_no_band_holds_are_held_as_well_as_they_can_be() -> None:
    found = spread(np.arange(10, dtype=np.int64) * SECOND_NS)
    assert found.until_ns - found.from_ns == WIDEST_NS
    assert found.confidence == pytest.approx(7 / 11)
    assert found.from_ns <= found.middle_ns <= found.until_ns


def test_words_about_one_state_are_remembered_once_a_second() -> None:
    likely = Likely(groups=1, kinds=1)
    for tick in range(30):
        likely.remember(0, tick * TICK_NS, 10 * SECOND_NS)
    assert len(likely.snapshot()["words"]) == 3
