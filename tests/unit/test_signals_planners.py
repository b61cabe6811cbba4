"""Fixed-time, actuated and max-pressure planners, each second against the guard: who gets green when, from scenes of a few vehicles."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from intersections.signals.actuated import ActuatedPlanner
from intersections.signals.approaches import empty
from intersections.signals.control import AUTHORS, GuardMode
from intersections.signals.conventions import RESCO, SAFE
from intersections.signals.fixed_time import FixedTimePlanner
from intersections.signals.guard import Guard
from intersections.signals.guard_words import Refusal
from intersections.signals.layout import SECOND_NS, TICK_NS, LayoutError
from intersections.signals.max_pressure import MaxPressurePlanner
from intersections.signals.plan import Actuation, Program, SignalPlan, Step
from tests.arrival_scenes import SOUTH, SOUTH_GREEN, STRAIGHT, WEST_GREEN, crossing, layout, observed, shown
from tests.signal_networks import lent
from v2x.importers.sumo_signals import read_signals

WEST_0, SOUTH_0 = 1, 2  # lanes
PROGRAM = Program("p", (Step(WEST_GREEN, 12 * SECOND_NS), Step(0, 3 * SECOND_NS), Step(SOUTH_GREEN, 8 * SECOND_NS), Step(0, 3 * SECOND_NS)))


def standing(lane, movement, *places_m):
    return [(number + 100 * lane, lane, movement, place_m, 0.0, 20.0) for number, place_m in enumerate(places_m)]


def loops(now_s, **lanes):
    """stop_line_occupied and so on by lane."""
    return observed(now_s, **{name: np.array(values) for name, values in lanes.items()})


class Played:
    """A planner and the guard, a second at a time; the planner sees what `scene(now_s)` says."""

    def __init__(self, planner, table, begin_s=0):
        self.planner = planner
        self.guard = Guard(table, begin_s * SECOND_NS, AUTHORS)
        self.now_ns = begin_s * SECOND_NS
        self.greens = []  # by second

    def run(self, seconds, scene):
        for _ in range(seconds):
            face = self.guard.step(self.now_ns)
            word = self.planner.plan(scene(self.now_ns / SECOND_NS), face, ())
            expected = Refusal.ACCEPTED if face.mode in {GuardMode.COMMANDED, GuardMode.LOCAL} else Refusal.NOT_IN_SERVICE
            assert self.guard.command(word.command, self.now_ns) is expected
            for tick in range(1, 10):
                face = self.guard.step(self.now_ns + tick * TICK_NS)
            self.greens.append(face.greens)
            self.now_ns += SECOND_NS
        return self


def test_fixed_time_says_what_the_program_wants_and_what_follows():
    planner = FixedTimePlanner(layout(), SignalPlan((PROGRAM,)))
    plan = planner.plan(observed(13.0), shown(13.0, 0), ())
    assert plan.command.greens == 0
    assert plan.stages == (0, SOUTH_GREEN, 0, WEST_GREEN, 0)
    assert [start_ns // SECOND_NS for start_ns in plan.start_ns] == [13, 15, 23, 26, 38]
    assert plan.command.valid_until_ns > plan.command.issued_ns


def test_fixed_time_refuses_a_plan_of_another_layout():
    with pytest.raises(LayoutError, match="conflicting greens: w, s"):
        FixedTimePlanner(layout(), SignalPlan((Program("p", (Step(3, SECOND_NS),)),)))


def test_commands_are_numbered_by_the_clock():
    planner = FixedTimePlanner(layout(), SignalPlan((PROGRAM,)))
    numbers = [planner.plan(observed(now_s), shown(now_s, 0), ()).command.sequence for now_s in (1.0, 2.0, 3.0)]
    assert numbers == sorted(set(numbers))


def test_the_program_plays_through_the_guard_cycle_by_cycle():
    """Each group is green 12 and 8 s of the 26 s cycle, as the program has it, once the guard's start-up is over."""
    played = Played(FixedTimePlanner(layout(), SignalPlan((PROGRAM,))), layout()).run(26 * 4, observed)
    for begin in (52, 78):
        cycle = played.greens[begin : begin + 26]
        assert cycle[:12] == [WEST_GREEN] * 12
        assert cycle[15:23] == [SOUTH_GREEN] * 8


def actuated(**settings):
    return ActuatedPlanner(layout(), crossing(), Actuation(**settings))


def test_actuated_rests_in_green_while_nobody_else_calls():
    played = Played(actuated(), layout()).run(120, observed)
    assert set(played.greens[20:]) == {WEST_GREEN}


def test_a_call_on_the_side_road_ends_the_green_by_a_gap():
    """Nobody on the main road: the side road's first second on the loop is enough, after the minimum green."""

    def scene(now_s):
        return loops(now_s, stop_line_occupied=[0, 0, int(40 <= now_s < 55)])

    played = Played(actuated(), layout()).run(60, scene)
    assert played.greens[39] == WEST_GREEN
    assert SOUTH_GREEN in played.greens[40:46]


def test_a_stream_on_the_main_road_holds_its_green_until_the_maximum():
    """A vehicle each second on the west's advance loop; the south waits from 40 s on: green ends 30 s after it began or was called."""

    def scene(now_s):
        return loops(now_s, advance_count=[0, int(now_s), 0], stop_line_occupied=[0, 0, 1])

    played = Played(actuated(max_green_ns=30 * SECOND_NS), layout()).run(200, scene)
    lengths = _runs(played.greens, WEST_GREEN)
    assert max(lengths[1:]) == pytest.approx(30, abs=1)


