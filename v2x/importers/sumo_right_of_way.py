"""Who yields to whom at SUMO's junctions, from their request matrices.

Row i belongs to the link whose last internal lane is the junction's i-th; character j counts from the right. `response` names the
links it yields to, `foes` those whose paths meet its own.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from intersections.map import Priority
from v2x.importers.sumo_xml import SumoNetwork


@dataclass(frozen=True, slots=True)
class Link:
    """A connection as the junctions know it: its edges and the internal lane it ends in ('' in networks without them)."""

    id: str
    from_edge: str
    to_edge: str
    last_lane: str


@dataclass(frozen=True, slots=True)
class RightOfWay:
    """By our ids of connections and crossings. Two that would yield to each other yield not at all: they are EQUAL."""

    yields_to: dict[str, tuple[str, ...]]
    priority: dict[str, Priority]
    foes: frozenset[frozenset[str]]


def right_of_way(network: SumoNetwork, junctions: Collection[str], links: Iterable[Link]) -> RightOfWay:
    """Links between the same two edges are lanes of one road going on: among them there is neither a foe nor a yield."""
    by_id = {link.id: link for link in links}
    by_lane = {link.last_lane: id for id, link in by_id.items() if link.last_lane}
    responses: set[tuple[str, str]] = set()
    foes: set[tuple[str, str]] = set()
    for junction in sorted(junctions):
        ids = [_link_id(network, lane, by_lane) for lane in network.junctions[junction].internal_lanes]
        responses |= _pairs(network.junctions[junction].responses, ids)
        foes |= _pairs(network.junctions[junction].foes, ids)
    foes = {pair for pair in foes if not _same_road(by_id, pair)}
    responses = {pair for pair in responses if not _same_road(by_id, pair)}
    one_way = {(one, other) for one, other in responses if (other, one) not in responses}
    undecided = {one for pair in foes for one in pair if pair not in one_way and pair[::-1] not in one_way}
    yields_to: dict[str, tuple[str, ...]] = {}
    for one, other in sorted(one_way):
        yields_to[one] = (*yields_to.get(one, ()), other)
    standing = dict.fromkeys(undecided, Priority.EQUAL) | dict.fromkeys(yields_to, Priority.YIELD)
    priority = {id: standing.get(id, Priority.MAJOR) for id in by_id}
    return RightOfWay(yields_to, priority, frozenset(frozenset(pair) for pair in foes))


def _same_road(links: Mapping[str, Link], pair: tuple[str, str]) -> bool:
    one, other = (links.get(id) for id in pair)
    return one is not None and other is not None and (one.from_edge, one.to_edge) == (other.from_edge, other.to_edge)


def _link_id(network: SumoNetwork, lane: str, by_lane: Mapping[str, str]) -> str:
    """Our id of the link that ends in this internal lane: a crossing is its own lane, '' for what was not taken."""
    if network.edges[network.lanes[lane].edge].function == "crossing":
        return lane
    return by_lane.get(lane, "")


def _pairs(rows: Sequence[str], ids: Sequence[str]) -> set[tuple[str, str]]:
    return {
        (ids[i], ids[j])
        for i, row in enumerate(rows)
        for j, flag in enumerate(reversed(row))
        if flag == "1" and i < len(ids) and j < len(ids) and ids[i] and ids[j]
    }
