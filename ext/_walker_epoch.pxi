# One epoch of a walker, and what leaves.

cdef void forget_links(Bank* b) noexcept nogil:
    cdef int i
    for i in range(LINKS):
        b.links[i].anchor = -1
        b.links[i].refused = 0
        b.links[i].heard_s = NEVER_S


cdef double delay_of(const Bank* b, int anchor, const Shared* shared, double* variance) noexcept nogil:
    # as known to all at that moment
    cdef bint late = b.time_ns <= shared.since_ns
    variance[0] = shared.delays[anchor].variance_before if late else shared.delays[anchor].variance
    return shared.delays[anchor].offset_before if late else shared.delays[anchor].offset


cdef int link_of(Bank* b, int anchor, const Config* c, const Shared* shared) noexcept nogil:
    # the anchor's place among the links; one that is silent gives way; -1 where none is
    cdef int i, k = 0
    cdef double variance
    for i in range(LINKS):
        if b.links[i].anchor == anchor:
            return i
    for i in range(1, LINKS):
        if b.links[i].heard_s < b.links[k].heard_s:
            k = i
    if b.t - b.links[k].heard_s < FRESH_S:
        return -1
    b.links[k].anchor = anchor
    b.links[k].refused = 0
    b.links[k].heard_s = NEVER_S
    b.f.x[DELAY + k] = delay_of(b, anchor, shared, &variance)
    widen(&b.f, DELAY + k, variance)
    widen(&b.f, ERROR + k, c.link_error_m * c.link_error_m)
    b.f.x[ERROR + k] = 0
    return k


cdef double ray(const Bank* b, int k, const Config* c, const Shared* shared, double sign, double* h) noexcept nogil:
    # -> what the link measures; its row is added to h
    cdef const double* anchor = shared.anchors + 3 * b.links[k].anchor
    cdef double east = b.f.x[0] - anchor[0], north = b.f.x[1] - anchor[1], up = anchor[2] - c.antenna_height_m
    cdef double distance = sqrt(east * east + north * north + up * up) + 1e-9
    h[0] += sign * (east / distance)
    h[1] += sign * (north / distance)
    h[DELAY + k] += sign
    h[ERROR + k] += sign
    return distance + b.f.x[DELAY + k] + b.f.x[ERROR + k]


cdef void take_range(Bank* b, int k, double measured_m, double walked_m, const Config* c, const Shared* shared) noexcept nogil:
    # walked_m: how far the walker may have come since
    cdef Link* link = &b.links[k]
    cdef RangeLaw law = c.ranges
    cdef double[WIDE] h
    cdef double expected, r, prior, mean, ratio, far
    memset(h, 0, sizeof(h))
    expected = ray(b, k, c, shared, 1, h)
    r = measured_m - expected
    prior = variance_along(&b.f, h)
    law.los_m = hypot(law.los_m, walked_m)
    law.nlos_m = hypot(law.nlos_m, walked_m)
    range_moments(
        r, prior, 1, c.range_los_share if c.range_los_share > 0 else line_of_sight(expected), &law, &mean, &ratio, NULL
    )
    shift(&b.f, h, mean, ratio)
    far = 4 * sqrt(prior + law.nlos_m * law.nlos_m)
    link.refused = min(link.refused + 1, 1000) if r < -far or r > far + 5 * law.excess_m else 0
    if link.refused == 0:
        b.range_s = b.t


cdef void take_difference(Bank* b, const Sample* s, const Config* c, const Shared* shared) noexcept nogil:
    cdef int near = link_of(b, s.detail, c, shared), far = -1
    cdef double[WIDE] h
    cdef double expected
    if near >= 0:
        b.links[near].heard_s = b.t
        far = link_of(b, <int>s.v[1], c, shared)
    if far < 0:
        return
    b.links[far].heard_s = b.t
    memset(h, 0, sizeof(h))
    expected = ray(b, near, c, shared, 1, h)
    expected -= ray(b, far, c, shared, -1, h)
    if soft_update(&b.f, h, s.v[0] - expected, c.tdoa_sigma, 0.3, 20.0, False):
        b.links[near].refused = b.links[far].refused = 0
        b.difference_s = b.t
    else:
        b.links[near].refused = min(b.links[near].refused + 1, 1000)
        b.links[far].refused = min(b.links[far].refused + 1, 1000)


cdef void add(Meeting* m, int anchor, double metres, const Bank* b, const Shared* shared) noexcept nogil:
    cdef double variance
    memcpy(&m.places[3 * m.count], shared.anchors + 3 * anchor, 3 * sizeof(double))
    m.ranges[m.count] = metres - delay_of(b, anchor, shared, &variance)
    m.scale += variance  # the sum of the delays' variances, of which `begun` makes the scale
    m.count += 1


cdef bint begun(Bank* b, Meeting* m, const Config* c, double* place) noexcept nogil:
    # begin where these ranges meet, if that is one place
    cdef int i
    cdef Misfit there
    cdef double down
    m.height = c.antenna_height_m
    m.scale = 3 * sqrt(c.ranges.los_m * c.ranges.los_m + c.link_error_m * c.link_error_m + m.scale / m.count)
    frame(m)
    if not meet(m, place):
        return False
    b.apart_m = separation(m, place)
    misfit(m, place, -1, &there)  # in units of three sigma: what is taken below a second time is a tenth of the evidence
    down = there.normal[0] * there.normal[2] - there.normal[1] * there.normal[1]
    for i in range(4):
        widen(&b.f, i, there.normal[2 - 2 * i] / down if i < SPEED else START_SPEED_MPS * START_SPEED_MPS)
        b.f.x[i] = place[i] if i < SPEED else 0
    b.f.p[1] = b.f.p[WIDE] = -there.normal[1] / down
    b.mode = RUNNING
    return True


