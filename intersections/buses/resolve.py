"""Proposals of one line that contradict each other become those that together save most: one small optimisation per line.

Rules:
* Two proposals contradict each other where they ask something of the same vehicle or trip; asking the signals contradicts nothing.
* Each is worth waiting x weight + riding, in passenger-seconds times confidence. What is worth nothing is left out.
* The heaviest set without contradictions is found exactly, component by component (branch and bound); a component of more than `EXACT`
  proposals is filled from the heaviest down: it cannot pass a step's time.
"""

from collections.abc import Sequence

from intersections.buses.orders import Effect, OrderKind, Proposal

EXACT = 16


def worth_s(proposal: Proposal, waiting_weight: float) -> float:
    effect: Effect = proposal.predicted
    return proposal.confidence * (waiting_weight * effect.waiting_s + effect.in_vehicle_s)


def contradict(one: Proposal, other: Proposal) -> bool:
    if OrderKind.PRIORITY in (one.kind, other.kind):
        return False
    return one.vehicle == other.vehicle or one.trip == other.trip


def resolved(proposals: Sequence[Proposal], waiting_weight: float) -> list[Proposal]:
    """Of one line; the order of what remains is that of `proposals`."""
    worth = [worth_s(one, waiting_weight) for one in proposals]
    open_rows = [row for row in range(len(proposals)) if worth[row] > 0.0]
    against = {row: {other for other in open_rows if other != row and contradict(proposals[row], proposals[other])} for row in open_rows}
    chosen: set[int] = set()
    while open_rows:
        component = _reached(open_rows[0], against)
        pick = _heaviest if len(component) <= EXACT else _from_the_top
        chosen |= pick(sorted(component, key=lambda row: (-worth[row], row)), against, worth)
        open_rows = [row for row in open_rows if row not in component]
    return [proposals[row] for row in sorted(chosen)]


def _reached(start: int, against: dict[int, set[int]]) -> set[int]:
    reached, front = {start}, [start]
    while front:
        fresh = against[front.pop()] - reached
        reached |= fresh
        front += fresh
    return reached


def _heaviest(rows: list[int], against: dict[int, set[int]], worth: list[float]) -> set[int]:
    if not rows:
        return set()
    first, rest = rows[0], rows[1:]
    taken = {first} | _heaviest([row for row in rest if row not in against[first]], against, worth)
    if not against[first] & set(rest):
        return taken
    left = _heaviest(rest, against, worth)
    return max(taken, left, key=lambda rows: sum(worth[row] for row in rows))


def _from_the_top(rows: list[int], against: dict[int, set[int]], _worth: list[float]) -> set[int]:
    chosen: set[int] = set()
    for row in rows:
        if not against[row] & chosen:
            chosen.add(row)
    return chosen
