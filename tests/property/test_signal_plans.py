"""For any tables of any intersection: stages never clash and cannot grow, programs go round, files read back what was written."""

from contextlib import suppress
from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from intersections.samples import PhaseState
from intersections.signals.layout import TICK_NS, GroupKind, LayoutError, SignalGroup, SignalLayout, Stage, bits
from intersections.signals.plan import DAY_NS, MINUTE_NS, Actuation, Program, SignalPlan, Step, Switch, merged
from intersections.signals.plan_json import SignalFile, dumps, loads
from intersections.signals.stages import MAX_STAGES, generated_stages, maximal_sets, program_stages

words = st.text("abcXYZ019:>_-# 红", min_size=1, max_size=8)
ticks_ns = st.integers(1, 2000).map(lambda ticks: ticks * TICK_NS)


@st.composite
def relations(draw, most=9):
    """Conflicts (symmetrical), and yields among pairs that do not conflict."""
    count = draw(st.integers(1, most))
    conflicts, yields = [0] * count, [0] * count
    for one, other in combinations(range(count), 2):
        kind = draw(st.sampled_from(("free", "conflict", "conflict", "yields", "yielded", "both")))
        if kind == "conflict":
            conflicts[one] |= 1 << other
            conflicts[other] |= 1 << one
        if kind in ("yields", "both"):
            yields[one] |= 1 << other
        if kind in ("yielded", "both"):
            yields[other] |= 1 << one
    return tuple(conflicts), tuple(yields)


@st.composite
def groups(draw, id):
    kind = draw(st.sampled_from(GroupKind))
    least_ns, yellow_ns = draw(ticks_ns), draw(ticks_ns)
    return SignalGroup(
        id,
        kind,
        least_ns,
        least_ns + draw(ticks_ns),
        draw(ticks_ns),
        0 if kind is GroupKind.PEDESTRIAN else yellow_ns,
        0 if kind is GroupKind.PEDESTRIAN else draw(st.sampled_from((0, yellow_ns))),
        draw(st.sampled_from((PhaseState.STOP_AND_REMAIN, PhaseState.STOP_THEN_PROCEED))),
    )


@st.composite
def layouts(draw):
    conflicts, yields = draw(relations())
    count = len(conflicts)
    lamps = tuple(draw(groups(id)) for id in draw(st.lists(words, min_size=count, max_size=count, unique=True)))
    found = generated_stages(conflicts, yields, ())
    intergreen_ns = tuple(
        tuple(lamps[i].yellow_ns + draw(ticks_ns) if conflicts[i] >> j & 1 else 0 for j in range(count)) for i in range(count)
    )
    return SignalLayout(
        draw(words),
        lamps,
        conflicts,
        yields,
        intergreen_ns,
        tuple(Stage(f"s{number}", greens) for number, greens in enumerate(found)),
        tuple((draw(st.integers(0, len(found) - 1)), draw(ticks_ns)) for _ in range(draw(st.integers(1, 3)))),
    )


