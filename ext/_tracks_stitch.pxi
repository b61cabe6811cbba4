# Which lost track a young one continues. The twin is `positioning.stitching_model`, which gives the rules.

cdef int64_t HIDDEN_NS = 3_000_000_000
cdef double CARRIED_M = 15.0
cdef double LIKELY = 9.0
cdef double PLACE_SIGMA_M = 0.5
cdef double BRAKING_MPS2 = 2.0
cdef double ACROSS_BY_WAY = 0.12
cdef double TURN_SIGMA_RAD = 0.15
cdef double TURNING = 1.5
cdef double SIZE_APART = 0.35


cdef inline bint is_lost(const Table* t, Py_ssize_t lost, Py_ssize_t young) noexcept nogil:
    """No roadside source has seen it since the young one began, and it is not hidden for too long."""
    cdef int64_t begun = t.marks[young * MARKS + M_BORN_NS], seen = t.marks[lost * MARKS + M_ROADSIDE_NS]
    return t.marks[lost * MARKS + M_CONFIRMED] == 1 and 0 < seen < begun and begun - seen < HIDDEN_NS


cdef double continuing_cost(const Table* t, Py_ssize_t lost, Py_ssize_t young) noexcept nogil:
    """Squared sigmas; nothing where a source gave both one number, INFINITY where they cannot be one."""
    if not alike(t, lost, young):
        return INFINITY
    return 0.0 if one_number(t, lost, young) else way_cost(t, lost, young)


cdef bint alike(const Table* t, Py_ssize_t lost, Py_ssize_t young) noexcept nogil:
    """Of one kind and size, and not two vehicles."""
    cdef const int64_t* m = t.marks + lost * MARKS
    cdef const int64_t* y = t.marks + young * MARKS
    cdef const double* n = t.numbers + lost * NUMBERS
    cdef const double* o = t.numbers + young * NUMBERS
    if t.profiles[m[M_CLASS] * PROFILE_COLUMNS + KIND] != t.profiles[y[M_CLASS] * PROFILE_COLUMNS + KIND]:
        return False
    if n[N_SIZE_WEIGHT] > 0 and o[N_SIZE_WEIGHT] > 0:
        if not fabs(n[N_LENGTH] - o[N_LENGTH]) < SIZE_APART * max(n[N_LENGTH], o[N_LENGTH]) + 0.2:
            return False
    return not (m[M_VEHICLE] != 0 and y[M_VEHICLE] != 0) and m[M_ORIENTED] == 1 and y[M_ORIENTED] == 1


cdef bint one_number(const Table* t, Py_ssize_t lost, Py_ssize_t young) noexcept nogil:
    """A station saw both under one number, not long apart."""
    cdef const int64_t* theirs
    cdef const int64_t* own
    cdef Py_ssize_t source
    cdef int64_t since
    if not hypot(t.motion[6 * young] - t.motion[6 * lost], t.motion[6 * young + 1] - t.motion[6 * lost + 1]) < CARRIED_M:
        return False
    for source in range(1, t.sources):
        theirs = t.link_marks + (lost * t.sources + source) * LINK_MARKS
        own = t.link_marks + (young * t.sources + source) * LINK_MARKS
        since = own[LM_TIME] - theirs[LM_TIME]
        if theirs[LM_LOCAL_ID] == own[LM_LOCAL_ID] and theirs[LM_TIME] > 0 and 0 < since < HIDDEN_NS:
            return True
    return False


cdef double way_cost(const Table* t, Py_ssize_t lost, Py_ssize_t young) noexcept nogil:
    """How far the hidden way is from a plain one: at the mean of both speeds, along the mean of both headings."""
    cdef const double* x = t.motion + 6 * lost
    cdef const double* y = t.motion + 6 * young
    cdef const double* profile = t.profiles + t.marks[lost * MARKS + M_CLASS] * PROFILE_COLUMNS
    cdef double hidden = (t.marks[young * MARKS + M_TIME_NS] - t.marks[lost * MARKS + M_TIME_NS]) * 1e-9
    cdef double turn = wrapped(y[HEADING] - x[HEADING]), middle = x[HEADING] + 0.5 * turn
    cdef double east = y[EAST] - x[EAST], north = y[NORTH] - x[NORTH]
    cdef double along = east * sin(middle) + north * cos(middle), across = east * cos(middle) - north * sin(middle)
    cdef double way = 0.5 * (y[SPEED] + x[SPEED]) * hidden, slack = 0.25 * BRAKING_MPS2 * hidden * hidden
    cdef double place2 = PLACE_SIGMA_M * PLACE_SIGMA_M + t.numbers[lost * NUMBERS + N_FLOOR] ** 2
    cdef double across2 = place2 + (ACROSS_BY_WAY * along) ** 2 + (0.25 * turn * along) ** 2
    cdef double turn2 = TURN_SIGMA_RAD * TURN_SIGMA_RAD + (TURNING * yaw_spread(0.5 * (y[SPEED] + x[SPEED]), profile) * hidden) ** 2
    cdef double turned = 0.0 if min(y[SPEED], x[SPEED]) < 1.0 else turn * turn / turn2
    return (along - way) ** 2 / (place2 + slack * slack) + across * across / across2 + turned
