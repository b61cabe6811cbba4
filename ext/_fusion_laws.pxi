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


cdef double line_of_sight(double distance) noexcept nogil:  # 3GPP TR 38.901 table 7.4.2-1, urban micro
    return 18 / distance + exp(-distance / 36) * (1 - 18 / distance) if distance > 18 else 1.0


cdef void delayed_normal(double r, double variance, double tau, double* density, double* first, double* second) noexcept nogil:
    # N(0, variance) + Exp(tau) at r, and its derivatives: the exponentially modified Gaussian
    cdef double s = sqrt(variance), z = (s / tau - r / s) * M_SQRT1_2
    cdef double normal = exp(-0.5 * r * r / variance) / s * ROOT_2PI_INVERSE
    if z < 5.0:
        density[0] = 0.5 / tau * exp(0.5 * variance / tau / tau - r / tau) * erfc(z)
    else:  # the tail of erfcx
        density[0] = normal / tau * s / (z * M_SQRT2) * (1 - 1 / (2 * z * z))
    first[0] = (normal - density[0]) / tau
    second[0] = (-r / variance * normal - first[0]) / tau


cdef void range_moments(
    double r, double prior, double power, double los, const Config* c, double* mean, double* ratio, double* evidence
) noexcept nogil:
    # Masreliez 1975: moments of the state along the range from the score of the innovation's density; tempered by `power`
    cdef double direct = prior + c.range_los_m * c.range_los_m
    cdef double g = exp(-0.5 * r * r / direct) / sqrt(direct) * ROOT_2PI_INVERSE
    cdef double density, first, second, p, l1, l2
    delayed_normal(r, prior + c.range_nlos_m * c.range_nlos_m, c.range_excess_m, &density, &first, &second)
    p = los * g + (1 - los) * density + c.range_outlier / 300.0 * (1.0 if r > -5 else 1e-3) + 1e-300
    l1 = (-los * r / direct * g + (1 - los) * first) / p
    l2 = (los * g * (r * r / direct - 1) / direct + (1 - los) * second) / p - l1 * l1
    ratio[0] = fmin(fmax(1 + prior * l2, 0.02), 0.999)
    mean[0] = -prior * l1 * power / ratio[0]
    ratio[0] = 1 / (1 + power * (1 / ratio[0] - 1))
    mean[0] *= ratio[0]
    evidence[0] = log(p)


cdef double pair_weight(double d2_good, double det_good, double d2_wrong, double det_wrong, double wrong, double* evidence) noexcept nogil:
    # posterior of "as good as claimed" in a mixture of two normals
    cdef double good = -0.5 * (d2_good + log(det_good)), bad = -0.5 * (d2_wrong + log(det_wrong)), most = fmax(good, bad)
    cdef double a = (1 - wrong) * exp(good - most), b = wrong * exp(bad - most)
    evidence[0] = most + log(a + b)
    return a / (a + b)


cdef bint soft_update(
    Filter* f, int i, double a, int j, double b, double r, double sigma, double wrong, double wrong_sigma, bint explore
) noexcept nogil:
    cdef double s = innovation_variance(f, i, a, j, b), evidence
    cdef double good = s + sigma * sigma, bad = s + wrong_sigma * wrong_sigma
    cdef double weight = pair_weight(r * r / good, good, r * r / bad, bad, wrong, &evidence)
    if explore:
        f.score += evidence
    if weight < LEAST_WEIGHT:
        return False
    update(f, i, a, j, b, r, sigma * sigma / weight)
    return True
