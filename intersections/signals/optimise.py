"""The adaptive planner: each second the best sequence of stages for the next minute, and of it the first step.

Rules:
* It knows the intersection's lamps by the layout alone and the traffic by the table of arrivals alone.
* What it expects of the lamps is what the guard will do: the same minimum greens, yellows and intergreens.
* Same arrivals, same lamps, same plan.
* Who has waited for long counts the more: delay alone lets a short lane starve beside a road whose queue never ends, until the lane has
  filled and stands in the way of the junctions before it.
* Nobody is let in upon vehicles that stand inside the junction, for as long as it takes them to leave.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections._plan import Search
from intersections.samples import PhaseState
from intersections.signals.approaches import Approaches, Floats, Ints, Observation
from intersections.signals.arrivals import Arrivals
from intersections.signals.clearance import put_off
from intersections.signals.commitments import FREE, Play, committed, first_change
from intersections.signals.control import PLANNER, GreenCommand, Plan, PlannedDepartures, Shown
from intersections.signals.estimate import Estimator
from intersections.signals.layout import SECOND_NS, SignalLayout, bits
from intersections.signals.pedestrians import Pedestrians, closed_early, hidden_clearance, stages_of
from intersections.signals.plan_tables import VEHICLES_MAX, Crossing, DischargeLaws, SearchLimits, Situation

DRAIN_MIN_MPS = 3.5  # an exit that is full is thought to move again: a plan that waits for it for ever locks the crossing
VALID_NS = 3 * SECOND_NS
GREEN = (PhaseState.PERMISSIVE_MOVEMENT_ALLOWED, PhaseState.PROTECTED_MOVEMENT_ALLOWED)
LIT = (PhaseState.PRE_MOVEMENT, *GREEN)
YELLOW = (PhaseState.PERMISSIVE_CLEARANCE, PhaseState.PROTECTED_CLEARANCE)
LONG_AGO_S = 1000.0
PATIENCE_S = 60.0  # who has waited twice as long counts twice
URGENCY_MAX = 10.0
FLOWING_M = 100.0  # a queue that has moved so far is at full speed

Rows = NDArray[np.intp]
Change = tuple[float, float, int, bool]  # earliest, latest, following, bound


class AdaptivePlanner:
    """Of one intersection. Implements control.Planner."""

    def __init__(
        self,
        layout: SignalLayout,
        approaches: Approaches,
        laws: DischargeLaws | None = None,
        limits: SearchLimits | None = None,
        author: str = PLANNER,
        play: Play = FREE,
    ) -> None:
        self._layout, self._approaches = layout, approaches
        self._laws, self._limits = laws or DischargeLaws(), limits or SearchLimits()
        self._author, self._play = author, play
        self._sequence = 0
        self._estimator = Estimator(approaches, layout)
        self._pedestrians = Pedestrians(layout, approaches)
        crossing = crossing_of(layout, self._pedestrians.approaches, hidden=play == FREE)
        self._drain_mps = np.full(crossing.exits, DRAIN_MIN_MPS)
        self._drain_mps[crossing.lane_exit[crossing.lane_exit >= 0]] = 0.0  # we drain it ourselves
        self._search = Search(crossing, self._laws, self._limits)

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        return self.plan_for(self._estimator.arrivals(seen, shown, neighbours), seen, shown)

    def plan_for(self, arrivals: Arrivals, seen: Observation, shown: Shown) -> Plan:
        now_ns = seen.now_ns
        opens, closes = self._lamps(shown, now_ns)
        change = first_change(shown, now_ns, self._play)
        table = self._pedestrians.join(arrivals, seen.pedestrian_wait_s, shown.greens, now_ns)
        rows = _foremost(table)
        situation = self._situation(table, rows, _ahead(table, seen), shown.wanted, opens, closes, change)
        course = self._search.plan(situation)
        departure = np.full(len(table.lane), -1.0)
        departure[rows] = course.departure_s
        departure = departure[: len(arrivals.lane)]  # whoever walks tells nobody
        begun = 1 if len(course.stages) > 1 and course.start_s[1] <= 0 else 0
        self._sequence += 1
        stages = course.stages[begun:]
        greens = stages[0]
        if self._play == FREE and len(stages) > 1:  # where ends are promised, those of pedestrians are too
            greens = closed_early(self._layout, shown.greens, greens, stages[1], course.start_s[begun + 1] * SECOND_NS)
        if self._play == FREE:
            lit = sum(1 << bit for bit, state in enumerate(shown.states) if state in LIT)
            greens &= ~put_off(self._layout, lit, seen.inside, self._approaches.connection_group, closes)
        command = GreenCommand(self._author, self._sequence, greens, now_ns, now_ns + VALID_NS)
        starts = tuple(now_ns + start_s * SECOND_NS for start_s in course.start_s[begun:])
        plan = Plan(
            command,
            stages,
            starts,
            self._estimator.told(self._departures(arrivals, departure, now_ns)),
            self._by_row(arrivals, departure, seen, now_ns),
        )
        return committed(plan, shown, self._play)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return self._estimator.snapshot() | self._pedestrians.snapshot() | {"sequence": np.array([self._sequence], np.int64)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._sequence = int(arrays["sequence"][0])
        self._estimator.restore(arrays)
        self._pedestrians.restore(arrays)

    def _lamps(self, shown: Shown, now_ns: int) -> tuple[Floats, Floats]:
        """When each group opens or opened (inf: closed) and when its green ended, s from now."""
        count = len(self._layout.groups)
        opens, closes = np.full(count, np.inf), np.full(count, -LONG_AGO_S)
        since = np.round((np.array(shown.since_ns, np.float64) - now_ns) / SECOND_NS)  # the guard moves some ticks after the plan's second
        for group, state in enumerate(shown.states):
            if state in GREEN:
                opens[group] = since[group]
            elif state in YELLOW:
                closes[group] = since[group]
            else:
                closes[group] = since[group] - self._layout.groups[group].yellow_ns / SECOND_NS
        for group in range(count):
            if not shown.wanted >> group & 1 and opens[group] < np.inf:  # the guard is about to end it
                opens[group], closes[group] = np.inf, 0.0
        for group in bits(shown.wanted):
            if opens[group] == np.inf:
                foes = bits(self._layout.conflicts[group])
                opens[group] = max([0.0, *(closes[foe] + self._layout.intergreen_ns[foe][group] / SECOND_NS for foe in foes)])
        return opens, closes

    def _situation(self, table: Arrivals, rows: Rows, ahead: Ints, wanted: int, opens: Floats, closes: Floats, change: Change) -> Situation:
        lanes = len(self._pedestrians.approaches.lanes)
        first = np.searchsorted(table.lane[rows], np.arange(lanes + 1)).astype(np.int32)
        rank = np.full(len(table.lane) + 1, -1, np.int32)
        rank[rows] = np.arange(len(rows))
        earliest_s, latest_s, following, bound = change
        return Situation(
            lane_first=first,
            connection=table.connection[rows],
            ahead=rank[ahead[rows]],
            arrival_s=table.arrival_s[rows],
            length_m=table.length_m[rows],
            weight=table.weight[rows] * np.clip(table.waited_s[rows] / PATIENCE_S, 1.0, URGENCY_MAX),
            rolled_m=self._rolled_m(table, rows, first, opens),
            opens_s=opens,
            closes_s=closes,
            wanted=wanted,
            room_m=np.maximum(table.exit_room_m, 0.0),
            drain_mps=np.maximum(table.exit_drain_mps, self._drain_mps),
            earliest_s=earliest_s,
            latest_s=latest_s,
            following=following,
            bound=bound,
        )

    def _rolled_m(self, table: Arrivals, rows: Rows, first: Ints, opens: Floats) -> Floats:
        """How far each lane's queue has moved since it was let go: what the speed of its head tells."""
        rolled_m = np.full(len(first) - 1, FLOWING_M)
        lanes = np.flatnonzero(first[1:] > first[:-1])
        head = rows[first[lanes]]
        group = self._pedestrians.approaches.connection_group[table.connection[head]]
        moving = (group < 0) | (opens[group] <= 0.0)
        rolled_m[lanes] = np.where(moving, np.maximum(table.speed_mps[head] ** 2 / (2.0 * self._laws.acceleration_mps2), 0.1), 0.0)
        return rolled_m

    def _departures(self, arrivals: Arrivals, departure: Floats, now_ns: int) -> PlannedDepartures:
        rows = np.flatnonzero(departure >= 0.0)
        rows = rows[np.argsort(departure[rows], kind="stable")]
        exits = self._approaches.connection_exit[arrivals.connection[rows]]
        return PlannedDepartures(
            self._layout.intersection,
            now_ns,
            tuple(self._approaches.exits[e] for e in exits),
            tuple(now_ns + int(s * SECOND_NS) for s in departure[rows]),
            tuple(int(v) for v in arrivals.vehicle[rows]),
            arrivals.weight[rows],
        )

    @staticmethod
    def _by_row(arrivals: Arrivals, departure: Floats, seen: Observation, now_ns: int) -> np.ndarray:
        by_row = np.full(len(seen.vehicle), -1, np.int64)
        known = (arrivals.observed >= 0) & (departure >= 0.0)
        by_row[arrivals.observed[known]] = now_ns + (departure[known] * SECOND_NS).astype(np.int64)
        return by_row


