"""Where users are on the map: lanes with hysteresis, turns, crossings in both directions, and who is on nothing."""

import math

import numpy as np
import pytest

from intersections.lamps import LAMP_NONE, LAMP_STOP
from intersections.localize import ADMISSION, ROLES, Places, UserRole, localize, network
from intersections.paths import CELL_M, ElementKind, flatten
from intersections.paths_model import NetworkModel
from positioning.samples import ObjectClass
from positioning.tracks import TrackView
from tests.scenes import EAST, NORTH, SOUTH, WEST, equal_crossing

PATHS = flatten(equal_crossing().map)
TIME_NS = 10**18


@pytest.fixture(params=["kernel", "twin"])
def net(request):
    return network(PATHS) if request.param == "kernel" else NetworkModel(PATHS, ADMISSION, ROLES, CELL_M)


def view(*users, time_ns=TIME_NS):
    """users: class, east, north, speed, heading."""
    count = len(users)
    motion = np.zeros((count, 6))
    motion[:, :4] = [user[1:] for user in users]
    classes = np.array([user[0] for user in users], np.uint8)
    return TrackView(time_ns, np.arange(count), classes, motion, np.full((count, 3), 0.1), np.ones((count, 2)), np.ones(count, np.uint8))


def placed(net, *users, before=None, lamp=LAMP_NONE, time_ns=TIME_NS):
    lamps = np.full(len(PATHS.kinds), lamp, np.uint8)
    return localize(net, view(*users, time_ns=time_ns), before or Places(), lamps)


def element_of(places, row=0):
    number = places.element[row]
    return None if number < 0 else PATHS.ids[number]


def test_a_car_on_its_lane(net):
    places = placed(net, (ObjectClass.CAR, 2.25, -50.0, 10.0, NORTH))
    assert element_of(places) == "south.in"
    assert places.place[0] == pytest.approx((100.0, 0.5, 0.0), abs=1e-9)


@pytest.mark.parametrize(("heading_rad", "lane"), [(NORTH, "south.in"), (SOUTH, "south.out")])
def test_between_two_lanes_the_heading_decides(net, heading_rad, lane):
    assert element_of(placed(net, (ObjectClass.CAR, 0.0, -50.0, 10.0, heading_rad))) == lane


def test_a_car_that_strays_keeps_its_lane_until_the_next_fits_clearly_better(net):
    lane = placed(net, (ObjectClass.BICYCLE, 1.75, -50.0, 5.0, NORTH))
    astray = (ObjectClass.BICYCLE, 1.75 + 1.75 + 1.1, -49.5, 5.0, NORTH)
    assert element_of(placed(net, astray, before=lane)) == "south.in"
    assert element_of(placed(net, astray)) is None


def test_a_wrong_way_driver_is_on_no_lane(net):
    assert element_of(placed(net, (ObjectClass.CAR, -1.75, -80.0, 12.0, NORTH))) is None


@pytest.mark.parametrize(("east_m", "north_m", "heading_rad", "turn"), [
    (1.75, 0.0, NORTH, "south-straight"),
    (6.5, -3.0, math.radians(60), "south-right"),
    (-3.0, 0.5, math.radians(-65), "south-left"),
])  # fmt: skip
def test_in_the_junction_heading_and_place_tell_the_turn(net, east_m, north_m, heading_rad, turn):
    before = placed(net, (ObjectClass.CAR, 1.75, -13.0, 6.0, NORTH))
    assert element_of(placed(net, (ObjectClass.CAR, east_m, north_m, 6.0, heading_rad), before=before)) == turn


@pytest.mark.parametrize("heading_rad", [EAST, WEST])
def test_pedestrians_use_a_crossing_in_both_directions(net, heading_rad):
    places = placed(net, (ObjectClass.PEDESTRIAN, 0.5, -9.5, 1.4, heading_rad))
    assert PATHS.kinds[places.element[0]] == ElementKind.CROSSING
    assert places.on_crossing[0] == 1


def test_walking_towards_a_crossing_means_it_and_walking_away_does_not(net):
    towards = placed(net, (ObjectClass.PEDESTRIAN, 3.5 + 2.0, -9.5, 1.4, WEST))
    away = placed(net, (ObjectClass.PEDESTRIAN, 3.5 + 2.0, -9.5, 1.4, EAST))
    assert PATHS.kinds[towards.element[0]] == ElementKind.CROSSING
    assert towards.on_crossing[0] == 0
    assert element_of(away) is None


def test_pedestrians_are_not_on_car_lanes_and_cars_not_on_crossings(net):
    places = placed(net, (ObjectClass.PEDESTRIAN, 1.75, -50.0, 1.4, NORTH), (ObjectClass.CAR, 0.0, -9.5, 8.0, EAST))
    assert element_of(places, 0) is None
    assert places.element[1] < 0 or PATHS.kinds[places.element[1]] != ElementKind.CROSSING


def test_who_entered_at_red_stays_unlawful_and_who_entered_at_green_stays_lawful(net):
    kerb = (ObjectClass.PEDESTRIAN, 3.5 + 1.0, -9.5, 1.4, WEST)
    inside = (ObjectClass.PEDESTRIAN, 2.0, -9.5, 1.4, WEST)
    further = (ObjectClass.PEDESTRIAN, 1.0, -9.5, 1.4, WEST)
    for entered, later, unlawful in ((LAMP_STOP, LAMP_NONE, 1), (LAMP_NONE, LAMP_STOP, 0)):
        places = placed(net, kerb, lamp=entered)
        places = placed(net, inside, before=places, lamp=entered)
        places = placed(net, further, before=places, lamp=later)
        assert places.unlawful[0] == unlawful


def test_a_vehicle_that_just_lost_its_lane_is_unsettled_for_a_second(net):
    before = placed(net, (ObjectClass.CAR, 1.75, -50.0, 10.0, NORTH))
    lost = (ObjectClass.CAR, 1.75, -49.0, 10.0, EAST)
    for after_ms, role in ((100, UserRole.UNSETTLED), (900, UserRole.UNSETTLED), (1100, UserRole.MOTOR)):
        time_ns = TIME_NS + after_ms * 1_000_000
        places = placed(net, lost, before=before, time_ns=time_ns)
        assert places.role[0] == role


def test_nobody_starts_faster_than_a_car_can(net):
    before = placed(net, (ObjectClass.CAR, 1.75, -50.0, 0.0, NORTH))
    jump = (ObjectClass.CAR, 1.75, -50.0, 5.0, NORTH)
    assert placed(net, jump, before=before, time_ns=TIME_NS + 100_000_000).moving[0] == 0
    assert placed(net, jump, before=before, time_ns=TIME_NS + 900_000_000).moving[0] == 1
    assert placed(net, jump).moving[0] == 1
