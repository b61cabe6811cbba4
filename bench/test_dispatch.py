"""What proposals cost, in CPU time brought to the reference machine by `calibration_ms`.

* `dispatch_ms_per_line`: one update of one line with ten buses, of 200 lines with 2,000 buses. Every third bus is bunched, so that there
  is something to propose; every line has a bus at its terminal.
* `bus_update_core_percent`: predictions and proposals of all 2,000 buses each 10 s, of one core.
"""

from dataclasses import replace

import numpy as np

from bench.figures import CALIBRATION_REFERENCE_MS, calibration_ms, cpu_ms, record
from intersections.buses.dispatch import Proposer
from intersections.buses.eta import Predictions
from intersections.buses.network import BusNetwork, Pattern, Stop, Trip
from intersections.buses.plans import LinePlan, LinePlans
from intersections.buses.samples import UNKNOWN_LOAD, BusState, Duty, Prediction, Predictor, StopCall

LINES, BUSES, STOPS, HEADWAY_S, STEP_S, STEP_M = 200, 10, 37, 450.0, 120.0, 500.0
BEGIN_S, NOW_S = 6 * 3600.0, 6 * 3600.0 + BUSES * HEADWAY_S
PERIOD_MS = 10_000.0
BUDGET_MS, BUDGET_PERCENT = 2.0, 10.0  # 2 ms a line are 4 % of a core


def town() -> BusNetwork:
    stop_m = STEP_M * np.arange(STOPS)
    way = np.column_stack([stop_m, np.zeros(STOPS)])
    stops = {f"{row}": Stop(f"{row}", "", 0.0, 0.0) for row in range(STOPS)}
    patterns = {f"{line}": Pattern(f"{line}", f"{line}", "0", tuple(stops), way, stop_m) for line in range(LINES)}
    trips = {}
    for line in range(LINES):
        for number in range(120):  # of a whole day
            times_s = BEGIN_S + number * HEADWAY_S + STEP_S * np.arange(STOPS)
            trips[f"{line}/{number}"] = Trip(f"{line}/{number}", f"{line}", times_s, times_s)
    return BusNetwork(stops, patterns, trips, (0.0, 0.0), 0)


def seen(line: int, number: int, rng: np.random.Generator) -> tuple[BusState, Prediction, list[StopCall]]:
    vehicle, trip, pattern = f"v{line}/{number}", f"{line}/{number}", f"{line}"
    late_s = rng.normal(0.0, 60.0) + (300.0 if number % 3 == 0 else 0.0)
    arrivals_s = BEGIN_S + number * HEADWAY_S + STEP_S * np.arange(STOPS) + late_s
    passed = int(np.searchsorted(arrivals_s, NOW_S))
    state = BusState(vehicle, Duty.ON_TRIP, trip, pattern, STEP_M * (passed - 0.5), passed, 8.0, False, late_s, UNKNOWN_LOAD, 0)
    ahead_s = arrivals_s[passed:]
    sigma_s = 3.0 * np.sqrt(ahead_s - NOW_S + 1.0)
    prediction = Prediction(vehicle, trip, passed, NOW_S, ahead_s - sigma_s, ahead_s, ahead_s + sigma_s, Predictor.RECENT)
    calls = [StopCall(vehicle, trip, pattern, row, arrivals_s[row], arrivals_s[row] + 15.0, UNKNOWN_LOAD) for row in range(passed)]
    return state, prediction, calls


def test_dispatch_ms_per_line():
    rng = np.random.default_rng(1)
    buses = [seen(line, number, rng) for line in range(LINES) for number in range(1, BUSES)]
    waiting, _, _ = seen(0, BUSES, rng)
    states = [state for state, _, _ in buses]
    states += [
        replace(waiting, vehicle=f"v{line}", duty=Duty.AT_TERMINAL, trip=f"{line}/{BUSES}", pattern=f"{line}", next_stop=0, at_stop=True)
        for line in range(LINES)
    ]
    network, plans, now_ns = town(), LinePlans(other=LinePlan(riders_per_s=0.05)), round(NOW_S * 1e9)
    proposer, eta = Proposer(network), Predictions(network)
    calls = [call for _, _, calls in buses for call in calls]
    proposer.observe(calls)
    eta.observe(calls)
    predictions = [prediction for _, prediction, _ in buses]
    assert len(proposer.propose(states, predictions, plans, now_ns)) > LINES
    assert len(eta.predict(states, now_ns)) == LINES * BUSES
    scale = CALIBRATION_REFERENCE_MS / calibration_ms()
    proposing_ms = cpu_ms(lambda: proposer.propose(states, predictions, plans, now_ns), 5) * scale
    predicting_ms = cpu_ms(lambda: eta.predict(states, now_ns), 5) * scale
    record("bus_update_core_percent", 100.0 * (proposing_ms + predicting_ms) / PERIOD_MS, at_most=BUDGET_PERCENT)
    record("dispatch_ms_per_line", proposing_ms / LINES, at_most=BUDGET_MS)
