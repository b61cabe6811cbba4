"""The plan of a planner that follows no single vehicle: a command, and which stages it expects."""

from collections.abc import Sequence

import numpy as np

from intersections.signals.approaches import Observation
from intersections.signals.control import PLANNER, GreenCommand, Plan, PlannedDepartures
from intersections.signals.layout import SECOND_NS, TICK_NS

VALID_NS = 3 * SECOND_NS  # of a command: plans come each second, so that two may be lost


def plain_plan(intersection: str, seen: Observation, stages: Sequence[int], start_ns: Sequence[int]) -> Plan:
    """`stages[0]` is wanted now. Commands are numbered by the clock: they grow across restarts without being kept."""
    now_ns = seen.now_ns
    return Plan(
        command=GreenCommand(PLANNER, now_ns // TICK_NS, stages[0], now_ns, now_ns + VALID_NS),
        stages=tuple(stages),
        start_ns=tuple(start_ns),
        departures=PlannedDepartures(intersection, now_ns, (), (), (), np.zeros(0)),
        departure_ns=np.full(len(seen.vehicle), -1, np.int64),
    )
