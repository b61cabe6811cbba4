# Mixtures of densities: a range that is direct, delayed or an outlier; a measurement that is as good as claimed or wrong.
# Every kernel that weighs ranges includes it. Twin: `positioning.fusion_laws`. `evidence` may be NULL where nobody asks for it.

cdef struct RangeLaw:
    double los_m, nlos_m, excess_m, outlier  # sigma direct, sigma and mean excess of the delayed, share of outliers


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
    double r, double prior, double power, double los, const RangeLaw* law, double* mean, double* ratio, double* evidence
) noexcept nogil:
    # Masreliez 1975: moments of the state along the range from the score of the innovation's density; tempered by `power`
    cdef double direct = prior + law.los_m * law.los_m
    cdef double g = exp(-0.5 * r * r / direct) / sqrt(direct) * ROOT_2PI_INVERSE
    cdef double density, first, second, p, l1, l2
    delayed_normal(r, prior + law.nlos_m * law.nlos_m, law.excess_m, &density, &first, &second)
    p = los * g + (1 - los) * density + law.outlier / 300.0 * (1.0 if r > -5 else 1e-3) + 1e-300
    l1 = (-los * r / direct * g + (1 - los) * first) / p
    l2 = (los * g * (r * r / direct - 1) / direct + (1 - los) * second) / p - l1 * l1
    ratio[0] = fmin(fmax(1 + prior * l2, 0.02), 0.999)
    mean[0] = -prior * l1 * power / ratio[0]
    ratio[0] = 1 / (1 + power * (1 / ratio[0] - 1))
    mean[0] *= ratio[0]
    if evidence:
        evidence[0] = log(p)


cdef double pair_weight(double d2_good, double det_good, double d2_wrong, double det_wrong, double wrong, double* evidence) noexcept nogil:
    # posterior of "as good as claimed" in a mixture of two normals
    cdef double odds = wrong / (1 - wrong) * sqrt(det_good / det_wrong) * exp(0.5 * (d2_good - d2_wrong))  # that it is wrong
    if evidence and odds < 1:
        evidence[0] = log((1 - wrong) * (1 + odds)) - 0.5 * (d2_good + log(det_good))
    elif evidence:
        evidence[0] = log(wrong * (1 + 1 / odds)) - 0.5 * (d2_wrong + log(det_wrong))
    return 1 / (1 + odds)
