"""The covariance is the errors' own: 200 vehicles that move exactly as the filter assumes, and the chi-square of their errors.

Normalised squared error of (east, north, speed, heading): mean 4; over 200 vehicles its sum is chi-square with 800 degrees of freedom,
998 in 1000 times inside 800 +- 3.1 sqrt(1600) (Bar-Shalom 2001 section 5.4.2).
"""

import numpy as np
import pytest

from positioning.fusion import FusionConfig, FusionEngine
from positioning.measurements import VALUES, Kind, MeasurementBatch
from tests.fusion_scenes import START_NS, TICK_NS, ZONE, fix

COUNT = 200
DT = 0.1
Q = FusionConfig()
MOMENTS = (30, 60, 100, 200, 399)  # ticks: while the heading is being found, and later


def batch_of_all(kind, now, columns):
    values = np.full((COUNT, VALUES), np.nan)
    values[:, : columns.shape[1]] = columns
    if kind == Kind.FIX:
        values[:, 0], values[:, 1] = ZONE.geodetic_from_enu(columns[:, 0], columns[:, 1])
    stamps = np.full(COUNT, now, dtype=np.int64)
    return MeasurementBatch(np.full(COUNT, kind, dtype=np.uint8), np.arange(COUNT), stamps, stamps.copy(), values)


def velocity(speed, heading, chance):
    """The receivers' Doppler velocity, from which the heading starts."""
    seen = speed[:, None] * np.stack([np.sin(heading), np.cos(heading)], 1) + chance.normal(0, 0.1, (COUNT, 2))
    return np.column_stack([seen, np.full(COUNT, 0.1), np.full(COUNT, 15.0)])


def squared_errors(places, place, speed, heading):
    """Over all vehicles, in units of the covariance."""
    error = np.column_stack([places.east_m, places.north_m, places.speed_mps, places.heading_rad])
    error -= np.column_stack([place, speed, heading])
    error[:, 3] = (error[:, 3] + np.pi) % (2 * np.pi) - np.pi
    return np.einsum("ni,nij,nj->", error, np.linalg.inv(places.covariance), error)


@pytest.mark.parametrize("doppler", [True, False], ids=["with velocities", "from fixes alone"])
def test_errors_are_as_large_as_the_covariance_says(doppler):
    chance = np.random.default_rng(7)
    place, speed, heading = np.zeros((COUNT, 2)), np.full(COUNT, 8.0), chance.uniform(0, 2 * np.pi, COUNT)
    bias, scale = chance.normal(0, np.radians(0.3), COUNT), chance.normal(0, 0.02, COUNT)
    engine = FusionEngine(COUNT, ZONE, Q)
    for tick in range(400):
        now, turn = START_NS + tick * TICK_NS, 0.05 * np.sin(tick / 30)
        driven = speed + chance.normal(0, Q.acceleration * np.sqrt(DT), COUNT)
        way, middle = (speed + driven) / 2 * DT, heading + turn * DT / 2
        along, right = np.stack([np.sin(middle), np.cos(middle)], 1), np.stack([np.cos(middle), -np.sin(middle)], 1)
        aside = (Q.lever_m - Q.tyre_s * speed) * turn * DT
        place += way[:, None] * along + aside[:, None] * right + chance.normal(0, 1, (COUNT, 2)) * Q.slip * np.sqrt(abs(way))[:, None]
        heading, speed = heading + turn * DT, driven
        gyro = turn - bias + chance.normal(0, Q.gyro / np.sqrt(DT), COUNT)
        engine.ingest(batch_of_all(Kind.WHEEL_SPEED, now, (speed * (1 + scale) + chance.normal(0, Q.wheel_sigma_mps, COUNT))[:, None]))
        engine.ingest(batch_of_all(Kind.YAW_RATE, now, gyro[:, None]))
        if tick % 10 == 0:
            seen = place + chance.normal(0, 0.06, (COUNT, 2))
            engine.ingest(batch_of_all(Kind.FIX, now, np.array([fix(*at) for at in seen])))
            if doppler:
                engine.ingest(batch_of_all(Kind.VELOCITY, now, velocity(speed, heading, chance)))
        places = engine.step(now)
        if tick in MOMENTS:
            assert abs(squared_errors(places, place, speed, heading) - 4 * COUNT) < 3.1 * np.sqrt(8 * COUNT), tick
