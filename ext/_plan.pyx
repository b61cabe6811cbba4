# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which stages to show for the next minute: a beam search over stage sequences on a roll-out of the queues lane by lane.

The readable twin is `intersections.signals.plan_model`, which gives the rules and their sources.
"""

from libc.math cimport INFINITY, fmax, fmin, sqrt, ceil
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from dataclasses import astuple

import numpy as np

from intersections.signals.plan_tables import Course

cdef enum:
    GROUPS = 64
    LANES = 48
    EXITS = 48
    STAGES = 32
    VEHICLES = 256
    LEVELS = 120
    KEEP = 16
    SHOWN = 12
    CHAIN = 16
    LEAST = 2
    EFFORT = 100000


cdef struct Laws:
    double lost_s
    double acceleration
    double first_mps
    double tau_s
    double gap_m
    double lead_s
    double yellow_s
    double gap_after_s
    double gap_before_s
    double turn_stop_s
    double closed_s
    double end_closed_s
    double headway_s

cdef struct State:
    double cost
    double value
    uint64_t wanted
    int stage
    int parent
    int started
    int held  # nothing was switched yet: what was promised of the first change binds
    double opens[GROUPS]
    double closes[GROUPS]
    double last[LANES]
    double metres[LANES]
    int next[LANES]
    int last_group[LANES]
    double room[EXITS]


include "_plan_queues.pxi"


cdef class Search(Queues):
    """Of one crossing; `plan` may be called again and again, and keeps nothing."""

    cdef State* pool  # 0: the root, 1: the state at work, then those kept by time, stage and rank
    cdef object crossing
    cdef int keep, beam, fine, branch, ahead_s, effort
    cdef int filled[LEVELS + 1][STAGES + 1]
    cdef double best_value
    cdef double earliest, latest
    cdef uint64_t following
    cdef bint bound
    cdef State best
    cdef readonly int expanded

    def __cinit__(self):
        self.pool = NULL

    def __dealloc__(self):
        free(self.pool)

    def __init__(self, crossing, laws, limits):
        """Raises ValueError."""
        self.read_crossing(crossing)
        self.crossing = crossing
        cdef double[::1] values = np.array(astuple(laws))
        if values.shape[0] * sizeof(double) != sizeof(Laws) or not np.isfinite(values).all():
            raise ValueError("laws that are none")
        memcpy(&self.laws, &values[0], sizeof(Laws))
        self.horizon, self.beam, self.keep, self.fine = limits.horizon_s, limits.beam, limits.keep, limits.fine_s
        self.branch, self.ahead_s, self.effort = limits.branch, limits.ahead_s, limits.effort
        if not (0 < self.horizon <= LEVELS and 0 < self.keep <= KEEP and 0 < self.branch <= STAGES and 0 < self.effort <= EFFORT):
            raise ValueError(f"no search within {limits}")
        free(self.pool)
        self.pool = <State*>malloc(<size_t>(2 + (self.horizon + 1) * (self.stages + 1) * self.keep) * sizeof(State))
        if self.pool == NULL:
            raise MemoryError

    def plan(self, situation):
        """Situation -> Course. Raises ValueError."""
        situation.check(self.crossing)
        self.read_situation(situation)
        self.root(self.pool, situation)
        self.earliest, self.latest = situation.earliest_s, situation.latest_s
        self.following, self.bound = situation.following, situation.bound
        cdef uint64_t stages[SHOWN]
        cdef int start[SHOWN]
        cdef int count
        cdef int vehicles = self.first[self.lanes]
        departure = np.full(vehicles + 1, -1.0)
        cdef double[::1] departures = departure
        with nogil:
            self.search()
            count = self.trace(stages, start)
            self.replay(stages, start, count, &departures[0])
        greens, starts = tuple([stages[k] for k in range(count)]), tuple([start[k] for k in range(count)])
        return Course(greens, starts, departure[:vehicles], self.best_value)

    cdef State* slot(self, int time, int stage, int k) noexcept nogil:
        return self.pool + 2 + (time * (self.stages + 1) + stage) * self.keep + k

    cdef void search(self) noexcept nogil:
        cdef int time, i, j, n, k, worst
        cdef State* state
        cdef int order[(STAGES + 1) * KEEP]
        for i in range(self.horizon + 1):
            for j in range(self.stages + 1):
                self.filled[i][j] = 0
        self.best_value = INFINITY
        self.copy(&self.best, self.pool)
        self.expanded = 0
        self.expand(0, 0)
        for time in range(1, self.horizon):
            n = 0
            for j in range(self.stages + 1):
                for k in range(self.filled[time][j]):
                    i = (time * (self.stages + 1) + j) * self.keep + k + 2
                    # insertion into the order by value
                    worst = n
                    while worst > 0 and self.pool[order[worst - 1]].value > self.pool[i].value:
                        order[worst] = order[worst - 1]
                        worst -= 1
                    order[worst] = i
                    n += 1
            if n > self.beam:
                n = self.beam
            for k in range(n):
                if k >= LEAST and self.expanded * self.horizon > self.effort * (time + 1):
                    break
                state = self.pool + order[k]
                if state.cost >= self.best_value:
                    continue
                self.expand(order[k], time)

    cdef void expand(self, int index, int time) noexcept nogil:
        """Hold, or switch to each other stage that may begin now: the first time by what was promised of it."""
        cdef State* state = self.pool + index
        cdef State* child = self.pool + 1
        cdef int j, until, g, step
        cdef uint64_t closing
        cdef int targets[STAGES]
        cdef int k
        cdef bint legal
        step = 1 if time < self.fine else 2
        if time % 2 and step == 2:
            step = 1
        if not (state.held and self.bound and time + step > self.latest):
            self.copy(child, state)
            child.parent = index
            self.reach(child, time, time + step)
        if state.held and time < self.earliest:
            return
        for k in range(self.choices(state, time, targets)):
            j = targets[k]
            closing = state.wanted & ~self.stage[j]
            legal = True
            for g in range(self.groups):
                if closing >> g & 1 and state.opens[g] <= time and state.opens[g] + self.min_green[g] > time + 1e-9:
                    legal = False
                    break
            if not legal:
                continue
            self.copy(child, state)
            child.parent = index
            until = self.turn(child, j, time)
            if until <= time:
                until = time + 1
            if until > self.fine and until % 2:
                until += 1
            self.reach(child, time, until)

    cdef int choices(self, State* state, int time, int* targets) noexcept nogil:
        """The stages to try next: those for whom most will soon have come, or the one promised."""
        cdef double wanted[GROUPS]
        cdef double values[STAGES]
        cdef double worth, fresh
        cdef int j, k, g, count = 0, until = time + self.ahead_s
        self.demand(state, until if until < self.horizon else self.horizon, wanted)
        for j in range(self.stages):
            if self.stage[j] == state.wanted or state.held and self.bound and self.stage[j] != self.following:
                continue
            worth = 0
            fresh = 0
            for g in range(self.groups):
                if self.stage[j] >> g & 1:
                    worth += wanted[g]
                    if not state.wanted >> g & 1:
                        fresh += wanted[g]
            if fresh <= 0 and not (state.held and self.bound):
                continue
            k = count if count < self.branch else self.branch - 1
            if count == self.branch and values[k] >= worth:
                continue
            while k > 0 and values[k - 1] < worth:
                values[k] = values[k - 1]
                targets[k] = targets[k - 1]
                k -= 1
            values[k] = worth
            targets[k] = j
            if count < self.branch:
                count += 1
        return count

    cdef void reach(self, State* child, int time, int until) noexcept nogil:
        """Roll out to the next level and keep the state if it is among the best there."""
        cdef int k, n, worst
        cdef State* other
        self.expanded += 1
        if until >= self.horizon:
            self.advance(child, time, self.horizon, NULL)
            child.value = child.cost + self.outlook(child, self.horizon, self.laws.end_closed_s)
            if child.value < self.best_value:
                self.best_value = child.value
                self.copy(&self.best, child)
            return
        self.advance(child, time, until, NULL)

        child.value = child.cost + self.outlook(child, until, self.laws.closed_s)
        if child.cost >= self.best_value:
            return
        n = self.filled[until][child.stage]
        worst = -1
        for k in range(n):
            other = self.slot(until, child.stage, k)
            if other.value - child.value < 1e-9 and child.value - other.value < 1e-9:
                return
            if worst < 0 or other.value > self.slot(until, child.stage, worst).value:
                worst = k
        if n < self.keep:
            worst = n
            self.filled[until][child.stage] = n + 1
        elif self.slot(until, child.stage, worst).value <= child.value:
            return
        self.copy(self.slot(until, child.stage, worst), child)

    cdef int trace(self, uint64_t* stages, int* start) noexcept nogil:
        """The stages of the best sequence and when each begins, the present one first; if there are too many, the last are left out."""
        cdef State* state = &self.best
        cdef int changes = 1, count = 0, skip
        while state.parent >= 0:
            if self.pool[state.parent].wanted != state.wanted:
                changes += 1
            state = self.pool + state.parent
        skip = changes
        count = changes if changes < SHOWN else SHOWN
        state = &self.best
        while True:
            if state.parent < 0 or self.pool[state.parent].wanted != state.wanted:
                skip -= 1
                if skip < SHOWN:
                    stages[skip] = state.wanted
                    start[skip] = state.started
            if state.parent < 0:
                return count
            state = self.pool + state.parent

    cdef void replay(self, uint64_t* stages, int* start, int count, double* departures) noexcept nogil:
        """Departures under the best sequence."""
        cdef State* state = self.pool + 1
        cdef int k, j, now = 0
        self.copy(state, self.pool)
        for k in range(1, count):
            self.advance(state, now, start[k], departures)
            now = start[k]
            for j in range(self.stages):
                if self.stage[j] == stages[k]:
                    self.turn(state, j, now)
                    break
        self.advance(state, now, self.horizon, departures)
