# What all vehicles share: the anchors and the delays that are learnt of them, by vehicles of the bank only.

cdef int64_t RENEWAL_NS = 3_000_000_000  # of the anchors' delays: longer than FUTURE_NS and the longest window together


cdef struct Delay:  # of one anchor, m
    double offset, variance  # of samples after `since_ns`
    double offset_before, variance_before
    double precision, moment  # learnt since: the evidence's precision, and its offset times that


cdef struct Shared:
    const double* anchors
    Delay* delays
    int64_t since_ns


cdef void learn_delay(Delay* delay, double offset, double variance, double mean, double ratio) noexcept nogil:
    # what makes N(offset, variance) into N(offset + mean, ratio variance), as a factor: such evidence adds up in any order
    cdef double precision = (1 / ratio - 1) / variance
    delay.precision += precision
    delay.moment += precision * offset + mean / (ratio * variance)


cdef void renew(Delay* delays, Py_ssize_t anchors) noexcept nogil:
    # Between renewals every sample of one moment meets the same delays, whenever it comes: so the head need not be filtered again
    cdef Py_ssize_t i
    cdef double precision
    for i in range(anchors):
        precision = 1 / delays[i].variance + delays[i].precision
        delays[i].offset_before = delays[i].offset
        delays[i].variance_before = delays[i].variance
        delays[i].offset = (delays[i].offset / delays[i].variance + delays[i].moment) / precision
        delays[i].variance = 1 / precision
        delays[i].precision = delays[i].moment = 0