def test_the_green_ends_when_the_stream_breaks():
    """The last vehicle passes the advance loop at 60 s: 3 s later the call of the south is served."""

    def scene(now_s):
        return loops(now_s, advance_count=[0, int(min(now_s, 60)), 0], stop_line_occupied=[0, 0, int(now_s > 30)])

    played = Played(actuated(max_green_ns=300 * SECOND_NS), layout()).run(80, scene)
    assert played.greens[62] == WEST_GREEN
    assert played.greens[64] != WEST_GREEN


def test_connected_vehicles_call_like_loops():
    def scene(now_s):
        return observed(now_s, standing(SOUTH_0, SOUTH, 1.0, 8.5) if now_s > 30 else [])

    assert SOUTH_GREEN in Played(actuated(), layout()).run(50, scene).greens


def test_pedestrians_call():
    def scene(now_s):
        return loops(now_s, pedestrian_wait_s=[0.0, max(0.0, now_s - 30.0)])

    assert SOUTH_GREEN in Played(actuated(), layout()).run(50, scene).greens


def test_max_pressure_serves_the_longer_queue():
    def scene(now_s):
        return observed(now_s, standing(WEST_0, STRAIGHT, 1.0) + standing(SOUTH_0, SOUTH, 1.0, 8.5, 16.0))

    played = Played(MaxPressurePlanner(layout(), crossing()), layout()).run(60, scene)
    assert played.greens[-1] == SOUTH_GREEN


def test_max_pressure_counts_what_stands_beyond():
    """South's exit is full: its three vehicles cannot go anywhere, the one from the west can."""

    def scene(now_s):
        rows = standing(WEST_0, STRAIGHT, 1.0) + standing(SOUTH_0, SOUTH, 1.0, 8.5, 16.0)
        return observed(now_s, rows, exit_vehicles=np.array([20.0, 0.0, 0.0, 0.0]), exit_queue_m=np.array([150.0, 0.0, 0.0, 0.0]))

    played = Played(MaxPressurePlanner(layout(), crossing()), layout()).run(60, scene)
    assert played.greens[-1] == WEST_GREEN


def test_max_pressure_stays_where_nobody_gains():
    played = Played(MaxPressurePlanner(layout(), crossing()), layout()).run(60, observed)
    assert set(played.greens[20:]) == {WEST_GREEN}


@pytest.mark.parametrize("make", [actuated, lambda: MaxPressurePlanner(layout(), crossing())])
def test_a_planner_restored_goes_on_as_the_one_that_was_kept(make):
    rng = np.random.default_rng(4)
    rows = [
        standing(*(((WEST_0, STRAIGHT)) if rng.random() < 0.5 else (SOUTH_0, SOUTH)), *np.arange(rng.integers(0, 6)) * 7.5)
        for _ in range(60)
    ]
    first, second = make(), make()
    kept = Played(first, layout())
    kept.run(30, lambda now_s: observed(now_s, rows[int(now_s)]))
    second.restore(first.snapshot())
    face = kept.guard.step(kept.now_ns)
    for now_s in range(30, 60):
        seen = observed(now_s, rows[now_s])
        one, other = (planner.plan(seen, face, ()) for planner in (first, second))
        assert (one.command, one.stages, one.start_ns) == (other.command, other.stages, other.start_ns)


@pytest.mark.parametrize("name", ["cologne1", "cologne3", "ingolstadt1", "grid4x4"])
@pytest.mark.parametrize("convention", [RESCO, SAFE])
def test_real_programs_replayed_through_the_guard_show_their_greens(name, convention):
    """Differences are transitions only: a group is shown green but not wanted during its minimum green, wanted but not shown while the
    intergreens of the convention run. Nothing is refused, and every green the source shows long enough is shown."""
    (site, *_) = read_signals(lent("resco", name, f"{name}.net.xml"), [], convention)
    program = site.programs[0]
    played = Played(FixedTimePlanner(site.layout, SignalPlan(site.programs)), site.layout)
    played.run(3 * program.cycle_ns // SECOND_NS, lambda now_s: replace(_nothing(site), now_ns=round(now_s * SECOND_NS)))
    slack_s = (convention.yellow_ns + convention.all_red_ns + convention.min_green_ns) // SECOND_NS
    cycle_s = program.cycle_ns // SECOND_NS
    last = played.greens[-cycle_s:]
    wanted = [program.steps[program.step_at((2 * cycle_s + second) * SECOND_NS)[0]].greens for second in range(cycle_s)]
    changes = sum(before != after for before, after in pairwise(wanted)) + 1
    for bit in range(len(site.layout.groups)):
        differing = sum((shown ^ want) >> bit & 1 for shown, want in zip(last, wanted, strict=True))
        assert differing <= slack_s * changes / 2
        assert any(shown >> bit & 1 for shown in last)
    if convention is RESCO:
        assert sum(shown != want for shown, want in zip(last, wanted, strict=True)) <= 2 * changes


def _nothing(site):
    return empty(site.approaches, 0, len(site.layout.groups))


def _runs(greens, mask):
    lengths, length = [], 0
    for shown_greens in [*greens, 0]:
        if shown_greens == mask:
            length += 1
        elif length:
            lengths.append(length)
            length = 0
    return lengths
