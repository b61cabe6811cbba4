# One detection into one track, and one frame into all tracks.

cdef inline double known(double value, double low, double high) noexcept nogil:
    """NaN for what cannot be."""
    return value if low <= value <= high else NAN


cdef void read(const double* row, const double* enu, const double* offset, const double* profiles, Seen* z) noexcept nogil:
    """Take the station's offset (clockwise yaw about the origin, then a shift) off; defaults for what is not said."""
    cdef const double* profile
    z.kind = <int> row[14] if 0 <= row[14] < CLASSES else 0
    z.local_id = <int64_t> row[13] if 0 <= row[13] <= LAST_LOCAL_ID else 0
    profile = profiles + z.kind * PROFILE_COLUMNS
    z.east = enu[0] - offset[0] - enu[1] * offset[2]
    z.north = enu[1] - offset[1] + enu[0] * offset[2]
    z.raw_east = z.east
    z.raw_north = z.north
    z.speed = known(row[2], -30, 150)
    z.heading = known(row[3], -100, 100)
    if not isnan(z.heading):
        z.heading = compass(z.heading - offset[2])
    z.acceleration = known(row[4], -20, 20)
    z.yaw_rate = known(row[5], -6, 6)
    z.length = known(row[6], 0.05, 60)
    z.width = known(row[7], 0.05, 10)
    z.position_sigma = known(row[9], 0, 100)
    z.position_sigma = z.raw_sigma = profile[POSITION_SIGMA] if isnan(z.position_sigma) else max(z.position_sigma, 0.03)
    z.speed_sigma = known(row[10], 0, 100)
    z.speed_sigma = profile[SPEED_SIGMA] if isnan(z.speed_sigma) else max(z.speed_sigma, 0.02)
    z.heading_sigma = known(row[11], 0, 7)
    z.heading_sigma = profile[HEADING_SIGMA] if isnan(z.heading_sigma) else max(z.heading_sigma, 0.002)
    z.existence = known(row[12], 0, 1)


cdef inline double first_speed_sigma(const double* profile) noexcept nogil:
    """A speed that no displacement has confirmed yet may be frozen or wrong."""
    return 0.7 if profile[KIND] >= 3 else 2.5


cdef inline double usable_speed_sigma(const Seen* z, int64_t trust, const double* profile) noexcept nogil:
    """NaN: not to be used."""
    if isnan(z.speed) or trust >= DOUBTED:
        return NAN
    return z.speed_sigma if trust == TRUSTED else max(z.speed_sigma, first_speed_sigma(profile))


cdef inline double usable_heading_sigma(const Seen* z, int64_t trust, double speed) noexcept nogil:
    """A heading at walking pace says less than it claims."""
    if isnan(z.heading) or trust >= DOUBTED:
        return NAN
    return hypot(z.heading_sigma, 0.1 / (0.3 + fabs(speed)))


cdef void open_surprise(double* p, int i, double innovation, double variance, double* surprises) noexcept nogil:
    """Twice running the same way beyond 3 sigma: the object did change; let the covariance admit it."""
    cdef double sign = 1.0 if innovation > 0 else -1.0
    if innovation * innovation <= 9 * (p[7 * i] + variance):
        surprises[0] = 0
        return
    surprises[0] = surprises[0] + sign if surprises[0] * sign > 0 else sign
    if fabs(surprises[0]) >= 2:
        p[7 * i] += innovation * innovation


cdef inline double bounded(double innovation, double own, double variance) noexcept nogil:
    """Variance under which the innovation is at most 3 sigma: a wild value pulls the less the wilder it is."""
    return max(variance, innovation * innovation / 9 - own)


cdef void correct_position(double* x, double* p, const Seen* z, double variance, double alone) noexcept nogil:
    cdef double d_east = z.east - x[EAST], d_north = z.north - x[NORTH], jump
    p[0] += alone * alone
    p[7] += alone * alone
    jump = d_east * d_east + d_north * d_north
    if jump > GATE * (0.5 * (p[0] + p[7]) + variance):  # continuity vouches for it: the object is there now
        p[0] += jump
        p[7] += jump
    correct(x, p, EAST, z.east - x[EAST], variance)
    correct(x, p, NORTH, z.north - x[NORTH], variance)


