"""What orders in force do to the times that are foreseen: a driver who has said yes leaves when he was told.

Rules:
* Of the trip that the bus is on, and of a stop that it has not left: until it has, the order is to come, however late it is.
* The arrival at the stop itself stays; those behind it move by as much as the departure: sooner only by a new time at the terminal. The
  band from 10 to 90 % narrows where a bus has to wait for a time of day: it leaves then, whenever it comes before.
* Times stay ahead of now, in order along the stops and among the quantiles.
* A cancelled trip is `Predictions`' matter; of other kinds it is not known by how much they move a bus.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from intersections.buses.headways import dwell_s
from intersections.buses.network import BusNetwork, Floats, Trip
from intersections.buses.orders import DispatchOrder, OrderKind
from intersections.buses.samples import BusState, Duty, Prediction

SECOND_NS = 1_000_000_000

# When the bus leaves, from when it will be ready, the order's value, and now.
_LEAVES: dict[OrderKind, Callable[[Floats, float, float], Floats]] = {
    OrderKind.DEPART_AT: lambda ready_s, value, now_s: np.full_like(ready_s, max(value, now_s)),
    OrderKind.HOLD: lambda ready_s, value, now_s: np.maximum(ready_s + value, now_s),
    OrderKind.DEPART_NOT_BEFORE: lambda ready_s, value, now_s: np.maximum(ready_s, max(value, now_s)),
}


def as_ordered(
    network: BusNetwork,
    predictions: Sequence[Prediction],
    states: Sequence[BusState],
    orders: Iterable[DispatchOrder],
    arrived_s: Mapping[str, float],
    now_ns: int,
) -> list[Prediction]:
    """`predictions`, one of each vehicle, the `orders` in force obeyed. `arrived_s`: by vehicle, at the stop where it stands, if known."""
    found = {one.vehicle: one for one in predictions}
    state_of = {state.vehicle: state for state in states}
    now_s = (now_ns - network.midnight_ns) / SECOND_NS
    for order in orders:
        known = found.get(order.vehicle)
        if known is None or order.kind not in _LEAVES or order.trip not in {"", known.trip}:
            continue
        state, trip = state_of[order.vehicle], network.trips[known.trip]
        if state.next_stop <= order.stop < known.first_stop + len(known.p50_s):
            ready_s, expected_s = _departure_s(known, state, trip, order.stop, arrived_s.get(order.vehicle, np.nan), now_s, network)
            by_s = _LEAVES[order.kind](ready_s, order.value, now_s) - expected_s
            found[order.vehicle] = _moved(known, order.stop, by_s if order.kind is OrderKind.DEPART_AT else np.maximum(by_s, 0.0))
    return list(found.values())


def _departure_s(
    known: Prediction, state: BusState, trip: Trip, stop: int, arrived_s: float, now_s: float, network: BusNetwork
) -> tuple[Floats, Floats]:
    """(3,) each: when the bus will be ready to leave the stop, and the departure that the prediction of the stops behind begins from."""
    if stop >= known.first_stop:
        at = stop - known.first_stop
        ready_s = np.array([known.p10_s[at], known.p50_s[at], known.p90_s[at]]) + dwell_s(trip, stop)
        return ready_s, ready_s
    if state.duty is Duty.AT_TERMINAL or stop == 0:
        planned_s = np.full(3, max(float(trip.departure_s[0]), now_s))
        return planned_s, planned_s
    reported_s = (state.measured_ns - network.midnight_ns) / SECOND_NS
    since_s = arrived_s if np.isfinite(arrived_s) else reported_s
    return np.full(3, since_s + dwell_s(trip, stop)), np.full(
        3, max(reported_s + float(trip.departure_s[stop] - trip.arrival_s[stop]), now_s)
    )


def _moved(known: Prediction, stop: int, by_s: Floats) -> Prediction:
    behind = max(stop + 1 - known.first_stop, 0)
    quantiles_s = np.stack([known.p10_s, known.p50_s, known.p90_s])
    quantiles_s[:, behind:] += by_s[:, None]
    quantiles_s = np.maximum.accumulate(np.maximum.accumulate(np.maximum(quantiles_s, known.made_s), axis=0), axis=1)
    return replace(known, p10_s=quantiles_s[0], p50_s=quantiles_s[1], p90_s=quantiles_s[2])
