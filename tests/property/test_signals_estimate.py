"""The estimate under any counts: never negative, bounded, what went in and did not come out is inside; bad loops, phantoms."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intersections.signals.approaches import Observation
from intersections.signals.arrivals import Arrivals
from intersections.signals.connected import MOST_PER_LANE
from intersections.signals.counts import LoopCounts
from intersections.signals.estimate import Estimator
from intersections.signals.unseen import MOST_BEYOND
from tests.arrival_scenes import LEFT, SOUTH, SOUTH_GREEN, STRAIGHT, WEST_GREEN, crossing, layout, observed, shown

LANES = 3
MOST_ROWS = LANES * (MOST_PER_LANE + MOST_BEYOND + 10)
counts = st.lists(st.integers(-5, 2**40), min_size=LANES, max_size=LANES)
occupied = st.lists(st.integers(0, 1), min_size=LANES, max_size=LANES)
vehicle = st.tuples(st.integers(0, 9), st.integers(-1, 2), st.integers(-1, 5), st.floats(-20, 400), st.floats(-5, 60), st.floats(0, 900))
second = st.tuples(st.lists(vehicle, max_size=12), counts, occupied, counts, occupied, st.integers(0, 2))


def seen_of(now_s: float, said: tuple, **changed: object) -> Observation:
    rows, stop, stop_on, advance, advance_on, _ = said
    return observed(
        now_s,
        rows,
        stop_line_count=np.array(stop, np.int64),
        stop_line_occupied=np.array(stop_on, np.uint8),
        advance_count=np.array(advance, np.int64),
        advance_occupied=np.array(advance_on, np.uint8),
        **changed,
    )


def check(table: Arrivals) -> None:
    rows = len(table.lane)
    assert rows <= MOST_ROWS
    for name in ("arrival_s", "distance_m", "speed_mps", "length_m", "weight", "waited_s"):
        column = getattr(table, name)
        assert len(column) == rows
        assert np.isfinite(column).all()
        assert (column >= 0.0).all()
    assert (np.diff(table.lane) >= 0).all()
    assert (np.diff(table.distance_m)[np.diff(table.lane) == 0] >= 0.0).all()
    assert (table.connection >= 0).all()
    assert (crossing().connection_lane[table.connection] == table.lane).all()
    assert (table.exit_room_m >= 0.0).all()
    assert (table.exit_room_m <= crossing().exit_length_m).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(second, min_size=2, max_size=25))
def test_any_input_gives_a_sane_bounded_table(said: list[tuple]) -> None:
    estimator = Estimator(crossing(), layout())
    for now_s, one in enumerate(said):
        check(estimator.arrivals(seen_of(now_s, one), shown(now_s, (0, WEST_GREEN, SOUTH_GREEN)[one[5]]), ()))
        assert all(lane.beyond >= 0.0 for lane in estimator.unseen.lanes)


@settings(deadline=None, max_examples=30)
@given(st.lists(second, min_size=2, max_size=15))
def test_snapshot_restores_to_the_same_table(said: list[tuple]) -> None:
    one, other = Estimator(crossing(), layout()), Estimator(crossing(), layout())
    for now_s, word in enumerate(said):
        other.restore(one.snapshot())
        tables = [each.arrivals(seen_of(now_s, word), shown(now_s, WEST_GREEN), ()) for each in (one, other)]
        for name in Arrivals.__slots__:
            assert np.array_equal(getattr(tables[0], name), getattr(tables[1], name)), name


class Lane:
    """A lane of unconnected cars as it would be: over the advance loop, 3 s to the stop line, out at 2 s headways while it is green."""

    def __init__(self) -> None:
        self.inside: list[float] = []  # when each reaches the stop line
        self.entered = self.left = 0
        self.last_out_s = -9.0

    def step(self, now_s: float, comes: bool, green: bool) -> None:
        if comes and len(self.inside) < 6:
            self.inside.append(now_s + 3.0)
            self.entered += 1
        if green and self.inside and self.inside[0] <= now_s and now_s - self.last_out_s >= 2.0:
            self.inside.pop(0)
            self.left += 1
            self.last_out_s = now_s

    def waits(self, now_s: float) -> bool:
        return bool(self.inside) and self.inside[0] <= now_s


@settings(deadline=None, max_examples=40)
@given(st.lists(st.booleans(), min_size=60, max_size=300), st.integers(10, 40))
def test_what_went_in_and_did_not_come_out_is_inside(comes: list[bool], cycle_s: int) -> None:
    """Nothing is estimated before the first car has shown that not all are connected; from the first empty lane on, all are followed."""
    estimator, lane, following = Estimator(crossing(), layout()), Lane(), False
    for now_s, come in enumerate(comes):
        green = now_s // cycle_s % 2 == 1
        lane.step(now_s, come and now_s > 0, green)
        seen = observed(
            now_s,
            stop_line_count=np.array([lane.left, 0, 0]),
            stop_line_occupied=np.array([lane.waits(now_s), 0, 0], np.uint8),
            advance_count=np.array([lane.entered, 0, 0]),
        )
        estimator.arrivals(seen, shown(now_s, WEST_GREEN if green else SOUTH_GREEN), ())
        inside = len(estimator.unseen.lanes[0].vehicles)
        following = following or (estimator.flows.unconnected > 0.0 and not lane.inside and not inside)
        if following:
            assert inside == len(lane.inside)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=50), st.integers(0, 49))
def test_counter_that_starts_anew_loses_one_second(steps: list[int], reset_at: int) -> None:
    loops, count, believed = LoopCounts(1), 1000, 0
    loops.step(np.array([count]), np.zeros(1, np.uint8), 1.0)
    lost = 0
    for second, step in enumerate(steps):
        if second == reset_at:
            count, lost = 0, step
        count += step
        loops.step(np.array([count]), np.zeros(1, np.uint8), 1.0)
        believed += int(loops.passed[0])
    assert believed == sum(steps) - lost
    assert loops.faults.resets == (1 if reset_at < len(steps) else 0)


def test_a_car_that_came_unnoticed_is_there_once_it_stands_on_the_stop_line() -> None:
    """A first car shows that not all are connected. The next comes by no loop but the last; it takes the lane's most usual turn."""
    estimator = Estimator(crossing(), layout())
    for now_s in range(30):
        on = np.array([0, 0, now_s > 10], np.uint8)
        seen = observed(now_s, stop_line_count=np.array([0, 0, min(now_s, 1)]), stop_line_occupied=on)
        table = estimator.arrivals(seen, shown(now_s, WEST_GREEN), ())
        check(table)
    assert table.lane.tolist() == [2]
    assert table.connection.tolist() == [4]


