"""What the lamps of one intersection are, and which of them may never be lit together: the tables that guard and plans go by.

Rules:
* A set of groups is an int, bit i for `groups[i]`: sets are compared and combined in one operation, however many groups there are.
* Two groups that conflict are never non-red together. Where one side only has to yield (a turn against oncoming traffic, a turn
  across a parallel crossing), both may be green: then the yielding one is permissive.
* A group shows `rest` while it is closed: red, or "stop, then proceed" where turning on red is allowed.
* All times are int nanoseconds; an intergreen runs from the end of one group's green to the start of the other's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from intersections.samples import PhaseState

SECOND_NS = 1_000_000_000
TICK_NS = 100_000_000  # the guard's period


class GroupKind(IntEnum):
    VEHICLE = 0
    PEDESTRIAN = 1


class LayoutError(ValueError):
    """The tables contradict themselves; the text names the intersection and the groups."""


@dataclass(frozen=True, slots=True)
class SignalGroup:
    """One set of lamps that always show the same. A pedestrian group has no yellow; its clearance is in the intergreens.

    `max_green_ns` binds while a conflicting call waits, `max_red_ns` while a call of its own waits.
    """

    id: str
    kind: GroupKind
    min_green_ns: int
    max_green_ns: int
    max_red_ns: int
    yellow_ns: int
    red_yellow_ns: int = 0
    rest: PhaseState = PhaseState.STOP_AND_REMAIN


@dataclass(frozen=True, slots=True)
class Stage:
    """Groups that are green together."""

    id: str
    greens: int


@dataclass(frozen=True)
class SignalLayout:
    """Raises LayoutError. `conflicts[i]`: the groups that i may never be green with. `yields[i]`: those it yields to when both are green.
    `intergreen_ns[i][j]`: from the end of i's green (its yellow included) to the start of j's; it counts where i and j conflict.
    `local`: the stages of the local plan in their order, with the green time of each; what runs when nobody else commands.
    """

    intersection: str
    groups: tuple[SignalGroup, ...]
    conflicts: tuple[int, ...]
    yields: tuple[int, ...]
    intergreen_ns: tuple[tuple[int, ...], ...]
    stages: tuple[Stage, ...]
    local: tuple[tuple[int, int], ...]  # (index of the stage, green_ns)

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def index(self) -> dict[str, int]:
        """Group id -> its bit."""
        return {group.id: number for number, group in enumerate(self.groups)}

    def mask(self, ids: Iterable[str]) -> int:
        """Raises KeyError for a group that is unknown."""
        return sum(1 << self.index[id] for id in set(ids))

    def names(self, mask: int) -> list[str]:
        return [self.groups[bit].id for bit in bits(mask)]

    def clash(self, greens: int) -> int:
        """Those of `greens` that conflict with another of them; 0 = they may be green together."""
        return sum(1 << bit for bit in bits(greens) if self.conflicts[bit] & greens)

    def permissive(self, greens: int) -> int:
        """Those of `greens` that have to yield to another of them."""
        return sum(1 << bit for bit in bits(greens) if self.yields[bit] & greens)


def bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _check(layout: SignalLayout) -> None:
    """Raises LayoutError."""
    count, name = len(layout.groups), layout.intersection
    if not count or len({group.id for group in layout.groups}) != count:
        raise LayoutError(f"{name}: no signal group, or one named twice")
    if not len(layout.conflicts) == len(layout.yields) == len(layout.intergreen_ns) == count:
        raise LayoutError(f"{name}: tables of {count} groups have other lengths")
    for number, group in enumerate(layout.groups):
        _check_group(layout, number, group)
    for stage in layout.stages:
        if stage.greens >> count:
            raise LayoutError(f"{name}: stage {stage.id} names a group that is not there")
        if layout.clash(stage.greens):
            raise LayoutError(f"{name}: stage {stage.id} has conflicting greens: {', '.join(layout.names(layout.clash(stage.greens)))}")
    if not layout.local or any(not 0 <= stage < len(layout.stages) or green_ns <= 0 for stage, green_ns in layout.local):
        raise LayoutError(f"{name}: the local plan is empty, names a stage that is not there, or gives one no time")


def _check_group(layout: SignalLayout, number: int, group: SignalGroup) -> None:
    where = f"{layout.intersection}: group {group.id}"
    row = layout.conflicts[number]
    if row >> number & 1 or (row | layout.yields[number]) >> len(layout.groups):
        raise LayoutError(f"{where} conflicts with itself or with a group that is not there")
    if row & layout.yields[number]:
        raise LayoutError(f"{where} yields to what it conflicts with: {', '.join(layout.names(row & layout.yields[number]))}")
    for other in bits(row):
        if not layout.conflicts[other] >> number & 1:
            raise LayoutError(f"{where} conflicts with {layout.groups[other].id}, but not the other way round")
        if layout.intergreen_ns[number][other] < group.yellow_ns:
            raise LayoutError(f"{where} is still yellow when {layout.groups[other].id} gets green")
    times_ns = (group.min_green_ns, group.yellow_ns, group.red_yellow_ns)
    if min(times_ns) < 0 or group.min_green_ns <= 0 or group.max_green_ns < group.min_green_ns or group.max_red_ns <= 0:
        raise LayoutError(f"{where} has times that cannot be kept")
    if any(time_ns % TICK_NS for time_ns in (*times_ns, group.max_green_ns, group.max_red_ns, *layout.intergreen_ns[number])):
        raise LayoutError(f"{where} has times that are no multiple of {TICK_NS // 1_000_000} ms")
    if (group.kind is GroupKind.PEDESTRIAN) and (group.yellow_ns or group.red_yellow_ns):
        raise LayoutError(f"{where} is for pedestrians and has a yellow")
