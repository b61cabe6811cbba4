"""How the memory of a guard looks from outside: lamp states, since when, and between when they end, on the caller's clock."""

from intersections.samples import PhaseState
from intersections.signals.control import UNBOUNDED_NS, Commitment, GuardMode
from intersections.signals.guard_tables import GuardTables, Lamp
from intersections.signals.guard_words import NONE, GuardState
from intersections.signals.layout import SignalLayout
from intersections.signals.promises import bounds

Times = tuple[int, ...]
Face = tuple[tuple[PhaseState, ...], Times, Times, Times, Commitment | None]  # states, since, earliest and latest end, commitment


def look(layout: SignalLayout, tables: GuardTables, state: GuardState, start_up_ns: dict[GuardMode, int]) -> Face:
    """All that stays the same until something changes."""
    to_clock_ns = state.heard_ns - state.t_ns
    if state.mode in start_up_ns or state.mode == GuardMode.FAULT:
        states, earliest_ns, latest_ns = _out_of_service(layout, tables, state, start_up_ns)
    else:
        lit = ~state.at[Lamp.REST]
        yields = (bool(row & lit) for row in layout.yields)
        states = tuple(row[lamp][permissive] for row, lamp, permissive in zip(tables.states, state.lamp, yields, strict=True))
        earliest_ns, latest_ns = bounds(tables, state)
    commitment = None
    if state.latest_ns != NONE:
        commitment = Commitment(state.then, state.earliest_ns + to_clock_ns, state.latest_ns + to_clock_ns)
    return (
        states,
        tuple(since_ns + to_clock_ns for since_ns in state.since_ns),
        tuple(end_ns + to_clock_ns for end_ns in earliest_ns),
        tuple(end_ns + to_clock_ns if end_ns < UNBOUNDED_NS else UNBOUNDED_NS for end_ns in latest_ns),
        commitment,
    )


def _out_of_service(
    layout: SignalLayout, tables: GuardTables, state: GuardState, start_up_ns: dict[GuardMode, int]
) -> tuple[tuple[PhaseState, ...], list[int], list[int]]:
    """Start-up has its times, and the groups of the first stage open at its end; nobody knows when a fault is reset."""
    mode, count = GuardMode(state.mode), len(layout.groups)
    end_ns = state.mode_since_ns + start_up_ns.get(mode, 0)
    first = layout.stages[layout.local[0][0]].greens
    certain = {GuardMode.FLASHING: ~0, GuardMode.ALL_RED: first}.get(mode, 0)
    states = tuple(row[Lamp.REST][0] for row in tables.states) if mode == GuardMode.ALL_RED else tables.flash
    return states, [end_ns] * count, [end_ns if certain >> bit & 1 else UNBOUNDED_NS for bit in range(count)]
