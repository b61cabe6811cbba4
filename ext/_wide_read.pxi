# What this block takes beyond the bank's kinds, and which vehicles are its own.

include "_fusion_read.pxi"


cdef int read_sample(int kind, const double* v, Py_ssize_t anchors, Sample* s) noexcept nogil:
    memset(s, 0, sizeof(Sample))
    if kind == FIX or kind == ROADSIDE_DETECTION:  # such a vehicle is the bank's
        return MALFORMED
    if kind != PSEUDORANGE:
        return read_common(kind, v, anchors, s)
    s.kind = kind
    memcpy(s.v, v, SAMPLE_VALUES * sizeof(double))
    if not (in_range(v, 0, 4, 1e9) and hypot(hypot(v[1], v[2]), v[3]) > LOWEST_SATELLITE_M):
        return OUT_OF_RANGE
    if not (isnan(v[4]) or 0 <= v[4] < 100) or v[5] < 0:
        return OUT_OF_RANGE
    if not (0 <= v[6] < SYSTEMS_KNOWN and 0 <= v[7] < 65536):
        return OUT_OF_RANGE
    s.detail = <int>v[6] << 16 | <int>v[7]
    return ACCEPTED


cdef int turned_away(const Fleet* fleet, int kind, int64_t id) noexcept nogil:
    # what gives no place is taken of known vehicles only
    if kind == PSEUDORANGE or fleet.slots[2 * slot_of(fleet, id) + 1]:
        return 0
    return ELSEWHERE


cdef int admitted(Vehicle* v, const Sample* s) noexcept nogil:
    if v.opened:
        return ACCEPTED
    v.opened = True
    return ACCEPTED | ELSEWHERE
