"""What a driver has said yes to is foreseen: when it moves the arrivals at later stops, by how much, and until when."""

import numpy as np
import pytest

from intersections.buses.order_book import OrderBook
from intersections.buses.order_rules import SECOND_NS, Limits
from intersections.buses.ordered_times import as_ordered
from intersections.buses.orders import ActKind, DispatchAct, DispatchMode, OrderKind, OrderState
from intersections.buses.plans import LinePlans
from intersections.buses.samples import BusPosition, Duty, Prediction, Predictor
from intersections.buses.step import Dispatcher
from tests.bus_orders import BEGIN_S, at_ns, by_hand, network, said, state

STOPS = 5
STEP_DEG = 0.006287  # 500 m of longitude there


def foreseen(first: int, first_s: float, now_s: float = BEGIN_S) -> Prediction:
    """Each stop 120 s after the one before, 10 s to either side."""
    p50_s = first_s + 120.0 * np.arange(STOPS - first)
    return Prediction("bus-1", "t1", first, now_s, p50_s - 10.0, p50_s, p50_s + 10.0, Predictor.RECENT)


def moved_s(prediction, bus, now_s=BEGIN_S, arrived_s=None, **order):
    (one,) = as_ordered(network(), [prediction], [bus], [by_hand(**order)], arrived_s or {}, at_ns(now_s))
    assert (one.vehicle, one.trip, one.first_stop, one.predictor) == ("bus-1", "t1", prediction.first_stop, prediction.predictor)
    return one.p50_s - prediction.p50_s


def test_a_hold_ahead_moves_what_lies_behind_it():
    assert moved_s(foreseen(2, BEGIN_S + 60.0), state(), stop=3, value=40.0).tolist() == [0.0, 0.0, 40.0]


def test_of_a_hold_that_has_begun_what_is_left_of_it_remains():
    """It came 50 s ago, boarding takes 20 s by the timetable: of 60 s 30 s are left, against the 20 s that a bus just there would take."""
    standing = state(at_stop=True, place_m=1000.0)
    assert moved_s(foreseen(3, BEGIN_S + 120.0), standing, arrived_s={"bus-1": BEGIN_S - 50.0}, value=60.0).tolist() == [10.0, 10.0]
    assert moved_s(foreseen(3, BEGIN_S + 120.0), standing, arrived_s={"bus-1": BEGIN_S - 300.0}, value=60.0).tolist() == [0.0, 0.0]


def test_a_departure_time_moves_only_who_would_leave_before_it_and_makes_the_rest_sure():
    """Ready at stop 2 at 60 + 20 s, 10 s to either side."""
    known = foreseen(2, BEGIN_S + 60.0)
    kind = OrderKind.DEPART_NOT_BEFORE
    assert moved_s(known, state(), kind=kind, value=BEGIN_S + 50.0).tolist() == [0.0, 0.0, 0.0]
    assert moved_s(known, state(), kind=kind, value=BEGIN_S + 110.0).tolist() == [0.0, 30.0, 30.0]
    (one,) = as_ordered(network(), [known], [state()], [by_hand(kind=kind, value=BEGIN_S + 110.0)], {}, at_ns(BEGIN_S))
    assert one.p10_s[1] == one.p50_s[1] == one.p90_s[1] == BEGIN_S + 210.0


@pytest.mark.parametrize(("told_s", "by_s"), [(700.0, 100.0), (450.0, -150.0), (-100.0, -600.0)])
def test_a_departure_from_the_terminal_may_come_sooner_but_not_before_now(told_s, by_s):
    """By the timetable trip t1 leaves at 620 s."""
    waiting = state(duty=Duty.AT_TERMINAL, next_stop=0, at_stop=True, place_m=0.0)
    planned_s = float(network().trips["t1"].departure_s[0]) - BEGIN_S
    moved = moved_s(foreseen(1, BEGIN_S + planned_s + 100.0), waiting, kind=OrderKind.DEPART_AT, stop=0, value=BEGIN_S + told_s)
    assert moved.tolist() == pytest.approx([by_s + 600.0 - planned_s] * 4)


