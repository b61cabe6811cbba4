"""What controlling the signals costs beside the warnings: 200 objects at a signalised crossing, lamps that obey, every 100 ms.

Warnings are decided and sent before the signals are looked at, so what a controlled intersection may add to a warning's way is only
what its own step costs more (`signal_step_ratio`), and the wait for a control that was under way when the frame came: `control_ms`
in nine ticks of ten, `control_plan_ms` once a second.
"""

import time
from functools import partial

import numpy as np

from bench.figures import CALIBRATION_REFERENCE_MS, calibration_ms, record
from bench.test_chain import PERIOD_NS, START_NS, payload_sets, streets
from intersections.signals.control import GuardMode
from intersections.step import Intersection, step
from tests.controlled_scenes import LampDriver, signal_text, signalised_map
from v2x.arrivals import ArrivalKind
from v2x.signal_files import signal_config
from v2x.wire import arrival

COUNT = 200
SERVED_TICKS = 120  # the start-up is over, and everybody is known
MEASURED_TICKS = 60
STEP_RATIO, CONTROL_MS, CONTROL_PLAN_MS = 1.25, 1.0, 6.0


def spent_ms():
    """CPU ms by tick, (ticks, 4): step of the crossing that is controlled, of its twin whose lamps show the same, control, and whether
    it planned. Side by side, so that whatever else the machine does meets both."""
    map = signalised_map()
    controlled, watched = Intersection(map, signals=signal_config(signal_text(), map, "adaptive")), Intersection(map)
    driver, rows = LampDriver(), []
    sets = payload_sets(controlled.frame, streets, COUNT)
    for tick in range(SERVED_TICKS + MEASURED_TICKS):
        now_ns, frames = START_NS + tick * PERIOD_NS, sets[min(tick, len(sets) - 1)]
        arrivals = [arrival(ArrivalKind.RSU_FRAME, source, "example", now_ns, now_ns, payload) for source, payload in frames]
        samples = [one.sample for one in (*arrivals, driver.arrival(now_ns))]
        times_ns = [time.process_time_ns()]
        for work in (
            partial(step, controlled, samples, now_ns),
            partial(step, watched, samples, now_ns),
            partial(controlled.control, now_ns),
        ):
            decided = work()
            times_ns.append(time.process_time_ns())
        driver.publish(decided, now_ns)
        rows.append((*np.diff(times_ns) / 1e6, tick % 10 == 0))
    assert driver.commands[-1].mode is GuardMode.COMMANDED
    return np.array(rows[SERVED_TICKS:], np.float64)


def test_signals_cost_warnings_nothing():
    spent, scale = spent_ms(), CALIBRATION_REFERENCE_MS / calibration_ms()
    controlled_ms, watched_ms, control_ms, plans = spent.T
    record("signal_step_ratio", np.percentile(controlled_ms, 20) / np.percentile(watched_ms, 20), at_most=STEP_RATIO)
    record("control_ms", np.median(control_ms[plans == 0]) * scale, at_most=CONTROL_MS)
    record("control_plan_ms", np.median(control_ms[plans > 0]) * scale, at_most=CONTROL_PLAN_MS)
