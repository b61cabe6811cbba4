"""What can be promised of a guard's lamps: whether a commitment can be kept, and between when each state ends.

Rules:
* A bound holds whatever is commanded later; only a fault voids it. Where nothing forces an end, the latest is UNBOUNDED_NS.
* A commitment is kept from its acceptance until its greens are open: the guard holds `hold`, ends what is not in `then` at one moment
  between the two times, and opens `then`. So the bounds of both sides of the change follow from the tables alone.
* Times here are guard time, on the grid of the guard's steps.
"""

from dataclasses import dataclass

from intersections.signals.control import UNBOUNDED_NS, Commitment, GreenCommand
from intersections.signals.guard_tables import GuardTables, Lamp
from intersections.signals.guard_words import NONE, GuardState, Refusal
from intersections.signals.layout import TICK_NS, SignalLayout, bits

REST, RED_YELLOW, GREEN, YELLOW = Lamp


@dataclass(frozen=True, slots=True)
class Window:
    """A commitment as the guard would keep it."""

    hold: int
    then: int
    earliest_ns: int
    latest_ns: int


def judge(tables: GuardTables, layout: SignalLayout, state: GuardState, command: GreenCommand, to_guard_ns: int) -> Refusal | Window | None:
    """Whether the command fits the commitment in force, and the window of the commitment it brings, None if it brings none."""
    bound = state.latest_ns != NONE
    if bound and command.greens != state.then and (state.switched or command.greens != state.hold):
        return Refusal.COMMITTED
    commitment = command.commitment
    if commitment is None:
        return None
    lit = state.at[GREEN] | state.at[RED_YELLOW]
    hold = lit if commitment.greens == command.greens and not bound else command.greens
    narrows = bound and not state.switched
    if narrows:
        if commitment.greens != state.then:
            return Refusal.COMMITTED
        hold = state.hold
    if _is_malformed(layout, commitment, hold):
        return Refusal.COMMITMENT_MALFORMED
    found = _on_the_grid(state, commitment, hold, to_guard_ns, narrows=narrows)
    if found is None:
        return Refusal.COMMITMENT_WIDENED
    if lit & ~hold:
        return Refusal.COMMITMENT_UNSETTLED
    if not narrows and state.due_next_ns <= state.t_ns:
        return Refusal.COMMITMENT_OVERDUE
    return _feasible(tables, layout, state, found)


def _is_malformed(layout: SignalLayout, commitment: Commitment, hold: int) -> bool:
    then = commitment.greens
    return bool(then >> len(layout.groups) or layout.clash(then) or not hold & ~then or commitment.earliest_ns > commitment.latest_ns)


def _on_the_grid(state: GuardState, commitment: Commitment, hold: int, to_guard_ns: int, *, narrows: bool) -> Window | None:
    """None if it is wider than the one in force, by more than the grid."""
    earliest_ns, latest_ns = commitment.earliest_ns + to_guard_ns, commitment.latest_ns + to_guard_ns
    if narrows and (earliest_ns <= state.earliest_ns - TICK_NS or latest_ns >= state.latest_ns + TICK_NS):
        return None
    earliest_ns += (state.t_ns - earliest_ns) % TICK_NS
    latest_ns -= (latest_ns - state.t_ns) % TICK_NS
    if narrows:
        earliest_ns, latest_ns = max(earliest_ns, state.earliest_ns), min(latest_ns, state.latest_ns)
    return Window(hold, commitment.greens, earliest_ns, latest_ns)


def _feasible(tables: GuardTables, layout: SignalLayout, state: GuardState, window: Window) -> Refusal | Window:
    if window.latest_ns < max(window.earliest_ns, state.t_ns + TICK_NS):
        return Refusal.COMMITMENT_BELOW_MINIMUM
    for bit in bits(window.hold & ~window.then):
        green_ns, group = _green_ns(tables, state, bit), layout.groups[bit]
        if green_ns + group.min_green_ns > window.latest_ns:
            return Refusal.COMMITMENT_BELOW_MINIMUM
        cap_ns = min(state.cap_ns[bit], max(green_ns, state.t_ns) + group.max_green_ns)
        if cap_ns < window.latest_ns:
            return Refusal.COMMITMENT_ABOVE_MAXIMUM
    return window


def _green_ns(tables: GuardTables, state: GuardState, bit: int) -> int:
    """When the group's green began, or begins if it is held and nothing that is not held is green."""
    lamp, since_ns, lasts_ns = state.lamp[bit], state.since_ns[bit], tables.lasts_ns[bit]
    if lamp == GREEN:
        return since_ns
    if lamp == RED_YELLOW:
        return since_ns + lasts_ns[RED_YELLOW]
    rest_ns = since_ns + lasts_ns[YELLOW] if lamp == YELLOW else state.t_ns
    return max(state.ready_ns[bit], rest_ns + TICK_NS) + lasts_ns[RED_YELLOW]


def bounds(tables: GuardTables, state: GuardState) -> tuple[list[int], list[int]]:
    """(earliest, latest) end of each group's lamp."""
    bound = state.latest_ns != NONE
    coming = bound and not state.switched  # the change of the commitment
    ending = state.hold & ~state.then if bound else 0
    green_ends = {
        bit: _green_end(tables, state, bit, ending=bool(ending >> bit & 1))
        for bit in bits(state.at[GREEN] | state.at[RED_YELLOW] | (ending if coming else 0))
    }
    earliest_ns, latest_ns = [], []
    for bit, lamp in enumerate(state.lamp):
        if lamp == GREEN:
            first_ns, last_ns = green_ends[bit]
        elif lamp == REST:
            first_ns, last_ns = _opening(tables, state, bit, green_ends, ending)
        else:
            first_ns = last_ns = state.since_ns[bit] + tables.lasts_ns[bit][lamp]
        earliest_ns.append(first_ns)
        latest_ns.append(last_ns)
    return earliest_ns, latest_ns


def _green_end(tables: GuardTables, state: GuardState, bit: int, *, ending: bool) -> tuple[int, int]:
    """Of a green that is lit, or will certainly be."""
    first_ns = _green_ns(tables, state, bit) + tables.lasts_ns[bit][GREEN]
    if not ending:
        return first_ns, state.cap_ns[bit]
    if state.switched:
        return first_ns, first_ns
    return max(first_ns, state.earliest_ns), state.latest_ns


def _opening(tables: GuardTables, state: GuardState, bit: int, green_ends: dict[int, tuple[int, int]], ending: int) -> tuple[int, int]:
    """End of a rest. Who is due has a bound; who is held, or follows by the commitment, has a nearer one."""
    bound, one = state.latest_ns != NONE, 1 << bit
    against = [other for other in tables.conflicting[bit] if other in green_ends]
    ready_ns = max(state.ready_ns[bit], state.since_ns[bit] + TICK_NS)
    first_ns = max([ready_ns, *(green_ends[other][0] + tables.gap_ns[other][bit] for other in against)])
    last_ns = state.due_ns[bit] + tables.overdue_ns if state.called & one else UNBOUNDED_NS
    if not bound or state.spent & one:
        return first_ns, last_ns
    held = state.then if state.switched else state.hold
    if not held & one and not state.switched:
        first_ns = max(first_ns, state.earliest_ns)
    if (held | state.then) & one:
        ends = [green_ends[other][1] + tables.gap_ns[other][bit] for other in against if ending >> other & 1]
        change_ns = 0 if held & one else state.latest_ns
        last_ns = min(last_ns, max([ready_ns, change_ns, *ends]))
    return first_ns, last_ns
