"""How a late or early bus goes on: a linear law of the error of "timetable + present deviation", learnt as the day goes, and its spread.

The error grows and fades with the timetable's time to the stop: late buses recover, early ones wait, what the buses before needed beyond
the timetable repeats in part. The law is least absolute deviations by reweighted least squares (Schlossmacher 1973) in the online form of
normal equations that forget. The spread is 10, 50 and 90 % quantiles of its residuals by the time to the stop, each followed by its
pinball gradient (Koenker & Bassett 1978; online as in Gibbs & Candes 2021, "Adaptive conformal inference under distribution shift").

Rules:
* It starts with what three days of one city taught, counted as few observations: another city soon has its own.
* An outcome is learnt when it is seen, with what was known when it could have been predicted. Nothing else is learnt.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.network import Floats

SATURATION_S = (180.0, 600.0)
GROWTH_S = 1_800.0
SECONDS = 100.0  # unit of deviations and excesses in the law: a usual size, so that one prior weight suits all terms
SPEED_MPS = 10.0
MEMORY = 200_000.0  # outcomes: some hours of a city, some days of a line
PRIOR_OUTCOMES = 300.0
SMALL_ERROR_S = 60.0  # below it errors are as in least squares: the places themselves are no better
DEVIATION_MOST_S = 1_200.0
VERY_LATE, VERY_EARLY = 2.4, 1.2  # in SECONDS: from here on the law has another slope
FULL = 50.0  # riders
LEVELS = np.array([0.1, 0.5, 0.9])
NODES_S = np.array([30.0, 90.0, 180.0, 360.0, 720.0, 1_440.0])  # time to the stop; farther ahead spreads grow as its root
FARTHEST_S = 1_500.0  # learnt from: of what is farther, only the early ones would be known in time
STEP = 0.0005  # of a residual, in widths of the band
# What three days of Austin (a holiday's Friday to Sunday) had taught at their end: weights in the order of `terms`, and the spread.
PRIOR = np.array(
    [
        *(-0.26, 0.04, 0.22, 0.18, -0.1),
        *(0.08, -0.19, -0.42, 0.04, 0.26),
        *(-0.63, -0.01, 0.04, -0.19, -0.3, 0.19),
        *(0.6, -0.2, 0.3),
        *(0.02, -0.06, -0.02, 0.02, 0.0),
    ]
)
PRIOR_SPREAD_S = np.array([[-15, -7, 16], [-32, -7, 54], [-54, -6, 74], [-94, -9, 97], [-122, -7, 115], [-136, -5, 154]], np.float64)
TERMS = len(PRIOR)


def terms(ahead_s: Floats, lately_s: Floats, usual_s: Floats, timed: Floats, bus: Floats) -> Floats:
    """(rows, TERMS): `ahead_s` the timetable's time from the bus to the stop, the excesses those between them.

    `timed`: 1 where the bus passes a stop on the way at which early ones wait. `bus`: (rows, 5) its deviation, what the deviation has
    grown by of late, by how much it falls back behind the bus before (s, all three), its speed (m/s) and its load; 0 for unknown.
    """
    short, long = (-np.expm1(-ahead_s / scale_s) for scale_s in SATURATION_S)
    growth = ahead_s / GROWTH_S
    deviation, trend, behind = np.clip(bus[:, :3], -DEVIATION_MOST_S, DEVIATION_MOST_S).T / SECONDS
    late, early = np.maximum(deviation, 0.0), np.minimum(deviation, 0.0)
    very_late, very_early = np.maximum(late - VERY_LATE, 0.0), np.minimum(early + VERY_EARLY, 0.0)
    lately, usual = lately_s / SECONDS, usual_s / SECONDS
    speed, load = bus[:, 3] / SPEED_MPS, bus[:, 4] / FULL
    return np.column_stack(
        [
            *(short, long, growth, np.ones_like(ahead_s), speed),
            *(late * short, late * long, late * growth, late * timed, very_late * long),
            *(early * short, early * long, early * growth, early * timed, very_early * short, very_early * timed),
            *(lately, lately * growth, usual),
            *(trend * short, trend * long, behind * long, behind * growth, load * growth),
        ]
    )


class ArrivalLaw:
    def __init__(self) -> None:
        self._normal: Floats = np.zeros((TERMS, TERMS))
        self._right: Floats = np.zeros(TERMS)
        self.outcomes = 0.0
        self._weights: Floats = PRIOR.copy()
        self._spread_s: Floats = PRIOR_SPREAD_S.copy()

    def error_s(self, rows: Floats) -> Floats:
        return SECONDS * (rows @ self._weights)

    def spread_s(self, ahead_s: Floats) -> Floats:
        """(rows, 3) quantiles of what the law leaves."""
        beyond = np.sqrt(np.maximum(ahead_s / NODES_S[-1], 1.0))
        return np.column_stack([beyond * np.interp(ahead_s, NODES_S, column) for column in self._spread_s.T])

    def learn(self, rows: Floats, error_s: Floats, ahead_s: Floats) -> None:
        """Outcomes: terms, errors of timetable + deviation, and the times to the stops as they were predicted."""
        near = ahead_s <= FARTHEST_S
        rows, error_s, ahead_s = rows[near], error_s[near], ahead_s[near]
        residual_s = error_s - self.error_s(rows)
        weight = SMALL_ERROR_S / np.maximum(np.abs(residual_s), SMALL_ERROR_S)
        keep = max(1.0 - len(rows) / MEMORY, 0.0)
        self._normal[...] = keep * self._normal + (rows * weight[:, None]).T @ rows
        self._right = keep * self._right + rows.T @ (weight * error_s / SECONDS)
        self.outcomes = keep * self.outcomes + len(rows)
        prior = PRIOR_OUTCOMES * np.eye(TERMS)
        self._weights = np.linalg.solve(self._normal + prior, self._right + prior @ PRIOR)
        self._learn_spread(residual_s, ahead_s)

    def _learn_spread(self, residual_s: Floats, ahead_s: Floats) -> None:
        share = np.clip(np.interp(ahead_s, NODES_S, np.arange(len(NODES_S))), 0.0, len(NODES_S) - 1.0)
        node = np.minimum(share.astype(np.int64), len(NODES_S) - 2)
        above = share - node
        push = LEVELS - (residual_s[:, None] < self.spread_s(ahead_s))
        gradient = np.zeros_like(self._spread_s)
        np.add.at(gradient, node, push * (1.0 - above)[:, None])
        np.add.at(gradient, node + 1, push * above[:, None])
        width_s = self._spread_s[:, 2:] - self._spread_s[:, :1]
        self._spread_s += STEP * (width_s + 1.0) * np.clip(gradient, -100.0, 100.0)
        self._spread_s.sort(axis=1)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {
            "normal": self._normal.copy(),
            "right": self._right.copy(),
            "weights": self._weights.copy(),
            "spread_s": self._spread_s.copy(),
            "outcomes": np.array(self.outcomes),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._normal, self._right = arrays["normal"].copy(), arrays["right"].copy()
        self._weights, self._spread_s = arrays["weights"].copy(), arrays["spread_s"].copy()
        self.outcomes = float(arrays["outcomes"])
