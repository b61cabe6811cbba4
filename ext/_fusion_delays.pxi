# What all vehicles share: the anchors, and the constants that vehicles of the bank learn: a delay of each anchor, and after them in the
# same table an offset east and one north of each source of fixes.

cdef int64_t RENEWAL_NS = 3_000_000_000  # of the anchors' delays: longer than FUTURE_NS and the longest window together


cdef struct Delay:  # or offset, m
    double offset, variance  # of samples after `since_ns`
    double offset_before, variance_before
    double[2] precision, moment  # learnt of samples until `since_ns`, and after: the evidence's precision, and its offset times that


cdef struct Shared:
    const double* anchors
    Delay* delays
    Delay* offsets  # two of each source
    Py_ssize_t sources
    int64_t since_ns


cdef void learn_delay(Delay* delay, int bucket, double offset, double variance, double mean, double ratio) noexcept nogil:
    # what makes N(offset, variance) into N(offset + mean, ratio variance), as a factor: such evidence adds up in any order
    cdef double precision = (1 / ratio - 1) / variance
    delay.precision[bucket] += precision
    delay.moment[bucket] += precision * offset + mean / (ratio * variance)


cdef int64_t renew(Delay* delays, Py_ssize_t count, int64_t since_ns, int64_t settled_ns) noexcept nogil:
    # Of the moments that are whole multiples of RENEWAL_NS one after another: what is learnt until one holds for samples after the next.
    # So every sample meets the same delays, whenever it comes and whenever a step is asked for. -> the next
    cdef Py_ssize_t i, again
    cdef Delay* each
    cdef double precision
    if settled_ns <= since_ns:
        return since_ns
    for again in range(2 if settled_ns > since_ns + RENEWAL_NS else 1):
        for i in range(count):
            each = delays + i
            precision = 1 / each.variance + each.precision[0]
            each.offset_before = each.offset
            each.variance_before = each.variance
            each.offset = (each.offset / each.variance + each.moment[0]) / precision
            each.variance = 1 / precision
            each.precision[0] = each.precision[1]
            each.moment[0] = each.moment[1]
            each.precision[1] = each.moment[1] = 0
    return (settled_ns // RENEWAL_NS + 1) * RENEWAL_NS
