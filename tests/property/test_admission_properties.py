"""Admission under any order of events: the kernel decides as its twin, and what must not be lost is not lost."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from positioning.samples import DETECTION_COLUMNS, Verdict
from v2x.ingest.admission import AdmissionLimits, AdmissionTwin, Circle, RateLimit, StationAdmission
from v2x.ingest.areas import Area
from v2x.ingest.clocks import MILLISECOND_NS, SECOND_NS
from v2x.ingest.sequences import SEQUENCE_MODULUS

START_NS = 1_800_000_000 * SECOND_NS
MOMENTS = st.sampled_from([0, 1, 100 * MILLISECOND_NS, SECOND_NS, 61 * SECOND_NS]) | st.integers(0, 3 * SECOND_NS)
DELAYS = st.sampled_from([0, 20, 100, 199, 200, 201, 499, 501, 700, 1000, 1001, -60_000, 60_000, -1500]) | st.integers(-3000, 3000)
SEQUENCES = (
    st.sampled_from([0, 1, 1023, 1024, 1025, 5000, SEQUENCE_MODULUS - 1]) | st.integers(0, 40) | st.integers(0, SEQUENCE_MODULUS - 1)
)
EVENTS = st.lists(st.tuples(MOMENTS, DELAYS, st.integers(-3, 3) | SEQUENCES, st.integers(0, 5)), max_size=60)
STATE = ("highest_taken", "gaps", "restarts", "jumps_adopted", "offset_ns", "is_synchronised")


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_the_kernel_decides_as_its_twin(events):
    limits = AdmissionLimits(frames_per_s=10.0, burst_frames=3, frame_bytes=100)
    kernel, twin = StationAdmission(limits), AdmissionTwin(limits)
    received_ns, sequence = START_NS, 0
    for elapsed_ns, delay_ms, step, size in events:
        received_ns += elapsed_ns
        sequence = (sequence + step if -3 <= step <= 3 else step) % SEQUENCE_MODULUS
        assert kernel.admit_unread(size * 25, received_ns) is twin.admit_unread(size * 25, received_ns)
        stamp_ns = received_ns - delay_ms * MILLISECOND_NS
        assert kernel.admit(sequence, stamp_ns, received_ns) == twin.admit(sequence, stamp_ns, received_ns)
        assert [getattr(kernel, name) for name in STATE] == [getattr(twin, name) for name in STATE]


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_no_stamp_is_too_wild(first_ns, second_ns):
    for kind in (StationAdmission, AdmissionTwin):
        admission = kind(AdmissionLimits())
        admission.admit(1, first_ns, START_NS)
        verdict, measured_ns = admission.admit(2, second_ns, START_NS + 1)
        assert verdict is not Verdict.ACCEPTED or abs(measured_ns - START_NS) <= 500 * MILLISECOND_NS + 1


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(12)), st.integers(0, SEQUENCE_MODULUS - 1), st.lists(st.integers(0, 11), max_size=12))
def test_inside_the_window_order_and_repetition_lose_nothing(order, first, again):
    """Twelve frames of 40 Hz fit into the late window: any order, any duplicates, each is taken exactly once."""
    admission = StationAdmission(AdmissionLimits())
    received_ns = START_NS + 300 * MILLISECOND_NS
    verdicts = {}
    for number in [*order, *again]:
        stamp_ns = START_NS + number * 25 * MILLISECOND_NS
        verdicts.setdefault(number, []).append(admission.admit((first + number) % SEQUENCE_MODULUS, stamp_ns, received_ns)[0])
    assert all(taken[0] is Verdict.ACCEPTED and set(taken[1:]) <= {Verdict.DUPLICATE} for taken in verdicts.values())
    assert admission.gaps == 0


@given(st.lists(st.integers(0, 400 * MILLISECOND_NS), min_size=1, max_size=100), st.integers(1, 50), st.integers(1, 100))
def test_a_bucket_never_gives_more_than_burst_and_rate(pauses, burst, per_s):
    rate = RateLimit(per_s, burst)
    now_ns, taken = START_NS, 0
    for pause_ns in pauses:
        now_ns += pause_ns
        taken += rate.takes(now_ns)
    assert taken <= burst + (now_ns - START_NS) * per_s / SECOND_NS + 1


POINTS = st.lists(st.tuples(st.floats(-2e-3, 2e-3), st.floats(-2e-3, 2e-3)), max_size=8)


@given(POINTS, st.sampled_from([0.0, 0.9, -1.2]), st.sampled_from([0.0, 2.0, np.pi, -np.pi + 1e-5]), st.booleans())
def test_a_circle_holds_what_its_area_holds(offsets, latitude_rad, longitude_rad, has_nan):
    rows = np.zeros((len(offsets), DETECTION_COLUMNS))
    for row, (north, turn) in zip(rows, offsets, strict=True):
        row[0], row[1] = latitude_rad + north, np.remainder(longitude_rad + turn + np.pi, 2 * np.pi) - np.pi
    if has_nan and len(rows):
        rows[-1, 0] = np.nan
    area = Area(latitude_rad, longitude_rad, 2000.0)
    distances = area.distance_m(rows[:, 0], rows[:, 1])
    if not np.any(np.abs(distances - 2000.0) < 1e-3):  # on the edge itself rounding decides
        assert Circle(latitude_rad, longitude_rad, 2000.0).holds_all(rows) == bool(area.holds(rows[:, 0], rows[:, 1]).all())