cdef void correct_rates(double* x, double* p, const Seen* z, double speed_sigma, double heading_sigma, double late, double* numbers,
                        const double* profile) noexcept nogil:
    cdef double innovation, variance
    if not isnan(speed_sigma):
        innovation = z.speed - x[SPEED]
        variance = speed_sigma * speed_sigma + late * late * profile[ACCELERATION_SIGMA] * profile[ACCELERATION_SIGMA]
        open_surprise(p, SPEED, innovation, variance, &numbers[N_SPEED_SURPRISES])
        correct(x, p, SPEED, innovation, bounded(innovation, p[14], variance))
    if not isnan(heading_sigma):
        innovation = wrapped(z.heading - x[HEADING])
        variance = heading_sigma * heading_sigma + late * late * profile[YAW_SIGMA] * profile[YAW_SIGMA]
        open_surprise(p, HEADING, innovation, variance, &numbers[N_HEADING_SURPRISES])
        correct(x, p, HEADING, innovation, bounded(innovation, p[21], variance))
    if not isnan(z.acceleration):
        innovation = z.acceleration - x[ACCELERATION]
        correct(x, p, ACCELERATION, innovation, bounded(innovation, p[35], 0.25))
    if not isnan(z.yaw_rate):
        innovation = z.yaw_rate - x[YAW]
        correct(x, p, YAW, innovation, bounded(innovation, p[28], 0.0025))


cdef void tame(double* x, double* p, const double* profile) noexcept nogil:
    """Within what the class can do; a clear reverse is turned round, the same motion seen from the other end."""
    cdef int j
    x[YAW] = min(max(x[YAW], -2.5), 2.5)
    x[ACCELERATION] = min(max(x[ACCELERATION], -12.0), 8.0)
    x[SPEED] = min(max(x[SPEED], -10.0), profile[TOP_SPEED] + 10)
    if x[SPEED] < -1.5:
        x[SPEED] = -x[SPEED]
        x[ACCELERATION] = -x[ACCELERATION]
        x[HEADING] += M_PI
        for j in range(6):
            if j != SPEED and j != ACCELERATION:
                p[12 + j] = p[6 * j + 2] = -p[12 + j]
                p[30 + j] = p[6 * j + 5] = -p[30 + j]
    x[HEADING] = compass(x[HEADING])


cdef void orient(Table* t, int64_t row, const Seen* z, int64_t now, double* x, double* p) noexcept nogil:
    """Give a heading to a track that has none: the reported one, else the direction of a clear displacement."""
    cdef int64_t* m = t.marks + row * MARKS
    cdef double* n = t.numbers + row * NUMBERS
    cdef double d_east = z.east - n[N_ANCHOR_EAST], d_north = z.north - n[N_ANCHOR_NORTH], gone = hypot(d_east, d_north)
    cdef double dt = (now - m[M_ANCHOR_NS]) * 1e-9, sigma
    if not isnan(z.heading):
        x[HEADING] = z.heading
        x[SPEED] = 0 if isnan(z.speed) else z.speed
        sigma = 8.0 if isnan(z.speed) else max(z.speed_sigma, 2.5)
        begin_rates(p, sigma * sigma, z.heading_sigma * z.heading_sigma, t.profiles + m[M_CLASS] * PROFILE_COLUMNS)
        m[M_ORIENTED] = 1
    elif dt > 0.05 and gone > max(5 * z.position_sigma, 0.7):
        x[HEADING] = compass(atan2(d_east, d_north))
        x[SPEED] = gone / dt
        sigma = M_SQRT2 * z.position_sigma
        begin_rates(p, (sigma / dt) ** 2 + 0.5, (sigma / gone) ** 2 + 0.01, t.profiles + m[M_CLASS] * PROFILE_COLUMNS)
        m[M_ORIENTED] = 1
    elif dt > 1.0 or dt < 0:
        n[N_ANCHOR_EAST] = z.east
        n[N_ANCHOR_NORTH] = z.north
        m[M_ANCHOR_NS] = now


cdef void begin_rates(double* p, double speed_variance, double heading_variance, const double* profile) noexcept nogil:
    cdef int j, k
    for j in range(6):
        for k in range(6):
            if j > 1 or k > 1:
                p[6 * j + k] = 0
    p[14] = speed_variance
    p[21] = heading_variance
    p[28] = profile[YAW_SIGMA] * profile[YAW_SIGMA]
    p[35] = profile[ACCELERATION_SIGMA] * profile[ACCELERATION_SIGMA]


cdef inline bint sound(const double* x, const double* p) noexcept nogil:
    cdef double total = 0
    cdef int j
    for j in range(6):
        total += x[j] * 0 + p[7 * j] * 0
    return total == 0


