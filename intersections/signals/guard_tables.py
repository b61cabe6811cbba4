"""What follows what, and how long it lasts: the tables the guard steps by, made once from a layout.

Rules:
* A lamp goes through its kind's sequence and through nothing else; a state that takes no time is passed over.
* An intergreen runs from the end of a green to the start of the next; the next group's red-yellow lies within it, but never while
  the group that ends is still lit.
"""

from dataclasses import dataclass
from enum import IntEnum

from intersections.samples import PhaseState
from intersections.signals.layout import TICK_NS, GroupKind, SignalGroup, SignalLayout, bits


class Lamp(IntEnum):
    REST = 0
    RED_YELLOW = 1
    GREEN = 2
    YELLOW = 3


SEQUENCE: dict[GroupKind, tuple[Lamp, ...]] = {
    GroupKind.VEHICLE: (Lamp.REST, Lamp.RED_YELLOW, Lamp.GREEN, Lamp.YELLOW),
    GroupKind.PEDESTRIAN: (Lamp.REST, Lamp.GREEN),  # its clearance is in the intergreens
}
LASTING = frozenset({Lamp.REST, Lamp.GREEN})  # until somebody else is wanted; the others run out by themselves

# (protected, permissive); the rest is the group's own
LETTERS: dict[Lamp, tuple[PhaseState, PhaseState]] = {
    Lamp.RED_YELLOW: (PhaseState.PRE_MOVEMENT, PhaseState.PRE_MOVEMENT),
    Lamp.GREEN: (PhaseState.PROTECTED_MOVEMENT_ALLOWED, PhaseState.PERMISSIVE_MOVEMENT_ALLOWED),
    Lamp.YELLOW: (PhaseState.PROTECTED_CLEARANCE, PhaseState.PERMISSIVE_CLEARANCE),
}
FLASH: dict[GroupKind, PhaseState] = {
    GroupKind.VEHICLE: PhaseState.CAUTION_CONFLICTING_TRAFFIC,
    GroupKind.PEDESTRIAN: PhaseState.DARK,
}
COLOUR: dict[PhaseState, Lamp] = {  # what a lamp's feedback means; flashing and dark are none of them
    PhaseState.STOP_THEN_PROCEED: Lamp.REST,
    PhaseState.STOP_AND_REMAIN: Lamp.REST,
    PhaseState.PRE_MOVEMENT: Lamp.RED_YELLOW,
    PhaseState.PERMISSIVE_MOVEMENT_ALLOWED: Lamp.GREEN,
    PhaseState.PROTECTED_MOVEMENT_ALLOWED: Lamp.GREEN,
    PhaseState.PERMISSIVE_CLEARANCE: Lamp.YELLOW,
    PhaseState.PROTECTED_CLEARANCE: Lamp.YELLOW,
}


@dataclass(frozen=True, slots=True)
class GuardTables:
    """Rows by group. `gap_ns[i][j]`: from the end of i's green until j may be lit."""

    follow: tuple[tuple[int, ...], ...]  # the Lamp after each Lamp
    lasts_ns: tuple[tuple[int, ...], ...]  # of each Lamp: at least, or exactly if it runs out by itself
    conflicting: tuple[tuple[int, ...], ...]  # the bits of each row of conflicts
    gap_ns: tuple[tuple[int, ...], ...]
    states: tuple[tuple[tuple[PhaseState, PhaseState], ...], ...]  # by Lamp, then by whether it yields
    flash: tuple[PhaseState, ...]
    longest_intergreen_ns: int
    overdue_ns: int  # a group that is due gets its green within this time, whoever else is due


def tables_of(layout: SignalLayout) -> GuardTables:
    groups = layout.groups
    conflicting = tuple(tuple(bits(row)) for row in layout.conflicts)
    gap_ns = tuple(
        tuple(max(group.yellow_ns, after - other.red_yellow_ns) for after, other in zip(row, groups, strict=True))
        for group, row in zip(groups, layout.intergreen_ns, strict=True)
    )
    lasts_ns = tuple((0, group.red_yellow_ns, group.min_green_ns, group.yellow_ns) for group in groups)
    return GuardTables(
        follow=tuple(_follow(group.kind, row) for group, row in zip(groups, lasts_ns, strict=True)),
        lasts_ns=lasts_ns,
        conflicting=conflicting,
        gap_ns=gap_ns,
        states=tuple(
            ((group.rest, group.rest), *(LETTERS[lamp] for lamp in (Lamp.RED_YELLOW, Lamp.GREEN, Lamp.YELLOW))) for group in groups
        ),
        flash=tuple(FLASH[group.kind] for group in groups),
        longest_intergreen_ns=max((layout.intergreen_ns[i][j] for i, row in enumerate(conflicting) for j in row), default=0),
        overdue_ns=_overdue_ns(groups, conflicting, gap_ns),
    )


def _follow(kind: GroupKind, lasts_ns: tuple[int, ...]) -> tuple[int, ...]:
    sequence = [lamp for lamp in SEQUENCE[kind] if lamp in LASTING or lasts_ns[lamp]]
    after = dict(zip(sequence, sequence[1:] + sequence[:1], strict=True))
    return tuple(after.get(lamp, Lamp.REST) for lamp in Lamp)


def _overdue_ns(groups: tuple[SignalGroup, ...], conflicting: tuple[tuple[int, ...], ...], gap_ns: tuple[tuple[int, ...], ...]) -> int:
    """The bound on waiting beyond the maximum red. First a commitment in force is kept: it ends within a maximum green of its
    settling, before and after which lamps change once. Then all groups are served in the order in which they became due, each after
    what stands against it has had its minimum green; whoever became due later comes later."""
    opening_ns = [
        max([group.yellow_ns, *(gap_ns[other][bit] for other in row)]) + group.red_yellow_ns + 2 * TICK_NS
        for bit, (group, row) in enumerate(zip(groups, conflicting, strict=True))
    ]
    ending_ns = [max((groups[other].red_yellow_ns + groups[other].min_green_ns for other in row), default=0) for row in conflicting]
    return max(group.max_green_ns for group in groups) + 2 * max(opening_ns) + sum(opening_ns) + sum(ending_ns)
