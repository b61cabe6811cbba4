# Late samples: the bank at the window's old edge, the window's samples in order, and the bank after all of them.

cdef int64_t find(int64_t* slots, Py_ssize_t size, int64_t id, int64_t* used, int64_t capacity) noexcept nogil:
    # open addressing; a slot holds id and row + 1
    cdef uint32_t at = <uint32_t>((id * HASH) >> 7) & <uint32_t>(size - 1)
    while slots[2 * at + 1]:
        if slots[2 * at] == id:
            return slots[2 * at + 1] - 1
        at = (at + 1) & <uint32_t>(size - 1)
    if used[0] >= capacity:
        return -1
    slots[2 * at] = id
    used[0] += 1
    slots[2 * at + 1] = used[0]
    return used[0] - 1


cdef bint in_range(const double* v, int first, int last, double limit) noexcept nogil:
    cdef int i
    for i in range(first, last):
        if not fabs(v[i]) < limit:  # NaN is not
            return False
    return True


cdef int anchor_of(double value, Py_ssize_t anchors) noexcept nogil:
    return <int>value if value >= 0 and value < anchors else -1


cdef int read_sample(int kind, const double* v, Py_ssize_t anchors, Sample* s) noexcept nogil:
    cdef int status
    s.kind = kind
    s.detail = 0
    memcpy(s.v, v, 4 * sizeof(double))
    if kind == STANDSTILL:
        memset(s.v, 0, 4 * sizeof(double))
        return ACCEPTED
    if kind == FIX:
        s.v[3] = v[5]
        if not in_range(v, 0, 2, FARTHEST_M) or not (isnan(v[2]) or fabs(v[2]) < 1e5) or not (v[3] >= 0 and v[3] < 6):
            return OUT_OF_RANGE
        status = <int>v[3]
        if status == 1:  # NONE
            return OUT_OF_RANGE
        status = FIXED if status == 5 else (FLOAT if status == 4 else SINGLE)
        s.detail = status << 8 | <int>(fmin(v[4], 99) if v[4] > 0 else 0)
        return ACCEPTED
    if kind == WHEEL_SPEED or kind == YAW_RATE:
        s.v[1] = s.v[2] = s.v[3] = 0
        s.v[0] = v[0] if kind == WHEEL_SPEED else -v[0]
        return ACCEPTED if in_range(v, 0, 1, 120 if kind == WHEEL_SPEED else 10) else OUT_OF_RANGE
    if kind == VELOCITY:
        s.detail = <int>fmin(v[3], 99) if v[3] >= 0 else 13  # unsaid: as a source of speed without a count
        return ACCEPTED if in_range(v, 0, 2, 120) and not v[2] <= 0 else OUT_OF_RANGE
    if kind == HEADING:
        s.v[0] = M_PI_2 - v[0]
        return ACCEPTED if in_range(v, 0, 2, 100) and v[1] > 0 else OUT_OF_RANGE
    if kind == LANE:
        s.v[2] = M_PI_2 - v[2]
        return ACCEPTED if in_range(v, 0, 2, FARTHEST_M) and in_range(v, 2, 4, 100) and v[3] > 0 else OUT_OF_RANGE
    if kind == ROADSIDE_DETECTION:
        return ACCEPTED if in_range(v, 0, 3, FARTHEST_M) and v[2] > 0 else OUT_OF_RANGE
    return read_ranging(kind, v, anchors, s)


cdef int read_ranging(int kind, const double* v, Py_ssize_t anchors, Sample* s) noexcept nogil:
    if kind == RANGE:
        s.detail = anchor_of(v[1], anchors)
        return ACCEPTED if in_range(v, 0, 1, 1e5) and v[0] > 0 and s.detail >= 0 else OUT_OF_RANGE
    if kind == TDOA:
        s.detail = anchor_of(v[1], anchors)
        return ACCEPTED if in_range(v, 0, 1, 1e5) and s.detail >= 0 and anchor_of(v[2], anchors) >= 0 and v[1] != v[2] else OUT_OF_RANGE
    if kind == ANGLE_OF_ARRIVAL:
        s.v[0] = M_PI_2 - v[0]
        s.detail = anchor_of(v[2], anchors)
        return ACCEPTED if in_range(v, 0, 2, 100) and v[1] > 0 and s.detail >= 0 else OUT_OF_RANGE
    return MALFORMED


