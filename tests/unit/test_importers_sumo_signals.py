"""Signal sites from SUMO: networks made for the purpose, whose tables can be told from the picture of a crossing; then real ones."""

import re
from itertools import pairwise

import numpy as np
import pytest

from intersections.map import MapError
from intersections.samples import PhaseState
from intersections.signals.conventions import RESCO, SAFE
from intersections.signals.layout import SECOND_NS, GroupKind, bits
from tests.signal_networks import KINDS, demo, lent, network
from tests.small_network import SIGNALISED
from v2x.importers.sumo_lamps import links_of
from v2x.importers.sumo_net import signal_groups
from v2x.importers.sumo_signals import read_signals, survey_signals
from v2x.importers.sumo_xml import read_network, read_programs

PROGRAM = """<additional><tlLogic id="T" programID="day" offset="4">
  <phase duration="20" state="Grr"/><phase duration="3" state="yrr"/>
  <phase duration="15" state="rgG"/><phase duration="5" state="rgr"/><phase duration="3" state="ryr"/>
</tlLogic></additional>"""
BOLOGNA = "bologna", "acosta_persontrips"
LENT = {name: (("resco", name, f"{name}.net.xml"), ()) for name in ("cologne1", "cologne3", "ingolstadt1", "grid4x4")} | {
    "bologna": ((*BOLOGNA, "acosta_peds.net.xml"), (*BOLOGNA, "acosta_tls2.add.xml")),
    "bologna without walkers": ((*BOLOGNA, "acosta_buslanes.net.xml"), (*BOLOGNA, "acosta_tls.add.xml")),
}


def survey(kind, convention=SAFE):
    if kind in LENT:
        net, additional = LENT[kind]
        return survey_signals(lent(*net), [lent(*additional)] if additional else [], convention)
    return survey_signals(network(kind), [], convention)


@pytest.fixture
def small(tmp_path):
    def read(program=PROGRAM, convention=SAFE, net=SIGNALISED):
        (tmp_path / "a.net.xml").write_text(net)
        (tmp_path / "a.add.xml").write_text(program)
        return read_signals(tmp_path / "a.net.xml", [tmp_path / "a.add.xml"], convention, "T")[0]

    return read


def groups_between(site, ends):
    """Bits of the movements with these (from road, to road) ends."""
    table = site.approaches
    row = table.movements.index(ends)
    return {int(group) for group, movement in zip(table.connection_group, table.connection_movement, strict=True) if movement == row}


def test_what_crosses_conflicts_and_who_yields_is_permissive(small):
    """East-west against south-north: a conflict. South-north over the crossing, shown 'g' beside its 'G': it yields."""
    site = small()
    layout = site.layout
    assert [group.id for group in layout.groups] == ["g0", "g1", "g2"]
    assert [group.kind for group in layout.groups] == [GroupKind.VEHICLE, GroupKind.VEHICLE, GroupKind.PEDESTRIAN]
    assert layout.conflicts == (0b010, 0b001, 0)
    assert layout.yields == (0, 0b100, 0)
    assert layout.permissive(0b110) == 0b010


