# Included by _conflicts.pyx: one step's tracks and zones, and what every judgement needs of them.


cdef class Scene:
    """One step's tracks with the map's zones: struct of arrays in, encounters out. Made anew for each step."""

    cdef const double[:, ::1] motion, sigma, size, place
    cdef const unsigned char[::1] role, moving, updated, lamps, unlawful, attentive, kinds, straight, zone_rule
    cdef const int[::1] element, visits, routes, zone_start, zone_other
    cdef const int[:, ::1] visited
    cdef const double[:, :, ::1] travel
    cdef const signed char[:, ::1] parent
    cdef const double[:, :, :, ::1] samples
    cdef const double[::1] length, half_width, stop_back, curve, late
    cdef const double[:, ::1] zone, zone_place
    cdef double horizon_s, reaction_s, stop_mps2, least_probability, least_required
    cdef Py_ssize_t count

    def __init__(self, tracks, paths, lamps, config):
        self.motion, self.sigma, self.size, self.place = tracks.motion, tracks.sigma, tracks.size_m, tracks.place
        self.role, self.moving, self.updated = tracks.role, tracks.moving, tracks.updated
        self.unlawful, self.attentive, self.element = tracks.unlawful, tracks.attentive, tracks.element
        self.visits, self.visited, self.travel, self.parent = tracks.visits, tracks.visited, tracks.travel, tracks.parent
        self.routes, self.samples, self.lamps, self.late = tracks.routes, tracks.samples, lamps, tracks.late_mps2
        self.kinds, self.length, self.half_width = paths.kinds, paths.length_m, paths.half_width_m
        self.stop_back, self.curve, self.straight = paths.stop_back_m, paths.curve_mps, paths.straight
        self.zone_start, self.zone_other, self.zone_rule = paths.zone_start, paths.zone_other, paths.zone_rule
        self.zone, self.zone_place = paths.zone_m, paths.zone_place_m
        self.horizon_s, self.reaction_s, self.stop_mps2 = config.horizon_s, config.reaction_s, config.stop_mps2
        self.least_probability, self.least_required = config.least_probability, config.least_required_mps2
        self.count = self.motion.shape[0]
        for rows in (self.sigma.shape[0], self.size.shape[0], self.place.shape[0], self.role.shape[0], self.moving.shape[0],
                     self.updated.shape[0], self.unlawful.shape[0], self.attentive.shape[0], self.element.shape[0],
                     self.visits.shape[0], self.routes.shape[0], self.late.shape[0]):
            if rows != self.count:
                raise ValueError("conflicts: tracks' arrays disagree in length")
        if self.visited.shape[0] < self.count or self.visited.shape[1] != VISITS or self.travel.shape[1] != VISITS:
            raise ValueError("conflicts: visits have the wrong shape")
        if self.samples.shape[0] < self.count or self.samples.shape[1] != ROUTES or self.samples.shape[2] != SAMPLES:
            raise ValueError("conflicts: samples have the wrong shape")
        if self.lamps.shape[0] != self.kinds.shape[0] or self.zone_start.shape[0] != self.kinds.shape[0] + 1:
            raise ValueError("conflicts: lamps or zones disagree with the elements")

    cdef double required(self, int a, double gap, double speed, double acceleration, bint expected) noexcept nogil:
        """What a's driver must brake with: after the reaction time, or now where attentive or braking already."""
        cdef double own = self.motion[a, 2], braking = -self.motion[a, 5]
        cdef double now = needed(own, fmax(gap, 0.0), speed, acceleration, 0.0)
        if expected and self.attentive[a] and now <= self.bearable(a) and acceleration > -UNEXPECTED_MPS2:
            return 0.0
        if braking > BRAKING_MPS2:
            return now if now > braking else 0.0
        return needed(own, fmax(gap, 0.0), speed, acceleration, self.reaction_s)

    cdef double bearable(self, int i) noexcept nogil:
        """Deceleration that a driver who has to stop is still trusted with; more if he is already braking so."""
        return fmax(self.late[i], fmin(self.late[i] + LATE_BRAKING_MPS2, -BRAKING_SHARE * self.motion[i, 5]))

    cdef void name(self, int a, int b, Encounter* met) noexcept nogil:
        """Kind by who meets whom; first is the one who can act: the moving motor vehicle, of two the one with the lower row."""
        met.first, met.second = (a, b) if self.role[a] == MOTOR and self.moving[a] else (b, a)
        if self.role[a] == VULNERABLE or self.role[b] == VULNERABLE:
            met.kind = VRUCW
        else:
            met.kind = ICW if self.moving[a] and self.moving[b] else FCW

    cdef bint keep(self, const Encounter* met, Encounter* best) noexcept nogil:
        """The most urgent of a pair's encounters stays."""
        if met.probability < self.least_probability:
            return False
        if met.rule == BY_BRAKING and met.required < self.least_required:
            return False
        if best.probability < 0 or urgency(met) > urgency(best):
            best[0] = met[0]
        return True
