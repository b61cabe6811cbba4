# What a detection says besides position: trust in its speed and heading, class, size, the sensors' offsets, the track's life.

cdef inline int compare_speed(const double* link, double east, double north, double sigma, double span,
                              double* reported, double* shown) noexcept nogil:
    """1 agrees, 0 contradicts."""
    cdef double moved = hypot(east - link[L_ANCHOR_EAST], north - link[L_ANCHOR_NORTH])
    reported[0] = link[L_TRAVELLED] / span
    shown[0] = moved / span
    cdef double allowed = max(4 * M_SQRT2 * sigma / span, max(1.5, 0.2 * max(fabs(reported[0]), shown[0])))
    return fabs(shown[0] - reported[0]) <= allowed


cdef inline int compare_heading(const double* link, double east, double north, double sigma, double* reported,
                                double* shown) noexcept nogil:
    """1 agrees, 0 contradicts, -1 cannot say."""
    cdef double d_east = east - link[L_ANCHOR_EAST], d_north = north - link[L_ANCHOR_NORTH], moved = hypot(d_east, d_north)
    if moved < max(6 * sigma, 2.0) or hypot(link[L_SIN], link[L_COS]) == 0:
        return -1
    reported[0] = atan2(link[L_SIN], link[L_COS])
    shown[0] = atan2(d_east, d_north)
    return fabs(wrapped(reported[0] - shown[0])) <= max(0.5, 4 * M_SQRT2 * sigma / moved)


cdef inline void judge(Table* t, int64_t row, int source, int64_t* trust, int quantity, int agrees, double reported,
                       double shown) noexcept nogil:
    cdef int64_t before = trust[0], after = TRUST_STEPS[2 * before + (1 if agrees else 0)]
    trust[0] = after
    if (after == FAULTY and before == DOUBTED) or (after == TRUSTED and before == RECOVERING):
        if t.event_count < t.event_capacity:
            event = t.events + EVENT_COLUMNS * t.event_count
            event[0] = t.marks[row * MARKS + M_ID]
            event[1] = source
            event[2] = t.link_marks[(row * t.sources + source) * LINK_MARKS + LM_LOCAL_ID]
            event[3] = quantity
            event[4] = after == TRUSTED
            event[5] = reported
            event[6] = shown
            t.event_count += 1


cdef void lean(Table* t, int64_t row, int i, double shown, double variance) noexcept nogil:
    """A contradicted speed or heading may have misled the track: where it did, let the displacement say."""
    cdef double* x = t.motion + 6 * row
    cdef double* p = t.covariance + 36 * row
    cdef double innovation = shown - x[i] if i == SPEED else wrapped(shown - x[i])
    if t.marks[row * MARKS + M_ORIENTED] == 0 or innovation * innovation < 4 * variance:
        return
    p[7 * i] += innovation * innovation
    correct(x, p, i, innovation, variance)
    x[HEADING] = compass(x[HEADING])


cdef void begin_window(double* link, int64_t* link_mark, const Seen* z, int64_t now) noexcept nogil:
    link[L_ANCHOR_EAST] = z.raw_east
    link[L_ANCHOR_NORTH] = z.raw_north
    link[L_TRAVELLED] = 0
    link[L_SIN] = 0 if isnan(z.heading) else sin(z.heading)
    link[L_COS] = 0 if isnan(z.heading) else cos(z.heading)
    link_mark[LM_ANCHOR_NS] = now


