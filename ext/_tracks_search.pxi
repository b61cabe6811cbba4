# Which tracks a frame may concern: detections sorted by east, a bound on what can be inside the gate, then the prediction and its cost.

cdef struct Candidate:
    int64_t row
    double y[6]
    double q[36]
    Flow flow


cdef struct Room:
    Seen* seen
    Candidate* candidates
    int* order  # detections by east
    int* edges
    double* costs
    int* degrees
    int* choice
    int* namesake  # the candidate that carries the detection's number, -1 = none


cdef int reserve(Room* room, Py_ssize_t detections, Py_ssize_t tracks) noexcept nogil:
    room.seen = <Seen*> malloc((detections + 1) * sizeof(Seen))
    room.candidates = <Candidate*> malloc((tracks + 1) * sizeof(Candidate))
    room.order = <int*> malloc((detections + 1) * 4 * sizeof(int))
    room.edges = <int*> malloc((detections + 1) * EDGES * sizeof(int))
    room.costs = <double*> malloc((detections + 1) * EDGES * sizeof(double))
    if room.seen == NULL or room.candidates == NULL or room.order == NULL or room.edges == NULL or room.costs == NULL:
        return -1
    room.degrees = room.order + detections
    room.choice = room.degrees + detections
    room.namesake = room.choice + detections
    return 0


cdef void release(Room* room) noexcept nogil:
    free(room.seen)
    free(room.candidates)
    free(room.order)
    free(room.edges)
    free(room.costs)


cdef void offer(Room* room, int detection, int candidate, double cost) noexcept nogil:
    """Keep the EDGES cheapest tracks of a detection."""
    cdef int* edges = room.edges + detection * EDGES
    cdef double* costs = room.costs + detection * EDGES
    cdef int k, worst = 0
    if room.degrees[detection] < EDGES:
        k = room.degrees[detection]
        room.degrees[detection] += 1
    else:
        for k in range(1, EDGES):
            if costs[k] > costs[worst]:
                worst = k
        if cost >= costs[worst]:
            return
        k = worst
    edges[k] = candidate
    costs[k] = cost


cdef void sort_by_east(Room* room, int count) noexcept nogil:
    cdef int i, j, held
    for i in range(1, count):
        held = room.order[i]
        j = i - 1
        while j >= 0 and room.seen[room.order[j]].east > room.seen[held].east:
            room.order[j + 1] = room.order[j]
            j -= 1
        room.order[j + 1] = held


cdef inline int first_from(const Room* room, int count, double east) noexcept nogil:
    cdef int low = 0, high = count, middle
    while low < high:
        middle = (low + high) // 2
        if room.seen[room.order[middle]].east < east:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline double reach_of(const Table* t, int64_t row, double dt) noexcept nogil:
    """No detection farther than this, and than its own noise, can be inside the gate: a bound that costs less than the prediction."""
    cdef const double* x = t.motion + 6 * row
    cdef const double* p = t.covariance + 36 * row
    cdef double alone = t.numbers[row * NUMBERS + N_FLOOR]
    if fabs(dt) > 0.3 or not t.marks[row * MARKS + M_ORIENTED]:
        return INFINITY
    return (fabs(x[SPEED] * dt) + 0.5 + GATE_SIGMAS * sqrt(p[0] + p[7] + alone * alone
            + dt * dt * (p[14] + (x[SPEED] * x[SPEED] + 1) * p[21])))


cdef int consider(Table* t, Room* room, int64_t row, int source, int64_t now, int count, int found) noexcept nogil:
    """Predict the track to the frame's moment if any detection lies near, and offer it to those inside the gate."""
    cdef double* x = t.motion + 6 * row
    cdef int64_t* m = t.marks + row * MARKS
    cdef double dt = (now - m[M_TIME_NS]) * 1e-9, wide = FARTHEST_M + fabs(x[SPEED] * dt), cost, reach
    cdef int k = first_from(room, count, x[EAST] - wide), j
    cdef Candidate* c = NULL
    if dt < -LATE_S or dt > FORGOTTEN_S or t.link_marks[(row * t.sources + source) * LINK_MARKS + LM_TIME] == now:
        return found
    reach = reach_of(t, row, dt)
    while k < count and room.seen[room.order[k]].east <= x[EAST] + wide:
        j = room.order[k]
        k += 1
        if fabs(room.seen[j].north - x[NORTH]) > wide:
            continue
        if hypot(room.seen[j].east - x[EAST], room.seen[j].north - x[NORTH]) > reach + GATE_SIGMAS * room.seen[j].position_sigma:
            if t.link_marks[(row * t.sources + source) * LINK_MARKS + LM_LOCAL_ID] != room.seen[j].local_id:
                continue
        if c == NULL:
            c = &room.candidates[found]
            c.row = row
            memcpy(c.q, t.covariance + 36 * row, sizeof(c.q))
            predict(x, c.q, dt, t.profiles + m[M_CLASS] * PROFILE_COLUMNS, m[M_ORIENTED], c.y, &c.flow)
        cost = pair_cost(t, row, source, &room.seen[j], now, c.y, c.q)
        if cost < COST_OF_NONE + COST_SHIFT:
            offer(room, j, found, cost)
            if carries(t.link_marks + (row * t.sources + source) * LINK_MARKS, room.seen[j].local_id, now):
                room.namesake[j] = found
    return found if c == NULL else found + 1


cdef void honour_numbers(const Table* t, Room* room, int source, int64_t now, int count) noexcept nogil:
    """A number that one track carries speaks against tracks that the station has not seen of late, as theirs speak against them."""
    cdef int j, k
    cdef const int64_t* link_mark
    for j in range(count):
        if room.namesake[j] < 0:
            continue
        for k in range(room.degrees[j]):
            link_mark = t.link_marks + (room.candidates[room.edges[j * EDGES + k]].row * t.sources + source) * LINK_MARKS
            if not heard(link_mark, now):
                room.costs[j * EDGES + k] += COST_SHIFT