def test_clearance_phases_are_steps_of_the_program_but_no_stages(small):
    site = small()
    assert [(step.greens, step.duration_ns // SECOND_NS) for step in site.programs[0].steps] == [(1, 20), (0, 3), (6, 15), (2, 5), (0, 3)]
    assert site.programs[0].offset_ns == 4 * SECOND_NS
    assert [(site.layout.stages[number].greens, time_ns // SECOND_NS) for number, time_ns in site.layout.local] == [(1, 20), (6, 20)]


def test_the_convention_gives_the_times(small):
    """The crossing is 6 m long: 5 s at 1.2 m/s. Its lamps have no yellow."""
    apart = PROGRAM.replace("rgG", "rrG")
    safe, resco = small(apart).layout, small(apart, convention=RESCO).layout
    assert [group.yellow_ns // SECOND_NS for group in safe.groups] == [3, 3, 0]
    assert [group.min_green_ns // SECOND_NS for group in safe.groups] == [7, 7, 5]
    assert safe.intergreen_ns[0][1] == 5 * SECOND_NS
    assert resco.intergreen_ns[0][1] == 3 * SECOND_NS
    assert safe.intergreen_ns[2][1] == 5 * SECOND_NS
    assert resco.intergreen_ns[2][1] == 0  # as the program has it


def test_without_a_walking_rule_pedestrians_are_cleared_as_the_program_does():
    """At Bologna's 219 the program shows 5 + 3 + 3 s from the end of the crossings' green; 1.2 m/s would give less or more by length."""
    for site in survey("bologna", RESCO).sites:
        for one, group in enumerate(site.layout.groups):
            if group.kind is GroupKind.PEDESTRIAN:
                assert all(
                    gap_ns > 0 for other, gap_ns in enumerate(site.layout.intergreen_ns[one]) if site.layout.conflicts[one] >> other & 1
                )


def test_red_yellow_is_kept_where_the_program_shows_it(small):
    program = PROGRAM.replace('duration="3" state="yrr"', 'duration="2" state="yrr"/><phase duration="1" state="rur"')
    site = small(program)
    assert [group.red_yellow_ns for group in site.layout.groups] == [0, SECOND_NS, 0]
    assert any("red-yellow, 1 times: g1" in note for note in site.notes)


def test_a_lamp_that_rests_in_stop_then_proceed_is_known(small):
    site = small(PROGRAM.replace("Grr", "Gsr").replace("yrr", "ysr"))
    assert site.layout.groups[1].rest is PhaseState.STOP_THEN_PROCEED


def test_links_that_never_change_are_no_groups(small):
    site = small(PROGRAM.replace("rgG", "rgg").replace("Grr", "Grg").replace("yrr", "yrg").replace("rgr", "rgg").replace("ryr", "ryg"))
    assert site.constant == {2: "g"}
    assert [group.id for group in site.layout.groups] == ["g0", "g1"]
    assert site.notes[0] == "links 2 are always green, open and yielding"


def test_green_against_green_where_nobody_yields_is_refused_by_name(small):
    site = small(PROGRAM.replace('"Grr"', '"GGr"'), net=SIGNALISED.replace('response="101"', 'response="100"'))
    assert any("nobody yields, refused: g0 and g1" in note for note in site.notes)
    assert site.refused == ("program day, phase 0: green of g1 beside g0",)
    assert site.layout.conflicts[0] == 0b010


def test_green_against_green_is_taken_as_yielding_where_the_junction_says_so(small):
    site = small(PROGRAM.replace('"Grr"', '"GGr"'))
    assert any("taken as yielding by the junction's right of way: g0 and g1" in note for note in site.notes)
    assert (site.layout.conflicts[0], site.layout.yields) == (0, (0, 0b101, 0))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("<additional/>", "no program"),
        (PROGRAM.replace("rgG", "rg"), "do not cover link 2"),
        (PROGRAM.replace('duration="20"', 'duration="20" next="2"'), "name their successor"),
        (PROGRAM.replace("Grr", "GrX"), "unknown letters: X"),
        (re.sub('state="..."', 'state="GGG"', PROGRAM), "no link ever changes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(small, program, reason):
    with pytest.raises(MapError, match=reason):
        small(program)


def test_the_last_program_read_is_the_one_in_use(small):
    site = small(PROGRAM.replace("<additional>", '<additional><tlLogic id="T" programID="old"/>'))
    assert site.programs[0].id == "day"
    assert "programs not in use: old" in site.notes


def test_an_unknown_traffic_light_is_told(tmp_path):
    (tmp_path / "a.net.xml").write_text(SIGNALISED)
    with pytest.raises(MapError, match="'Z' is not in"):
        read_signals(tmp_path / "a.net.xml", [], SAFE, "Z")


def test_lengths_are_the_lanes_own_not_their_shapes(small):
    assert small(
        net=SIGNALISED.replace('speed="8" length="195" shape="0,-200', 'speed="8" length="42" shape="0,-200')
    ).approaches.lane_length_m[1] == pytest.approx(42.0)


def test_an_exit_goes_on_through_unsignalised_junctions(small):
    """Lane n is 195 m long and goes on as `far`, 400 m; east of the junction the road ends."""
    table = small().approaches
    assert dict(zip(table.exits, table.exit_length_m.tolist(), strict=True)) == {"e_0": 195.0, "n_0": 595.0}


@pytest.mark.parametrize("kind", [*KINDS, "joint", *LENT])
def test_every_layout_is_sound(kind):
    """Construction has checked the tables; here what must hold beyond: all links placed, all groups served, no stage with a clash."""
    found = survey(kind)
    assert found.sites
    for site in found.sites:
        layout, table = site.layout, site.approaches
        links = sorted(link for members in site.links_of_group for link in members)
        assert links == sorted(set(links))
        assert not set(links) & set(site.constant)
        assert not any("no right of way known" in note for note in site.notes)
        assert len(layout.stages) <= 24
        served = 0
        for number, _ in layout.local:
            served |= layout.stages[number].greens
        assert served == (1 << len(layout.groups)) - 1
        for program in site.programs:
            assert not any(layout.clash(step.greens) for step in program.steps)
        assert (table.lane_length_m > 0.0).all()
        assert (table.connection_speed_mps > 0.0).all()
        assert (table.exit_length_m > 7.5).all()  # a car fits
        assert table.connection_lane.max() < len(table.lanes)
        assert table.connection_exit.max() < len(table.exits)


@pytest.mark.parametrize("kind", [*KINDS, "joint", *LENT])
def test_a_stage_that_is_generated_cannot_grow(kind):
    for site in survey(kind).sites:
        layout = site.layout
        for stage in layout.stages[len({number for number, _ in layout.local}) :]:
            addable = [bit for bit in range(len(layout.groups)) if not stage.greens >> bit & 1 and not layout.conflicts[bit] & stage.greens]
            assert all(layout.permissive(stage.greens | 1 << bit) for bit in addable), stage


@pytest.mark.parametrize("kind", ["plain", "left hand", "right on red", "no internal lanes"])
def test_at_a_crossroads_straight_on_conflicts_with_the_side_road_and_not_with_its_opposite(kind):
    site = next(site for site in survey(kind).sites if site.layout.intersection == "A0")
    west_east, east_west = groups_between(site, ("left0A0", "A0B0")), groups_between(site, ("B0A0", "A0left0"))
    south_north = groups_between(site, ("bottom0A0", "A0A1"))
    conflicts = site.layout.conflicts
    assert west_east
    assert all(conflicts[bit] >> other & 1 for bit in west_east for other in south_north)
    assert not any(conflicts[bit] >> other & 1 for bit in west_east for other in east_west)


def test_the_turn_across_oncoming_traffic_yields_on_either_hand():
    for kind, across in (("plain", ("left0A0", "A0A1")), ("left hand", ("left0A0", "A0bottom0"))):
        site = next(site for site in survey(kind).sites if site.layout.intersection == "A0")
        turn, oncoming = groups_between(site, across), groups_between(site, ("B0A0", "A0left0"))
        assert all(site.layout.yields[bit] & sum(1 << other for other in oncoming) for bit in turn), kind


def test_without_internal_lanes_the_same_tables_come_out():
    for with_lanes, without in zip(survey("plain").sites, survey("no internal lanes").sites, strict=True):
        assert with_lanes.layout.conflicts == without.layout.conflicts
        assert with_lanes.layout.yields == without.layout.yields
        assert [stage.greens for stage in with_lanes.layout.stages] == [stage.greens for stage in without.layout.stages]


def test_a_joint_light_has_conflicts_within_each_junction_only():
    site = max(survey("joint").sites, key=lambda site: len(site.layout.groups))
    net = read_network(network("joint"))
    links = links_of(net, site.layout.intersection)
    junction = {link: net.edges[net.lanes[moves[0].from_lane].edge].to_junction for link, moves in links.moves.items()}
    assert len(set(junction.values())) > 1
    assert links.foes
    assert all(junction[one] == junction[other] for one, other in links.foes)


def test_exits_between_signals_know_their_neighbour_and_its_distance():
    site = next(site for site in survey("plain").sites if site.layout.intersection == "A0")
    table = site.approaches
    neighbours = dict(zip(table.exits, table.exit_neighbour, strict=True))
    assert neighbours["A0B0_0"] == "B0"
    assert all(100.0 < length_m <= 200.0 for length_m, exit in zip(table.exit_length_m, table.exits, strict=True) if exit == "A0B0_0")


def test_right_turns_on_red_rest_in_stop_then_proceed():
    site = next(site for site in survey("grid4x4").sites if site.layout.intersection == "A0")
    rest = {group.id: group.rest for group in site.layout.groups}
    assert {id for id, state in rest.items() if state is PhaseState.STOP_THEN_PROCEED} == {"g0", "g9", "g18", "g27"}
    assert [len(members) for members in site.links_of_group] == [3] * 12


@pytest.mark.parametrize("kind", LENT)
def test_the_program_shows_the_greens_of_its_source(kind):
    """Second by second: what is wanted is what the source shows green, or red-yellow; nothing had to be refused on these maps."""
    net, additional = LENT[kind]
    sources = {source.tl: source for path in (net, *([additional] if additional else [])) for source in read_programs(lent(*path))}
    for site in survey(kind).sites:
        source, (program,) = sources[site.layout.intersection], site.programs
        starts = np.cumsum([0.0, *(duration_s for duration_s, _ in source.phases)])
        for (begin_s, end_s), (_, state) in zip(pairwise(starts), source.phases, strict=True):
            for at_s in np.arange(begin_s, end_s):
                greens = program.steps[program.step_at(int(at_s * SECOND_NS))[0]].greens
                shown = {site.layout.groups[bit].id for bit in bits(greens)}
                assert shown == {site.layout.groups[b].id for b, links in enumerate(site.links_of_group) if state[links[0]] in "Ggu"}


def test_cities_oddities_are_told_by_name():
    notes = {site.layout.intersection: " ".join(site.notes) for site in survey("bologna").sites}
    assert "green against green, taken as yielding by the junction's right of way: g20 and g22, g21 and g22" in notes["235"]


def test_the_research_crossings_plan_is_read_with_its_oddities():
    """A real plan in steps of a second: 38 changes to red-yellow, 10 from green to red, all of these for pedestrians."""
    net, plan = demo()
    (site,) = read_signals(net, [plan], SAFE)
    notes = " ".join(site.notes)
    assert "red-yellow, 38 times" in notes
    assert "green to red without yellow, 10 times: g38, g39, g40, g41, g42, g43, g44, g45 (all for pedestrians" in notes
    assert not site.refused
    assert {group.red_yellow_ns for group in site.layout.groups if group.kind is GroupKind.VEHICLE} == {SECOND_NS}


def test_every_group_is_named_as_one_of_the_maps():
    """The map has one group for each link: a group of several is found there under each of its links."""
    net, plan = demo()
    (site,) = read_signals(net, [plan], SAFE)
    of_map = signal_groups(read_network(net), "38")
    for group, links in zip(site.layout.groups, site.links_of_group, strict=True):
        assert of_map[group.id] == (links[0],)
        assert all(f"g{link}" in of_map for link in links)
