# The bank of one vehicle: main, challenger and the filters that each do without one source; one epoch at a time.

cdef struct Work:
    double t, dt
    bint moving, odometer, gyro, exploring


cdef bint uses(const Bank* b, const Work* w, int f, int source) noexcept nogil:
    return (b.alive >> f) & 1 and (w.exploring or USES[f] & source)


cdef double start_sigma(const Sample* s) noexcept nogil:
    cdef double sigma, wrong
    if s.kind != FIX:
        return s.v[2]
    fix_law(s.detail >> 16, s.detail >> 8 & 255, &sigma, &wrong)
    return fmax(sigma, FIRST_FIX_M) if s.detail >> 16 == FIXED else (3 * sigma if s.detail >> 16 == FLOAT else sqrt(sigma * sigma + 9))


cdef void start(Bank* b, Work* w, const Sample* s, const Config* c) noexcept nogil:
    cdef int i
    cdef double sigma = start_sigma(s), height = 0.0 if isnan(s.v[2]) or s.kind != FIX else s.v[2]
    memset(b, 0, sizeof(Bank))
    b.born_ns = b.time_ns = s.measured_ns
    b.mode = EXPLORING
    b.alive = (1 << FILTERS) - 1
    b.wheel_s = b.yaw_s = b.stand_s = b.fix_s = b.swap_s = b.primary_s = b.other_s = b.contradicted_s = NEVER_S
    for i in range(SEEN):
        b.seen_s[i] = NEVER_S
    for i in range(SOURCES):
        b.refused_since_s[i] = NEVER_S
    for i in range(LINKS):
        b.links[i].anchor = -1
    w.t = 0
    w.exploring = True
    for i in range(FILTERS):
        begin(&b.f[i], s.v[0], s.v[1], height, sigma, i * M_PI * 2 / FILTERS, START_HEADING, &c.noise)


cdef void judge_source(Bank* b, int source, bint refused, double t) noexcept nogil:
    if not refused:
        b.refused_since_s[source] = NEVER_S
        return
    if b.refused_since_s[source] == NEVER_S or t - b.refused_s[source] > STREAK_S:
        b.refused_since_s[source] = t
    b.refused_s[source] = t
    if t - b.refused_since_s[source] >= PATIENCE_S:
        b.contradicted_s = t


cdef double gross(int status, int satellites) noexcept nogil:
    if status == FIXED and satellites >= 11:
        return 0.0 if satellites >= 13 else GROSS_OF_FIX_M
    return GROSS_M if satellites >= 13 else GROSS_OF_FEW_M


cdef bint contradicts(const Bank* b, double distance, double least, const Config* c) noexcept nogil:
    # a position that neither the protection level nor its own kind of error covers
    cdef double sigma = major(&b.f[MAIN])
    return b.mode == RUNNING and distance > least and distance > c.k_sigma * sqrt(sigma * sigma + c.unmodelled_m * c.unmodelled_m)


cdef void read_controls(Bank* b, Work* w, const Sample* s, int count, const Config* c, double* wheel, double* yaw_dt) noexcept nogil:
    # what says how the vehicle moved in the interval that ends now
    cdef int i
    cdef double limit, miss, sigma
    wheel[0] = NAN
    yaw_dt[0] = NAN
    for i in range(count):
        if s[i].kind == WHEEL_SPEED:
            miss = s[i].v[0] - b.f[MAIN].x[2]
            # no vehicle changes its speed faster; and what has been refused must come closer than what never was
            sigma = sqrt(b.f[MAIN].p[2])
            limit = 1 + 12 * fmin(w.dt, 2.0) + 4 * sigma if b.refused_since_s[WHEEL] == NEVER_S else 0.5 + 3 * sigma
            if b.mode == RUNNING and (fabs(miss) > limit or (s[i].v[0] < -0.5 and b.f[MAIN].x[2] > 0.5 and b.f[MAIN].p[2] < 1)):
                judge_source(b, WHEEL, True, w.t)
                continue
            judge_source(b, WHEEL, False, w.t)
            wheel[0] = s[i].v[0]
            b.still = min(b.still + 1, 1000) if fabs(wheel[0]) < 0.10 else 0
            b.wheel_s = w.t
            b.seen_s[WHEEL_SPEED] = w.t
        elif s[i].kind == STANDSTILL:
            b.still = max(b.still, STILL_SAMPLES)
            b.stand_s = w.t
            b.seen_s[STANDSTILL] = w.t
        elif s[i].kind == YAW_RATE:
            yaw_dt[0] = fmin(fmax(w.t - b.yaw_s, 0.02), 1.0)
            b.yaw_rate = s[i].v[0]
            b.yaw_s = w.t
            b.seen_s[YAW_RATE] = w.t
    w.odometer = w.t - b.wheel_s < SILENT_WHEEL_S
    if not w.odometer and not w.t - b.stand_s < SILENT_WHEEL_S:
        b.still = 0
    w.moving = b.still < STILL_SAMPLES


