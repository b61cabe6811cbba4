"""Any planner through the real guard, within its commitments and across them: whatever SPaT promised, the lamps did."""

import random
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.spat_score import score
from intersections.signals.commitments import Play, committed, first_change
from intersections.signals.control import AUTHORS, PLANNER, GreenCommand, GuardMode, Plan, PlannedDepartures, Shown
from intersections.signals.guard import Guard
from intersections.signals.layout import SECOND_NS, TICK_NS, SignalLayout
from intersections.signals.spat import SpatPublisher, trace_line
from tests.guard_drive import random_layout

TICKS_A_SECOND = SECOND_NS // TICK_NS
SECONDS = 240


def whim(chance: random.Random, layout: SignalLayout, shown: Shown, now_ns: int, play: Play) -> Plan:
    """Holds, or changes to any stage at any time, mostly as it has promised."""
    earliest_s, _, then, bound = first_change(shown, now_ns, play)
    if not bound or chance.random() < 0.1:
        then = chance.choice(layout.stages).greens
    due_s = max(earliest_s, 0.0) if chance.random() < 0.8 else 0.0
    starts_ns = (now_ns, now_ns + round((due_s + chance.choice((0, 0, 1, 5))) * SECOND_NS))
    stages = (shown.wanted, then)
    if starts_ns[1] == now_ns:
        stages, starts_ns = stages[1:], starts_ns[1:]
    command = GreenCommand(PLANNER, now_ns // TICK_NS, stages[0], now_ns, now_ns + 3 * SECOND_NS)
    nobody = PlannedDepartures(layout.intersection, now_ns, (), (), (), np.zeros(0))
    return committed(Plan(command, stages, starts_ns, nobody, np.zeros(0, np.int64)), shown, play)


def patient(layout: SignalLayout) -> SignalLayout:
    """The same, where nobody is soon overdue: the guard refuses to commit before them."""
    groups = tuple(replace(group, max_green_ns=90 * SECOND_NS, max_red_ns=180 * SECOND_NS) for group in layout.groups)
    return replace(layout, groups=groups)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 15), st.integers(0, 4), st.integers(0, 20), st.integers(0, 3))
def test_every_promise_is_kept(seed: int, notice_s: int, early_s: int, late_s: int, hurry: int) -> None:
    chance = random.Random(seed)
    layout = random_layout(chance)
    layout = patient(layout) if hurry < 2 else layout
    play = Play(notice_s * SECOND_NS, early_s * SECOND_NS, late_s * SECOND_NS)
    guard, spat = Guard(layout, 0, AUTHORS), SpatPublisher(layout)
    lines, calls, plan = [], 0, None
    shown = guard.step(TICK_NS)
    silent_until = 0
    for tick in range(2, SECONDS * TICKS_A_SECOND):
        now_ns = tick * TICK_NS
        if tick % TICKS_A_SECOND == 0 and tick >= silent_until:
            plan = whim(chance, layout, shown, now_ns, play)
            guard.command(plan.command, now_ns)
            calls = chance.getrandbits(len(layout.groups)) & chance.getrandbits(len(layout.groups)) if chance.random() < 0.2 else 0
            silent_until = tick + 100 if chance.random() < 0.02 else tick
        shown = guard.step(now_ns, calls)
        lines.append(trace_line(spat.publish(shown, plan)))
    assert shown.mode in (GuardMode.COMMANDED, GuardMode.LOCAL)
    assert score(lines).broken == spat.broken == 0