@pytest.mark.parametrize("order", [{"trip": "t2"}, {"vehicle": "bus-2"}, {"stop": 1}, {"kind": OrderKind.PRIORITY, "value": 1.0}])
def test_what_concerns_another_trip_or_a_stop_behind_moves_nothing(order):
    assert moved_s(foreseen(2, BEGIN_S + 60.0), state(), **order).tolist() == [0.0, 0.0, 0.0]


class Line:
    """The dispatcher of bus-1 on t0, punctual, told something by hand at the beginning."""

    def __init__(self, order_kind: OrderKind, value: float, valid_s: float = 900.0) -> None:
        self.dispatcher = Dispatcher.of(network(), LinePlans(), OrderBook(network(), Limits(mode=DispatchMode.ADVISE)))
        self.without = Dispatcher.of(network(), LinePlans(), OrderBook(network(), Limits(mode=DispatchMode.ADVISE)))
        self.order, self.now_s = None, BEGIN_S + 20.0
        self.step(0.2)
        act = DispatchAct(
            "a", ActKind.ORDER, "anna", at_ns(self.now_s), order_kind=order_kind, vehicle="bus-1", stop=2, value=value,
            valid_until_ns=at_ns(self.now_s + valid_s),
        )  # fmt: skip
        self.step(0.3, act)

    def step(self, place: float, *commands) -> list[float]:
        """A period later at `place`, in stops; -> by how much the arrivals at stops 2 to 4 are moved, [] where none are told."""
        self.now_s += 10.0
        now_ns = at_ns(self.now_s)
        there = BusPosition("bus-1", now_ns, 44.5, 11.3 + STEP_DEG * place, 4.0 if place % 1 else 0.0, "t0", "7", 12, None)
        with_it, without = self.dispatcher.step([there], commands, now_ns), self.without.step([there], [], now_ns)
        self.order = next((one.order for one in with_it.events if one.state is OrderState.SENT), self.order)
        told, usual = (
            dict(enumerate(one.predictions[0].p50_s.tolist(), one.predictions[0].first_stop)) if one.predictions else {}
            for one in (with_it, without)
        )
        return [round(told[row] - usual[row], 1) for row in (2, 3, 4) if row in told and row in usual]

    def accept(self, place: float) -> list[float]:
        return self.step(place, said(self.order, now_ns=at_ns(self.now_s + 10.0)))


def test_an_order_moves_predictions_from_the_drivers_yes_until_it_expires():
    line = Line(OrderKind.HOLD, 40.0, valid_s=100.0)
    assert line.step(0.4) == [0.0, 0.0, 0.0]
    assert line.accept(0.5) == [0.0, 40.0, 40.0]
    assert line.step(0.55) == [0.0, 40.0, 40.0]
    for _ in range(8):
        last = line.step(0.6)
    assert last == [0.0, 0.0, 0.0]


def test_an_order_that_was_carried_out_moves_nothing_any_more():
    line = Line(OrderKind.HOLD, 40.0)
    line.accept(1.0)
    for place in (1.3, 1.6, 1.9, *[2.0] * 6):
        line.step(place)
    assert line.step(2.3) == [0.0, 0.0]
    assert line.dispatcher.book.record(line.order.id).state is OrderState.CARRIED_OUT


def test_a_cancelled_trip_has_none_from_the_drivers_yes_on():
    line = Line(OrderKind.CANCEL, 0.0)
    assert line.step(0.4) == [0.0, 0.0, 0.0]
    assert line.accept(0.5) == []


def test_an_order_that_was_withdrawn_moves_nothing_any_more():
    line = Line(OrderKind.HOLD, 40.0)
    assert line.accept(0.4)[1] == 40.0
    withdrawn = DispatchAct("b", ActKind.WITHDRAW, "anna", at_ns(line.now_s) + SECOND_NS, order=line.order.id)
    assert line.step(0.5, withdrawn) == [0.0, 0.0, 0.0]
