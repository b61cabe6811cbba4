"""The lamps of one SUMO traffic light: what each link index rules, whose paths meet, and who yields to whom.

Rules:
* Foes and responses are the junctions' request matrices; a joint traffic light over several junctions has foes only within each.
* Links between the same two roads are lanes of one road going on: among them there is neither a foe nor a yield.
* A request row belongs to a link by its last internal lane; in networks without internal lanes by SUMO's own order: incoming lanes,
  and the connections of each as they stand in the file.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from intersections.map import MapError
from v2x.importers.sumo_xml import SumoConnection, SumoNetwork

Pairs = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Links:
    """`moves`: link index -> its connections, those that begin inside a junction left out. `foes` is symmetrical; `responses`: who
    yields, to whom. `unknown`: links that no request row was found for."""

    moves: dict[int, tuple[SumoConnection, ...]]
    crossings: frozenset[int]
    foes: Pairs
    responses: Pairs
    unknown: frozenset[int]


@dataclass(frozen=True, slots=True)
class Rules:
    """`clashes`: foes that may not be green together; `yields`: who has to yield, to whom, when both are green. `doubtful`: green against
    green in the programs, taken because the junction's right of way decides; `refused`: where it does not."""

    clashes: Pairs
    yields: Pairs
    doubtful: Pairs
    refused: Pairs


def edge_of(network: SumoNetwork, lane: str) -> str:
    return network.lanes[lane].edge


def internal_lanes(follow: dict[str, SumoConnection], move: SumoConnection) -> list[str]:
    """The internal lanes of a movement in order: a second one begins where traffic waits inside the junction."""
    via, lanes = move.via, list[str]()
    while via and via not in lanes:
        lanes.append(via)
        via = follow[via].via if via in follow else ""
    return lanes


def links_of(network: SumoNetwork, tl: str) -> Links:
    """Raises MapError where the traffic light rules nothing."""
    follow = {move.from_lane: move for move in network.connections if move.from_lane.startswith(":")}
    moves: dict[int, list[SumoConnection]] = defaultdict(list)
    crossings: set[int] = set()
    for move in network.connections:
        functions = [network.edges[edge_of(network, lane)].function for lane in (move.from_lane, move.to_lane)]
        if move.tl != tl or move.link < 0 or functions[0] == "internal":
            continue
        moves[move.link].append(move)
        if functions[1] == "crossing":
            crossings.add(move.link)
    if not moves:
        raise MapError(f"traffic light {tl!r} rules no connection")
    rows = _request_rows(network)
    places: dict[tuple[str, int], list[int]] = defaultdict(list)
    unknown: set[int] = set()
    for link, own in moves.items():
        for move in own:
            place = rows.get((move.to_lane, "") if link in crossings else _row_key(follow, move))
            if place is None:
                unknown.add(link)
            else:
                places[place].append(link)
    foes, responses = _matrix_pairs(network, places)
    same_road = _same_road(network, moves)
    foes = {pair for pair in foes | {pair[::-1] for pair in foes} if pair not in same_road}
    ordered = {link: tuple(moves[link]) for link in sorted(moves)}
    return Links(ordered, frozenset(crossings), frozenset(foes), frozenset(responses & foes), frozenset(unknown))


def _row_key(follow: dict[str, SumoConnection], move: SumoConnection) -> tuple[str, str]:
    inner = internal_lanes(follow, move)
    return (inner[-1], "") if inner else (move.from_lane, move.to_lane)


def _request_rows(network: SumoNetwork) -> dict[tuple[str, str], tuple[str, int]]:
    """(last internal lane, '') or (from lane, to lane) -> junction and row of its matrix."""
    leaving: dict[str, list[SumoConnection]] = defaultdict(list)
    for move in network.connections:
        leaving[move.from_lane].append(move)
    rows: dict[tuple[str, str], tuple[str, int]] = {}
    for junction in network.junctions.values():
        if junction.type == "internal":
            continue  # a waiting place inside a junction lists foes of its own
        if junction.internal_lanes:
            rows.update({(lane, ""): (junction.id, row) for row, lane in enumerate(junction.internal_lanes)})
        else:
            order = [move for lane in junction.incoming_lanes for move in leaving[lane]]
            rows.update({(move.from_lane, move.to_lane): (junction.id, row) for row, move in enumerate(order)})
    return rows


def _matrix_pairs(network: SumoNetwork, places: dict[tuple[str, int], list[int]]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    foes: set[tuple[int, int]] = set()
    responses: set[tuple[int, int]] = set()
    for (id, row), links in places.items():
        junction = network.junctions[id]
        for matrix, pairs in ((junction.foes, foes), (junction.responses, responses)):
            flags = matrix[row] if row < len(matrix) else ""
            others = [other for column, flag in enumerate(reversed(flags)) if flag == "1" for other in places.get((id, column), ())]
            pairs |= {(link, other) for link in links for other in others if link != other}
    return foes, responses


def _same_road(network: SumoNetwork, moves: dict[int, list[SumoConnection]]) -> set[tuple[int, int]]:
    roads: dict[tuple[str, str], set[int]] = defaultdict(set)
    for link, own in moves.items():
        ends = {(edge_of(network, move.from_lane), edge_of(network, move.to_lane)) for move in own}
        if len(ends) == 1:
            roads[ends.pop()].add(link)
    return {(one, other) for links in roads.values() for one in links for other in links}


def rules_of(links: Links, states: list[str]) -> Rules:
    """Which foes the programs' `states` show green together, and who of them yields: the one with 'g', else as the junction says."""
    yields: set[tuple[int, int]] = set()
    both_green: set[tuple[int, int]] = set()
    for pair in links.foes:
        one, other = pair
        for letters in {(state[one], state[other]) for state in states}:
            if one > other or not set(letters) <= {"G", "g"}:
                continue
            yields.update(_yielding(links, pair, letters))
            if letters == ("G", "G"):
                both_green.add(pair)
    clashes = {pair for pair in links.foes if pair not in yields and pair[::-1] not in yields}
    return Rules(frozenset(clashes), frozenset(yields), frozenset(both_green - clashes), frozenset(both_green & clashes))


def _yielding(links: Links, pair: tuple[int, int], letters: tuple[str, str]) -> Iterator[tuple[int, int]]:
    one, other = pair
    if letters == ("g", "G"):
        yield one, other
    elif letters == ("G", "g"):
        yield other, one
    else:
        decided = [way for way in (pair, (other, one)) if way in links.responses and way[::-1] not in links.responses]
        yield from decided or ([pair, (other, one)] if letters == ("g", "g") else [])