def crossing_of(layout: SignalLayout, roads: Approaches, *, hidden: bool = False) -> Crossing:
    """`hidden`: pedestrians are closed early enough for nobody to wait for their clearance."""
    return Crossing(
        conflicts=np.array(layout.conflicts, np.uint64),
        yields=np.array(layout.yields, np.uint64),
        min_green_s=np.array([group.min_green_ns / SECOND_NS for group in layout.groups]),
        intergreen_s=np.array(hidden_clearance(layout) if hidden else layout.intergreen_ns, np.float64) / SECOND_NS,
        stages=np.array(stages_of(layout), np.uint64),
        proceed=sum(1 << bit for bit, group in enumerate(layout.groups) if group.rest is PhaseState.STOP_THEN_PROCEED),
        lane_speed_mps=np.ascontiguousarray(roads.lane_speed_mps, np.float64),
        lane_length_m=np.ascontiguousarray(roads.lane_length_m, np.float64),
        connection_group=np.ascontiguousarray(roads.connection_group, np.int32),
        connection_exit=np.ascontiguousarray(roads.connection_exit, np.int32),
        connection_speed_mps=np.ascontiguousarray(roads.connection_speed_mps, np.float64),
        lane_exit=own_exits(roads),
        exits=len(roads.exits),
    )


