# Measurements from surveyed anchors and from beside the road.

cdef Link* link_of(Bank* b, int anchor) noexcept nogil:
    # the anchor's own memory; the longest unused gives way
    cdef int i, oldest = 0
    for i in range(LINKS):
        if b.links[i].anchor == anchor:
            return &b.links[i]
        if b.links[i].anchor < 0:
            oldest = i
            break
        if b.links[i].travelled < b.links[oldest].travelled:
            oldest = i
    b.links[oldest].anchor = anchor
    b.links[oldest].suspicion = 0
    b.links[oldest].travelled = NEVER_S
    return &b.links[oldest]


cdef void judge_anchor(Bank* b, Link* link, double r, double sigma, double power, double t, const Config* c) noexcept nogil:
    # Nothing makes a range too short; what makes it too long is one value per `range_apart_m` (Page 1954: a running sum).
    cdef double against = fmin(power * ((r - 4 * sigma) / c.ranges.excess_m - TOO_LONG), TOO_SHORT)
    if r < -5 - 4 * sigma:
        against = TOO_SHORT
    link.suspicion = fmin(link.suspicion + against, 2 * WRONG_ANCHOR) if against > 0 and b.mode == RUNNING else 0
    if link.suspicion >= WRONG_ANCHOR:
        b.contradicted_s = t


cdef void take_range(Bank* b, Work* w, const Sample* s, const Config* c, Shared* shared, bint learn) noexcept nogil:
    cdef Link* link = link_of(b, s.detail)
    cdef const double* anchor = shared.anchors + 3 * s.detail
    cdef Delay* delay = shared.delays + s.detail
    cdef bint late = s.measured_ns <= shared.since_ns
    cdef double offset = delay.offset_before if late else delay.offset, spread = delay.variance_before if late else delay.variance
    cdef double power = fmin(1.0, (b.travelled - link.travelled) / c.range_apart_m), up = anchor[2] - c.antenna_height_m
    cdef double east, north, distance, los = c.range_los_share, r, along, prior, mean, ratio, evidence, inverse
    cdef int i
    cdef Filter* f
    if power < 0.02:  # nothing new, but the range stands by the place
        if link.suspicion == 0 and b.mode == RUNNING:
            b.seen_s[RANGE] = w.t
        return
    link.travelled = b.travelled
    if b.mode == RUNNING and not (b.alive >> RANGELESS) & 1:
        b.f[RANGELESS] = b.f[MAIN]
        b.alive |= 1 << RANGELESS
    for i in range(FILTERS):
        if not uses(b, w, i, USES_RANGE):
            continue
        f = &b.f[i]
        east = f.x[0] - anchor[0]
        north = f.x[1] - anchor[1]
        distance = sqrt(east * east + north * north + up * up) + 1e-9
        inverse = 1 / distance
        east *= inverse
        north *= inverse
        r = s.v[0] - distance - offset
        along = innovation_variance(f, 0, east, 1, north)
        prior = along + spread
        if i == MAIN:
            judge_anchor(b, link, r, sqrt(prior), power, w.t, c)
        if los <= 0:  # as the first of them sees it: the way is the same for all
            los = line_of_sight(distance)
        range_moments(r, prior, power, los, &c.ranges, &mean, &ratio, &evidence if w.exploring else NULL)
        if w.exploring:
            f.score += evidence
        inverse = 1 / prior
        shift(f, 0, east, 1, north, mean * inverse, (1 - ratio) * inverse)
        if i == MAIN:
            if link.suspicion == 0:
                b.seen_s[RANGE] = w.t
            if learn and b.mode == RUNNING:
                inverse *= spread  # the delay's share
                learn_delay(delay, 0 if late else 1, offset, spread, mean * inverse, 1 - (1 - ratio) * inverse)


