# Where a vehicle is by one epoch's pseudoranges alone: iterated least squares that counts what is too long for less, as only delays
# lengthen. Twin: `positioning.wide_start`.

cdef enum:
    LEAST_SIGNALS = 5, ROUNDS = 15, BLIND_ROUNDS = 7, UNKNOWNS = 5  # east, north, up, clock, inter-system bias
    SYSTEMS_KNOWN = 16

cdef double LEVEL_WEIGHT = 1e-3  # of the zone's height against one good signal: about 100 m
cdef double REFERENCE_SIGMA_M = 3.0  # of a signal of weight one
cdef double REFERENCE_DBHZ = 45.0
cdef double DELAYED_M = 20.0


cdef double strength(const Sample* s, const Config* c) noexcept nogil:
    return c.direct_half_dbhz if isnan(s.v[4]) else s.v[4]


cdef int role(Bank* b, int system) noexcept nogil:
    # 0: the clock is this system's; 1: the other one, with the bias between them; 2: a third
    if b.first_system == system + 1:
        return 0
    if b.second_system == 0:
        b.second_system = system + 1
    return 1 if b.second_system == system + 1 else 2


cdef void choose_systems(Bank* b, const Sample* s, int count) noexcept nogil:
    # the two with the most signals
    cdef int[SYSTEMS_KNOWN] signals
    cdef int i, first = 0, second = -1
    memset(signals, 0, sizeof(signals))
    for i in range(count):
        if s[i].kind == PSEUDORANGE:
            signals[s[i].detail >> 16] += 1
    for i in range(SYSTEMS_KNOWN):
        if signals[i] > signals[first]:
            first = i
    for i in range(SYSTEMS_KNOWN):
        if i != first and signals[i] and (second < 0 or signals[i] > signals[second]):
            second = i
    b.first_system = first + 1
    b.second_system = second + 1


cdef double sight(const double* place, double height, const Sample* s, double* h) noexcept nogil:
    # -> how much farther than from the zone's origin the satellite is; h: its slope along east, north, up. As a difference of squares, for
    # that of two distances is known to 4e-9 m only.
    cdef double east = place[0] - s.v[1], north = place[1] - s.v[2], up = height - s.v[3]
    cdef double distance = sqrt(east * east + north * north + up * up)
    cdef double origin = sqrt(s.v[1] * s.v[1] + s.v[2] * s.v[2] + s.v[3] * s.v[3])
    h[0] = east / distance
    h[1] = north / distance
    h[2] = up / distance
    return (place[0] * (east - s.v[1]) + place[1] * (north - s.v[2]) + height * (up - s.v[3])) / (distance + origin)


cdef bint factored(double* a) noexcept nogil:
    # Cholesky, in place, of UNKNOWNS rows
    cdef int i, j, k
    cdef double total
    for i in range(UNKNOWNS):
        for j in range(i + 1):
            total = a[UNKNOWNS * i + j]
            for k in range(j):
                total -= a[UNKNOWNS * i + k] * a[UNKNOWNS * j + k]
            if i != j:
                a[UNKNOWNS * i + j] = total / a[UNKNOWNS * j + j]
            elif total > 1e-9:
                a[UNKNOWNS * i + i] = sqrt(total)
            else:
                return False
    return True


cdef void solve(const double* a, double* y) noexcept nogil:
    cdef int i, k
    for i in range(UNKNOWNS):
        for k in range(i):
            y[i] -= a[UNKNOWNS * i + k] * y[k]
        y[i] /= a[UNKNOWNS * i + i]
    for i in range(UNKNOWNS - 1, -1, -1):
        for k in range(i + 1, UNKNOWNS):
            y[i] -= a[UNKNOWNS * k + i] * y[k]
        y[i] /= a[UNKNOWNS * i + i]


cdef bint weighed(
    Bank* b, const Sample* s, int count, const Config* c, bint blind, const double* place, double* a, double* y
) noexcept nogil:
    # normal equations about the place (east, north, up, clock, inter-system bias); what is too long counts less: only delays lengthen
    cdef double[UNKNOWNS] h
    cdef double r, weight
    cdef int i, j, k
    memset(a, 0, UNKNOWNS * UNKNOWNS * sizeof(double))
    memset(y, 0, UNKNOWNS * sizeof(double))
    a[12] = LEVEL_WEIGHT
    y[2] = -LEVEL_WEIGHT * place[2]
    a[24] = (REFERENCE_SIGMA_M / c.inter_system) ** 2
    y[4] = -a[24] * place[4]
    h[3] = 1
    for i in range(count):
        if s[i].kind != PSEUDORANGE:
            continue
        k = role(b, s[i].detail >> 16)
        if k == 2:
            continue
        h[4] = k
        r = s[i].v[0] - sight(place, place[2], &s[i], h) - place[3] - k * place[4]
        weight = exp(log(10.0) * (strength(&s[i], c) - REFERENCE_DBHZ) / 10)
        if not blind:
            weight /= 1 + (fmax(r, 0) / DELAYED_M) ** 2
        for j in range(UNKNOWNS):
            y[j] += weight * h[j] * r
            for k in range(UNKNOWNS):
                a[UNKNOWNS * j + k] += weight * h[j] * h[k]
    return factored(a)


cdef double cold_start(Bank* b, const Sample* s, int count, const Config* c, double* place) noexcept nogil:
    # iterated asymmetric least squares over one epoch -> its standard deviation, negative where it gives no place
    cdef double[UNKNOWNS * UNKNOWNS] a
    cdef double[UNKNOWNS] y, spread
    cdef int i, j, signals = 0
    for i in range(count):
        signals += s[i].kind == PSEUDORANGE
    if signals < LEAST_SIGNALS:
        return -1
    choose_systems(b, s, count)
    memset(place, 0, UNKNOWNS * sizeof(double))
    for i in range(ROUNDS):
        if not weighed(b, s, count, c, i < BLIND_ROUNDS, place, a, y):
            return -1
        solve(a, y)
        for j in range(UNKNOWNS):
            place[j] += y[j]
    memset(spread, 0, sizeof(spread))
    spread[0] = 1
    solve(a, spread)
    memset(y, 0, sizeof(y))
    y[1] = 1
    solve(a, y)
    return REFERENCE_SIGMA_M * sqrt(fmax(spread[0], y[1]))
