# Included by _conflicts.pyx: the grid's cells and the closed formulas.

cdef double urgency(const Encounter* met) noexcept nogil:
    return met.probability * (met.required / 3.0 if met.rule == BY_BRAKING else 5.0 / (met.ttc + 0.5))


cdef void write(const Encounter* met, int* pair, double* values) noexcept nogil:
    pair[0], pair[1], pair[2], pair[3] = met.first, met.second, met.kind, met.rule
    values[0], values[1], values[2], values[3] = met.ttc, met.pet, met.required, met.probability
    values[4], values[5] = met.east, met.north


cdef Py_ssize_t count_cells(const double* boxes, Py_ssize_t count, double west, double south, double cell_m, int columns, int rows,
                            int* starts) noexcept nogil:
    """Members per cell, shifted by two so that `fill_cells` leaves the starts in place."""
    cdef Py_ssize_t i
    cdef int c, r
    for c in range(columns * rows + 2):
        starts[c] = 0
    for i in range(count):
        for r in range(<int> ((boxes[4 * i + 1] - south) / cell_m), <int> ((boxes[4 * i + 3] - south) / cell_m) + 1):
            for c in range(<int> ((boxes[4 * i] - west) / cell_m), <int> ((boxes[4 * i + 2] - west) / cell_m) + 1):
                starts[r * columns + c + 2] += 1
    for c in range(2, columns * rows + 2):
        starts[c] += starts[c - 1]
    return starts[columns * rows + 1]


cdef void fill_cells(const double* boxes, Py_ssize_t count, double west, double south, double cell_m, int columns, int* starts,
                     int* members) noexcept nogil:
    cdef Py_ssize_t i
    cdef int c, r, cell
    for i in range(count):
        for r in range(<int> ((boxes[4 * i + 1] - south) / cell_m), <int> ((boxes[4 * i + 3] - south) / cell_m) + 1):
            for c in range(<int> ((boxes[4 * i] - west) / cell_m), <int> ((boxes[4 * i + 2] - west) / cell_m) + 1):
                cell = r * columns + c + 1
                members[starts[cell]] = <int> i
                starts[cell] += 1


cdef double within(double offset, double half_width, double sigma) noexcept nogil:
    """Probability that a normal offset lies within the half width."""
    if sigma <= 0:
        return 1.0 if fabs(offset) <= half_width else 0.0
    return 0.5 * (erf((half_width - offset) / (sigma * 1.4142135623730951)) + erf((half_width + offset) / (sigma * 1.4142135623730951)))


cdef double overlap_probability(const Span* first, const Span* second) noexcept nogil:
    """Probability that both are in the zone at once; the difference of their arrivals is normal."""
    cdef double ahead = second.start - first.start, sigma = sqrt(first.variance + second.variance)
    cdef double early = first.end - first.start, late = second.end - second.start
    if sigma <= 0:
        return 1.0 if -late < ahead < early else 0.0
    return 0.5 * (erf(fmin((early - ahead) / (sigma * 1.4142135623730951), 10.0))
                  + erf(fmin((late + ahead) / (sigma * 1.4142135623730951), 10.0)))


cdef double closing_time(double gap, double closing) noexcept nogil:
    return INFINITY if closing <= 0 else fmax(gap, 0.0) / closing


cdef double needed(double own, double gap, double speed, double acceleration, double reaction) noexcept nogil:
    """Constant deceleration that just avoids the one ahead; see `conflicts_model.required_deceleration`."""
    cdef double braking = -acceleration if acceleration < -BRAKING_MPS2 and speed > 0 else 0.0
    cdef double coasting = reaction if braking == 0.0 else fmin(reaction, speed / braking)
    cdef double room = gap + speed * coasting - 0.5 * braking * coasting * coasting - own * reaction
    cdef double then = fmax(0.0, speed - braking * reaction), answer, rest
    if own <= then and braking == 0.0:
        return 0.0
    if room <= 0.05:
        return REQUIRED_MAX_MPS2 if own > then else 0.0
    if braking == 0.0:
        return fmin(REQUIRED_MAX_MPS2, (own - then) ** 2 / (2.0 * room))
    rest = room + then * then / (2.0 * braking)
    answer = own * own / (2.0 * rest)
    if own * braking < then * answer and own > then:
        answer = braking + (own - then) ** 2 / (2.0 * room)
    return fmin(REQUIRED_MAX_MPS2, answer)


cdef double distance(const double* segment, double x, double y) noexcept nogil:
    """From a point to the segment between two neighbouring samples."""
    cdef double ex = segment[2] - segment[0], ey = segment[3] - segment[1], dx = x - segment[0], dy = y - segment[1]
    cdef double squared = ex * ex + ey * ey, part = 0.0
    if squared > 0:
        part = fmax(0.0, fmin(1.0, (dx * ex + dy * ey) / squared))
    return sqrt((dx - part * ex) ** 2 + (dy - part * ey) ** 2)
