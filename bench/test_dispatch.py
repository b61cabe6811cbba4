"""What dispatch costs, in CPU time brought to the reference machine by `calibration_ms`: 2,000 buses on 200 lines.

* `dispatch_ms_per_line`: the proposals of one line with ten buses. Every third bus is bunched, so that there is something to propose;
  every line has a bus at its terminal.
* `bus_update_core_percent`: all that is done with the buses each 10 s, of one core: a report of each is put on its trip, predictions,
  proposals, 300 orders that drivers have said yes to and are watched, the boards at stops.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.figures import CALIBRATION_REFERENCE_MS, calibration_ms, cpu_ms, record
from intersections.buses.decisions import BusReport
from intersections.buses.dispatch import Proposer
from intersections.buses.network import BusNetwork, Pattern, Stop, Trip
from intersections.buses.order_book import OrderBook
from intersections.buses.order_rules import Limits
from intersections.buses.orders import Acknowledgement, Answer, DispatchMode, DispatchOrder, OrderKind, OrderVerdict
from intersections.buses.plans import LinePlan, LinePlans
from intersections.buses.road import BusRoad
from intersections.buses.samples import UNKNOWN_LOAD, BusPosition, BusPositions, BusState, Duty, Prediction, Predictor, StopCall
from intersections.buses.step import Dispatcher
from intersections.buses.ways import Ways
from positioning.frames import LocalFrame

LINES, BUSES, STOPS, HEADWAY_S, STEP_S, STEP_M = 200, 10, 37, 450.0, 120.0, 500.0
BEGIN_S, NOW_S = 6 * 3600.0, 6 * 3600.0 + BUSES * HEADWAY_S
BESIDE_M = 150.0  # between two lines
PERIOD_S, REPEATS, ORDERS, HOUR_NS = 10.0, 5, 300, 3_600_000_000_000
PLAN = LinePlan(riders_per_s=0.05)
BUDGET_MS, BUDGET_PERCENT = 2.0, 10.0  # 2 ms a line are 4 % of a core


def town() -> BusNetwork:
    stop_m = STEP_M * np.arange(STOPS)
    ways = {line: np.column_stack([stop_m, np.full(STOPS, BESIDE_M * line)]) for line in range(LINES)}
    names = {line: tuple(f"{line}-{row}" for row in range(STOPS)) for line in range(LINES)}
    stops = {name: Stop(name, "", 0.0, 0.0) for its in names.values() for name in its}
    patterns = {f"{line}": Pattern(f"{line}", f"{line}", "0", names[line], ways[line], stop_m) for line in range(LINES)}
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
    plans, now_ns, proposer = LinePlans(other=PLAN), round(NOW_S * 1e9), Proposer(town())
    proposer.observe([call for _, _, calls in buses for call in calls])
    predictions = [prediction for _, prediction, _ in buses]
    assert len(proposer.propose(states, predictions, plans, now_ns)) > LINES
    scale = CALIBRATION_REFERENCE_MS / calibration_ms()
    proposing_ms = cpu_ms(lambda: proposer.propose(states, predictions, plans, now_ns), 5) * scale
    record("dispatch_ms_per_line", proposing_ms / LINES, at_most=BUDGET_MS)


def reports(frame: LocalFrame, now_s: float, late_s: np.ndarray) -> BusPositions:
    """Of the ten buses of each line that are on the road then, each late by its own time; one waits at the terminal."""
    line, number = (each.ravel() for each in np.indices(late_s.shape))
    along = (now_s - BEGIN_S - number * HEADWAY_S - late_s.ravel()) / STEP_S
    on_road = (along > -HEADWAY_S / STEP_S) & (along < STOPS - 1)
    line, number, place_m = line[on_road], number[on_road], STEP_M * np.maximum(along[on_road], 0.0)
    latitude_rad, longitude_rad = frame.geodetic_from_enu(place_m, BESIDE_M * line)
    speed_mps = np.where(place_m > 0.0, STEP_M / STEP_S, 0.0)
    found = [
        BusPosition(f"v{line}/{number}", round(now_s * 1e9), *place, speed_mps, f"{line}/{number}")
        for line, number, speed_mps, *place in zip(
            line.tolist(),
            number.tolist(),
            speed_mps.tolist(),
            np.degrees(latitude_rad).tolist(),
            np.degrees(longitude_rad).tolist(),
            strict=True,
        )
    ]
    return BusPositions(tuple(found), round(now_s * 1e9))


def give_orders(book: OrderBook, states: Sequence[BusState], now_ns: int) -> None:
    """Holds at the stop after the next, which the drivers have said yes to."""
    for state in [state for state in states if 0 < state.next_stop < STOPS - 4][:ORDERS]:
        about = (state.pattern, state.vehicle, state.trip, state.next_stop + 1, 30.0, "", now_ns, now_ns + HOUR_NS, "anna")
        verdict, given = book.order(DispatchOrder("", 1, OrderKind.HOLD, *about), now_ns)
        assert verdict is OrderVerdict.TAKEN
        book.tick(now_ns)
        book.acknowledge(Acknowledgement(given.id, 1, state.vehicle, Answer.ACCEPTED, "", now_ns), now_ns)


def test_bus_update_core_percent():
    late_s = np.random.default_rng(1).normal(0.0, 60.0, (LINES, BUSES + 4)) + 300.0 * (np.arange(BUSES + 4) % 3 == 0)
    network = town()
    dispatcher = Dispatcher.of(network, LinePlans(other=PLAN), OrderBook(network, Limits(mode=DispatchMode.CONFIRM)))
    road, frame = BusRoad("buses", dispatcher), Ways(network).frame
    for now_s in np.arange(NOW_S - 1200.0, NOW_S, 60.0).tolist():
        decided, _ = road.step([reports(frame, now_s, late_s)], round(now_s * 1e9))
    (report,) = (one for one in decided if isinstance(one, BusReport))
    give_orders(dispatcher.book, report.states, round(now_s * 1e9))
    steps = iter([(now_s, reports(frame, now_s, late_s)) for now_s in (NOW_S + PERIOD_S * np.arange(REPEATS)).tolist()])

    def step() -> None:
        now_s, positions = next(steps)
        decided, _ = road.step([positions], round(now_s * 1e9))
        (report,) = (one for one in decided if isinstance(one, BusReport))
        assert len(report.predictions) > 0.95 * LINES * BUSES
        assert len(dispatcher.book.obeyed(round(now_s * 1e9))) > 0.8 * ORDERS

    scale = CALIBRATION_REFERENCE_MS / calibration_ms()
    record("bus_update_core_percent", 100.0 * cpu_ms(step, REPEATS) * scale / (1e3 * PERIOD_S), at_most=BUDGET_PERCENT)
