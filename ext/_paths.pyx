# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Where each track is on the map and where it can go: localize, reach, trajectories.

The readable twin is `intersections.paths_model`, which states the rules; the numbers below are named there too.
Python validates (shapes, in `Network` and its callers' wrappers); nothing here does.
"""

from libc.math cimport INFINITY, atan2, cos, fabs, fmax, fmin, sin, sqrt, floor
from libc.stdint cimport int64_t

cdef enum:
    VISITS = 32
    ROUTES = 4
    SAMPLES = 31
    HOPS = 32
    LANE = 0
    BICYCLE_LANE = 1
    SIDEWALK = 2
    CONNECTION = 3
    BICYCLE_CONNECTION = 4
    CROSSING = 5
    LAMP_STOP = 1
    MOTOR = 1
    UNSETTLED = 3

cdef double SAMPLE_S = 0.2
cdef double STOP_SLACK_M = 1.0
cdef double KERB_SLACK_M = 0.3
cdef double OVERSHOOT_M = 0.7
cdef double APPROACH_M = 4.0
cdef double SIBLING_LATERAL_M = 1.0
cdef double SIBLING_COS = 0.97
cdef double BESIDE_LATERAL_M = 3.0
cdef double BESIDE_COS = 0.5
cdef double SAME_M = 1e-9  # at a joint two segments are equally near but for rounding: the first counts
cdef double STRAIGHT_RADPS = 0.05
cdef double LOOK_AHEAD_M = 120.0


cdef struct Fix:
    double s
    double lateral
    double over
    double cos_turn
    double sin_turn


include "_paths_places.pxi"


cdef class Network:
    """The arrays of `intersections.paths.Paths`, held for the kernels."""

    cdef const unsigned char[::1] kinds, controlled, u_turn
    cdef const double[:, ::1] points
    cdef const double[::1] arc, half_width, length, stop_back, curve
    cdef const int[::1] point_start, next_start, next_element, ingress, cell_start, cell_segment, cell_element, direction
    cdef double west, south, cell_m
    cdef int columns, rows
    cdef const double[:, ::1] admission
    cdef const unsigned char[::1] roles

    def __init__(self, paths, const double[:, ::1] admission, const unsigned char[::1] roles, double cell_m):
        if admission.shape[1] != 6 or roles.shape[0] != admission.shape[0]:
            raise ValueError("one admission cost per element kind expected, and one role per class")
        self.kinds, self.points, self.arc = paths.kinds, paths.points, paths.arc_m
        self.half_width, self.length = paths.half_width_m, paths.length_m
        self.stop_back, self.curve = paths.stop_back_m, paths.curve_mps
        self.point_start, self.next_start, self.next_element = paths.point_start, paths.next_start, paths.next_element
        self.ingress, self.controlled, self.u_turn = paths.ingress, paths.controlled, paths.u_turn
        self.cell_start, self.cell_segment, self.cell_element = paths.cell_start, paths.cell_segment, paths.cell_element
        self.direction = paths.direction
        self.west, self.south = paths.grid[0], paths.grid[1]
        self.columns, self.rows = int(paths.grid[2]), int(paths.grid[3])
        self.admission, self.roles, self.cell_m = admission, roles, cell_m

    def localize(self, const double[:, ::1] motion, const unsigned char[::1] classes, const unsigned char[::1] moving,
                 const int[::1] hints, int[::1] element, double[:, ::1] place):
        """Fill element (n,) and place (n, 3): arc length, lateral offset (right positive), heading difference."""
        cdef Py_ssize_t count = motion.shape[0]
        if not (motion.shape[1] == 6 and classes.shape[0] == moving.shape[0] == hints.shape[0] == count):
            raise ValueError("localize: shapes disagree")
        if element.shape[0] != count or place.shape[0] != count or place.shape[1] != 3:
            raise ValueError("localize: outputs have the wrong shape")
        with nogil:
            for i in range(count):
                element[i] = self.place_one(&motion[i, 0], classes[i], moving[i], hints[i], &place[i, 0])

    def locate(self, view, before, lamps, places):
        """Fill `places`, an `intersections.localize.Places` as long as the view, from the view and the places before."""
        cdef Locating located = Locating(self, view, before, lamps, places)
        with nogil:
            located.fill()

    cdef int place_one(self, const double* motion, int object_class, bint moving, int hint, double* place) noexcept nogil:
        cdef double x = motion[0], y = motion[1], sin_h = sin(motion[3]), cos_h = cos(motion[3])
        cdef int column = <int> floor((x - self.west) / self.cell_m), row = <int> floor((y - self.south) / self.cell_m)
        cdef int best = -1, entry, cell, number
        cdef double least = INFINITY, cost
        cdef Fix fix
        if column < 0 or row < 0 or column >= self.columns or row >= self.rows or object_class >= self.admission.shape[0]:
            return -1
        cell = row * self.columns + column
        for entry in range(self.cell_start[cell], self.cell_start[cell + 1]):
            number = self.cell_element[entry]
            if self.admission[object_class, self.kinds[number]] == INFINITY:
                continue
            self.project(number, self.cell_segment[entry], x, y, sin_h, cos_h, &fix)
            cost = self.cost(number, object_class, moving, hint, &fix)
            if cost < least:
                least, best = cost, number
                place[0], place[1], place[2] = fix.s, fix.lateral, atan2(fix.sin_turn, fix.cos_turn)
        return best

    cdef void project(self, int number, int first, double x, double y, double sin_h, double cos_h, Fix* fix) noexcept nogil:
        """Onto the segment from point `first`; beyond the element's ends the line goes on straight."""
        cdef double px = self.points[first, 0], py = self.points[first, 1]
        cdef double ex = self.points[first + 1, 0] - px, ey = self.points[first + 1, 1] - py
        cdef double size = sqrt(ex * ex + ey * ey), dx = x - px, dy = y - py
        cdef double along, side, away
        ex /= size
        ey /= size
        along = dx * ex + dy * ey
        side = dx * ey - dy * ex
        fix.over = 0.0
        fix.s = self.arc[first] + along
        fix.lateral = side
        if along < 0.0:
            if first == self.point_start[number]:
                fix.over = -along
            else:
                away = sqrt(along * along + side * side)
                fix.s, fix.lateral = self.arc[first], away if side >= 0 else -away
        elif along > size:
            if first + 2 == self.point_start[number + 1]:
                fix.over = along - size
            else:
                along -= size
                away = sqrt(along * along + side * side)
                fix.s, fix.lateral = self.arc[first + 1], away if side >= 0 else -away
        fix.cos_turn = sin_h * ex + cos_h * ey
        fix.sin_turn = sin_h * ey - cos_h * ex

    cdef double cost(self, int number, int object_class, bint moving, int hint, Fix* fix) noexcept nogil:
        """How badly a track fits an element; infinite where it is not on it. See `paths_model.placement_cost`."""
        cdef int kind = self.kinds[number]
        cdef bint two_way = kind == SIDEWALK or kind == CROSSING
        cdef bint kept = number == hint
        cdef double along = fabs(fix.cos_turn) if two_way else fix.cos_turn
        cdef double margin = 1.2 if kept else 0.6
        cdef double least_cos = 0.8 if kind == SIDEWALK else (0.5 if kept or two_way else 0.7)
        cdef double over_max = OVERSHOOT_M, over = fix.over
        if kind == CROSSING:
            margin = 1.0
            if moving and ((fix.s < 0 and fix.cos_turn > 0.5) or (fix.s > 0 and fix.cos_turn < -0.5)):
                over_max = APPROACH_M
                over = 0.25 * over
        if fix.over > over_max or fabs(fix.lateral) > self.half_width[number] + margin or (moving and along < least_cos):
            return INFINITY
        return ((fix.lateral / 0.8) ** 2 + (over / 0.5) ** 2 + 2.0 * (1.0 - along) / (0.09 if moving else 1.0)
                + self.admission[object_class, kind] + 0.5 * self.u_turn[number]
                + (0.0 if kept else (0.3 if self.follows(hint, number) else 0.8)))

    cdef bint follows(self, int hint, int number) noexcept nogil:
        cdef int k
        if hint < 0:
            return False
        for k in range(self.next_start[hint], self.next_start[hint + 1]):
            if self.next_element[k] == number:
                return True
        return self.ingress[hint] >= 0 and self.ingress[hint] == self.ingress[number]

    def reach(self, const double[:, ::1] motion, const double[:, ::1] size, const unsigned char[::1] moving,
              const int[::1] element, const double[:, ::1] place, const unsigned char[::1] lamps, double horizon_s,
              double stop_mps2, int[::1] visits, int[:, ::1] visited, double[:, :, ::1] travel, signed char[:, ::1] parent,
              unsigned char[::1] attentive):
        """Fill visited (n, VISITS) and travel (n, VISITS, 2): distance to each element's start and to the predicted stop on it."""
        cdef Py_ssize_t count = motion.shape[0]
        if not (size.shape[0] == moving.shape[0] == element.shape[0] == place.shape[0] == visits.shape[0] == count):
            raise ValueError("reach: shapes disagree")
        if visited.shape[0] < count or visited.shape[1] != VISITS:
            raise ValueError("reach: visited has the wrong shape")
        if travel.shape[0] < count or travel.shape[1] != VISITS or travel.shape[2] != 2:
            raise ValueError("reach: travel has the wrong shape")
        if lamps.shape[0] != self.kinds.shape[0] or parent.shape[0] < count or parent.shape[1] != VISITS or attentive.shape[0] != count:
            raise ValueError("reach: lamps, parents or flags have the wrong shape")
        with nogil:
            for i in range(count):
                visits[i] = 0
                attentive[i] = 0
                if element[i] >= 0:
                    visits[i] = self.reach_one(&motion[i, 0], size[i, 0] / 2, moving[i], element[i], &place[i, 0], &lamps[0],
                                               horizon_s, stop_mps2, &visited[i, 0], &travel[i, 0, 0], &parent[i, 0], &attentive[i])

    cdef int reach_one(self, const double* motion, double half_length, bint moving, int element, const double* place,
                       const unsigned char* lamps, double horizon_s, double stop_mps2, int* visited, double* travel,
                       signed char* parent, unsigned char* attentive) noexcept nogil:
        cdef double v = motion[2]
        cdef int kind = self.kinds[element]
        cdef int count, k = 0, stops = 0, opens = 0, watched = 0, outcome
        cdef double horizon = fmax(v * horizon_s, LOOK_AHEAD_M) + half_length
        visited[0], parent[0], travel[1] = element, -1, INFINITY
        travel[0] = -place[0]
        if kind == SIDEWALK or kind == CROSSING:
            if cos(place[2]) < 0:
                travel[0] = place[0] - self.length[element]
            if kind == CROSSING and lamps[element] == LAMP_STOP and travel[0] > 0:
                if not moving or v * v <= 2.0 * stop_mps2 * (travel[0] + KERB_SLACK_M):
                    travel[1] = travel[0]
            return 1
        count = self.add_siblings(motion, element, visited, travel, parent)
        if not moving:
            return count
        while k < count:
            outcome = self.expand(k, v, half_length, horizon, lamps, stop_mps2, visited, travel, parent, &count)
            stops += outcome == 1
            opens += outcome == 2
            watched |= self.controlled[visited[k]]
            k += 1
        attentive[0] = watched != 0 or (stops > 0 and opens == 0)
        return self.drop_unlawful(count, lamps, visited, travel, parent)

    cdef int drop_unlawful(self, int count, const unsigned char* lamps, int* visited, double* travel, signed char* parent) noexcept nogil:
        """Of several ways, nobody is taken to run a red light as long as another is open to him."""
        cdef bint runs[VISITS]
        cdef signed char row[VISITS]
        cdef int k, kept = 0, running = 0, lawful_leaves = 0
        cdef bint leaf
        for k in range(count):
            runs[k] = (parent[k] >= 0 and (runs[parent[k]] or lamps[visited[k]] == LAMP_STOP))
            running += runs[k]
        if running == 0:
            return count
        for k in range(count):
            leaf = not runs[k]
            for j in range(k + 1, count):
                if parent[j] == k:
                    leaf = False
                    break
            lawful_leaves += leaf
        if lawful_leaves == 0:
            return count
        for k in range(count):
            if runs[k]:
                continue
            row[k] = <signed char> kept
            visited[kept], parent[kept] = visited[k], -1 if parent[k] < 0 else row[parent[k]]
            travel[2 * kept], travel[2 * kept + 1] = travel[2 * k], travel[2 * k + 1]
            kept += 1
        return kept

    cdef int add_siblings(self, const double* motion, int element, int* visited, double* travel, signed char* parent) noexcept nogil:
        """Other connections from the same ingress that the track could as well be on: all turns until motion shows which.

        Lanes that go on side by side are told apart later than turns: drivers shift between them.
        """
        cdef int ingress = self.ingress[element], k, number, count = 1, first
        cdef double sin_h, cos_h, least
        cdef bint beside
        cdef Fix fix, best
        if ingress < 0:
            return 1
        sin_h, cos_h = sin(motion[3]), cos(motion[3])
        for k in range(self.next_start[ingress], self.next_start[ingress + 1]):
            number = self.next_element[k]
            if number == element or count >= VISITS or self.u_turn[number]:
                continue
            least = INFINITY
            for first in range(self.point_start[number], self.point_start[number + 1] - 1):
                self.project(number, first, motion[0], motion[1], sin_h, cos_h, &fix)
                if fabs(fix.lateral) + fix.over < least - SAME_M:
                    least = fabs(fix.lateral) + fix.over
                    best = fix
            beside = self.direction[element] == self.direction[number]
            if (least <= (BESIDE_LATERAL_M if beside else SIBLING_LATERAL_M)
                    and best.cos_turn >= (BESIDE_COS if beside else SIBLING_COS)):
                visited[count], parent[count] = number, -1
                travel[2 * count], travel[2 * count + 1] = -best.s, INFINITY
                count += 1
        return count

    cdef int expand(self, int k, double v, double half_length, double horizon, const unsigned char* lamps, double stop_mps2,
                    int* visited, double* travel, signed char* parent, int* count) noexcept nogil:
        """Go on from visit k. 0: there is more, or the map ends; 1: it ends in a predicted stop; 2: it leaves the horizon."""
        cdef double end = travel[2 * k] + self.length[visited[k]], stop, limit = -1.0
        cdef int j, number, gone = 0, blocked = 0, feasible = 0
        if end > horizon:
            return 2
        for j in range(self.next_start[visited[k]], self.next_start[visited[k] + 1]):
            feasible += self.turnable(self.next_element[j], v, end, stop_mps2)
        for j in range(self.next_start[visited[k]], self.next_start[visited[k] + 1]):
            number = self.next_element[j]
            if feasible > 0 and not self.turnable(number, v, end, stop_mps2):
                continue
            stop = end - self.stop_back[number] - half_length
            if lamps[number] == LAMP_STOP and stop + STOP_SLACK_M > 0 and v * v <= 2.0 * stop_mps2 * (stop + STOP_SLACK_M):
                blocked += 1
                limit = fmax(limit, fmax(stop + STOP_SLACK_M, 0.0))
            elif count[0] < VISITS:
                visited[count[0]], parent[count[0]] = number, <signed char> k
                travel[2 * count[0]], travel[2 * count[0] + 1] = end, INFINITY
                count[0] += 1
                gone += 1
        if gone == 0 and blocked > 0:
            travel[2 * k + 1] = limit
            return 1
        return 0 if gone > 0 else 2

    cdef bint turnable(self, int number, double v, double distance, double stop_mps2) noexcept nogil:
        cdef double curve = self.curve[number]
        if self.u_turn[number]:
            return False
        return v <= curve or v * v - curve * curve <= 2.0 * stop_mps2 * fmax(distance, 0.1)

    def trajectories(self, const double[:, ::1] motion, const unsigned char[::1] moving, const int[::1] element,
                     const double[:, ::1] place, const int[::1] visits, const int[:, ::1] visited, const double[:, :, ::1] travel,
                     const signed char[:, ::1] parent, int[::1] routes, double[:, :, :, ::1] samples):
        """Fill samples (n, ROUTES, SAMPLES, 2), the centre every SAMPLE_S along each route, and routes (n,), how many there are."""
        cdef Py_ssize_t count = motion.shape[0]
        if not (moving.shape[0] == element.shape[0] == place.shape[0] == visits.shape[0] == routes.shape[0] == count):
            raise ValueError("trajectories: shapes disagree")
        if samples.shape[0] < count or samples.shape[1] != ROUTES or samples.shape[2] != SAMPLES or samples.shape[3] != 2:
            raise ValueError("trajectories: samples have the wrong shape")
        if visited.shape[1] != VISITS or travel.shape[1] != VISITS or parent.shape[1] != VISITS:
            raise ValueError("trajectories: visits have the wrong shape")
        with nogil:
            for i in range(count):
                if element[i] < 0 or not moving[i]:
                    routes[i] = 1
                    turn_freely(&motion[i, 0], moving[i], &samples[i, 0, 0, 0])
                else:
                    routes[i] = self.follow_routes(&motion[i, 0], &place[i, 0], visits[i], &visited[i, 0], &travel[i, 0, 0],
                                                   &parent[i, 0], &samples[i, 0, 0, 0])

    cdef int follow_routes(self, const double* motion, const double* place, int visits, const int* visited, const double* travel,
                           const signed char* parent, double* samples) noexcept nogil:
        cdef int k, j, hop, routes = 0, hops
        cdef int chain[HOPS]
        cdef bint leaf
        for k in range(visits):
            leaf = True
            for j in range(k + 1, visits):
                if parent[j] == k:
                    leaf = False
                    break
            if not leaf or routes == ROUTES:
                continue
            hops, hop = 0, k
            while hop >= 0 and hops < HOPS:
                chain[hops] = hop
                hops += 1
                hop = parent[hop]
            self.follow_route(motion, place, chain, hops, visited, travel, samples + 2 * SAMPLES * routes)
            routes += 1
        return routes

    cdef void follow_route(self, const double* motion, const double* place, const int* chain, int hops, const int* visited,
                           const double* travel, double* samples) noexcept nogil:
        cdef double v = motion[2], limit = travel[2 * chain[0] + 1], x, s
        cdef int k, hop = hops - 1, number = visited[chain[hop]]
        cdef int point = self.point_start[number]
        cdef bint reverse = cos(place[2]) < 0
        for k in range(SAMPLES):
            x = travelled(v, motion[5], limit, k * SAMPLE_S)
            while hop > 0 and x > travel[2 * chain[hop - 1]]:
                hop -= 1
                number = visited[chain[hop]]
                point = self.point_start[number]
            s = x - travel[2 * chain[hop]]
            if reverse:
                s = self.length[number] - s
                point = self.point_start[number]
            while point + 2 < self.point_start[number + 1] and self.arc[point + 1] < s:
                point += 1
            self.offset_point(point, s, place[1] if chain[hops - 1] == 0 else 0.0, samples + 2 * k)

    cdef void offset_point(self, int point, double s, double lateral, double* sample) noexcept nogil:
        cdef double ex = self.points[point + 1, 0] - self.points[point, 0], ey = self.points[point + 1, 1] - self.points[point, 1]
        cdef double size = sqrt(ex * ex + ey * ey), along = s - self.arc[point]
        sample[0] = self.points[point, 0] + (along * ex + lateral * ey) / size
        sample[1] = self.points[point, 1] + (along * ey - lateral * ex) / size


include "_paths_travel.pxi"