cdef bint start_by_ranges(Bank* b, const Sample* s, int count, const Config* c, const Shared* shared) noexcept nogil:
    cdef Meeting m
    cdef double[2] place
    cdef int i, k
    memset(&m, 0, sizeof(m))
    for i in range(count):
        if s[i].kind == RANGE:
            k = link_of(b, s[i].detail, c, shared)
            if k >= 0:
                b.links[k].heard_s = b.t
                b.links[k].range_m = s[i].v[0]
    for k in range(LINKS):
        if b.links[k].anchor >= 0 and b.t - b.links[k].heard_s <= FRESH_S:
            add(&m, b.links[k].anchor, b.links[k].range_m, b, shared)
    if m.count < 3:
        b.lonely_s = b.t
        return False
    if (m.count < LINKS and b.t - b.lonely_s < PATIENCE_S) or not begun(b, &m, c, place):
        return False
    for k in range(LINKS):
        if b.links[k].anchor >= 0 and b.t - b.links[k].heard_s <= FRESH_S:
            take_range(b, k, b.links[k].range_m, BRISK_MPS * (b.t - b.links[k].heard_s), c, shared)
    b.apart_m += hypot(b.f.x[0] - place[0], b.f.x[1] - place[1])
    return True


cdef void start_by_differences(Bank* b, const Sample* s, int count, const Config* c, const Shared* shared) noexcept nogil:
    # the first three differences of one moment to one reference
    cdef Meeting m
    cdef double[2] place
    cdef int i, j, first = -1
    memset(&m, 0, sizeof(m))
    m.common = True
    for i in range(count):
        if s[i].kind != TDOA or (first >= 0 and s[i].v[1] != s[first].v[1]):
            continue
        if first < 0:
            first = i
            add(&m, <int>s[i].v[1], 0, b, shared)
        if m.count == LINKS:
            break
        for j in range(first, i):
            if s[j].kind == TDOA and s[j].v[1] == s[first].v[1] and s[j].detail == s[i].detail:
                return
        add(&m, s[i].detail, s[i].v[0], b, shared)
    if m.count < LINKS or not begun(b, &m, c, place):
        return
    for i in range(first, count):
        if s[i].kind == TDOA and s[i].v[1] == s[first].v[1]:
            take_difference(b, &s[i], c, shared)
    b.apart_m += hypot(b.f.x[0] - place[0], b.f.x[1] - place[1])


cdef void epoch(Bank* b, const Sample* s, int count, const Config* c, Shared* shared, bint learn) noexcept nogil:
    # `learn` is not asked: a walker teaches nothing about the anchors, for nothing else says where it is
    cdef int i, k
    cdef double dt
    cdef bint lost = True
    if b.born_ns == 0:
        b.born_ns = b.time_ns = s.measured_ns
        b.range_s = b.difference_s = NEVER_S
        forget_links(b)
    dt = (s.measured_ns - b.time_ns) * 1e-9
    b.t = (s.measured_ns - b.born_ns) * 1e-9
    b.time_ns = s.measured_ns
    for i in range(count):
        b.driven |= s[i].kind == WHEEL_SPEED
    if b.driven:
        b.mode = EMPTY
        return
    if b.mode == EMPTY:
        if not start_by_ranges(b, s, count, c, shared):
            start_by_differences(b, s, count, c, shared)
        return
    predict(b, dt, c)
    for i in range(count):
        if s[i].kind == RANGE:
            k = link_of(b, s[i].detail, c, shared)
            if k >= 0:
                b.links[k].heard_s = b.t
                take_range(b, k, s[i].v[0], 0, c, shared)
        elif s[i].kind == TDOA:
            take_difference(b, &s[i], c, shared)
    for i in range(LINKS):
        if b.t - b.links[i].heard_s < FRESH_S and b.links[i].refused < REFUSALS:
            lost = False
    if lost:
        b.mode = EMPTY
        forget_links(b)


cdef void show(const Bank* known, int64_t now_ns, const Config* c, double* out, uint32_t* marks) noexcept nogil:
    cdef Bank b = known[0]
    cdef double dt = fmax((now_ns - known.time_ns) * 1e-9, 0.0), t = known.t + dt
    cdef int i
    predict(&b, dt, c)
    out[0] = b.f.x[0]
    out[1] = b.f.x[1]
    out[2] = M_PI_2 - atan2(b.f.x[3], b.f.x[2])
    out[3] = hypot(b.f.x[2], b.f.x[3])
    out[4] = fmax(c.k_sigma * hypot(major(b.f.p), WITH_ANCHORS * c.unmodelled_m), b.apart_m)
    polar(&b.f, &out[5])
    marks[0] = out[4] > c.alert_level_m
    for i in range(LINKS):
        marks[0] |= known.links[i].refused >= REFUSALS and t - known.links[i].heard_s < FRESH_S
    marks[1] = (1 << RANGE if t - known.range_s < RECENT_S else 0) | (1 << TDOA if t - known.difference_s < RECENT_S else 0)
