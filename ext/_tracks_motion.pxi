# Equations of motion and of one scalar measurement; `positioning.model` is the readable twin of this file.

cdef struct Flow:
    # partial derivatives of the moved state by the old one; what is not named is 1 on the diagonal and 0 beside it
    double east_speed, east_heading, east_yaw, east_acceleration
    double north_speed, north_heading, north_yaw, north_acceleration
    double speed_acceleration, heading_yaw, yaw_yaw, acceleration_acceleration
    double sine, cosine  # of the heading half way
    double length  # m travelled


cdef inline double wrapped(double angle) noexcept nogil:
    """To [-pi, pi)."""
    if -M_PI <= angle < M_PI:
        return angle
    angle = fmod(angle + M_PI, 2 * M_PI)
    if angle < 0:
        angle += 2 * M_PI
    return angle - M_PI


cdef inline double compass(double angle) noexcept nogil:
    """To [0, 2 pi)."""
    if 0 <= angle < 2 * M_PI:
        return angle
    angle = fmod(angle, 2 * M_PI)
    if angle < 0:
        angle += 2 * M_PI
    return 0.0 if angle >= 2 * M_PI else angle


cdef inline double chord_ratio(double half, double* slope) noexcept nogil:
    """sin(x)/x and its derivative."""
    cdef double x2 = half * half
    if x2 < 0.04:
        slope[0] = half * (-1.0 / 3 + x2 * (1.0 / 30 + x2 * (-1.0 / 840 + x2 / 45360)))
        return 1.0 + x2 * (-1.0 / 6 + x2 * (1.0 / 120 + x2 * (-1.0 / 5040 + x2 / 362880)))
    cdef double ratio = sin(half) / half
    slope[0] = (cos(half) - ratio) / half
    return ratio


cdef inline double way_to_stop(double speed, double acceleration, double lasting) noexcept nogil:
    cdef double used_up = -speed / acceleration, standing = -lasting * log1p(-used_up / lasting)
    return speed * standing + acceleration * lasting * (standing - used_up)


cdef void move(const double* x, double dt, const double* profile, bint may_stop, double* y, Flow* flow) noexcept nogil:
    """The state after dt (which may be negative): constant turn along a chord, yaw rate and acceleration fading."""
    cdef double fade_a = exp(-dt / profile[ACCELERATION_TIME]), fade_w = exp(-dt / profile[YAW_TIME])
    cdef double reach_a = profile[ACCELERATION_TIME] * (1 - fade_a), reach_w = profile[YAW_TIME] * (1 - fade_w)
    cdef double path_a = profile[ACCELERATION_TIME] * (dt - reach_a)
    cdef double half = 0.5 * x[YAW] * reach_w, slope, ratio = chord_ratio(half, &slope)
    cdef double middle = x[HEADING] + half, length = x[SPEED] * dt + x[ACCELERATION] * path_a
    cdef double s = sin(middle), c = cos(middle), speed = x[SPEED] + x[ACCELERATION] * reach_a, acceleration = x[ACCELERATION] * fade_a
    if may_stop and x[SPEED] >= 0 and speed < 0:
        length = way_to_stop(x[SPEED], x[ACCELERATION], profile[ACCELERATION_TIME])
        speed = 0
        acceleration = 0
    y[EAST] = x[EAST] + length * ratio * s
    y[NORTH] = x[NORTH] + length * ratio * c
    y[SPEED] = speed
    y[HEADING] = x[HEADING] + x[YAW] * reach_w
    y[YAW] = x[YAW] * fade_w
    y[ACCELERATION] = acceleration
    flow.east_speed = dt * ratio * s
    flow.north_speed = dt * ratio * c
    flow.east_heading = length * ratio * c
    flow.north_heading = -length * ratio * s
    flow.east_yaw = 0.5 * reach_w * length * (ratio * c + slope * s)
    flow.north_yaw = 0.5 * reach_w * length * (slope * c - ratio * s)
    flow.east_acceleration = path_a * ratio * s
    flow.north_acceleration = path_a * ratio * c
    flow.speed_acceleration = reach_a
    flow.heading_yaw = reach_w
    flow.yaw_yaw = fade_w
    flow.acceleration_acceleration = fade_a
    flow.sine = s
    flow.cosine = c
    flow.length = length


cdef inline void spread_once(const double* p, const Flow* f, double* q) noexcept nogil:
    """q = (F p)^T, so that twice gives F p F^T."""
    cdef int j
    for j in range(6):
        q[6 * j] = (p[j] + f.east_speed * p[12 + j] + f.east_heading * p[18 + j] + f.east_yaw * p[24 + j]
                    + f.east_acceleration * p[30 + j])
        q[6 * j + 1] = (p[6 + j] + f.north_speed * p[12 + j] + f.north_heading * p[18 + j] + f.north_yaw * p[24 + j]
                        + f.north_acceleration * p[30 + j])
        q[6 * j + 2] = p[12 + j] + f.speed_acceleration * p[30 + j]
        q[6 * j + 3] = p[18 + j] + f.heading_yaw * p[24 + j]
        q[6 * j + 4] = f.yaw_yaw * p[24 + j]
        q[6 * j + 5] = f.acceleration_acceleration * p[30 + j]