cdef void moves(const Bank* b, const Config* c, bint odometer, bint gyro, double dt, Motion* m) noexcept nogil:
    # Without a gyro the vehicle turns as a driver does, whose sideways acceleration is like that along; what is unknown gets no worse.
    cdef Noise q = c.noise
    cdef const Filter* main = &b.f[MAIN]
    if not odometer:
        q.acceleration = c.acceleration_without_wheel
    if gyro:
        q.gyro = sqrt(q.gyro * q.gyro + GYRO_SCALE * fabs(b.yaw_rate - main.x[4]))
    elif main.p[3] < HEADING_VAGUE:
        q.gyro = fmin(c.gyro_without, c.acceleration_without_wheel / fmax(fabs(main.x[2]), 0.1))
    else:
        q.gyro = 0
    motion_over(dt, b.still < STILL_SAMPLES, &q, m)


cdef void travel(Bank* b, Work* w, const Config* c, double wheel, double yaw_dt) noexcept nogil:
    cdef int i
    cdef Motion m
    cdef Filter* f
    cdef bint silent = w.dt > SILENT_WHEEL_S  # what speaks again now did not speak for the interval before
    w.gyro = w.t - b.yaw_s < SILENT_GYRO_S and not silent
    moves(b, c, w.odometer and not silent, w.gyro, w.dt, &m)
    for i in range(FILTERS):
        if not (b.alive >> i) & 1:
            continue
        f = &b.f[i]
        if w.dt > 0:
            predict(f, b.yaw_rate if w.gyro else f.x[4], &m)
        if w.moving:
            f.height_variance += c.grade * c.grade * fabs(f.x[2]) * w.dt
            if not isnan(wheel):
                update(f, 2, 1 + f.x[5], 5, f.x[2], wheel - f.x[2] * (1 + f.x[5]), c.wheel_sigma * c.wheel_sigma)
        else:
            if not isnan(wheel) or b.stand_s == w.t:
                update(f, 2, 1, 2, 0, -f.x[2], STANDING_SIGMA * STANDING_SIGMA)
            if not isnan(yaw_dt):
                update(f, 4, 1, 4, 0, b.yaw_rate - f.x[4], c.noise.gyro * c.noise.gyro / yaw_dt)
    if w.moving:
        b.travelled += fabs(b.f[MAIN].x[2]) * w.dt


cdef void challenge(Bank* b, Work* w, const Sample* s, double d2) noexcept nogil:
    # credible fixes contradict: a copy of the main filter starts where they are
    cdef int i
    cdef Filter* f = &b.f[CHALLENGER]
    f[0] = b.f[MAIN]
    for i in range(STATES):
        f.p[AT[0][i]] = f.p[AT[1][i]] = 0
    f.p[0] = f.p[1] = 1
    f.p[3] += 0.03
    f.x[0] = s.v[0]
    f.x[1] = s.v[1]
    if not isnan(s.v[2]):
        f.height = s.v[2]
    f.height_variance = 4
    f.score = 0
    b.alive |= 1 << CHALLENGER
    b.margin = (LEAST_MARGIN + fmin(0.1 * d2, 2)) * fmin(1, UNSURE_M / major(&b.f[MAIN]))


cdef void take_rtk(Bank* b, Work* w, const Sample* s, int status, int satellites, const Config* c) noexcept nogil:
    cdef double sigma, wrong, ageing = 0.01 * fmin(fmax(s.v[3] - 5, 0), 1000) if not isnan(s.v[3]) else 0
    cdef double gap = fmin(w.t - b.fix_s, 1.0)
    cdef int i
    fix_law(status, satellites, &sigma, &wrong)
    sigma = sqrt(sigma * sigma + ageing * ageing)
    if status == FIXED:
        b.streak_s = b.streak_s + (w.t - b.fix_s) if w.t - b.fix_s < 2.5 else 0
        b.fix_s = w.t
        if b.streak_s < 2:  # the first fixes after a gap are the wrong ones
            sigma = fmax(sigma, FIRST_FIX_M)
            wrong = fmax(wrong, 0.1)
    for i in range(FILTERS):
        if uses(b, w, i, USES_FIX if status == FIXED else USES_FLOAT):
            weigh_rtk(b, w, i, s, status, satellites, sigma, wrong, gap, c)


