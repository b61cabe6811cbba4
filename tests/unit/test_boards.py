"""Boards at stops: what is on them, when they are told again, and that a restart changes nothing of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intersections.buses import boards as rules
from intersections.buses.boards import AGAIN_NS, ARRIVALS_MOST, CHANGED_S, HORIZON_S, Boards
from intersections.buses.samples import Prediction, Predictor
from tests.bus_orders import BEGIN_S, MIDNIGHT_NS, at_ns, network
from tests.decided import validator
from v2x.messages import MessageEncoder

NETWORK = network()
PERIOD_S = 10.0


def coming(trip=0, late_s=0.0, first=1):
    likely_s = NETWORK.trips[f"t{trip}"].arrival_s[first:] + late_s
    return Prediction(f"bus-{trip}", f"t{trip}", first, BEGIN_S, likely_s - 20.0, likely_s, likely_s + 40.0, Predictor.RECENT)


def told(boards, predictions, day_s=BEGIN_S):
    return {board.stop: board for board in boards.step("buses", predictions, at_ns(day_s))}


def test_a_board_has_the_soonest_buses_in_order_with_their_band():
    (board,) = (one for stop, one in told(Boards(NETWORK), [coming(1), coming(0, 30.0)]).items() if stop == "s2")
    assert (board.line, board.stop_name) == ("7", "Stop 2")
    first, second = board.arrivals
    assert (first.trip, first.vehicle, second.trip) == ("t0", "bus-0", "t1")
    assert (first.scheduled_ns, first.likely_ns) == (at_ns(BEGIN_S + 240.0), at_ns(BEGIN_S + 270.0))
    assert (first.early_ns, first.late_ns) == (at_ns(BEGIN_S + 250.0), at_ns(BEGIN_S + 310.0))


def test_what_is_far_and_what_is_too_many_is_left_out():
    boards = told(Boards(NETWORK), [coming(number) for number in range(6)])
    assert [one.trip for one in boards["s1"].arrivals] == ["t0", "t1", "t2"]  # t3 comes after half an hour
    assert len(told(Boards(NETWORK), [coming(number, -500.0 * number) for number in range(6)])["s1"].arrivals) == ARRIVALS_MOST


@pytest.mark.parametrize(("moved_s", "stops"), [(CHANGED_S, set()), (CHANGED_S + 1.0, {"s1", "s2", "s3", "s4"})])
def test_a_board_is_told_again_when_a_time_has_moved(moved_s, stops):
    boards = Boards(NETWORK)
    assert told(boards, [coming()]).keys() == {"s1", "s2", "s3", "s4"}
    assert told(boards, [coming(late_s=moved_s)], BEGIN_S + PERIOD_S).keys() == stops


def test_slow_drift_is_told_once_it_adds_up():
    boards = Boards(NETWORK)
    told(boards, [coming()])
    again = [bool(told(boards, [coming(late_s=6.0 * number)], BEGIN_S + PERIOD_S * number)) for number in range(1, 9)]
    assert again == [False, False, False, True, False, False, False, True]


def test_an_unchanged_board_is_told_again_before_it_ends():
    boards = Boards(NETWORK)
    told(boards, [coming(2)])
    assert not told(boards, [coming(2)], BEGIN_S + AGAIN_NS / 1e9 - 1.0)
    assert told(boards, [coming(2)], BEGIN_S + AGAIN_NS / 1e9)


def test_a_bus_that_has_passed_leaves_and_an_empty_board_is_told_once():
    boards = Boards(NETWORK)
    told(boards, [coming(0), coming(1)])
    gone = told(boards, [coming(0, first=2), coming(1)], BEGIN_S + PERIOD_S)
    assert [[one.trip for one in board.arrivals] for board in gone.values()] == [["t1"]]
    empty = told(boards, [], BEGIN_S + 2 * PERIOD_S)
    assert {stop: board.arrivals for stop, board in empty.items()} == dict.fromkeys(("s1", "s2", "s3", "s4"), ())
    assert not told(boards, [], BEGIN_S + 3 * PERIOD_S)


def test_when_too_many_change_those_told_longest_ago_come_first_and_none_is_left_out(monkeypatch):
    monkeypatch.setattr(rules, "BOARDS_MOST", 3)
    boards = Boards(NETWORK)
    runs = [list(told(boards, [coming(late_s=30.0 * number)], BEGIN_S + PERIOD_S * number)) for number in range(4)]
    assert runs == [["s1", "s2", "s3"], ["s1", "s2", "s4"], ["s1", "s2", "s3"], ["s1", "s2", "s4"]]


BUSES = st.lists(st.tuples(st.integers(0, 5), st.floats(-300.0, 900.0), st.integers(1, 4)), max_size=6)  # as `coming` has them


@given(st.lists(BUSES, max_size=8), st.integers(0, 8))
def test_a_reader_is_never_further_off_than_the_rules_say_and_a_restart_changes_nothing(periods, restart):
    boards, shown = Boards(NETWORK), {}
    for number, buses in enumerate(periods):
        if number == restart:
            boards, old = Boards(NETWORK), boards
            boards.restore(old.snapshot())
        predictions = [coming(*bus) for bus in {bus[0]: bus for bus in buses}.values()]
        day_s = BEGIN_S + number * PERIOD_S
        twin = Boards(NETWORK)
        twin.restore(boards.snapshot())
        news = boards.step("buses", predictions, at_ns(day_s))
        assert twin.step("buses", predictions, at_ns(day_s)) == news
        shown |= {board.stop: board for board in news}
        fresh = told(Boards(NETWORK), predictions, day_s)
        for stop, board in shown.items():
            now = fresh[stop].arrivals if stop in fresh else ()
            likely_ns = {one.trip: one.likely_ns for one in board.arrivals}
            assert likely_ns.keys() == {one.trip for one in now}
            assert all(abs(likely_ns[one.trip] - one.likely_ns) <= CHANGED_S * 1e9 for one in now)
            assert all(one.likely_ns < at_ns(day_s + HORIZON_S) for one in now)
        assert fresh.keys() <= shown.keys()


@pytest.mark.parametrize("predictions", [[coming()], []])
def test_the_message_is_what_its_schema_allows(predictions):
    boards = Boards(NETWORK)
    news = boards.step("buses", [coming()], at_ns(BEGIN_S))
    if not predictions:
        news = boards.step("buses", [], at_ns(BEGIN_S + PERIOD_S))
    message = MessageEncoder("district", {}, process="buses").encode(news[1])
    body = json.loads(message.payload)
    validator("eta").validate(body)
    assert message.topic == "v2x/v1/district/buses/eta/s2/7"
    assert (message.delivery.qos, message.delivery.retain) == (0, True)
    assert message.valid_until_ns > MIDNIGHT_NS + round(BEGIN_S * 1e9) + AGAIN_NS
    assert len(body["arrivals"]) == len(predictions)
