"""Connected vehicles in the step of an intersection: where each is by all that is known, and no evidence counted twice.

The vehicle drives north at east 1.75 m. Its receiver is wrong by a constant that only the roadside or gNBs can tell.
"""

import math

import numpy as np
import pytest

from intersections.decisions import CorrectedPositions, SensorFault
from intersections.step import step
from positioning import connected
from positioning.measurements import Kind
from positioning.samples import FixStatus, Verdict
from tests.connected_scenes import Receiver, anchors_of, answers, crossing, drive, own_sample, ranges, shown
from tests.scenes import EAST, NORTH, PERIOD_NS, START_NS, User
from v2x.pipeline import decision_bytes

OFF = Receiver(east_m=2.5, north_m=-1.5)  # 2.9 m


def northbound(speed=8.0, north_m=-60.0):
    return User(1.75, north_m, NORTH, speed)


def miss_m(user, place):
    """At the end of a drive the user has moved on by one period."""
    east, north = user.place()
    return math.hypot(place[0] - east, place[1] - north + 0.8)


def test_a_vehicle_whose_fixes_are_off_is_told_where_the_roadside_sees_it():
    user = northbound()
    outcome = drive(crossing(), user, 12.0, OFF)
    _, motion, level_m, alert, sources = answers(outcome)[-1]
    assert miss_m(user, motion) < 0.5
    assert motion[2:] == pytest.approx([8.0, 0.0], abs=0.1) or motion[3] > 6.2
    assert (alert, bool(sources & 1 << Kind.ROADSIDE_DETECTION)) == (False, True)
    assert miss_m(user, motion) < level_m < 5.0


def test_its_track_shows_that_position_too():
    user = northbound()
    _, _, east, north, _ = shown(drive(crossing(), user, 12.0, OFF))[-1]
    assert miss_m(user, (east, north)) < 0.5


def test_without_a_roadside_it_is_told_how_far_it_may_be_off():
    user = northbound()
    outcome = drive(crossing(), user, 12.0, OFF, seen=lambda _time_s: False)
    _, motion, level_m, _, sources = answers(outcome)[-1]
    assert 2.0 < miss_m(user, motion) < level_m
    assert not sources & 1 << Kind.ROADSIDE_DETECTION


def test_what_the_roadside_saw_carries_it_through_an_occlusion():
    user = northbound(speed=6.0)
    outcome = drive(crossing(), user, 18.0, OFF, seen=lambda time_s: time_s < 12.0)
    reports = shown(outcome)
    east, north = reports[-1][2:4]
    assert math.hypot(east - 1.75, north - user.place()[1] + 0.6) < 1.0  # its fixes alone: 2.9
    assert len({track for time_s, track, *_ in reports if time_s > 6.0}) == 1


def test_fixes_by_ranges_to_surveyed_gnbs_need_no_roadside():
    user, intersection = northbound(), crossing()
    intersection = crossing(anchors_of(intersection.frame))
    more = lambda _time_s, number: [ranges(intersection, user, number)]  # noqa: E731
    outcome = drive(intersection, user, 12.0, OFF, seen=lambda _time_s: False, more=more)
    _, motion, _, _, sources = answers(outcome)[-1]
    assert sources & 1 << Kind.RANGE
    assert miss_m(user, motion) < 1.5


def test_ranges_to_a_gnb_out_of_reach_are_counted():
    user, intersection = northbound(), crossing()
    drive(intersection, user, 0.2, OFF, more=lambda _time_s, number: [ranges(intersection, user, number, names=("gnb-0",))])
    assert intersection.verdicts["fusion", Verdict.UNKNOWN_ANCHOR] == 2


def test_what_finds_the_track_holds_nothing_of_the_roadside():
    """Bit for bit the same, whether a station sees the vehicle or not."""
    states = []
    for sees in (True, False):
        intersection = crossing()
        drive(intersection, northbound(), 10.0, OFF, seen=lambda _time_s, sees=sees: sees)
        states.append(intersection.vehicles.alone("car", START_NS + 99 * PERIOD_NS))
    assert states[0] == states[1]


def wandering(rate_mps, duration_s):
    """Fixed solutions that wander off, against what wheels and roadside say: spoofing, or a base station that was moved."""
    receiver, user, intersection = Receiver(status=FixStatus.RTK_FIXED, satellites=16), northbound(speed=6.0), crossing()

    def wander(time_s, _number):
        receiver.east_m += 0.1 * rate_mps if time_s > 6.0 else 0.0
        return ()

    return intersection, user, drive(intersection, user, duration_s, receiver, more=wander)


def test_a_receiver_that_leaves_its_track_is_believed_only_as_long_as_it_is_right():
    intersection, user, outcome = wandering(1.0, 26.0)
    for time_s, motion, level_m, alert, _ in answers(outcome)[30:]:
        error_m = abs(motion[0] - 1.75)
        assert alert or error_m < level_m + 1.0, f"{error_m:.1f} m off after {time_s:.1f} s"  # half a second of samples are waited for
    assert answers(outcome)[-1][3]
    view = intersection.tracks.view(START_NS + 259 * PERIOD_NS)
    seen = np.hypot(view.motion[:, 0] - 1.75, view.motion[:, 1] - user.place()[1] + 0.6) < 0.5
    assert [int(track) in view.vehicles for track in view.ids[seen]] == [False], "the track goes on without it"