cdef void take_difference(Bank* b, Work* w, const Sample* s, const Config* c, const Shared* shared) noexcept nogil:
    cdef const double* near = shared.anchors + 3 * s.detail
    cdef const double* far = shared.anchors + 3 * <int>s.v[1]
    cdef double e1, n1, e2, n2, d1, d2
    cdef int i
    cdef Filter* f
    for i in range(FILTERS):
        if not uses(b, w, i, USES_RANGE):
            continue
        f = &b.f[i]
        e1 = f.x[0] - near[0]
        n1 = f.x[1] - near[1]
        e2 = f.x[0] - far[0]
        n2 = f.x[1] - far[1]
        d1 = sqrt(e1 * e1 + n1 * n1 + (near[2] - c.antenna_height_m) ** 2) + 1e-9
        d2 = sqrt(e2 * e2 + n2 * n2 + (far[2] - c.antenna_height_m) ** 2) + 1e-9
        if soft_update(
            f, 0, e1 / d1 - e2 / d2, 1, n1 / d1 - n2 / d2, s.v[0] - d1 + d2, c.tdoa_sigma_m, 0.3, 20.0, w.exploring
        ) and i == MAIN:
            b.seen_s[TDOA] = w.t


cdef void take_bearing(Bank* b, Work* w, const Sample* s, const Shared* shared) noexcept nogil:
    cdef const double* anchor = shared.anchors + 3 * s.detail
    cdef double east, north, square
    cdef int i
    cdef Filter* f
    for i in range(FILTERS):
        if not uses(b, w, i, USES_RANGE):
            continue
        f = &b.f[i]
        east = f.x[0] - anchor[0]
        north = f.x[1] - anchor[1]
        square = east * east + north * north
        if square < 1:  # at its foot a bearing says nothing
            continue
        if soft_update(
            f, 0, -north / square, 1, east / square, turned(s.v[0] - atan2(north, east)), s.v[1], 0.2, 0.5, w.exploring
        ) and i == MAIN:
            b.seen_s[ANGLE_OF_ARRIVAL] = w.t


cdef void take_seen(Bank* b, Work* w, const Sample* s, const Config* c) noexcept nogil:
    # a roadside sensor's own detection: as credible as its sigma in 19 of 20 cases
    cdef int i
    cdef Filter* f
    cdef double evidence, weight, good, bad, east, north
    for i in range(FILTERS):
        if not (b.alive >> i) & 1:
            continue
        f = &b.f[i]
        east = s.v[0] - f.x[0]
        north = s.v[1] - f.x[1]
        good = 0.5 * (f.p[0] + f.p[1]) + s.v[2] * s.v[2]
        bad = good + 100
        weight = pair_weight(
            (east * east + north * north) / good, good * good, (east * east + north * north) / bad, bad * bad, 0.05,
            &evidence if w.exploring else NULL
        )
        if w.exploring:
            f.score += evidence
        if i == MAIN:
            judge_source(b, DETECTION, weight < REFUSED and contradicts(b, length(east, north), 0, c), w.t)
        if weight < LEAST_WEIGHT:
            continue
        update(f, 0, 1, 0, 0, east, s.v[2] * s.v[2] / weight)
        update(f, 1, 1, 1, 0, s.v[1] - f.x[1], s.v[2] * s.v[2] / weight)
        if i == MAIN:
            b.seen_s[ROADSIDE_DETECTION] = w.t


cdef void take_heading_or_lane(Bank* b, Work* w, const Sample* s) noexcept nogil:
    cdef int i
    cdef Filter* f
    cdef double east, north
    cdef bint taken
    for i in range(FILTERS):
        if not (b.alive >> i) & 1:
            continue
        f = &b.f[i]
        if s.kind == HEADING:
            taken = soft_update(f, 3, 1, 3, 0, turned(s.v[0] - f.x[3]), s.v[1], 0.1, 1.0, w.exploring)
        else:
            east = -sin(s.v[2])
            north = cos(s.v[2])
            taken = soft_update(
                f, 0, east, 1, north, east * (s.v[0] - f.x[0]) + north * (s.v[1] - f.x[1]), s.v[3], 0.2, 10.0, w.exploring
            )
        if taken and i == MAIN:
            b.seen_s[s.kind] = w.t
