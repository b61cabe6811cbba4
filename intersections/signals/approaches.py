"""The roads of one intersection as signal control sees them: lanes that come in, movements through, lanes that go out.

Rules:
* A movement is a pair of roads: where a vehicle comes from and where it goes to. Several lanes may serve it, a lane may serve several.
* Rows are indices into the tuples and arrays of `Approaches`; -1 means unknown.
* Distances are measured along the road back from the stop line, through unsignalised junctions upstream, up to SIGHT_M.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

SIGHT_M = 300.0  # what is known of a connected vehicle begins here before the stop line
ADVANCE_LOOP_M = 40.0


@dataclass(frozen=True, slots=True, eq=False)
class Approaches:
    """Static. Connections are the lane-to-lane links through the intersection that a vehicle may take."""

    intersection: str
    lanes: tuple[str, ...]  # that end at the stop line
    lane_length_m: Floats  # (lanes,) of the lane alone
    lane_speed_mps: Floats
    movements: tuple[tuple[str, str], ...]  # from road, to road
    connection_lane: Ints  # (connections,)
    connection_movement: Ints
    connection_group: Ints  # bit in SignalLayout.groups; -1: no lamp
    connection_exit: Ints
    connection_speed_mps: Floats  # by its curve
    exits: tuple[str, ...]  # lanes that go out
    exit_length_m: Floats  # to the next stop line, or where the road ends being ours to know
    exit_speed_mps: Floats
    exit_neighbour: tuple[str, ...]  # the signalised intersection it leads to, '' for none
    group_crossing: Ints  # (groups,) 1: a pedestrian crossing
    exit_approach: tuple[str, ...] = ()  # by exit: the neighbour's approach road it ends on, '' for none; () where nobody has looked


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What is known at `now_ns`, by a sensor or a vehicle's word. One row per connected vehicle within SIGHT_M.

    `lane`: row of the approach lane it is on, -1 while it is further upstream. `place`: a number of the lane it is on, wherever
    that is: same lane, same number; -1: unknown. Who stands in one lane upstream cannot pass one another. `movement`: its next turn.
    `weight`: persons; `waited_s`: how long it has stood in this queue so far. `stop_m`: how far before the stop line the bus stop
    lies that it will still serve, or is serving; -1: none.
    """

    now_ns: int
    vehicle: NDArray[np.int64]
    lane: Ints
    place: NDArray[np.int64]
    movement: Ints
    distance_m: Floats
    speed_mps: Floats
    length_m: Floats
    weight: Floats
    waited_s: Floats
    stop_m: Floats
    stop_line_count: NDArray[np.int64]  # (lanes,) vehicles that ever crossed the stop line loop; all vehicles
    stop_line_occupied: NDArray[np.uint8]
    advance_count: NDArray[np.int64]  # (lanes,) the loop ADVANCE_LOOP_M upstream; -1 where the lane is shorter
    advance_occupied: NDArray[np.uint8]
    exit_vehicles: Floats  # (exits,) vehicles known on each exit lane, by loops in and out or the neighbour's word
    exit_queue_m: Floats  # (exits,) from the exit's downstream end back to the last standing vehicle known
    inside: NDArray[np.uint8]  # (connections,) 1: on its way through the junction a vehicle stands
    pedestrian_wait_s: Floats  # (groups,) since the first waiting call; 0 = no call


def empty(approaches: Approaches, now_ns: int, groups: int) -> Observation:
    """Nothing known, nobody there."""
    lanes, exits, connections = len(approaches.lanes), len(approaches.exits), len(approaches.connection_lane)
    none: dict[str, Any] = {
        name: np.zeros(0, np.float64) for name in ("distance_m", "speed_mps", "length_m", "weight", "waited_s", "stop_m")
    }
    return Observation(
        now_ns=now_ns,
        vehicle=np.zeros(0, np.int64),
        lane=np.zeros(0, np.int32),
        place=np.zeros(0, np.int64),
        movement=np.zeros(0, np.int32),
        **none,
        stop_line_count=np.zeros(lanes, np.int64),
        stop_line_occupied=np.zeros(lanes, np.uint8),
        advance_count=np.zeros(lanes, np.int64),
        advance_occupied=np.zeros(lanes, np.uint8),
        exit_vehicles=np.zeros(exits, np.float64),
        exit_queue_m=np.zeros(exits, np.float64),
        inside=np.zeros(connections, np.uint8),
        pedestrian_wait_s=np.zeros(groups, np.float64),
    )
