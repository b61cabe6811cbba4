# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Whoever is seen by surveyed anchors only: a walker with a tag, started from ranges or differences alone.

Rules:
* As in `positioning._fusion`: records in one block of bytes that Python owns, late samples through the same ring, no object per
  vehicle, no GIL.
* The readable twin is `positioning.walker_model`, where the rules of the model are said.
"""

from libc.math cimport (
    M_PI, M_PI_2, M_SQRT1_2, M_SQRT2, atan2, cos, erfc, exp, fabs, fmax, fmin, hypot, isnan, log, log1p, sin, sqrt,
)
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

cdef enum:
    WHEEL_SPEED = 1, STANDSTILL = 2, YAW_RATE = 3, FIX = 4, VELOCITY = 5, HEADING = 6, RANGE = 7, TDOA = 8  # `measurements.Kind`
    ANGLE_OF_ARRIVAL = 9, ROADSIDE_DETECTION = 10, LANE = 11
    FIXED = 1, FLOAT = 2, SINGLE = 3
    EMPTY = 0, RUNNING = 2
    WIDE = 12, LINKS = 4, SPEED = 2, DELAY = 4, ERROR = 8  # after east and north: speeds, the links' delays, the links' lasting errors
    RING = 24, SAMPLE_VALUES = 4
    DIRECTIONS = 8, ITERATIONS = 40, REFUSALS = 10
    ACCEPTED = 1, MALFORMED = 2, OUT_OF_RANGE = 3, STALE = 7, CLOCK_JUMP = 8, QUEUE_FULL = 11  # `samples.Verdict`
    ELSEWHERE = 128  # no vehicle of this kernel
    OUTPUTS = 21, LEARNS = 0

cdef double NEVER_S = -1e9
cdef double LEAST_WEIGHT = 0.02
cdef double LEAST_SIGMA = 1e-4
cdef double ROOT_2PI_INVERSE = 0.3989422804014327
cdef double RECENT_S = 1.0
cdef double FARTHEST_M = 1e6
cdef double FRESH_S = 1.0  # links heard within it can start together
cdef double PATIENCE_S = 0.5  # three links wait so long for a fourth
cdef double AMBIGUOUS = 3.0  # less difference between two costs is none
cdef double APART_M = 1.0  # closer places are one
cdef double BRISK_MPS = 1.5
cdef double START_SPEED_MPS = 1.0
cdef double COAST_S = 0.3  # without news for longer, one is taken to stand
cdef double BLIND_S = 1.0
cdef double WANDER = 0.25  # m/sqrt(s), of one who stood when last heard
cdef double WITH_ANCHORS = 0.6  # of what is not modelled, as in the bank
cdef double FIRST_DAMPING = 1e-3
cdef double ROUNDING = 1 + 1e-12  # the cost is flat at its least: the last steps change it by less than it can tell
cdef int64_t FUTURE_NS = 1_000_000_000
cdef uint64_t HASH = 2654435761  # Knuth 1998 section 6.4

cdef extern from *:
    """
    #define WIDE 12
    #define WIDE_PACKED 78
    """

include "_wide_filter.pxi"
include "_fusion_mixture.pxi"


cdef struct Config:
    RangeLaw ranges
    double range_los_share, tdoa_sigma, antenna_height_m, k_sigma, unmodelled_m, alert_level_m, late_s, forget_s, yields_s
    double link_error_m, link_time_s, walk, walk_across, walk_slow_mps  # of this block alone, from here on


cdef struct Link:
    int32_t anchor, refused
    double heard_s, range_m


cdef struct Bank:
    int64_t time_ns, born_ns
    int32_t mode, driven
    double t, lonely_s, apart_m, range_s, difference_s
    Link[LINKS] links
    Wide f


cdef struct Sample:
    int64_t measured_ns
    int32_t kind, detail  # the anchor
    double[SAMPLE_VALUES] v


cdef struct Vehicle:
    int64_t id, floor_ns
    int32_t count, applied
    Bank head, base
    Sample[RING] ring


include "_fusion_delays.pxi"
include "_fusion_fleet.pxi"

SIZES = {"vehicle": sizeof(Vehicle), "config": sizeof(Config) // sizeof(double), "outputs": OUTPUTS, "ring": RING, "tally": TALLIES}

include "_walker_start.pxi"
include "_walker_motion.pxi"
include "_walker_epoch.pxi"
include "_walker_read.pxi"
include "_fusion_ring.pxi"
include "_fusion_border.pxi"
