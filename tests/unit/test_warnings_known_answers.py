"""Situations whose right answer is known: when a warning has to come, and when none may."""

import math
from itertools import pairwise

import pytest

from intersections.decisions import Severity, WarningKind, WarningState
from positioning.samples import ObjectClass
from tests.scenes import (
    EAST,
    NORTH,
    SOUTH,
    WEST,
    Noise,
    User,
    braking_to_stop,
    equal_crossing,
    north_south_green,
    play,
    signalised,
    with_priority,
)

LANE_M = 1.75  # lane centres of the four-arm crossing lie this far beside the middle of the road
CAR_LENGTH_M, CAR_WIDTH_M = 4.5, 1.8
CONTACT_M = (CAR_LENGTH_M + CAR_WIDTH_M) / 2  # two cars at right angles that arrive together touch this far before the point


def approaching(heading_rad, speed_mps, arrival_s, point=None, object_class=ObjectClass.CAR):
    """A user who is at the crossing point of his lane and the other road's lane at `arrival_s`."""
    east_m, north_m = point
    away_m = speed_mps * arrival_s
    start = east_m - away_m * math.sin(heading_rad), north_m - away_m * math.cos(heading_rad)
    return User(*start, heading_rad, speed_mps, object_class)


# Right-hand traffic: northbound at east +1.75, southbound at -1.75, eastbound at north -1.75, westbound at +1.75.
PAIRS = [
    (NORTH, EAST, (LANE_M, -LANE_M)),
    (NORTH, WEST, (LANE_M, LANE_M)),
    (SOUTH, EAST, (-LANE_M, -LANE_M)),
    (SOUTH, WEST, (-LANE_M, LANE_M)),
]


@pytest.mark.parametrize(("first", "second", "point"), PAIRS)
@pytest.mark.parametrize("speed_mps", [7.0, 10.0, 13.0])
def test_equals_are_warned_five_seconds_before_they_collide(first, second, point, speed_mps):
    users = [approaching(first, speed_mps, 9.0, point), approaching(second, speed_mps, 9.0, point)]
    raised = play(equal_crossing(), users, 8.0).raised()
    assert [warning.kind for _, warning in raised] == [WarningKind.ICW]
    time_s, warning = raised[0]
    assert 9.0 - CONTACT_M / speed_mps - time_s == pytest.approx(5.0, abs=0.3)
    assert warning.time_to_conflict_s == pytest.approx(5.0, abs=0.3)
    assert math.hypot(warning.east_m - point[0], warning.north_m - point[1]) < 1.5


def test_the_later_of_two_equals_hits_the_flank_and_is_warned_as_early():
    """0.4 s apart at 10 m/s: the later front reaches the flank when its own centre is CONTACT_M before the point."""
    users = [approaching(NORTH, 10.0, 9.0, PAIRS[0][2]), approaching(EAST, 10.0, 9.4, PAIRS[0][2])]
    raised = play(equal_crossing(), users, 8.0).raised()
    assert len(raised) == 1
    assert 9.4 - CONTACT_M / 10.0 - raised[0][0] == pytest.approx(5.0, abs=0.3)


def test_equals_that_pass_two_seconds_apart_are_not_warned():
    users = [approaching(NORTH, 10.0, 9.0, PAIRS[0][2]), approaching(EAST, 10.0, 11.0, PAIRS[0][2])]
    assert play(equal_crossing(), users, 12.0).raised() == []


def test_one_warning_is_updated_in_place_and_cleared():
    users = [approaching(NORTH, 10.0, 9.0, PAIRS[0][2]), approaching(EAST, 10.0, 9.0, PAIRS[0][2])]
    warnings = play(equal_crossing(), users, 12.0).warnings
    assert len({warning.id for _, warning in warnings}) == 1
    assert warnings[0][1].state is WarningState.RAISED
    assert warnings[-1][1].state is WarningState.CLEARED
    assert [state for _, warning in warnings if (state := warning.state) is WarningState.RAISED] == [WarningState.RAISED]
    severities = [warning.severity for _, warning in warnings[:-1]]
    assert severities == sorted(severities)
    assert severities[0] is Severity.INFORMATION
    assert severities[-1] is Severity.DANGER
    times = [time_s for time_s, _ in warnings]
    assert max(later - earlier for earlier, later in pairwise(times)) <= 0.5 + 1e-9


