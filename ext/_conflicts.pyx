# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which pairs of road users meet, when, and with what certainty.

The readable twin is `intersections.conflicts_model`, which gives the rules and their sources; numbers are named there too.
Candidates share a cell of a uniform grid with the boxes their futures sweep; each is then judged once.
"""

from libc.math cimport INFINITY, NAN, cos, erf, fabs, fmax, fmin, sin, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

cdef enum:
    VISITS = 32
    ROUTES = 4
    SAMPLES = 31
    CROSSING = 5
    OWN_YIELDS = 1
    OTHER_YIELDS = 2
    MERGE = 4
    LAMP_STOP = 1
    LAMP_PROTECTED = 3
    MOTOR = 1
    VULNERABLE = 2
    UNSETTLED = 3
    ICW = 0
    FCW = 1
    VRUCW = 2
    BY_TIME = 0
    BY_BRAKING = 1
    CELLS_MAX = 65536

cdef double SAMPLE_S = 0.2
cdef double BRAKING_MPS2 = 1.0
cdef double FREEDOM_PER_S = 0.03
cdef double REQUIRED_MAX_MPS2 = 20.0
cdef double YIELD_SLACK_M = 0.5
cdef double STOP_SLACK_M = 1.0
cdef double UNEXPECTED_MPS2 = 5.5
cdef double LATE_BRAKING_MPS2 = 1.0
cdef double BRAKING_SHARE = 1.15
cdef double TOUCH_M = 0.2
cdef double HASTY_TURN = 0.3
cdef double SLOW_TURN = 0.6
cdef double BOX_MARGIN_M = 1.0

cdef struct Encounter:
    int first
    int second
    int kind
    int rule
    double ttc
    double pet
    double required
    double probability
    double east
    double north

cdef struct Span:
    double enters  # distance of the front to the zone, m
    double start  # s
    double end  # s
    double variance  # of the arrival time, s2


include "_conflicts_formulas.pxi"
include "_conflicts_scene.pxi"
include "_conflicts_contact.pxi"


cdef class Judge(Contacts):
    """Finds the candidate pairs and judges each."""

    def find(self, int[:, ::1] pairs, double[:, ::1] values, double cell_m):
        """Fill pairs (m, 4): first, second, kind, rule, and values (m, 6): TTC, PET, required, probability, east, north.

        Returns (encounters found, pairs judged); what does not fit is counted but not written.
        """
        cdef Py_ssize_t found = 0, judged = 0
        cdef double* boxes
        cdef unsigned long long* masks
        if pairs.shape[1] != 4 or values.shape[1] != 6 or values.shape[0] != pairs.shape[0] or cell_m <= 0:
            raise ValueError("conflicts: outputs have the wrong shape")
        if self.count < 2:
            return 0, 0
        boxes = <double*> malloc(self.count * 4 * sizeof(double))
        masks = <unsigned long long*> malloc(self.count * 2 * sizeof(unsigned long long))
        try:
            if boxes == NULL or masks == NULL:
                raise MemoryError
            with nogil:
                self.box_all(boxes)
                self.mask_all(masks)
                outcome = self.search(boxes, masks, cell_m, pairs, values, &found, &judged)
            if outcome < 0:
                raise MemoryError
        finally:
            free(boxes)
            free(masks)
        return found, judged

    cdef void box_all(self, double* boxes) noexcept nogil:
        """West, south, east, north of everything each track may sweep."""
        cdef Py_ssize_t i
        cdef int r, k
        cdef double margin
        cdef double* box
        for i in range(self.count):
            box = boxes + 4 * i
            box[0] = box[2] = self.motion[i, 0]
            box[1] = box[3] = self.motion[i, 1]
            for r in range(self.routes[i]):
                for k in range(SAMPLES):
                    box[0] = min(box[0], self.samples[i, r, k, 0])
                    box[1] = min(box[1], self.samples[i, r, k, 1])
                    box[2] = max(box[2], self.samples[i, r, k, 0])
                    box[3] = max(box[3], self.samples[i, r, k, 1])
            margin = self.size[i, 0] / 2 + BOX_MARGIN_M
            box[0] -= margin
            box[1] -= margin
            box[2] += margin
            box[3] += margin

    cdef void mask_all(self, unsigned long long* masks) noexcept nogil:
        """Two bit sets of elements modulo 64 per track: those it visits, and those its visits conflict with."""
        cdef Py_ssize_t i
        cdef int k, z, number
        for i in range(self.count):
            masks[2 * i] = masks[2 * i + 1] = 0
            for k in range(self.visits[i]):
                number = self.visited[i, k]
                masks[2 * i] |= 1ULL << (number & 63)
                for z in range(self.zone_start[number], self.zone_start[number + 1]):
                    masks[2 * i + 1] |= 1ULL << (self.zone_other[z] & 63)

    cdef int search(self, const double* boxes, const unsigned long long* masks, double cell_m, int[:, ::1] pairs,
                    double[:, ::1] values, Py_ssize_t* found, Py_ssize_t* judged) noexcept nogil:
        """All pairs whose boxes overlap, each once: in the cell that holds the south-west corner of the common area."""
        cdef double west = INFINITY, south = INFINITY, east = -INFINITY, north = -INFINITY
        cdef Py_ssize_t i, entries = 0
        cdef int columns, rows, a, b, cell, first, second
        cdef int* starts
        cdef int* members
        cdef Encounter best
        for i in range(self.count):
            west, south = fmin(west, boxes[4 * i]), fmin(south, boxes[4 * i + 1])
            east, north = fmax(east, boxes[4 * i + 2]), fmax(north, boxes[4 * i + 3])
        cell_m = fmax(cell_m, fmax(east - west, north - south) / 250.0)
        columns, rows = <int> ((east - west) / cell_m) + 1, <int> ((north - south) / cell_m) + 1
        starts = <int*> malloc((columns * rows + 2) * sizeof(int))
        if starts == NULL:
            return -1
        entries = count_cells(boxes, self.count, west, south, cell_m, columns, rows, starts)
        members = <int*> malloc((entries + 1) * sizeof(int))
        if members == NULL:
            free(starts)
            return -1
        fill_cells(boxes, self.count, west, south, cell_m, columns, starts, members)
        for cell in range(columns * rows):
            for a in range(starts[cell], starts[cell + 1]):
                first = members[a]
                for b in range(a + 1, starts[cell + 1]):
                    second = members[b]
                    if not self.candidate(boxes, first, second, west, south, cell_m, columns, cell):
                        continue
                    judged[0] += 1
                    best.probability = -1.0
                    self.judge(first, second, masks, &best)
                    if best.probability >= 0:
                        if found[0] < pairs.shape[0]:
                            write(&best, &pairs[found[0], 0], &values[found[0], 0])
                        found[0] += 1
        free(starts)
        free(members)
        return 0

    cdef bint candidate(self, const double* boxes, int a, int b, double west, double south, double cell_m, int columns,
                        int cell) noexcept nogil:
        cdef const double* p = boxes + 4 * a
        cdef const double* q = boxes + 4 * b
        cdef double x = max(p[0], q[0]), y = max(p[1], q[1])
        if x > min(p[2], q[2]) or y > min(p[3], q[3]):
            return False
        if <int> ((y - south) / cell_m) * columns + <int> ((x - west) / cell_m) != cell:
            return False
        if not (self.updated[a] or self.updated[b]) or self.role[a] == UNSETTLED or self.role[b] == UNSETTLED:
            return False
        return (self.role[a] == MOTOR and self.moving[a]) or (self.role[b] == MOTOR and self.moving[b])

    cdef void judge(self, int a, int b, const unsigned long long* masks, Encounter* best) noexcept nogil:
        cdef int ea = self.element[a], eb = self.element[b]
        if ea < 0 or eb < 0:
            self.judge_free(a, b, best)
            return
        if masks[2 * a] & (1ULL << (eb & 63)):
            self.judge_following(a, b, best)
        if masks[2 * b] & (1ULL << (ea & 63)):
            self.judge_following(b, a, best)
        if masks[2 * a + 1] & masks[2 * b]:
            self.judge_zones(a, b, best)

    cdef void judge_following(self, int a, int b, Encounter* best) noexcept nogil:
        """a behind b on a path that a may take."""
        cdef int k
        cdef double ahead, gap, lateral, half_width, sigma
        cdef Encounter met
        if self.role[a] != MOTOR or not self.moving[a]:
            return
        for k in range(self.visits[a]):
            if self.visited[a, k] != self.element[b]:
                continue
            ahead = self.travel[a, k, 0] + self.place[b, 0]
            gap = ahead - (self.size[a, 0] + self.size[b, 0]) / 2
            if ahead <= 0 or gap < -0.5 * fmin(self.size[a, 0], self.size[b, 0]) or gap > self.travel[a, k, 1]:
                continue
            lateral = self.place[b, 1] - (self.place[a, 1] if self.parent[a, k] < 0 else 0.0)
            half_width = (self.size[a, 1] + self.size[b, 1]) / 2
            sigma = sqrt(self.sigma[a, 0] ** 2 + self.sigma[b, 0] ** 2)
            met.first, met.second, met.kind, met.rule, met.pet = a, b, FCW, BY_BRAKING, NAN
            met.probability = within(lateral, half_width, sigma)
            met.ttc = closing_time(gap, self.motion[a, 2] - (self.motion[b, 2] if self.moving[b] else 0.0))
            met.required = self.required(a, gap, self.motion[b, 2] if self.moving[b] else 0.0, self.motion[b, 5], True)
            met.east, met.north = self.motion[b, 0], self.motion[b, 1]
            if met.required >= self.least_required and not self.may_pass(a, b):
                self.keep(&met, best)

    cdef bint may_pass(self, int a, int b) noexcept nogil:
        """Whether one of several ways of a leads clear of where b is now."""
        cdef int r, k
        cdef bint clear
        cdef double half_width = (self.size[a, 1] + self.size[b, 1]) / 2
        cdef double rear_x = self.motion[b, 0] - sin(self.motion[b, 3]) * self.size[b, 0] / 2
        cdef double rear_y = self.motion[b, 1] - cos(self.motion[b, 3]) * self.size[b, 0] / 2
        if self.routes[a] < 2:
            return False
        for r in range(self.routes[a]):
            clear = True
            for k in range(SAMPLES - 1):
                if (distance(&self.samples[a, r, k, 0], rear_x, rear_y) < half_width
                        or distance(&self.samples[a, r, k, 0], self.motion[b, 0], self.motion[b, 1]) < half_width):
                    clear = False
                    break
            if clear:
                return True
        return False

    cdef void judge_zones(self, int a, int b, Encounter* best) noexcept nogil:
        """Where a track may be on one of several paths, a conflict counts if it is one on each of them."""
        cdef int k, m, z, number, roots_a = 0, roots_b = 0
        cdef unsigned int hit_a = 0, hit_b = 0
        cdef Encounter worst
        worst.probability = -1.0
        for k in range(self.visits[a]):
            number = self.visited[a, k]
            for z in range(self.zone_start[number], self.zone_start[number + 1]):
                for m in range(self.visits[b]):
                    if self.visited[b, m] == self.zone_other[z] and self.judge_zone(a, k, b, m, z, &worst):
                        hit_a |= 1U << self.root(a, k)
                        hit_b |= 1U << self.root(b, m)
        while roots_a < self.visits[a] and self.parent[a, roots_a] < 0:
            roots_a += 1
        while roots_b < self.visits[b] and self.parent[b, roots_b] < 0:
            roots_b += 1
        if hit_a == (1U << roots_a) - 1 and hit_b == (1U << roots_b) - 1 and worst.probability >= 0:
            if best.probability < 0 or urgency(&worst) > urgency(best):
                best[0] = worst

    cdef int root(self, int i, int k) noexcept nogil:
        while self.parent[i, k] >= 0:
            k = self.parent[i, k]
        return k

    cdef bint judge_zone(self, int a, int k, int b, int m, int z, Encounter* best) noexcept nogil:
        cdef int rule = self.zone_rule[z], ea = self.visited[a, k], eb = self.visited[b, m]
        cdef Span first, second
        cdef Encounter met
        cdef double trim_a = 0.0 if rule & MERGE or self.kinds[eb] == CROSSING else self.half_width[eb] - self.size[b, 1] / 2
        cdef double trim_b = 0.0 if rule & MERGE or self.kinds[ea] == CROSSING else self.half_width[ea] - self.size[a, 1] / 2
        if not self.occupies(a, k, self.zone[z, 0], self.zone[z, 1], trim_a, &first):
            return False
        if not self.occupies(b, m, self.zone[z, 2], self.zone[z, 3], trim_b, &second):
            return False
        if self.stops_late(a, k, &first) or self.stops_late(b, m, &second):
            return False
        if rule & OWN_YIELDS and self.gives_way(a, ea, b, eb, &first):
            return False
        if rule & OTHER_YIELDS and self.gives_way(b, eb, a, ea, &second):
            return False
        met.ttc = fmax(first.start, second.start)
        if met.ttc > self.horizon_s:
            return False
        met.probability = overlap_probability(&first, &second) * self.likelihood(a, k) * self.likelihood(b, m)
        met.pet = fmax(0.0, fmax(first.start - second.end, second.start - first.end))
        met.east, met.north = self.zone_place[z, 0], self.zone_place[z, 1]
        self.name(a, b, &met)
        met.rule = BY_TIME if self.moving[a] and self.moving[b] else BY_BRAKING
        met.required = self.required(met.first, first.enters if met.first == a else second.enters, 0.0, 0.0, True)
        return self.keep(&met, best)

    cdef double likelihood(self, int i, int k) noexcept nogil:
        """Straight on is likelier than a turn; who is too fast for it and does not brake hardly turns at all."""
        cdef int number = self.visited[i, k]
        if not self.straight[number] or self.parent[i, k] < 0:
            return 1.0
        return HASTY_TURN if self.motion[i, 2] > self.curve[number] + 1.0 and self.motion[i, 5] > -BRAKING_MPS2 else SLOW_TURN

    cdef bint occupies(self, int i, int k, double start, double end, double trim, Span* span) noexcept nogil:
        """When track i is in the stretch of its visit k; false if it never is, by the rules of predicted stops."""
        cdef int number = self.visited[i, k]
        cdef double v = self.motion[i, 2], half = self.size[i, 0] / 2, leaves, last = self.travel[i, k, 1], swap
        if self.kinds[number] == CROSSING and cos(self.place[i, 2]) < 0:
            swap = self.length[number] - end
            end = self.length[number] - start
            start = swap
        trim = fmax(0.0, fmin(trim, (end - start - 1.0) / 2))
        span.enters = self.travel[i, k, 0] + start + trim - half
        leaves = self.travel[i, k, 0] + end - trim + half
        if leaves <= 0:
            return False
        span.variance = 0.0
        if not self.moving[i]:
            span.start, span.end = 0.0, INFINITY
            return span.enters < 0
        if self.motion[i, 5] < -BRAKING_MPS2:
            last = fmin(last, v * v / (-2.0 * self.motion[i, 5]))
        if span.enters > 0 and span.enters >= last:
            return False
        span.start = fmax(0.0, span.enters / v)
        span.end = leaves / v if last >= leaves else INFINITY
        span.variance = (self.sigma[i, 0] ** 2 + (span.start * self.sigma[i, 1]) ** 2
                         + (0.5 * FREEDOM_PER_S * v * span.start * span.start) ** 2) / (v * v)
        return True

    cdef bint stops_late(self, int i, int k, const Span* span) noexcept nogil:
        """Facing red, hard on the line or beyond it, but before the zone."""
        cdef int number = self.visited[i, k]
        cdef double v = self.motion[i, 2], to_line = self.travel[i, k, 0] - self.stop_back[number] - self.size[i, 0] / 2
        if self.lamps[number] != LAMP_STOP or self.kinds[number] == CROSSING or to_line <= -STOP_SLACK_M or span.enters <= 0:
            return False
        return v * v <= 2.0 * self.bearable(i) * fmin(to_line + STOP_SLACK_M, span.enters + YIELD_SLACK_M)

    cdef bint gives_way(self, int own, int own_element, int other, int other_element, const Span* span) noexcept nogil:
        """Whether the map's yield holds under these lamps and can still be done."""
        cdef double v = self.motion[own, 2], room = span.enters + YIELD_SLACK_M
        if self.kinds[other_element] == CROSSING:
            if self.unlawful[other]:
                return False
        elif self.lamps[own_element] == LAMP_PROTECTED and self.lamps[other_element] == LAMP_STOP:
            return False
        return room > 0 and (not self.moving[own] or v * v <= 2.0 * self.bearable(own) * room)


