"""The table of arrivals: who comes to the stop lines, in which lane and order, and how early. What the optimiser rolls out.

Rules:
* Rows are sorted by lane, then by order from the stop line: row k of a lane cannot cross before row k - 1 has.
* `arrival_s` is undisturbed: no queue, no red light. Queues, lamps and gaps are the roll-out's.
* A row is one whole vehicle. `weight` is persons, less where it is not sure that the vehicle is there: an estimated one (`vehicle` = -1),
  or a connected one that the loops contradict.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Approaches, Floats, Ints

ACCELERATION_MPS2 = 2.6  # of a passenger car at ease, as in SUMO's default vehicle type
STANDING_MPS = 2.0  # slower than this within a queue is queued
DWELL_S, LEAST_DWELL_S, BRAKING_S = 15.0, 3.0, 5.0  # of a city bus where nobody has told how many board
SPACING_M = 7.5  # one standing car with its gap


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """`observed`: row of the observation, -1 for an estimated vehicle. `exit_room_m`: what still fits into each exit now;
    `exit_drain_mps`: how much room opens there each second as long as its downstream end discharges as it lately has."""

    vehicle: NDArray[np.int64]
    observed: Ints
    lane: Ints
    connection: Ints  # row of Approaches.connection_*
    arrival_s: Floats
    distance_m: Floats
    speed_mps: Floats
    length_m: Floats
    weight: Floats
    waited_s: Floats
    queued: NDArray[np.uint8]
    exit_room_m: Floats  # (exits,)
    exit_drain_mps: Floats


def earliest_s(distance_m: Floats, speed_mps: Floats, limit_mps: Floats) -> Floats:
    """Time to the stop line: accelerate to the limit, then keep it; a faster vehicle keeps its speed."""
    top_mps = np.maximum(np.maximum(limit_mps, speed_mps), 1.0)
    ramp_s = (top_mps - speed_mps) / ACCELERATION_MPS2
    ramp_m = 0.5 * (top_mps + speed_mps) * ramp_s
    inside_s = np.maximum(np.sqrt(speed_mps**2 + 2.0 * ACCELERATION_MPS2 * distance_m) - speed_mps, 0.0) / ACCELERATION_MPS2
    return np.where(distance_m < ramp_m, inside_s, ramp_s + (distance_m - ramp_m) / top_mps)


def dwell_s(stop_m: Floats, distance_m: Floats, speed_mps: Floats, waited_s: Floats) -> Floats:
    """How much later a bus comes for the stop it still serves before the stop line (-1: none), braking and starting included."""
    serving = (distance_m - stop_m < SPACING_M) & (speed_mps < 0.1)
    return np.where(stop_m < 0.0, 0.0, np.where(serving, np.maximum(DWELL_S - waited_s, LEAST_DWELL_S), DWELL_S + BRAKING_S))


def connection_table(approaches: Approaches) -> Ints:
    """(lanes, movements) -> row of the connection that serves the movement from the lane, -1 for none."""
    table = np.full((len(approaches.lanes), max(len(approaches.movements), 1)), -1, np.int32)
    rows = np.arange(len(approaches.connection_lane), dtype=np.int32)[::-1]  # the first of several wins
    table[approaches.connection_lane[::-1], approaches.connection_movement[::-1]] = rows
    return table
