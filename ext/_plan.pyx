# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which stages to show for the next minute: a beam search over stage sequences on a roll-out of the queues lane by lane.

The readable twin is `intersections.signals.plan_model`, which gives the rules and their sources.
"""

from libc.math cimport INFINITY, fmax, fmin, sqrt, ceil
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

cdef enum:
    GROUPS = 64
    LANES = 48
    EXITS = 48
    STAGES = 32
    VEHICLES = 512
    LEVELS = 160
    SPEEDS = 512


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
    double closed_s
    double end_closed_s
    double turn_stop_s
    double headway_s
    double stop_s

cdef struct State:
    double cost
    double value
    uint64_t wanted
    int stage
    int parent
    int time
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
    cdef State* pool
    cdef int keep, beam, fine, branch, ahead_s
    cdef int filled[LEVELS + 1][STAGES + 1]
    cdef double best_value
    cdef double earliest, latest
    cdef uint64_t following
    cdef bint bound
    cdef State best
    cdef public int expanded

    def __cinit__(self):
        self.pool = NULL
        self.connection_group = NULL
        self.connection_exit = NULL
        self.connection_speed = NULL

    def __dealloc__(self):
        free(self.pool)
        free(self.connection_group)
        free(self.connection_exit)
        free(self.connection_speed)

    def __init__(self, uint64_t[::1] conflicts, uint64_t[::1] yields, double[::1] min_green, double[:, ::1] intergreen,
                 uint64_t[::1] stages,
                 uint64_t proceed,
                 double[::1] lane_speed, double[::1] lane_length,
                 int[::1] connection_group, int[::1] connection_exit, double[::1] connection_speed, int exits,
                 double[::1] laws, int horizon, int beam, int keep, int fine, int branch, int ahead_s):
        cdef int i, j
        self.groups = conflicts.shape[0]
        self.lanes = lane_speed.shape[0]
        self.exits = exits
        self.stages = stages.shape[0]
        self.connections = connection_group.shape[0]
        self.horizon, self.beam, self.keep, self.fine = horizon, beam, keep, fine
        self.branch, self.ahead_s = branch, ahead_s
        self.proceed = proceed
        for i in range(self.groups):
            self.conflicts[i] = conflicts[i]
            self.yields[i] = yields[i]
            self.min_green[i] = min_green[i]
            for j in range(self.groups):
                self.intergreen[i][j] = intergreen[i, j]
        for i in range(self.stages):
            self.stage[i] = stages[i]
        for i in range(self.lanes):
            self.lane_speed[i] = lane_speed[i]
            self.lane_length[i] = lane_length[i]
        self.connection_group = <int*>malloc(self.connections * sizeof(int))
        self.connection_exit = <int*>malloc(self.connections * sizeof(int))
        self.connection_speed = <double*>malloc(self.connections * sizeof(double))
        for i in range(self.connections):
            self.connection_group[i] = connection_group[i]
            self.connection_exit[i] = connection_exit[i]
            self.connection_speed[i] = connection_speed[i]
        cdef double* raw = <double*>&self.laws
        for i in range(laws.shape[0]):
            raw[i] = laws[i]
        self.pool = <State*>malloc(<size_t>(2 + (horizon + 1) * (self.stages + 1) * keep) * sizeof(State))
        if self.pool == NULL:
            raise MemoryError

    def plan(self, int[::1] lane_first, int[::1] connection, int[::1] ahead, double[::1] arrival, double[::1] length, double[::1] weight,
             double[::1] metres,
             double[::1] opens, double[::1] closes, uint64_t wanted, double[::1] room, double[::1] refill, double earliest, double latest,
             uint64_t following, bint bound,
             uint64_t[::1] out_stages, double[::1] out_start, double[::1] out_departures):
        cdef int i, lane, count
        cdef State* root = self.pool
        for lane in range(self.lanes + 1):
            self.first[lane] = lane_first[lane]
        self.weights[0] = 0
        self.moments[0] = 0
        self.reach_m[0] = 0
        for lane in range(self.lanes):
            for i in range(self.first[lane], self.first[lane + 1]):
                self.connection[i] = connection[i]
                self.ahead[i] = ahead[i]
                self.row[i] = lane
                self.arrival[i] = arrival[i] if i == self.first[lane] else fmax(arrival[i], self.arrival[i - 1])
                self.space[i] = length[i] + self.laws.gap_m
                self.weight[i] = weight[i]
        for i in range(self.first[self.lanes]):
            self.reach_m[i + 1] = self.reach_m[i] + self.space[i]
            self.weights[i + 1] = self.weights[i] + self.weight[i]
            self.moments[i + 1] = self.moments[i] + self.weight[i] * self.arrival[i]
        for lane in range(self.lanes):
            i = self.first[lane]
            for count in range(self.horizon + 2):
                while i < self.first[lane + 1] and self.arrival[i] <= count:
                    i += 1
                self.arrived[lane][count] = i
        for i in range(self.exits):
            root.room[i] = room[i]
            self.refill[i] = refill[i]
        root.cost = 0
        root.wanted = wanted
        root.stage = self.stages
        root.parent = -1
        root.time = 0
        root.started = 0
        root.held = 1
        self.earliest, self.latest, self.following, self.bound = earliest, latest, following, bound
        for i in range(self.stages):
            if self.stage[i] == wanted:
                root.stage = i
        for i in range(self.groups):
            root.opens[i] = opens[i]
            root.closes[i] = closes[i]
        for lane in range(self.lanes):
            root.last[lane] = -10
            root.metres[lane] = metres[lane]
            root.next[lane] = self.first[lane]
            root.last_group[lane] = -1
        with nogil:
            self.search()
        count = self.trace(out_stages, out_start)
        self.replay(out_stages, out_start, count, out_departures)
        return count, self.best_value

    cdef State* slot(self, int time, int stage, int k) noexcept nogil:
        return self.pool + 2 + (time * (self.stages + 1) + stage) * self.keep + k

    cdef void search(self) noexcept nogil:
        cdef int time, i, j, n, k, worst
        cdef State* state
        cdef int order[(STAGES + 1) * 64]
        for i in range(self.horizon + 1):
            for j in range(self.stages + 1):
                self.filled[i][j] = 0
        self.best_value = INFINITY
        memcpy(&self.best, self.pool, sizeof(State))
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
            memcpy(child, state, sizeof(State))
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
            memcpy(child, state, sizeof(State))
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
                memcpy(&self.best, child, sizeof(State))
            return
        self.advance(child, time, until, NULL)
        child.time = until
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
        memcpy(self.slot(until, child.stage, worst), child, sizeof(State))

    cdef int trace(self, uint64_t[::1] stages, double[::1] start):
        """The stages of the best sequence and when each begins, the present one first."""
        cdef State* state = &self.best
        cdef int count = 0
        cdef list path = []
        while True:
            path.append((state.started, state.wanted))
            if state.parent < 0:
                break
            state = self.pool + state.parent
        path.reverse()
        for begins, wanted in path:
            if count and stages[count - 1] == wanted:
                continue
            if count == stages.shape[0]:
                break
            stages[count] = wanted
            start[count] = begins
            count += 1
        return count

    cdef void replay(self, uint64_t[::1] stages, double[::1] start, int count, double[::1] departures):
        """Departures under the best sequence."""
        cdef State* state = self.pool + 1
        cdef int k, j, now = 0
        memcpy(state, self.pool, sizeof(State))
        for k in range(departures.shape[0]):
            departures[k] = -1
        if departures.shape[0] == 0:
            return
        for k in range(1, count):
            self.advance(state, now, <int>start[k], &departures[0])
            now = <int>start[k]
            for j in range(self.stages):
                if self.stage[j] == stages[k]:
                    self.turn(state, j, now)
        self.advance(state, now, self.horizon, &departures[0])
