"""A walk about a parked car with four anchors, as ranges or differences of ranges for the fusion core."""

import numpy as np

from positioning.fusion import FusionConfig
from positioning.measurements import Kind
from positioning.walker import WalkerConfig
from tests.fusion_scenes import START_NS, TICK_NS, ZONE

ANCHORS_ENU = np.array([[0.7, 0.9, 0.5], [2.6, 0.9, 2.0], [2.6, -0.9, 2.0], [2.6, -0.9, 0.5]])
CONFIG = FusionConfig(
    antenna_height_m=1.0, anchor_delay_m=0.02, range_los_m=0.03, range_nlos_m=0.06, range_excess_m=0.3, range_los_share=0.9,
    range_outlier=0.005, tdoa_sigma_m=0.03, walker=WalkerConfig(link_error_m=0.03, link_time_s=0.7),
)  # fmt: skip


def surveyed(enu):
    latitude, longitude = ZONE.geodetic_from_enu(enu[:, 0], enu[:, 1])
    return np.column_stack([latitude, longitude, enu[:, 2]])


def apart(place, enu=ANCHORS_ENU, height=1.0):
    """The true ranges."""
    return np.sqrt(((enu[:, :2] - place) ** 2).sum(axis=1) + (enu[:, 2] - height) ** 2)


def ranges(now, metres):
    return [(Kind.RANGE, now, now, [far, anchor]) for anchor, far in enumerate(metres)]


def differences(now, metres):
    """Of all links to the first."""
    return [(Kind.TDOA, now, now, [far - metres[0], anchor, 0]) for anchor, far in enumerate(metres) if anchor]


def walk(seconds, seed=0, measured=ranges):
    """A square of 12 m at 1.2 m/s from (-4, -6), with a stand at each corner. -> per tick now_ns, truth east, north, and the rows."""
    chance = np.random.default_rng(seed)
    place, lasting, delays = np.array([-4.0, -6.0]), chance.normal(0, 0.03, 4), chance.normal(0, 0.02, 4)
    for tick in range(int(seconds * 10)):
        now = START_NS + tick * TICK_NS
        leg, at = divmod(tick, 120)
        if at >= 20:
            place = place + 0.12 * np.array([(1, 0), (0, 1), (-1, 0), (0, -1)][leg % 4])
        lasting = lasting * np.exp(-0.1 / 0.7) + chance.normal(0, 0.03 * np.sqrt(1 - np.exp(-0.2 / 0.7)), 4)
        yield now, place, measured(now, apart(place) + lasting + delays + chance.normal(0, 0.015, 4))
