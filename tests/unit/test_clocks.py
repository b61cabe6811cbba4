"""A sender's clock against ours: what is believed, what is moved, what is refused."""

import pytest

from positioning.samples import Verdict
from v2x.ingest.clocks import MILLISECOND_NS, SECOND_NS, SlidingMinimum, SourceClock

START_NS = 1_800_000_000 * SECOND_NS
PERIOD_NS = 100 * MILLISECOND_NS
DELAY_NS = 20 * MILLISECOND_NS


class Sender:
    """Sends at 10 Hz through a network that takes DELAY_NS, with a clock that is `error_ns` ahead of ours."""

    def __init__(self, error_ns=0):
        self.clock = SourceClock()
        self.error_ns = error_ns
        self.now_ns = START_NS

    def send(self, late_ns=0, error_ns=None):
        """The verdict, and by how much the stamp brought onto our clock misses the true time of measurement."""
        self.now_ns += PERIOD_NS
        stamp_ns = self.now_ns + (self.error_ns if error_ns is None else error_ns)
        reading = self.clock.read(stamp_ns, self.now_ns + DELAY_NS + late_ns)
        return reading.verdict, reading.measured_ns - self.now_ns


def test_a_synchronised_clock_is_taken_at_its_word():
    sender = Sender()
    assert [sender.send(late_ns=late * MILLISECOND_NS) for late in (0, 60, 150, 10)] == [(Verdict.ACCEPTED, 0)] * 4
    assert sender.clock.offset_ns == DELAY_NS
    assert sender.clock.is_synchronised


@pytest.mark.parametrize("error_s", [-3600, -60, -0.5, 0.05, 2, 86400])
def test_a_wrong_clock_is_moved_by_the_offset_and_keeps_its_delay(error_s):
    sender = Sender(int(error_s * SECOND_NS))
    for _ in range(5):
        assert sender.send() == (Verdict.ACCEPTED, DELAY_NS)
    assert not sender.clock.is_synchronised
    assert sender.send(late_ns=80 * MILLISECOND_NS) == (Verdict.ACCEPTED, DELAY_NS), "a late frame stays as old as it is"


def test_one_frame_100_ms_late_is_taken():
    sender = Sender()
    verdicts = [sender.send(late_ns=100 * MILLISECOND_NS if number == 5 else 0) for number in range(10)]
    assert verdicts == [(Verdict.ACCEPTED, 0)] * 10


def test_a_frame_600_ms_late_is_stale_and_costs_only_itself():
    sender = Sender()
    verdicts = [sender.send(late_ns=600 * MILLISECOND_NS if number == 5 else 0)[0] for number in range(10)]
    assert verdicts == [Verdict.ACCEPTED] * 5 + [Verdict.STALE] + [Verdict.ACCEPTED] * 4


@pytest.mark.parametrize("jump_s", [60, -60, 1.5, -1.5])
def test_one_wild_stamp_costs_one_frame(jump_s):
    sender = Sender()
    verdicts = [sender.send(error_ns=int(jump_s * SECOND_NS) if number == 5 else 0) for number in range(10)]
    assert [verdict for verdict, _ in verdicts] == [Verdict.ACCEPTED] * 5 + [Verdict.CLOCK_JUMP] + [Verdict.ACCEPTED] * 4
    assert all(error_ns == 0 for verdict, error_ns in verdicts if verdict is Verdict.ACCEPTED)


@pytest.mark.parametrize("jump_s", [60, -60, 1.5, -1.5])
def test_a_lasting_jump_costs_two_frames_and_is_then_followed(jump_s):
    sender = Sender()
    for _ in range(5):
        sender.send()
    sender.error_ns = int(jump_s * SECOND_NS)
    verdicts = [sender.send() for _ in range(5)]
    assert [verdict for verdict, _ in verdicts] == [Verdict.CLOCK_JUMP] * 2 + [Verdict.ACCEPTED] * 3
    assert all(error_ns == DELAY_NS for _, error_ns in verdicts[2:])
    assert sender.clock.jumps_adopted == 1


def test_a_clock_set_back_by_less_than_a_jump_is_followed_too():
    sender = Sender()
    sender.send()
    sender.error_ns = -700 * MILLISECOND_NS
    assert [sender.send()[0] for _ in range(5)] == [Verdict.STALE] * 2 + [Verdict.ACCEPTED] * 3


def test_wild_stamps_that_disagree_are_never_followed():
    sender = Sender()
    sender.send()
    assert {sender.send(error_ns=seconds * SECOND_NS)[0] for seconds in (60, 120, -60, 180, -120, 240)} == {Verdict.CLOCK_JUMP}
    assert sender.send() == (Verdict.ACCEPTED, 0)


def test_a_backlog_of_three_seconds_is_old_not_a_new_clock():
    """A stalled network hands over 30 frames at once: their delays shrink from 3 s to nothing."""
    clock = SourceClock()
    clock.read(START_NS, START_NS + DELAY_NS)
    arrived_ns = START_NS + 31 * PERIOD_NS
    backlog = [clock.read(START_NS + number * PERIOD_NS, arrived_ns + number * 1000) for number in range(1, 31)]
    fresh = [reading for reading in backlog if reading.verdict is Verdict.ACCEPTED]
    assert {reading.verdict for reading in backlog[:20]} == {Verdict.CLOCK_JUMP}
    assert len(fresh) == 4, "those younger than 500 ms"
    assert clock.jumps_adopted == 0
    assert clock.read(arrived_ns, arrived_ns + DELAY_NS).measured_ns == arrived_ns


def test_the_offset_follows_a_drifting_clock():
    """100 ppm for 20 minutes is 120 ms: the minimum of the last minute lags by at most 6 ms."""
    clock = SourceClock()
    for number in range(12_000):
        true_ns = START_NS + number * PERIOD_NS
        clock.read(true_ns - number * PERIOD_NS // 10_000, true_ns + DELAY_NS)
    assert clock.offset_ns == pytest.approx(DELAY_NS + 120 * MILLISECOND_NS, abs=6.1 * MILLISECOND_NS)


def test_after_a_minute_of_silence_the_clock_is_read_anew():
    sender = Sender()
    sender.send()
    sender.now_ns += 61 * SECOND_NS
    sender.error_ns = 3600 * SECOND_NS
    assert sender.send() == (Verdict.ACCEPTED, DELAY_NS)


def test_the_sliding_minimum_forgets_what_left_the_window():
    minimum = SlidingMinimum()
    for second, value in enumerate([5, 3, 8, 9]):
        minimum.push(second * SECOND_NS, value)
    assert minimum.at(4 * SECOND_NS) == 3
    assert minimum.at(61 * SECOND_NS) == 8
    assert minimum.at(62 * SECOND_NS) == 9
    assert minimum.at(63 * SECOND_NS) is None
