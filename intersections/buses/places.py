"""Where along its way a bus is: several guesses at a time, the likeliest is told.

Hidden Markov map matching on one polyline: how far across the way a report lies, and how the way driven between two reports compares
with the straight line between them (after Newson & Krumm 2009, "Hidden Markov map matching through noise and sparseness"). A guess
that a loop or an out-and-back street allows stays alive beside the best one until the reports contradict it.

Rules:
* Places do not decrease: a step back within the noise is standing.
* Costs are negative log-likelihoods; those kept are relative to the best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from intersections.buses.network import Trip
from intersections.buses.ways import Near, Way

TOP_SPEED_MPS = 35.0  # no bus is faster; coaches are limited to 100 km/h
BACK_M = 80.0  # a report may fall back this far by noise, at the receiver's worst
SIGMA_BACK_M = 30.0
SLACK_M = 150.0  # what a report may be ahead of the fastest bus by noise and clock
DETOUR_SCALE_M, DETOUR_SCALE_MPS = 30.0, 1.5  # Newson & Krumm's beta; it grows with the time between reports
EARLY_SCALE_S, LATE_SCALE_S = 240.0, 900.0  # buses are late more often, and by more, than early
MAX_COST = 12.0  # a guess this much worse than the best is dropped: one in 160,000
MAX_GUESSES = 8
TERMINAL_M = 100.0  # this near the first stop, a bus may wait for as long as it likes


class Guess(NamedTuple):
    place_m: float
    cost: float


@dataclass(frozen=True, slots=True)
class Moved:
    """The guesses after a report, the best first, and what the report cost at the least."""

    guesses: tuple[Guess, ...]
    cost: float


def begun(way: Way, x_m: float, y_m: float, trip: Trip | None = None, time_s: float = 0.0) -> Moved | None:
    """The first report: by its distance from the way and, of a trip, by the timetable. None where the way is out of reach."""
    return _best([Guess(near.place_m, near.across**2 / 2 + _untimely(way, trip, near, time_s)) for near in way.near(x_m, y_m)])


def _untimely(way: Way, trip: Trip | None, near: Near, time_s: float) -> float:
    if trip is None:
        return 0.0
    late_s = time_s - way.scheduled_s(trip, near.place_m)
    if late_s < 0.0:
        return 0.0 if near.place_m <= way.stop_m[0] + TERMINAL_M else -late_s / EARLY_SCALE_S
    return late_s / LATE_SCALE_S


def moved(way: Way, guesses: Sequence[Guess], x_m: float, y_m: float, straight_m: float, elapsed_s: float) -> Moved | None:
    """One more report, `straight_m` from the last. None where no guess can have come there."""
    farthest_m = TOP_SPEED_MPS * elapsed_s + SLACK_M
    from_m, to_m = min(guess.place_m for guess in guesses) - BACK_M, max(guess.place_m for guess in guesses) + farthest_m
    scale_m = DETOUR_SCALE_M + DETOUR_SCALE_MPS * elapsed_s
    reached: list[Guess] = []
    for near in way.near(x_m, y_m, from_m, to_m):
        came = [
            (guess.cost + _way_cost(near.place_m - guess.place_m, straight_m, scale_m), guess.place_m)
            for guess in guesses
            if -BACK_M <= near.place_m - guess.place_m <= farthest_m
        ]
        if came:
            cost, before_m = min(came)
            reached.append(Guess(max(near.place_m, before_m), cost + near.across**2 / 2))
    return _best(reached)


def _way_cost(driven_m: float, straight_m: float, scale_m: float) -> float:
    if driven_m < 0.0:
        return (driven_m / SIGMA_BACK_M) ** 2 / 2
    return abs(driven_m - straight_m) / scale_m


def _best(guesses: list[Guess]) -> Moved | None:
    if not guesses:
        return None
    guesses.sort(key=lambda guess: (guess.cost, guess.place_m))
    least = guesses[0].cost
    return Moved(
        tuple(Guess(guess.place_m, guess.cost - least) for guess in guesses[:MAX_GUESSES] if guess.cost - least <= MAX_COST), least
    )