def test_a_queue_is_guessed_at_where_the_loops_are_dead_and_ends_with_an_unused_green() -> None:
    """Ten cars over the stop line of lane 0, none over its advance loop: it is dead. At red a queue grows at the rate learnt."""
    estimator = Estimator(crossing(), layout())
    queued = []
    for now_s in range(120):
        left = min(now_s // 3, 10)
        greens = SOUTH_GREEN if 30 <= now_s < 100 else WEST_GREEN
        seen = observed(now_s, stop_line_count=np.array([left, 0, 0]), advance_count=np.zeros(3, np.int64))
        table = estimator.arrivals(seen, shown(now_s, greens), ())
        check(table)
        queued.append(int((table.lane == 0).sum()))
    assert queued[35] < queued[60] < queued[99]
    assert queued[99] == pytest.approx(70 * estimator.flows.rate_per_s[0], abs=6)
    assert queued[104:] == [0] * 16


def test_counter_that_leaps_passes_nobody() -> None:
    loops = LoopCounts(1)
    for count in (0, 10**6, 10**6 + 1):
        loops.step(np.array([count]), np.zeros(1, np.uint8), 1.0)
    assert loops.passed.tolist() == [1]
    assert loops.faults.jumps == 1


def test_dead_loop_is_noticed_by_the_other_and_lives_again_with_its_next_count() -> None:
    loops = LoopCounts(1)
    for _ in range(20):
        loops.step(np.array([7]), np.zeros(1, np.uint8), 1.0)
        loops.missed(np.array([1]))
    assert not loops.counting[0]
    loops.step(np.array([8]), np.zeros(1, np.uint8), 1.0)
    assert loops.counting[0]


def test_loop_that_is_never_free_keeps_its_counts_and_loses_its_occupancy() -> None:
    loops = LoopCounts(1)
    for count in range(100):
        loops.step(np.array([count]), np.ones(1, np.uint8), 2.0)
    assert loops.counting[0]
    assert not loops.occupancy_holds[0]


@pytest.mark.parametrize("stuck", [0, 1])
def test_stuck_loops_build_no_endless_queue(stuck: int) -> None:
    """Ten minutes with the advance loop stuck while the stop line counts a car every 6 s: no more than what may be expected."""
    estimator = Estimator(crossing(), layout())
    for now_s in range(600):
        seen = observed(now_s, stop_line_count=np.array([now_s // 6, 0, 0]), advance_occupied=np.array([stuck, 0, 0], np.uint8))
        table = estimator.arrivals(seen, shown(now_s, WEST_GREEN), ())
    assert (table.queued > 0).sum() <= 1
    assert not estimator.advance.counting[0]


def phantoms(now_s: int, count: int) -> list[tuple]:
    return [(1000 + number, number % 2, STRAIGHT, float(number % 290), 0.0, float(now_s)) for number in range(count)]


def test_a_thousand_phantoms_are_few_rows_and_soon_weigh_nothing() -> None:
    """Claims of standing vehicles, two minutes of them in green before an empty stop line; a real one waits in the south."""
    estimator = Estimator(crossing(), layout())
    for now_s in range(200):
        green = WEST_GREEN if now_s % 40 < 30 else SOUTH_GREEN
        rows = [*phantoms(now_s, 1000), (1, 2, SOUTH, 1.0, 0.0, float(now_s))]
        seen = observed(now_s, rows, stop_line_occupied=np.array([0, 0, 1], np.uint8))
        lamps = replace(shown(now_s, green), since_ns=((now_s - now_s % 40) * 10**9,) * 2)
        table = estimator.arrivals(seen, lamps, ())
        assert len(table.lane) <= 2 * MOST_PER_LANE + 1
    near = table.distance_m < 50.0
    assert table.vehicle[near].tolist() == [1]


def test_phantoms_that_drive_through_lose_their_weight_to_the_loops() -> None:
    """One claimed crossing each second, none counted."""
    estimator = Estimator(crossing(), layout())
    for now_s in range(60):
        rows = [(now_s + lead, 0, LEFT, 10.0 * lead + 2.0, 10.0) for lead in range(5)]
        table = estimator.arrivals(observed(now_s, rows), shown(now_s, WEST_GREEN), ())
    assert table.weight.max() < 0.5
