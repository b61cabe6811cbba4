# One epoch: all samples of one moment; then who leads the bank, and what can be believed.

cdef void epoch(Bank* b, const Sample* s, int count, const Config* c, Shared* shared, bint learn) noexcept nogil:
    cdef Sample[RING] aligned
    if shared.sources > 1 and has_other_source(s, count):
        align(s, count, aligned, shared)
        s = aligned
    filter_epoch(b, s, count, c, shared, learn)


cdef void filter_epoch(Bank* b, const Sample* s, int count, const Config* c, Shared* shared, bint learn) noexcept nogil:
    cdef Work w
    cdef int i
    cdef double wheel, yaw_dt, keep
    if b.mode == EMPTY:
        i = first_place(s, count)
        if i < 0:
            return
        start(b, &w, s + i, c)
    w.dt = (s.measured_ns - b.time_ns) * 1e-9
    w.t = (s.measured_ns - b.born_ns) * 1e-9
    w.exploring = b.mode == EXPLORING
    read_controls(b, &w, s, count, c, &wheel, &yaw_dt)
    travel(b, &w, c, wheel, yaw_dt)
    if b.mode == RUNNING and (b.f[MAIN].p[3] > HEADING_LOST or major(&b.f[MAIN]) > PLACE_LOST_M) and first_place(s, count) >= 0:
        start(b, &w, s + first_place(s, count), c)
    if b.mode == RUNNING and w.dt > 0:
        keep = exp(-w.dt / 10.0)
        for i in range(FILTERS):
            b.f[i].score *= keep
    for i in range(count):
        if s[i].kind == FIX:
            if s[i].detail >> 16 == SINGLE:
                take_single(b, &w, s + i, s[i].detail >> 8 & 255, c)
                continue
            if s[i].detail & 255:
                if learn:
                    learn_alignment(b, &w, s + i, shared)
                b.other_s = w.t
            take_rtk(b, &w, s + i, s[i].detail >> 16, s[i].detail >> 8 & 255, c)
        elif s[i].kind == VELOCITY:
            take_velocity(b, &w, s + i, c)
        elif s[i].kind == HEADING or s[i].kind == LANE:
            take_heading_or_lane(b, &w, s + i)
        elif s[i].kind == RANGE:
            take_range(b, &w, s + i, c, shared, learn)
        elif s[i].kind == TDOA:
            take_difference(b, &w, s + i, c, shared)
        elif s[i].kind == ANGLE_OF_ARRIVAL:
            take_bearing(b, &w, s + i, shared)
        elif s[i].kind == ROADSIDE_DETECTION:
            take_seen(b, &w, s + i, c)
    if b.mode == EXPLORING:
        choose_heading(b)
    else:
        judge_challenger(b, &w)
    b.time_ns = s.measured_ns