cdef void compare(Table* t, int64_t row, int source, const Seen* z, int64_t now) noexcept nogil:
    """Hold what the source reports against the displacement of its own positions over about half a second."""
    cdef double* link = t.links + (row * t.sources + source) * LINKS
    cdef int64_t* mark = t.link_marks + (row * t.sources + source) * LINK_MARKS
    cdef double reported = 0, shown = 0, sigma = min(z.position_sigma, 0.5)
    cdef double dt = (now - mark[LM_TIME]) * 1e-9, span
    cdef int agrees
    if isnan(z.raw_east):
        return
    if mark[LM_TIME] == 0 or dt > WINDOW_GAP_S or mark[LM_LOCAL_ID] != z.local_id:
        begin_window(link, mark, z, now)
        return
    if dt <= 0:
        return
    if not isnan(z.speed):
        link[L_TRAVELLED] += dt * (z.speed if isnan(link[L_SPEED]) else 0.5 * (z.speed + link[L_SPEED]))
    if not isnan(z.heading):
        link[L_SIN] += sin(z.heading)
        link[L_COS] += cos(z.heading)
    span = (now - mark[LM_ANCHOR_NS]) * 1e-9
    if span < (WINDOW_FIRST_S if mark[LM_SPEED_TRUST] == UNKNOWN else WINDOW_S):
        return
    if not isnan(z.speed):
        agrees = compare_speed(link, z.raw_east, z.raw_north, sigma, span, &reported, &shown)
        judge(t, row, source, &mark[LM_SPEED_TRUST], 0, agrees, reported, shown)
        if not agrees:
            lean(t, row, SPEED, shown, 0.25 + 2 * sigma * sigma / (span * span))
    agrees = compare_heading(link, z.raw_east, z.raw_north, sigma, &reported, &shown)
    if agrees >= 0:
        judge(t, row, source, &mark[LM_HEADING_TRUST], 1, agrees, compass(reported), compass(shown))
        if not agrees:
            lean(t, row, HEADING, shown, 0.02)
    begin_window(link, mark, z, now)


cdef void remember(Table* t, int64_t row, int source, const Seen* z, int64_t now, double off_east, double off_north) noexcept nogil:
    cdef double* link = t.links + (row * t.sources + source) * LINKS
    cdef int64_t* mark = t.link_marks + (row * t.sources + source) * LINK_MARKS
    if now < mark[LM_TIME]:
        return
    if mark[LM_TIME] == 0 or mark[LM_LOCAL_ID] != z.local_id:
        link[L_OFF_EAST] = link[L_OFF_NORTH] = 0
    link[L_OFF_EAST] += OFF_SMOOTHING * (off_east - link[L_OFF_EAST])
    link[L_OFF_NORTH] += OFF_SMOOTHING * (off_north - link[L_OFF_NORTH])
    compare(t, row, source, z, now)
    link[L_EAST] = z.east
    link[L_NORTH] = z.north
    link[L_SPEED] = z.speed
    link[L_HEADING] = z.heading
    mark[LM_TIME] = now
    mark[LM_LOCAL_ID] = z.local_id


cdef inline void offset_step(Table* t, int source, double h_east, double h_north, double h_yaw, double innovation, double total,
                             double* step) noexcept nogil:
    """Gain of one station's offset for one scalar, and its covariance after it."""
    cdef double* c = t.offset_covariance + 9 * source
    cdef double g[3]
    cdef int i, j
    for i in range(3):
        g[i] = c[3 * i] * h_east + c[3 * i + 1] * h_north + c[3 * i + 2] * h_yaw
        step[i] = g[i] / total * innovation
    for i in range(3):
        for j in range(3):
            c[3 * i + j] -= g[i] * g[j] / total


cdef inline double offset_variance(Table* t, int source, double h_east, double h_north, double h_yaw) noexcept nogil:
    cdef double* c = t.offset_covariance + 9 * source
    return (h_east * h_east * c[0] + h_north * h_north * c[4] + h_yaw * h_yaw * c[8]
            + 2 * (h_east * h_north * c[1] + h_east * h_yaw * c[2] + h_north * h_yaw * c[5]))


cdef void learn_pair(Table* t, int source, int other, double east, double north, double d_east, double d_north,
                     double variance) noexcept nogil:
    """Two stations saw one object d apart: each takes its share, their common part stays (the gauge is the stations' mean)."""
    cdef double step[3]
    cdef double step_other[3]
    cdef double h_e, h_n, h_y, total, innovation, common
    cdef int axis, i, s
    for axis in range(2):
        h_e, h_n, h_y = (1, 0, north) if axis == 0 else (0, 1, -east)
        innovation = d_east if axis == 0 else d_north
        total = variance + offset_variance(t, source, h_e, h_n, h_y) + offset_variance(t, other, h_e, h_n, h_y)
        if innovation * innovation > 9 * total:
            return
        offset_step(t, source, h_e, h_n, h_y, innovation, total, step)
        offset_step(t, other, h_e, h_n, h_y, -innovation, total, step_other)
        for i in range(3):
            t.offsets[3 * source + i] += step[i]
            t.offsets[3 * other + i] += step_other[i]
            common = (step[i] + step_other[i]) / max(1, t.stations)
            for s in range(1, t.stations + 1):
                t.offsets[3 * s + i] -= common
        d_east -= step[0] + north * step[2] - step_other[0] - north * step_other[2]
        d_north -= step[1] - east * step[2] - step_other[1] + east * step_other[2]


