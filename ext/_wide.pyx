# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The vehicles that no receiver places: pseudoranges with the receiver's clock, ten states in place of the bank's eight.

Rules:
* As in `positioning._fusion`: records in one block of bytes that Python owns, late samples through the same ring, no object per
  vehicle, no GIL.
* These vehicles are few: a record has room for every starting heading with every left-out third, and is worked on without haste.
"""

from libc.math cimport (
    M_PI, M_PI_2, M_SQRT1_2, M_SQRT2, NAN, atan2, copysign, cos, erfc, exp, fabs, fmax, fmin, hypot, isnan, log, remainder,
    sin, sqrt,
)
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

cdef enum:
    WHEEL_SPEED = 1, STANDSTILL = 2, YAW_RATE = 3, FIX = 4, VELOCITY = 5, HEADING = 6, RANGE = 7, TDOA = 8  # `measurements.Kind`
    ANGLE_OF_ARRIVAL = 9, ROADSIDE_DETECTION = 10, LANE = 11, PSEUDORANGE = 12, SEEN = 13
    FIXED = 1, FLOAT = 2, SINGLE = 3
    MAIN = 0, SUBSETS = 4, HEADINGS = 8, FILTERS = 32  # filter SUBSETS * heading + subset; subset i lacks satellites of number 3 n + i - 1
    EMPTY = 0, EXPLORING = 1, RUNNING = 2
    WIDE = 10, LINKS = 64, RING = 128, SAMPLE_VALUES = 8, STILL_SAMPLES = 5
    ACCEPTED = 1, MALFORMED = 2, OUT_OF_RANGE = 3, STALE = 7, CLOCK_JUMP = 8, QUEUE_FULL = 11  # `samples.Verdict`
    ELSEWHERE = 128  # no vehicle of this kernel; beside ACCEPTED: it is from now on
    OUTPUTS = 21, LEARNS = 0

cdef double NEVER_S = -1e9
cdef double LEAST_WEIGHT = 0.02
cdef double LEAST_SIGMA = 1e-4
cdef double ROOT_2PI_INVERSE = 0.3989422804014327
cdef double SILENT_WHEEL_S = 1.0
cdef double SILENT_GYRO_S = 0.5
cdef double STANDING_SIGMA = 0.005
cdef double RECENT_S = 1.0
cdef double FARTHEST_M = 1e6
cdef double LOWEST_SATELLITE_M = 1e6
cdef int64_t FUTURE_NS = 1_000_000_000
cdef uint64_t HASH = 2654435761  # Knuth 1998 section 6.4

include "_wide_filter.pxi"
include "_fusion_mixture.pxi"


cdef struct Config:
    double gyro, gyro_bias, gyro_without, acceleration, acceleration_without_wheel, scale, slip, wheel_sigma  # as the bank has them
    RangeLaw ranges
    double range_los_share, range_apart_m, tdoa_sigma_m, antenna_height_m, alert_level_m, late_s, forget_s, yields_s
    RangeLaw pseudoranges  # of this block alone, from here on
    double apart_m, direct_half_dbhz, direct_slope_dbhz, most_direct, climb, clock, drift, inter_system, k_sigma, unmodelled_m, fresh_m


cdef struct Link:
    int32_t key, refused  # key: 1 + satellite or anchor
    double travelled  # when last used


cdef struct Bank:
    int64_t time_ns, born_ns
    int32_t mode, live, best, still, first_system, second_system
    double yaw_rate, wheel_s, yaw_s, stand_s, travelled, refused_s, wheel_refused_s
    double[SEEN] seen_s
    Link[LINKS] links
    Rest[FILTERS] f


cdef struct Sample:
    int64_t measured_ns
    int32_t kind, detail  # of a pseudorange system << 16 | satellite
    double[SAMPLE_VALUES] v


cdef struct Vehicle:
    int64_t id, floor_ns
    int32_t count, applied, opened, spare
    Bank head, base
    Sample[RING] ring


cdef struct Work:
    Wide[FILTERS] f
    double t, dt
    int clear, refused
    bint moving, odometer, exploring


include "_fusion_delays.pxi"
include "_fusion_fleet.pxi"

SIZES = {
    "vehicle": sizeof(Vehicle), "filter": sizeof(Rest), "config": sizeof(Config) // sizeof(double), "outputs": OUTPUTS, "ring": RING,
    "tally": TALLIES,
}

include "_wide_start.pxi"
include "_wide_signals.pxi"
include "_wide_tight.pxi"
include "_wide_epoch.pxi"
include "_wide_read.pxi"
include "_fusion_ring.pxi"
include "_fusion_border.pxi"


def adopt(
    uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally, int64_t id,
    const int64_t[:, ::1] stamps, const double[:, ::1] values
):
    """What had come before a vehicle was known here, as `_fusion.waiting` gives it: stamps (n, 3) and values (n, 4)."""
    cdef Fleet fleet = fleet_of(vehicles, slots, heard_ns, tally)
    cdef int64_t row = slots[slot_of(&fleet, id), 1] - 1
    cdef Sample s
    cdef Py_ssize_t i
    if stamps.shape[1] != 3 or values.shape[1] != 4 or values.shape[0] != stamps.shape[0]:
        raise ValueError("stamps (n, 3) and values (n, 4) wanted")
    for i in range(stamps.shape[0] if row >= 0 else 0):
        memset(&s, 0, sizeof(Sample))
        s.measured_ns = stamps[i, 0]
        s.kind = <int32_t>stamps[i, 1]
        s.detail = <int32_t>stamps[i, 2]
        memcpy(s.v, &values[i, 0], 4 * sizeof(double))
        if s.kind != PSEUDORANGE and fleet.vehicles[row].count < RING:
            insert(fleet.vehicles + row, &s)
