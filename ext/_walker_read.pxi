# What this block takes, and which vehicles are its own.

include "_fusion_read.pxi"


cdef bint gives_place(int kind) noexcept nogil:
    return kind == RANGE or kind == TDOA


cdef int read_sample(int kind, const double* v, Py_ssize_t anchors, Sample* s) noexcept nogil:
    memset(s, 0, sizeof(Sample))
    return read_common(kind, v, anchors, s) if gives_place(kind) or kind == WHEEL_SPEED else MALFORMED


cdef int turned_away(const Fleet* fleet, int kind, int64_t id) noexcept nogil:
    # what gives no place is taken of known ones only
    return 0 if gives_place(kind) or fleet.slots[2 * slot_of(fleet, id) + 1] else ELSEWHERE


cdef int admitted(Vehicle* v, const Sample* s) noexcept nogil:
    return ACCEPTED
