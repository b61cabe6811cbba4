"""Recorded positions once more through matching and prediction, as they would have been live: what `v2x eta-score` and the scores run.

Rules:
* Causal: at each full minute only reports measured until then are known.
* Predictions are written as they are made, one row per stop ahead; seconds of the service day.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

from intersections.buses.eta import Predictions
from intersections.buses.matching import Matcher
from intersections.buses.network import BusNetwork
from intersections.buses.samples import BusPosition, Prediction

MINUTE_NS = 60_000_000_000
COLUMNS = ("made_at_s", "trip_id", "stop_idx", "predicted_s", "p10_s", "p90_s")


def predicted(
    network: BusNetwork, predictions: Predictions, positions: Iterable[BusPosition], verdicts: Counter[str]
) -> Iterator[list[Prediction]]:
    """Predictions of every full minute. `positions` in order of time; `verdicts` counts what matching made of them."""
    matcher = Matcher(network)
    batch: list[BusPosition] = []
    now_ns = 0
    for position in positions:
        due_ns = network.midnight_ns - (network.midnight_ns - position.measured_ns) // MINUTE_NS * MINUTE_NS
        while now_ns and now_ns < due_ns:
            yield _minute(matcher, predictions, batch, now_ns, verdicts)
            batch, now_ns = [], now_ns + MINUTE_NS
        now_ns = due_ns
        batch.append(position)
    if batch:
        yield _minute(matcher, predictions, batch, now_ns, verdicts)


def _minute(matcher: Matcher, predictions: Predictions, batch: list[BusPosition], now_ns: int, verdicts: Counter[str]) -> list[Prediction]:
    matched = matcher.step(batch, now_ns)
    verdicts.update(matched.verdicts)
    predictions.observe(matched.calls)
    return predictions.predict(matched.states, now_ns)


def write_predictions(file: TextIO, minutes: Iterable[list[Prediction]]) -> None:
    out = csv.writer(file)
    out.writerow(COLUMNS)
    for minute in minutes:
        for one in minute:
            rows = zip(one.p50_s.tolist(), one.p10_s.tolist(), one.p90_s.tolist(), strict=True)
            out.writerows(
                (f"{one.made_s:.0f}", one.trip, stop, f"{p50_s:.1f}", f"{p10_s:.1f}", f"{p90_s:.1f}")
                for stop, (p50_s, p10_s, p90_s) in enumerate(rows, one.first_stop)
            )
