"""From what is known of an intersection to the table of arrivals: connected vehicles, each in the lane it will queue in, and those that
only the loops know of.

Rules:
* Where all vehicles are connected nothing is estimated; the fewer are, the more rows come from loops, learnt rates and turns.
* Between two calls nothing grows: every vehicle, lane and queue followed is bounded.
"""

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Approaches, Floats, Ints, Observation
from intersections.signals.arrivals import STANDING_MPS, Arrivals, connection_table, dwell_s, earliest_s
from intersections.signals.connected import Connected, nearest
from intersections.signals.control import PlannedDepartures, Shown
from intersections.signals.counts import LoopCounts
from intersections.signals.flows import Flows
from intersections.signals.layout import SECOND_NS, SignalLayout
from intersections.signals.storage import ExitStorage
from intersections.signals.unseen_lanes import UnseenLanes, UnseenRows

CAR_LENGTH_M = 5.0
CAR_PERSONS = 1.4
STORED_M = 7.5  # of an exit, by one car
FORGET_S = 10.0  # after a longer silence, what was followed is elsewhere


class _Kept(Protocol):
    def snapshot(self) -> dict[str, NDArray[Any]]: ...
    def restore(self, arrays: dict[str, NDArray[Any]]) -> None: ...


class Estimator:
    """Of one intersection. `arrivals` is called once a second with what is then known."""

    def __init__(self, approaches: Approaches, layout: SignalLayout) -> None:
        self._approaches = approaches
        self._layout = layout
        self._table = connection_table(approaches)
        self._lanes_of = [np.flatnonzero(column >= 0).tolist() for column in self._table.T]
        self._lamp = approaches.connection_group >= 0
        self._now_ns = -1
        self.flows = Flows(approaches)
        self.stop_line = LoopCounts(len(approaches.lanes))
        self.advance = LoopCounts(len(approaches.lanes))
        self.storage = ExitStorage(approaches)
        self._sent = np.zeros(len(approaches.exits))  # ever
        self._cleared = np.zeros(len(approaches.lanes))
        self._forget()

    def _forget(self) -> None:
        self.unseen = UnseenLanes(self._approaches)
        self.connected = Connected(len(self._approaches.lanes), len(self._approaches.connection_lane))

    def arrivals(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Arrivals:
        kept = nearest(seen)
        seen = _rows_of(seen, kept)
        passed_s = (seen.now_ns - self._now_ns) / SECOND_NS if self._now_ns >= 0 else 0.0
        if not 0.0 <= passed_s <= FORGET_S:
            self._forget()
            passed_s = 0.0
        self._now_ns = seen.now_ns
        actual = self._actual(seen)
        entered, left, trust = self._follow(seen, shown, actual, neighbours, passed_s)
        lane, connection = self._placed(seen, actual)
        estimating = self.flows.unconnected > 0.0
        if estimating and passed_s > 0.0:
            self.unseen.step(seen, lane, entered, left, self._open(shown), self.advance, self.stop_line, self.flows, passed_s)
        rows = np.flatnonzero((connection >= 0) & (trust > 0.0))
        seen = replace(_rows_of(seen, rows), lane=lane[rows], weight=seen.weight[rows] * trust[rows])
        return self._table_of(seen, kept[rows], connection[rows], self.unseen.rows(seen, lane[rows], self.flows) if estimating else None)

    def _follow(
        self, seen: Observation, shown: Shown, actual: Ints, neighbours: tuple[PlannedDepartures, ...], passed_s: float
    ) -> tuple[Ints, Ints, Floats]:
        """What the loops counted in and out and no connected vehicle explains; how far each vehicle is believed."""
        crossings = self.connected.step(seen, actual, passed_s)
        self.stop_line.step(seen.stop_line_count, seen.stop_line_occupied, passed_s)
        self.advance.step(seen.advance_count, seen.advance_occupied, passed_s)
        stopped, advanced = self.stop_line.passed, self.advance.passed
        self.stop_line.missed(advanced - stopped)
        self.advance.missed(stopped - advanced)
        green_s = self._green_s(shown)
        through = self.flows.step(stopped, crossings.turns, green_s > 0.0, passed_s)
        self._account(seen, through, neighbours, passed_s)
        self.connected.weigh(crossings, np.maximum(stopped, advanced), passed_s)
        self.connected.doubt(seen, actual, np.where(self._lamp, green_s, 0.0), seen.stop_line_occupied == 0, passed_s)
        return advanced - crossings.advance, stopped - crossings.stop, self.connected.trust(seen)

    def _green_s(self, shown: Shown) -> Floats:
        """(connections,) for how long it has been open; without a lamp, always."""
        green_s = [(shown.now_ns - since_ns) / SECOND_NS if shown.greens >> bit & 1 else 0.0 for bit, since_ns in enumerate(shown.since_ns)]
        return np.where(self._lamp, np.array(green_s)[self._approaches.connection_group], np.inf)

    def _open(self, shown: Shown) -> NDArray[np.bool_]:
        """(lanes,) where anybody may drive."""
        green = self._green_s(shown) > 0.0
        return np.bincount(self._approaches.connection_lane, green, minlength=len(self._approaches.lanes)) > 0

    def _actual(self, seen: Observation) -> Ints:
        """Connection by the lane it is in and the turn it takes, -1 where it has yet to change lanes."""
        turning = (seen.lane >= 0) & (seen.movement >= 0) & (seen.movement < self._table.shape[1])
        return np.where(turning, self._table[seen.lane, np.where(turning, seen.movement, 0)], -1).astype(np.int32)

    def _placed(self, seen: Observation, actual: Ints) -> tuple[Ints, Ints]:
        """Lane and connection of each vehicle. Who is not yet in a lane that serves its turn takes the shortest queue of those that do."""
        lane, connection, movement = seen.lane.copy(), actual.copy(), seen.movement.tolist()
        known = np.bincount(lane[connection >= 0], minlength=len(self._approaches.lanes)).tolist()
        length = [one + other for one, other in zip(known, self.unseen.waiting(), strict=True)]
        undecided = np.flatnonzero(connection < 0)
        for row in undecided[np.argsort(seen.distance_m[undecided], kind="stable")].tolist():
            choice = self._lanes_of[movement[row]] if 0 <= movement[row] < len(self._lanes_of) else ()
            if choice:
                lane[row] = min(choice, key=length.__getitem__)
                connection[row] = self._table[lane[row], movement[row]]
            elif lane[row] >= 0:  # its turn is not on the map: as if it took the lane's usual one
                connection[row] = next(iter(self.flows.usual_turns(int(lane[row]), 1)), -1)
            if connection[row] >= 0:
                length[lane[row]] += 1
        return lane, connection

    def _table_of(self, seen: Observation, observed: NDArray[np.intp], connection: Ints, unseen: UnseenRows | None) -> Arrivals:
        """Known and estimated rows in one table, in the order of their lanes."""
        count = 0 if unseen is None else len(unseen.lane)
        known: list[NDArray[Any]] = [
            seen.lane,
            connection,
            np.maximum(seen.distance_m, 0.0),
            np.maximum(seen.speed_mps, 0.0),
            seen.waited_s,
        ]
        if unseen is not None:
            columns: tuple[NDArray[Any], ...] = (unseen.lane, unseen.connection, unseen.distance_m, unseen.speed_mps, unseen.waited_s)
            known = [np.concatenate((one, other)) for one, other in zip(known, columns, strict=True)]
        order = np.lexsort((known[2], known[0]))
        lane, connection, distance_m, speed_mps, waited_s = (column[order] for column in known)
        standing = (speed_mps < STANDING_MPS) & ((waited_s > 0.0) | (speed_mps < 0.1))
        return Arrivals(
            vehicle=_padded(seen.vehicle, count, -1)[order],
            observed=_padded(observed.astype(np.int32), count, -1)[order],
            lane=lane,
            connection=connection,
            arrival_s=earliest_s(distance_m, speed_mps, self._approaches.lane_speed_mps[lane])
            + dwell_s(_padded(seen.stop_m, count, -1)[order], distance_m, speed_mps, waited_s),
            distance_m=distance_m,
            speed_mps=speed_mps,
            length_m=_padded(seen.length_m, count, CAR_LENGTH_M)[order],
            weight=_padded(seen.weight, count, CAR_PERSONS)[order],
            waited_s=waited_s,
            queued=standing.astype(np.uint8),
            exit_room_m=self.storage.room_m,
            exit_drain_mps=self.storage.drain_mps,
        )

    def _account(self, seen: Observation, through: Floats, neighbours: tuple[PlannedDepartures, ...], passed_s: float) -> None:
        """`through`: by connection, vehicles that passed."""
        sent = np.bincount(self._approaches.connection_exit, through, minlength=len(self._approaches.exits)).astype(np.float64)
        self.storage.step(seen, sent, neighbours, self.flows.connected, passed_s)
        self._sent += sent
        self._cleared += self.stop_line.passed

    def told(self, departures: PlannedDepartures) -> PlannedDepartures:
        """With what a neighbour wants to know besides: what was ever sent into each road and cleared from it."""
        sent = _by_road(self._approaches.exits, self._sent)
        cleared = {road: int(count) for road, count in _by_road(self._approaches.lanes, self._cleared).items()}
        return replace(departures, sent=tuple(sent.items()), cleared=tuple(cleared.items()))

    def _parts(self) -> dict[str, _Kept]:
        return {
            "flows": self.flows,
            "stop_line": self.stop_line,
            "advance": self.advance,
            "unseen": self.unseen,
            "connected": self.connected,
        }

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """All it keeps, as plain arrays."""
        arrays = {f"{part}.{name}": array for part, kept in self._parts().items() for name, array in kept.snapshot().items()}
        return arrays | {"now_ns": np.array([self._now_ns], np.int64), "sent": self._sent.copy(), "cleared": self._cleared.copy()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        for part, kept in self._parts().items():
            kept.restore({name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")})
        self._now_ns = int(arrays["now_ns"][0])
        self._sent, self._cleared = arrays["sent"].copy(), arrays["cleared"].copy()


def _padded(column: NDArray[Any], count: int, value: float) -> NDArray[Any]:
    return np.concatenate((column, np.full(count, value, column.dtype))) if count else column


ROWS = ("vehicle", "lane", "movement", "distance_m", "speed_mps", "length_m", "weight", "waited_s", "stop_m", "place")


def _rows_of(seen: Observation, rows: NDArray[np.intp]) -> Observation:
    if len(rows) == len(seen.vehicle):
        return seen
    return replace(seen, **{name: getattr(seen, name)[rows] for name in ROWS})


def _by_road(lanes: tuple[str, ...], counts: Floats) -> dict[str, float]:
    roads: dict[str, float] = {}
    for lane, count in zip(lanes, counts.tolist(), strict=True):
        road = lane.rpartition("_")[0]
        roads[road] = roads.get(road, 0.0) + count
    return roads
