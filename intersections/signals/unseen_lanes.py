"""The unconnected vehicles of all lanes of an intersection, and the rows they make in the table of arrivals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import ADVANCE_LOOP_M, Approaches, Floats, Ints, Observation
from intersections.signals.counts import LoopCounts
from intersections.signals.flows import Flows
from intersections.signals.unseen import LaneSeen, Unseen, UnseenLane


@dataclass(frozen=True, slots=True, eq=False)
class UnseenRows:
    lane: Ints
    connection: Ints
    distance_m: Floats
    speed_mps: Floats
    waited_s: Floats


class UnseenLanes:
    def __init__(self, approaches: Approaches) -> None:
        length_m, limits_mps = approaches.lane_length_m.tolist(), approaches.lane_speed_mps.tolist()
        zones_m = [ADVANCE_LOOP_M if lane_m > ADVANCE_LOOP_M else 0.0 for lane_m in length_m]
        self.lanes = [UnseenLane(zone_m, limit_mps) for zone_m, limit_mps in zip(zones_m, limits_mps, strict=True)]

    def step(
        self,
        seen: Observation,
        placed: Ints,
        entered: Ints,
        left: Ints,
        open: NDArray[np.bool_],
        advance: LoopCounts,
        stop: LoopCounts,
        flows: Flows,
        passed_s: float,
    ) -> None:
        """`placed`: the lane each connected vehicle is in or will be; `entered`, `left`: counted, and explained by none of them;
        `open`: with green."""
        order = np.lexsort((seen.distance_m, placed))
        known_m: list[list[float]] = [[] for _ in self.lanes]
        known_mps: list[list[float]] = [[] for _ in self.lanes]
        for lane, distance_m, speed_mps in zip(
            placed[order].tolist(), seen.distance_m[order].tolist(), seen.speed_mps[order].tolist(), strict=True
        ):
            if lane >= 0:
                known_m[lane].append(distance_m)
                known_mps[lane].append(speed_mps)
        zoned = np.array([unseen.zone_m > 0.0 for unseen in self.lanes])
        columns = (
            entered,
            left,
            open,
            ~np.where(zoned, advance.counting, stop.counting),
            np.where(zoned, advance.passed, stop.passed),
            np.where(zoned, seen.advance_occupied, seen.stop_line_occupied).astype(np.bool_),
            np.where(zoned, advance.occupancy_holds, stop.occupancy_holds),
            seen.stop_line_occupied.astype(np.bool_),
            stop.occupancy_holds,
            flows.rate_per_s,
            flows.usual_row,
        )
        for lane, row in enumerate(zip(*(column.tolist() for column in columns), known_m, known_mps, strict=True)):
            self.lanes[lane].step(LaneSeen(*row), flows.turns(lane, row[0]), passed_s)

    def waiting(self) -> list[float]:
        """By lane: vehicles inside and queued beyond."""
        return [len(lane.vehicles) + lane.beyond for lane in self.lanes]

    def rows(self, seen: Observation, placed: Ints, flows: Flows) -> UnseenRows:
        rows: list[tuple[float, ...]] = []
        for lane, unseen in enumerate(self.lanes):
            known_m = seen.distance_m[placed == lane].tolist()
            rows += [(lane, v.connection, v.distance_m, v.speed_mps, v.waited_s) for v in unseen.vehicles]
            places = unseen.beyond_m(known_m)
            rows += [(lane, turn, at_m, 0.0, 0.0) for turn, at_m in zip(flows.usual_turns(lane, len(places)), places, strict=True)]
        table = np.array(rows, np.float64).reshape(-1, 5).T
        return UnseenRows(table[0].astype(np.int32), table[1].astype(np.int32), table[2], table[3], table[4])

    def snapshot(self) -> dict[str, NDArray[Any]]:
        rows = [
            (lane, v.distance_m, v.speed_mps, v.waited_s, v.connection) for lane, unseen in enumerate(self.lanes) for v in unseen.vehicles
        ]
        return {
            "vehicles": np.array(rows, np.float64).reshape(-1, 5),
            "queues": np.array([unseen.queue() for unseen in self.lanes], np.float64),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        for unseen, queue in zip(self.lanes, arrays["queues"].tolist(), strict=True):
            unseen.vehicles = []
            unseen.set_queue(queue)
        for lane, distance_m, speed_mps, waited_s, connection in arrays["vehicles"].tolist():
            self.lanes[int(lane)].vehicles.append(Unseen(distance_m, speed_mps, waited_s, int(connection)))
