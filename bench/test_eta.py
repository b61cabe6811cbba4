"""What arrival predictions cost, in CPU time brought to the reference machine by `calibration_ms`.

* `eta_us_per_prediction`: one vehicle's prediction for all stops ahead, of 2,000 vehicles on 200 lines each 10 s, with all that is learnt
  from the stop calls of these 10 s.
"""

import numpy as np

from bench.figures import CALIBRATION_REFERENCE_MS, calibration_ms, cpu_ms, record
from intersections.buses.eta import Predictions
from intersections.buses.network import BusNetwork, Pattern, Stop, Trip
from intersections.buses.samples import UNKNOWN_LOAD, BusState, Duty, StopCall

LINES, BUSES, STOPS, HEADWAY_S, STEP_S, STEP_M = 200, 10, 38, 450.0, 120.0, 500.0
BEGIN_S = 6 * 3600.0
PERIOD_S, REPEATS = 10, 5
BUDGET_US = 100.0  # 2,000 vehicles each 10 s are 2 % of a core; proposals may have 4


def town() -> BusNetwork:
    place_m = STEP_M * np.arange(STOPS)
    way = np.column_stack([place_m, np.zeros(STOPS)])
    names = {line: tuple(f"{line}-{row}" for row in range(STOPS)) for line in range(LINES)}
    patterns = {f"{line}": Pattern(f"{line}", f"{line}", "0", names[line], way, place_m) for line in range(LINES)}
    trips = {}
    for line in range(LINES):
        for number in range(BUSES + 4):
            times_s = BEGIN_S + number * HEADWAY_S + STEP_S * np.arange(STOPS)
            trips[f"{line}/{number}"] = Trip(f"{line}/{number}", f"{line}", times_s, times_s)
    stops = {name: Stop(name, "", 0.0, 0.0) for its in names.values() for name in its}
    return BusNetwork(stops, patterns, trips, (0.0, 0.0), 0)


def seen(now_s: int, since_s: int, late_s: np.ndarray) -> tuple[list[BusState], list[StopCall]]:
    """All buses run by the timetable, each late by its own time; the stop calls since `since_s`."""
    states, calls = [], []
    for line in range(LINES):
        for number in range(BUSES + 4):
            on_s = now_s - BEGIN_S - number * HEADWAY_S - late_s[line, number]
            along = on_s / STEP_S
            if not 0.0 < along < STOPS - 1:
                continue
            vehicle, trip, passed = f"{line}/v{number}", f"{line}/{number}", int(along) + 1
            place_m = STEP_M * along
            states.append(
                BusState(vehicle, Duty.ON_TRIP, trip, f"{line}", place_m, passed, 8.0, False, 0.0, UNKNOWN_LOAD, now_s * 1_000_000_000)
            )
            arrived_s = now_s - (along - int(along)) * STEP_S
            if arrived_s > since_s:
                calls.append(StopCall(vehicle, trip, f"{line}", int(along), arrived_s, arrived_s, UNKNOWN_LOAD))
    return states, calls


def test_eta_us_per_prediction():
    late_s = np.random.default_rng(1).normal(60.0, 60.0, (LINES, BUSES + 4))
    predictions, begin_s = Predictions(town()), int(BEGIN_S + BUSES * HEADWAY_S)
    for now_s in range(begin_s - 2_040, begin_s, 120):  # until what is kept to learn from is full
        states, calls = seen(now_s, now_s - 120, late_s)
        predictions.observe(calls)
        predictions.predict(states, now_s * 1_000_000_000)
    steps = iter([(now_s, *seen(now_s, now_s - PERIOD_S, late_s)) for now_s in range(begin_s, begin_s + PERIOD_S * REPEATS, PERIOD_S)])

    def step() -> None:
        now_s, states, calls = next(steps)
        assert len(calls) > LINES // 2
        predictions.observe(calls)
        assert len(predictions.predict(states, now_s * 1_000_000_000)) == len(states) > 0.9 * LINES * BUSES

    scale = CALIBRATION_REFERENCE_MS / calibration_ms()
    record("eta_us_per_prediction", cpu_ms(step, REPEATS) * scale * 1e3 / (LINES * BUSES), at_most=BUDGET_US)