def test_a_warning_names_the_frame_that_decided():
    users = [approaching(NORTH, 10.0, 9.0, PAIRS[0][2]), approaching(EAST, 10.0, 9.0, PAIRS[0][2])]
    time_s, warning = play(equal_crossing(), users, 8.0, station="rsu-7").raised()[0]
    assert (warning.cause.station, warning.cause.sequence) == ("rsu-7", round(time_s * 10))


def test_who_has_to_yield_and_brakes_is_not_warned():
    """Westwards-bound brakes with 2.5 m/s2 and stands 2 m before the mouth of the junction."""
    stop_m = 12.0 + 2.0 + CAR_LENGTH_M / 2
    start_m = stop_m + 10.0 * 5.0 + 10.0**2 / (2 * 2.5)
    waiting = User(start_m, LANE_M, WEST, braking_to_stop(10.0, 5.0, 2.5))
    users = [approaching(NORTH, 10.0, 9.0, PAIRS[1][2]), waiting]
    assert play(with_priority(), users, 14.0).raised() == []


def test_who_has_to_yield_and_still_can_is_not_warned_either():
    """Steady 8 m/s until 3.5 m/s2 would no longer do: before that, nobody says he will not stop."""
    users = [approaching(NORTH, 10.0, 9.0, PAIRS[1][2]), approaching(WEST, 8.0, 9.0, PAIRS[1][2])]
    raised = play(with_priority(), users, 8.8).raised()
    zone_m = LANE_M + CAR_LENGTH_M / 2  # from the crossing point back to where his front must stay, at least
    assert raised
    assert (9.0 - raised[0][0]) * 8.0 - zone_m <= 8.0**2 / (2 * 3.5)
    assert raised[0][1].time_to_conflict_s > 0.5


def test_a_red_light_runner_is_warned_against_crossing_traffic():
    """14 m/s, no braking: at latest when 5 m/s2 no longer do to the line (1 m of grace), 12 m + 1.75 m before the conflict."""
    users = [approaching(NORTH, 12.0, 9.0, PAIRS[0][2]), approaching(EAST, 14.0, 9.0, PAIRS[0][2])]
    raised = play(signalised(), users, 8.8, lamps=north_south_green).raised(WarningKind.ICW)
    assert len(raised) == 1
    to_line_m = 14.0 * (9.0 - raised[0][0]) - LANE_M - 12.0 - CAR_LENGTH_M / 2
    assert 14.0**2 / (2 * 5.0) - 3.0 <= to_line_m <= 14.0**2 / (2 * 3.5)
    assert raised[0][1].time_to_conflict_s > 2.0


def test_traffic_that_stops_at_red_is_not_warned():
    start_m = 12.0 + CAR_LENGTH_M / 2 + 1.0 + 14.0 * 4.0 + 14.0**2 / (2 * 3.0)
    stopping = User(-start_m, -LANE_M, EAST, braking_to_stop(14.0, 4.0, 3.0))
    users = [approaching(NORTH, 12.0, 9.0, PAIRS[0][2]), stopping]
    assert play(signalised(), users, 12.0, lamps=north_south_green).raised() == []


@pytest.mark.parametrize("walk_mps", [1.4, 2.5])
def test_a_jaywalker_in_front_of_a_car_is_warned_in_time_to_stop(walk_mps):
    """Mid-block, nobody expects him: warned while 1 s of reaction and 4 m/s2 still suffice."""
    speed_mps, meet_s = 13.0, 7.0
    walker = approaching(WEST, walk_mps, meet_s, (LANE_M, -60.0), ObjectClass.PEDESTRIAN)
    car = approaching(NORTH, speed_mps, meet_s, (LANE_M, -60.0))
    raised = play(equal_crossing(), [car, walker], 7.0).raised(WarningKind.VRUCW)
    assert len(raised) == 1
    left_m = speed_mps * (meet_s - raised[0][0]) - CAR_LENGTH_M / 2
    assert left_m >= speed_mps * 1.0 + speed_mps**2 / (2 * 4.0)
    assert {party.object_class for party in raised[0][1].parties} == {ObjectClass.CAR, ObjectClass.PEDESTRIAN}


