"""The adaptive planner: each second the best sequence of stages for the next minute, and of it the first step.

Rules:
* It knows the intersection's lamps by the layout alone and the traffic by the table of arrivals alone.
* What it expects of the lamps is what the guard will do: the same minimum greens, yellows and intergreens.
* Same arrivals, same lamps, same plan.
"""

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections._plan import Search
from intersections.samples import PhaseState
from intersections.signals.approaches import Approaches, Floats, Observation
from intersections.signals.arrivals import Arrivals
from intersections.signals.commitments import FREE, Play, committed, first_change
from intersections.signals.control import PLANNER, GreenCommand, Plan, PlannedDepartures, Shown
from intersections.signals.estimate import Estimator
from intersections.signals.layout import SECOND_NS, SignalLayout, bits
from intersections.signals.pedestrians import Pedestrians

VEHICLES_MAX = 512
DRAIN_MIN_MPS = 3.5  # an exit that is full is thought to move again: a plan that waits for it for ever locks the crossing
STAGES_SHOWN = 12
VALID_NS = 3 * SECOND_NS
GREEN = (PhaseState.PERMISSIVE_MOVEMENT_ALLOWED, PhaseState.PROTECTED_MOVEMENT_ALLOWED)
YELLOW = (PhaseState.PERMISSIVE_CLEARANCE, PhaseState.PROTECTED_CLEARANCE)
LONG_AGO_S = 1000.0


@dataclass(frozen=True, slots=True)
class DischargeLaws:
    """How queues leave."""

    lost_s: float = 1.3
    acceleration_mps2: float = 2.0
    first_mps: float = 3.0
    tau_s: float = 1.05
    gap_m: float = 2.5
    lead_s: float = 2.2
    yellow_s: float = 1.2
    gap_after_s: float = 3.5
    gap_before_s: float = 0.5
    closed_s: float = 4.0
    end_closed_s: float = 10.0
    turn_stop_s: float = 2.0
    headway_s: float = 1.8
    stop_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class SearchLimits:
    horizon_s: int = 50
    beam: int = 32
    keep: int = 3
    fine_s: int = 12
    branch: int = 8
    ahead_s: int = 12


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
        groups, roads = layout.groups, self._pedestrians.approaches
        self._search = Search(
            np.array(layout.conflicts, np.uint64),
            np.array(layout.yields, np.uint64),
            np.array([g.min_green_ns / SECOND_NS for g in groups]),
            np.array(layout.intergreen_ns, np.float64) / SECOND_NS,
            np.array([s.greens for s in layout.stages], np.uint64),
            sum(1 << i for i, g in enumerate(groups) if g.rest is PhaseState.STOP_THEN_PROCEED),
            np.ascontiguousarray(roads.lane_speed_mps),
            np.ascontiguousarray(roads.lane_length_m),
            np.ascontiguousarray(roads.connection_group),
            np.ascontiguousarray(roads.connection_exit),
            np.ascontiguousarray(roads.connection_speed_mps),
            len(roads.exits),
            np.array(astuple(self._laws)),
            self._limits.horizon_s,
            self._limits.beam,
            self._limits.keep,
            self._limits.fine_s,
            self._limits.branch,
            self._limits.ahead_s,
        )

    def plan(self, seen: Observation, shown: Shown, neighbours: tuple[PlannedDepartures, ...]) -> Plan:
        return self.plan_for(self._estimator.arrivals(seen, shown, neighbours), seen, shown)

    def plan_for(self, arrivals: Arrivals, seen: Observation, shown: Shown) -> Plan:
        now_ns = seen.now_ns
        opens, closes = self._lamps(shown, now_ns)
        change = first_change(shown, now_ns, self._play)
        table = self._pedestrians.join(arrivals, seen.pedestrian_wait_s, shown.greens, now_ns)
        lanes = len(self._pedestrians.approaches.lanes)
        first = np.searchsorted(table.lane, np.arange(lanes + 1)).astype(np.int32)
        stages, start = np.zeros(STAGES_SHOWN, np.uint64), np.zeros(STAGES_SHOWN)
        departure = np.full(len(table.lane), -1.0)
        room_m, drain_mps = np.maximum(table.exit_room_m, 0.0), np.maximum(table.exit_drain_mps, DRAIN_MIN_MPS)
        count, _cost = self._search.plan(
            first, table.connection, self._ahead(table, seen), table.arrival_s, table.length_m, table.weight,
            self._rolling(table, first, opens), opens, closes, shown.wanted, room_m, drain_mps, *change, stages, start, departure,
        )  # fmt: skip
        departure = departure[: len(arrivals.lane)]  # whoever walks tells nobody
        following = 1 if count > 1 and start[1] <= 0.0 else 0
        self._sequence += 1
        masks = tuple(int(stage) for stage in stages[following:count])
        command = GreenCommand(self._author, self._sequence, masks[0], now_ns, now_ns + VALID_NS)
        starts = tuple(now_ns + int(s * SECOND_NS) for s in start[following:count])
        plan = Plan(command, masks, starts, self._departures(arrivals, departure, now_ns), self._by_row(arrivals, departure, seen, now_ns))
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
        since = (np.array(shown.since_ns, np.float64) - now_ns) / SECOND_NS
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

    def _rolling(self, arrivals: Arrivals, first: np.ndarray, opens: Floats) -> Floats:
        """How far each lane's queue has moved since it was let go: what its speed tells."""
        metres = np.zeros(len(first) - 1)
        for lane in range(len(metres)):
            row = first[lane]
            if row == first[lane + 1]:
                metres[lane] = 100.0
                continue
            group = self._pedestrians.approaches.connection_group[arrivals.connection[row]]
            if group < 0 or opens[group] <= 0.0:
                metres[lane] = max(arrivals.speed_mps[row] ** 2 / (2 * self._laws.acceleration_mps2), 0.1)
        return metres

    @staticmethod
    def _ahead(arrivals: Arrivals, seen: Observation) -> NDArray[np.int32]:
        """Row of whoever stands before each vehicle in the same lane upstream and is bound for another; -1 for nobody."""
        ahead = np.full(len(arrivals.lane), -1, np.int32)
        last: dict[int, int] = {}
        for row in np.argsort(arrivals.distance_m, kind="stable").tolist():
            observed = arrivals.observed[row]
            if observed < 0 or seen.lane[observed] >= 0:
                continue
            place = int(seen.place[observed])
            before = last.get(place, -1)
            if before >= 0 and arrivals.lane[before] != arrivals.lane[row]:
                ahead[row] = before
            last[place] = row
        return ahead

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
