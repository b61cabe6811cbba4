# Where ranges, or differences of ranges, meet: least squares from many directions, nothing known before.

cdef struct Meeting:
    int count
    bint common  # all ranges lack the same: they are differences to the first
    double height, scale, east, north, reach  # the prior: the anchors' middle, and how far from it
    double[LINKS] ranges
    double[3 * LINKS] places


cdef struct Misfit:  # of a place: the cost, and the normal equations there
    double cost
    double[3] normal
    double[2] right


cdef void misfit(const Meeting* m, const double* place, int left_out, Misfit* of) noexcept nogil:
    # squares, or Cauchy's cost where two witnesses can outvote a third, and a wide prior
    cdef int count = m.count - (left_out >= 0), i
    cdef bint robust = count - 2 - m.common >= 2
    cdef double[LINKS] r
    cdef double[2 * LINKS] rows
    cdef double[3] mean
    cdef double east = (place[0] - m.east) / m.reach, north = (place[1] - m.north) / m.reach, weight
    memset(mean, 0, sizeof(mean))
    for i in range(m.count):
        if i != left_out:
            r[i] = (m.ranges[i] - away(m, place, i, &rows[2 * i])) / m.scale
            rows[2 * i] /= m.scale
            rows[2 * i + 1] /= m.scale
            mean[0] += rows[2 * i] / count
            mean[1] += rows[2 * i + 1] / count
            mean[2] += r[i] / count
    of.cost = east * east + north * north
    of.normal[0] = of.normal[2] = 1 / (m.reach * m.reach)
    of.normal[1] = 0
    of.right[0] = -east / m.reach
    of.right[1] = -north / m.reach
    for i in range(m.count):
        if i == left_out:
            continue
        if m.common:
            rows[2 * i] -= mean[0]
            rows[2 * i + 1] -= mean[1]
            r[i] -= mean[2]
        weight = 1 / (1 + r[i] * r[i]) if robust else 1.0
        of.cost += log1p(r[i] * r[i]) if robust else r[i] * r[i]
        of.normal[0] += weight * rows[2 * i] * rows[2 * i]
        of.normal[1] += weight * rows[2 * i] * rows[2 * i + 1]
        of.normal[2] += weight * rows[2 * i + 1] * rows[2 * i + 1]
        of.right[0] += weight * rows[2 * i] * r[i]
        of.right[1] += weight * rows[2 * i + 1] * r[i]


cdef double descend(const Meeting* m, double* place, int left_out) noexcept nogil:
    # from `place` down to the least cost near it (Levenberg and Marquardt; Nocedal 2006 section 10.3). -> cost
    cdef Misfit here, there
    cdef double damping = FIRST_DAMPING, a, c, d
    cdef double[2] tried
    cdef int turn
    misfit(m, place, left_out, &here)
    for turn in range(ITERATIONS):
        a = here.normal[0] * (1 + damping)
        c = here.normal[2] * (1 + damping)
        d = a * c - here.normal[1] * here.normal[1]
        tried[0] = place[0] + (c * here.right[0] - here.normal[1] * here.right[1]) / d
        tried[1] = place[1] + (a * here.right[1] - here.normal[1] * here.right[0]) / d
        misfit(m, tried, left_out, &there)
        if there.cost <= here.cost * ROUNDING:
            place[0] = tried[0]
            place[1] = tried[1]
            here = there
            damping /= 10
        else:
            damping *= 10
    return here.cost


cdef double away(const Meeting* m, const double* place, int i, double* row) noexcept nogil:
    # -> distance to an anchor; the row's first two: the direction from there
    cdef double east = place[0] - m.places[3 * i], north = place[1] - m.places[3 * i + 1], up = m.places[3 * i + 2] - m.height
    cdef double distance = sqrt(east * east + north * north + up * up) + 1e-9
    row[0] = east / distance
    row[1] = north / distance
    return distance


cdef void frame(Meeting* m) noexcept nogil:
    cdef int i
    cdef double spread = 0, mean = 0
    m.east = m.north = 0
    for i in range(m.count):
        m.east += m.places[3 * i] / m.count
        m.north += m.places[3 * i + 1] / m.count
        mean += fabs(m.ranges[i]) / m.count
    for i in range(m.count):
        spread += ((m.places[3 * i] - m.east) ** 2 + (m.places[3 * i + 1] - m.north) ** 2) / m.count
    m.reach = sqrt(spread) if m.common else sqrt(spread) + mean


cdef bint meet(const Meeting* m, double* best) noexcept nogil:
    # is there one place that explains the ranges best?
    cdef double[2 * DIRECTIONS] place
    cdef double[DIRECTIONS] cost
    cdef int i, chosen = 0
    for i in range(DIRECTIONS):
        place[2 * i] = m.east + m.reach * cos(i * 2 * M_PI / DIRECTIONS)
        place[2 * i + 1] = m.north + m.reach * sin(i * 2 * M_PI / DIRECTIONS)
        cost[i] = descend(m, &place[2 * i], -1)
        if cost[i] < cost[chosen] - 1e-9:
            chosen = i
    best[0] = place[2 * chosen]
    best[1] = place[2 * chosen + 1]
    for i in range(DIRECTIONS):
        if cost[i] < cost[chosen] + AMBIGUOUS and hypot(place[2 * i] - best[0], place[2 * i + 1] - best[1]) > APART_M:
            return False
    return True


cdef double separation(const Meeting* m, const double* best) noexcept nogil:
    # how far the place moves without one of the links, where there are too few for weights to find the wrong one
    cdef double[2] place
    cdef double most = 0
    cdef int i
    if m.count - 2 - m.common != 1:
        return 0
    for i in range(m.count):
        place[0] = best[0]
        place[1] = best[1]
        descend(m, place, i)
        most = fmax(most, hypot(place[0] - best[0], place[1] - best[1]))
    return most
