"""Stages: sets of groups that may be green together, found in programs or generated from the conflicts.

Rules:
* In a program a stage is a step that no neighbouring step contains: what lies between on the way down and up is transition.
  A step contains another that has some of its greens, and among them protects no more.
* A generated stage is maximal: no further group could be green with it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from intersections.signals.layout import bits
from intersections.signals.plan import Step, merged

MAX_STAGES = 24
_MAX_CANDIDATES = 4096  # maximal sets looked at before the choice; a crossing of 60 groups can have millions


def program_stages(steps: Sequence[Step], groups: int) -> list[tuple[int, int]]:
    """(greens, green_ns) of each stage in the order of the cycle; its time runs from one lowest step to the next.

    `steps`: bits from `groups` on tell which of the greens are protected.
    """
    cycle = _rotated(merged(steps))
    count, everybody = len(cycle), (1 << groups) - 1
    if count < 2:
        return [(step.greens & everybody, step.duration_ns) for step in cycle if step.greens & everybody]
    stages: list[tuple[int, int]] = []
    for number, step in enumerate(cycle):
        before, after = cycle[number - 1].greens, cycle[(number + 1) % count].greens
        if not step.greens or step.greens in (step.greens & before, step.greens & after):
            continue
        time_ns = step.duration_ns + _slope_ns(cycle, number, 1) + _slope_ns(cycle, number, -1)
        stages.append((step.greens & everybody, time_ns))
    return stages


def _rotated(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The cycle with its last step joined to the first where both are the same."""
    if len(steps) > 1 and steps[0].greens == steps[-1].greens:
        return (Step(steps[0].greens, steps[0].duration_ns + steps[-1].duration_ns), *steps[1:-1])
    return steps


def _slope_ns(cycle: Sequence[Step], top: int, direction: int) -> int:
    """Time of the steps down from a stage, each within the one before, without the lowest: that one is transition."""
    total_ns, count, at = 0, len(cycle), top
    for _ in range(count):
        here, below, beyond = (cycle[(at + direction * ahead) % count] for ahead in range(3))
        if below.greens & ~here.greens or beyond.greens & ~below.greens:
            break
        total_ns += below.duration_ns
        at += direction
    return total_ns


def generated_stages(conflicts: Sequence[int], yields: Sequence[int], shipped: Iterable[int], limit: int = MAX_STAGES) -> list[int]:
    """All of `shipped`, then maximal sets up to `limit` in all: first those that join new pairs of groups, and of these first those in
    which nobody has to yield."""
    count = len(conflicts)
    mutual = [row | sum(1 << j for j in range(count) if yields[j] >> i & 1) for i, row in enumerate(yields)]
    protected = [conflicts[i] | mutual[i] for i in range(count)]
    stages = list(dict.fromkeys(shipped))
    pools = [{greens: _pairs(greens, count) for greens in islice(maximal_sets(rows), _MAX_CANDIDATES)} for rows in (protected, conflicts)]
    joined = 0
    for least, pool in ((1, pools[0]), (1, pools[1]), (0, pools[0]), (0, pools[1])):
        while pool and len(stages) < limit:
            best = max(pool, key=lambda greens: ((pool[greens] & ~joined).bit_count(), greens.bit_count(), -greens))
            if (pool[best] & ~joined).bit_count() < least:
                break
            joined |= pool.pop(best)
            if best not in stages:
                stages.append(best)
    return stages


def _pairs(greens: int, count: int) -> int:
    """All pairs of its groups as a set: bit `one * count + other`."""
    return sum(greens << one * count for one in bits(greens))


def maximal_sets(blocked: Sequence[int]) -> Iterator[int]:
    """All sets without a blocked pair that cannot grow, in a fixed order (Bron and Kerbosch 1973, with pivot)."""
    everybody = (1 << len(blocked)) - 1
    free = [everybody & ~row & ~(1 << number) for number, row in enumerate(blocked)]
    waiting = [(0, everybody, 0)]
    while waiting:
        chosen, open_, closed = waiting.pop()
        if not open_ and not closed:
            yield chosen
            continue
        pivot = max(bits(open_ | closed), key=lambda number: ((free[number] & open_).bit_count(), -number))
        branches = []
        for number in bits(open_ & ~free[pivot]):
            branches.append((chosen | 1 << number, open_ & free[number], closed & free[number]))
            open_ &= ~(1 << number)
            closed |= 1 << number
        waiting.extend(reversed(branches))
