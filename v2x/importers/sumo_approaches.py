"""The roads around one SUMO traffic light as signal control sees them.

Rules:
* Lengths are the lanes' `length` (what SUMO drives), never their shapes'.
* An exit goes on through junctions without a lamp as long as its road leads to one road only; it ends at the next stop line.
* A stub, as mapping and joint lights leave them behind a stop line, is part of the junction: an exit goes straight on beyond it.
* Lanes for pedestrians alone are no approach lanes.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from intersections.signals.approaches import Approaches, Floats, Ints
from v2x.importers.sumo_lamps import Links, edge_of, internal_lanes
from v2x.importers.sumo_xml import SumoConnection, SumoNetwork, is_driven

STUB_M = 30.0  # as an exit it would hold back traffic that in truth drives on
_MAX_HOPS = 100  # roads in a row without a lamp: a ring would have no end


@dataclass(frozen=True, slots=True)
class Exit:
    """`chain`: the lanes from the intersection to the next stop line, internal ones included."""

    chain: tuple[str, ...]
    length_m: float
    neighbour: str


class Roads:
    """How the lanes of a network join; built once for all its traffic lights."""

    def __init__(self, network: SumoNetwork) -> None:
        self.network = network
        self.follow = {move.from_lane: move for move in network.connections if move.from_lane.startswith(":")}
        self.leaving: dict[str, list[SumoConnection]] = defaultdict(list)
        for move in network.connections:
            if network.edges[edge_of(network, move.from_lane)].function == "normal":
                self.leaving[edge_of(network, move.from_lane)].append(move)

    def length_m(self, lanes: Iterable[str]) -> float:
        return sum(self.network.lanes[lane].length_m for lane in lanes)

    def inner(self, move: SumoConnection) -> list[str]:
        return internal_lanes(self.follow, move)

    def exit(self, lane: str, intersection: str) -> Exit:
        chain = [lane]
        for _ in range(_MAX_HOPS):
            moves = self._onward(edge_of(self.network, lane))
            neighbour = next((move.tl for move in moves if move.tl), "")
            stub = self.length_m(chain) < STUB_M and neighbour in ("", intersection)
            single = not neighbour and len({edge_of(self.network, move.to_lane) for move in moves}) == 1
            own = min(moves, key=lambda move: (move.from_lane != lane, move.direction != "s"), default=None)
            if own is None or own.to_lane in chain or not (stub or single):
                return Exit(tuple(chain), self.length_m(chain), neighbour)
            lane = own.to_lane
            chain += [*self.inner(own), lane]
        return Exit(tuple(chain), self.length_m(chain), "")

    def _onward(self, edge: str) -> list[SumoConnection]:
        """For vehicles, without turning round."""
        back = self.network.edges[edge].from_junction
        ends = [(move, self.network.edges[edge_of(self.network, move.to_lane)]) for move in self.leaving[edge]]
        return [move for move, end in ends if end.to_junction != back and is_driven(self.network.lanes[move.to_lane])]


def approaches(
    roads: Roads, intersection: str, links: Links, group_of: dict[int, int], closed: set[int], groups: int
) -> tuple[Approaches, Ints, tuple[tuple[str, ...], ...], tuple[Exit, ...]]:
    """`group_of`: link -> bit, absent = always open; `closed`: links never green. Also the link of each connection and the internal
    lanes it takes, and the exits."""
    network = roads.network
    rows = [(link, move) for link, own in links.moves.items() if link not in links.crossings and link not in closed for move in own]
    rows = [(link, move) for link, move in rows if is_driven(network.lanes[move.from_lane])]
    lanes = list(dict.fromkeys(move.from_lane for _, move in rows))
    exits = list(dict.fromkeys(move.to_lane for _, move in rows))
    ends = [(edge_of(network, move.from_lane), edge_of(network, move.to_lane)) for _, move in rows]
    movements = list(dict.fromkeys(ends))
    ways = tuple(roads.exit(lane, intersection) for lane in exits)
    crossing = np.zeros(groups, np.int32)
    crossing[[group_of[link] for link in links.crossings if link in group_of]] = 1
    result = Approaches(
        intersection=intersection,
        lanes=tuple(lanes),
        lane_length_m=_floats(network.lanes[lane].length_m for lane in lanes),
        lane_speed_mps=_floats(network.lanes[lane].speed_mps for lane in lanes),
        movements=tuple(movements),
        connection_lane=_ints(lanes.index(move.from_lane) for _, move in rows),
        connection_movement=_ints(movements.index(end) for end in ends),
        connection_group=_ints(group_of.get(link, -1) for link, _ in rows),
        connection_exit=_ints(exits.index(move.to_lane) for _, move in rows),
        connection_speed_mps=_floats(_speed_mps(roads, move) for _, move in rows),
        exits=tuple(exits),
        exit_length_m=_floats(way.length_m for way in ways),
        exit_speed_mps=_floats(network.lanes[lane].speed_mps for lane in exits),
        exit_neighbour=tuple(way.neighbour for way in ways),
        group_crossing=crossing,
        exit_approach=tuple(edge_of(network, way.chain[-1]) if way.neighbour else "" for way in ways),
    )
    return result, _ints(link for link, _ in rows), tuple(tuple(roads.inner(move)) for _, move in rows), ways


def _speed_mps(roads: Roads, move: SumoConnection) -> float:
    """The slowest on the way through: SUMO gives internal lanes a limit by their curve."""
    return min(roads.network.lanes[lane].speed_mps for lane in (move.from_lane, *roads.inner(move), move.to_lane))


def _floats(values: Iterable[float]) -> Floats:
    return np.array(list(values), np.float64)


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), np.int32)
