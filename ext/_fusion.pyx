# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""All vehicles' filters, one call per batch of measurements and one per step.

Rules:
* `vehicles` is one block of bytes, a record per vehicle; Python owns it, copies it for a snapshot and never reads it.
* Nothing here makes a Python object per vehicle or reads a clock; the GIL is free during the work.
* Inside, headings are counted from east to north; the borders turn them. The readable twin is `positioning.fusion_model`.
"""

from libc.math cimport (
    M_PI, M_PI_2, M_SQRT1_2, M_SQRT2, NAN, atan2, copysign, cos, erfc, exp, fabs, fmax, fmin, hypot, isnan, log, remainder,
    sin, sqrt,
)
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

cdef enum:
    WHEEL_SPEED = 1, STANDSTILL = 2, YAW_RATE = 3, FIX = 4, VELOCITY = 5, HEADING = 6, RANGE = 7, TDOA = 8  # `measurements.Kind`
    ANGLE_OF_ARRIVAL = 9, ROADSIDE_DETECTION = 10, LANE = 11, SEEN = 12
    FIXED = 1, FLOAT = 2, SINGLE = 3
    MAIN = 0, FIXLESS = 1, RTKLESS = 2, RANGELESS = 3, CHALLENGER = 4, FILTERS = 5  # who usually lives comes first
    USES_FIX = 1, USES_FLOAT = 2, USES_SINGLE = 4, USES_RANGE = 8
    RTK_FIX = 0, SINGLE_FIX = 1, WHEEL = 2, DETECTION = 3, SOURCES = 4  # what can contradict the rest
    EMPTY = 0, EXPLORING = 1, RUNNING = 2
    STATES = 8, LINKS = 8, RING = 24, SAMPLE_VALUES = 4, STILL_SAMPLES = 5
    ACCEPTED = 1, MALFORMED = 2, OUT_OF_RANGE = 3, STALE = 7, CLOCK_JUMP = 8, QUEUE_FULL = 11  # `samples.Verdict`
    OUTPUTS = 21

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
cdef double HEADING_KNOWN = 0.05
cdef double HEADING_LOST = 1.0  # rad^2: linear no more; the vehicle starts again where it is seen next
cdef double HEADING_LEAD = 6.0
cdef double RECENT_S = 1.0
cdef double ALERT_S = 1.5  # from the last contradiction
cdef double PATIENCE_S = 0.5  # refused for so long without being taken once, a source contradicts
cdef double GROSS_M = 30.0  # farther off than reflections make what is no fixed solution, of many satellites
cdef double GROSS_OF_FEW_M = 100.0
cdef double REFUSED = 0.05  # weight of a position that does not fit
cdef double TOO_SHORT = 3.0  # nats against a range that is shorter than can be; the most that one range counts
cdef double TOO_LONG = 2.5  # nats for a range that is only long: log of its 300 m against an excess of 12 m, half of them in sight
cdef double WRONG_ANCHOR = 8.5  # nats in a row
cdef double LEAST_MARGIN = 3.0  # s of good fixes; with the most, ten seconds are enough for a return
cdef double HOPELESS = -0.3
cdef double MEMORY_S = 30.0  # for how long who led before may lead again
cdef double FARTHEST_M = 1e6
cdef double LEAST_SIGMA = 1e-4  # m or rad: below it a sender is wrong, and its square may be nothing
cdef int64_t FUTURE_NS = 1_000_000_000
cdef int64_t RENEWAL_NS = 3_000_000_000  # of the anchors' delays: longer than FUTURE_NS and the longest window together
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
    int32_t mode, alive, best, still
    double yaw_rate, wheel_s, yaw_s, stand_s, fix_s, swap_s, credible_s, streak_s, travelled, margin
    double[SOURCES] refused_since_s
    double contradicted_s  # when two sources were last found not to agree
    double[SEEN] seen_s
    Link[LINKS] links
    Filter[FILTERS] f


cdef struct Sample:
    int64_t measured_ns
    int32_t kind, detail  # status << 8 | satellites, or the anchor
    double[SAMPLE_VALUES] v


cdef struct Vehicle:
    int64_t id, floor_ns  # nothing as old as this is taken any more
    int32_t count, applied
    Bank head, base
    Sample[RING] ring


cdef struct Delay:  # of one anchor, m
    double offset, variance  # of samples after `since_ns`
    double offset_before, variance_before
    double precision, moment  # learnt since: the evidence's precision, and its offset times that


cdef struct Shared:
    const double* anchors
    Delay* delays
    int64_t since_ns


include "_fusion_fleet.pxi"

SIZES = {
    "vehicle": sizeof(Vehicle), "filter": sizeof(Filter), "config": sizeof(Config) // sizeof(double), "outputs": OUTPUTS, "ring": RING,
    "tally": TALLIES,
}

include "_fusion_laws.pxi"
include "_fusion_bank.pxi"
include "_fusion_ranges.pxi"
include "_fusion_epoch.pxi"
include "_fusion_show.pxi"
include "_fusion_read.pxi"
include "_fusion_ring.pxi"


cdef Fleet fleet_of(uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally):
    cdef Py_ssize_t size = slots.shape[0], capacity = vehicles.shape[0] // <Py_ssize_t>sizeof(Vehicle)
    cdef Fleet fleet
    if not capacity or vehicles.shape[0] % sizeof(Vehicle) or size < 2 * capacity or size & (size - 1) or slots.shape[1] != 2:
        raise ValueError("vehicles must be whole records, slots (a power of two, at least twice the vehicles; 2)")
    if heard_ns.shape[0] != capacity or tally.shape[0] != TALLIES or not 0 <= tally[USED] <= capacity:
        raise ValueError(f"heard_ns {heard_ns.shape[0]} or tally {tally.shape[0]} of a wrong shape or content")
    fleet.vehicles = <Vehicle*>&vehicles[0]
    fleet.capacity = capacity
    fleet.slots = &slots[0, 0]
    fleet.size = size
    fleet.heard_ns = &heard_ns[0]
    fleet.tally = &tally[0]
    return fleet


cdef Shared shared_of(const double[::1] config, const double[:, ::1] anchors, double[:, ::1] delays, int64_t since_ns):
    cdef Shared shared
    if config.shape[0] * sizeof(double) != sizeof(Config):
        raise ValueError(f"config of {config.shape[0]} numbers")
    if anchors.shape[1] != 3 or delays.shape[1] * sizeof(double) != sizeof(Delay) or delays.shape[0] != anchors.shape[0]:
        raise ValueError(f"anchors {anchors.shape[1]} or delays {delays.shape[0]} of a wrong shape")
    shared.anchors = &anchors[0, 0] if anchors.shape[0] else NULL
    shared.delays = <Delay*>&delays[0, 0] if anchors.shape[0] else NULL
    shared.since_ns = since_ns
    return shared


def ingest(
    uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally, const double[::1] config,
    const double[:, ::1] anchors, double[:, ::1] delays, const uint8_t[::1] kind, const int64_t[::1] vehicle,
    const int64_t[::1] measured_ns, const int64_t[::1] received_ns, const double[:, ::1] values, uint8_t[::1] verdicts
):
    """Put the rows where they belong. Places are east and north already; verdicts (n,) is written."""
    cdef Py_ssize_t n = kind.shape[0], row
    cdef Fleet fleet = fleet_of(vehicles, slots, heard_ns, tally)
    cdef Shared shared = shared_of(config, anchors, delays, tally[SINCE_NS])
    if values.shape[1] != 8 or not (
        vehicle.shape[0] == measured_ns.shape[0] == received_ns.shape[0] == values.shape[0] == verdicts.shape[0] == n
    ):
        raise ValueError("columns of one length and 8 values wanted")
    if not n:
        return
    with nogil:
        for row in range(n):
            verdicts[row] = take_row(
                &fleet, <const Config*>&config[0], &shared, anchors.shape[0], kind[row], vehicle[row], measured_ns[row],
                received_ns[row], &values[row, 0]
            )


def step(
    uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally, const double[::1] config,
    const double[:, ::1] anchors, double[:, ::1] delays, int64_t now_ns, int64_t[::1] ids, double[:, ::1] out, uint32_t[:, ::1] marks
):
    """Forget the silent, bring the rest to `now_ns`; -> rows written to ids (n,), out (n, OUTPUTS) and marks (n, 2): alert, sources."""
    cdef Py_ssize_t row, rows = 0
    cdef Fleet fleet = fleet_of(vehicles, slots, heard_ns, tally)
    cdef Shared shared = shared_of(config, anchors, delays, tally[SINCE_NS])
    cdef Vehicle* v = fleet.vehicles
    cdef const Bank* head
    cdef const Config* c = <const Config*>&config[0]
    if min(ids.shape[0], out.shape[0], marks.shape[0]) < tally[USED] or out.shape[1] != OUTPUTS or marks.shape[1] != 2:
        raise ValueError(f"room for {tally[USED]} vehicles in out (n, OUTPUTS) and marks (n, 2) wanted")
    with nogil:
        forget_silent(&fleet, now_ns - <int64_t>(c.forget_s * 1e9))
        for row in range(fleet.tally[USED]):
            fetch(v + row + 1, sizeof(Vehicle))
            settle(v + row, now_ns - <int64_t>(c.late_s * 1e9), c, &shared)
            head = catch_up(v + row, c, &shared)
            if head.mode != EMPTY:
                ids[rows] = v[row].id
                show(head, now_ns, c, &out[rows, 0], &marks[rows, 0])
                rows += 1
        if now_ns + FUTURE_NS - shared.since_ns >= RENEWAL_NS:
            tally[SINCE_NS] = now_ns + FUTURE_NS
            renew(shared.delays, anchors.shape[0])
    return rows


def forget(uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally, const int64_t[::1] ids):
    """Give the rows of these vehicles back; -> how many of them had one."""
    cdef Py_ssize_t at, known = 0
    cdef int64_t row
    cdef Fleet fleet = fleet_of(vehicles, slots, heard_ns, tally)
    with nogil:
        for at in range(ids.shape[0]):
            row = slots[slot_of(&fleet, ids[at]), 1] - 1
            if row >= 0:
                forget_row(&fleet, row)
                known += 1
    return known
