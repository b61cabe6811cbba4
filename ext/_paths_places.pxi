# Included by _paths.pyx: where the tracks of one view are, and what of it goes on from the places before.

cdef double STANDING_MPS = 0.5
cdef double STANDING_MAX_MPS = 0.9
cdef double SIGMAS_TO_MOVE = 2.0
cdef double START_MPS2 = 6.0
cdef int64_t SETTLE_NS = 1_000_000_000
cdef int64_t NEVER_NS = -(1LL << 60)


cdef class Network


cdef class Locating:
    """One call's arrays. The twin is `NetworkModel.locate`."""

    cdef Network network
    cdef const double[:, ::1] motion, sigma
    cdef const int64_t[::1] ids, known, last_seen, last_placed, last_stood
    cdef const unsigned char[::1] classes, updated, lamps, last_unlawful, last_on_crossing
    cdef const int[::1] last_element
    cdef int[::1] element
    cdef double[:, ::1] place
    cdef unsigned char[::1] moving, unlawful, on_crossing, role
    cdef int64_t[::1] seen, placed, stood
    cdef int64_t now_ns
    cdef Py_ssize_t count, before

    def __init__(self, Network network, view, before, lamps, places):
        self.network, self.now_ns, self.lamps = network, view.time_ns, lamps
        self.ids, self.classes, self.motion, self.sigma, self.updated = view.ids, view.classes, view.motion, view.sigma, view.updated
        self.known, self.last_element, self.last_unlawful = before.ids, before.element, before.unlawful
        self.last_on_crossing, self.last_seen = before.on_crossing, before.seen_ns
        self.last_placed, self.last_stood = before.placed_ns, before.stood_ns
        self.element, self.place, self.moving, self.unlawful = places.element, places.place, places.moving, places.unlawful
        self.on_crossing, self.role = places.on_crossing, places.role
        self.seen, self.placed, self.stood = places.seen_ns, places.placed_ns, places.stood_ns
        self.count, self.before = self.ids.shape[0], self.known.shape[0]
        for rows in (self.classes.shape[0], self.motion.shape[0], self.sigma.shape[0], self.updated.shape[0], self.element.shape[0],
                     self.place.shape[0], self.moving.shape[0], self.unlawful.shape[0], self.on_crossing.shape[0],
                     self.role.shape[0], self.seen.shape[0], self.placed.shape[0], self.stood.shape[0]):
            if rows != self.count:
                raise ValueError("locate: tracks and places disagree in length")
        for rows in (self.last_element.shape[0], self.last_unlawful.shape[0], self.last_on_crossing.shape[0],
                     self.last_seen.shape[0], self.last_placed.shape[0], self.last_stood.shape[0]):
            if rows != self.before:
                raise ValueError("locate: the places before disagree in length")
        if self.motion.shape[1] != 6 or self.sigma.shape[1] != 3 or self.place.shape[1] != 3:
            raise ValueError("locate: arrays have the wrong shape")
        if lamps.shape[0] != network.kinds.shape[0]:
            raise ValueError("locate: one lamp per element expected")

    cdef void fill(self) noexcept nogil:
        cdef Py_ssize_t i, last = -1
        for i in range(self.count):
            last = self.row_before(self.ids[i], last + 1)
            self.fill_one(i, last)

    cdef Py_ssize_t row_before(self, int64_t id, Py_ssize_t expected) noexcept nogil:
        """Where the track was before, -1 = nowhere. Tracks keep their order, so it is found at once, but nothing depends on that."""
        cdef Py_ssize_t tried, row
        for tried in range(self.before):
            row = (expected + tried) % self.before
            if self.known[row] == id:
                return row
        return -1

    cdef void fill_one(self, Py_ssize_t i, Py_ssize_t last) noexcept nogil:
        cdef bint there = last >= 0
        cdef int64_t now = self.now_ns, stood = self.last_stood[last] if there else NEVER_NS
        cdef int hint = self.last_element[last] if there else -1, element
        cdef double v = self.motion[i, 2]
        cdef bint moving, on = False, unlawful = False
        moving = v > fmin(fmax(SIGMAS_TO_MOVE * self.sigma[i, 1], STANDING_MPS), STANDING_MAX_MPS)
        moving = moving and v <= STANDING_MAX_MPS + START_MPS2 * <double> (now - stood) / 1e9
        self.place[i, 0] = self.place[i, 1] = self.place[i, 2] = 0.0
        element = self.network.place_one(&self.motion[i, 0], self.classes[i], moving, hint, &self.place[i, 0])
        if element >= 0 and self.network.kinds[element] == CROSSING:
            on = 0.0 < self.place[i, 0] < self.network.length[element]
        if on:
            if there and self.last_on_crossing[last] and hint == element:
                unlawful = self.last_unlawful[last]
            else:
                unlawful = self.lamps[element] == LAMP_STOP
        self.element[i], self.moving[i], self.on_crossing[i], self.unlawful[i] = element, moving, on, unlawful
        self.seen[i] = self.last_seen[last] if there and not self.updated[i] else now
        self.placed[i] = self.last_placed[last] if there and element < 0 and moving else now
        self.stood[i] = now if v <= STANDING_MPS else stood
        self.role[i] = self.network.roles[self.classes[i]] if self.classes[i] < self.network.roles.shape[0] else 0
        if self.role[i] == MOTOR and element < 0 and moving and now - self.placed[i] < SETTLE_NS:
            self.role[i] = UNSETTLED
