# Which vehicle is in which row: found by open addressing, rows without a gap, and who gives its row back.
# Like `_fusion_ring.pxi` for any kernel that declares `Vehicle`. A slot holds id and row + 1; nothing is ever marked as deleted: what
# follows a freed slot moves up (Knuth 1998 section 6.4, algorithm R).

cdef extern from *:
    """
    /* The next record on its way into the second-level cache, gaps and all: the machine follows a stream, not a comb. */
    static void fetch(const void *record, size_t bytes)
    {
    #if defined(__GNUC__)
        const char *at = record, *end = at + bytes;
        for (; at < end; at += 64)
            __builtin_prefetch(at, 0, 1);
    #endif
    }
    """
    void fetch(const void* record, size_t bytes) noexcept nogil

cdef enum:
    USED = 0, FORGOTTEN = 1, DISPLACED = 2, SINCE_NS = 3, LATEST_NS = 4, TALLIES = 5, ROWS_AHEAD = 8

cdef struct Fleet:
    Vehicle* vehicles
    int64_t capacity
    int64_t* slots
    Py_ssize_t size  # a power of two
    int64_t* heard_ns  # of each row: when something was last accepted
    int64_t* tally


cdef inline Py_ssize_t home(const Fleet* fleet, int64_t id) noexcept nogil:
    return <Py_ssize_t>((<uint64_t>id * HASH) >> 7) & (fleet.size - 1)


cdef Py_ssize_t slot_of(const Fleet* fleet, int64_t id) noexcept nogil:
    # where the id is, or the free slot where it would be
    cdef Py_ssize_t at = home(fleet, id)
    while fleet.slots[2 * at + 1] and fleet.slots[2 * at] != id:
        at = (at + 1) & (fleet.size - 1)
    return at


cdef void free_slot(Fleet* fleet, Py_ssize_t hole) noexcept nogil:
    cdef Py_ssize_t mask = fleet.size - 1, at = (hole + 1) & mask
    while fleet.slots[2 * at + 1]:
        if ((at - home(fleet, fleet.slots[2 * at])) & mask) >= ((at - hole) & mask):  # it would not be found beyond the hole
            fleet.slots[2 * hole] = fleet.slots[2 * at]
            fleet.slots[2 * hole + 1] = fleet.slots[2 * at + 1]
            hole = at
        at = (at + 1) & mask
    fleet.slots[2 * hole] = fleet.slots[2 * hole + 1] = 0


cdef void forget_row(Fleet* fleet, int64_t row) noexcept nogil:
    # the last row takes its place
    cdef int64_t last = fleet.tally[USED] - 1
    free_slot(fleet, slot_of(fleet, fleet.vehicles[row].id))
    if row != last:
        fleet.slots[2 * slot_of(fleet, fleet.vehicles[last].id) + 1] = row + 1
        memcpy(&fleet.vehicles[row], &fleet.vehicles[last], sizeof(Vehicle))
        fleet.heard_ns[row] = fleet.heard_ns[last]
    memset(&fleet.vehicles[last], 0, sizeof(Vehicle))
    fleet.heard_ns[last] = 0
    fleet.tally[USED] = last


cdef void forget_silent(Fleet* fleet, int64_t now_ns, int64_t silent_ns) noexcept nogil:
    cdef int64_t row
    for row in range(fleet.tally[USED] - 1, -1, -1):  # backwards: what takes a place has been looked at
        fleet.heard_ns[row] = min(fleet.heard_ns[row], now_ns)  # our own clock had been wrong
        if fleet.heard_ns[row] < now_ns - silent_ns:
            forget_row(fleet, row)
            fleet.tally[FORGOTTEN] += 1


cdef bint displace(Fleet* fleet, int64_t before_ns) noexcept nogil:
    # full: the longest silent one gives way, unless all have been heard since
    cdef int64_t row, oldest = 0
    for row in range(1, fleet.capacity):
        if fleet.heard_ns[row] < fleet.heard_ns[oldest]:
            oldest = row
    if fleet.heard_ns[oldest] >= before_ns:
        return False
    forget_row(fleet, oldest)
    fleet.tally[DISPLACED] += 1
    return True


cdef int64_t row_of(Fleet* fleet, int64_t id, int64_t yields_ns) noexcept nogil:
    # its row, a new one if need be; -1 where there is no room
    cdef Py_ssize_t at = slot_of(fleet, id)
    if fleet.slots[2 * at + 1]:
        return fleet.slots[2 * at + 1] - 1
    if fleet.tally[USED] >= fleet.capacity:
        if not displace(fleet, yields_ns):
            return -1
        at = slot_of(fleet, id)
    fleet.tally[USED] += 1
    fleet.slots[2 * at] = id
    fleet.slots[2 * at + 1] = fleet.tally[USED]
    return fleet.tally[USED] - 1


cdef void fetch_ring(const Fleet* fleet, int64_t id) noexcept nogil:
    # half of it: more is not often in use
    cdef int64_t row = fleet.slots[2 * slot_of(fleet, id) + 1] - 1
    if row >= 0:
        fetch(&fleet.vehicles[row], 1)
        fetch(&fleet.vehicles[row].ring, RING // 2 * sizeof(Sample))
