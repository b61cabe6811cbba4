"""What an order was worth, seen from stop calls: expected values by hand from Welding's r h^2 / 2."""

from dataclasses import replace

import pytest

from intersections.buses.order_effects import Effects
from intersections.buses.orders import OrderKind, OrderRecord, OrderState
from tests.bus_orders import BEGIN_S, NOW_NS, by_hand, call, network

RIDERS_PER_S = 0.1


def effects() -> Effects:
    return Effects(network(), lambda _pattern, _stop: RIDERS_PER_S)


def carried_out(**changed) -> OrderRecord:
    return OrderRecord(replace(by_hand(**changed), id="o-1"), OrderState.CARRIED_OUT, NOW_NS)


def test_boarding_that_took_longer_than_usual_is_not_the_holds():
    # usually 20 s by the timetable; stood 60 s by an order of 15 s
    assert effects().shift_s(by_hand(value=15.0), call(stood_s=60.0)) == 15.0
    assert effects().shift_s(by_hand(value=60.0), call(stood_s=60.0)) == 40.0


def test_who_boards_a_bus_that_waits_at_the_terminal_waits_and_does_not_ride():
    known = effects()
    known.leave(call("bus-0", "t0", stop=0, arrived_s=BEGIN_S, stood_s=20.0), ordered=False)
    # planned at +620 s, ordered and left at +680 s: h = 660 s; the next left at +1220 s: g = 540 s
    moved = call("bus-1", "t1", stop=0, arrived_s=BEGIN_S + 600, stood_s=80.0, load=10)
    known.await_follower(carried_out(kind=OrderKind.DEPART_AT, stop=0, value=BEGIN_S + 680), moved)
    (measured,) = known.leave(call("bus-2", "t2", stop=0, arrived_s=BEGIN_S + 1200, stood_s=20.0), ordered=False)
    # r (600^2 + 600^2 - 660^2 - 540^2) / 2 = 0.1 * -7200 / 2: even headways were made uneven
    assert measured.effect.waiting_s == pytest.approx(-360.0)
    assert measured.effect.in_vehicle_s == 0.0
    assert measured.effect.operator_s == -60.0


def test_riders_who_know_the_timetable_wait_for_the_next_bus_where_theirs_left_early():
    known = Effects(network(), lambda _pattern, stop: RIDERS_PER_S * (4 - stop))
    known.leave(call("bus-0", "t0", arrived_s=BEGIN_S + 220, stood_s=20.0), ordered=False)
    # the board says +860 s, usually 20 s: ready at +740 s, told to wait till +800 s: 120 s early became 60 s, h = 560 s
    waited = call("bus-1", "t1", arrived_s=BEGIN_S + 720, stood_s=80.0, load=10)
    known.await_follower(carried_out(kind=OrderKind.DEPART_NOT_BEFORE, value=BEGIN_S + 800), waited)
    (measured,) = known.leave(call("bus-2", "t2", arrived_s=BEGIN_S + 1440, stood_s=20.0), ordered=False)
    # of 0.1 x 560 riders of this stop a fifth (120 s less 60 s of the last 300 s) would have waited g = 660 s
    assert measured.effect.waiting_s == pytest.approx(0.1 * 560 * 0.2 * 660)
    assert measured.effect.in_vehicle_s == -600.0
    assert "11.2 riders who know the timetable would have missed it and waited 660 s" in measured.counterfactual


def test_a_bus_that_was_late_anyway_was_missed_by_nobody_who_knows_the_timetable():
    known = Effects(network(), lambda _pattern, stop: RIDERS_PER_S * (4 - stop))
    known.leave(call("bus-0", "t0", arrived_s=BEGIN_S + 220, stood_s=20.0), ordered=False)
    known.await_follower(carried_out(kind=OrderKind.DEPART_NOT_BEFORE, value=BEGIN_S + 1000), call(arrived_s=BEGIN_S + 940, stood_s=60.0))
    (measured,) = known.leave(call("bus-2", "t2", arrived_s=BEGIN_S + 1440, stood_s=20.0), ordered=False)
    assert measured.effect.waiting_s == 0.0
    assert measured.effect.in_vehicle_s == -400.0
