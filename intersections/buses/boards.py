"""What is told at the stops: the next arrivals of each line, and which of these boards are worth telling again.

Rules:
* A board is of one stop and one line: the buses that come within HORIZON_S, the ARRIVALS_MOST soonest, by the likely (median) arrival.
* It is told when a bus is new on it or gone from it, when an arrival has moved by more than CHANGED_S since it was last told, and again
  after AGAIN_NS, so that what is retained stays valid. When nothing comes any more it is told once, empty, and forgotten.
* At most BOARDS_MOST a period, those told longest ago first: nobody waits for ever, and what is not told now is looked at anew in the next.
* A trip that serves a stop twice is on its board twice. Where a trip begins nothing arrives.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.decisions import ArrivalBoard, BoardArrival
from intersections.buses.network import BusNetwork
from intersections.buses.samples import Prediction

HORIZON_S = 1800.0
ARRIVALS_MOST = 4
CHANGED_S = 20.0
AGAIN_NS = 300_000_000_000
BOARDS_MOST = 1000
NEVER_NS = -1

Place = tuple[str, str]  # stop, line
Due = tuple[float, str, int, int]  # likely arrival, s of the service day; trip; row of its stops; number of the prediction


@dataclass(frozen=True, slots=True)
class _Told:
    """`likely_s`: by trip and row of its stops."""

    time_ns: int
    likely_s: dict[tuple[str, int], float]


class Boards:
    def __init__(self, network: BusNetwork) -> None:
        self._network = network
        self._told: dict[Place, _Told] = {}

    def step(self, intersection: str, predictions: Sequence[Prediction], now_ns: int) -> list[ArrivalBoard]:
        """Those to be told now, in the order of stops and lines."""
        boards = self._boards(predictions, (now_ns - self._network.midnight_ns) / 1e9 + HORIZON_S)
        changed = [place for place in boards.keys() | self._told.keys() if self._is_news(place, boards.get(place, ()), now_ns)]
        changed.sort(key=lambda place: (self._told[place].time_ns if place in self._told else NEVER_NS, place))
        told = sorted(changed[:BOARDS_MOST])
        for place in told:
            if place in boards:
                self._told[place] = _Told(now_ns, _likely_s(boards[place]))
            else:
                del self._told[place]
        return [self._board(intersection, place, boards.get(place, ()), predictions, now_ns) for place in told]

    def _boards(self, predictions: Sequence[Prediction], until_s: float) -> dict[Place, list[Due]]:
        boards: dict[Place, list[Due]] = {}
        for number, one in enumerate(predictions):
            trip = self._network.trips[one.trip]
            pattern = self._network.patterns[trip.pattern]
            near_s = one.p50_s[: int(np.searchsorted(one.p50_s, until_s))].tolist()
            for row, likely_s in enumerate(near_s, one.first_stop):
                boards.setdefault((pattern.stops[row], pattern.line), []).append((likely_s, one.trip, row, number))
        return {place: sorted(due)[:ARRIVALS_MOST] for place, due in boards.items()}

    def _is_news(self, place: Place, board: Sequence[Due], now_ns: int) -> bool:
        told = self._told.get(place)
        if told is None or not board or now_ns - told.time_ns >= AGAIN_NS:
            return True
        likely_s = _likely_s(board)
        return likely_s.keys() != told.likely_s.keys() or any(abs(likely_s[key] - told.likely_s[key]) > CHANGED_S for key in likely_s)

    def _board(self, intersection: str, place: Place, board: Sequence[Due], predictions: Sequence[Prediction], now_ns: int) -> ArrivalBoard:
        stop, line = place
        arrivals = tuple(self._arrival(predictions[number], row) for _, _, row, number in board)
        return ArrivalBoard(intersection, now_ns, stop, self._network.stops[stop].name, line, arrivals)

    def _arrival(self, of: Prediction, row: int) -> BoardArrival:
        trip = self._network.trips[of.trip]
        at = row - of.first_stop
        return BoardArrival(
            of.trip,
            of.vehicle,
            self._network.patterns[trip.pattern].direction,
            scheduled_ns=self._epoch_ns(trip.arrival_s[row]),
            early_ns=self._epoch_ns(of.p10_s[at]),
            likely_ns=self._epoch_ns(of.p50_s[at]),
            late_ns=self._epoch_ns(of.p90_s[at]),
            predictor=of.predictor,
        )

    def _epoch_ns(self, day_s: float) -> int:
        return self._network.midnight_ns + round(float(day_s) * 1e9)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        rows = [(*place, told.time_ns, [(*key, likely_s) for key, likely_s in told.likely_s.items()]) for place, told in self._told.items()]
        return {"told": np.frombuffer(json.dumps(rows).encode(), np.uint8).copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of boards of the same network."""
        rows = json.loads(arrays["told"].tobytes())
        self._told = {
            (stop, line): _Told(time_ns, {(trip, row): likely_s for trip, row, likely_s in due}) for stop, line, time_ns, due in rows
        }


def _likely_s(board: Sequence[Due]) -> dict[tuple[str, int], float]:
    return {(trip, row): likely_s for likely_s, trip, row, _ in board}
