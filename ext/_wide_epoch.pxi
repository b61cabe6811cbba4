# One epoch of a wide vehicle and what leaves it, by its model.
#
# A second model is put in here, nowhere else in the kernel:
# 1. its number beside TIGHT in `_wide.pyx`, its kinds in `gives_place`, its numbers at the end of `Config` and of `WideConfig`;
# 2. a `_wide_NAME.pxi` beside `_wide_tight.pxi`, with the meaning of its ten states and
#      NAME_start(b, w, samples, count, c, ...) -> bint: from EMPTY to EXPLORING or RUNNING, filters 0 .. b.live - 1 in w.f begun,
#      NAME_epoch(b, w, samples, count, c, shared): w.t, w.dt and w.exploring are set; it moves the filters and takes the samples,
#      NAME_seen(b, ahead_s, c, place): the row that leaves (`Seen`), brought `ahead_s` on;
# 3. a line in each of `epoch`, `begun` and `show`.
# A record has LINKS memories and FILTERS packed filters; what else a model must remember goes into `Bank`.

cdef struct Seen:
    double east, north, heading, speed, level  # heading from east to north
    double[16] p  # of east, north, speed, heading
    bint alert


cdef bint gives_place(int kind) noexcept nogil:
    return kind == PSEUDORANGE


cdef bint begun(Bank* b, Work* w, const Sample* s, int count, const Config* c) noexcept nogil:
    return tight_start(b, w, s, count, c)


cdef void epoch(Bank* b, const Sample* s, int count, const Config* c, Shared* shared, bint learn) noexcept nogil:
    cdef Work w
    cdef int i
    if b.mode == EMPTY:
        if not begun(b, &w, s, count, c):
            return
    else:
        for i in range(b.live):
            wake(&b.f[i], &w.f[i])
    w.dt = (s.measured_ns - b.time_ns) * 1e-9
    w.t = (s.measured_ns - b.born_ns) * 1e-9
    w.exploring = b.mode == EXPLORING
    if b.model == TIGHT:
        tight_epoch(b, &w, s, count, c, shared)
    b.time_ns = s.measured_ns
    for i in range(b.live):
        rest(&w.f[i], &b.f[i])


cdef void show(const Bank* b, int64_t now_ns, const Config* c, double* out, uint32_t* marks) noexcept nogil:
    cdef double ahead = fmax((now_ns - b.time_ns) * 1e-9, 0), t = (b.time_ns - b.born_ns) * 1e-9 + ahead
    cdef Seen place
    cdef int i, j
    if b.model == TIGHT:
        tight_seen(b, ahead, c, &place)
    out[0] = place.east
    out[1] = place.north
    out[2] = M_PI_2 - place.heading
    out[3] = place.speed
    out[4] = place.level
    for i in range(4):
        for j in range(4):
            out[5 + 4 * i + j] = place.p[4 * i + j] * (-1 if (i == 3) != (j == 3) else 1)
    marks[0] = place.alert
    marks[1] = 0
    for i in range(SEEN):
        if t - b.seen_s[i] < RECENT_S:
            marks[1] |= <uint32_t>1 << i
