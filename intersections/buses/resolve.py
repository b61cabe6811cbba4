"""What a line is told in the end: the proposals that together save most, and how much of each; one small optimisation per line.

A shift x of a bus with the gaps h before and g behind saves r x (g - h - x) of waiting (riders who come at random wait r h^2 / 2 in a
headway h: Welding 1957) and -n x of riding. If the bus behind is shifted too, by y, both save r x y more: their gap keeps what one of them
alone would take from it, or give. So what a line saves is a quadratic form of all shifts that joins neighbours only.

Rules:
* Two proposals contradict each other where they ask something of the same vehicle or trip; asking the signals contradicts nothing.
* A proposal counts as far as it is sure, waiting with the line's weight; what two do together as far as the less sure of them.
* A shift may become smaller, in steps drivers are told, never larger: what a neighbour's order calls for beyond it is proposed as soon as
  that order shows. What is worth nothing beside the others is left out.
* Coordinate ascent, from nothing with the heaviest first, so never worse than nothing or than any one proposal; and from the whole of the
  heaviest set without contradictions. That set is found exactly, component by component (branch and bound); a component of more than
  `EXACT` proposals is filled from the heaviest down: it cannot pass a step's time.
* The effect told of each is what it adds to the others', as it will be measured: shared by two, it is told with both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from intersections.buses.orders import Effect, OrderKind, Proposal

EXACT = 16
ROUNDS = 32
STEP_S = 5.0  # drivers are told round times
TELLING_S = 1.0  # passenger-seconds an order has to save at least
SECOND_NS = 1_000_000_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wish:
    """A proposal, and how its line feels it: from its stop on the bus leaves `shift_s` later (negative: sooner).

    `least_s`: less is not told; 0 where it is all or nothing. `slack_s`: the gap behind less the gap before, without the orders of others.
    `follower`: the trip behind it at its stop. `shift_s` 0: no other bus feels it, its effect is the proposal's own.
    """

    proposal: Proposal
    shift_s: float = 0.0
    least_s: float = 0.0
    slack_s: float = 0.0
    riders_per_s: float = 0.0
    riding: int = 0
    follower: str = ""

    @property
    def whole(self) -> float:
        return self.shift_s or 1.0

    def amounts(self) -> Floats:
        """What may become of it, from nothing to the whole."""
        whole = abs(self.whole)
        steps = np.arange(self.least_s or whole, whole, STEP_S)
        return np.array([0.0, *np.copysign([*steps, whole], self.whole)])

    def told(self, amount: float, beside_s: float) -> Proposal:
        """The order of so much. `beside_s`: the shifts of its neighbours, as far as riders are shared and they are as sure as this one."""
        if not self.shift_s:
            return self.proposal
        waiting_s = amount * (self.riders_per_s * (self.slack_s - amount) + beside_s)
        effect = Effect(round(waiting_s, 1), round(-self.riding * amount, 1), round(-amount, 1))
        more_s = amount - self.shift_s
        end_ns = self.proposal.valid_until_ns + round(more_s * SECOND_NS)
        return replace(self.proposal, value=self.proposal.value + more_s, predicted=effect, valid_until_ns=end_ns)


def worth_s(proposal: Proposal, waiting_weight: float) -> float:
    effect: Effect = proposal.predicted
    return proposal.confidence * (waiting_weight * effect.waiting_s + effect.in_vehicle_s)


def contradict(one: Proposal, other: Proposal) -> bool:
    if OrderKind.PRIORITY in (one.kind, other.kind):
        return False
    return one.vehicle == other.vehicle or one.trip == other.trip


def saving(wishes: Sequence[Wish], waiting_weight: float) -> tuple[Floats, Floats]:
    """(n,), (n, n) symmetric: amounts x save slope @ x + x @ curve @ x weighted passenger-seconds."""
    sure = np.array([wish.proposal.confidence for wish in wishes])
    riders = np.array([wish.riders_per_s for wish in wishes])
    moves = np.array([wish.shift_s != 0.0 for wish in wishes])
    alone = np.array([worth_s(wish.proposal, waiting_weight) for wish in wishes])
    shifted = sure * np.array([waiting_weight * wish.riders_per_s * wish.slack_s - wish.riding for wish in wishes])
    together = 0.5 * waiting_weight * np.minimum.outer(sure, sure) * shared_per_s(wishes)
    return np.where(moves, shifted, alone), together - np.diag(np.where(moves, waiting_weight * sure * riders, 0.0))


def shared_per_s(wishes: Sequence[Wish]) -> Floats:
    """(n, n): who come each second to the stops that two shifts reach, if one bus is behind the other; of one bus both shifts add up."""
    shared = np.zeros((len(wishes), len(wishes)))
    for (row, one), (column, other) in combinations(enumerate(wishes), 2):
        riders = min(one.riders_per_s, other.riders_per_s) if one.shift_s and other.shift_s else 0.0
        if one.proposal.trip == other.proposal.trip:
            shared[row, column] = shared[column, row] = -2.0 * riders
        elif one.follower == other.proposal.trip or other.follower == one.proposal.trip:
            shared[row, column] = shared[column, row] = riders
    return shared


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """`amounts`, `against`: by row of the wishes what may become of each, and what contradicts it."""

    slope: Floats
    curve: Floats
    amounts: list[Floats]
    against: dict[int, set[int]]

    def saved_s(self, chosen: Floats) -> float:
        return float(self.slope @ chosen + chosen @ self.curve @ chosen - TELLING_S * np.count_nonzero(chosen))

    def adds_s(self, row: int, chosen: Floats) -> Floats:
        """What each amount of a row adds to what is chosen of the others."""
        some = self.amounts[row]
        own = float(self.curve[row, row])
        each = float(self.slope[row]) + 2.0 * float(self.curve[row] @ chosen - own * chosen[row])
        return some * (each + own * some) - np.where(some != 0.0, TELLING_S, 0.0)

    def ascended(self, chosen: Floats, rows: Sequence[int]) -> Floats:
        """Each in turn as much as is best beside the others, until none changes."""
        for _ in range(ROUNDS):
            before = chosen.copy()
            for row in rows:
                if not any(chosen[other] for other in self.against[row]):
                    chosen[row] = self.amounts[row][int(self.adds_s(row, chosen).argmax())]
            if np.array_equal(chosen, before):
                break
        return chosen


def resolved(wishes: Sequence[Wish], waiting_weight: float) -> list[Proposal]:
    """Of one line; the order of what remains is that of `wishes`, and makes no other difference."""
    wishes = [wish for wish in wishes if wish.proposal.confidence > 0.0]
    line, nothing, whole = _line(wishes, waiting_weight), np.zeros(len(wishes)), np.zeros(len(wishes))
    alone = [line.adds_s(row, nothing) for row in range(len(wishes))]
    rows = sorted(range(len(wishes)), key=lambda row: (-float(alone[row].max()), _key(wishes[row].proposal)))
    for row in _heaviest_set(rows, line.against, [float(some[-1]) for some in alone]):
        whole[row] = line.amounts[row][-1]
    chosen = max(line.ascended(whole, rows), line.ascended(nothing, rows), key=line.saved_s)
    sure = np.array([wish.proposal.confidence for wish in wishes])
    beside = (np.minimum(1.0, sure / sure[:, None]) * shared_per_s(wishes)) @ chosen
    return [wish.told(float(chosen[row]), float(beside[row])) for row, wish in enumerate(wishes) if chosen[row]]


def _line(wishes: Sequence[Wish], waiting_weight: float) -> _Line:
    against: dict[int, set[int]] = {row: set() for row in range(len(wishes))}
    for (row, one), (column, other) in combinations(enumerate(wishes), 2):
        if contradict(one.proposal, other.proposal):
            against[row].add(column)
            against[column].add(row)
    return _Line(*saving(wishes, waiting_weight), [wish.amounts() for wish in wishes], against)


def _key(one: Proposal) -> tuple[int, str, str, int, float]:
    return one.kind, one.vehicle, one.trip, one.stop, one.value


def _heaviest_set(rows: Sequence[int], all_against: dict[int, set[int]], worth: list[float]) -> set[int]:
    """What is worth most if no neighbour moves; then all that contradicts none of it, for neighbours may make it worth something."""
    open_rows = [row for row in rows if worth[row] > 0.0]
    against = {row: all_against[row] & set(open_rows) for row in open_rows}
    chosen: set[int] = set()
    while open_rows:
        component = _reached(open_rows[0], against)
        joined = [row for row in open_rows if row in component]
        chosen |= _heaviest(joined, against, worth) if len(joined) <= EXACT else _from_the_top(joined, against)
        open_rows = [row for row in open_rows if row not in component]
    return chosen | _from_the_top([row for row in rows if not all_against[row] & chosen], all_against)


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


def _from_the_top(rows: list[int], against: dict[int, set[int]]) -> set[int]:
    chosen: set[int] = set()
    for row in rows:
        if not against[row] & chosen:
            chosen.add(row)
    return chosen
