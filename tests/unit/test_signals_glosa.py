"""Speed advice: arrive when the queue has cleared, and nothing is said where it would be of no use or is not known."""

from dataclasses import replace
from math import inf

import pytest

from intersections.signals.control import GuardMode
from intersections.signals.glosa import (
    HEADWAY_S,
    MIN_SHARE,
    START_UP_S,
    STEP_MPS,
    Place,
    Silence,
    SpeedAdvice,
    SpeedAdvisor,
    Window,
    band,
    crossing_s,
    speed_for,
    window,
)
from intersections.signals.layout import SECOND_NS
from intersections.signals.spat import SpatMessage, SpatPublisher, shifted
from tests.arrival_scenes import SOUTH_GREEN, WEST_GREEN, crossing, layout
from tests.spat_scenes import COMING, bounded, green_at, plan, queue, spat_at
from v2x.ingest.clocks import SourceClock

LIMIT_MPS = 13.89


def advised(spat: SpatMessage | None, waiting: int = 0, distance_m: float = 250.0, now_s: float = 0.0) -> SpeedAdvice | None:
    advice = SpeedAdvisor(crossing()).advise(round(now_s * SECOND_NS), queue(waiting, distance_m, LIMIT_MPS), spat)
    return next((said for said in advice if said.vehicle == COMING), None)


# 250 m, green in 25 s: with the start-up loss at 27 s. u t + (v - u)^2 / 2a = d with t = 28 (slack), v = 13.89, a = 1 gives u = 8.38.
def test_advice_is_the_speed_that_arrives_when_the_lamp_has_turned_green() -> None:
    advice = advised(spat_at(0, red_s=25))
    assert advice is not None
    assert advice.arrive_s == pytest.approx(25 + START_UP_S)
    speed = advice.advised_mps
    assert speed * 28 + (LIMIT_MPS - speed) ** 2 / 2 == pytest.approx(250, abs=0.01)
    assert advice.low_mps <= speed <= advice.high_mps <= LIMIT_MPS


def test_a_queue_ahead_is_let_go_first() -> None:
    alone, behind = advised(spat_at(0, red_s=20)), advised(spat_at(0, red_s=20), waiting=4)
    assert alone is not None
    assert behind is not None
    assert behind.arrive_s == pytest.approx(alone.arrive_s + 4 * HEADWAY_S)
    assert behind.advised_mps < alone.advised_mps


def test_whoever_gets_through_is_told_nothing() -> None:
    assert advised(green_at(0, left_s=30, next_s=90)) is None
    assert advised(spat_at(0, red_s=10)) is None


def test_a_green_that_ends_before_one_is_there_is_slowed_down_for_the_next() -> None:
    advice = advised(green_at(0, left_s=10, next_s=26))
    assert advice is not None
    assert advice.arrive_s == pytest.approx(26 + 3 + START_UP_S)  # the others' yellow comes first


def test_nothing_is_advised_where_a_stop_cannot_be_avoided() -> None:
    assert advised(spat_at(0, red_s=100)) is None
    assert band(Place(100.0, 13.0, LIMIT_MPS), 8.0, 60.0)[0] is Silence.STOPS_ANYWAY
    assert band(Place(100.0, 0.5, LIMIT_MPS), 8.0, 12.0)[0] is Silence.STANDING
    assert band(Place(10.0, 10.0, LIMIT_MPS), 1.0, 12.0)[0] is Silence.TOO_NEAR


def test_whoever_was_advised_is_not_sent_to_the_end_of_the_queue() -> None:
    why, low, high = band(Place(100.0, 6.0, LIMIT_MPS), 8.0, 60.0, advised=True)
    assert why is Silence.ADVISED
    assert low == high == pytest.approx(MIN_SHARE * LIMIT_MPS)


@pytest.mark.parametrize("mode", [GuardMode.FAULT, GuardMode.FLASHING])
def test_a_fault_voids_the_promise_and_the_advice(mode: GuardMode) -> None:
    lamps = replace(bounded(0, SOUTH_GREEN, (22, 28), (0, 25)), mode=mode)
    assert advised(SpatPublisher(layout()).publish(lamps, plan(0, (SOUTH_GREEN, 0), (WEST_GREEN, 22)))) is None


