"""The search for a plan in readable form: what `intersections._plan` does in C, step for step, and the sources of its formulas.

The roll-out lets vehicles cross a stop line in order, each at the latest of: its undisturbed arrival; the time gap and its own space
behind the one before, at the speed the queue has reached there (Krauss 1998: tau + (length + gap) / v, v^2 = v0^2 + 2 a s); the start of
green and what the first one loses. Who must yield waits for a gap behind and before those he yields to; who stands behind somebody bound
for a full lane waits with him; into a full exit nobody goes, and who leaves a lane that is one makes room in it. Costs are seconds of
delay times weight, with what is still to be lost after the stop line, (v_free - v)^2 / (2 a v_free), by whoever crosses it slowly.

The search is a beam over stage sequences on a grid of seconds: of each time and stage the best few states survive, of each time the
best of those are continued: by holding, or by changing to one of the stages most wanted (Lowerre 1976 for beams; the rolling horizon of
signal plans as in Mirchandani and Head 2001, RHODES).
"""

from copy import copy
from dataclasses import dataclass, field
from math import ceil, inf, sqrt

import numpy as np

from intersections.signals.layout import bits
from intersections.signals.plan_tables import STAGES_SHOWN, Course, Crossing, DischargeLaws, SearchLimits, Situation

SAME = 1e-9  # values closer than this are of the same state
CHAIN_MAX = 16  # vehicles looked at who hem one another in
FIRST_SPACE_M = 7.0  # of one who crossed before the table begins
LONG_AGO_S = -10.0
SLOW_START_S = 1.5  # beyond the lead, from the first loss to a full stop
CREEP_MPS = 3.0  # of who turns after a stop at a closed lamp
UNDELAYED_S = 0.3
FLOWING_M = 100.0
RESTART_S = 0.5
LEAST = 2  # states continued at each time, whatever the effort so far


@dataclass(slots=True)
class _State:
    wanted: int
    stage: int
    opens: list[float]
    closes: list[float]
    last: list[float]
    metres: list[float]
    next: list[int]
    last_group: list[int]
    room: list[float]
    cost: float = 0.0
    value: float = 0.0
    parent: "_State | None" = None
    started: int = 0
    held: bool = True

    def child(self) -> "_State":
        state = copy(self)
        for name in ("opens", "closes", "last", "metres", "next", "last_group", "room"):
            setattr(state, name, getattr(self, name).copy())
        state.parent = self
        return state


@dataclass(slots=True)
class _Vehicles:
    """Of one situation, by row; and of each lane how many have arrived by each second."""

    first: list[int]
    connection: list[int]
    ahead: list[int]
    row: list[int] = field(default_factory=list)
    arrival: list[float] = field(default_factory=list)
    space: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)


