"""A recorded forward collision warning that was none (NYC connected vehicle pilot): the target's speed field is frozen.

Both vehicles drive at 22 m/s, the host 35 m behind. The target reports 5.68 m/s all the time, so a rule that believes it sees the
host close with 16 m/s. Positions tell the truth; the frozen speed is a sensor's fault and has to be said.
"""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from intersections.decisions import SensorFault, WarningKind
from intersections.map import IntersectionMap, Lane, LaneKind, Origin
from intersections.step import Intersection, step
from positioning.samples import DETECTION_COLUMNS, Detection, FixStatus, MotionSample, ObjectClass, Role
from tests.scenes import START_NS, Outcome

HOST, TARGET = "C7D30386", "A305214A"
RECORDED_FROM_S = -7.0
NEW_YORK = Origin(math.radians(40.73), math.radians(-73.87))  # the place is obfuscated: anywhere in Queens will do


@pytest.fixture(scope="module")
def messages():
    """(seconds, vehicle, sequence, core of the BSM), in order."""
    root = Path(os.environ.get("V2X_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))
    path = root / "nycdot_cv_events" / "nycdot-fcw-event.json"
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing; set V2X_DATA")
        pytest.skip(f"{path} is missing; set V2X_DATA to the folder of the shared data sets")
    records = [(one["eventMsgSeqNum"], one["bsmRecord"]["bsmMsg"]["coreData"]) for one in json.loads(path.read_text())["bsmList"]]
    return sorted(((core["T_s"], core["id"], sequence, core) for sequence, core in records), key=lambda message: message[:3])


def road(messages):
    """No map comes with the record; a lane far away makes one, so that both vehicles are free and only their motion counts."""
    lane = Lane("far", LaneKind.DRIVING, np.array([[900.0, -900.0], [900.0, -800.0]]), 3.5, 25.0, allows_vehicles=True)
    return Intersection(IntersectionMap("queens", NEW_YORK, (lane,), ()))


def sample(intersection, time_s, sequence, core):
    now_ns = START_NS + round((time_s - RECORDED_FROM_S) * 1e9)
    row = np.full(DETECTION_COLUMNS, np.nan)
    latitude, longitude = intersection.frame.geodetic_from_enu([core["X_m"]], [core["Y_m"]])
    row[Detection.LATITUDE_RAD], row[Detection.LONGITUDE_RAD] = latitude[0], longitude[0]
    row[Detection.SPEED_MPS], row[Detection.HEADING_RAD] = core["speed_mps"], math.radians(core["heading_deg"])
    row[Detection.ACCELERATION_MPS2] = core["accelSet"]["long_mpss"]
    row[Detection.LENGTH_M], row[Detection.WIDTH_M] = core["size"]["length"] / 100, core["size"]["width"] / 100
    row[Detection.OBJECT_CLASS] = ObjectClass.TRUCK
    return MotionSample(core["id"], intersection.id, sequence, now_ns, now_ns, ObjectClass.TRUCK, Role.UNKNOWN, FixStatus.SINGLE, row)


def replayed(messages, truthful=False):
    intersection, outcome = road(messages), Outcome()
    for time_s, _, sequence, core in messages:
        believed = {**core, "speed_mps": 22.3} if truthful and core["id"] == TARGET else core
        one = sample(intersection, time_s, sequence, believed)
        decided, _ = step(intersection, [one], one.received_ns)
        outcome.decisions += [(time_s, decision) for decision in decided]
    return outcome


def test_no_forward_collision_is_warned_of(messages):
    assert replayed(messages).raised(WarningKind.FCW) == []


def test_the_frozen_speed_is_reported_as_the_targets_fault(messages):
    faults = [fault for _, fault in replayed(messages).decisions if isinstance(fault, SensorFault) and not fault.cleared]
    assert {(fault.source, fault.quantity) for fault in faults} == {(TARGET, "speed")}


def test_a_truthful_target_is_not_blamed(messages):
    assert [fault for _, fault in replayed(messages, truthful=True).decisions if isinstance(fault, SensorFault)] == []
