# What the tight model measures itself by. A signal's error lasts for some metres of the way, so it counts by the metres travelled since its
# last use, and not while the vehicle stands. Twin: `positioning.wide_model`.

cdef double FIRST_POWER = 0.5
cdef double LEAST_POWER = 0.005
cdef double CLOCK_JUMP_M = 150.0  # no echo delays half the sky by so much: the receiver has set its clock
cdef double CLEAR = 0.5  # likely enough direct to accuse the filter


cdef Link* link_of(Bank* b, int key) noexcept nogil:
    # a satellite's or an anchor's own memory; the longest unused gives way
    cdef int i, oldest = 0
    for i in range(LINKS):
        if b.links[i].key == key:
            return &b.links[i]
        if b.links[i].key == 0:
            oldest = i
            break
        if b.links[i].travelled < b.links[oldest].travelled:
            oldest = i
    b.links[oldest].key = key
    b.links[oldest].refused = 0
    b.links[oldest].travelled = NEVER_S
    return &b.links[oldest]


cdef void steady_clock(Bank* b, Work* w, const Sample* s, int count) noexcept nogil:
    # a receiver sets its clock by whole milliseconds: all signals jump together
    cdef double[RING] missed
    cdef double[3] h
    cdef const Wide* f = &w.f[b.best]
    cdef double r, median
    cdef int i, j, k, n = 0
    for i in range(count):
        if s[i].kind != PSEUDORANGE:
            continue
        k = role(b, s[i].detail >> 16)
        r = s[i].v[0] - sight(f.x, f.x[UP], &s[i], h) - f.x[CLOCK] - (f.x[SYSTEMS] if k == 1 else 0.0)
        j = n
        while j > 0 and missed[j - 1] > r:
            missed[j] = missed[j - 1]
            j -= 1
        missed[j] = r
        n += 1
    if n < LEAST_SIGNALS:
        return
    median = missed[n // 2]
    if fabs(median) < CLOCK_JUMP_M + 5 * sqrt(f.p[11 * CLOCK]):
        return
    for i in range(b.live):
        w.f[i].x[CLOCK] += median
        widen(&w.f[i], CLOCK, START_SIGMA[CLOCK] ** 2)


cdef void take_pseudorange(Bank* b, Work* w, const Sample* s, const Config* c) noexcept nogil:
    cdef Link* link = link_of(b, s.detail + 1)
    cdef double power = FIRST_POWER if link.travelled == NEVER_S else fmin(1.0, (b.travelled - link.travelled) / c.apart_m)
    cdef double los = 1 / (1 + exp(-(strength(s, c) - c.direct_half_dbhz) / c.direct_slope_dbhz)), along, prior, r, mean, ratio, evidence
    cdef double[WIDE] h
    cdef double[3] slope
    cdef Wide* f
    cdef int i, third = (s.detail & 0xffff) % 3, part = role(b, s.detail >> 16)
    if power < LEAST_POWER:
        return
    link.travelled = b.travelled
    los = fmin(fmax(los, 0.01), c.most_direct)
    memset(h, 0, sizeof(h))
    for i in range(b.live):
        if i % SUBSETS == third + 1:
            continue
        f = &w.f[i]
        r = s.v[0] - sight(f.x, f.x[UP], s, slope) - f.x[CLOCK] - (f.x[SYSTEMS] if part == 1 else 0.0)
        h[EAST] = slope[0]
        h[NORTH] = slope[1]
        h[UP] = slope[2]
        h[CLOCK] = 1
        h[SYSTEMS] = 1 if part == 1 else 0
        along = variance_along(f, h)
        prior = along + (c.inter_system * c.inter_system if part == 2 else 0.0)
        range_moments(r, prior, power, los, &c.pseudoranges, &mean, &ratio, &evidence)
        if w.exploring:
            f.score += power * evidence
        shift(f, h, mean * along / prior, 1 - (1 - ratio) * along / prior)
        if i == b.best:
            if los > CLEAR:
                w.clear += 1
                w.refused += fabs(r) > 5 * sqrt(prior + c.pseudoranges.los_m * c.pseudoranges.los_m)
            b.seen_s[PSEUDORANGE] = w.t


cdef void take_velocity(Bank* b, Work* w, const Sample* s) noexcept nogil:
    cdef double sigma = (0.15 if isnan(s.v[2]) else fmax(s.v[2], 0.02)) * (4 if s.detail < 13 else 1)
    cdef double speed = hypot(s.v[0], s.v[1]), r, variance
    cdef double[WIDE] h
    cdef Wide* f
    cdef int i, axis
    if s.detail < 9:
        return
    memset(h, 0, sizeof(h))
    for i in range(b.live):
        f = &w.f[i]
        h[SPEED] = 1
        h[COURSE] = 0
        if speed <= fmax(0.5, 10 * sigma):
            if not w.odometer and w.moving:
                update(f, h, copysign(speed, f.x[SPEED]) - f.x[SPEED], sigma * sigma)
            continue
        if f.p[11 * COURSE] > 0.1 and w.exploring:  # exact, where the linear update is not
            h[SPEED] = 0
            h[COURSE] = 1
            update(f, h, remainder(atan2(s.v[1], s.v[0]) - f.x[COURSE], 2 * M_PI), (sigma / speed) ** 2)
        for axis in range(2):
            h[SPEED] = cos(f.x[COURSE] - axis * M_PI_2)
            h[COURSE] = -f.x[SPEED] * sin(f.x[COURSE] - axis * M_PI_2)
            r = s.v[axis] - f.x[SPEED] * h[SPEED]
            variance = variance_along(f, h) + sigma * sigma
            if w.exploring:
                f.score += fmax(-0.5 * r * r / variance, -8.0) - 0.5 * log(variance)
            if r * r > 9 * variance and f.p[11 * COURSE] < 0.03:
                continue
            update(f, h, r, sigma * sigma)
            if i == b.best:
                b.seen_s[VELOCITY] = w.t


cdef void take_anchor_range(Bank* b, Work* w, const Sample* s, const Config* c, const Shared* shared) noexcept nogil:
    # 5G or other ranges from surveyed anchors; their delays are learnt by vehicles that know better where they are
    cdef Link* link = link_of(b, -1 - s.detail)
    cdef const double* anchor = shared.anchors + 3 * s.detail
    cdef double power = fmin(1.0, (b.travelled - link.travelled) / c.range_apart_m), up = anchor[2] - c.antenna_height_m
    cdef const Delay* delay = shared.delays + s.detail
    cdef bint late = s.measured_ns <= shared.since_ns
    cdef double offset = delay.offset_before if late else delay.offset, spread = delay.variance_before if late else delay.variance
    cdef double east, north, distance, along, prior, los, mean, ratio, evidence
    cdef double[WIDE] h
    cdef Wide* f
    cdef int i
    if power < 0.02:
        return
    link.travelled = b.travelled
    memset(h, 0, sizeof(h))
    for i in range(b.live):
        f = &w.f[i]
        east = f.x[EAST] - anchor[0]
        north = f.x[NORTH] - anchor[1]
        distance = sqrt(east * east + north * north + up * up) + 1e-9
        h[EAST] = east / distance
        h[NORTH] = north / distance
        along = variance_along(f, h)
        prior = along + spread
        los = c.range_los_share if c.range_los_share > 0 else line_of_sight(distance)
        range_moments(s.v[0] - distance - offset, prior, power, los, &c.ranges, &mean, &ratio, &evidence)
        if w.exploring:
            f.score += power * evidence
        shift(f, h, mean * along / prior, 1 - (1 - ratio) * along / prior)
        if i == b.best:
            b.seen_s[RANGE] = w.t


cdef void take_heading(Bank* b, Work* w, const Sample* s) noexcept nogil:
    cdef double[WIDE] h
    cdef int i
    memset(h, 0, sizeof(h))
    h[COURSE] = 1
    for i in range(b.live):
        if soft_update(&w.f[i], h, remainder(s.v[0] - w.f[i].x[COURSE], 2 * M_PI), s.v[1], 0.1, 1.0, w.exploring) and i == b.best:
            b.seen_s[HEADING] = w.t


cdef void take_lane(Bank* b, Work* w, const Sample* s) noexcept nogil:
    cdef double[WIDE] h
    cdef double r
    cdef int i
    memset(h, 0, sizeof(h))
    h[EAST] = -sin(s.v[2])
    h[NORTH] = cos(s.v[2])
    for i in range(b.live):
        r = h[EAST] * (s.v[0] - w.f[i].x[EAST]) + h[NORTH] * (s.v[1] - w.f[i].x[NORTH])
        if soft_update(&w.f[i], h, r, s.v[3], 0.2, 10.0, w.exploring) and i == b.best:
            b.seen_s[LANE] = w.t


cdef double toward(const Wide* f, const double* anchor, const Config* c, double* east, double* north) noexcept nogil:
    # distance, and the unit vector's level part from the anchor to the vehicle
    cdef double e = f.x[EAST] - anchor[0], n = f.x[NORTH] - anchor[1], up = anchor[2] - c.antenna_height_m
    cdef double distance = sqrt(e * e + n * n + up * up) + 1e-9
    east[0] = e / distance
    north[0] = n / distance
    return distance


cdef void take_difference(Bank* b, Work* w, const Sample* s, const Config* c, const Shared* shared) noexcept nogil:
    cdef double[WIDE] h
    cdef double near, far, east, north
    cdef int i
    memset(h, 0, sizeof(h))
    for i in range(b.live):
        near = toward(&w.f[i], shared.anchors + 3 * s.detail, c, &h[EAST], &h[NORTH])
        far = toward(&w.f[i], shared.anchors + 3 * <int>s.v[1], c, &east, &north)
        h[EAST] -= east
        h[NORTH] -= north
        if soft_update(&w.f[i], h, s.v[0] - near + far, c.tdoa_sigma_m, 0.3, 20.0, w.exploring) and i == b.best:
            b.seen_s[TDOA] = w.t


cdef void take_bearing(Bank* b, Work* w, const Sample* s, const Shared* shared) noexcept nogil:
    cdef const double* anchor = shared.anchors + 3 * s.detail
    cdef double[WIDE] h
    cdef double east, north, square
    cdef int i
    memset(h, 0, sizeof(h))
    for i in range(b.live):
        east = w.f[i].x[EAST] - anchor[0]
        north = w.f[i].x[NORTH] - anchor[1]
        square = east * east + north * north
        if square < 1:  # at its foot a bearing says nothing
            continue
        h[EAST] = -north / square
        h[NORTH] = east / square
        if soft_update(
            &w.f[i], h, remainder(s.v[0] - atan2(north, east), 2 * M_PI), s.v[1], 0.2, 0.5, w.exploring
        ) and i == b.best:
            b.seen_s[ANGLE_OF_ARRIVAL] = w.t
