# Late samples: the bank at the window's old edge, the window's samples in order, and the bank after all of them.
# Any kernel can include it that declares, before: its `Bank` (the state of one vehicle), `Sample` (measured_ns, kind, detail,
# v[SAMPLE_VALUES]), `Vehicle` (id, floor_ns, count, applied, head, base, ring[RING]), `Config` (with late_s, forget_s, yields_s), `Shared`
# (what all vehicles share), its kinds and verdicts, `read_sample`, `epoch`, and `_fusion_fleet.pxi`; `show` is each kernel's own.

cdef int take_row(
    Fleet* fleet, const Config* c, Shared* shared, Py_ssize_t anchors, int kind, int64_t id, int64_t measured_ns, int64_t received_ns,
    const double* values
) noexcept nogil:
    cdef Sample s
    cdef int64_t row
    cdef int verdict
    cdef Vehicle* v
    if id < 0 or measured_ns < 0:
        return MALFORMED
    verdict = turned_away(fleet, kind, id)
    if verdict:
        return verdict
    if measured_ns - FUTURE_NS > received_ns:
        return CLOCK_JUMP
    if received_ns - measured_ns > <int64_t>(c.late_s * 1e9):
        return STALE
    verdict = read_sample(kind, values, anchors, &s)
    if verdict != ACCEPTED:
        return verdict
    s.measured_ns = measured_ns
    row = row_of(fleet, id, received_ns - <int64_t>(c.yields_s * 1e9))
    if row < 0:
        return QUEUE_FULL
    v = fleet.vehicles + row
    v.id = id
    if v.floor_ns and measured_ns <= v.floor_ns:
        return STALE
    if v.count == RING:
        if measured_ns < v.ring[0].measured_ns:  # nothing older fits
            return STALE
        retire(v, c, shared)
        if measured_ns <= v.floor_ns:
            return STALE
    insert(v, &s)
    fleet.heard_ns[row] = max(fleet.heard_ns[row], received_ns)
    return admitted(v, &s)


cdef bint before(const Sample* a, const Sample* b) noexcept nogil:
    # a total order, so that the order of arrival does not matter
    cdef int i
    if a.measured_ns != b.measured_ns:
        return a.measured_ns < b.measured_ns
    if a.kind != b.kind:
        return a.kind < b.kind
    if a.detail != b.detail:
        return a.detail < b.detail
    for i in range(SAMPLE_VALUES):
        if a.v[i] != b.v[i] and not (isnan(a.v[i]) and isnan(b.v[i])):
            return a.v[i] < b.v[i] or isnan(b.v[i])
    return False


cdef void insert(Vehicle* v, const Sample* s) noexcept nogil:
    cdef int at = v.count
    while at > 0 and before(s, &v.ring[at - 1]):
        at -= 1
    memmove(&v.ring[at + 1], &v.ring[at], (v.count - at) * sizeof(Sample))
    v.ring[at] = s[0]
    v.count += 1
    if v.applied and v.ring[v.applied - 1 if at >= v.applied else at].measured_ns >= s.measured_ns:
        v.applied = 0  # the head has gone past it: again from the base


cdef int group(const Vehicle* v, int first) noexcept nogil:
    cdef int last = first
    while last < v.count and v.ring[last].measured_ns == v.ring[first].measured_ns:
        last += 1
    return last - first


cdef void retire(Vehicle* v, const Config* c, Shared* shared) noexcept nogil:
    # the oldest epoch leaves the window: it is final now, and what it tells of the anchors is kept
    cdef int count = group(v, 0)
    epoch(&v.base, v.ring, count, c, shared, True)
    v.floor_ns = v.ring[0].measured_ns
    v.count -= count
    if v.applied >= count:
        v.applied -= count
    else:
        v.applied = 0
    memmove(v.ring, &v.ring[count], v.count * sizeof(Sample))


cdef void drop_future(Vehicle* v, int64_t latest_ns) noexcept nogil:
    # received by a clock of ours that was wrong for a moment: it must not keep the present out
    if v.floor_ns > latest_ns:
        v.floor_ns = v.count = v.applied = 0
        v.base.mode = EMPTY
    while v.count and v.ring[v.count - 1].measured_ns > latest_ns:
        v.count -= 1
    if v.applied > v.count:
        v.applied = 0


cdef void settle(Vehicle* v, int64_t edge_ns, const Config* c, Shared* shared) noexcept nogil:
    while v.count and v.ring[0].measured_ns < edge_ns:
        retire(v, c, shared)


cdef const Bank* catch_up(Vehicle* v, const Config* c, Shared* shared) noexcept nogil:
    # -> the bank after all samples
    cdef int count
    if v.count == 0:
        return &v.base
    if v.applied == 0:
        v.head = v.base
    while v.applied < v.count:
        count = group(v, v.applied)
        epoch(&v.head, &v.ring[v.applied], count, c, shared, False)
        v.applied += count
    return &v.head
