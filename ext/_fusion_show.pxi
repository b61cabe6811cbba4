# What leaves: one vehicle's row, brought to the moment that was asked for.

cdef void show(const Bank* b, int64_t now_ns, const Config* c, double* out, uint32_t* marks) noexcept nogil:
    cdef Filter f
    cdef Noise q = c.noise
    cdef double t = (b.time_ns - b.born_ns) * 1e-9, ahead = fmax((now_ns - b.time_ns) * 1e-9, 0), sigma, level
    cdef bint gyro = t + ahead - b.yaw_s < SILENT_GYRO_S
    cdef Motion m
    cdef int i, j
    f = b.f[b.best]
    if ahead > 0:
        if t + ahead - b.wheel_s >= SILENT_WHEEL_S:
            q.acceleration = c.acceleration_without_wheel
        if not gyro:
            q.gyro = c.gyro_without
        motion_over(ahead, b.still < STILL_SAMPLES, &q, &m)
        predict(&f, b.yaw_rate if gyro else f.x[4], &m)
    sigma = major(&f)
    level = protection(b, sigma, c, ahead)
    out[0] = f.x[0]
    out[1] = f.x[1]
    out[2] = M_PI_2 - f.x[3]
    out[3] = f.x[2]
    out[4] = level
    for i in range(4):
        for j in range(4):
            out[5 + 4 * i + j] = covariance(&f, i, j) * (-1 if (i == 3) != (j == 3) else 1)
    marks[0] = alarmed(b, level, c, ahead)
    marks[1] = 0
    for i in range(SEEN):
        if t + ahead - b.seen_s[i] < RECENT_S:
            marks[1] |= <uint32_t>1 << i
