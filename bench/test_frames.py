"""What a point costs on its way into an intersection's plane, in arrays: CPU time, brought to the reference machine."""

import numpy as np
import pytest

from bench.figures import CALIBRATION_REFERENCE_MS, calibration_ms, cpu_ms, record
from positioning.frames import LocalFrame

POINTS = 10_000
SPREAD_RAD = 0.0015  # about ten kilometres
BUDGET_US = 0.08


@pytest.mark.benchmark
def test_enu_cost():
    frame = LocalFrame(np.radians(31.2), np.radians(121.5), 10.0)
    chance = np.random.default_rng(1)
    latitude, longitude = (around + chance.uniform(-SPREAD_RAD, SPREAD_RAD, POINTS) for around in (frame.latitude_rad, frame.longitude_rad))
    spent_ms = cpu_ms(lambda: frame.enu_from_geodetic(latitude, longitude), 200)
    record("enu_us_per_point", spent_ms * 1e3 / POINTS * CALIBRATION_REFERENCE_MS / calibration_ms(), at_most=BUDGET_US)