def own_exits(roads: Approaches) -> Ints:
    """(lanes,) the exit that is the same lane: one with stop lines of this intersection at both ends; -1 for none."""
    row = {name: exit for exit, name in enumerate(roads.exits)}
    return np.array([row.get(lane, -1) for lane in roads.lanes], np.int32)


def _foremost(table: Arrivals) -> Rows:
    """The rows that can be planned with: what is no number, or takes no way that is on the map, is left out; of too many the farthest."""
    numbers = (table.arrival_s, table.length_m, table.weight, table.speed_mps, table.connection)
    rows = np.flatnonzero(np.logical_and.reduce([np.isfinite(column) & (column >= 0.0) for column in numbers]))
    if len(rows) <= VEHICLES_MAX:
        return rows
    return np.sort(rows[np.argsort(table.arrival_s[rows], kind="stable")[:VEHICLES_MAX]])


def _ahead(table: Arrivals, seen: Observation) -> NDArray[np.int32]:
    """Row of whoever stands before each vehicle in the same lane upstream and is bound for another; -1 for nobody."""
    ahead = np.full(len(table.lane), -1, np.int32)
    last: dict[int, int] = {}
    for row in np.argsort(table.distance_m, kind="stable").tolist():
        observed = table.observed[row]
        if observed < 0 or seen.lane[observed] >= 0 or seen.place[observed] < 0:
            continue
        place = int(seen.place[observed])
        before = last.get(place, -1)
        if before >= 0 and table.lane[before] != table.lane[row]:
            ahead[row] = before
        last[place] = row
    return ahead