cdef void weigh_rtk(
    Bank* b, Work* w, int i, const Sample* s, int status, int satellites, double sigma, double wrong, double gap, const Config* c
) noexcept nogil:
    cdef Filter* f = &b.f[i]
    cdef double lasting = (1.0 if satellites >= 13 else 5.0) if status == FIXED else (10.0 if w.moving else 60.0)
    cdef double inflation = lasting / fmin(fmax(w.t - f.rtk_s, 0.2), lasting)
    cdef bint curved = f.p[3] > CURVED
    cdef Filter straight
    if curved:
        straight = f[0]
        bend_to(f, s.v[0], s.v[1], sigma * sigma)
    cdef double east = s.v[0] - f.x[0], north = s.v[1] - f.x[1], up = s.v[2] - f.height if not isnan(s.v[2]) else 0
    cdef double bad = 10.0 if status == FIXED else 15.0, cross = covariance(f, 0, 1), d2, evidence, weight, variance, gain
    cdef double a = f.p[0] + sigma * sigma, d = f.p[1] + sigma * sigma, det = a * d - cross * cross
    cdef double a2 = f.p[0] + bad * bad, d2_ = f.p[1] + bad * bad, det2 = a2 * d2_ - cross * cross
    cdef double h = f.height_variance + 4 * sigma * sigma, h2 = f.height_variance + 4 * bad * bad
    f.rtk_s = w.t
    d2 = (d * east * east - 2 * cross * east * north + a * north * north) / det
    weight = pair_weight(
        d2 + up * up / h, det * h, (d2_ * east * east - 2 * cross * east * north + a2 * north * north) / det2 + up * up / h2,
        det2 * h2, wrong, &evidence if w.exploring else NULL
    )
    if w.exploring:
        f.score += evidence
    elif status == FIXED:
        f.score += credence(satellites) * (2 * weight - 1) * gap
    if i == MAIN:
        if weight > 0.5:
            b.seen_s[FIX] = w.t
            if status == FIXED and satellites >= 13 and not s.detail & 255:
                b.primary_s = w.t
        judge_source(b, RTK_FIX, weight < REFUSED and contradicts(b, length(east, north), gross(status, satellites), c), w.t)
        if status == FIXED and satellites >= 11:
            if weight < REFUSED and not w.exploring and not (b.alive >> CHALLENGER) & 1:
                challenge(b, w, s, d2)
    if weight <= LEAST_WEIGHT:
        if curved:
            unbend(f, &straight)
        return
    variance = sigma * sigma * inflation / weight
    update(f, 0, 1, 0, 0, east, variance)
    update(f, 1, 1, 1, 0, s.v[1] - f.x[1], variance)
    gain = f.height_variance / (f.height_variance + 4 * variance)
    f.height += gain * up
    f.height_variance *= 1 - gain


cdef void take_single(Bank* b, Work* w, const Sample* s, int satellites, const Config* c) noexcept nogil:
    cdef double sigma, wrong, lasting = 10.0 if w.moving else 60.0, inflation, east, north, variance, d2, weight
    cdef int i
    cdef bint curved
    cdef Filter* f
    cdef Filter straight
    fix_law(SINGLE, satellites, &sigma, &wrong)
    for i in range(FILTERS):
        if not uses(b, w, i, USES_SINGLE):
            continue
        f = &b.f[i]
        inflation = lasting / fmin(fmax(w.t - f.single_s, 0.2), lasting)
        f.single_s = w.t
        curved = f.p[3] > CURVED
        if curved:
            straight = f[0]
            bend_to(f, s.v[0] - f.x[6], s.v[1] - f.x[7], sigma * sigma)
        east = s.v[0] - f.x[0] - f.x[6]
        north = s.v[1] - f.x[1] - f.x[7]
        variance = 0.5 * (innovation_variance(f, 0, 1, 6, 1) + innovation_variance(f, 1, 1, 7, 1)) + sigma * sigma
        d2 = (east * east + north * north) / variance
        if w.exploring:
            f.score += fmax(-0.5 * d2, -8.0) - log(variance)
        if i == MAIN:
            judge_source(b, SINGLE_FIX, contradicts(b, length(east, north), gross(SINGLE, satellites), c), w.t)
        if d2 >= 25:
            if curved:
                unbend(f, &straight)
            continue
        if i == MAIN:
            b.seen_s[FIX] = w.t
        weight = 1.0 if d2 < 4 else 4 / d2
        update(f, 0, 1, 6, 1, east, sigma * sigma * inflation / weight)
        update(f, 1, 1, 7, 1, s.v[1] - f.x[1] - f.x[7], sigma * sigma * inflation / weight)