cdef void learn_offsets(Table* t, int64_t row, int source, const Seen* z, int64_t now) noexcept nogil:
    """Compare with the newest other station that saw this track within the last moments."""
    cdef double* x = t.motion + 6 * row
    cdef int64_t newest = 0, when
    cdef int s, other = 0
    cdef double dt, variance
    for s in range(1, t.stations + 1):
        when = t.link_marks[(row * t.sources + s) * LINK_MARKS + LM_TIME]
        if s != source and when > newest and llabs(now - when) <= PAIR_NS:
            newest = when
            other = s
    if other == 0 or t.marks[row * MARKS + M_CONFIRMED] == 0 or t.marks[row * MARKS + M_ORIENTED] == 0:
        return
    dt = (now - newest) * 1e-9
    variance = 2 * z.position_sigma * z.position_sigma + 0.01 + x[SPEED] * x[SPEED] * 1e-4
    cdef double* link = t.links + (row * t.sources + other) * LINKS
    learn_pair(t, source, other, z.east, z.north,
               z.east - link[L_EAST] - x[SPEED] * sin(x[HEADING]) * dt,
               z.north - link[L_NORTH] - x[SPEED] * cos(x[HEADING]) * dt, variance)


cdef void shift_all(Table* t, double h_east, double h_north, double h_yaw, double innovation, double variance) noexcept nogil:
    """Move all stations together by what one scalar says of their common part, whose covariance is slot 0's."""
    cdef double step[3]
    cdef double total = variance + offset_variance(t, 0, h_east, h_north, h_yaw)
    cdef int s, i
    offset_step(t, 0, h_east, h_north, h_yaw, innovation, total, step)
    for s in range(1, t.stations + 1):
        for i in range(3):
            t.offsets[3 * s + i] += step[i]


cdef void learn_common(Table* t, double east, double north, double d_east, double d_north, double sigma) noexcept nogil:
    """A vehicle's fix d beside its roadside track: over many vehicles their errors cancel."""
    cdef double variance = sigma * sigma * OWN_CORRELATED_SAMPLES
    if hypot(d_east, d_north) < 4 * sigma:
        shift_all(t, 1, 0, north, -d_east, variance)
        shift_all(t, 0, 1, -east, -d_north, variance)


cdef void learn_common_yaw(Table* t, int64_t row, const Seen* z, int64_t now) noexcept nogil:
    """A moving vehicle knows its heading better than a mast its azimuth: the reported headings' difference is the stations' yaw."""
    cdef int64_t* mark = t.link_marks + row * t.sources * LINK_MARKS
    cdef double* link = t.links + row * t.sources * LINKS
    cdef double* x = t.motion + 6 * row
    cdef double turn
    if isnan(z.heading) or isnan(link[L_HEADING]) or mark[LM_HEADING_TRUST] != TRUSTED:
        return
    if x[SPEED] < 3 or llabs(now - mark[LM_TIME]) > BESIDE_NS:
        return
    turn = wrapped(z.heading - link[L_HEADING] - x[YAW] * (now - mark[LM_TIME]) * 1e-9)
    if fabs(turn) < 4 * z.heading_sigma:
        shift_all(t, 0, 0, 1, turn, (z.heading_sigma * z.heading_sigma + 0.0004) * HEADING_CORRELATED_SAMPLES)


cdef void vote(double* numbers, int64_t* marks, const Seen* z) noexcept nogil:
    cdef double weight = 0.05 if z.kind == 0 else (1.0 if isnan(z.existence) else 0.2 + 0.8 * z.existence)
    cdef int k, best = 0
    for k in range(CLASSES):
        numbers[N_VOTES + k] *= VOTE_MEMORY
    numbers[N_VOTES + z.kind] += weight
    for k in range(1, CLASSES):
        if numbers[N_VOTES + k] > numbers[N_VOTES + best]:
            best = k
    marks[M_CLASS] = best