def test_a_position_that_contradicts_its_track_beyond_its_own_level_is_a_sensor_fault():
    """Slowly enough for its own filter to follow, which then promises what does not hold."""
    faults = [decision for _, decision in wandering(0.3, 26.0)[2].decisions if isinstance(decision, SensorFault)]
    assert ("car", "position", False) in [(fault.source, fault.quantity, fault.cleared) for fault in faults]
    assert "taken from the track" in faults[0].text


def test_wheels_that_its_fixes_contradict_are_not_dead_reckoned_by():
    user = northbound(speed=10.0, north_m=-200.0)
    outcome = drive(crossing(), user, 30.0, Receiver(frozen_mps=3.0, satellites=None), seen=lambda _time_s: False)
    faults = [decision for _, decision in outcome.decisions if isinstance(decision, SensorFault)]
    assert [(fault.source, fault.quantity) for fault in faults] == [("car", "speed")]
    assert abs(answers(outcome)[-1][1][1] - user.place()[1] + 1.0) < 5.0  # by its frozen wheels it would be 200 m back


def test_in_a_tunnel_the_wheels_carry_on():
    receiver, user = Receiver(status=FixStatus.RTK_FIXED, satellites=16), northbound(speed=8.0, north_m=-120.0)

    def enter(time_s, _number):
        receiver.status = FixStatus.NONE if time_s > 8.0 else FixStatus.RTK_FIXED
        return ()

    outcome = drive(crossing(), user, 20.0, receiver, seen=lambda _time_s: False, more=enter)
    _, motion, level_m, _, sources = answers(outcome)[-1]
    assert miss_m(user, motion) < min(2.0, level_m)
    assert not sources & 1 << Kind.FIX


def test_a_sample_that_says_nothing_of_itself_gets_a_usual_weight():
    """Neither count nor status: about as good as a fix under a full sky, unless the receiver itself warns."""
    levels = []
    for satellites in (None, 14, 5):
        outcome = drive(crossing(), northbound(), 3.0, Receiver(satellites=satellites), seen=lambda _time_s: False)
        levels.append(answers(outcome)[-1][2])
    assert levels[0] == levels[1] < levels[2]


@pytest.mark.parametrize("cut", [20, 70])
def test_a_snapshot_goes_on_byte_for_byte(cut):
    def play(intersection, first, last):
        user = northbound()
        user.travelled_m = 0.8 * first
        more = lambda _time_s, number: [ranges(intersection, user, number)] if number % 2 else ()  # noqa: E731
        outcome = drive(intersection, user, (last - first) / 10, OFF, start=first, seen=lambda time_s: time_s < 8.0, more=more)
        return [decision_bytes(decision) for _, decision in outcome.decisions]

    anchors = anchors_of(crossing().frame)
    whole, again = crossing(anchors), crossing(anchors)
    play(whole, 0, cut)
    again.restore({name: array.copy() for name, array in whole.snapshot().items()})
    assert play(whole, cut, cut + 40) == play(again, cut, cut + 40)
    assert all(array.tobytes() == again.snapshot()[name].tobytes() for name, array in whole.snapshot().items())


def test_who_falls_silent_is_answered_no_more_and_then_forgotten():
    intersection, user = crossing(), northbound()
    drive(intersection, user, 5.0, OFF)
    last_ns, told = START_NS + 49 * PERIOD_NS, []
    for number in range(1, 400):
        now_ns = last_ns + number * 200_000_000
        decided, _ = step(intersection, [], now_ns)
        told += [now_ns - last_ns for decision in decided if isinstance(decision, CorrectedPositions)]
    assert max(told) == pytest.approx(connected.ANSWERED_NS, abs=2e8)
    assert len(intersection.vehicles.snapshot()["names"]) == 0


def test_the_longest_silent_gives_way_to_a_newcomer(monkeypatch):
    monkeypatch.setattr(connected, "MAX_CONNECTED", 3)
    intersection, user = crossing(), northbound()
    for number in range(5):
        sample = own_sample(intersection, user, 0.0, number, OFF, vehicle=f"car-{number}")
        step(intersection, [sample], START_NS + number * PERIOD_NS)
    assert intersection.vehicles.snapshot()["names"].tolist() == ["car-2", "car-3", "car-4"]


def test_a_vehicle_with_nonsense_harms_no_other():
    good, bad = northbound(), User(-30.0, -1.75, EAST, 8.0)
    intersection = crossing()
    broken = Receiver(status=FixStatus.RTK_FIXED, satellites=16, scale=-1.0)

    def beside(time_s, number):
        broken.east_m = 1e4 * (number % 2)
        bad.advance(time_s)
        return [own_sample(intersection, bad, time_s, number, broken, vehicle="bad"), ranges(intersection, bad, number, vehicle="bad")]

    alone = answers(drive(crossing(), northbound(), 8.0, OFF))
    beside_bad = answers(drive(intersection, good, 8.0, OFF, more=beside))
    assert [row[1].tolist() for row in beside_bad] == [row[1].tolist() for row in alone]
