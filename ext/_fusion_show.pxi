# What leaves: one vehicle's row, brought to the moment that was asked for.

cdef void show(const Bank* b, int64_t now_ns, const Config* c, double* out, uint32_t* marks) noexcept nogil:
    cdef Filter[FILTERS] f
    cdef Filter merged
    cdef const Filter* shown = f
    cdef double ahead = fmax((now_ns - b.time_ns) * 1e-9, 0), t = (b.time_ns - b.born_ns) * 1e-9 + ahead, level
    cdef bint gyro = t - b.yaw_s < SILENT_GYRO_S
    cdef Motion m
    cdef int i, j, count = FILTERS if b.mode == EXPLORING else 1
    memcpy(f, b.f, count * sizeof(Filter))
    if ahead > 0:
        moves(b, c, t - b.wheel_s < SILENT_WHEEL_S, gyro, ahead, &m)
        for i in range(count):
            predict(&f[i], b.yaw_rate if gyro else f[i].x[4], &m)
    if b.mode == EXPLORING:
        merge(f, &merged)
        shown = &merged
        level = protection_of_all(b, f, shown, t, c)
    else:
        level = protection(b, shown, t, c)
    out[0] = shown.x[0]
    out[1] = shown.x[1]
    out[2] = M_PI_2 - shown.x[3]
    out[3] = shown.x[2]
    out[4] = level
    for i in range(4):
        for j in range(4):
            out[5 + 4 * i + j] = covariance(shown, i, j) * (-1 if (i == 3) != (j == 3) else 1)
    marks[0] = alarmed(b, level, t, c)
    marks[1] = 0
    for i in range(SEEN):
        if t - b.seen_s[i] < RECENT_S:
            marks[1] |= <uint32_t>1 << i
