# Included by _conflicts.pyx: users of whom one follows no lane, judged by their trajectories.


cdef class Contacts(Scene):
    """First touch of two bodies on their trajectories."""

    cdef void judge_free(self, int a, int b, Encounter* best) noexcept nogil:
        cdef int r, q
        for r in range(self.routes[a]):
            for q in range(self.routes[b]):
                self.judge_contact(a, r, b, q, best)

    cdef void judge_contact(self, int a, int r, int b, int q, Encounter* best) noexcept nogil:
        """First touch of the two bodies, each on its own trajectory. Samples before they can have come near are passed over."""
        cdef int k = 0
        cdef double x, y, apart
        cdef double reach = (self.size[a, 0] + self.size[b, 0] + self.size[a, 1] + self.size[b, 1]) / 2 + TOUCH_M
        cdef double stride = (self.motion[a, 2] * self.moving[a] + self.motion[b, 2] * self.moving[b]) * SAMPLE_S + 0.01
        while k < SAMPLES:
            x = self.samples[b, q, k, 0] - self.samples[a, r, k, 0]
            y = self.samples[b, q, k, 1] - self.samples[a, r, k, 1]
            apart = sqrt(x * x + y * y) - reach
            if apart < 0 and self.touch(a, r, b, q, k, x, y):
                if k > 0:  # who touches now cannot be warned any more, or is one body seen twice
                    self.contact(a, r, b, q, k, best)
                return
            k += 1 if apart < stride else <int> fmin(apart / stride, SAMPLES)

    cdef bint touch(self, int a, int r, int b, int q, int k, double x, double y) noexcept nogil:
        """Separating axes of two rectangles (Gottschalk et al. 1996), the first grown by TOUCH_M."""
        cdef double ha[2]
        cdef double hb[2]
        self.direction(a, r, k, ha)
        self.direction(b, q, k, hb)
        return (not self.parts(a, ha, b, hb, x, y)) and (not self.parts(b, hb, a, ha, x, y))

    cdef bint parts(self, int a, const double* ha, int b, const double* hb, double x, double y) noexcept nogil:
        cdef double la = self.size[a, 0] / 2 + TOUCH_M / 2, wa = self.size[a, 1] / 2 + TOUCH_M / 2
        cdef double lb = self.size[b, 0] / 2 + TOUCH_M / 2, wb = self.size[b, 1] / 2 + TOUCH_M / 2
        cdef double c = fabs(ha[0] * hb[0] + ha[1] * hb[1]), s = fabs(ha[0] * hb[1] - ha[1] * hb[0])
        return fabs(x * ha[0] + y * ha[1]) > la + lb * c + wb * s or fabs(x * ha[1] - y * ha[0]) > wa + lb * s + wb * c

    cdef void direction(self, int i, int r, int k, double* heading) noexcept nogil:
        """Unit vector along the route at sample k; the body's own heading where it stands."""
        cdef int at = k if k + 1 < SAMPLES else SAMPLES - 2
        cdef double x = self.samples[i, r, at + 1, 0] - self.samples[i, r, at, 0]
        cdef double y = self.samples[i, r, at + 1, 1] - self.samples[i, r, at, 1]
        cdef double size = sqrt(x * x + y * y)
        if size < 0.02:
            heading[0], heading[1] = sin(self.motion[i, 3]), cos(self.motion[i, 3])
        else:
            heading[0], heading[1] = x / size, y / size

    cdef void contact(self, int a, int r, int b, int q, int k, Encounter* best) noexcept nogil:
        cdef int at = k if k > 0 else 1, step
        cdef double x0 = self.samples[b, q, at - 1, 0] - self.samples[a, r, at - 1, 0]
        cdef double y0 = self.samples[b, q, at - 1, 1] - self.samples[a, r, at - 1, 1]
        cdef double dx = self.samples[b, q, at, 0] - self.samples[a, r, at, 0] - x0
        cdef double dy = self.samples[b, q, at, 1] - self.samples[a, r, at, 1] - y0
        cdef double low = 0.0, high = 1.0, middle, closing = sqrt(dx * dx + dy * dy) / SAMPLE_S
        cdef double ha[2]
        cdef double hb[2]
        cdef Encounter met
        self.direction(a, r, k, ha)
        self.direction(b, q, k, hb)
        if closing < 0.3:
            return
        for step in range(4):
            middle = (low + high) / 2
            if self.touch(a, r, b, q, k, x0 + middle * dx, y0 + middle * dy):
                high = middle
            else:
                low = middle
        met.ttc = fmax(0.0, (at - 1 + high) * SAMPLE_S) if k > 0 else 0.0
        if met.ttc > self.horizon_s:
            return
        met.probability = self.miss_probability(a, ha, b, hb, x0, y0, dx, dy, met.ttc)
        met.pet = NAN
        met.east = (self.samples[a, r, k, 0] + self.samples[b, q, k, 0]) / 2
        met.north = (self.samples[a, r, k, 1] + self.samples[b, q, k, 1]) / 2
        self.name(a, b, &met)
        met.rule = BY_TIME if met.kind == ICW else BY_BRAKING
        met.required = self.required(met.first, self.motion[met.first, 2] * met.ttc, 0.0, 0.0, met.kind != VRUCW)
        if met.rule == BY_TIME and ha[0] * hb[0] + ha[1] * hb[1] > 0.7 and met.kind != VRUCW:
            self.follow_freely(a, b, ha, closing, &met)
        self.keep(&met, best)

    cdef void follow_freely(self, int a, int b, const double* ha, double closing, Encounter* met) noexcept nogil:
        """Both move the same way: whoever is behind has to brake."""
        cdef double ahead = (self.motion[b, 0] - self.motion[a, 0]) * ha[0] + (self.motion[b, 1] - self.motion[a, 1]) * ha[1]
        met.first, met.second = (a, b) if ahead > 0 else (b, a)
        met.kind, met.rule = FCW, BY_BRAKING
        met.required = self.required(met.first, closing * met.ttc, self.motion[met.second, 2], self.motion[met.second, 5], True)

    cdef double miss_probability(self, int a, const double* ha, int b, const double* hb, double x, double y, double dx, double dy,
                                 double t) noexcept nogil:
        """Probability that the distance at which the two centres pass is less than their half widths across that motion."""
        cdef double size = sqrt(dx * dx + dy * dy), nx = dy / size, ny = -dx / size
        cdef double miss = x * nx + y * ny
        cdef double half = (fabs(nx * ha[0] + ny * ha[1]) * self.size[a, 0] + fabs(nx * ha[1] - ny * ha[0]) * self.size[a, 1]
                            + fabs(nx * hb[0] + ny * hb[1]) * self.size[b, 0] + fabs(nx * hb[1] - ny * hb[0]) * self.size[b, 1]) / 2
        return within(miss, half, sqrt(self.miss_variance(a, t) + self.miss_variance(b, t)))

    cdef double miss_variance(self, int i, double t) noexcept nogil:
        cdef double heading = self.sigma[i, 2] if self.element[i] < 0 else 0.0
        if not self.moving[i]:
            return self.sigma[i, 0] ** 2
        return self.sigma[i, 0] ** 2 + (t * self.sigma[i, 1]) ** 2 + (t * self.motion[i, 2] * heading) ** 2
