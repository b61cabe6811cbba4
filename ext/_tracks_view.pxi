# A vehicle's own samples, and what others see of the tracks.

cdef double own_distance(const Seen* z, const double* y, const double* q, double sigma) noexcept nogil:
    """Squared Mahalanobis distance of positions."""
    cdef double a = q[0] + sigma * sigma, b = q[1], c = q[7] + sigma * sigma, de = z.east - y[EAST], dn = z.north - y[NORTH]
    return (c * de * de - 2 * b * de * dn + a * dn * dn) / (a * c - b * b)


cdef inline bint contradicts(const Seen* z, const double* y, const double* q, int64_t trust) noexcept nogil:
    """A vehicle that drives at another speed than the track beside it is another vehicle."""
    cdef double sigma = 0.3 + z.speed_sigma
    return trust == TRUSTED and not isnan(z.speed) and (z.speed - y[SPEED]) ** 2 > 9 * (q[14] + sigma * sigma)


cdef bint fuse_own(Table* t, int64_t row, Seen* z, int64_t now, Candidate* c) noexcept nogil:
    """False when it lies outside the gate, or too far back. Beside the roadside the fix's own error is learnt and taken off."""
    cdef int64_t* m = t.marks + row * MARKS
    cdef double* n = t.numbers + row * NUMBERS
    cdef double dt = (now - m[M_TIME_NS]) * 1e-9, since = (now - m[M_ROADSIDE_NS]) * 1e-9
    cdef double smoothing
    cdef bint first = hypot(n[N_OWN_EAST], n[N_OWN_NORTH]) > GATE_SIGMAS * z.position_sigma  # it knows better by now
    cdef bint beside = m[M_ROADSIDE_NS] != 0 and fabs(since) < 0.5
    if first:
        n[N_OWN_EAST] = n[N_OWN_NORTH] = 0
    first = n[N_OWN_EAST] == 0 and n[N_OWN_NORTH] == 0
    if dt < -LATE_S or not (fabs(z.east) < 1e5 and fabs(z.north) < 1e5):
        return False
    memcpy(c.q, t.covariance + 36 * row, sizeof(c.q))
    predict(t.motion + 6 * row, c.q, dt, t.profiles + m[M_CLASS] * PROFILE_COLUMNS, m[M_ORIENTED], c.y, &c.flow)
    if own_distance(z, c.y, c.q, hypot(z.position_sigma, n[N_FLOOR])) > GATE:
        return False
    if beside and contradicts(z, c.y, c.q, t.link_marks[row * t.sources * LINK_MARKS + LM_SPEED_TRUST]):
        return False
    if beside and not first and hypot(z.east - c.y[EAST] - n[N_OWN_EAST], z.north - c.y[NORTH] - n[N_OWN_NORTH]) > OWN_WANDERS_M:
        return False
    if beside:
        if isnan(z.raw_east):
            learn_common(t, c.y[EAST], c.y[NORTH], z.east - c.y[EAST], z.north - c.y[NORTH], z.position_sigma)
        else:
            learn_common(t, c.y[EAST], c.y[NORTH], z.raw_east - c.y[EAST], z.raw_north - c.y[NORTH], z.raw_sigma)
        smoothing = 1.0 if first else OWN_SMOOTHING
        n[N_OWN_EAST] += smoothing * (z.east - c.y[EAST] - n[N_OWN_EAST])
        n[N_OWN_NORTH] += smoothing * (z.north - c.y[NORTH] - n[N_OWN_NORTH])
        n[N_FLOOR] = 0
    else:
        n[N_FLOOR] = z.position_sigma if m[M_ROADSIDE_NS] == 0 else z.position_sigma * min(1.0, 0.2 + 0.1 * max(since, 0.0))
    z.east -= n[N_OWN_EAST]
    z.north -= n[N_OWN_NORTH]
    fuse(t, row, 0, z, now, c.y, c.q, &c.flow)
    return True


cdef Py_ssize_t likeliest(Table* t, Py_ssize_t count, const Seen* z, int64_t now, double* costs) noexcept nogil:
    cdef Py_ssize_t row, best = -1
    cdef double dt, cost, wide
    cdef Candidate c
    costs[0] = costs[1] = INFINITY
    for row in range(count):
        dt = (now - t.marks[row * MARKS + M_TIME_NS]) * 1e-9
        wide = FARTHEST_M + fabs(t.motion[6 * row + SPEED] * dt)
        if fabs(t.motion[6 * row] - z.east) > wide or fabs(t.motion[6 * row + 1] - z.north) > wide or dt < -LATE_S:
            continue
        if t.marks[row * MARKS + M_VEHICLE] != 0:
            continue
        memcpy(c.q, t.covariance + 36 * row, sizeof(c.q))
        predict(t.motion + 6 * row, c.q, dt, t.profiles + t.marks[row * MARKS + M_CLASS] * PROFILE_COLUMNS,
                t.marks[row * MARKS + M_ORIENTED], c.y, &c.flow)
        cost = pair_cost(t, row, 0, z, now, c.y, c.q)
        if cost < costs[0]:
            costs[1] = costs[0]
            costs[0] = cost
            best = row
        elif cost < costs[1]:
            costs[1] = cost
    return best


cdef inline double moved_variance(const double* p, double to_speed, double to_heading, double to_yaw, double to_acceleration,
                                  int own) noexcept nogil:
    """Row of F p F^T for east (own 0) or north (1)."""
    cdef const double* v = p + 12
    cdef const double* h = p + 18
    cdef const double* w = p + 24
    cdef const double* a = p + 30
    return (p[7 * own] + to_speed * (2 * v[own] + to_speed * v[2] + 2 * to_heading * v[3] + 2 * to_acceleration * v[5])
            + to_heading * (2 * h[own] + to_heading * h[3] + 2 * to_yaw * h[4])
            + to_yaw * (2 * w[own] + to_yaw * w[4]) + to_acceleration * (2 * a[own] + to_acceleration * a[5]))


