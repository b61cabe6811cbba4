"""Connected vehicles on scripted ways: their own samples and ranges, beside the roadside frames of `tests.scenes`."""

import math
from dataclasses import dataclass

import numpy as np

from intersections.decisions import CorrectedPositions, TrackReport
from intersections.step import Intersection, step
from positioning.samples import DETECTION_COLUMNS, Anchor, Detection, FixStatus, MotionSample, ObjectClass, RangeSample, Role
from tests.scenes import PERIOD_NS, START_NS, Noise, Outcome, four_arms, frame

RANGED_AT = ((80.0, 60.0), (-70.0, 90.0), (-60.0, -80.0), (90.0, -70.0))


@dataclass
class Receiver:
    """What a vehicle's receiver and wheels make of where it is."""

    east_m: float = 0.0  # constant error
    north_m: float = 0.0
    status: FixStatus = FixStatus.SINGLE
    satellites: int | None = 14
    scale: float = 1.0  # of the odometer
    frozen_mps: float | None = None


def crossing(anchors=()):
    return Intersection(four_arms(), anchors=anchors)


def anchors_of(frame):
    latitude, longitude = frame.geodetic_from_enu(*np.array(RANGED_AT).T)
    return tuple(Anchor(f"gnb-{number}", lat, lon, 10.0) for number, (lat, lon) in enumerate(zip(latitude, longitude, strict=True)))


def own_sample(intersection, user, time_s, number, receiver, vehicle="car"):
    east, north = user.place()
    row = np.full(DETECTION_COLUMNS, np.nan)
    if receiver.status is not FixStatus.NONE:
        places = intersection.frame.geodetic_from_enu([east + receiver.east_m], [north + receiver.north_m])
        row[:2] = [float(values[0]) for values in places]
    row[Detection.SPEED_MPS] = receiver.scale * user.at(time_s) if receiver.frozen_mps is None else receiver.frozen_mps
    row[Detection.HEADING_RAD], row[Detection.YAW_RATE_RADPS] = user.heading_rad, 0.0
    row[Detection.POSITION_SIGMA_M], row[Detection.EXISTENCE], row[Detection.OBJECT_CLASS] = 1.5, 1.0, ObjectClass.CAR
    now_ns = START_NS + number * PERIOD_NS
    identity = vehicle, intersection.id, number, now_ns, now_ns, ObjectClass.CAR, Role.PRIVATE
    return MotionSample(*identity, receiver.status, row, satellites=receiver.satellites)


def ranges(intersection, user, number, vehicle="car", names=None):
    east, north = user.place()
    distances = [math.hypot(east - place[0], north - place[1], 8.5) for place in RANGED_AT]
    names = names or tuple(f"gnb-{index}" for index in range(len(RANGED_AT)))
    now_ns = START_NS + number * PERIOD_NS
    values = np.array(distances[: len(names)]), np.full(len(names), np.nan)
    return RangeSample(vehicle, intersection.id, number, now_ns, now_ns, names, *values)


def drive(intersection, user, duration_s, receiver, *, start=0, seen=lambda _time_s: True, more=lambda _time_s, _number: ()):
    """10 Hz of one connected vehicle, seen by a station where `seen`; `more` samples beside. -> everything decided."""
    random, outcome = np.random.default_rng(1), Outcome()
    for number in range(start, start + round(duration_s * 10)):
        time_s, now_ns = number * 0.1, START_NS + number * PERIOD_NS
        users = [user] if seen(time_s) else []
        samples = [frame(intersection, users, time_s, now_ns, number, Noise(0.2, 0.02, 0.2), random)]
        samples += [own_sample(intersection, user, time_s, number, receiver), *more(time_s, number)]
        decided, _ = step(intersection, samples, now_ns)
        outcome.decisions += [(time_s, decision) for decision in decided]
        user.advance(time_s)
    return outcome


def answers(outcome, vehicle="car"):
    """(time_s, motion, level_m, alert, sources) of every corrected position."""
    found = []
    for time_s, decision in outcome.decisions:
        if isinstance(decision, CorrectedPositions) and vehicle in decision.vehicles:
            row = decision.vehicles.index(vehicle)
            worth = float(decision.level_m[row]), bool(decision.alert[row]), int(decision.sources[row])
            found.append((time_s, decision.motion[row], *worth))
    return found


def shown(outcome, vehicle="car"):
    """(time_s, track, east_m, north_m, fused) of every report that shows the vehicle."""
    reports = [(time_s, decision) for time_s, decision in outcome.decisions if isinstance(decision, TrackReport)]
    return [
        (time_s, track, *report.motion[report.ids == track, :2][0], track in report.levels_m)
        for time_s, report in reports
        for track, name in report.vehicles.items()
        if name == vehicle
    ]
