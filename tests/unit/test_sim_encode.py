"""What the simulated equipment writes, read back by the road: within half a unit of every field."""

import math

import numpy as np
import pytest

from intersections.samples import PhaseState
from positioning.frames import LocalFrame
from positioning.samples import Detection, ObjectClass, Role
from v2x import wire
from v2x.arrivals import ArrivalKind
from v2x.sim import encode
from v2x.sim.lamps import group_states
from v2x.sim.sensors import RoadsideSensor, SensorConfig
from v2x.sim.truth import Truth
from v2x.sim.vehicles import ConnectedVehicles, ReceiverConfig
from v2x.v1 import vehicle_pb2

FRAME = LocalFrame(math.radians(52.2755), math.radians(10.5356))
NOW_NS = 1_767_225_600_000_000_000


def truth(time_s=0.0):
    motion = np.array([[10.0, 20.0, 13.9, 6.28, 0.1, -1.0], [-30.0, 5.0, 0.0, 0.0, 0.0, 0.0]])
    classes = np.array([ObjectClass.CAR, ObjectClass.BUS], np.uint8)
    return Truth(time_s, np.array([1, 2]), classes, motion, np.array([[5, 1.8, 1.5], [12, 2.5, 3.4]]))


def test_a_frame_survives_its_own_resolution():
    seen = RoadsideSensor("rsu-a", 0.0, 0.0, FRAME, SensorConfig(false_births=5.0), 1).observe(truth())
    payload = encode.rsu_frame("rsu-a", "38", 7, NOW_NS, seen)
    frame = wire.arrival(ArrivalKind.RSU_FRAME, "rsu-a", "38", NOW_NS, NOW_NS + 1, payload).sample
    assert (frame.station, frame.intersection, frame.sequence) == ("rsu-a", "38", 7)
    half = {
        Detection.LOCAL_ID: 0.0,
        Detection.OBJECT_CLASS: 0.0,
        Detection.LATITUDE_RAD: 1e-9,
        Detection.LONGITUDE_RAD: 1e-9,
        Detection.SPEED_MPS: 0.0101,
        Detection.HEADING_RAD: 1.1e-4,
        Detection.LENGTH_M: 0.0051,
        Detection.WIDTH_M: 0.0051,
        Detection.POSITION_SIGMA_M: 0.0051,
        Detection.EXISTENCE: 0.0051,
    }
    for column, tolerance in half.items():
        assert frame.rows[:, column] == pytest.approx(seen.rows[:, column], abs=tolerance), column
    assert np.isnan(frame.rows[:, Detection.YAW_RATE_RADPS]).all()


def test_a_vehicle_sample_survives_alone_and_in_its_uplink():
    sample = ConnectedVehicles(FRAME, ReceiverConfig(share=1.0), 1).sample(truth(0.0), truth(0.1))[0]
    payload = encode.vehicle_sample(sample, NOW_NS)
    assert vehicle_pb2.VehicleUplink.FromString(encode.uplink(payload)).sample.SerializeToString() == payload
    assert vehicle_pb2.VehicleUplink.FromString(encode.uplink(payload + payload * 2)).sample.temporary_id == sample.temporary_id
    motion = wire.arrival(ArrivalKind.VEHICLE_SAMPLE, sample.temporary_id, "38", NOW_NS, NOW_NS + 1, payload).sample
    assert (motion.vehicle, motion.object_class, motion.role, motion.brake_applied) == (
        sample.temporary_id,
        ObjectClass.CAR,
        Role.PRIVATE,
        True,
    )
    assert motion.row[Detection.SPEED_MPS] == pytest.approx(sample.row[Detection.SPEED_MPS], abs=0.0101)
    assert motion.row[Detection.ACCELERATION_MPS2] == pytest.approx(sample.row[Detection.ACCELERATION_MPS2], abs=0.0051)


def test_lamps_of_every_letter():
    letters = "ruGgysoO?"
    states = dict(group_states(letters, {f"g{index}": (index,) for index in range(len(letters))}))
    payload = encode.signal_state("38", 1, NOW_NS, list(states.items()))
    sample = wire.arrival(ArrivalKind.SIGNAL_STATE, "signal 38", "38", NOW_NS, NOW_NS + 1, payload).sample
    assert dict(sample.groups) == states
    assert states["g0"] is PhaseState.STOP_AND_REMAIN
    assert states["g2"] is PhaseState.PROTECTED_MOVEMENT_ALLOWED
    assert states["g8"] is PhaseState.UNKNOWN
