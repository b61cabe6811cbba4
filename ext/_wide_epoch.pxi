# One epoch of a wide vehicle, and what leaves it.

cdef void epoch(Bank* b, const Sample* s, int count, const Config* c, Shared* shared, bint learn) noexcept nogil:
    cdef Work w
    cdef int i
    if b.mode == EMPTY:
        if not tight_start(b, &w, s, count, c):
            return
    else:
        for i in range(b.live):
            wake(&b.f[i], &w.f[i])
    w.dt = (s.measured_ns - b.time_ns) * 1e-9
    w.t = (s.measured_ns - b.born_ns) * 1e-9
    w.exploring = b.mode == EXPLORING
    tight_epoch(b, &w, s, count, c, shared)
    b.time_ns = s.measured_ns
    for i in range(b.live):
        rest(&w.f[i], &b.f[i])


cdef void show(const Bank* b, int64_t now_ns, const Config* c, double* out, uint32_t* marks) noexcept nogil:
    cdef double ahead = fmax((now_ns - b.time_ns) * 1e-9, 0), t = (b.time_ns - b.born_ns) * 1e-9 + ahead
    cdef bint odometer = t - b.wheel_s < SILENT_WHEEL_S, gyro = t - b.yaw_s < SILENT_GYRO_S
    cdef Wide f
    cdef int i, j
    wake(&b.f[b.best], &f)
    if ahead > 0:
        tight_predict(
            &f, ahead, b.yaw_rate if gyro else f.x[TURN_BIAS], b.still < STILL_SAMPLES,
            c.acceleration if odometer else c.acceleration_without_wheel, c.gyro if gyro else c.gyro_without, c
        )
    out[0] = f.x[EAST]
    out[1] = f.x[NORTH]
    out[2] = M_PI_2 - f.x[COURSE]
    out[3] = f.x[SPEED]
    out[4] = tight_protection(b, major(f.p), c)
    for i in range(4):
        for j in range(4):
            out[5 + 4 * i + j] = f.p[WIDE * i + j] * (-1 if (i == 3) != (j == 3) else 1)
    marks[0] = out[4] > c.alert_level_m or b.refused_s >= REFUSED_ALERT_S or b.wheel_refused_s >= 0.3
    marks[1] = 0
    for i in range(SEEN):
        if t - b.seen_s[i] < RECENT_S:
            marks[1] |= <uint32_t>1 << i
