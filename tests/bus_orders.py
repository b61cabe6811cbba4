"""A small line and what is said on it, for tests of orders: two patterns of line 7, five stops 500 m apart, a trip every ten minutes."""

import importlib.util
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from intersections.buses.network import BusNetwork, Pattern, Stop, Trip
from intersections.buses.order_book import OrderBook
from intersections.buses.order_rules import SECOND_NS, Limits
from intersections.buses.orders import Acknowledgement, Answer, DispatchMode, DispatchOrder, Effect, OrderKind, Proposal
from intersections.buses.samples import BusState, Duty, StopCall

MIDNIGHT_NS = 1_780_000_000_000_000_000
BEGIN_S = 8 * 3600.0
NOW_NS = MIDNIGHT_NS + round(BEGIN_S * SECOND_NS)
NAN = float("nan")


def at_ns(day_s: float) -> int:
    return MIDNIGHT_NS + round(day_s * SECOND_NS)


def network() -> BusNetwork:
    stops = {f"s{row}": Stop(f"s{row}", f"Stop {row}", 44.5, 11.3 + 0.006 * row) for row in range(5)}
    points_m = np.array([[500.0 * row, 0.0] for row in range(5)])
    pattern = Pattern("7-out", "7", "0", tuple(stops), points_m, points_m[:, 0])
    trips = {}
    for number in range(6):
        arrival_s = BEGIN_S + 600.0 * number + np.arange(5) * 120.0
        trips[f"t{number}"] = Trip(f"t{number}", "7-out", arrival_s, arrival_s + 20.0)
    return BusNetwork(stops, {"7-out": pattern}, trips, (44.5, 11.3), MIDNIGHT_NS, {"7-out": (2,)}, frozenset({"7"}))


def book(mode: DispatchMode = DispatchMode.CONFIRM, **limits) -> OrderBook:
    return OrderBook(network(), Limits(mode=mode, **limits), lambda _pattern, _stop: 0.1)


def proposal(now_ns: int = NOW_NS, **changed) -> Proposal:
    values = {
        "kind": OrderKind.HOLD,
        "line": "7",
        "vehicle": "bus-1",
        "trip": "t1",
        "stop": 2,
        "value": 40.0,
        "why": "bus-2 is 9 min behind",
        "predicted": Effect(900.0, -400.0, -40.0),
        "confidence": 0.8,
        "made_ns": now_ns,
        "valid_until_ns": now_ns + 300 * SECOND_NS,
    }
    return Proposal(**(values | changed))


def by_hand(now_ns: int = NOW_NS, **changed) -> DispatchOrder:
    values = {
        "kind": OrderKind.HOLD,
        "line": "7",
        "vehicle": "bus-1",
        "trip": "t1",
        "stop": 2,
        "value": 40.0,
        "text": "",
        "issued_ns": now_ns,
        "valid_until_ns": now_ns + 300 * SECOND_NS,
        "author": "anna",
    }
    return DispatchOrder(id="", version=1, **(values | changed))


def said(order: DispatchOrder, answer: Answer = Answer.ACCEPTED, now_ns: int = NOW_NS, **changed) -> Acknowledgement:
    return replace(Acknowledgement(order.id, order.version, order.vehicle, answer, "", now_ns), **changed)


def call(vehicle: str = "bus-1", trip: str = "t1", stop: int = 2, arrived_s: float = BEGIN_S + 60, stood_s: float = 60.0, load: int = 10):
    return StopCall(vehicle, trip, "7-out", stop, arrived_s, arrived_s + stood_s, load)


def state(vehicle: str = "bus-1", trip: str = "t1", now_ns: int = NOW_NS, **changed) -> BusState:
    values = {
        "duty": Duty.ON_TRIP,
        "pattern": "7-out",
        "place_m": 600.0,
        "next_stop": 2,
        "speed_mps": 8.0,
        "at_stop": False,
        "deviation_s": 0.0,
        "load": 10,
        "measured_ns": now_ns,
    }
    return BusState(vehicle=vehicle, trip=trip, **(values | changed))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a matcher would give."""

    states: tuple[BusState, ...]
    calls: tuple[StopCall, ...]
    verdicts: Counter


@cache
def driver_module():
    """`examples/driver.py`, which is no package."""
    specification = importlib.util.spec_from_file_location("driver", Path(__file__).parents[1] / "examples" / "driver.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
