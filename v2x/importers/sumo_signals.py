"""From a SUMO network and its signal programs to what guard and planners go by, for every traffic light.

Rules:
* The program in use is the last one read of a traffic light, as SUMO has it: the network's own, then the additional files in order.
* Links with the same letters throughout, the same foes, who yield to the same and to whom the same yield, are one group, named `g` and
  its smallest link.
* Links that never change are no groups: always open, yielding to all they meet (or stopping first), or closed.
* Foes may be green together only where the program in use shows it, one of them yielding; what cannot be read so is left out by name.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intersections.map import MapError
from intersections.signals.approaches import Approaches, Ints
from intersections.signals.conventions import Convention
from intersections.signals.layout import LayoutError, SignalLayout
from intersections.signals.plan import Program
from v2x.importers.sumo_approaches import Exit, Roads, approaches
from v2x.importers.sumo_groups import grouped, layout_of
from v2x.importers.sumo_lamps import links_of, rules_of
from v2x.importers.sumo_oddities import oddities
from v2x.importers.sumo_xml import SumoProgram, read_network, read_programs


@dataclass(frozen=True, slots=True, eq=False)
class SignalSite:
    """`links_of_group[bit]`: link indices of SUMO's state string. `constant`: link -> the letter it always shows. `link_of_connection`,
    `inner` (internal lanes, in order) and `exits` go by the rows of `approaches`. `notes`: every oddity, by the names of its groups;
    `refused`: greens left out."""

    layout: SignalLayout
    approaches: Approaches
    links_of_group: tuple[tuple[int, ...], ...]
    constant: dict[int, str]
    state_length: int
    link_of_connection: Ints
    inner: tuple[tuple[str, ...], ...]
    exits: tuple[Exit, ...]
    programs: tuple[Program, ...]
    notes: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SignalSurvey:
    """`refused`: traffic light -> why it cannot be taken over; it stays with its own program."""

    sites: tuple[SignalSite, ...]
    refused: dict[str, str]


def read_signals(net: Path, additional: Sequence[Path], convention: Convention, tl: str | None = None) -> list[SignalSite]:
    """All traffic lights that can be read, or the one asked for. Raises MapError where that one cannot, or where a file cannot."""
    survey = survey_signals(net, additional, convention)
    if tl is None:
        return list(survey.sites)
    if tl in survey.refused:
        raise MapError(survey.refused[tl])
    sites = [site for site in survey.sites if site.layout.intersection == tl]
    if not sites:
        raise MapError(f"traffic light {tl!r} is not in {net.name}")
    return sites


def survey_signals(net: Path, additional: Sequence[Path], convention: Convention) -> SignalSurvey:
    network = read_network(net)
    programs: dict[str, list[SumoProgram]] = defaultdict(list)
    for program in [*network.programs, *(program for path in additional for program in read_programs(path))]:
        programs[program.tl].append(program)
    roads = Roads(network)
    sites: list[SignalSite] = []
    refused: dict[str, str] = {}
    for tl in sorted({move.tl for move in network.connections if move.tl}):
        try:
            sites.append(_site(roads, tl, programs[tl], convention))
        except (MapError, LayoutError) as error:
            refused[tl] = str(error)
    return SignalSurvey(tuple(sites), refused)


def _site(roads: Roads, tl: str, programs: Sequence[SumoProgram], convention: Convention) -> SignalSite:
    links = links_of(roads.network, tl)
    program = _in_use(tl, programs, max(links.moves))
    states = [state for _, state in program.phases]
    rules = rules_of(links, states)
    groups = grouped(links, rules, states)
    lengths_m = {link: roads.length_m(move.to_lane for move in links.moves[link]) for link in links.crossings}
    layout, own, refused = layout_of(tl, groups, program, lengths_m, convention)
    group_of = {link: bit for bit, members in enumerate(groups.members) for link in members}
    closed = {link for link, letter in groups.constant.items() if letter == "r"}
    table, link_of_connection, inner, exits = approaches(roads, tl, links, group_of, closed, len(groups.members))
    return SignalSite(
        layout=layout,
        approaches=table,
        links_of_group=groups.members,
        constant=groups.constant,
        state_length=len(states[0]),
        link_of_connection=link_of_connection,
        inner=inner,
        exits=exits,
        programs=(own,),
        notes=(*_unread(programs), *oddities(links, rules, groups, program)),
        refused=refused,
    )


def _in_use(tl: str, programs: Sequence[SumoProgram], last_link: int) -> SumoProgram:
    """The program that SUMO plays. Raises MapError where it cannot be played as written."""
    if not programs:
        raise MapError(f"{tl}: no program")
    program = programs[-1]
    lengths = {len(state) for _, state in program.phases}
    if len(lengths) != 1 or lengths.pop() <= last_link:
        raise MapError(f"{tl}: program {program.id} has no phases, or states that do not cover link {last_link}")
    if program.jumps:
        raise MapError(f"{tl}: program {program.id} has phases that name their successor")
    unknown = sorted({letter for _, state in program.phases for letter in state} - set("GgyYrusoO"))
    if unknown:
        raise MapError(f"{tl}: program {program.id} has unknown letters: {''.join(unknown)}")
    return program


def _unread(programs: Sequence[SumoProgram]) -> tuple[str, ...]:
    others = [program.id for program in programs[:-1]]
    return (f"programs not in use: {', '.join(others)}",) if others else ()
