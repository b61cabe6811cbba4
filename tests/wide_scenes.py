"""A street among houses under a sky of two systems: a drive that knows its truth, as pseudoranges for the fusion core."""

import numpy as np

from positioning.fusion import FusionConfig
from positioning.geodesy import WGS84, geocentric_from_geodetic
from positioning.measurements import Kind
from positioning.wide import EARTH_RATE_RADPS, LIGHT_MPS, enu_from_geocentric
from tests.fusion_scenes import START_NS, ZONE

EPOCH_NS = 200_000_000
ORIGIN = geocentric_from_geodetic(WGS84, ZONE.latitude_rad, ZONE.longitude_rad, ZONE.height_m)
CONFIG = FusionConfig(gyro=float(np.radians(0.15)), wheel_sigma_mps=0.1)
GPS, GLONASS, GALILEO = range(3)
CLOCK_M, DRIFT_MPS, INTER_SYSTEM_M = -137_000.0, -50.0, -5.0


def sky(seed=0, systems=(GPS, GLONASS), each=8):
    """-> system, satellite (n,) and earth-centred metres (n, 3)."""
    chance = np.random.default_rng(1000 + seed)
    count = each * len(systems)
    azimuth, elevation = chance.uniform(0, 2 * np.pi, count), np.arcsin(chance.uniform(0.2, 0.98, count))
    away = 2.2e7 * np.column_stack([np.cos(elevation) * np.sin(azimuth), np.cos(elevation) * np.cos(azimuth), np.sin(elevation)])
    return np.repeat(systems, each), np.arange(count) + 1, ORIGIN + away @ enu_from_geocentric(ZONE)


def pseudorange(place_enu, satellite, *, delay=0.0, clock=CLOCK_M):
    """What is measured: the way, the earth's turn during the flight, the receiver's clock."""
    place = ORIGIN + np.append(place_enu, 0.0) @ enu_from_geocentric(ZONE)
    turn = EARTH_RATE_RADPS / LIGHT_MPS * (satellite[0] * place[1] - satellite[1] * place[0])
    return np.linalg.norm(satellite - place) + turn + clock + delay


def drive(seconds, seed=0, speed=8.0, standing=0, systems=(GPS, GLONASS), clock_step=lambda _: 0.0):
    """-> per epoch (now_ns, truth east, north, heading clockwise from north), and the rows measured then: motion, a signal per satellite.

    standing: epochs before it sets off. Weak signals come late by tens of metres, each for some seconds by the same.
    """
    chance = np.random.default_rng(seed)
    system, number, satellites = sky(seed, systems)
    quality = chance.uniform(30, 50, len(number))
    delays = np.zeros(len(number))
    place, heading, yaw = np.array([20.0, -30.0]), 1.0, 0.0
    for tick in range(int(seconds * 5)):
        now = START_NS + tick * EPOCH_NS
        if tick > standing:
            yaw = 0.15 * np.sin(tick / 25)
            middle = heading + yaw * 0.1
            place, heading = place + speed * 0.2 * np.array([np.sin(middle), np.cos(middle)]), heading + yaw * 0.2
        v = speed if tick > standing else 0.0
        if tick % 15 == 0:
            direct = chance.random(len(number)) < 1 / (1 + np.exp(-(quality - 41) / 3))
            delays = chance.normal(0, 1.5, len(number)) + np.where(direct, 0.0, chance.exponential(30, len(number)))
        rows = [
            (Kind.WHEEL_SPEED, now, now, [v * 1.01 + chance.normal(0, 0.05) if v else 0.0]),
            (Kind.YAW_RATE, now, now, [yaw * (v > 0) + chance.normal(0, 0.002)]),
        ]
        clock = CLOCK_M + DRIFT_MPS * tick * 0.2 + clock_step(tick)
        for one, satellite, strength, delay, where in zip(system, number, quality, delays, satellites, strict=True):
            late = delay + (INTER_SYSTEM_M if one == GLONASS else 0.0) + chance.normal(0, 0.5)
            measured = pseudorange(place, where, delay=late, clock=clock)
            rows.append((Kind.PSEUDORANGE, now, now, [measured, *where, strength, 0.8, one, satellite]))
        yield now, np.array([*place, heading]), rows