cdef void spread(double* p, const Flow* f) noexcept nogil:
    """p = F p F^T, made exactly symmetric."""
    cdef double q[36]
    cdef int i, j
    spread_once(p, f, q)
    spread_once(q, f, p)
    for i in range(6):
        for j in range(i):
            p[6 * i + j] = p[6 * j + i] = 0.5 * (p[6 * i + j] + p[6 * j + i])


cdef inline void add_chain(double* p, double s_e, double s_n, int rate, int second, double spread2, double dt) noexcept nogil:
    """White noise at the end of a chain position <- rate <- second (Bar-Shalom 2001 eq. 6.2.3-7), position along (s_e, s_n)."""
    cdef double d2 = dt * dt, pp = spread2 * d2 * d2 / 20, pr = spread2 * d2 * dt / 8, ps = spread2 * d2 / 6
    cdef double rr = spread2 * d2 / 3, rs = spread2 * dt / 2
    p[0] += s_e * s_e * pp
    p[7] += s_n * s_n * pp
    p[1] += s_e * s_n * pp
    p[6] = p[1]
    p[rate] += s_e * pr
    p[6 * rate] = p[rate]
    p[6 + rate] += s_n * pr
    p[6 * rate + 1] = p[6 + rate]
    p[second] += s_e * ps
    p[6 * second] = p[second]
    p[6 + second] += s_n * ps
    p[6 * second + 1] = p[6 + second]
    p[7 * rate] += rr
    p[6 * rate + second] += rs
    p[6 * second + rate] = p[6 * rate + second]
    p[7 * second] += spread2


cdef inline double yaw_spread(double speed, const double* profile) noexcept nogil:
    """Fast ones turn wide: the sideways acceleration bounds the turn."""
    return min(profile[YAW_SIGMA], SIDEWAYS_SIGMA_MPS2 / (fabs(speed) + 0.1))


cdef void add_noise(double* p, double speed, const Flow* f, double dt, const double* profile) noexcept nogil:
    """What may have happened in dt >= 0: jerk along the path, jerk of the turn across it, and small walks."""
    cdef double sway = profile[ACCELERATION_SIGMA], turn = yaw_spread(speed, profile)  # Singer 1970: 2 sigma^2 / time constant
    add_chain(p, f.sine, f.cosine, SPEED, ACCELERATION, 2 * sway * sway / profile[ACCELERATION_TIME] * dt, dt)
    add_chain(p, speed * f.cosine, -speed * f.sine, HEADING, YAW, 2 * turn * turn / profile[YAW_TIME] * dt, dt)
    p[0] += profile[POSITION_WALK] * profile[POSITION_WALK] * dt
    p[7] += profile[POSITION_WALK] * profile[POSITION_WALK] * dt
    p[14] += profile[SPEED_WALK] * profile[SPEED_WALK] * dt
    p[21] += profile[HEADING_WALK] * profile[HEADING_WALK] * dt


cdef inline void drift(const double* x, double* p, double dt, const double* profile, double* y) noexcept nogil:
    """An unoriented object stays where it is and may have gone any way."""
    cdef double gone = 0.5 * min(profile[TOP_SPEED], FASTEST_UNORIENTED_MPS) * fabs(dt)
    memcpy(y, x, 6 * sizeof(double))
    p[0] += gone * gone
    p[7] += gone * gone


cdef void predict(const double* x, double* p, double dt, const double* profile, bint oriented, double* y, Flow* flow) noexcept nogil:
    """State and covariance dt later, or dt < 0 earlier (retrodicted: nothing is added then, the measurement carries the noise)."""
    if not oriented:
        drift(x, p, dt, profile, y)
        return
    move(x, dt, profile, dt > 0, y, flow)
    spread(p, flow)
    if dt > 0:
        add_noise(p, x[SPEED], flow, dt, profile)


cdef void correct(double* x, double* p, int i, double innovation, double variance) noexcept nogil:
    """Scalar measurement of component i in Joseph's form (Groves 2013 eq. 3.58), upper triangle mirrored."""
    cdef double column[6]
    cdef double gain[6]
    cdef double total = p[7 * i] + variance
    cdef int j, k
    for j in range(6):
        column[j] = p[6 * i + j]
        gain[j] = column[j] / total
        x[j] += gain[j] * innovation
    for j in range(6):
        for k in range(j, 6):
            p[6 * j + k] += gain[j] * gain[k] * total - gain[j] * column[k] - gain[k] * column[j]
            p[6 * k + j] = p[6 * j + k]
    for j in range(6):
        p[7 * j] = max(p[7 * j], SMALLEST_VARIANCE)
