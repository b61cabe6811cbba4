"""Whatever letters a program shows: it is read into sound tables or refused, and nothing is wanted that it does not show."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from intersections.map import MapError
from intersections.signals.conventions import RESCO, SAFE
from intersections.signals.layout import SECOND_NS, LayoutError, bits
from tests.signal_networks import network
from v2x.importers.sumo_groups import grouped, layout_of
from v2x.importers.sumo_lamps import links_of, rules_of
from v2x.importers.sumo_oddities import oddities
from v2x.importers.sumo_xml import SumoProgram, read_network


@cache
def links(kind):
    return links_of(read_network(network(kind)), "A0")


@st.composite
def programs(draw, count):
    """Phases that differ in a few letters each: so that groups, clearances and oddities of all sorts come up."""
    state = draw(st.text("GgrsyuYoO", min_size=count, max_size=count))
    phases = []
    for _ in range(draw(st.integers(1, 6))):
        phases.append((draw(st.integers(0, 400)) / 10, state))
        places = st.integers(0, count - 1)
        for place, letter in draw(st.dictionaries(places, st.sampled_from("Ggryu"), max_size=count)).items():
            state = state[:place] + letter + state[place + 1 :]
    return SumoProgram("A0", "any", "static", draw(st.integers(-90, 90)), tuple(phases), jumps=False)


def taken(known, program, convention):
    """None where it is refused."""
    states = [state for _, state in program.phases]
    rules = rules_of(known, states)
    try:
        groups = grouped(known, rules, states)
        layout, read, refused = layout_of("A0", groups, program, dict.fromkeys(known.crossings, 12.0), convention)
    except (MapError, LayoutError):
        return None
    return groups, layout, read, [*refused, *oddities(known, rules, groups, program)]


@settings(deadline=None)
@given(st.sampled_from(("plain", "crossings", "no internal lanes")), st.sampled_from((RESCO, SAFE)), st.data())
def test_any_program_is_read_or_refused(kind, convention, data):
    known = links(kind)
    program = data.draw(programs(max(known.moves) + 1))
    result = taken(known, program, convention)
    if result is None:
        return
    groups, layout, read, notes = result
    assert all(notes)
    members = {link for group in groups.members for link in group}
    assert members | set(groups.constant) == set(known.moves)
    served = 0
    for number, _ in layout.local:
        served |= layout.stages[number].greens
    assert served == (1 << len(layout.groups)) - 1
    _only_what_is_shown(groups, program, read)


def _only_what_is_shown(groups, program, read):
    at_ns = read.offset_ns
    for duration_s, state in program.phases:
        if duration_s:
            wanted = read.steps[read.step_at(at_ns)[0]].greens
            assert all(state[link] in "Ggu" for bit in bits(wanted) for link in groups.members[bit])
        at_ns += round(duration_s * 10) * (SECOND_NS // 10)
