"""The fusion core's cost through its Python API at 10,000 vehicles, CPU time, brought to the reference machine by `calibration_ms`.

What is timed:
* `fusion_us_per_filter`: one `step` without a window after one epoch of wheel speed, yaw rate, single-point fix and heading, by vehicle
  and filter. The three filters that live without ranges (main, fix-free, RTK-free) each predict once and take four scalar updates: speed,
  east, north, heading. In it are the laws that weigh them, the protection level, the brought-forward state and the output arrays.
* `fusion_ranges_us_per_filter`: the same with four ranges more. A fourth filter then lives, which takes no range: it is taken off at the
  price of the first figure, and the rest is of the three that take all eight. No range is passed over: the vehicle drives on meanwhile.
* `fusion_us_per_vehicle`: `ingest` and `step` with the window of 0.2 s, by vehicle and epoch, over one second of a drive (wheel speed and
  yaw rate 10 Hz, RTK fix 5 Hz, velocity 2 Hz): every epoch is filtered for the newest state and again as it leaves the window.
* `fusion_ingest_us_per_row`: `ingest` alone, of the same drive.
* `fusion_speedup_twin`, `fusion_speedup_filterpy`: the first figure against the readable twin's `step` by filter, and against a prediction
  and four scalar updates of filterpy's extended filter, bare and with its matrices given, in the same process.

Each is the least of several epochs (or seconds): what a shared machine adds is not the core's.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from filterpy.kalman import ExtendedKalmanFilter

from bench.figures import CALIBRATION_REFERENCE_MS, calibration_ms, cpu_ms, record
from positioning import _fusion
from positioning.fusion import FusionConfig, FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import Kind, MeasurementBatch
from positioning.samples import FixStatus
from tests.fusion_scenes import START_NS, TICK_NS, ZONE, anchors, batch, drive, fix

VEHICLES = 10_000
FILTERS = 3  # main, fix-free, RTK-free
WARM_TICKS = 20  # until every heading is known
AT_MOST = {"fusion_us_per_filter": 0.25, "fusion_ranges_us_per_filter": 0.5, "fusion_us_per_vehicle": 1.5}


def many(one: MeasurementBatch) -> MeasurementBatch:
    """The same rows of every vehicle, sorted by vehicle, as a station's batch is."""
    count = len(one.kind)
    kind, measured_ns, received_ns = (np.tile(column, VEHICLES) for column in (one.kind, one.measured_ns, one.received_ns))
    vehicle = np.repeat(np.arange(VEHICLES, dtype=np.int64), count)
    return MeasurementBatch(kind, vehicle, measured_ns, received_ns, np.tile(one.values, (VEHICLES, 1)))


def four_updates(seconds: float, *, ranges: bool) -> Iterator[tuple[int, list]]:
    """A drive that becomes, once its heading is known, a wheel speed, a yaw rate, a single-point fix and a heading at every tick."""
    for now, truth, rows in drive(seconds, ranges=ranges):
        if now < START_NS + WARM_TICKS * TICK_NS:
            yield now, rows
            continue
        kept = [row for row in rows if row[0] in {Kind.WHEEL_SPEED, Kind.YAW_RATE, Kind.RANGE}]
        kept.append((Kind.FIX, now, now, fix(truth[0], truth[1], FixStatus.SINGLE, 15)))
        yield now, [*kept, (Kind.HEADING, now, now, [truth[2], 0.02])]


def cpu_us(call: Callable[[], object]) -> float:
    before = time.process_time_ns()
    call()
    return (time.process_time_ns() - before) / 1e3


def us_per_epoch(*, ranges: bool) -> float:
    """Least CPU time of a `step` per vehicle; a microsecond after its epoch, so that each epoch is filtered once."""
    engine = FusionEngine(VEHICLES, ZONE, FusionConfig(late_s=0.0), anchors() if ranges else ())
    spent = []
    for now, rows in four_updates(15, ranges=ranges):
        engine.ingest(many(batch(rows)))
        spent.append(cpu_us(lambda now=now: engine.step(now + 1_000)) / VEHICLES)
    return min(spent[WARM_TICKS + 1 :])


def us_of_the_drive() -> tuple[float, float]:
    """-> least CPU time of a second's epochs, `ingest` and `step`, per vehicle and epoch; of `ingest`, per row."""
    engine = FusionEngine(VEHICLES, ZONE)
    whole, taking = [], []
    for now, _, rows in drive(20):
        given = many(batch(rows))
        taking.append(cpu_us(lambda given=given: engine.ingest(given)) / VEHICLES)
        whole.append(taking[-1] + cpu_us(lambda now=now: engine.step(now)) / VEHICLES)
        taking[-1] /= len(rows)
    seconds = np.reshape(whole[WARM_TICKS:], (-1, 10)).mean(axis=1)
    return float(seconds.min()), float(np.reshape(taking[WARM_TICKS:], (-1, 10)).mean(axis=1).min())


def twin_us() -> float:
    """The readable twin's `step` of one vehicle, by filter."""
    twin = FusionTwin(1, ZONE, FusionConfig(late_s=0.0))
    spent = []
    for now, rows in four_updates(6, ranges=False):
        twin.ingest(batch(rows))
        spent.append(cpu_us(lambda now=now: twin.step(now + 1_000)))
    return min(spent[WARM_TICKS + 1 :]) / FILTERS


def filterpy_us() -> float:
    """Its extended filter with eight states, the transition and its noise given: one prediction, four scalar updates."""
    peer = ExtendedKalmanFilter(dim_x=8, dim_z=1)
    peer.F = np.eye(8) + np.diag([0.1] * 6, 2)
    seen = [(np.eye(8)[state : state + 1], sigma**2) for state, sigma in ((2, 0.035), (0, 2.0), (1, 2.0), (3, 0.02))]

    def filter_step() -> None:
        peer.predict()
        for row, variance in seen:
            peer.update(np.zeros(1), lambda _, row=row: row, lambda x, row=row: row @ x, R=variance)

    return cpu_ms(filter_step, 300) * 1e3


@pytest.mark.benchmark
def test_fusion_cost():
    """All figures are kept before any is judged."""
    once, whole = us_per_epoch(ranges=False), us_per_epoch(ranges=True)
    drive_us, row_us = us_of_the_drive()
    to_reference = CALIBRATION_REFERENCE_MS / calibration_ms()
    spent = {
        "fusion_us_per_filter": once / FILTERS,
        "fusion_ranges_us_per_filter": (whole - once / FILTERS) / FILTERS,
        "fusion_us_per_vehicle": drive_us,
        "fusion_ingest_us_per_row": row_us,
    }
    for name, us in spent.items():
        record(name, us * to_reference)
    record("fusion_bytes_per_filter", _fusion.SIZES["filter"])
    record("fusion_bytes_per_vehicle", _fusion.SIZES["vehicle"])
    record("fusion_speedup_twin", twin_us() / spent["fusion_us_per_filter"])
    record("fusion_speedup_filterpy", filterpy_us() / spent["fusion_us_per_filter"])
    for name, most in AT_MOST.items():
        record(name, spent[name] * to_reference, at_most=most)
