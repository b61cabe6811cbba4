cdef class Queues:
    """The roll-out."""

    cdef Laws laws
    cdef int groups, lanes, exits, stages, horizon
    cdef uint64_t conflicts[GROUPS]
    cdef uint64_t yields[GROUPS]
    cdef double min_green[GROUPS]
    cdef double intergreen[GROUPS][GROUPS]
    cdef uint64_t stage[STAGES]
    cdef uint64_t proceed
    cdef double lane_speed[LANES]
    cdef double lane_length[LANES]
    cdef int lane_exit[LANES]
    cdef int[::1] connection_group
    cdef int[::1] connection_exit
    cdef double[::1] connection_speed
    # the table of arrivals
    cdef int first[LANES + 1]
    cdef int connection[VEHICLES]
    cdef double arrival[VEHICLES]
    cdef int ahead[VEHICLES]  # who stands before it in the same lane upstream, bound for another; -1: nobody
    cdef int row[VEHICLES]  # of the lane it is bound for
    cdef double reach_m[VEHICLES + 1]
    cdef double space[VEHICLES]
    cdef double weight[VEHICLES]
    cdef double refill[EXITS]
    cdef int arrived[LANES][LEVELS + 2]
    cdef double weights[VEHICLES + 1]
    cdef double moments[VEHICLES + 1]

    cdef read_crossing(self, crossing):
        cdef int i, j
        cdef const uint64_t[::1] conflicts = crossing.conflicts, yields = crossing.yields, stages = crossing.stages
        cdef const double[::1] min_green = crossing.min_green_s, speed = crossing.lane_speed_mps, length = crossing.lane_length_m
        cdef const double[:, ::1] intergreen = crossing.intergreen_s
        cdef const int[::1] lane_exit = crossing.lane_exit
        self.groups, self.lanes, self.exits, self.stages = conflicts.shape[0], speed.shape[0], crossing.exits, stages.shape[0]
        if self.groups > GROUPS or self.lanes > LANES or self.exits > EXITS or self.stages > STAGES:
            raise ValueError("a crossing too large")
        self.proceed = crossing.proceed
        for i in range(self.groups):
            self.conflicts[i], self.yields[i], self.min_green[i] = conflicts[i], yields[i], min_green[i]
            for j in range(self.groups):
                self.intergreen[i][j] = intergreen[i, j]
        for i in range(self.stages):
            self.stage[i] = stages[i]
        for i in range(self.lanes):
            self.lane_speed[i], self.lane_length[i], self.lane_exit[i] = speed[i], length[i], lane_exit[i]
        self.connection_group = np.array(crossing.connection_group, np.int32)
        self.connection_exit = np.array(crossing.connection_exit, np.int32)
        self.connection_speed = np.array(crossing.connection_speed_mps, np.float64)

    cdef read_situation(self, situation):
        """The vehicles, with running sums over them."""
        cdef int i, lane, time
        cdef const int[::1] first = situation.lane_first, connection = situation.connection, ahead = situation.ahead
        cdef const double[::1] arrival = situation.arrival_s, length = situation.length_m, weight = situation.weight
        self.first[0] = 0
        self.weights[0] = 0
        self.moments[0] = 0
        self.reach_m[0] = 0
        for lane in range(self.lanes):
            self.first[lane + 1] = first[lane + 1]
            for i in range(first[lane], first[lane + 1]):
                self.connection[i], self.ahead[i], self.row[i], self.weight[i] = connection[i], ahead[i], lane, weight[i]
                self.arrival[i] = arrival[i] if i == first[lane] else fmax(arrival[i], self.arrival[i - 1])
                self.space[i] = length[i] + self.laws.gap_m
                self.reach_m[i + 1] = self.reach_m[i] + self.space[i]
                self.weights[i + 1] = self.weights[i] + self.weight[i]
                self.moments[i + 1] = self.moments[i] + self.weight[i] * self.arrival[i]
            i = first[lane]
            for time in range(self.horizon + 1):
                while i < first[lane + 1] and self.arrival[i] <= time:
                    i += 1
                self.arrived[lane][time] = i

    cdef root(self, State* state, situation):
        """Where the search begins."""
        cdef int i
        cdef const double[::1] opens = situation.opens_s, closes = situation.closes_s, rolled = situation.rolled_m
        cdef const double[::1] room = situation.room_m, drain = situation.drain_mps
        state.cost = state.value = 0
        state.wanted = situation.wanted
        state.stage = self.stages
        state.parent = -1
        state.started = 0
        state.held = 1
        for i in range(self.stages):
            if self.stage[i] == state.wanted:
                state.stage = i
                break
        for i in range(self.groups):
            state.opens[i], state.closes[i] = opens[i], closes[i]
        for i in range(self.lanes):
            state.last[i], state.metres[i], state.next[i], state.last_group[i] = -10, rolled[i], self.first[i], -1
        for i in range(self.exits):
            state.room[i], self.refill[i] = room[i], drain[i]

    cdef void copy(self, State* to, const State* source) noexcept nogil:
        """As much of it as this crossing uses."""
        memcpy(to, source, <char*>&source.opens - <char*>source)
        memcpy(to.opens, source.opens, self.groups * sizeof(double))
        memcpy(to.closes, source.closes, self.groups * sizeof(double))
        memcpy(to.last, source.last, self.lanes * sizeof(double))
        memcpy(to.metres, source.metres, self.lanes * sizeof(double))
        memcpy(to.next, source.next, self.lanes * sizeof(int))
        memcpy(to.last_group, source.last_group, self.lanes * sizeof(int))
        memcpy(to.room, source.room, self.exits * sizeof(double))

    cdef int turn(self, State* state, int stage, int time) noexcept nogil:
        """Change the target; returns when everything new has been green for its minimum."""
        cdef uint64_t target = self.stage[stage]
        cdef uint64_t fresh = 0
        cdef int g, i, until = time
        cdef double at
        for g in range(self.groups):
            if (state.opens[g] < INFINITY) and not target >> g & 1:
                if state.opens[g] <= time:
                    state.closes[g] = time
                state.opens[g] = INFINITY
        for g in range(self.groups):
            if target >> g & 1 and state.opens[g] == INFINITY:
                at = time
                for i in range(self.groups):
                    if self.conflicts[g] >> i & 1 and state.closes[i] + self.intergreen[i][g] > at:
                        at = state.closes[i] + self.intergreen[i][g]
                state.opens[g] = at
                fresh |= <uint64_t>1 << g
                if at + self.min_green[g] >= self.horizon:
                    until = self.horizon
                elif at + self.min_green[g] > until:
                    until = <int>ceil(at + self.min_green[g] - 1e-9)
        for i in range(self.lanes):
            if state.next[i] < self.first[i + 1]:
                g = self.connection_group[self.connection[state.next[i]]]
                if g >= 0 and fresh >> g & 1:
                    state.metres[i] = 0
        state.wanted = target
        state.stage = stage
        state.started = time
        state.held = 0
        return until

    cdef double ready(self, State* state, int lane, int i, double* speed) noexcept nogil:
        """When vehicle i, the next of its lane, could cross; INFINITY while its lamp is closed. speed: with which."""
        cdef int c = self.connection[i]
        cdef int g = self.connection_group[c]
        cdef double free_mps = fmin(self.lane_speed[lane], self.connection_speed[c])
        cdef double mps = fmin(free_mps, sqrt(self.laws.first_mps * self.laws.first_mps + 2 * self.laws.acceleration * state.metres[lane]))
        cdef double at = self.arrival[i], opens, share
        cdef double chain = state.last[lane] + self.laws.tau_s + (self.space[i - 1] if i > self.first[lane] else 7.0) / mps
        speed[0] = free_mps if at >= chain else mps
        if chain > at:
            at = chain
        if g < 0:
            return at
        opens = state.opens[g]
        if opens == INFINITY:
            if at <= state.closes[g] + self.laws.yellow_s:
                return at
            if self.proceed >> g & 1:
                speed[0] = fmin(free_mps, 3.0)
                return fmax(at, state.closes[g]) + self.laws.turn_stop_s
            return INFINITY
        if state.metres[lane] == 0:  # the first of a queue, or it arrives about when the lamp opens
            share = (opens - (self.arrival[i] - self.laws.lead_s)) / (self.laws.lead_s + 1.5)
            if share > 0:
                share = fmin(share, 1.0)
                speed[0] = fmin(speed[0], free_mps + share * (self.laws.first_mps - free_mps))
                at = fmax(at, fmin(at + share, opens + self.laws.lost_s))
        if at < opens + self.laws.lost_s and self.arrival[i] < opens + self.laws.lost_s:
            at = opens + self.laws.lost_s
        return at

    cdef bint hemmed(self, State* state, int i) noexcept nogil:
        """Somebody bound for another lane stands before it and has not yet found room in his own."""
        cdef int k = self.ahead[i], lane, step
        for step in range(CHAIN):
            if k < 0:
                return False
            lane = self.row[k]
            if k >= state.next[lane] and self.reach_m[k + 1] - self.reach_m[state.next[lane]] > self.lane_length[lane]:
                return True
            k = self.ahead[k]
        return False

    cdef bint blocked(self, State* state, int lane, int g, double at) noexcept nogil:
        """Somebody to whom group g yields comes too close to `at`."""
        cdef uint64_t foes = self.yields[g]
        cdef int m, j, other
        cdef double when, speed
        if state.opens[g] == INFINITY:
            foes |= self.conflicts[g]
        if not foes:
            return False
        for m in range(self.lanes):
            if m == lane:
                continue
            other = state.last_group[m]
            if other >= 0 and foes >> other & 1 and state.last[m] > at - self.laws.gap_before_s:
                return True
            j = state.next[m]
            if j >= self.first[m + 1]:
                continue
            other = self.connection_group[self.connection[j]]
            if other < 0 or not foes >> other & 1:
                continue
            if state.opens[other] == INFINITY and state.closes[other] + self.laws.yellow_s < at:
                continue
            when = self.ready(state, m, j, &speed)
            if when < at + self.laws.gap_after_s:
                return True
        return False

    cdef int stirring(self, State* state, int time, int until, int* active) noexcept nogil:
        """The lanes where somebody may leave before `until`: lamps do not change on the way there."""
        cdef int lane, i, g, count = 0
        for lane in range(self.lanes):
            i = state.next[lane]
            if i == self.first[lane + 1] or self.arrival[i] >= until:
                continue
            g = self.connection_group[self.connection[i]]
            if g >= 0 and state.opens[g] == INFINITY and state.closes[g] + self.laws.yellow_s < time and not self.proceed >> g & 1:
                continue
            active[count] = lane
            count += 1
        return count

    cdef void advance(self, State* state, int time, int until, double* departures) noexcept nogil:
        """Let everybody go who can, second by second; those who yield after those to whom they yield."""
        cdef int active[LANES]
        cdef int wake[LANES]  # the second before which nobody can go
        cdef int count = self.stirring(state, time, until, active)
        cdef int s, k, e, second
        for k in range(count):
            wake[k] = time
        if count:
            for s in range(time, until):
                for e in range(self.exits):
                    state.room[e] += self.refill[e]
                for second in range(2):
                    for k in range(count):
                        if wake[k] <= s:
                            wake[k] = self.release(state, active[k], s, second, departures)
        else:
            for e in range(self.exits):
                state.room[e] += self.refill[e] * (until - time)

    cdef int release(self, State* state, int lane, int s, int second, double* departures) noexcept nogil:
        """Those of a lane who cross its stop line from s to s + 1. Returns the second in which to look again."""
        cdef int i = state.next[lane], c, g, e
        cdef double at, speed, free_mps, loss
        cdef bint yielding
        while i < self.first[lane + 1] and self.arrival[i] < s + 1:
            c = self.connection[i]
            g = self.connection_group[c]
            yielding = False
            if g >= 0:
                if state.opens[g] == INFINITY:
                    yielding = (self.proceed >> g & 1) and state.closes[g] + self.laws.yellow_s < s
                else:
                    yielding = (self.yields[g] & state.wanted) != 0
            if yielding != (second == 1):
                return s
            at = self.ready(state, lane, i, &speed)
            if at >= s + 1:
                return <int>at if at < LEVELS else LEVELS
            if at < s:
                at = s
            if yielding and self.blocked(state, lane, g, at):
                state.metres[lane] = 0
                return s + 1
            if self.ahead[i] >= 0 and self.hemmed(state, i):
                state.metres[lane] = 0
                state.last[lane] = s + 0.5
                return s + 1
            e = self.connection_exit[c]
            if state.room[e] < self.space[i]:
                state.metres[lane] = 0
                return s + 1
            state.room[e] -= self.space[i]
            if self.lane_exit[lane] >= 0:
                state.room[self.lane_exit[lane]] += self.space[i]
            free_mps = fmin(self.lane_speed[lane], self.connection_speed[c])
            loss = (free_mps - speed) * (free_mps - speed) / (2 * self.laws.acceleration * free_mps)
            state.cost += self.weight[i] * (at - self.arrival[i] + loss)
            if at - self.arrival[i] < 0.3 and state.metres[lane] < 100:
                state.metres[lane] = 100
            state.metres[lane] += self.space[i]
            state.last[lane] = at
            state.last_group[lane] = g
            if departures != NULL:
                departures[i] = at
            i += 1
            state.next[lane] = i
        if i == self.first[lane + 1] or self.arrival[i] >= LEVELS:
            return LEVELS
        return <int>self.arrival[i]

    cdef double outlook(self, State* state, int time, double closed_s) noexcept nogil:
        """What those who wait have waited, and the least that they still will."""
        cdef int lane, a, b, g
        cdef double total = 0, waiting, n
        for lane in range(self.lanes):
            a = state.next[lane]
            b = self.arrived[lane][time]
            if b <= a:
                continue
            n = b - a
            waiting = self.weights[b] - self.weights[a]
            total += waiting * time - (self.moments[b] - self.moments[a])
            total += waiting * (n - 1) * 0.5 * self.laws.headway_s
            g = self.connection_group[self.connection[a]]
            if g >= 0 and state.opens[g] == INFINITY:
                total += waiting * closed_s
            elif g >= 0 and state.opens[g] > time:
                total += waiting * (state.opens[g] - time)
        return total

    cdef void demand(self, State* state, int until, double* wanted) noexcept nogil:
        """(groups,) the weight of those who will be at the stop line by `until`."""
        cdef int lane, i, g
        for g in range(self.groups):
            wanted[g] = 0
        for lane in range(self.lanes):
            for i in range(state.next[lane], self.arrived[lane][until]):
                g = self.connection_group[self.connection[i]]
                if g >= 0:
                    wanted[g] += self.weight[i]