def sift(const int[:, ::1] pairs, const double[:, ::1] values, const double[:, :, ::1] bounds, const int64_t[::1] ids,
         const unsigned char[::1] fresh, int64_t[::1] rows, int64_t[:, ::1] keys, unsigned char[::1] raised):
    """Of all conflicts those that raise or hold a warning: their rows, their keys (kind, lower id, higher id), whether they raise.

    bounds (kinds, 2, 3): to raise and to hold, the longest TTC, the least required deceleration, the least probability.
    Only pairs that are both `fresh` raise. -> how many.
    """
    cdef Py_ssize_t i, count = pairs.shape[0], kept = 0
    cdef int64_t a, b
    cdef bint raises
    if pairs.shape[1] != 4 or values.shape[1] != 6 or bounds.shape[1] != 2 or bounds.shape[2] != 3 or keys.shape[1] != 3:
        raise ValueError("sift: arrays have the wrong shape")
    if values.shape[0] != count or min(rows.shape[0], keys.shape[0], raised.shape[0]) < count or fresh.shape[0] != ids.shape[0]:
        raise ValueError("sift: arrays disagree in length")
    for i in range(count):
        a, b = pairs[i, 0], pairs[i, 1]
        if not (0 <= a < ids.shape[0] and 0 <= b < ids.shape[0] and 0 <= pairs[i, 2] < bounds.shape[0]):
            raise ValueError("sift: a conflict of no track or of no kind")
        raises = passes(&values[i, 0], pairs[i, 3], &bounds[pairs[i, 2], 0, 0]) and fresh[a] and fresh[b]
        if raises or passes(&values[i, 0], pairs[i, 3], &bounds[pairs[i, 2], 1, 0]):
            rows[kept], raised[kept] = i, raises
            keys[kept, 0], keys[kept, 1], keys[kept, 2] = pairs[i, 2], min(ids[a], ids[b]), max(ids[a], ids[b])
            kept += 1
    return kept


cdef bint passes(const double* values, int rule, const double* bound) noexcept nogil:
    if values[3] >= bound[2]:
        return values[2] > bound[1] if rule == BY_BRAKING else values[0] <= bound[0]
    return False


def required_deceleration(double own_mps, double gap_m, double speed_mps, double acceleration_mps2, double reaction_s):
    """The formula alone, m/s2, for tests against `conflicts_model`."""
    return needed(own_mps, gap_m, speed_mps, acceleration_mps2, reaction_s)
