# From a row of a batch to a sample in the zone's plane: angles from east to north, what is out of range refused.

cdef bint in_range(const double* v, int first, int last, double limit) noexcept nogil:
    cdef int i
    for i in range(first, last):
        if not fabs(v[i]) < limit:  # NaN is not
            return False
    return True


cdef int anchor_of(double value, Py_ssize_t anchors) noexcept nogil:
    return <int>value if value >= 0 and value < anchors else -1


cdef int read_common(int kind, const double* v, Py_ssize_t anchors, Sample* s) noexcept nogil:
    cdef int status
    s.kind = kind
    s.detail = 0
    memcpy(s.v, v, 4 * sizeof(double))
    if kind == STANDSTILL:
        memset(s.v, 0, 4 * sizeof(double))
        return ACCEPTED
    if kind == FIX:
        s.v[3] = v[5] if isnan(v[5]) else fmin(v[5], 1e4)  # of the corrections; beyond, nothing gets worse
        if not in_range(v, 0, 2, FARTHEST_M) or not (isnan(v[2]) or fabs(v[2]) < 1e5) or not (v[3] >= 0 and v[3] < 6):
            return OUT_OF_RANGE
        status = <int>v[3]
        if status == 1:  # NONE
            return OUT_OF_RANGE
        status = FIXED if status == 5 else (FLOAT if status == 4 else SINGLE)
        s.detail = (status << 8 | <int>(fmin(v[4], 99) if v[4] > 0 else 0)) << 8 | <int>(fmin(v[7], 255) if v[7] > 0 else 0)
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
        return ACCEPTED if in_range(v, 0, 2, 100) and v[1] > LEAST_SIGMA else OUT_OF_RANGE
    if kind == LANE:
        s.v[2] = M_PI_2 - v[2]
        return ACCEPTED if in_range(v, 0, 2, FARTHEST_M) and in_range(v, 2, 4, 100) and v[3] > LEAST_SIGMA else OUT_OF_RANGE
    if kind == ROADSIDE_DETECTION:
        return ACCEPTED if in_range(v, 0, 3, FARTHEST_M) and v[2] > LEAST_SIGMA else OUT_OF_RANGE
    return read_ranging(kind, v, anchors, s)


cdef int read_ranging(int kind, const double* v, Py_ssize_t anchors, Sample* s) noexcept nogil:
    if kind == RANGE:
        s.detail = anchor_of(v[1], anchors)
        return ACCEPTED if in_range(v, 0, 1, 1e5) and v[0] > 0 and s.detail >= 0 else OUT_OF_RANGE
    if kind == TDOA:
        s.v[1] = v[2]
        s.detail = anchor_of(v[1], anchors)
        return ACCEPTED if in_range(v, 0, 1, 1e5) and s.detail >= 0 and anchor_of(v[2], anchors) >= 0 and v[1] != v[2] else OUT_OF_RANGE
    if kind == ANGLE_OF_ARRIVAL:
        s.v[0] = M_PI_2 - v[0]
        s.detail = anchor_of(v[2], anchors)
        return ACCEPTED if in_range(v, 0, 2, 100) and v[1] > LEAST_SIGMA and s.detail >= 0 else OUT_OF_RANGE
    return MALFORMED