def test_a_pedestrian_who_crosses_against_red_is_warned():
    """He may stop until a step before the kerb; from then on he is in the road. Far lane: 3.5 m more of lead than near lane."""
    for lane_m, heading_rad, lead_s in ((LANE_M, WEST, 0.7), (-LANE_M, WEST, 3.0)):
        car = approaching(NORTH if lane_m > 0 else SOUTH, 12.0, 8.0, (lane_m, -9.5))
        walker = approaching(heading_rad, 1.4, 8.0, (lane_m, -9.5), ObjectClass.PEDESTRIAN)
        raised = play(signalised(), [car, walker], 8.0, lamps=north_south_green).raised(WarningKind.VRUCW)
        assert len(raised) == 1
        assert raised[0][1].time_to_conflict_s > lead_s


def test_a_hard_braking_leader_is_warned_within_half_a_second():
    """Both at 15 m/s, 18 m apart; the leader brakes with 7 m/s2: 1 s of reaction leaves the follower no comfortable way."""
    leader = User(LANE_M, -100.0, NORTH, braking_to_stop(15.0, 3.0, 7.0))
    follower = User(LANE_M, -118.0 - CAR_LENGTH_M, NORTH, 15.0)
    raised = play(equal_crossing(), [leader, follower], 5.0).raised(WarningKind.FCW)
    assert len(raised) == 1
    assert 3.0 < raised[0][0] <= 3.5
    assert raised[0][1].parties[0].north_m < raised[0][1].parties[1].north_m


def test_a_standing_car_ahead_is_warned_when_three_mps2_after_a_second_no_longer_do():
    speed_mps = 13.0
    standing = User(LANE_M, -40.0, NORTH, 0.0)
    coming = User(LANE_M, -40.0 - 110.0, NORTH, speed_mps)
    raised = play(equal_crossing(), [standing, coming], 9.0).raised()
    assert [warning.kind for _, warning in raised] == [WarningKind.FCW]
    gap_m = 110.0 - CAR_LENGTH_M - speed_mps * raised[0][0]
    assert gap_m == pytest.approx(speed_mps * 1.0 + speed_mps**2 / (2 * 3.0), abs=speed_mps * 0.3)


def test_who_already_brakes_enough_behind_a_standing_car_is_not_warned():
    standing = User(LANE_M, -40.0, NORTH, 0.0)
    stopping = User(LANE_M, -40.0 - 110.0, NORTH, braking_to_stop(13.0, 4.0, 2.5))  # stands 19 m short
    assert play(equal_crossing(), [standing, stopping], 12.0).raised() == []


@pytest.mark.parametrize("seed", range(20))
def test_a_pedestrian_who_walks_parallel_is_not_warned(seed):
    """45 frames, 3 m beside the lane's edge or centre makes no difference: here 3 m from the car's own way."""
    walker = User(LANE_M + 3.0, -70.0, NORTH, 1.4, ObjectClass.PEDESTRIAN)
    car = User(LANE_M, -110.0, NORTH, 10.0)
    assert play(equal_crossing(), [walker, car], 4.5, Noise(0.3, math.radians(2), 0.2), seed).raised() == []


def test_a_parked_car_aside_is_not_warned_in_a_hundred_noisy_runs():
    for seed in range(100):
        users = [User(LANE_M + 3.5, -60.0, NORTH, 0.0), User(LANE_M, -120.0, NORTH, 12.0)]
        assert play(equal_crossing(), users, 5.0, Noise(0.3, math.radians(2), 0.2), seed).raised() == [], seed


def test_traffic_due_north_is_not_warned_in_a_hundred_noisy_runs():
    """Neighbours on two lanes and the oncoming one; headings jitter about 0 = 360 degrees."""
    for seed in range(100):
        users = [
            User(LANE_M, -120.0, NORTH, 12.0),
            User(LANE_M, -145.0, NORTH, 12.0),
            User(-LANE_M, 120.0, SOUTH, 12.0),
            User(LANE_M + 200.0, -120.0, NORTH, 12.0),
            User(LANE_M + 203.5, -122.0, NORTH, 11.0),
        ]
        assert play(equal_crossing(), users, 4.0, Noise(0.05, math.radians(0.3), 0.1), seed).raised() == [], seed
