"""One small crossing for the tests of arrivals: two lanes from the west (left + straight, straight + right), one from the south, with
what is known of it as plain rows."""

from typing import Any

import numpy as np

from intersections.samples import PhaseState
from intersections.signals.approaches import Approaches, Observation, empty
from intersections.signals.control import GuardMode, Shown
from intersections.signals.layout import SECOND_NS, GroupKind, SignalGroup, SignalLayout, Stage

LEFT, STRAIGHT, RIGHT, SOUTH = range(4)  # movements
WEST_GREEN, SOUTH_GREEN = 0b01, 0b10


def crossing() -> Approaches:
    return Approaches(
        intersection="crossing",
        lanes=("west_1", "west_0", "south_0"),
        lane_length_m=np.array([200.0, 200.0, 60.0]),
        lane_speed_mps=np.array([13.89, 13.89, 13.89]),
        movements=(("west", "north"), ("west", "east"), ("west", "south"), ("south", "north")),
        connection_lane=np.array([0, 0, 1, 1, 2], np.int32),
        connection_movement=np.array([LEFT, STRAIGHT, STRAIGHT, RIGHT, SOUTH], np.int32),
        connection_group=np.array([0, 0, 0, 0, 1], np.int32),
        connection_exit=np.array([0, 1, 2, 3, 0], np.int32),
        connection_speed_mps=np.array([7.0, 13.89, 13.89, 6.0, 13.89]),
        exits=("north_0", "east_1", "east_0", "south_out_0"),
        exit_length_m=np.array([150.0, 300.0, 300.0, 100.0]),
        exit_speed_mps=np.full(4, 13.89),
        exit_neighbour=("", "next", "next", ""),
        group_crossing=np.zeros(2, np.int32),
    )


def layout() -> SignalLayout:
    groups = tuple(
        SignalGroup(name, GroupKind.VEHICLE, 5 * SECOND_NS, 90 * SECOND_NS, 180 * SECOND_NS, 3 * SECOND_NS) for name in ("w", "s")
    )
    return SignalLayout(
        intersection="crossing",
        groups=groups,
        conflicts=(SOUTH_GREEN, WEST_GREEN),
        yields=(0, 0),
        intergreen_ns=((0, 3 * SECOND_NS), (3 * SECOND_NS, 0)),
        stages=(Stage("west", WEST_GREEN), Stage("south", SOUTH_GREEN)),
        local=((0, 20 * SECOND_NS), (1, 20 * SECOND_NS)),
    )


def shown(now_s: float, greens: int) -> Shown:
    green, red = PhaseState.PROTECTED_MOVEMENT_ALLOWED, PhaseState.STOP_AND_REMAIN
    now_ns = round(now_s * SECOND_NS)
    return Shown(
        now_ns=now_ns,
        mode=GuardMode.COMMANDED,
        states=tuple(green if greens >> bit & 1 else red for bit in range(2)),
        since_ns=(0, 0),
        greens=greens,
        wanted=greens,
        earliest_end_ns=(now_ns, now_ns),
        latest_end_ns=(now_ns, now_ns),
    )


def observed(now_s: float, rows: list[tuple[Any, ...]] | None = None, **changed: Any) -> Observation:
    """Rows: (vehicle, lane, movement, distance_m, speed_mps[, waited_s])."""
    base = empty(crossing(), round(now_s * SECOND_NS), 2)
    table = np.array([(*row, 0.0)[:6] for row in rows or []], np.float64).reshape(-1, 6)
    fields = {name: getattr(base, name) for name in Observation.__slots__}
    fields |= {
        "vehicle": table[:, 0].astype(np.int64),
        "lane": table[:, 1].astype(np.int32),
        "place": np.full(len(table), -1, np.int64),
        "movement": table[:, 2].astype(np.int32),
        "distance_m": table[:, 3],
        "speed_mps": table[:, 4],
        "waited_s": table[:, 5],
        "length_m": np.full(len(table), 5.0),
        "weight": np.full(len(table), 1.4),
        "stop_m": np.full(len(table), -1.0),
    }
    return Observation(**(fields | changed))
