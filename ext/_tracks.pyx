# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""One roadside frame, one vehicle's sample or one view into the tracker's arrays, each in one call.

Rules:
* The arrays are those of `positioning.track_columns`; Python checks shapes once per call here and owns all memory.
* Nothing here allocates a Python object or reads a clock; the GIL is free while a frame is worked on.
* The readable twin is `positioning.model`.
"""

from libc.math cimport INFINITY, M_PI, M_SQRT2, NAN, atan2, cos, exp, fabs, floor, fmod, hypot, isnan, log, log1p, sin, sqrt
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free, llabs, malloc, qsort
from libc.string cimport memcpy, memset

cdef enum:  # as `positioning.track_columns`
    EAST = 0, NORTH = 1, SPEED = 2, HEADING = 3, YAW = 4, ACCELERATION = 5
    M_ID = 0, M_TIME_NS = 1, M_BORN_NS = 2, M_HIT_NS = 3, M_END_NS = 4, M_CONFIRMED = 5, M_HITS = 6, M_CLASS = 7, M_ORIENTED = 8
    M_UPDATED = 9, M_ROADSIDE_NS = 10, M_ANCHOR_NS = 11, M_VEHICLE = 12, M_SOURCES = 13, M_SHOW_NS = 14, MARKS = 15
    N_LENGTH = 0, N_WIDTH = 1, N_SIZE_WEIGHT = 2, N_HIT_EAST = 3, N_HIT_NORTH = 4, N_ANCHOR_EAST = 5, N_ANCHOR_NORTH = 6
    N_SPEED_SURPRISES = 7, N_HEADING_SURPRISES = 8, N_OWN_EAST = 9, N_OWN_NORTH = 10, N_FLOOR = 11, N_BELIEF = 12, N_VOTES = 13
    CLASSES = 11, NUMBERS = 24, KINDS = 5
    L_EAST = 0, L_NORTH = 1, L_ANCHOR_EAST = 2, L_ANCHOR_NORTH = 3, L_TRAVELLED = 4, L_SPEED = 5, L_SIN = 6, L_COS = 7
    L_OFF_EAST = 8, L_OFF_NORTH = 9, L_HEADING = 10, LINKS = 11
    LM_TIME = 0, LM_LOCAL_ID = 1, LM_ANCHOR_NS = 2, LM_SPEED_TRUST = 3, LM_HEADING_TRUST = 4, LINK_MARKS = 5
    UNKNOWN = 0, TRUSTED = 1, DOUBTED = 2, FAULTY = 3, RECOVERING = 4
    ACCELERATION_SIGMA = 0, ACCELERATION_TIME = 1, YAW_SIGMA = 2, YAW_TIME = 3, SPEED_WALK = 4, HEADING_WALK = 5, POSITION_WALK = 6
    TOP_SPEED = 7, POSITION_SIGMA = 8, SPEED_SIGMA = 9, HEADING_SIGMA = 10, LENGTH = 11, WIDTH = 12, KIND = 13, PROFILE_COLUMNS = 14
    DETECTION_COLUMNS = 15, LAST_LOCAL_ID = 65535, EVENT_COLUMNS = 7
    EXIT_CELLS = 64
    MISSING = -1, OUTSIDE = -2  # of a detection
    EDGES = 8  # tracks considered per detection, the likeliest

cdef int[10] TRUST_STEPS = [DOUBTED, TRUSTED, DOUBTED, TRUSTED, FAULTY, TRUSTED, FAULTY, RECOVERING, FAULTY, TRUSTED]

cdef double GATE = 16.0  # chi-square, 2 degrees of freedom: 3 in 10,000 true positions fall outside
cdef double GATE_SIGMAS = 4.0  # its square root
cdef double COST_OF_NONE = 24.0
cdef double COST_SHIFT = 5.0  # what the station's own numbering is worth
cdef double FARTHEST_M = 8.0
cdef double JUMP_M = 5.0  # a lane change in one step, under the same local number
cdef double SIDEWAYS_SIGMA_MPS2 = 1.5
cdef double SMALLEST_VARIANCE = 1e-8
cdef double FASTEST_UNORIENTED_MPS = 20.0
cdef double WINDOW_S = 0.6
cdef double WINDOW_FIRST_S = 0.35
cdef double WINDOW_GAP_S = 0.5
cdef double VOTE_MEMORY = 0.98
cdef double OWN_INFLATION = 9.0  # a receiver's errors last for many samples
cdef double OWN_STEADY_M = 0.4  # what of it changes from one fix to the next
cdef double OWN_CORRELATED_SAMPLES = 600.0
cdef double OWN_WANDERS_M = 2.0  # within its smoothing time, beside the roadside: it is another vehicle's receiver
cdef double HEADING_CORRELATED_SAMPLES = 40.0
cdef int64_t BESIDE_NS = 150_000_000
cdef double OWN_SMOOTHING = 0.05
cdef double COAST_S = 2.0
cdef double FOUND_S = 0.5  # a track found again may need so long to be confirmed
cdef double COAST_STANDING_S = 2.5
cdef double COAST_LEAST_S = 0.35  # three frames at 10 Hz
cdef double SHOWN_LEAST_S = 0.25  # two frames at 10 Hz and their delay
cdef double OFF_SMOOTHING = 0.15
cdef double EXIT_CELL_M = 8.0
cdef double LATE_S = 0.5
cdef double FORGOTTEN_S = 10.0
cdef int64_t LOST_NS = 300_000_000
cdef int64_t PAIR_NS = 120_000_000
cdef int64_t CONTINUITY_NS = 600_000_000  # another number than so long ago speaks against
cdef int64_t NUMBER_NS = 2_500_000_000  # the same number as so long ago speaks for

LAYOUT = {
    "marks": MARKS, "numbers": NUMBERS, "links": LINKS, "link_marks": LINK_MARKS, "profile": PROFILE_COLUMNS,
    "detection": DETECTION_COLUMNS, "events": EVENT_COLUMNS, "exit_cells": EXIT_CELLS, "votes": N_VOTES, "trust_steps": list(TRUST_STEPS),
}


cdef struct Table:
    double* motion
    double* covariance
    int64_t* marks
    double* numbers
    double* links
    int64_t* link_marks
    const double* profiles
    double* offsets  # (stations + 1, 3): east, north, clockwise yaw about the origin; slot 0 is the vehicles' own fixes
    double* offset_covariance
    int64_t* exits  # (cells, cells, 2): tracks lost for good, tracks seen again
    double* events
    Py_ssize_t sources
    int stations
    int64_t event_count
    int64_t event_capacity
    int64_t confirmed  # tracks that this frame confirmed


cdef struct Seen:
    double east, north, speed, heading, acceleration, yaw_rate, length, width
    double position_sigma, speed_sigma, heading_sigma, existence
    double raw_east, raw_north, raw_sigma  # as measured: of a vehicle's fused position its fix, which owes nothing to its wheels
    int64_t local_id
    int kind


include "_tracks_motion.pxi"
include "_tracks_assign.pxi"
include "_tracks_evidence.pxi"
include "_tracks_frame.pxi"


include "_tracks_search.pxi"
include "_tracks_stitch.pxi"


cdef Py_ssize_t take_frame(
    Table* t, Room* room, Py_ssize_t tracks, int source, int64_t now, const double* rows, const double* enu, int count, double radius,
    int64_t next_id, int64_t* outcome
) noexcept nogil:
    cdef Py_ssize_t row, after = tracks
    cdef int j, placed = 0, found = 0
    for j in range(count):
        read(rows + j * DETECTION_COLUMNS, enu + 2 * j, t.offsets + 3 * source, t.profiles, &room.seen[j])
        room.degrees[j] = 0
        room.namesake[j] = -1
        outcome[j] = MISSING if isnan(enu[2 * j]) or isnan(enu[2 * j + 1]) else OUTSIDE
        if fabs(enu[2 * j]) <= radius and fabs(enu[2 * j + 1]) <= radius:
            room.order[placed] = j
            placed += 1
            outcome[j] = 0
    sort_by_east(room, placed)
    for row in range(tracks):
        found = consider(t, room, row, source, now, placed, found)
    honour_numbers(t, room, source, now, count)
    if assign_all(count, found, room.edges, room.costs, room.degrees, COST_OF_NONE + COST_SHIFT, room.choice) < 0:
        return -1
    for j in range(count):
        if outcome[j] < 0:
            continue
        if room.choice[j] >= 0:
            outcome[j] = room.candidates[room.choice[j]].row
            fuse(t, outcome[j], source, &room.seen[j], now, room.candidates[room.choice[j]].y, room.candidates[room.choice[j]].q,
                 &room.candidates[room.choice[j]].flow)
        else:
            outcome[j] = after
            begin(t, after, next_id + (after - tracks), source, &room.seen[j], now)
            after += 1
    return after


cdef int bind(
    Table* t, double[:, ::1] motion, double[:, ::1] covariance, int64_t[:, ::1] marks, double[:, ::1] numbers, double[:, :, ::1] links,
    int64_t[:, :, ::1] link_marks, const double[:, ::1] profiles, double[:, ::1] offsets, double[:, :, ::1] offset_covariance,
    int64_t[:, :, ::1] exits, double[:, ::1] events, int stations
) except -1:
    cdef Py_ssize_t capacity = motion.shape[0], sources = links.shape[1]
    if not (
        capacity > 0 and motion.shape[1] == 6 and covariance.shape[0] == marks.shape[0] == numbers.shape[0] == links.shape[0] == capacity
        and link_marks.shape[0] == capacity and link_marks.shape[1] == sources and covariance.shape[1] == 36 and marks.shape[1] == MARKS
        and numbers.shape[1] == NUMBERS and links.shape[2] == LINKS and link_marks.shape[2] == LINK_MARKS
        and profiles.shape[0] == CLASSES and profiles.shape[1] == PROFILE_COLUMNS and 0 <= stations < sources
        and offsets.shape[0] == offset_covariance.shape[0] == sources and offsets.shape[1] == 3
        and offset_covariance.shape[1] == offset_covariance.shape[2] == 3 and exits.shape[0] == exits.shape[1] == EXIT_CELLS
        and exits.shape[2] == 2 and events.shape[0] > 0 and events.shape[1] == EVENT_COLUMNS
    ):
        raise ValueError("the tracker's arrays do not have the layout of positioning.track_columns")
    t.motion = &motion[0, 0]
    t.covariance = &covariance[0, 0]
    t.marks = &marks[0, 0]
    t.numbers = &numbers[0, 0]
    t.links = &links[0, 0, 0]
    t.link_marks = &link_marks[0, 0, 0]
    t.profiles = &profiles[0, 0]
    t.offsets = &offsets[0, 0]
    t.offset_covariance = &offset_covariance[0, 0, 0]
    t.exits = &exits[0, 0, 0]
    t.events = &events[0, 0]
    t.sources = sources
    t.stations = stations
    t.event_count = 0
    t.event_capacity = events.shape[0]
    return 0


cdef class Tracks:
    """Pointers into the arrays of one tracker, checked once; made anew when an array is replaced."""

    cdef Table table
    cdef Py_ssize_t capacity
    cdef tuple kept

    def __init__(
        self, motion, covariance, marks, numbers, links, link_marks, profiles, offsets, offset_covariance, exits, events, int stations
    ):
        bind(&self.table, motion, covariance, marks, numbers, links, link_marks, profiles, offsets, offset_covariance, exits, events,
             stations)
        self.capacity = len(motion)
        self.kept = (motion, covariance, marks, numbers, links, link_marks, profiles, offsets, offset_covariance, exits, events)

    def take_frame(
        self, Py_ssize_t count, int source, int64_t now_ns, int64_t next_id, const double[:, ::1] rows,
        const double[:, ::1] enu, double radius_m, int64_t[::1] outcome
    ):
        """-> (tracks, events, detections without a position, detections beyond the radius, tracks confirmed by it).

        `outcome` (n,): the row each detection went to, MISSING or OUTSIDE.
        """
        cdef Py_ssize_t j, missing = 0, outside = 0
        cdef Py_ssize_t n = rows.shape[0], after = count
        cdef Room room
        if not (0 <= count and count + n <= self.capacity and 0 < source <= self.table.stations):
            raise ValueError("no room for the tracks of this frame, or an unknown source")
        if not (
            enu.shape[0] == outcome.shape[0] == n
            and rows.shape[1] == DETECTION_COLUMNS and enu.shape[1] == 2
        ):
            raise ValueError("rows, enu and outcome must describe the same detections")
        self.table.event_count = self.table.confirmed = 0
        if n == 0:
            return count, 0, 0, 0, 0
        with nogil:
            if reserve(&room, n, count) == 0:
                after = take_frame(&self.table, &room, count, source, now_ns, &rows[0, 0], &enu[0, 0], <int> n, radius_m, next_id,
                                   &outcome[0])
            else:
                after = -1
            release(&room)
        if after < 0:
            raise MemoryError
        for j in range(n):
            missing += outcome[j] == MISSING
            outside += outcome[j] == OUTSIDE
        return after, self.table.event_count, missing, outside, self.table.confirmed

    def take_own(
        self, Py_ssize_t count, Py_ssize_t row, int64_t now_ns, const double[::1] values, double east_m, double north_m,
        double raw_east_m, double raw_north_m, double raw_sigma_m
    ):
        """Put a vehicle's own sample into its track; raw: its fix, NaN without one. -> (inside the gate, events)."""
        cdef double enu[2]
        cdef Seen z
        cdef Candidate c
        if not 0 <= row < count <= self.capacity or values.shape[0] != DETECTION_COLUMNS:
            raise ValueError("no such track, or not a detection row")
        enu[0] = east_m
        enu[1] = north_m
        self.table.event_count = 0
        with nogil:
            read(&values[0], enu, self.table.offsets, self.table.profiles, &z)
            z.raw_east = raw_east_m
            z.raw_north = raw_north_m
            if raw_sigma_m > 0:
                z.raw_sigma = max(raw_sigma_m, 0.03)
            inside = fuse_own(&self.table, row, &z, now_ns, &c)
        return bool(inside), self.table.event_count

    def nearest_own(self, Py_ssize_t count, int64_t now_ns, const double[::1] values, double east_m, double north_m):
        """The track a vehicle's sample most likely is. -> (row or -1 = none near, cost, cost of the next likely)."""
        cdef double enu[2]
        cdef double costs[2]
        cdef Seen z
        cdef Py_ssize_t best
        if not 0 <= count <= self.capacity or values.shape[0] != DETECTION_COLUMNS:
            raise ValueError("more tracks than there is room for, or not a detection row")
        enu[0] = east_m
        enu[1] = north_m
        with nogil:
            read(&values[0], enu, self.table.offsets, self.table.profiles, &z)
            best = likeliest(&self.table, count, &z, now_ns, costs)
        return best, costs[0], costs[1]

    def begin_own(self, Py_ssize_t count, int64_t id, int64_t now_ns, const double[::1] values, double east_m, double north_m):
        """A new track at row `count` from a vehicle's own sample."""
        cdef double enu[2]
        cdef Seen z
        if not 0 <= count < self.capacity or values.shape[0] != DETECTION_COLUMNS:
            raise ValueError("no room for another track, or not a detection row")
        enu[0] = east_m
        enu[1] = north_m
        with nogil:
            read(&values[0], enu, self.table.offsets, self.table.profiles, &z)
            begin(&self.table, count, id, 0, &z, now_ns)

    def first_end_ns(self, Py_ssize_t count):
        """When the first track ends if nothing more is heard of it."""
        cdef Py_ssize_t row
        cdef int64_t first
        if not 0 < count <= self.capacity:
            raise ValueError("no tracks, or more than there is room for")
        first = self.table.marks[M_END_NS]
        for row in range(1, count):
            first = min(first, self.table.marks[row * MARKS + M_END_NS])
        return first

    def close_pairs(self, Py_ssize_t count, int64_t now_ns, int64_t age_ns, const double[::1] apart_m):
        """-> [(row, higher row)] of confirmed tracks of some age, nearer to each other than both their kinds' distance."""
        if not 0 <= count <= self.capacity or apart_m.shape[0] != KINDS:
            raise ValueError("more tracks than there is room for, or not one distance per kind")
        return near_pairs(&self.table, count, now_ns, age_ns, &apart_m[0])

    def continued(self, Py_ssize_t count, Py_ssize_t row, list taken):
        """The lost track that the young one at `row` continues, -1 = none; not one of the rows `taken`."""
        cdef Py_ssize_t lost, best = -1
        cdef double cost, least = LIKELY
        if not 0 <= row < count <= self.capacity:
            raise ValueError("no such track")
        for lost in range(count):
            if is_lost(&self.table, lost, row) and lost not in taken:
                cost = continuing_cost(&self.table, lost, row)
                if cost < least:
                    least, best = cost, lost
        return best

    def view(
        self, Py_ssize_t count, int64_t now_ns, int64_t[::1] ids, uint8_t[::1] classes, double[:, ::1] motion, double[:, ::1] sigma,
        double[:, ::1] size, uint8_t[::1] updated, int64_t[::1] vehicles
    ):
        """Confirmed tracks moved to now, densely from row 0; clears the updated marks. -> how many."""
        if not (
            0 <= count <= self.capacity and motion.shape[1] == 6 and sigma.shape[1] == 3 and size.shape[1] == 2
            and min(ids.shape[0], classes.shape[0], motion.shape[0], sigma.shape[0]) >= count
            and min(size.shape[0], updated.shape[0], vehicles.shape[0]) >= count
        ):
            raise ValueError("the view's arrays must hold every track")
        if count == 0:
            return 0
        cdef Py_ssize_t shown
        with nogil:
            shown = show(&self.table, count, now_ns, &ids[0], &classes[0], &motion[0, 0], &sigma[0, 0], &size[0, 0], &updated[0],
                         &vehicles[0])
        return shown


include "_tracks_view.pxi"
include "_tracks_parts.pxi"
