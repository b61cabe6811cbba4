# The tight model: pseudoranges, the receiver's clock, wheel speed and yaw rate in one filter. Twin: `positioning.wide_model`.

cdef enum:
    EAST = 0, NORTH = 1, SPEED = 2, COURSE = 3, TURN_BIAS = 4, SCALE = 5, UP = 6, CLOCK = 7, DRIFT = 8, SYSTEMS = 9  # states

cdef double[WIDE] START_SIGMA = [40, 40, 5, 0.45, 0.3 * M_PI / 180, 0.02, 40, 60, 100, 8]
cdef double FARTHEST_START_M = 300.0
cdef double COURSE_KNOWN = 0.05
cdef double COURSE_LOST = 1.0  # rad^2: linear no more
cdef double COURSE_LEAD = 6.0  # in the logarithm of the likelihood
cdef double COURSE_SAME = 0.2
cdef int LEAST_CLEAR = 3
cdef double REFUSED_ALERT_S = 1.0
cdef double REFUSED_LOST_S = 10.0


cdef bint tight_start(Bank* b, Work* w, const Sample* s, int count, const Config* c) noexcept nogil:
    cdef double[UNKNOWNS] place
    cdef double[WIDE] x, sigma
    cdef Bank fresh
    cdef double spread
    cdef int i
    memset(&fresh, 0, sizeof(Bank))
    spread = 3 * cold_start(&fresh, s, count, c, place)
    if not (0 < spread < FARTHEST_START_M and fabs(place[0]) < FARTHEST_M and fabs(place[1]) < FARTHEST_M):
        return False
    b[0] = fresh
    b.born_ns = b.time_ns = s.measured_ns
    b.mode = EXPLORING
    b.wheel_s = b.yaw_s = b.stand_s = NEVER_S
    for i in range(SEEN):
        b.seen_s[i] = NEVER_S
    memcpy(sigma, START_SIGMA, sizeof(sigma))
    sigma[EAST] = sigma[NORTH] = fmax(sigma[EAST], spread)
    sigma[SYSTEMS] = c.inter_system
    memset(x, 0, sizeof(x))
    x[EAST] = place[0]
    x[NORTH] = place[1]
    x[UP] = place[2]
    x[CLOCK] = place[3]
    x[SYSTEMS] = place[4]
    for i in range(FILTERS):
        x[COURSE] = 2 * M_PI * (i // SUBSETS) / HEADINGS
        begin(&w.f[i], x, sigma)
    b.live = FILTERS
    return True


cdef void tight_controls(Bank* b, Work* w, const Sample* s, int count, double* wheel, double* yaw_dt) noexcept nogil:
    # what says how the vehicle moved in the interval that ends now
    cdef const Wide* f = &w.f[b.best]
    cdef double limit
    cdef int i
    wheel[0] = yaw_dt[0] = NAN
    for i in range(count):
        if s[i].kind == WHEEL_SPEED:
            limit = 3 + 12 * fmin(w.t - b.wheel_s, 0.5) + 5 * sqrt(f.p[11 * SPEED])
            if b.mode == RUNNING and fabs(s[i].v[0] - f.x[SPEED]) > limit:
                b.wheel_refused_s += fmin(w.dt, 0.5)
                continue
            b.wheel_refused_s = 0
            wheel[0] = s[i].v[0]
            b.still = min(b.still + 1, 1000) if fabs(wheel[0]) < 0.10 else 0
            b.wheel_s = w.t
        elif s[i].kind == STANDSTILL:
            b.still = max(b.still, STILL_SAMPLES)
            b.stand_s = w.t
        elif s[i].kind == YAW_RATE:
            yaw_dt[0] = fmin(fmax(w.t - b.yaw_s, 0.02), 1.0)
            b.yaw_rate = s[i].v[0]
            b.yaw_s = w.t
        else:
            continue
        b.seen_s[s[i].kind] = w.t
    w.odometer = w.t - b.wheel_s < SILENT_WHEEL_S
    if not w.odometer and not w.t - b.stand_s < SILENT_WHEEL_S:
        b.still = 0
    w.moving = b.still < STILL_SAMPLES


cdef void tight_predict(Wide* f, double dt, double yaw_rate, bint moving, double acceleration, double gyro, const Config* c) noexcept nogil:
    # the bank's motion, without its lever; the clock's offset and drift are random walks
    cdef double[WIDE * WIDE] step
    cdef double turn = yaw_rate - f.x[TURN_BIAS] if moving else 0.0
    cdef double middle = f.x[COURSE] + 0.5 * turn * dt, d = f.x[SPEED] * dt, cosine = cos(middle), sine = sin(middle), a, slipped
    cdef int i
    memset(step, 0, sizeof(step))
    for i in range(WIDE):
        step[11 * i] = 1
    step[2] = cosine * dt
    step[3] = -d * sine
    step[12] = sine * dt
    step[13] = d * cosine
    step[78] = dt
    if moving:
        step[4] = 0.5 * d * sine * dt
        step[14] = -0.5 * d * cosine * dt
        step[34] = -dt
    f.x[EAST] += d * cosine
    f.x[NORTH] += d * sine
    f.x[COURSE] += turn * dt
    f.x[CLOCK] += f.x[DRIFT] * dt
    propagate(f, step)
    f.p[11 * TURN_BIAS] += c.gyro_bias * c.gyro_bias * dt
    f.p[11 * CLOCK] += c.clock * c.clock * dt
    f.p[11 * DRIFT] += c.drift * c.drift * dt
    if moving:
        a = acceleration * acceleration
        slipped = c.slip * c.slip * fabs(d)
        f.p[0] += cosine * cosine * a * dt * dt * dt / 3 + slipped
        f.p[1] += cosine * sine * a * dt * dt * dt / 3
        f.p[10] += cosine * sine * a * dt * dt * dt / 3
        f.p[11] += sine * sine * a * dt * dt * dt / 3 + slipped
        f.p[2] += cosine * a * dt * dt / 2
        f.p[20] += cosine * a * dt * dt / 2
        f.p[12] += sine * a * dt * dt / 2
        f.p[21] += sine * a * dt * dt / 2
        f.p[11 * SPEED] += a * dt
        f.p[11 * COURSE] += gyro * gyro * dt
        f.p[11 * SCALE] += c.scale * c.scale * dt
        f.p[11 * UP] += c.climb * c.climb * fabs(d)


cdef void tight_travel(Bank* b, Work* w, const Config* c, double wheel, double yaw_dt) noexcept nogil:
    cdef bint silent = w.dt > SILENT_WHEEL_S  # what speaks again now did not speak for the interval before
    cdef bint gyro = w.t - b.yaw_s < SILENT_GYRO_S and not silent
    cdef double acceleration = c.acceleration if w.odometer and not silent else c.acceleration_without_wheel
    cdef double[WIDE] h
    cdef Wide* f
    cdef int i
    for i in range(b.live):
        f = &w.f[i]
        if w.dt > 0:
            tight_predict(f, w.dt, b.yaw_rate if gyro else f.x[TURN_BIAS], w.moving, acceleration, c.gyro if gyro else c.gyro_without, c)
        memset(h, 0, sizeof(h))
        if w.moving:
            if not isnan(wheel):
                h[SPEED] = 1 + f.x[SCALE]
                h[SCALE] = f.x[SPEED]
                update(f, h, wheel - f.x[SPEED] * (1 + f.x[SCALE]), c.wheel_sigma * c.wheel_sigma)
            continue
        if not isnan(wheel) or b.stand_s == w.t:
            h[SPEED] = 1
            update(f, h, -f.x[SPEED], STANDING_SIGMA * STANDING_SIGMA)
        if not isnan(yaw_dt):
            h[SPEED] = 0
            h[TURN_BIAS] = 1
            update(f, h, b.yaw_rate - f.x[TURN_BIAS], c.gyro * c.gyro / yaw_dt)
    if w.moving:  # as fast as it may be: a speed that nobody measured is only learnt if the signals count
        b.travelled += sqrt(w.f[b.best].x[SPEED] ** 2 + w.f[b.best].p[11 * SPEED]) * w.dt


cdef void tight_epoch(Bank* b, Work* w, const Sample* s, int count, const Config* c, const Shared* shared) noexcept nogil:
    cdef double wheel, yaw_dt
    cdef int i
    w.clear = w.refused = 0
    tight_controls(b, w, s, count, &wheel, &yaw_dt)
    tight_travel(b, w, c, wheel, yaw_dt)
    if b.mode == RUNNING and tight_lost(b, w) and tight_start(b, w, s, count, c):
        w.dt = w.t = 0
        w.exploring = True
    steady_clock(b, w, s, count)
    for i in range(count):
        if s[i].kind == VELOCITY:
            take_velocity(b, w, s + i)
        elif s[i].kind == HEADING:
            take_heading(b, w, s + i)
        elif s[i].kind == LANE:
            take_lane(b, w, s + i)
        elif s[i].kind == RANGE:
            take_anchor_range(b, w, s + i, c, shared)
        elif s[i].kind == TDOA:
            take_difference(b, w, s + i, c, shared)
        elif s[i].kind == ANGLE_OF_ARRIVAL:
            take_bearing(b, w, s + i, shared)
        elif s[i].kind == PSEUDORANGE:
            take_pseudorange(b, w, s + i, c)
    if w.clear >= LEAST_CLEAR:
        b.refused_s = b.refused_s + fmin(w.dt, 1.0) if 2 * w.refused > w.clear else 0
    if b.mode == EXPLORING:
        choose_course(b, w)


cdef bint tight_lost(const Bank* b, const Work* w) noexcept nogil:
    cdef const Wide* f = &w.f[MAIN]
    return f.p[11 * COURSE] > COURSE_LOST or major(f.p) > FARTHEST_START_M or b.refused_s > REFUSED_LOST_S


cdef void choose_course(Bank* b, Work* w) noexcept nogil:
    # one hypothesis is left when every other one is either unlikely or the same; each subset keeps its own likeliest
    cdef int i, subset
    cdef Wide* f
    cdef Wide* rival
    b.best = likeliest(w, MAIN)
    f = &w.f[b.best]
    if f.p[11 * COURSE] > COURSE_KNOWN:
        return
    for i in range(HEADINGS):
        rival = &w.f[SUBSETS * i + MAIN]
        if rival.score > f.score - COURSE_LEAD and fabs(remainder(rival.x[COURSE] - f.x[COURSE], 2 * M_PI)) > COURSE_SAME:
            return
    for subset in range(SUBSETS):
        w.f[subset] = w.f[likeliest(w, subset)]
    b.best = MAIN
    b.live = SUBSETS
    b.mode = RUNNING


cdef int likeliest(const Work* w, int subset) noexcept nogil:
    cdef int i, best = subset
    for i in range(HEADINGS):
        if w.f[SUBSETS * i + subset].score > w.f[best].score:
            best = SUBSETS * i + subset
    return best


cdef double tight_protection(const Bank* b, double sigma, const Config* c) noexcept nogil:
    # root of the squares of K sigma and of the greatest separation: of a subset, or of a course that is not ruled out (Blanch 2015);
    # sigma with what the first signals' delays hide, until the vehicle has left them behind
    cdef double apart = 0, fresh = c.fresh_m * exp(-b.travelled / (2 * c.apart_m))
    cdef int i
    for i in range(b.live):
        if i % SUBSETS == MAIN and b.f[i].score <= b.f[b.best].score - COURSE_LEAD:
            continue
        if i % SUBSETS != MAIN and i // SUBSETS != b.best // SUBSETS:
            continue
        apart = fmax(apart, hypot(b.f[i].x[EAST] - b.f[b.best].x[EAST], b.f[i].x[NORTH] - b.f[b.best].x[NORTH]))
    return sqrt(c.k_sigma * c.k_sigma * (sigma * sigma + c.unmodelled_m * c.unmodelled_m + fresh * fresh) + apart * apart)
