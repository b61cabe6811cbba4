"""Room in the exits: by what is seen there, what was sent there and a neighbour's word, believed as far as it is possible."""

from dataclasses import replace

import numpy as np
import pytest

from intersections.signals.control import PlannedDepartures
from intersections.signals.estimate import Estimator
from intersections.signals.layout import SECOND_NS
from intersections.signals.storage import DISBELIEF_S, ExitStorage
from tests.arrival_scenes import WEST_GREEN, crossing, layout, observed, shown

EAST = 1  # an exit of 300 m that ends on the neighbour's road "east", as the lane beside it does
LENGTH_M = 300.0
CAR_M = 7.5


def storage() -> ExitStorage:
    return ExitStorage(replace(crossing(), exit_approach=("", "east", "east", "")))


def word(now_s: float, cleared: int) -> tuple[PlannedDepartures, ...]:
    return (PlannedDepartures("next", round(now_s * SECOND_NS), (), (), (), np.zeros(0), cleared=(("east", cleared),)),)


def seconds(
    exits: ExitStorage, begin_s: int, count: int, sent: float = 0.0, queue_m: float = 0.0, cleared: list[int] | None = None
) -> None:
    """`sent`: into the exit EAST each second; `cleared`: the neighbour's counter each second, None: silent."""
    for second in range(count):
        now_s = begin_s + second
        seen = observed(now_s, exit_queue_m=np.array([0.0, queue_m, 0.0, 0.0]))
        words = word(now_s, cleared[second]) if cleared is not None else ()
        exits.step(seen, np.array([0.0, sent, 0.0, 0.0]), words, 0.0, 1.0)


def test_queue_seen_on_an_exit_takes_its_length() -> None:
    exits = storage()
    seconds(exits, 0, 1, queue_m=100.0)
    assert exits.room_m[EAST] <= LENGTH_M - 100.0
    assert exits.room_m[0] == 150.0


def test_what_was_sent_and_not_cleared_fills_the_exit_behind_a_known_queue() -> None:
    """The neighbour's loop tells of 40 m of queue; 30 were sent, and it has cleared none of them."""
    exits = storage()
    seconds(exits, 0, 60, sent=0.5, queue_m=40.0, cleared=[7] * 60)
    assert abs(exits.room_m[EAST] - (LENGTH_M - 30 * CAR_M)) < CAR_M


def test_what_the_neighbour_clears_makes_room_and_drains() -> None:
    """One each two seconds from its two lanes, half of them from ours: 15 of 30 are left."""
    exits = storage()
    seconds(exits, 0, 60, sent=0.5, queue_m=40.0, cleared=[second // 2 for second in range(60)])
    assert abs(exits.room_m[EAST] - (LENGTH_M - 15 * CAR_M)) < 2 * CAR_M
    assert exits.drain_mps[EAST] > 0.5


def test_without_a_queue_what_was_sent_long_ago_has_left() -> None:
    exits = storage()
    seconds(exits, 0, 60, sent=0.5, cleared=[7] * 60)
    seconds(exits, 60, 120, cleared=[7] * 120)
    assert exits.room_m[EAST] > LENGTH_M - CAR_M


def test_impossible_counts_of_a_neighbour_clear_nobody() -> None:
    """It claims thousands, then fewer than before."""
    exits = storage()
    seconds(exits, 0, 60, sent=0.5, queue_m=40.0, cleared=[(-1) ** second * 10_000 * second for second in range(60)])
    assert exits.room_m[EAST] < LENGTH_M - 25 * CAR_M


def test_silent_neighbour_leaves_what_was_seen_and_recently_sent() -> None:
    exits = storage()
    seconds(exits, 0, 60, sent=0.5, queue_m=40.0, cleared=[0] * 60)
    seconds(exits, 60, 120, queue_m=40.0)
    assert exits.room_m[EAST] > LENGTH_M - 40.0 - 2 * CAR_M


def test_old_word_is_as_good_as_none() -> None:
    exits = storage()
    for second in range(60):
        seen = observed(second, exit_queue_m=np.array([0.0, 40.0, 0.0, 0.0]))
        exits.step(seen, np.array([0.0, 0.5, 0.0, 0.0]), word(second - 60, 0), 0.0, 1.0)
    assert exits.inside[EAST] < 20.0  # only those on their way


def test_full_exit_that_vehicles_keep_entering_is_not_believed_for_a_while() -> None:
    exits = storage()
    seconds(exits, 0, 2, queue_m=LENGTH_M)
    assert exits.room_m[EAST] == 0.0
    seconds(exits, 2, 5, sent=1.0, queue_m=LENGTH_M)
    assert exits.room_m[EAST] > 0.5 * LENGTH_M
    seconds(exits, 7, int(DISBELIEF_S) + 1, queue_m=LENGTH_M)
    assert exits.room_m[EAST] == 0.0


def test_room_lies_between_nothing_and_the_length_whatever_is_told() -> None:
    exits = storage()
    for value in (-1e9, 1e9, np.nan, np.inf, -np.inf):
        seen = observed(0.0, exit_queue_m=np.full(4, value), exit_vehicles=np.full(4, value))
        exits.step(seen, np.zeros(4), (), 1.0, 1.0)
        assert (exits.room_m >= 0.0).all()
        assert (exits.room_m <= crossing().exit_length_m).all()


def test_an_intersection_tells_its_neighbours_what_it_sent_and_cleared() -> None:
    """Three cars over the stop line of west_0 in green: cleared from "west", and sent by their turns."""
    estimator = Estimator(crossing(), layout())
    for second in range(4):
        estimator.arrivals(observed(second, stop_line_count=np.array([0, second, 0])), shown(second, WEST_GREEN), ())
    told = estimator.told(PlannedDepartures("crossing", 0, (), (), (), np.zeros(0)))
    assert dict(told.cleared) == {"west": 3, "south": 0}
    assert sum(count for _, count in told.sent) == pytest.approx(3.0)
    assert dict(told.sent)["north"] == 0.0
