"""The roads of a running SUMO network as far as the sensor layer needs them: lengths, and which stop line a road leads to.

Rules:
* Static: read once when SUMO has started.
* A stop line is looked for along a vehicle's road, through unsignalised junctions, no farther than SIGHT_M.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import libsumo

from intersections.signals.approaches import SIGHT_M, Approaches


@dataclass(frozen=True, slots=True)
class Ahead:
    """The next stop line of a vehicle: `after_m` from the end of the road it is on; `offsets_m` from the end of each road till there."""

    site: int
    movement: int  # -1: one that is not on the map
    after_m: float
    offsets_m: dict[str, float]


class Roads:
    def __init__(self, approaches: Sequence[Approaches]) -> None:
        self.lane_length_m: dict[str, float] = {str(lane): float(libsumo.lane.getLength(lane)) for lane in libsumo.lane.getIDList()}
        self.road_length_m = {road_of(lane): length_m for lane, length_m in self.lane_length_m.items()}
        self._link_m: dict[tuple[str, str], float] = {}
        for lane in self.lane_length_m:
            if not lane.startswith(":"):
                self._link_m |= {(road_of(lane), road_of(link[0])): float(link[7]) for link in libsumo.lane.getLinks(lane)}
        self._site_of = {road_of(lane): site for site, place in enumerate(approaches) for lane in place.lanes}
        self._movements = [{pair: row for row, pair in enumerate(place.movements)} for place in approaches]

    def ahead(self, route: Sequence[str], index: int, *, inside: bool) -> Ahead | None:
        """From `route[index]`, or from inside the junction before `route[index + 1]`; None where no stop line is in sight."""
        at, after_m = index, 0.0
        offsets_m: dict[str, float] = {}
        while inside or route[at] not in self._site_of:
            if at + 1 >= len(route) or after_m > SIGHT_M:
                return None
            step_m = 0.0 if inside else self._link_m.get((route[at], route[at + 1]), 0.0)
            at, inside = at + 1, False
            step_m += self.road_length_m.get(route[at], 0.0)
            offsets_m = {road: offset_m + step_m for road, offset_m in offsets_m.items()} | {route[at]: 0.0}
            after_m += step_m
        if at + 1 >= len(route):
            return None  # it ends here and takes no turn
        site = self._site_of[route[at]]
        movement = self._movements[site].get((route[at], route[at + 1]), -1)
        return Ahead(site, movement, after_m, {route[index]: after_m} | offsets_m)


def road_of(lane: str) -> str:
    return lane.rpartition("_")[0]
