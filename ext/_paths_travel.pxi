# Included by _paths.pyx: how far, and where to, a road user goes in a time.


cdef double travelled(double v, double acceleration, double limit, double t) noexcept nogil:
    """Distance at time t: at constant speed, with hard braking going on, or braking evenly to the predicted stop."""
    cdef double braking = -acceleration if acceleration < -1.0 else 0.0
    if limit < INFINITY:
        if limit <= 0:
            return 0.0
        braking = fmax(braking, v * v / (2.0 * limit))
    if braking > 0:
        t = fmin(t, v / braking)
    return v * t - 0.5 * braking * t * t


cdef void turn_freely(const double* motion, bint moving, double* samples) noexcept nogil:
    """Constant turn rate and speed (CTRV)."""
    cdef double x = motion[0], y = motion[1], v = motion[2] if moving else 0.0, h = motion[3], w = motion[4], t, chord
    cdef double sin_h = sin(h), cos_h = cos(h)
    cdef int k
    for k in range(SAMPLES):
        t = k * SAMPLE_S
        if fabs(w) < STRAIGHT_RADPS:
            chord = v * t
        else:
            chord, sin_h, cos_h = 2.0 * v / w * sin(w * t / 2.0), sin(h + w * t / 2.0), cos(h + w * t / 2.0)
        samples[2 * k] = x + chord * sin_h
        samples[2 * k + 1] = y + chord * cos_h