cdef void absorb(double* y, double* q, const Seen* z, double variance, double alone, double speed_sigma, double heading_sigma, double late,
                 double* numbers, const double* profile, Flow* flow) noexcept nogil:
    """A detection into the state y, q of its moment, which is then carried `late` seconds forward again."""
    cdef double forward[6]
    cdef double late2 = late * late
    correct_position(y, q, z, variance + 0.25 * late2 * late2 * profile[ACCELERATION_SIGMA] * profile[ACCELERATION_SIGMA], alone)
    correct_rates(y, q, z, speed_sigma, heading_sigma, late, numbers, profile)
    if late > 0:
        move(y, late, profile, False, forward, flow)
        spread(q, flow)
        memcpy(y, forward, sizeof(forward))


cdef inline double own_variance(double claimed, bint located, bint drifts) noexcept nogil:
    """Once the roadside located it, a fix adds little, and to a standing vehicle only its drift; else it shows at least the motion."""
    if not located:
        return min(claimed, OWN_STEADY_M * OWN_STEADY_M)
    return claimed * OWN_INFLATION if drifts else claimed


cdef void fuse(Table* t, int64_t row, int source, Seen* z, int64_t now, double* y, double* q, Flow* flow) noexcept nogil:
    """Put a detection into a track whose state at `now` is y, q; a late one is put in there and carried forward again."""
    cdef int64_t* m = t.marks + row * MARKS
    cdef double* n = t.numbers + row * NUMBERS
    cdef int64_t* link_mark = t.link_marks + (row * t.sources + source) * LINK_MARKS
    cdef const double* profile = t.profiles + m[M_CLASS] * PROFILE_COLUMNS
    cdef double late = max(0.0, (m[M_TIME_NS] - now) * 1e-9), variance = z.position_sigma * z.position_sigma
    cdef double off_east = z.east - y[EAST], off_north = z.north - y[NORTH]
    cdef double alone = n[N_FLOOR] if source else 0.0
    if source == 0:
        variance = own_variance(variance, m[M_ROADSIDE_NS] != 0, n[N_FLOOR] == 0 or fabs(y[SPEED]) < 0.5)
    if m[M_ORIENTED]:
        absorb(y, q, z, variance, alone, usable_speed_sigma(z, link_mark[LM_SPEED_TRUST], profile),
               usable_heading_sigma(z, link_mark[LM_HEADING_TRUST], y[SPEED]), late, n, profile, flow)
    else:
        correct_position(y, q, z, variance, alone)
        orient(t, row, z, now, y, q)
    if sound(y, q):
        tame(y, q, profile)
        memcpy(t.motion + 6 * row, y, 6 * sizeof(double))
        memcpy(t.covariance + 36 * row, q, 36 * sizeof(double))
        m[M_TIME_NS] = max(m[M_TIME_NS], now)
    if source:
        n[N_FLOOR] = 0
        m[M_ROADSIDE_NS] = max(m[M_ROADSIDE_NS], now)
        learn_offsets(t, row, source, z, now)
        learn_common_yaw(t, row, z, now)
    remember(t, row, source, z, now, off_east, off_north)
    vote(n, m, z)
    measure_size(n, z)
    live(t, row, source, now, z.existence)


cdef void begin(Table* t, int64_t row, int64_t id, int source, const Seen* z, int64_t now) noexcept nogil:
    """A tentative track from one detection."""
    cdef int64_t* m = t.marks + row * MARKS
    cdef double* n = t.numbers + row * NUMBERS
    cdef double* x = t.motion + 6 * row
    cdef double* p = t.covariance + 36 * row
    cdef const double* profile = t.profiles + z.kind * PROFILE_COLUMNS
    memset(m, 0, MARKS * sizeof(int64_t))
    memset(n, 0, NUMBERS * sizeof(double))
    memset(p, 0, 36 * sizeof(double))
    memset(t.links + row * t.sources * LINKS, 0, t.sources * LINKS * sizeof(double))
    memset(t.link_marks + row * t.sources * LINK_MARKS, 0, t.sources * LINK_MARKS * sizeof(int64_t))
    m[M_ID] = id
    m[M_TIME_NS] = m[M_BORN_NS] = m[M_ANCHOR_NS] = m[M_HIT_NS] = now
    m[M_CLASS] = z.kind
    m[M_ORIENTED] = not isnan(z.heading)
    m[M_ROADSIDE_NS] = now if source else 0
    n[N_ANCHOR_EAST] = z.east
    n[N_ANCHOR_NORTH] = z.north
    n[N_LENGTH] = profile[LENGTH]
    n[N_WIDTH] = profile[WIDTH]
    n[N_FLOOR] = 0 if source else z.position_sigma
    x[EAST] = z.east
    x[NORTH] = z.north
    x[SPEED] = 0 if isnan(z.speed) or not m[M_ORIENTED] else z.speed
    x[HEADING] = z.heading if m[M_ORIENTED] else 0
    x[YAW] = 0 if isnan(z.yaw_rate) else min(max(z.yaw_rate, -2.5), 2.5)
    x[ACCELERATION] = 0 if isnan(z.acceleration) else min(max(z.acceleration, -12.0), 8.0)
    p[0] = p[7] = z.position_sigma * z.position_sigma
    begin_rates(p, 64.0 if isnan(z.speed) else max(z.speed_sigma, first_speed_sigma(profile)) ** 2,
                z.heading_sigma * z.heading_sigma + 0.0025, profile)
    remember(t, row, source, z, now, 0, 0)
    vote(n, m, z)
    measure_size(n, z)
    live(t, row, source, now, z.existence)


