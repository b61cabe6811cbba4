"""Pedestrians' push-buttons: somebody who stands before a crossing has pressed; the call stays until the crossing has been green."""

from collections.abc import Mapping, Sequence

import libsumo
import numpy as np

from intersections.signals.approaches import Floats

STANDING_MPS = 0.2


class PushButtons:
    """`crossings`: SUMO's crossing -> (intersection, group), of all intersections; `groups`: how many each has."""

    def __init__(self, crossings: Mapping[str, tuple[int, int]], groups: Sequence[int]) -> None:
        self._crossings = dict(crossings)
        self._since_s: list[dict[int, float]] = [{} for _ in groups]
        self._groups = tuple(groups)
        junctions = {crossing.rpartition("_c")[0] for crossing in crossings}
        self._areas = [str(edge) for edge in libsumo.edge.getIDList() if edge.rpartition("_w")[0] in junctions]

    def press(self, now_s: float, greens: Sequence[int]) -> None:
        """`greens`: what each intersection shows green now; a crossing that is green needs no call."""
        for area in self._areas:
            for person in libsumo.edge.getLastStepPersonIDs(area):
                place = self._crossings.get(libsumo.person.getNextEdge(person))
                if place is not None and libsumo.person.getSpeed(person) < STANDING_MPS:
                    self._since_s[place[0]].setdefault(place[1], now_s)
        for since_s, green in zip(self._since_s, greens, strict=True):
            for group in [group for group in since_s if green >> group & 1]:
                del since_s[group]

    def wait_s(self, now_s: float, step_s: float) -> list[Floats]:
        """By intersection and group. A call of this very step has waited a step already: 0 means none."""
        waits = [np.zeros(count) for count in self._groups]
        for wait, since_s in zip(waits, self._since_s, strict=True):
            for group, since in since_s.items():
                wait[group] = now_s - since + step_s
        return waits
