"""Green for an emergency vehicle until it has passed, and the way back.

Rules:
* What is wanted goes to the guard as a command like any other: minimum greens, clearances and promises to pedestrians are kept.
* Preemptions whose ways conflict are served one after the other: the more important first, then who came first.
* When the last has passed, those who stood meanwhile get green first, where most persons wait first, then the planner has its say again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from intersections.signals.approaches import Approaches, Observation
from intersections.signals.arrivals import connection_table
from intersections.signals.control import PREEMPTION, GreenCommand, Shown
from intersections.signals.layout import SECOND_NS, SignalLayout, bits
from intersections.signals.priority import LiveRequest, Reason, RequestStatus

HEADWAY_S = 2.0  # of a queue that discharges; generous, so that the way is free rather than just enough
LOST_S = 3.0
APPROACH_S = 10.0  # open so long before it comes that it need not slow down
STANDING_MPS = 2.0
VALID_NS = 2 * SECOND_NS
BACK_NS = 120 * SECOND_NS  # the way back ends then, whoever still stands


@dataclass(frozen=True, slots=True)
class Owed:
    """What a group is to have on the way back."""

    green_ns: int
    persons: float


class Preemption:
    """Of one intersection. `command` is asked each 100 ms; None: the planner's word counts."""

    def __init__(self, approaches: Approaches, layout: SignalLayout) -> None:
        self._layout = layout
        self._connections = connection_table(approaches)
        self._group = approaches.connection_group
        self._need = [_groups(approaches, layout, movement) for movement in range(len(approaches.movements))]
        self._sequence = 0
        self._greens = 0  # of the preemption in force
        self._owed: dict[int, Owed] = {}
        self._back = 0  # greens of the way back
        self._back_until_ns = 0

    def snapshot(self) -> dict[str, Any]:
        """Plain numbers and lists of them."""
        owed = [[bit, due.green_ns, due.persons] for bit, due in self._owed.items()]
        return {"sequence": self._sequence, "greens": self._greens, "owed": owed, "back": [self._back, self._back_until_ns]}

    def restore(self, plain: dict[str, Any]) -> None:
        self._sequence, self._greens = plain["sequence"], plain["greens"]
        self._owed = {bit: Owed(green_ns, persons) for bit, green_ns, persons in plain["owed"]}
        self._back, self._back_until_ns = plain["back"]

    def command(self, requests: Sequence[LiveRequest], seen: Observation | None, shown: Shown) -> GreenCommand | None:
        """`requests`: the live ones, the most urgent first; their status is set here."""
        need = self._admit(requests, seen, shown)
        if need:
            if need & ~self._greens:
                self._greens = self._stage_around(need, shown)
        elif self._greens:
            self._owed = self._left_standing(seen)
            self._greens, self._back, self._back_until_ns = 0, 0, shown.now_ns + BACK_NS
        greens = self._greens or self._way_back(shown)
        if not greens:
            return None
        self._sequence += 1
        return GreenCommand(PREEMPTION, self._sequence, greens, shown.now_ns, shown.now_ns + VALID_NS)

    def _admit(self, requests: Sequence[LiveRequest], seen: Observation | None, shown: Shown) -> int:
        """Groups that must be green now, of those requests that conflict with no more urgent one."""
        admitted = 0
        for live in requests:
            need = self._need[live.request.movement]
            if not need or self._layout.clash(admitted | need):
                live.status, live.reason = RequestStatus.WATCH_OTHER_TRAFFIC, Reason.OTHER_PREEMPTION
            elif live.request.arrival_ns - shown.now_ns > self._lead_ns(need, seen, shown) and not live.admitted:
                live.status, live.reason = RequestStatus.REQUESTED, Reason.FAR
            else:
                admitted |= need
                live.admitted = True
                cleared = not need & ~shown.greens
                live.status = RequestStatus.GRANTED if cleared else RequestStatus.PROCESSING
                live.reason = Reason.CLEARED if cleared else Reason.PREEMPTS
        return admitted

    def _lead_ns(self, need: int, seen: Observation | None, shown: Shown) -> int:
        """How long before its arrival the way is cleared: what the guard needs to open it, the queue ahead to leave, and some more."""
        layout, opens_ns = self._layout, 0
        for bit in bits(shown.greens):
            for to in bits(layout.conflicts[bit] & need):
                opens_ns = max(opens_ns, max(shown.earliest_end_ns[bit] - shown.now_ns, 0) + layout.intergreen_ns[bit][to])
        queue = 0 if seen is None else max((len(rows) for (_, group), rows in self._standing(seen).items() if need >> group & 1), default=0)
        return opens_ns + _discharge_ns(queue) + round(APPROACH_S * SECOND_NS)

    def _stage_around(self, need: int, shown: Shown) -> int:
        """Protected rather than permissive for the one who comes, then what changes the fewest lamps; where no stage has it, `need`."""
        layout = self._layout

        def rank(greens: int) -> tuple[int, int, int]:
            return (layout.permissive(greens) & need).bit_count(), (shown.greens ^ greens).bit_count(), greens

        return min((stage.greens for stage in layout.stages if not need & ~stage.greens), key=rank, default=need)

    def _standing(self, seen: Observation) -> dict[tuple[int, int], list[int]]:
        """(lane, group) -> rows of those who stand there."""
        rows: dict[tuple[int, int], list[int]] = {}
        for row in np.flatnonzero((seen.lane >= 0) & (seen.movement >= 0) & (seen.speed_mps < STANDING_MPS)).tolist():
            lane, movement = int(seen.lane[row]), int(seen.movement[row])
            connection = self._connections[lane, movement] if movement < self._connections.shape[1] else -1
            if connection >= 0 and self._group[connection] >= 0:
                rows.setdefault((lane, int(self._group[connection])), []).append(row)
        return rows

    def _left_standing(self, seen: Observation | None) -> dict[int, Owed]:
        """The groups somebody waits for. Where nothing is known, whatever the preemption kept closed."""
        groups = self._layout.groups
        if seen is None:
            return {bit: Owed(group.min_green_ns, 1.0) for bit, group in enumerate(groups) if not self._greens >> bit & 1}
        owed: dict[int, Owed] = {}
        for (_, bit), rows in self._standing(seen).items():
            before = owed.get(bit, Owed(groups[bit].min_green_ns, 0.0))
            green_ns = min(max(before.green_ns, _discharge_ns(len(rows))), groups[bit].max_green_ns)
            owed[bit] = Owed(green_ns, before.persons + float(seen.weight[rows].sum()))
        for bit in np.flatnonzero(seen.pedestrian_wait_s > 0.0).tolist():
            owed[bit] = Owed(groups[bit].min_green_ns, 1.0)
        return {bit: due for bit, due in owed.items() if not self._greens >> bit & 1}

    def _way_back(self, shown: Shown) -> int:
        if not self._owed:
            self._back = 0
            return 0
        for bit in list(self._owed):
            if shown.greens >> bit & 1 and shown.now_ns - shown.since_ns[bit] >= self._owed[bit].green_ns:
                del self._owed[bit]
        if shown.now_ns >= self._back_until_ns:
            self._owed.clear()
        if not any(self._back >> bit & 1 for bit in self._owed):
            self._back = max((stage.greens for stage in self._layout.stages), key=self._persons, default=0)
        if not self._persons(self._back):  # nobody is owed anything, or no stage serves him
            self._owed.clear()
            self._back = 0
        return self._back

    def _persons(self, greens: int) -> float:
        return sum(due.persons for bit, due in self._owed.items() if greens >> bit & 1)


def _groups(approaches: Approaches, layout: SignalLayout, movement: int) -> int:
    """Those of its lanes, as far as they may be green together."""
    greens = 0
    for bit in approaches.connection_group[approaches.connection_movement == movement].tolist():
        if bit >= 0 and not layout.conflicts[bit] & greens:
            greens |= 1 << bit
    return greens


def _discharge_ns(vehicles: int) -> int:
    return round((LOST_S + HEADWAY_S * vehicles) * SECOND_NS)
