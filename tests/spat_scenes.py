"""What the guard shows and the planner means at the test crossing; a queue in its west, and somebody who comes up behind it."""

from dataclasses import replace

import numpy as np

from intersections.signals.arrivals import Arrivals
from intersections.signals.control import PLANNER, GreenCommand, Plan, PlannedDepartures, Shown
from intersections.signals.estimate import Estimator
from intersections.signals.layout import SECOND_NS
from intersections.signals.spat import SpatMessage, SpatPublisher
from tests.arrival_scenes import LEFT, SOUTH_GREEN, WEST_GREEN, crossing, layout, observed, shown

COMING = 99  # who comes up


def bounded(now_s: float, greens: int, west: tuple[float, float], south: tuple[float, float] = (0.0, 1e6)) -> Shown:
    (low_w, high_w), (low_s, high_s) = west, south
    ends = ((low_w, low_s), (high_w, high_s))
    earliest, latest = (tuple(round(time * SECOND_NS) for time in pair) for pair in ends)
    return replace(shown(now_s, greens), earliest_end_ns=earliest, latest_end_ns=latest)


def plan(now_s: float, *stages: tuple[int, float]) -> Plan:
    """(greens, seconds from 0 at which they begin)."""
    now_ns = round(now_s * SECOND_NS)
    command = GreenCommand(PLANNER, 1, stages[0][0], now_ns, now_ns + 3 * SECOND_NS)
    starts = tuple(round(start * SECOND_NS) for _, start in stages)
    nobody = PlannedDepartures("crossing", now_ns, (), (), (), np.zeros(0))
    return Plan(command, tuple(greens for greens, _ in stages), starts, nobody, np.zeros(0, np.int64))


def queue(waiting: int, distance_m: float, speed_mps: float) -> Arrivals:
    rows = [(number, 0, LEFT, 2.0 + 7.5 * number, 0.0, 5.0) for number in range(waiting)]
    seen = observed(0.0, [*rows, (COMING, 0, LEFT, distance_m, speed_mps)])
    return Estimator(crossing(), layout()).arrivals(seen, bounded(0.0, SOUTH_GREEN, (0, 1)), ())


def spat_at(now_s: float, red_s: float) -> SpatMessage:
    """South is green; west gets green `red_s` from now, by a promise of six seconds."""
    turns_s = now_s + red_s
    lamps = bounded(now_s, SOUTH_GREEN, (max(turns_s - 3, now_s), turns_s + 3), (now_s, turns_s))
    return SpatPublisher(layout()).publish(lamps, plan(now_s, (SOUTH_GREEN, now_s), (WEST_GREEN, max(turns_s - 3, now_s))))


def green_at(now_s: float, left_s: float, next_s: float) -> SpatMessage:
    """West is green for `left_s` more, exactly, and again from `next_s` on."""
    ends_s = now_s + left_s
    lamps = bounded(now_s, WEST_GREEN, (ends_s, ends_s), (ends_s + 3, ends_s + 3))
    stages = ((WEST_GREEN, now_s), (SOUTH_GREEN, ends_s + 3), (WEST_GREEN, now_s + next_s))
    return SpatPublisher(layout()).publish(lamps, plan(now_s, *stages))
