"""What one sender may send, and what becomes of its frames in the order of the situations on site."""

from collections import Counter

import pytest

from positioning.samples import Verdict
from v2x.ingest.admission import AdmissionLimits, AdmissionTwin, RateLimit, StationAdmission
from v2x.ingest.clocks import MILLISECOND_NS, SECOND_NS
from v2x.ingest.sequences import SEQUENCE_MODULUS

START_NS = 1_800_000_000 * SECOND_NS
PERIOD_NS = 100 * MILLISECOND_NS
DELAY_NS = 20 * MILLISECOND_NS


def frame(number, sequence=None):
    """(sequence, stamp, received) of the number-th frame of a 10 Hz station."""
    stamp_ns = START_NS + number * PERIOD_NS
    return (number if sequence is None else sequence) % SEQUENCE_MODULUS, stamp_ns, stamp_ns + DELAY_NS


def verdicts(admission, frames):
    return [admission.admit(*one)[0] for one in frames]


@pytest.fixture(params=[StationAdmission, AdmissionTwin])
def admission(request):
    return request.param(AdmissionLimits())


def test_frames_in_order_are_taken(admission):
    assert verdicts(admission, [frame(number) for number in range(100)]) == [Verdict.ACCEPTED] * 100
    assert (admission.highest_taken, admission.gaps) == (99, 0)


def test_a_duplicate_is_refused_and_nothing_else_is_lost(admission):
    frames = [frame(number) for number in (0, 1, 2, 2, 3, 1, 4)]
    assert Counter(verdicts(admission, frames)) == {Verdict.ACCEPTED: 5, Verdict.DUPLICATE: 2}


def test_frames_out_of_order_are_taken_and_close_their_gap(admission):
    order = [0, 1, 4, 3, 2, 5]
    assert verdicts(admission, [(number, frame(number)[1], START_NS + 500 * MILLISECOND_NS) for number in order]) == [Verdict.ACCEPTED] * 6
    assert (admission.highest_taken, admission.gaps) == (5, 0)


def test_a_late_frame_is_no_gap_but_too_late_is_stale(admission):
    verdicts(admission, [frame(number) for number in (0, 1, 2, 4, 5, 6, 7, 8, 9)])
    assert admission.gaps == 1
    assert admission.admit(3, frame(3)[1], frame(9)[2])[0] is Verdict.STALE
    assert admission.gaps == 0, "it came, if too late"


def test_numbers_that_never_came_are_counted(admission):
    verdicts(admission, [frame(number) for number in (10, 12, 15, 16, 8)])
    assert admission.gaps == 3, "11, 13 and 14; 8 and 9 are before the first"


def test_numbers_wrap_at_32_bits(admission):
    frames = [frame(number, SEQUENCE_MODULUS - 5 + number) for number in range(10)]
    assert verdicts(admission, frames) == [Verdict.ACCEPTED] * 10
    assert (admission.highest_taken, admission.gaps, admission.restarts) == (4, 0, 0)


@pytest.mark.parametrize("before", [3, 100, 5000, SEQUENCE_MODULUS - 3])
def test_a_station_that_starts_anew_loses_nothing(admission, before):
    first = [frame(number, before + number) for number in range(20)]
    again = [frame(20 + number, number) for number in range(40)]
    assert verdicts(admission, first + again) == [Verdict.ACCEPTED] * 60
    assert admission.highest_taken == 39


def test_a_station_that_never_counts_loses_nothing(admission):
    assert verdicts(admission, [frame(number, 0) for number in range(30)]) == [Verdict.ACCEPTED] * 30
    assert admission.restarts == 29


def test_the_station_restarts_with_its_clock_an_hour_back(admission):
    verdicts(admission, [frame(number) for number in range(50)])
    back_ns = 3600 * SECOND_NS
    again = [(number, frame(50 + number)[1] - back_ns, frame(50 + number)[2]) for number in range(10)]
    assert verdicts(admission, again) == [Verdict.CLOCK_JUMP] * 2 + [Verdict.ACCEPTED] * 8


def test_a_second_station_with_equal_or_earlier_stamps_loses_nothing(admission):
    first, second, third = (type(admission)(AdmissionLimits()) for _ in range(3))
    for number in range(50):
        sequence, stamp_ns, received_ns = frame(number)
        assert first.admit(sequence, stamp_ns, received_ns) == (Verdict.ACCEPTED, stamp_ns)
        assert second.admit(sequence, stamp_ns, received_ns) == (Verdict.ACCEPTED, stamp_ns)
        assert third.admit(sequence, stamp_ns - 30 * MILLISECOND_NS, received_ns) == (Verdict.ACCEPTED, stamp_ns - 30 * MILLISECOND_NS)


def test_a_station_at_1000_hz_gets_its_rate_and_a_burst(admission):
    taken = sum(admission.admit_unread(2000, START_NS + number * MILLISECOND_NS) is Verdict.ACCEPTED for number in range(10_000))
    assert taken == 25 * 10 + 50 - 1


def test_a_frame_above_the_limit_is_refused_unread(admission):
    assert admission.admit_unread(64 * 1024, START_NS) is Verdict.ACCEPTED
    assert admission.admit_unread(64 * 1024 + 1, START_NS) is Verdict.OVERSIZED


def test_frames_refused_unread_are_no_gaps(admission):
    admission.admit(*frame(0))
    admission.admit_unread(10**6, frame(1)[2])
    admission.admit_unread(10**6, frame(2)[2])
    admission.admit(*frame(4))
    assert admission.gaps == 1, "number 3; 1 and 2 came and were refused"


def test_the_bucket_fills_again_after_silence():
    rate = RateLimit(10.0, 3)
    assert [rate.takes(START_NS) for _ in range(4)] == [True, True, True, False]
    assert [rate.takes(START_NS + SECOND_NS) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("wrong", [{"frames_per_s": 0}, {"burst_frames": 0}, {"frame_bytes": 0}, {"frame_objects": -1}])
def test_limits_must_be_positive(wrong):
    with pytest.raises(ValueError, match="limits must be positive"):
        AdmissionLimits(**wrong)