cdef inline double class_cost(int first, int second, const double* profiles) noexcept nogil:
    if first == second or first == 0 or second == 0:
        return 0
    cdef double kind = profiles[first * PROFILE_COLUMNS + KIND], other = profiles[second * PROFILE_COLUMNS + KIND]
    return 1.0 if kind == other else 3.0 if fabs(kind - other) == 1 else 8.0


cdef inline bint heard(const int64_t* link_mark, int64_t now) noexcept nogil:
    """The source has numbered this track of late."""
    return link_mark[LM_TIME] != 0 and llabs(now - link_mark[LM_TIME]) < CONTINUITY_NS


cdef inline bint carries(const int64_t* link_mark, int64_t local_id, int64_t now) noexcept nogil:
    """Whoever comes back under his old number is he."""
    return link_mark[LM_LOCAL_ID] == local_id and link_mark[LM_TIME] != 0 and llabs(now - link_mark[LM_TIME]) < NUMBER_NS


cdef double pair_cost(Table* t, int64_t row, int source, const Seen* z, int64_t now, const double* y, const double* q) noexcept nogil:
    """Negative log likelihood (twice) of z from this track, or INFINITY outside the gate."""
    cdef int64_t* link_mark = t.link_marks + (row * t.sources + source) * LINK_MARKS
    cdef const double* link = t.links + (row * t.sources + source) * LINKS
    cdef const double* profile = t.profiles + t.marks[row * MARKS + M_CLASS] * PROFILE_COLUMNS
    cdef double r2 = z.position_sigma * z.position_sigma, alone = t.numbers[row * NUMBERS + N_FLOOR]
    cdef double a = q[0] + r2 + alone * alone, b = q[1], c = q[7] + r2 + alone * alone, det = a * c - b * b
    cdef double de = z.east - y[EAST], dn = z.north - y[NORTH]
    cdef double d2 = (c * de * de - 2 * b * de * dn + a * dn * dn) / det, sigma, error
    cdef bint fresh = source != 0 and heard(link_mark, now), same = source != 0 and carries(link_mark, z.local_id, now)
    cdef double cost = d2 + log(det / (r2 * r2)) + COST_SHIFT + class_cost(t.marks[row * MARKS + M_CLASS], z.kind, t.profiles)
    if de * de + dn * dn > FARTHEST_M * FARTHEST_M or not d2 >= 0:
        return INFINITY
    same = same and de * de + dn * dn <= JUMP_M * JUMP_M
    if d2 > GATE:
        return GATE if same else INFINITY
    if (fresh or same) and hypot(link[L_OFF_EAST], link[L_OFF_NORTH]) < 0.8 * z.position_sigma:
        cost += -COST_SHIFT if same else COST_SHIFT
    if t.marks[row * MARKS + M_CONFIRMED] == 0 or (alone > 0 and not same):  # who is well known has the first claim
        cost += 3
    if t.marks[row * MARKS + M_ORIENTED]:
        sigma = usable_speed_sigma(z, link_mark[LM_SPEED_TRUST], profile)
        if not isnan(sigma):
            error = z.speed - y[SPEED]
            cost += min(error * error / (q[14] + sigma * sigma), 6.0)
        sigma = usable_heading_sigma(z, link_mark[LM_HEADING_TRUST], y[SPEED])
        if not isnan(sigma):
            error = wrapped(z.heading - y[HEADING])
            cost += min(error * error / (q[21] + sigma * sigma), 6.0)
    return max(min(cost, GATE) if same else cost, 0.0)  # the number vouches for a jump, whatever it did to speed and heading
