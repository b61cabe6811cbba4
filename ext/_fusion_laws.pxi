# What a measurement is worth: by its kind, status and satellites, never by the receiver's word. Twin: `positioning.fusion_model`.

cdef void fix_law(int status, int satellites, double* sigma, double* wrong) noexcept nogil:
    if status == FIXED:
        if satellites >= 13:
            sigma[0] = 0.06
            wrong[0] = 0.01
        elif satellites >= 11:
            sigma[0] = 1.0
            wrong[0] = 0.1
        elif satellites >= 9:
            sigma[0] = 2.5
            wrong[0] = 0.3
        else:
            sigma[0] = 8.0
            wrong[0] = 0.5
    elif status == FLOAT:
        wrong[0] = 0.3
        if satellites >= 15:
            sigma[0] = 0.8
            wrong[0] = 0.2
        elif satellites >= 13:
            sigma[0] = 2.0
        else:
            sigma[0] = 12.0
    else:
        wrong[0] = 0.1
        sigma[0] = 2.0 if satellites >= 13 else 12.0


cdef double credence(int satellites) noexcept nogil:
    return 1.0 if satellites >= 13 else (0.3 if satellites >= 11 else 0.05)


cdef bint soft_update(
    Filter* f, int i, double a, int j, double b, double r, double sigma, double wrong, double wrong_sigma, bint explore
) noexcept nogil:
    cdef double s = innovation_variance(f, i, a, j, b), evidence
    cdef double good = s + sigma * sigma, bad = s + wrong_sigma * wrong_sigma
    cdef double weight = pair_weight(r * r / good, good, r * r / bad, bad, wrong, &evidence if explore else NULL)
    if explore:
        f.score += evidence
    if weight < LEAST_WEIGHT:
        return False
    update(f, i, a, j, b, r, sigma * sigma / weight)
    return True


cdef double major(const Filter* f) noexcept nogil:
    # root of the larger eigenvalue of the position's covariance
    cdef double half = (f.p[0] - f.p[1]) / 2, cross = covariance(f, 0, 1)
    return sqrt(fmax((f.p[0] + f.p[1]) / 2 + sqrt(half * half + cross * cross), 0.0))
