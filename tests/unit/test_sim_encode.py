"""What the simulated equipment writes, read back by the road: within half a unit of every field."""

import math

import numpy as np
import pytest

from intersections.samples import PhaseState
from positioning.frames import LocalFrame
from positioning.samples import Detection, FixStatus, ObjectClass, Role
from v2x import wire
from v2x.arrivals import ArrivalKind
from v2x.sim import encode
from v2x.sim.cellular import CellularNetwork, base_stations
from v2x.sim.lamps import group_states
from v2x.sim.sensors import RoadsideSensor, SensorConfig
from v2x.sim.truth import Truth
from v2x.sim.vehicles import ConnectedVehicles, VehicleConfig
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


def samples(seed, network=None, seconds=30.0):
    vehicles = ConnectedVehicles(FRAME, VehicleConfig(share=1.0), seed, network)
    steps = np.arange(0.0, seconds, 0.1)
    return [sample for time_s in steps for sample in vehicles.sample(truth(time_s), truth(time_s + 0.1))]


def arrived(kind, sample, payload):
    return wire.arrival(kind, sample.temporary_id, "38", NOW_NS, NOW_NS + 1, payload).sample


def test_a_vehicle_sample_survives_alone_and_in_its_uplink():
    sample = samples(1)[0]
    payload = encode.vehicle_sample(sample, NOW_NS)
    assert vehicle_pb2.VehicleUplink.FromString(encode.uplink(payload)).sample.SerializeToString() == payload
    assert vehicle_pb2.VehicleUplink.FromString(encode.uplink(payload + payload * 2)).sample.temporary_id == sample.temporary_id
    motion = arrived(ArrivalKind.VEHICLE_SAMPLE, sample, payload)
    assert (motion.vehicle, motion.object_class, motion.role, motion.brake_applied) == (
        sample.temporary_id,
        ObjectClass.CAR,
        Role.PRIVATE,
        True,
    )
    assert motion.row[Detection.SPEED_MPS] == pytest.approx(sample.row[Detection.SPEED_MPS], abs=0.0101)
    assert motion.row[Detection.ACCELERATION_MPS2] == pytest.approx(sample.row[Detection.ACCELERATION_MPS2], abs=0.0051)
    assert motion.row[Detection.YAW_RATE_RADPS] == pytest.approx(sample.row[Detection.YAW_RATE_RADPS], abs=math.radians(0.0051))


def test_fixes_of_every_status_survive():
    seen = set()
    for sample in (sample for seed in range(6) for sample in samples(seed)):
        fix = sample.fix
        motion = arrived(ArrivalKind.VEHICLE_SAMPLE, sample, encode.vehicle_sample(sample, NOW_NS))
        assert (motion.fix_status, motion.satellites) == (fix.status, fix.satellites)
        assert motion.row[:2] == pytest.approx(sample.row[:2], abs=1e-9, nan_ok=True)
        assert motion.row[Detection.POSITION_SIGMA_M] == pytest.approx(fix.claimed_sigma_m, nan_ok=True)
        assert motion.correction_age_s == pytest.approx(fix.correction_age_s, abs=0.0501, nan_ok=True)
        assert motion.altitude_m == pytest.approx(sample.height_m, abs=0.0501, nan_ok=True)
        seen.add(fix.status)
    assert seen == {FixStatus.NONE, FixStatus.SINGLE, FixStatus.DIFFERENTIAL, FixStatus.RTK_FLOAT, FixStatus.RTK_FIXED}


def test_ranges_survive_alone_and_in_their_uplink():
    network = CellularNetwork(base_stations(1), 1)
    sample = next(sample for sample in samples(1, network) if sample.ranges)
    payload = encode.range_measurements(sample, NOW_NS)
    assert vehicle_pb2.VehicleUplink.FromString(encode.uplink(payload, 2)).ranges.SerializeToString() == payload
    ranges = arrived(ArrivalKind.RANGES, sample, payload)
    assert (ranges.vehicle, ranges.sequence) == (sample.temporary_id, sample.sequence)
    assert list(ranges.anchors) == [one.station for one in sample.ranges]
    assert ranges.range_m == pytest.approx([one.range_m for one in sample.ranges], abs=0.00051)


def test_positions_are_asked_for_in_tenths_of_a_hertz():
    assert vehicle_pb2.VehicleUplink.FromString(encode.position_request(10.0)).request.position_rate_dhz == 100


def test_lamps_of_every_letter():
    letters = "ruGgysoO?"
    states = dict(group_states(letters, {f"g{index}": (index,) for index in range(len(letters))}))
    payload = encode.signal_state("38", 1, NOW_NS, list(states.items()))
    sample = wire.arrival(ArrivalKind.SIGNAL_STATE, "signal 38", "38", NOW_NS, NOW_NS + 1, payload).sample
    assert dict(sample.groups) == states
    assert states["g0"] is PhaseState.STOP_AND_REMAIN
    assert states["g2"] is PhaseState.PROTECTED_MOVEMENT_ALLOWED
    assert states["g8"] is PhaseState.UNKNOWN