def test_without_a_plan_no_red_is_driven_by_and_a_promised_green_still_counts() -> None:
    assert advised(SpatPublisher(layout()).publish(bounded(0, SOUTH_GREEN, (0, 90), (0, 90)), None)) is None
    assert window(SpatPublisher(layout()).publish(bounded(0, WEST_GREEN, (12, 20)), None).events[0], 0) == Window(0.0, 20.0, inf)


def test_local_control_is_driven_by_like_any_other() -> None:
    lamps = replace(bounded(0, SOUTH_GREEN, (25, 25), (22, 22)), mode=GuardMode.LOCAL)
    assert advised(SpatPublisher(layout()).publish(lamps, None)) is not None  # exact without a plan


def test_no_lamp_or_no_message_is_no_reason_to_slow_down() -> None:
    assert advised(None) is None


def test_small_changes_are_not_passed_on() -> None:
    advisor = SpeedAdvisor(crossing())
    speeds = []
    for now_s, red_s in ((0.0, 25.0), (0.5, 24.9), (1.0, 30.0)):
        advice = advisor.advise(round(now_s * SECOND_NS), queue(0, 250.0 - now_s * LIMIT_MPS, LIMIT_MPS), spat_at(now_s, red_s=red_s))
        speeds.append(next(said.advised_mps for said in advice if said.vehicle == COMING))
    assert speeds[0] == speeds[1]
    assert speeds[2] < speeds[0] - STEP_MPS


def test_nobody_stays_in_memory() -> None:
    advisor = SpeedAdvisor(crossing())
    advisor.advise(0, queue(0, 250.0, LIMIT_MPS), spat_at(0, red_s=25))
    assert list(advisor.advised_mps) == [COMING]
    advisor.advise(0, queue(0, 2.0, LIMIT_MPS), green_at(0, left_s=30, next_s=90))
    assert not advisor.advised_mps


# Clocks: whoever sends SPaT may be years off, and one message may be late; advice is the same as from a clock that is right.
@pytest.mark.parametrize("skew_s", [-3600.0, -0.3, 0.3, 86400.0])
def test_a_skewed_sender_of_spat_does_not_shift_advice(skew_s: float) -> None:
    clock, skew_ns = SourceClock(), round(skew_s * SECOND_NS)
    right = advised(spat_at(3.0, red_s=22), now_s=3.0)
    for tick in range(31):
        sent = shifted(spat_at(tick / 10, red_s=25 - tick / 10), skew_ns)
        late_ns = 2 * SECOND_NS if tick == 17 else 0
        reading = clock.read(sent.now_ns, sent.now_ns - skew_ns + late_ns)
    assert right == advised(shifted(sent, reading.measured_ns - sent.now_ns), now_s=3.0)


def test_an_old_message_and_one_from_the_future_say_nothing_of_now() -> None:
    assert advised(spat_at(0, red_s=25), now_s=1.5) is None
    assert advised(spat_at(3, red_s=25), now_s=1.5) is None


def test_arriving_later_takes_a_lower_speed_and_in_time_the_mean_speed() -> None:
    assert speed_for(200.0, 10.0, 10.0) == pytest.approx(20.0)  # more than it drives: the mean
    assert speed_for(200.0, 10.0, 25.0) < speed_for(200.0, 10.0, 22.0) < 10.0
    assert speed_for(50.0, 10.0, 60.0) >= 0.0


def test_who_comes_after_the_green_has_closed_crosses_at_the_next() -> None:
    light = Window(0.0, 10.0, 40.0)
    assert crossing_s(8.0, -inf, light) == 8.0
    assert crossing_s(8.0, 9.0, light) == pytest.approx(40.0 + START_UP_S)
    assert crossing_s(8.0, 50.0, light) == pytest.approx(52.0)
    assert crossing_s(8.0, 9.0, replace(light, opens_next_s=inf)) == inf
