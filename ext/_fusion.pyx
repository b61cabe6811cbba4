# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""All vehicles' filters, one call per batch of measurements and one per step.

Rules:
* `vehicles` is one block of bytes, a record per vehicle; Python owns it, copies it for a snapshot and never reads it.
* Nothing here makes a Python object per vehicle or reads a clock; the GIL is free during the work.
* Inside, headings are counted from east to north; the borders turn them. The readable twin is `positioning.fusion_model`.
"""

from libc.math cimport (
    M_PI, M_PI_2, M_SQRT1_2, M_SQRT2, NAN, atan2, copysign, cos, erfc, exp, fabs, isnan, log, rint, sin, sqrt,
)
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

cdef enum:
    WHEEL_SPEED = 1, STANDSTILL = 2, YAW_RATE = 3, FIX = 4, VELOCITY = 5, HEADING = 6, RANGE = 7, TDOA = 8  # `measurements.Kind`
    ANGLE_OF_ARRIVAL = 9, ROADSIDE_DETECTION = 10, LANE = 11, SEEN = 12, PSEUDORANGE = 12
    FIXED = 1, FLOAT = 2, SINGLE = 3
    MAIN = 0, FIXLESS = 1, RTKLESS = 2, RANGELESS = 3, CHALLENGER = 4, FILTERS = 5  # who usually lives comes first
    USES_FIX = 1, USES_FLOAT = 2, USES_SINGLE = 4, USES_RANGE = 8
    RTK_FIX = 0, SINGLE_FIX = 1, WHEEL = 2, DETECTION = 3, SOURCES = 4  # what can contradict the rest
    EMPTY = 0, EXPLORING = 1, RUNNING = 2
    STATES = 8, LINKS = 8, RING = 24, SAMPLE_VALUES = 4, STILL_SAMPLES = 5
    ACCEPTED = 1, MALFORMED = 2, OUT_OF_RANGE = 3, DUPLICATE = 6, STALE = 7, CLOCK_JUMP = 8, QUEUE_FULL = 11  # `samples.Verdict`
    ELSEWHERE = 128  # beside a verdict or alone: the wide block is to be asked
    OUTPUTS = 21, LEARNS = 1  # the anchors' delays

cdef int[5] USES = [15, 14, 12, 7, 15]
cdef double START_HEADING = 0.7
cdef double START_GYRO_BIAS = 0.3 * M_PI / 180
cdef double START_SCALE = 0.02
cdef double NEVER_S = -1e9
cdef double LEAST_WEIGHT = 0.02
cdef double ROOT_2PI_INVERSE = 0.3989422804014327
cdef double SILENT_WHEEL_S = 1.0
cdef double SILENT_GYRO_S = 0.5
cdef double STANDING_SIGMA = 0.005
cdef double FIRST_FIX_M = 0.5  # a fix that no other stands by yet
cdef double CURVED = 0.001  # rad^2 of the heading: beyond it the way driven is an arc of places
cdef double HEADING_KNOWN = 0.05
cdef double HEADING_VAGUE = 0.5
cdef double PLACE_LOST_M = 100.0  # nor is what it says of the heading
cdef double HEADING_LOST = 1.0  # rad^2: linear no more; the vehicle starts again where it is seen next
cdef double HEADING_LEAD = 6.0
cdef double RECENT_S = 1.0
cdef double GYRO_SCALE = 1e-5  # rad: variance of the heading per angle turned, of what is wrong with the gyro's scale
cdef double COURSE_SIGMA = 0.01  # rad between the way driven and the heading, that no law explains
cdef double COURSE_DELAY_S = 0.05  # between the receiver's velocity and the gyro
cdef double ALERT_S = 1.5  # from the last contradiction
cdef double PATIENCE_S = 0.5  # refused for so long without being taken once, a source contradicts
cdef double GROSS_OF_FIX_M = 10.0  # farther off than wrong fixes are, of too few satellites to be hardly ever wrong
cdef double GROSS_M = 60.0  # than reflections make what is no fixed solution, of many satellites
cdef double GROSS_OF_FEW_M = 300.0
cdef double STREAK_S = 2.5  # refusals farther apart are no streak
cdef double REFUSED = 0.05  # weight of a position that does not fit
cdef double TOO_SHORT = 3.0  # nats against a range that is shorter than can be; the most that one range counts
cdef double TOO_LONG = 2.5  # nats for a range that is only long: log of its 300 m against an excess of 12 m, half of them in sight
cdef double WRONG_ANCHOR = 8.5  # nats in a row
cdef double LEAST_MARGIN = 3.0  # s of good fixes; with the most, ten seconds are enough for a return
cdef double HOPELESS = -0.3
cdef double UNSURE_M = 10.0  # who knows less than what a wrong fix is wrong by gives way sooner, and is not remembered
cdef double MEMORY_S = 30.0  # for how long who led before may lead again
cdef double FARTHEST_M = 1e6
cdef double LEAST_SIGMA = 1e-4  # m or rad: below it a sender is wrong, and its square may be nothing
cdef int64_t FUTURE_NS = 1_000_000_000
cdef uint64_t HASH = 2654435761  # Knuth 1998 section 6.4

include "_fusion_filter.pxi"
include "_fusion_mixture.pxi"


cdef struct Config:
    Noise noise
    double acceleration_without_wheel, gyro_without, wheel_sigma, grade
    RangeLaw ranges
    double range_los_share, range_apart_m, tdoa_sigma_m
    double antenna_height_m, k_sigma, unmodelled_m, alert_level_m, late_s, forget_s, yields_s


cdef struct Link:
    int32_t anchor
    float suspicion  # nats against it in a row
    double travelled  # when last used


cdef struct Bank:
    int64_t time_ns, born_ns
    int32_t mode, alive, still
    double yaw_rate, wheel_s, yaw_s, stand_s, fix_s, swap_s, primary_s, other_s, streak_s, travelled, margin
    double[SOURCES] refused_since_s, refused_s
    double contradicted_s  # when two sources were last found not to agree
    double[SEEN] seen_s
    Link[LINKS] links
    Filter[FILTERS] f


cdef struct Sample:
    int64_t measured_ns
    int32_t kind, detail  # status << 16 | satellites << 8 | source, or the anchor
    double[SAMPLE_VALUES] v


cdef struct Vehicle:
    int64_t id, floor_ns  # nothing as old as this is taken any more
    int32_t count, applied, placed  # placed: a place was measured, this kernel fuses the vehicle
    Sample[RING] ring
    Bank base, head  # at the window's old edge, and after all samples


include "_fusion_delays.pxi"
include "_fusion_fleet.pxi"

SIZES = {
    "vehicle": sizeof(Vehicle), "filter": sizeof(Filter), "config": sizeof(Config) // sizeof(double), "outputs": OUTPUTS, "ring": RING,
    "tally": TALLIES,
}

include "_fusion_laws.pxi"
include "_fusion_bank.pxi"
include "_fusion_ranges.pxi"
include "_fusion_alignment.pxi"
include "_fusion_epoch.pxi"
include "_fusion_show.pxi"
include "_fusion_read.pxi"


cdef inline int read_sample(int kind, const double* v, Py_ssize_t anchors, Sample* s) noexcept nogil:
    return read_common(kind, v, anchors, s)


cdef int turned_away(const Fleet* fleet, int kind, int64_t id) noexcept nogil:
    # no evidence twice: the pseudoranges of a receiver whose fixes are fused
    cdef int64_t row
    if kind != PSEUDORANGE:
        return 0
    row = fleet.slots[2 * slot_of(fleet, id) + 1] - 1
    return DUPLICATE if row >= 0 and fleet.vehicles[row].placed else ELSEWHERE


cdef int admitted(Vehicle* v, const Sample* s) noexcept nogil:
    if s.kind == FIX or s.kind == ROADSIDE_DETECTION:
        v.placed = True
    return ACCEPTED if v.placed else ACCEPTED | ELSEWHERE


include "_fusion_ring.pxi"
include "_fusion_border.pxi"


def waiting(
    uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally, int64_t id, int64_t[:, ::1] stamps,
    double[:, ::1] values
):
    """A vehicle's samples in the window -> their number; stamps (RING, 3: measured_ns, kind, detail) and values (RING, 4) are written."""
    cdef Fleet fleet = fleet_of(vehicles, slots, heard_ns, tally)
    cdef int64_t row = slots[slot_of(&fleet, id), 1] - 1
    cdef Vehicle* v = fleet.vehicles + row
    cdef int i, j
    if stamps.shape[0] < RING or stamps.shape[1] != 3 or values.shape[0] < RING or values.shape[1] != SAMPLE_VALUES:
        raise ValueError("stamps (RING, 3) and values (RING, 4) wanted")
    if row < 0:
        return 0
    for i in range(v.count):
        stamps[i, 0] = v.ring[i].measured_ns
        stamps[i, 1] = v.ring[i].kind
        stamps[i, 2] = v.ring[i].detail
        for j in range(SAMPLE_VALUES):
            values[i, j] = v.ring[i].v[j]
    return v.count