cdef void take_velocity(Bank* b, Work* w, const Sample* s, const Config* c) noexcept nogil:
    # the antenna's velocity: it leads the rear axle, and the tyres slip, so that in a turn it points beside the heading
    cdef double speed = length(s.v[0], s.v[1]), sigma = s.v[2] if s.v[2] > 0.02 else (0.15 if isnan(s.v[2]) else 0.02)
    cdef double turn, aside, along, across, r, noise, variance
    cdef int i, axis
    cdef Filter* f
    if s.detail < 9:
        return
    if s.detail < 13:
        sigma *= 4
    for i in range(FILTERS):
        if not (b.alive >> i) & 1:
            continue
        f = &b.f[i]
        if speed <= fmax(0.5, 10 * sigma):
            if not w.odometer and w.moving:
                update(f, 2, 1, 2, 0, copysign(speed, f.x[2]) - f.x[2], sigma * sigma)
            continue
        turn = b.yaw_rate - f.x[4] if w.gyro else 0.0
        aside = (c.noise.lever - c.noise.tyre * f.x[2]) * turn
        noise = sigma * sigma + speed * speed * (COURSE_SIGMA * COURSE_SIGMA + COURSE_DELAY_S * COURSE_DELAY_S * turn * turn)
        if f.p[3] > 0.1:
            face(f, turned(atan2(s.v[1], s.v[0]) - atan2(aside, speed) - f.x[3]), noise / (speed * speed), w.exploring)
            update(f, 2, 1, 2, 0, speed - f.x[2], sigma * sigma)
            continue
        for axis in range(2):
            along = cos(f.x[3] - axis * M_PI_2)
            across = sin(f.x[3] - axis * M_PI_2)
            r = s.v[axis] - f.x[2] * along + aside * across
            variance = innovation_variance(f, 2, along, 3, -f.x[2] * across) + noise
            if w.exploring:
                f.score += fmax(-0.5 * r * r / variance, -8.0) - 0.5 * log(variance)
            if i == MAIN and r * r < 9 * variance:
                b.seen_s[VELOCITY] = w.t
            # beyond two sigma it counts less and less, but never nothing: no heading is locked in
            update(f, 2, along, 3, -f.x[2] * across, r, noise * fmax(1.0, r * r / (4 * variance)))


cdef void face(Filter* f, double r, double variance, bint exploring) noexcept nogil:
    # a heading too uncertain for the velocity's east and north to be linear in it; forward is the likelier way to drive
    if exploring:
        f.score -= fmin(0.5 * r * r / (f.p[3] + variance), 8.0) + 0.5 * log(f.p[3] + variance)
    bend(f, r * f.p[3] / (f.p[3] + variance))
    update(f, 3, 1, 3, 0, r, variance)


cdef void bend_to(Filter* f, double east, double north, double variance) noexcept nogil:
    # by the likeliest angle: turn / P[psi, psi] = (both ways' lengths / variance across) sin(angle between them - turn)
    cdef double e = covariance(f, 0, 3) / f.p[3], n = covariance(f, 1, 3) / f.p[3], square = e * e + n * n, angle, pull, turn
    cdef int i
    if square < 1e-6:
        return
    variance += fmax((e * e * f.p[0] + 2 * e * n * covariance(f, 0, 1) + n * n * f.p[1]) / square - square * f.p[3], 0)
    east += n - f.x[0]  # from where the heading was last known
    north -= e + f.x[1]
    angle = atan2(e * east + n * north, n * east - e * north)
    pull = f.p[3] * sqrt(square * (east * east + north * north)) / variance
    turn = angle * pull / (1 + pull)
    for i in range(3):
        turn -= (turn - pull * sin(angle - turn)) / (1 + pull * fmax(cos(angle - turn), 0))
    bend(f, fmin(fmax(turn, -M_PI), M_PI))


cdef void bend(Filter* f, double turn) noexcept nogil:
    # The way driven since the heading was known is turned about its beginning: exact, where a linear correction leaves the circle.
    # The state stays the prior's, now linear about the turned way (iterated Kalman filter, Bell & Cathey 1993).
    cdef double e = covariance(f, 0, 3) / f.p[3], n = covariance(f, 1, 3) / f.p[3], c = cos(turn), s = sin(turn)
    cdef double[STATES] by
    cdef int i
    f.x[0] += n * (c - 1) + e * s - turn * (c * e - s * n)
    f.x[1] += n * s - e * (c - 1) - turn * (c * n + s * e)
    for i in range(2, 4):  # what speed and heading have made of the place
        memset(by, 0, sizeof(by))
        e = covariance(f, 0, i) / f.p[i]
        n = covariance(f, 1, i) / f.p[i]
        by[0] = (c - 1) * e - s * n
        by[1] = s * e + (c - 1) * n
        mix(f.p, i, by)


cdef void unbend(Filter* f, const Filter* straight) noexcept nogil:
    # the place was not believed
    memcpy(f.x, straight.x, STATES * sizeof(double))
    memcpy(f.p, straight.p, PACKED * sizeof(double))