cdef int first_place(const Sample* s, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        if s[i].kind == FIX or s[i].kind == ROADSIDE_DETECTION:
            return i
    return -1


cdef int likeliest(const Filter* f) noexcept nogil:
    cdef int i, best = 0
    for i in range(1, FILTERS):
        if f[i].score > f[best].score:
            best = i
    return best


cdef void choose_heading(Bank* b) noexcept nogil:
    # one hypothesis is left when every other one is either unlikely or the same
    cdef int i
    cdef const Filter* best = &b.f[likeliest(b.f)]
    cdef Filter merged
    if best.p[3] > HEADING_KNOWN:
        return
    for i in range(FILTERS):
        if b.f[i].score > best.score - HEADING_LEAD and fabs(turned(b.f[i].x[3] - best.x[3])) > 0.2:
            return
    merge(b.f, &merged)
    for i in range(FILTERS):
        b.f[i] = merged
    b.f[FIXLESS].p[0] += 4
    b.f[FIXLESS].p[1] += 4
    b.f[RTKLESS].p[0] += 9
    b.f[RTKLESS].p[1] += 9
    b.mode = RUNNING
    b.alive = 1 << MAIN | 1 << FIXLESS | 1 << RTKLESS


cdef void merge(const Filter* f, Filter* merged) noexcept nogil:
    # one normal with the mean and the covariance of them all (Bar-Shalom 2001 eq. 1.4.16-9)
    cdef int i, m, n, best = likeliest(f)
    cdef double total = 0, weight
    cdef double[FILTERS][STATES] away
    cdef double[STATES] mean
    memset(mean, 0, sizeof(mean))
    merged[0] = f[best]
    merged.score = 0
    memset(merged.p, 0, PACKED * sizeof(double))
    for i in range(FILTERS):
        total += exp(f[i].score - f[best].score)
    for i in range(FILTERS):
        weight = exp(f[i].score - f[best].score) / total
        for m in range(STATES):
            away[i][m] = f[i].x[m] - f[best].x[m]
        away[i][3] = turned(away[i][3])
        for m in range(STATES):
            mean[m] += weight * away[i][m]
    for i in range(FILTERS):
        weight = exp(f[i].score - f[best].score) / total
        for m in range(STATES):
            for n in range(m + 1):
                merged.p[AT[m][n]] += weight * (f[i].p[AT[m][n]] + (away[i][m] - mean[m]) * (away[i][n] - mean[n]))
    for m in range(STATES):
        merged.x[m] += mean[m]


cdef void judge_challenger(Bank* b, Work* w) noexcept nogil:
    cdef Filter spare
    cdef Filter* main = &b.f[MAIN]
    cdef Filter* rival = &b.f[CHALLENGER]
    if not (b.alive >> CHALLENGER) & 1:
        return
    if w.t - b.swap_s < MEMORY_S:
        rival.score = fmax(rival.score, HOPELESS)
    if rival.score < HOPELESS:
        b.alive &= ~(1 << CHALLENGER)
    elif rival.score > fmax(main.score, 0) + b.margin:
        spare = main[0]
        main[0] = rival[0]
        rival[0] = spare
        rival.score = 0
        # who comes back has seen the other one fail
        b.swap_s = w.t if w.t - b.swap_s >= MEMORY_S and major(rival) < UNSURE_M else NEVER_S
        b.refused_since_s[RTK_FIX] = NEVER_S
        b.margin = LEAST_MARGIN
    elif length(main.x[0] - rival.x[0], main.x[1] - rival.x[1]) < 0.2:
        b.alive &= ~(1 << CHALLENGER)


cdef double separation(const Filter* one, const Filter* other) noexcept nogil:
    return length(one.x[0] - other.x[0], one.x[1] - other.x[1])


cdef double floor_of(const Bank* b, const Config* c, double t) noexcept nogil:
    return c.unmodelled_m * (0.6 if t - b.seen_s[RANGE] < RECENT_S else 1.0)


cdef double protection(const Bank* b, const Filter* shown, double t, const Config* c) noexcept nogil:
    # K sigma against the separation from each filter that does without one source (Blanch 2015, solution separation)
    cdef double sigma = major(shown), level = c.k_sigma * length(sigma, floor_of(b, c, t)), apart
    cdef int i
    for i in range(FIXLESS, CHALLENGER):
        if (b.alive >> i) & 1:
            apart = separation(&b.f[i], &b.f[MAIN])
            level = fmax(level, apart * fmin(fmax(apart / major(&b.f[i]) - 3, 0), 1))
    if (b.alive >> CHALLENGER) & 1 and (b.f[CHALLENGER].score > 0.5 or t - b.swap_s < MEMORY_S):
        level = fmax(level, separation(&b.f[CHALLENGER], &b.f[MAIN]) + c.k_sigma * fmax(sigma, major(&b.f[CHALLENGER])))
    return level


cdef double protection_of_all(const Bank* b, const Filter* hypotheses, const Filter* shown, double t, const Config* c) noexcept nogil:
    # while the heading is sought: wherever any likely hypothesis may be
    cdef double level = c.k_sigma * length(major(shown), floor_of(b, c, t)), least = hypotheses[likeliest(hypotheses)].score - HEADING_LEAD
    cdef int i
    for i in range(FILTERS):
        if hypotheses[i].score > least:
            level = fmax(level, separation(&hypotheses[i], shown) + c.k_sigma * major(&hypotheses[i]))
    return level


cdef bint alarmed(const Bank* b, double level, double t, const Config* c) noexcept nogil:
    # a level too wide to be of use, or two sources that no law reconciles
    return level > c.alert_level_m or t - b.contradicted_s < ALERT_S