cdef int take_row(
    Vehicle* vehicles, int64_t capacity, int64_t* slots, Py_ssize_t size, int64_t* used, const Config* c, Shared* shared,
    Py_ssize_t anchors, int kind, int64_t id, int64_t measured_ns, int64_t received_ns, const double* values
) noexcept nogil:
    cdef Sample s
    cdef int64_t row
    cdef int verdict
    cdef Vehicle* v
    if id < 0 or measured_ns < 0:
        return MALFORMED
    if measured_ns > received_ns + FUTURE_NS:
        return CLOCK_JUMP
    if received_ns - measured_ns > <int64_t>(c.late_s * 1e9):
        return STALE
    verdict = read_sample(kind, values, anchors, &s)
    if verdict != ACCEPTED:
        return verdict
    if s.kind == TDOA:
        s.v[1] = values[2]
    s.measured_ns = measured_ns
    row = find(slots, size, id, used, capacity)
    if row < 0:
        return QUEUE_FULL
    v = vehicles + row
    v.id = id
    if v.floor_ns and measured_ns <= v.floor_ns:
        return STALE
    if v.count == RING:
        if measured_ns < v.ring[0].measured_ns:  # nothing older fits
            return STALE
        retire(v, c, shared)
        if measured_ns <= v.floor_ns:
            return STALE
    insert(v, &s)
    return ACCEPTED


cdef bint before(const Sample* a, const Sample* b) noexcept nogil:
    # a total order, so that the order of arrival does not matter
    cdef int i
    if a.measured_ns != b.measured_ns:
        return a.measured_ns < b.measured_ns
    if a.kind != b.kind:
        return a.kind < b.kind
    if a.detail != b.detail:
        return a.detail < b.detail
    for i in range(4):
        if a.v[i] != b.v[i] and not (isnan(a.v[i]) and isnan(b.v[i])):
            return a.v[i] < b.v[i] or isnan(b.v[i])
    return False


cdef void insert(Vehicle* v, const Sample* s) noexcept nogil:
    cdef int at = v.count
    while at > 0 and before(s, &v.ring[at - 1]):
        at -= 1
    memmove(&v.ring[at + 1], &v.ring[at], (v.count - at) * sizeof(Sample))
    v.ring[at] = s[0]
    v.count += 1
    if v.applied and v.ring[v.applied - 1 if at >= v.applied else at].measured_ns >= s.measured_ns:
        v.applied = 0  # the head has gone past it: again from the base


cdef int group(const Vehicle* v, int first) noexcept nogil:
    cdef int last = first
    while last < v.count and v.ring[last].measured_ns == v.ring[first].measured_ns:
        last += 1
    return last - first


cdef void retire(Vehicle* v, const Config* c, Shared* shared) noexcept nogil:
    # the oldest epoch leaves the window: it is final now, and what it tells of the anchors is kept
    cdef int count = group(v, 0)
    epoch(&v.base, v.ring, count, c, shared, True)
    v.floor_ns = v.ring[0].measured_ns
    v.count -= count
    if v.applied >= count:
        v.applied -= count
    else:
        v.applied = 0
    memmove(v.ring, &v.ring[count], v.count * sizeof(Sample))


cdef void settle(Vehicle* v, int64_t edge_ns, const Config* c, Shared* shared) noexcept nogil:
    while v.count and v.ring[0].measured_ns < edge_ns:
        retire(v, c, shared)


cdef void catch_up(Vehicle* v, const Config* c, Shared* shared) noexcept nogil:
    cdef int i, count
    for i in range(v.applied):
        if v.ring[i].kind == RANGE:  # the anchors' delays may have changed since
            v.applied = 0
            break
    if v.applied == 0:
        v.head = v.base
    while v.applied < v.count:
        count = group(v, v.applied)
        epoch(&v.head, &v.ring[v.applied], count, c, shared, False)
        v.applied += count


cdef void show(const Bank* b, int64_t now_ns, const Config* c, double* out, uint32_t* marks) noexcept nogil:
    cdef Filter f
    cdef Noise q = c.noise
    cdef double t = (b.time_ns - b.born_ns) * 1e-9, ahead = fmax((now_ns - b.time_ns) * 1e-9, 0), sigma, level
    cdef double[3] place
    cdef int i, j
    cdef int[4] order = [0, 1, 2, 3]
    wake(&b.f[b.best], &f)
    if ahead > 0:
        if t + ahead - b.wheel_s >= SILENT_WHEEL_S:
            q.acceleration = c.acceleration_without_wheel
        if t + ahead - b.yaw_s >= SILENT_GYRO_S:
            q.gyro = c.gyro_without
        predict(&f, ahead, b.yaw_rate if t + ahead - b.yaw_s < SILENT_GYRO_S else f.x[4], b.still < STILL_SAMPLES, &q)
    place[0] = f.p[0]
    place[1] = f.p[1]
    place[2] = f.p[9]
    sigma = major(place)
    level = protection(b, sigma, c, ahead)
    out[0] = f.x[0]
    out[1] = f.x[1]
    out[2] = M_PI_2 - f.x[3]
    out[3] = f.x[2]
    out[4] = level
    for i in range(4):
        for j in range(4):
            out[5 + 4 * i + j] = f.p[8 * order[i] + order[j]] * (-1 if (i == 3) != (j == 3) else 1)
    marks[0] = alarmed(b, level, c)
    marks[1] = 0
    for i in range(SEEN):
        if t + ahead - b.seen_s[i] < RECENT_S:
            marks[1] |= <uint32_t>1 << i
