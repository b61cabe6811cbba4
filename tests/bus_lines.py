"""A straight line of ten stops, 500 m and 100 s apart, a bus each ten minutes; and what is known of buses on it."""

from dataclasses import replace

import numpy as np

from intersections.buses.network import BusNetwork, Pattern, Stop, Trip
from intersections.buses.samples import UNKNOWN_LOAD, BusState, Duty, Prediction, Predictor, StopCall

STOPS, STEP_M, STEP_S, HEADWAY_S = 10, 500.0, 100.0, 600.0
BEGIN_S = 6 * 3600.0
SECOND_NS = 1_000_000_000
CONTROL = 4


def line_network(trips: int = 12, line: str = "1", duties: bool = False, headway_s: float = HEADWAY_S) -> BusNetwork:
    stops = {f"{row}": Stop(f"{row}", f"Stop {row}", 0.0, 0.0) for row in range(STOPS)}
    stop_m = STEP_M * np.arange(STOPS)
    pattern = Pattern("p", line, "0", tuple(stops), np.column_stack([stop_m, np.zeros(STOPS)]), stop_m)
    planned = {}
    for number in range(trips):
        times_s = BEGIN_S + number * headway_s + STEP_S * np.arange(STOPS)
        planned[f"t{number}"] = Trip(f"t{number}", "p", times_s, times_s, f"d{number}" if duties else "")
    return BusNetwork(stops, {"p": pattern}, planned, (0.0, 0.0), 0, {"p": (CONTROL,)}, frozenset({line}))


def running(number: int, next_stop: int, load: int = UNKNOWN_LOAD, deviation_s: float = 0.0) -> BusState:
    """Half-way to its next stop."""
    return BusState(f"v{number}", Duty.ON_TRIP, f"t{number}", "p", STEP_M * (next_stop - 0.5), next_stop, 10.0, False, deviation_s, load, 0)


def waiting(number: int) -> BusState:
    return replace(running(number, 0), duty=Duty.AT_TERMINAL, place_m=0.0, at_stop=True)


def foreseen(state: BusState, control_s: float, sigma_s: float = 10.0) -> Prediction:
    """To reach the control stop at `control_s`, the other stops a step apart."""
    p50_s = control_s + STEP_S * (np.arange(state.next_stop, STOPS) - CONTROL)
    return Prediction(
        state.vehicle, state.trip, state.next_stop, 0.0, p50_s - 1.2816 * sigma_s, p50_s, p50_s + 1.2816 * sigma_s, Predictor.RECENT
    )


def left(number: int, stop: int, at_s: float) -> StopCall:
    return StopCall(f"v{number}", f"t{number}", "p", stop, at_s - 15.0, at_s, UNKNOWN_LOAD)


def at_ns(time_s: float) -> int:
    return round(time_s * SECOND_NS)
