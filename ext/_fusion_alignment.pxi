# Two RTK services differ by constant metres: each further source's offset from the first is learnt of all vehicles and taken off its fixes.
# Twin: `positioning.fusion_alignment`.

cdef double ALIGNED_M = 0.3  # by which one vehicle's fixes of two services differ from another's: antennas, reflections
cdef double ALIGNED_S = 10.0  # errors of one vehicle last so long
cdef double UNALIGNED_M = 0.3  # a vehicle that knows its place no better has nothing to tell
cdef double PRIMARY_S = 2.0  # nor has one that the first source has not placed for so long


cdef bint has_other_source(const Sample* s, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        if s[i].kind == FIX and s[i].detail & 255:
            return True
    return False


cdef void align(const Sample* s, int count, Sample* aligned, const Shared* shared) noexcept nogil:
    # an offset that is not known yet makes a fix worth as little as old corrections do
    cdef int i, source
    cdef bint late
    cdef double age, spread
    cdef const Delay* offset
    memcpy(aligned, s, count * sizeof(Sample))
    for i in range(count):
        source = s[i].detail & 255
        if s[i].kind != FIX or source == 0 or source >= shared.sources or s[i].detail >> 16 == SINGLE:
            continue
        offset = shared.offsets + 2 * source
        late = s[i].measured_ns <= shared.since_ns
        aligned[i].v[0] -= offset[0].offset_before if late else offset[0].offset
        aligned[i].v[1] -= offset[1].offset_before if late else offset[1].offset
        spread = fmax(offset[0].variance_before, offset[1].variance_before) if late else fmax(offset[0].variance, offset[1].variance)
        age = 0.0 if isnan(s[i].v[3]) else fmax(s[i].v[3] - 5, 0)
        aligned[i].v[3] = 5 + sqrt(age * age + 1e4 * spread)


cdef void learn_alignment(const Bank* b, const Work* w, const Sample* s, Shared* shared) noexcept nogil:
    # of vehicles that the first source places well; a wrong one counts the less the farther off it is, none ever shuts the others out
    cdef const Filter* f = &b.f[MAIN]
    cdef double east = s.v[0] - f.x[0], north = s.v[1] - f.x[1], missed, variance, precision, sigma, wrong
    cdef double gap = fmin(w.t - b.other_s, 1.0)
    cdef int bucket = 0 if s.measured_ns <= shared.since_ns else 1, axis, source = s.detail & 255
    cdef Delay* offset = shared.offsets + 2 * source
    if source >= shared.sources or s.detail >> 16 != FIXED or s.detail >> 8 & 255 < 13 or b.mode != RUNNING:
        return
    if w.t - b.primary_s > PRIMARY_S or major(f) > UNALIGNED_M or length(east, north) > GROSS_M:
        return
    fix_law(FIXED, s.detail >> 8 & 255, &sigma, &wrong)
    for axis in range(2):
        missed = north if axis else east
        variance = offset[axis].variance if bucket else offset[axis].variance_before
        precision = gap / ALIGNED_S / (f.p[axis] + sigma * sigma + ALIGNED_M * ALIGNED_M)
        precision /= 1 + (east * east + north * north) / (ALIGNED_M * ALIGNED_M + variance)
        offset[axis].precision[bucket] += precision
        offset[axis].moment[bucket] += precision * ((offset[axis].offset if bucket else offset[axis].offset_before) + missed)
