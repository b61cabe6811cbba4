"""One step of an intersection: reports on the grid, lamps, commands, silence, and state that goes on from a snapshot."""

import math

import numpy as np
import pytest

from intersections.decisions import SignalReport, TrackReport, Warning, WarningKind, WarningState
from intersections.samples import CommandKind, CommandSample, PhaseState, SignalSample
from intersections.step import REPORT_LEAST_NS, REPORT_MOST_NS, step
from positioning.samples import Verdict
from tests.scenes import EAST, GREEN, NORTH, PERIOD_NS, RED, START_NS, Noise, User, equal_crossing, frame, play, signalised

QUIET = Noise()


def colliding():
    """Two cars that would meet at (1.75, -1.75) after 7 s."""
    return [User(1.75, -71.75, NORTH, 10.0), User(-68.25, -1.75, EAST, 10.0)]


def command(kind, about, now_ns, valid_until_ns=0, answer=""):
    return CommandSample("c1", kind, "example", "operator", about, answer, valid_until_ns, now_ns)


def with_warning():
    intersection = equal_crossing()
    users = colliding()
    play(intersection, users, 4.0)
    assert len(intersection.warnings) == 1
    return intersection, users


def test_tracks_are_reported_about_once_per_tenth_of_a_second():
    intersection, users = equal_crossing(), [User(1.75, -60.0, NORTH, 0.0)]
    play(intersection, users, 1.0)
    times, now_ns = [], START_NS + 10 * PERIOD_NS
    for number in range(100):  # 1 s in steps of 10 ms
        one = frame(intersection, users, 0.0, now_ns, 100 + number, QUIET, np.random.default_rng(1))
        decisions, deadline_ns = step(intersection, [one], now_ns)
        times += [decision.time_ns for decision in decisions if isinstance(decision, TrackReport)]
        assert now_ns < deadline_ns <= now_ns + REPORT_MOST_NS
        now_ns += PERIOD_NS // 10
    assert set(np.diff(times)) == {REPORT_LEAST_NS}


def test_tracks_are_reported_with_the_frames_of_a_station_that_is_not_punctual():
    intersection, users = equal_crossing(), [User(1.75, -60.0, NORTH, 0.0)]
    play(intersection, users, 1.0)
    random, deadline_ns, frames, times = np.random.default_rng(1), START_NS + 100 * PERIOD_NS, [], []
    for number in range(11, 40):
        now_ns = START_NS + number * PERIOD_NS + int(random.integers(-4_000_000, 4_000_000))
        assert deadline_ns > now_ns, "no timer is needed while frames come"
        decisions, deadline_ns = step(intersection, [frame(intersection, users, 0.0, now_ns, number, QUIET, random)], now_ns)
        times += [decision.time_ns for decision in decisions if isinstance(decision, TrackReport)]
        frames.append(now_ns)
    assert times == frames


def test_tracks_are_reported_without_frames_too():
    intersection, times = equal_crossing(), []
    play(intersection, [User(1.75, -60.0, NORTH, 0.0)], 1.0)
    now_ns = START_NS + 9 * PERIOD_NS
    for _ in range(4):
        decisions, now_ns = step(intersection, [], now_ns)
        times += [decision.time_ns for decision in decisions if isinstance(decision, TrackReport)]
    assert set(np.diff(times)) == {REPORT_MOST_NS}


def test_the_last_report_says_that_nobody_is_left():
    intersection = equal_crossing()
    play(intersection, [User(1.75, -60.0, NORTH, 5.0)], 1.0)
    reports, now_ns = [], START_NS + 9 * PERIOD_NS
    for _ in range(400):
        _, deadline_ns = decided = step(intersection, [], now_ns)
        reports += [decision for decision in decided[0] if isinstance(decision, TrackReport)]
        now_ns = deadline_ns
    assert len(reports[-1].ids) == 0
    assert all(len(report.ids) for report in reports[:-1])


def test_lamps_are_reported_when_they_change_and_when_they_fall_silent():
    intersection, states = signalised(), []
    for number, shown in enumerate([RED, RED, GREEN]):
        now_ns = START_NS + number * PERIOD_NS
        decisions, deadline_ns = step(intersection, [SignalSample("example", number, now_ns, now_ns, (("ns", shown),))], now_ns)
        states += [decision.groups for decision in decisions if isinstance(decision, SignalReport)]
    assert [dict(groups)["ns"] for groups in states] == [RED, GREEN]
    while now_ns <= START_NS + 12 * PERIOD_NS:
        now_ns = deadline_ns
        decisions, deadline_ns = step(intersection, [], now_ns)
        states += [decision.groups for decision in decisions if isinstance(decision, SignalReport)]
    assert dict(states[-1])["ns"] == PhaseState.UNKNOWN


def test_an_older_lamp_state_does_not_replace_a_newer_one():
    intersection = signalised()
    for measured_ns, shown in ((START_NS + PERIOD_NS, GREEN), (START_NS, RED)):
        step(intersection, [SignalSample("example", 1, measured_ns, START_NS + PERIOD_NS, (("ns", shown),))], START_NS + PERIOD_NS)
    assert GREEN in intersection.lamps.states(START_NS + PERIOD_NS)