cdef inline double common_variance(const Table* t, double east, double north) noexcept nogil:
    """Of a position, east and north together, for what all stations may be off together; nothing where there is no station."""
    cdef const double* c = t.offset_covariance
    if t.stations == 0:
        return 0
    return (c[0] + c[4] + (east * east + north * north) * c[8] + 2 * (north * c[2] - east * c[5]))


cdef void show_one(const Table* t, Py_ssize_t row, int64_t now, double* motion, double* sigma) noexcept nogil:
    cdef const double* x = t.motion + 6 * row
    cdef const double* p = t.covariance + 36 * row
    cdef const double* profile = t.profiles + t.marks[row * MARKS + M_CLASS] * PROFILE_COLUMNS
    cdef double dt = (now - t.marks[row * MARKS + M_TIME_NS]) * 1e-9, later = max(dt, 0.0), alone = t.numbers[row * NUMBERS + N_FLOOR]
    cdef double walk = profile[ACCELERATION_SIGMA] * later, turn = profile[YAW_SIGMA] * later, variance
    cdef Flow f
    if not t.marks[row * MARKS + M_ORIENTED]:
        memcpy(motion, x, 6 * sizeof(double))
        sigma[0] = sqrt(0.5 * (p[0] + p[7]))
        sigma[1] = sqrt(p[14])
        sigma[2] = sqrt(p[21])
        return
    move(x, dt, profile, dt > 0, motion, &f)
    motion[HEADING] = compass(motion[HEADING])
    variance = moved_variance(p, f.east_speed, f.east_heading, f.east_yaw, f.east_acceleration, 0)
    variance += moved_variance(p, f.north_speed, f.north_heading, f.north_yaw, f.north_acceleration, 1)
    variance = 0.5 * (variance + common_variance(t, x[EAST], x[NORTH])) + alone * alone
    variance += 0.06 * (walk * walk + turn * turn * x[SPEED] * x[SPEED]) * later * later
    sigma[0] = sqrt(max(variance, SMALLEST_VARIANCE))
    sigma[1] = sqrt(max(p[14] + 2 * f.speed_acceleration * p[17] + f.speed_acceleration * f.speed_acceleration * p[35], SMALLEST_VARIANCE)
                    + 0.3 * walk * walk)
    sigma[2] = sqrt(max(p[21] + 2 * f.heading_yaw * p[22] + f.heading_yaw * f.heading_yaw * p[28], SMALLEST_VARIANCE) + 0.3 * turn * turn)


cdef Py_ssize_t show(
    Table* t, Py_ssize_t count, int64_t now, int64_t* ids, uint8_t* classes, double* motion, double* sigma, double* size, uint8_t* updated,
    int64_t* vehicles
) noexcept nogil:
    cdef Py_ssize_t row, out = 0
    cdef int64_t* m
    for row in range(count):
        m = t.marks + row * MARKS
        if not m[M_CONFIRMED] or m[M_SHOW_NS] <= now:
            continue
        ids[out] = m[M_ID]
        classes[out] = <uint8_t> m[M_CLASS]
        show_one(t, row, now, motion + 6 * out, sigma + 3 * out)
        size[2 * out] = t.numbers[row * NUMBERS + N_LENGTH]
        size[2 * out + 1] = t.numbers[row * NUMBERS + N_WIDTH]
        updated[out] = <uint8_t> m[M_UPDATED]
        m[M_UPDATED] = 0
        vehicles[out] = m[M_VEHICLE]
        out += 1
    return out


cdef struct Abreast:
    double east, north, reach
    Py_ssize_t row


cdef int by_east(const void* a, const void* b) noexcept nogil:
    cdef double east = (<const Abreast*> a).east, other = (<const Abreast*> b).east
    return (east > other) - (east < other)


cdef list near_pairs(const Table* t, Py_ssize_t count, int64_t now, int64_t age, const double* apart):
    """By a sweep along the east."""
    cdef Abreast* at = <Abreast*> malloc((count + 1) * sizeof(Abreast))
    cdef Py_ssize_t row, i, j, judged = 0
    cdef const int64_t* m
    cdef double gone, widest = 0
    if at == NULL:
        raise MemoryError
    for row in range(count):
        m = t.marks + row * MARKS
        if m[M_CONFIRMED] != 1 or now - m[M_BORN_NS] < age:
            continue
        gone = t.motion[6 * row + SPEED] * ((now - m[M_TIME_NS]) * 1e-9)
        at[judged].east = t.motion[6 * row + EAST] + gone * sin(t.motion[6 * row + HEADING])
        at[judged].north = t.motion[6 * row + NORTH] + gone * cos(t.motion[6 * row + HEADING])
        at[judged].reach = apart[<int> t.profiles[m[M_CLASS] * PROFILE_COLUMNS + KIND]]
        at[judged].row = row
        widest = max(widest, at[judged].reach)
        judged += 1
    qsort(at, judged, sizeof(Abreast), by_east)
    pairs = []
    for i in range(judged):
        for j in range(i + 1, judged):
            if at[j].east - at[i].east >= widest:
                break
            if hypot(at[j].east - at[i].east, at[j].north - at[i].north) < min(at[i].reach, at[j].reach):
                pairs.append((min(at[i].row, at[j].row), max(at[i].row, at[j].row)))
    free(at)
    return sorted(pairs)