cdef void measure_size(double* numbers, const Seen* z) noexcept nogil:
    """Running means; one wild size moves them by a third of themselves at most."""
    cdef double weight, share, step
    if isnan(z.length) or isnan(z.width):
        return
    weight = min(numbers[N_SIZE_WEIGHT] + 1, 50.0)
    share = 1 / weight
    if numbers[N_SIZE_WEIGHT] == 0:
        numbers[N_LENGTH] = z.length
        numbers[N_WIDTH] = z.width
    step = 0.33 * numbers[N_LENGTH]
    numbers[N_LENGTH] += share * min(max(z.length - numbers[N_LENGTH], -step), step)
    step = 0.33 * numbers[N_WIDTH]
    numbers[N_WIDTH] += share * min(max(z.width - numbers[N_WIDTH], -step), step)
    numbers[N_SIZE_WEIGHT] = weight


cdef inline int64_t* exit_cell(Table* t, double east, double north) noexcept nogil:
    cdef int i = <int> min(max(floor(east / EXIT_CELL_M) + EXIT_CELLS // 2, 0.0), EXIT_CELLS - 1.0)
    cdef int j = <int> min(max(floor(north / EXIT_CELL_M) + EXIT_CELLS // 2, 0.0), EXIT_CELLS - 1.0)
    return t.exits + 2 * (i * EXIT_CELLS + j)


cdef inline double chance_of_return(Table* t, double east, double north) noexcept nogil:
    """Of a track lost here: as before at this place, and where that is unknown as before anywhere (kept in cell 0)."""
    cdef int64_t* cell = exit_cell(t, east, north)
    cdef double anywhere = (t.exits[1] + 4.0) / (t.exits[0] + t.exits[1] + 4.0)
    return (cell[1] + anywhere) / (cell[0] + cell[1] + 1.0)


cdef void live(Table* t, int64_t row, int source, int64_t now, double existence) noexcept nogil:
    """Count the hit, confirm, and say until when silence is borne: long only for what was well known, where lost ones come back."""
    cdef int64_t* m = t.marks + row * MARKS
    cdef double* n = t.numbers + row * NUMBERS
    cdef double* x = t.motion + 6 * row
    cdef double age, limit, back
    if m[M_CONFIRMED] and now - m[M_HIT_NS] > LOST_NS:
        exit_cell(t, n[N_HIT_EAST], n[N_HIT_NORTH])[1] += 1
        t.exits[1] += 1
    m[M_HITS] += 1
    m[M_UPDATED] = 1
    m[M_SOURCES] |= (<int64_t> 1) << min(source, 62)
    if m[M_CONFIRMED] == 0:
        n[N_BELIEF] += 1.0 if source == 0 else 0.8 if isnan(existence) else existence
        m[M_CONFIRMED] = m[M_HITS] >= 3 and n[N_BELIEF] >= 2.0 or (
            m[M_HITS] >= 2 and n[N_BELIEF] >= 1.2 and (source == 0 or m[M_SOURCES] & (m[M_SOURCES] - 1) != 0))
        t.confirmed += m[M_CONFIRMED]
    if now < m[M_HIT_NS]:
        return
    m[M_HIT_NS] = now
    n[N_HIT_EAST] = x[EAST]
    n[N_HIT_NORTH] = x[NORTH]
    age = (now - m[M_BORN_NS]) * 1e-9
    limit = COAST_S if fabs(x[SPEED]) > 0.5 else COAST_STANDING_S
    if not m[M_CONFIRMED]:
        limit = COAST_LEAST_S
    m[M_END_NS] = now + <int64_t> (1e9 * (limit + (FOUND_S if m[M_CONFIRMED] else 0)))
    limit = min(COAST_LEAST_S + 0.5 * age, limit)
    back = chance_of_return(t, x[EAST], x[NORTH])
    m[M_SHOW_NS] = now + <int64_t> (1e9 * min(limit, SHOWN_LEAST_S + (limit - SHOWN_LEAST_S) * back * back))