def test_an_acknowledgement_is_recorded_with_its_warning():
    intersection, users = with_warning()
    _, warning = play(intersection, users, 1.0, start=40).warnings[0]
    now_ns = START_NS + 50 * PERIOD_NS
    step(intersection, [command(CommandKind.ACKNOWLEDGEMENT, warning.id, now_ns, answer="braking")], now_ns)
    assert intersection.warnings.answers(warning.id) == (("operator", "braking"),)


def test_a_silenced_kind_is_cleared_and_comes_back_after_its_time():
    intersection, users = with_warning()
    now_ns = START_NS + 40 * PERIOD_NS
    silence = command(CommandKind.SILENCE, "ICW", now_ns, valid_until_ns=now_ns + 10 * PERIOD_NS)
    decisions, _ = step(intersection, [silence], now_ns)
    assert [d.state for d in decisions if isinstance(d, Warning)] == [WarningState.CLEARED]
    again = play(intersection, users, 2.0, start=40).raised()
    assert [warning.id.rsplit("-", 1)[1] for _, warning in again] == ["2"]
    assert again[0][0] >= 5.0


def test_no_warning_id_comes_again_after_a_restart():
    first, again = (play(equal_crossing(), colliding(), 4.0, start=start).raised()[0][1].id for start in (0, 1))
    assert first != again


def test_reset_tracks_clears_the_warnings_of_those_tracks():
    intersection, _ = with_warning()
    now_ns = START_NS + 40 * PERIOD_NS
    decisions, _ = step(intersection, [command(CommandKind.RESET_TRACKS, "", now_ns)], now_ns)
    assert [d.state for d in decisions if isinstance(d, Warning)] == [WarningState.CLEARED]
    assert len(intersection.tracks) == 0


def test_a_warning_is_repeated_within_half_a_second_although_nothing_arrives():
    intersection, _ = with_warning()
    now_ns, heard_ns = START_NS + 39 * PERIOD_NS, START_NS + 39 * PERIOD_NS
    for _ in range(12):
        _, now_ns = step(intersection, [], now_ns)
        decisions, _ = step(intersection, [], now_ns)
        if any(isinstance(decision, Warning) for decision in decisions):
            assert now_ns - heard_ns <= 500_000_000
            heard_ns = now_ns
    assert heard_ns > START_NS + 39 * PERIOD_NS


def test_a_silent_track_ends_its_warning():
    intersection, _ = with_warning()
    now_ns, states = START_NS + 39 * PERIOD_NS, []
    for _ in range(400):
        decisions, now_ns = step(intersection, [], now_ns)
        states += [decision.state for decision in decisions if isinstance(decision, Warning)]
    assert states[-1] is WarningState.CLEARED
    assert len(intersection.warnings) == 0


@pytest.mark.parametrize("cut", [5, 23, 40, 55])
def test_a_restored_intersection_decides_the_same_to_the_last_bit(cut):
    noise = Noise(0.2, math.radians(1), 0.2)
    lamps = lambda time_s: {"ns": GREEN if time_s < 4 else RED, "ew": RED, "walk": RED}  # noqa: E731
    outcomes = []
    for restored in (False, True):
        intersection, users = signalised(), colliding()
        play(intersection, users, cut / 10, noise, lamps=lamps)
        if restored:
            held, intersection = intersection.snapshot(), signalised()
            assert all(isinstance(array, np.ndarray) and array.dtype != object for array in held.values())
            intersection.restore(held)
        outcomes.append(play(intersection, users, 7.0 - cut / 10, noise, seed=9, lamps=lamps, start=cut))
    first, second = (
        [(t, repr(d) if not isinstance(d, TrackReport) else (d.ids.tobytes(), d.motion.tobytes())) for t, d in outcome.decisions]
        for outcome in outcomes
    )
    assert first == second
    assert outcomes[0].decisions


def test_verdicts_are_counted_by_source():
    intersection, users = equal_crossing(), [User(1.75, -60.0, NORTH, 5.0)]
    one = frame(intersection, users, 0.0, START_NS, 1, QUIET, np.random.default_rng(1))
    step(intersection, [one, one], START_NS)
    assert intersection.verdicts["rsu-1", Verdict.ACCEPTED] == 1
    assert intersection.verdicts["rsu-1", Verdict.DUPLICATE] == 1


def test_the_cause_is_the_frame_that_shows_a_party_not_the_last_of_the_batch():
    """Two stations in each batch; the second looks elsewhere."""
    intersection, users, elsewhere = equal_crossing(), colliding(), [User(120.0, 120.0, NORTH, 0.0)]
    random, raised = np.random.default_rng(1), []
    for number in range(40):
        now_ns = START_NS + number * PERIOD_NS
        batch = [
            frame(intersection, users, number * 0.1, now_ns, number, QUIET, random, "rsu-crossing"),
            frame(intersection, elsewhere, number * 0.1, now_ns, 1000 + number, QUIET, random, "rsu-elsewhere"),
        ]
        decisions, _ = step(intersection, batch, now_ns)
        raised += [(number, d) for d in decisions if isinstance(d, Warning) and d.state is WarningState.RAISED]
        for user in users:
            user.advance(number * 0.1)
    ((number, warning),) = raised
    assert warning.kind is WarningKind.ICW
    assert (warning.cause.station, warning.cause.sequence) == ("rsu-crossing", number)