class Search:
    """Of one crossing. The same calls as the kernel's."""

    def __init__(self, crossing: Crossing, laws: DischargeLaws, limits: SearchLimits) -> None:
        self._crossing, self._laws, self._limits = crossing, laws, limits
        self._conflicts, self._yields = [int(mask) for mask in crossing.conflicts], [int(mask) for mask in crossing.yields]
        self._stages = [int(mask) for mask in crossing.stages]
        self._group, self._exit = crossing.connection_group.tolist(), crossing.connection_exit.tolist()
        self._lane_mps, self._turn_mps = crossing.lane_speed_mps.tolist(), crossing.connection_speed_mps.tolist()
        self._length_m, self._lane_exit = crossing.lane_length_m.tolist(), crossing.lane_exit.tolist()
        self._min_green_s, self._intergreen_s = crossing.min_green_s.tolist(), crossing.intergreen_s.tolist()
        self.expanded = 0

    def plan(self, situation: Situation) -> Course:
        situation.check(self._crossing)
        self._now = situation
        self._drain = situation.drain_mps.tolist()
        self._vehicles = self._read(situation)
        root = self._root(situation)
        best = self._search(root)
        path = []
        state: _State | None = best
        while state is not None:
            if state.parent is None or state.parent.wanted != state.wanted:
                path.append((state.wanted, state.started))
            state = state.parent
        path = path[::-1][:STAGES_SHOWN]
        departures = self._replay(root, path)
        return Course(tuple(wanted for wanted, _ in path), tuple(start for _, start in path), departures, self._best_value)

    def _read(self, situation: Situation) -> _Vehicles:
        rows = _Vehicles(situation.lane_first.tolist(), situation.connection.tolist(), situation.ahead.tolist())
        for lane in range(len(self._lane_mps)):
            earlier = -inf
            for i in range(rows.first[lane], rows.first[lane + 1]):
                earlier = max(float(situation.arrival_s[i]), earlier)
                rows.row.append(lane)
                rows.arrival.append(earlier)
                rows.space.append(float(situation.length_m[i]) + self._laws.gap_m)
                rows.weight.append(float(situation.weight[i]))
        return rows

    def _root(self, situation: Situation) -> _State:
        lanes = len(self._lane_mps)
        stage = self._stages.index(situation.wanted) if situation.wanted in self._stages else len(self._stages)
        return _State(
            wanted=situation.wanted,
            stage=stage,
            opens=situation.opens_s.tolist(),
            closes=situation.closes_s.tolist(),
            last=[LONG_AGO_S] * lanes,
            metres=situation.rolled_m.tolist(),
            next=self._vehicles.first[:-1].copy(),
            last_group=[-1] * lanes,
            room=situation.room_m.tolist(),
        )

    # the search

    def _search(self, root: _State) -> _State:
        horizon = self._limits.horizon_s
        self._kept: list[list[list[_State]]] = [[[] for _ in range(len(self._stages) + 1)] for _ in range(horizon + 1)]
        self._best, self._best_value = root, inf
        self.expanded = 0
        self._expand(root, 0)
        for time in range(1, horizon):
            states = sorted((state for kept in self._kept[time] for state in kept), key=lambda state: state.value)
            for k, state in enumerate(states[: self._limits.beam]):
                if k >= LEAST and self.expanded * horizon > self._limits.effort * (time + 1):
                    break
                if state.cost < self._best_value:
                    self._expand(state, time)
        return self._best

    def _expand(self, state: _State, time: int) -> None:
        """Hold, or switch to each other stage that may begin now: the first time by what was promised of it."""
        now, fine = self._now, self._limits.fine_s
        step = 1 if time < fine or time % 2 else 2
        if not (state.held and now.bound and time + step > now.latest_s):
            self._reach(state.child(), time, time + step)
        if state.held and time < now.earliest_s:
            return
        for stage in self._choices(state, time):
            closing = [g for g in bits(state.wanted & ~self._stages[stage]) if g < len(state.opens)]
            if any(state.opens[g] <= time and state.opens[g] + self._min_green_s[g] > time + SAME for g in closing):
                continue
            child = state.child()
            until = max(self._turn(child, stage, time), time + 1)
            self._reach(child, time, until + 1 if until > fine and until % 2 else until)

    def _choices(self, state: _State, time: int) -> list[int]:
        """The stages to try next: those for whom most will soon have come, or the one promised."""
        promised = state.held and self._now.bound
        wanted = self._demand(state, min(time + self._limits.ahead_s, self._limits.horizon_s))
        worth = {}
        for j, greens in enumerate(self._stages):
            if greens == state.wanted or (promised and greens != self._now.following):
                continue
            total = fresh = 0.0
            for g, weight in enumerate(wanted):
                if greens >> g & 1:
                    total += weight
                    if not state.wanted >> g & 1:
                        fresh += weight
            if fresh > 0.0 or promised:
                worth[j] = total
        return sorted(worth, key=lambda j: -worth[j])[: self._limits.branch]

    def _demand(self, state: _State, until: int) -> list[float]:
        rows, wanted = self._vehicles, [0.0] * len(self._conflicts)
        for lane, i in enumerate(state.next):
            for k in range(i, self._arrived(lane, until)):
                g = self._group[rows.connection[k]]
                if g >= 0:
                    wanted[g] += rows.weight[k]
        return wanted

    def _arrived(self, lane: int, time: int) -> int:
        rows = self._vehicles
        i = rows.first[lane]
        while i < rows.first[lane + 1] and rows.arrival[i] <= time:
            i += 1
        return i

    def _reach(self, child: _State, time: int, until: int) -> None:
        """Roll out to the next level and keep the state if it is among the best there."""
        horizon = self._limits.horizon_s
        self.expanded += 1
        if until >= horizon:
            self._advance(child, time, horizon, None)
            child.value = child.cost + self._outlook(child, horizon, self._laws.end_closed_s)
            if child.value < self._best_value:
                self._best, self._best_value = child, child.value
            return
        self._advance(child, time, until, None)
        child.value = child.cost + self._outlook(child, until, self._laws.closed_s)
        kept = self._kept[until][child.stage]
        if child.cost >= self._best_value or any(abs(other.value - child.value) < SAME for other in kept):
            return
        if len(kept) < self._limits.keep:
            kept.append(child)
            return
        worst = max(range(len(kept)), key=lambda k: kept[k].value)
        if kept[worst].value > child.value:
            kept[worst] = child

    def _replay(self, root: _State, path: list[tuple[int, int]]) -> np.ndarray:
        departures = np.full(len(self._vehicles.arrival), -1.0)
        state, now = root.child(), 0
        for wanted, start in path[1:]:
            self._advance(state, now, start, departures)
            now = start
            self._turn(state, self._stages.index(wanted), now)
        self._advance(state, now, self._limits.horizon_s, departures)
        return departures

    # the roll-out

    def _turn(self, state: _State, stage: int, time: int) -> int:
        """Change the target; returns when everything new has been green for its minimum."""
        target, fresh, until = self._stages[stage], 0, time
        for g, opens in enumerate(state.opens):
            if opens < inf and not target >> g & 1:
                if opens <= time:
                    state.closes[g] = float(time)
                state.opens[g] = inf
        for g, opens in enumerate(state.opens):
            if target >> g & 1 and opens == inf:
                clear = [state.closes[i] + self._intergreen_s[i][g] for i in bits(self._conflicts[g]) if i < len(state.opens)]
                state.opens[g] = max([float(time), *clear])
                fresh |= 1 << g
                until = max(until, ceil(min(state.opens[g] + self._min_green_s[g], self._limits.horizon_s) - SAME))
        for lane, i in enumerate(state.next):
            if i < self._vehicles.first[lane + 1]:
                g = self._group[self._vehicles.connection[i]]
                if g >= 0 and fresh >> g & 1:
                    state.metres[lane] = 0.0
        state.wanted, state.stage, state.started, state.held = target, stage, time, False
        return until

    def _ready(self, state: _State, lane: int, i: int) -> tuple[float, float]:
        """When vehicle i, the next of its lane, could cross, inf while its lamp is closed; and at which speed."""
        laws, rows = self._laws, self._vehicles
        c = rows.connection[i]
        g = self._group[c]
        free_mps = min(self._lane_mps[lane], self._turn_mps[c])
        mps = min(free_mps, sqrt(laws.first_mps * laws.first_mps + 2.0 * laws.acceleration_mps2 * state.metres[lane]))
        arrival = rows.arrival[i]
        chain = state.last[lane] + laws.tau_s + (rows.space[i - 1] if i > rows.first[lane] else FIRST_SPACE_M) / mps
        speed = free_mps if arrival >= chain else mps
        at = max(arrival, chain)
        if g < 0:
            return at, speed
        opens = state.opens[g]
        if opens == inf:
            if at <= state.closes[g] + laws.yellow_s:
                return at, speed
            if self._crossing.proceed >> g & 1:
                return max(at, state.closes[g]) + laws.turn_stop_s, min(free_mps, CREEP_MPS)
            return inf, speed
        if state.metres[lane] == 0.0:  # the first of a queue, or it arrives about when the lamp opens
            share = (opens - (arrival - laws.lead_s)) / (laws.lead_s + SLOW_START_S)
            if share > 0.0:
                share = min(share, 1.0)
                speed = min(speed, free_mps + share * (laws.first_mps - free_mps))
                at = max(at, min(at + share, opens + laws.lost_s))
        if at < opens + laws.lost_s and arrival < opens + laws.lost_s:
            at = opens + laws.lost_s
        return at, speed

    def _hemmed(self, state: _State, i: int) -> bool:
        """Somebody bound for another lane stands before it and has not yet found room in his own."""
        rows, k = self._vehicles, self._vehicles.ahead[i]
        for _ in range(CHAIN_MAX):
            if k < 0:
                return False
            lane = rows.row[k]
            if k >= state.next[lane] and self._reach_m(k + 1) - self._reach_m(state.next[lane]) > self._length_m[lane]:
                return True
            k = rows.ahead[k]
        return False

    def _reach_m(self, count: int) -> float:
        total = 0.0
        for space in self._vehicles.space[:count]:
            total += space
        return total

    def _blocked(self, state: _State, lane: int, g: int, at: float) -> bool:
        """Somebody to whom group g yields comes too close to `at`."""
        laws, rows = self._laws, self._vehicles
        foes = self._yields[g] | (self._conflicts[g] if state.opens[g] == inf else 0)
        for m in range(len(self._lane_mps)) if foes else ():
            if m == lane:
                continue
            other = state.last_group[m]
            if other >= 0 and foes >> other & 1 and state.last[m] > at - laws.gap_before_s:
                return True
            j = state.next[m]
            other = self._group[rows.connection[j]] if j < rows.first[m + 1] else -1
            if other < 0 or not foes >> other & 1:
                continue
            if state.opens[other] == inf and state.closes[other] + laws.yellow_s < at:
                continue
            if self._ready(state, m, j)[0] < at + laws.gap_after_s:
                return True
        return False

    def _advance(self, state: _State, time: int, until: int, departures: np.ndarray | None) -> None:
        """Let everybody go who can, second by second; those who yield after those to whom they yield."""
        stirring = [lane for lane in range(len(state.next)) if self._stirs(state, lane, time, until)]
        if not stirring:
            state.room = [room + drain * (until - time) for room, drain in zip(state.room, self._drain, strict=True)]
            return
        for s in range(time, until):
            state.room = [room + drain for room, drain in zip(state.room, self._drain, strict=True)]
            for yielding in (False, True):
                for lane in stirring:
                    self._release(state, lane, s, yielding, departures)

    def _stirs(self, state: _State, lane: int, time: int, until: int) -> bool:
        """Somebody may leave the lane before `until`: lamps do not change on the way there."""
        rows, i = self._vehicles, state.next[lane]
        if i == rows.first[lane + 1] or rows.arrival[i] >= until:
            return False
        g = self._group[rows.connection[i]]
        closed = g >= 0 and state.opens[g] == inf and state.closes[g] + self._laws.yellow_s < time
        return not closed or bool(self._crossing.proceed >> g & 1)

    def _release(self, state: _State, lane: int, s: int, yielding: bool, departures: np.ndarray | None) -> None:  # noqa: FBT001
        """Those of a lane who cross its stop line from s to s + 1."""
        laws, rows = self._laws, self._vehicles
        while (i := state.next[lane]) < rows.first[lane + 1] and rows.arrival[i] < s + 1:
            c = rows.connection[i]
            g = self._group[c]
            if self._yields_now(state, g, s) != yielding:
                return
            at, speed = self._ready(state, lane, i)
            if at >= s + 1:
                return
            at = max(at, float(s))
            if yielding and self._blocked(state, lane, g, at):
                state.metres[lane] = 0.0
                return
            if rows.ahead[i] >= 0 and self._hemmed(state, i):
                state.metres[lane], state.last[lane] = 0.0, s + RESTART_S
                return
            e = self._exit[c]
            if state.room[e] < rows.space[i]:
                state.metres[lane] = 0.0
                return
            state.room[e] -= rows.space[i]
            if self._lane_exit[lane] >= 0:
                state.room[self._lane_exit[lane]] += rows.space[i]
            free_mps = min(self._lane_mps[lane], self._turn_mps[c])
            loss = (free_mps - speed) * (free_mps - speed) / (2.0 * laws.acceleration_mps2 * free_mps)
            state.cost += rows.weight[i] * (at - rows.arrival[i] + loss)
            if at - rows.arrival[i] < UNDELAYED_S and state.metres[lane] < FLOWING_M:
                state.metres[lane] = FLOWING_M
            state.metres[lane] += rows.space[i]
            state.last[lane], state.last_group[lane] = at, g
            state.next[lane] = i + 1
            if departures is not None:
                departures[i] = at

    def _yields_now(self, state: _State, g: int, s: int) -> bool:
        if g < 0:
            return False
        if state.opens[g] == inf:
            return bool(self._crossing.proceed >> g & 1) and state.closes[g] + self._laws.yellow_s < s
        return bool(self._yields[g] & state.wanted)

    def _outlook(self, state: _State, time: int, closed_s: float) -> float:
        """What those who wait have waited, and the least that they still will."""
        rows, total = self._vehicles, 0.0
        for lane, a in enumerate(state.next):
            b = self._arrived(lane, time)
            if b <= a:
                continue
            waiting = sum(rows.weight[a:b])
            total += waiting * time - sum(rows.weight[i] * rows.arrival[i] for i in range(a, b))
            total += waiting * (b - a - 1) * 0.5 * self._laws.headway_s
            g = self._group[rows.connection[a]]
            if g >= 0 and state.opens[g] == inf:
                total += waiting * closed_s
            elif g >= 0 and state.opens[g] > time:
                total += waiting * (state.opens[g] - time)
        return total
