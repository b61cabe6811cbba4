"""How much still fits into each exit, and how fast it empties: from what is seen there, what was sent there, and a neighbour's word.

Rules:
* Room is between 0 and the exit's length, whatever anybody says.
* A neighbour's counts are taken as far as they are possible: they grow, no faster than its lanes discharge. Silent for SILENT_S, it is
  left out, and what is seen and was sent speaks alone.
* Who tells of a full exit that vehicles keep entering is not believed for a while.
* A standing vehicle seen on an exit is a queue from there to its end; without one, what was sent long enough ago has gone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Approaches, Floats, Observation
from intersections.signals.control import PlannedDepartures
from intersections.signals.flows import ALL_CONNECTED
from intersections.signals.layout import SECOND_NS

GAP_M = 2.5  # between standing vehicles
USUAL_LENGTH_M = 5.0
SILENT_S = 4.0
MOST_PER_S = 0.7  # of one lane over its stop line: saturation with a margin
ENTERED_ANYWAY = 3.0  # vehicles that went into an exit told to be full, until that is no longer believed
DISBELIEF_S = 60.0
FLOW_MEMORY_S = 60.0
UNHURRIED = 0.7  # of the limit: how fast sent vehicles travel to the exit's end
LEAST_CONNECTED = 0.2  # below, what connected vehicles tell of all is too little to multiply
KEPT = ("inside", "_recent", "_outflow_per_s", "_against", "_disbelieved_s", "room_m", "drain_mps")


class ExitStorage:
    def __init__(self, approaches: Approaches) -> None:
        count = len(approaches.exits)
        self._exits = approaches
        self._travel_s = approaches.exit_length_m / np.maximum(UNHURRIED * approaches.exit_speed_mps, 1.0)
        self._roads = approaches.exit_approach or ("",) * count
        self._lanes_of_road = {road: self._roads.count(road) for road in self._roads if road}
        self._cleared: dict[str, float] = dict.fromkeys(self._lanes_of_road, -1.0)
        self.inside = np.zeros(count)  # vehicles sent and not known to have left
        self._recent = np.zeros(count)  # of them, those still on their way
        self._outflow_per_s = np.zeros(count)
        self._against = np.zeros(count)  # vehicles that entered while it was told to be full
        self._disbelieved_s = np.zeros(count)
        self.room_m = approaches.exit_length_m.copy()
        self.drain_mps = np.zeros(count)

    def step(self, seen: Observation, sent: Floats, words: tuple[PlannedDepartures, ...], connected: float, passed_s: float) -> None:
        """`sent`: by exit, vehicles that entered it since last time; `connected`: part of all vehicles."""
        self._recent = self._recent * np.exp(-passed_s / self._travel_s) + sent
        cleared, heard = self._heard(words, seen.now_ns, passed_s)
        self._outflow_per_s += (cleared / max(passed_s, 1e-3) - self._outflow_per_s) * (1.0 - np.exp(-passed_s / FLOW_MEMORY_S))
        queued = seen.exit_queue_m > 0.0
        balance = np.maximum(self.inside + sent - cleared, 0.0)
        self.inside = np.where(queued & heard, balance, self._recent)
        self._doubt(sent, passed_s)
        self._settle(seen, connected)

    def _heard(self, words: tuple[PlannedDepartures, ...], now_ns: int, passed_s: float) -> tuple[Floats, NDArray[np.bool_]]:
        """(exits,) vehicles that left by the neighbour's stop lines, shared among the lanes of a road; whether it has told."""
        told: dict[str, float] = {}
        for word in words:
            if not -SILENT_S <= (now_ns - word.now_ns) / SECOND_NS <= SILENT_S:
                continue
            for road, count in word.cleared:
                if road in self._cleared:
                    change = count - self._cleared[road] if self._cleared[road] >= 0 else 0.0
                    possible = 0 <= change <= self._lanes_of_road[road] * MOST_PER_S * max(passed_s, SILENT_S) + 2
                    told[road] = float(change) if possible else 0.0
                    self._cleared[road] = float(count)
        for road in self._cleared.keys() - told.keys():
            self._cleared[road] = -1.0
        cleared = np.array([told.get(road, 0.0) / self._lanes_of_road.get(road, 1) for road in self._roads])
        return cleared, np.array([road in told for road in self._roads])

    def _doubt(self, sent: Floats, passed_s: float) -> None:
        full = self.room_m < USUAL_LENGTH_M
        self._against = np.where(full, self._against + sent, 0.0)
        self._disbelieved_s = np.maximum(self._disbelieved_s - passed_s, 0.0)
        self._disbelieved_s[self._against >= ENTERED_ANYWAY] = DISBELIEF_S

    def _settle(self, seen: Observation, connected: float) -> None:
        length_m = self._exits.exit_length_m
        car_m = (float(seen.length_m.mean()) if len(seen.length_m) else USUAL_LENGTH_M) + GAP_M
        queue_m = np.nan_to_num(seen.exit_queue_m, nan=0.0, posinf=0.0, neginf=0.0)
        there = np.nan_to_num(seen.exit_vehicles, nan=0.0, posinf=0.0, neginf=0.0)
        there = np.where(queue_m > 0.0, there / max(connected, LEAST_CONNECTED), there)
        told_m = np.maximum(queue_m, there * car_m)
        doubted = self._disbelieved_s > 0.0
        own_m = self.inside * car_m if connected < ALL_CONNECTED else told_m  # where all are heard, what is seen there is all there is
        taken_m = np.where(doubted, np.minimum(told_m, self._recent * car_m), np.maximum(told_m, own_m))
        self.room_m = np.clip(length_m - taken_m, 0.0, length_m)
        self.drain_mps = self._outflow_per_s * car_m

    def snapshot(self) -> dict[str, NDArray[Any]]:
        cleared = np.array(list(self._cleared.values()), np.float64)
        return {name: getattr(self, name).copy() for name in KEPT} | {"cleared": cleared}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        for name in KEPT:
            setattr(self, name, arrays[name].copy())
        self._cleared = dict(zip(self._cleared, arrays["cleared"].tolist(), strict=True))
