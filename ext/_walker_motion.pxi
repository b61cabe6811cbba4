# How a walker moves, heard and unheard.

cdef void velocity_noise(const Wide* f, const Config* c, double* noise) noexcept nogil:
    # per second, (2, 2): round while slow, along the course while fast, as far as that is known
    cdef double square = f.x[2] * f.x[2] + f.x[3] * f.x[3], fast = square / (square + c.walk_slow_mps * c.walk_slow_mps)
    cdef double size = square + f.p[2 * WIDE + 2] + f.p[3 * WIDE + 3] + 1e-12, along, one
    cdef int i, j
    for i in range(2):
        for j in range(2):
            one = 1.0 if i == j else 0.0
            along = (f.x[2 + i] * f.x[2 + j] + f.p[(2 + i) * WIDE + 2 + j]) / size
            noise[2 * i + j] = c.walk * c.walk * (one * (1 - fast) + along * fast) + c.walk_across * c.walk_across * fast * (one - along)


cdef void predict(Bank* b, double dt, const Config* c) noexcept nogil:
    # a random walk of the velocity (Bar-Shalom 2001 eq. 6.2.2-12), then, unheard for long, of the place
    cdef Wide* f = &b.f
    cdef double near = fmin(dt, BLIND_S), least, lasting
    cdef double[WIDE * WIDE] step
    cdef double[4] noise
    cdef int i, j
    if dt <= 0:
        return
    least = fmax(hypot(f.x[2], f.x[3]) - 2 * sqrt(f.p[2 * WIDE + 2] + f.p[3 * WIDE + 3]), 0.0)
    velocity_noise(f, c, noise)
    memset(step, 0, sizeof(step))
    for i in range(WIDE):
        step[i * WIDE + i] = 1
    step[2] = step[WIDE + 3] = near
    propagate(f, step)
    for i in range(2):
        for j in range(2):
            f.p[i * WIDE + j] += noise[2 * i + j] * near * near * near / 3
            f.p[i * WIDE + 2 + j] += noise[2 * i + j] * near * near / 2
            f.p[(2 + i) * WIDE + j] += noise[2 * i + j] * near * near / 2
            f.p[(2 + i) * WIDE + 2 + j] += noise[2 * i + j] * near
    f.x[0] += f.x[2] * fmin(near, COAST_S)
    f.x[1] += f.x[3] * fmin(near, COAST_S)
    if dt > near:
        wander(f, dt - near, least)
    lasting = exp(-dt / c.link_time_s)
    for i in range(ERROR, WIDE):
        f.x[i] *= lasting
        for j in range(WIDE):
            f.p[i * WIDE + j] *= lasting
            f.p[j * WIDE + i] *= lasting
        f.p[i * WIDE + i] += c.link_error_m * c.link_error_m * (1 - lasting * lasting)
    b.apart_m *= lasting


cdef void wander(Wide* f, double dt, double speed) noexcept nogil:
    # who stood stays about there; who walked may have walked on
    cdef int i
    for i in range(2):
        widen(f, 2 + i, START_SPEED_MPS * START_SPEED_MPS)
        f.x[2 + i] = 0
        f.p[i * WIDE + i] += WANDER * WANDER * dt + speed * dt * speed * dt


cdef void polar(const Wide* f, double* out) noexcept nogil:
    # covariance of east, north, speed and course (clockwise); a course of one who stands may be any
    cdef double speed = hypot(f.x[2], f.x[3]), cosine = 1, sine = 0
    cdef bint known = speed * speed > f.p[2 * WIDE + 2] + f.p[3 * WIDE + 3]
    cdef double[16] turn
    cdef int i, j, k, m
    if speed > 0:
        cosine = f.x[2] / speed
        sine = f.x[3] / speed
    memset(turn, 0, sizeof(turn))
    turn[0] = turn[5] = 1
    turn[10] = cosine
    turn[11] = sine
    if known:
        turn[14] = sine / speed
        turn[15] = -cosine / speed
    for i in range(4):
        for j in range(4):
            out[4 * i + j] = 0
            for k in range(4):
                for m in range(4):
                    out[4 * i + j] += turn[4 * i + k] * f.p[k * WIDE + m] * turn[4 * j + m]
    if not known:
        out[15] += M_PI * M_PI / 3
