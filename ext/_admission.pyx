# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""One sender's admission without a Python object per decision: rate, sequence, clock; and whether all rows lie in a circle.

Rule: the same verdicts as the readable twin in `v2x.ingest.admission` and `v2x.ingest.clocks`, from the same constants; tests run both.
"""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport cos, fabs
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t

from positioning.samples import DETECTION_COLUMNS, Verdict

from v2x.ingest import clocks, sequences

cdef enum:
    WINDOW = 1024  # SEQUENCE_WINDOW
    BUCKETS = 60  # WINDOW_BUCKETS
    AGREEING = 3  # AGREEING_FRAMES
    COLUMNS = 15  # DETECTION_COLUMNS

cdef int64_t SECOND_NS = clocks.SECOND_NS
cdef int64_t SYNCHRONISED_NS = clocks.SYNCHRONISED_NS
cdef int64_t LATE_WINDOW_NS = clocks.LATE_WINDOW_NS
cdef int64_t JUMP_NS = clocks.JUMP_NS
cdef int64_t AGREEMENT_NS = clocks.AGREEMENT_NS
cdef int64_t MODULUS = sequences.SEQUENCE_MODULUS
cdef int64_t FARTHEST_NS = clocks.FARTHEST_NS
cdef double EARTH_RADIUS_M = 6_371_000.0
cdef double PI = 3.141592653589793

if (clocks.WINDOW_BUCKETS, clocks.AGREEING_FRAMES, sequences.SEQUENCE_WINDOW, DETECTION_COLUMNS) != (BUCKETS, AGREEING, WINDOW, COLUMNS):
    raise ImportError("the kernel was built for other constants than the twin has")

cdef object ACCEPTED = Verdict.ACCEPTED
cdef object OVERSIZED = Verdict.OVERSIZED
cdef object RATE_LIMITED = Verdict.RATE_LIMITED
cdef object DUPLICATE = Verdict.DUPLICATE
cdef object STALE = Verdict.STALE
cdef object CLOCK_JUMP = Verdict.CLOCK_JUMP


cdef inline int64_t bucket_of(int64_t time_ns) noexcept nogil:
    """Floor division, as in Python."""
    cdef int64_t bucket = time_ns / SECOND_NS
    return bucket - 1 if time_ns % SECOND_NS < 0 else bucket


cdef inline int64_t distance(int64_t start, int64_t end) noexcept nogil:
    """From one number on to another the shorter way round."""
    cdef int64_t ahead = (end - start + MODULUS / 2) % MODULUS
    return (ahead + MODULUS if ahead < 0 else ahead) - MODULUS / 2


cdef class StationAdmission:
    """The fast form of `v2x.ingest.admission.AdmissionTwin`."""

    cdef readonly object limits
    cdef readonly int64_t highest_taken, gaps, restarts, jumps_adopted
    cdef int64_t interval_ns, tolerance_ns, full_ns, frame_bytes, unread
    cdef int64_t[WINDOW] numbers
    cdef int64_t[WINDOW] stamps
    cdef int64_t highest, first, newest_ns
    cdef int64_t[BUCKETS] buckets
    cdef int64_t[BUCKETS] minima
    cdef int oldest, entries
    cdef int64_t[AGREEING] received_of
    cdef int64_t[AGREEING] measured_of
    cdef int candidates
    cdef int64_t offset
    cdef bint has_offset

    def __init__(self, limits):
        self.limits = limits
        self.interval_ns = int(SECOND_NS / limits.frames_per_s)
        self.tolerance_ns = (limits.burst_frames - 1) * self.interval_ns
        self.frame_bytes = limits.frame_bytes
        self.highest = -1
        self.forget_numbers()

    @property
    def offset_ns(self):
        return self.offset if self.has_offset else None

    @property
    def is_synchronised(self):
        return self.has_offset and 0 <= self.offset < SYNCHRONISED_NS

    def admit_unread(self, int64_t size_bytes, int64_t received_ns):
        """Before decoding: ACCEPTED, OVERSIZED or RATE_LIMITED."""
        cdef int64_t full_ns = max(self.full_ns, received_ns)
        if full_ns - received_ns > self.tolerance_ns:
            self.unread += 1
            return RATE_LIMITED
        self.full_ns = full_ns + self.interval_ns
        if size_bytes > self.frame_bytes:
            self.unread += 1
            return OVERSIZED
        return ACCEPTED

    def note_unread(self):
        """A message came whose number nobody could read: no gap."""
        self.unread += 1

    def admit(self, int64_t sequence, int64_t stamp_ns, int64_t received_ns):
        """After decoding: the verdict, and the measured time on our clock."""
        cdef int slot = sequence % WINDOW
        cdef int64_t measured_ns = stamp_ns
        if self.numbers[slot] == sequence and self.stamps[slot] == stamp_ns:
            return DUPLICATE, stamp_ns
        self.note(slot, sequence, stamp_ns)
        self.unread = 0
        verdict = self.read_clock(&measured_ns, received_ns)
        if verdict is ACCEPTED:
            self.highest_taken = self.highest
        return verdict, measured_ns

    # Sequence

    cdef void note(self, int slot, int64_t sequence, int64_t stamp_ns) noexcept:
        cdef int64_t ahead = distance(self.highest, sequence)
        if self.highest < 0:
            self.start(sequence, stamp_ns)
        elif (
            ahead > WINDOW
            or ahead < -WINDOW
            or self.numbers[slot] == sequence
            or (ahead < 0 and stamp_ns - self.newest_ns > LATE_WINDOW_NS)
        ):
            self.restarts += 1
            self.start(sequence, stamp_ns)
        elif ahead > 0:
            self.gaps += max(0, ahead - 1 - self.unread)
            self.highest = sequence
            self.newest_ns = stamp_ns
        elif distance(self.first, sequence) > 0:
            self.gaps = max(0, self.gaps - 1)
        self.numbers[slot] = sequence
        self.stamps[slot] = stamp_ns

    cdef void start(self, int64_t sequence, int64_t stamp_ns) noexcept:
        self.forget_numbers()
        self.first = self.highest = sequence
        self.newest_ns = stamp_ns

    cdef void forget_numbers(self) noexcept:
        cdef int slot
        for slot in range(WINDOW):
            self.numbers[slot] = -1

    # Clock

    cdef object read_clock(self, int64_t* measured_ns, int64_t received_ns):
        cdef int64_t delay_ns = received_ns - measured_ns[0]
        cdef int64_t offset_ns, late_ns
        if not -FARTHEST_NS <= delay_ns <= FARTHEST_NS:
            return CLOCK_JUMP
        self.forget(bucket_of(received_ns))
        if self.entries:
            offset_ns = self.minima[self.oldest]
            late_ns = delay_ns - (0 if 0 <= offset_ns < SYNCHRONISED_NS else offset_ns)
            if late_ns > LATE_WINDOW_NS or delay_ns < offset_ns - JUMP_NS:
                if not self.adopts(measured_ns[0], received_ns):
                    return CLOCK_JUMP if delay_ns - offset_ns > JUMP_NS or offset_ns - delay_ns > JUMP_NS else STALE
            else:
                self.candidates = 0
        self.push(received_ns, delay_ns)
        self.offset = self.minima[self.oldest]
        self.has_offset = True
        if not 0 <= self.offset < SYNCHRONISED_NS:
            measured_ns[0] += self.offset
        return ACCEPTED

    cdef bint adopts(self, int64_t measured_ns, int64_t received_ns) noexcept:
        cdef int index
        cdef int64_t delay_ns, least = INT64_MAX, most = INT64_MIN, elapsed_ns, measured_span_ns
        if self.candidates == AGREEING:
            for index in range(AGREEING - 1):
                self.received_of[index] = self.received_of[index + 1]
                self.measured_of[index] = self.measured_of[index + 1]
            self.candidates -= 1
        self.received_of[self.candidates] = received_ns
        self.measured_of[self.candidates] = measured_ns
        self.candidates += 1
        if self.candidates < AGREEING:
            return False
        for index in range(AGREEING):
            delay_ns = self.received_of[index] - self.measured_of[index]
            least = min(least, delay_ns)
            most = max(most, delay_ns)
        elapsed_ns = received_ns - self.received_of[0]
        measured_span_ns = measured_ns - self.measured_of[0]
        if most - least > AGREEMENT_NS or 2 * elapsed_ns < measured_span_ns or 2 * elapsed_ns < -measured_span_ns:
            return False
        self.entries = 0
        for index in range(AGREEING):
            self.push(self.received_of[index], self.received_of[index] - self.measured_of[index])
        self.candidates = 0
        self.jumps_adopted += 1
        return True

    cdef void push(self, int64_t time_ns, int64_t value) noexcept:
        """Sliding minimum: entries by rising bucket and value."""
        cdef int64_t bucket = bucket_of(time_ns)
        cdef int last
        while self.entries and self.minima[(self.oldest + self.entries - 1) % BUCKETS] >= value:
            self.entries -= 1
        last = (self.oldest + self.entries - 1 + BUCKETS) % BUCKETS
        if not self.entries or self.buckets[last] < bucket:
            self.forget(bucket)
            last = (self.oldest + self.entries) % BUCKETS
            self.buckets[last] = bucket
            self.minima[last] = value
            self.entries += 1

    cdef void forget(self, int64_t bucket) noexcept:
        while self.entries and self.buckets[self.oldest] <= bucket - BUCKETS:
            self.oldest = (self.oldest + 1) % BUCKETS
            self.entries -= 1


cdef class Circle:
    """The fast form of `Area.holds(...).all()`."""

    cdef double latitude_rad, longitude_rad, narrowing, radius2

    def __init__(self, double latitude_rad, double longitude_rad, double radius_m):
        self.latitude_rad = latitude_rad
        self.longitude_rad = longitude_rad
        self.narrowing = cos(latitude_rad)
        self.radius2 = (radius_m / EARTH_RADIUS_M) ** 2

    def holds_all(self, rows):
        """Whether all detection rows (float64, C-contiguous (n, DETECTION_COLUMNS)) lie inside; NaN does not."""
        cdef Py_buffer view
        cdef bint inside
        PyObject_GetBuffer(rows, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
        try:
            if view.ndim != 2 or view.shape[1] != COLUMNS or view.format[0] != c"d":
                raise ValueError("rows have to be float64 (n, DETECTION_COLUMNS)")
            inside = self.holds(<const double*>view.buf, view.shape[0])
        finally:
            PyBuffer_Release(&view)
        return inside

    cdef bint holds(self, const double* rows, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t row
        cdef double north, east
        for row in range(count):
            north = rows[row * COLUMNS] - self.latitude_rad
            east = rows[row * COLUMNS + 1] - self.longitude_rad
            if fabs(east) > PI:
                east -= 2 * PI if east > 0 else -2 * PI
            east *= self.narrowing
            if not north * north + east * east <= self.radius2:
                return False
        return True
