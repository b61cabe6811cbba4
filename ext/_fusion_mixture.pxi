# Mixtures of densities: a range that is direct, delayed or an outlier; a measurement that is as good as claimed or wrong.
# Every kernel that weighs ranges includes it. Twin: `positioning.fusion_laws`. `evidence` may be NULL where nobody asks for it.

cdef struct RangeLaw:
    double los_m, nlos_m, excess_m, outlier  # sigma direct, sigma and mean excess of the delayed, share of outliers


cdef double line_of_sight(double distance) noexcept nogil:  # 3GPP TR 38.901 table 7.4.2-1, urban micro
    return 18 / distance + exp(-distance / 36) * (1 - 18 / distance) if distance > 18 else 1.0


cdef void delayed_normal(double r, double variance, double tau, double* density, double* first, double* second) noexcept nogil:
    # N(0, variance) + Exp(tau) at r, and its derivatives: the exponentially modified Gaussian
    cdef double s = sqrt(variance), precision = 1 / variance, rate = 1 / tau, z = (s * rate - r * s * precision) * M_SQRT1_2
    cdef double normal = exp(-0.5 * r * r * precision) * s * precision * ROOT_2PI_INVERSE
    if z < 5.0:
        density[0] = 0.5 * rate * exp((0.5 * variance * rate - r) * rate) * erfc(z)
    else:  # the tail of erfcx
        density[0] = normal * rate * s / (z * M_SQRT2) * (1 - 1 / (2 * z * z))
    first[0] = (normal - density[0]) * rate
    second[0] = (-r * precision * normal - first[0]) * rate


cdef void range_moments(
    double r, double prior, double power, double los, const RangeLaw* law, double* mean, double* ratio, double* evidence
) noexcept nogil:
    # Masreliez 1975: moments of the state along the range from the score of the innovation's density; tempered by `power`
    cdef double precision = 1 / (prior + law.los_m * law.los_m), pull = r * precision
    cdef double g = los * exp(-0.5 * r * pull) * sqrt(precision) * ROOT_2PI_INVERSE
    cdef double density, first, second, p, inverse, l1, l2, untempered, temper
    delayed_normal(r, prior + law.nlos_m * law.nlos_m, law.excess_m, &density, &first, &second)
    p = g + (1 - los) * density + law.outlier * (1 / 300.0) * (1.0 if r > -5 else 1e-3) + 1e-300
    inverse = 1 / p
    l1 = ((1 - los) * first - pull * g) * inverse
    l2 = (g * (r * pull - 1) * precision + (1 - los) * second) * inverse - l1 * l1
    untempered = fmin(fmax(1 + prior * l2, 0.02), 0.999)
    temper = 1 / (untempered + power * (1 - untempered))
    mean[0] = -prior * l1 * power * temper
    ratio[0] = untempered * temper
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