@st.composite
def files(draw):
    layout = draw(layouts())
    greens = st.sampled_from([0, *(stage.greens for stage in layout.stages)])
    steps = st.lists(st.builds(Step, greens, ticks_ns), min_size=1, max_size=5).map(tuple)
    names = draw(st.lists(words, min_size=1, max_size=3, unique=True))
    programs = tuple(Program(name, draw(steps), draw(ticks_ns) - draw(ticks_ns)) for name in names)
    minutes = st.integers(0, DAY_NS // MINUTE_NS - 1).map(lambda minute: minute * MINUTE_NS)
    switches = draw(st.lists(st.builds(Switch, st.integers(1, 127), minutes, st.sampled_from(names)), max_size=4).map(tuple))
    return SignalFile(layout, SignalPlan(programs, switches, draw(ticks_ns) - draw(ticks_ns), Actuation(draw(ticks_ns), draw(ticks_ns))))


@settings(deadline=None)
@given(relations())
def test_maximal_sets_are_all_the_sets_that_cannot_grow(tables):
    """Beside a plain search through all subsets."""
    conflicts, _ = tables
    count = len(conflicts)

    def clear(greens):
        return not any(conflicts[bit] & greens for bit in bits(greens))

    free = [greens for greens in range(1, 1 << count) if clear(greens)]
    expected = {greens for greens in free if not any(clear(greens | 1 << bit) for bit in range(count) if not greens >> bit & 1)}
    found = list(maximal_sets(conflicts))
    assert set(found) == expected
    assert len(found) == len(expected)


@settings(deadline=None)
@given(relations(14))
def test_generated_stages_never_clash_and_stay_within_the_bound(tables):
    conflicts, yields = tables
    shipped = [1, 1, 1 << len(conflicts) - 1]
    stages = generated_stages(conflicts, yields, shipped)
    assert len(stages) == len(set(stages)) <= MAX_STAGES
    assert stages[: len(set(shipped))] == list(dict.fromkeys(shipped))
    assert not any(conflicts[bit] & greens for greens in stages for bit in bits(greens))


@settings(deadline=None)
@given(st.lists(st.builds(Step, st.integers(0, 63), ticks_ns), min_size=1, max_size=12))
def test_every_group_of_a_program_is_green_in_one_of_its_stages_and_no_stage_is_within_its_neighbour(steps):
    stages = program_stages(steps, 6)
    union = 0
    for greens, green_ns in stages:
        union |= greens
        assert 0 < green_ns <= sum(step.duration_ns for step in steps)
        assert greens in {step.greens for step in steps}
    assert union == _union(step.greens for step in steps)
    neighbours = [(one, other) for (one, _), (other, _) in pairwise(stages)]
    assert all(one & ~other or other & ~one or one == other for one, other in neighbours)


@settings(deadline=None)
@given(st.lists(st.builds(Step, st.integers(0, 7), ticks_ns), min_size=1, max_size=8), ticks_ns, st.integers(-(10**15), 10**15))
def test_a_program_goes_round_by_the_clock(steps, offset_ns, now_ns):
    program = Program("p", merged(steps), offset_ns)
    number, end_ns = program.step_at(now_ns)
    assert now_ns < end_ns <= now_ns + program.steps[number].duration_ns
    assert program.step_at(end_ns)[0] == (number + 1) % len(program.steps)
    assert program.step_at(now_ns + program.cycle_ns) == (number, end_ns + program.cycle_ns)
    assert program.step_at(offset_ns)[0] == 0


@settings(deadline=None)
@given(files())
def test_what_is_written_is_read_again(file):
    text = dumps(file)
    assert loads(text) == file
    assert dumps(loads(text)) == text


@settings(deadline=None)
@given(files(), st.data())
def test_a_file_with_a_hole_is_refused_with_the_place_or_reads_as_before(file, data):
    """Take a line out of a list: what needed it says so; what can do without it is still a sound layout."""
    lines = dumps(file).splitlines()
    place = data.draw(st.sampled_from([number for number, line in enumerate(lines) if line[:1] in "{[" and len(line) > 2]))
    with suppress(LayoutError):
        read = loads("\n".join(_without(lines, place)))
        assert dumps(read) != dumps(file)
        read.plan.check(read.layout)


@settings(deadline=None)
@given(files(), st.integers(0, 2**62))
def test_there_is_always_one_program(file, now_ns):
    program = file.plan.program_at(now_ns)
    assert program in file.plan.programs
    assert program == file.plan.program_at(now_ns + 7 * DAY_NS)


def _union(masks):
    union = 0
    for mask in masks:
        union |= mask
    return union


def _without(lines, place):
    before, line, after = lines[:place], lines[place], lines[place + 1 :]
    if not line.endswith(",") and before[-1].endswith(","):
        before[-1] = before[-1][:-1]
    return [*before, *after]
