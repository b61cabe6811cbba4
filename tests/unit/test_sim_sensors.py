"""The sensor and vehicle models against the figures they promise."""

import math

import numpy as np
import pytest

from positioning.frames import LocalFrame
from positioning.samples import Detection, ObjectClass
from v2x.sim.cellular import CellularNetwork, base_stations
from v2x.sim.sensors import NOISELESS, RoadsideSensor, SensorConfig
from v2x.sim.truth import Truth, between
from v2x.sim.vehicles import WAKES_STEPS, ConnectedVehicles, VehicleConfig

FRAME = LocalFrame(math.radians(52.2755), math.radians(10.5356))
HEADING = math.radians(359.9)


def truth(time_s, east_north, heading_rad=HEADING, speed_mps=10.0, classes=ObjectClass.CAR, first_id=1):
    east_north = np.array(east_north, dtype=float).reshape(-1, 2)
    count = len(east_north)
    motion = np.zeros((count, 6))
    motion[:, :2], motion[:, 2], motion[:, 3] = east_north, speed_mps, heading_rad
    sizes_m = np.tile([4.0, 1.8, 1.5], (count, 1))
    return Truth(time_s, np.arange(first_id, first_id + count), np.full(count, classes, np.uint8), motion, sizes_m)


def ring(count=72, radius_m=50.0):
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return radius_m * np.column_stack([np.sin(angles), np.cos(angles)])


def places(rows):
    return FRAME.enu_from_geodetic(rows[:, Detection.LATITUDE_RAD], rows[:, Detection.LONGITUDE_RAD])


def test_noiseless_sensor_reports_the_truth():
    scene = truth(0.0, ring())
    seen = RoadsideSensor("a", 0.0, 0.0, FRAME, NOISELESS, 1).observe(scene)
    assert seen.truth_ids.tolist() == scene.ids.tolist()
    assert np.allclose(places(seen.rows), scene.motion[:, :2], atol=1e-6)
    assert np.allclose(seen.rows[:, Detection.HEADING_RAD], HEADING)


def test_noise_misses_and_false_objects_have_the_promised_size():
    config = SensorConfig(offset_m=0.0, offset_yaw_rad=0.0)
    sensor, scene, frames = RoadsideSensor("a", 0.0, 0.0, FRAME, config, 5), truth(0.0, ring()), 400
    errors, headings, speeds, false, seen_count = [], [], [], 0, 0
    for _ in range(frames):
        seen = sensor.observe(scene)
        real = seen.truth_ids >= 0
        false += int((~real).sum())
        seen_count += int(real.sum())
        errors.append(places(seen.rows)[real] - scene.motion[seen.truth_ids[real] - 1, :2])
        headings.append((seen.rows[real, Detection.HEADING_RAD] - HEADING + np.pi) % (2 * np.pi) - np.pi)
        speeds.append(seen.rows[real, Detection.SPEED_MPS] - 10.0)
    # 28,800 draws: the standard error of a sigma is 0.4 %, of the 2 % misses 0.08 points; 100 false objects +- 10.
    assert np.std(np.vstack(errors), axis=0) == pytest.approx([0.3, 0.3], rel=0.03)
    assert np.mean(np.vstack(errors), axis=0) == pytest.approx([0.0, 0.0], abs=0.01)
    assert np.std(np.concatenate(headings)) == pytest.approx(math.radians(2.0), rel=0.03)
    assert np.std(np.concatenate(speeds)) == pytest.approx(0.3, rel=0.03)
    assert 1.0 - seen_count / (72 * frames) == pytest.approx(0.02, abs=0.004)
    assert false / frames == pytest.approx(0.2 / 0.8, abs=0.1)


def test_offset_is_constant_and_turns_about_the_mast():
    config = SensorConfig(position_sigma_m=0.0, heading_sigma_rad=0.0, miss_probability=0.0, false_births=0.0)
    sensor = RoadsideSensor("a", 10.0, -20.0, FRAME, config, 2)
    near, far = truth(0.0, [(10.0, -20.0)]), truth(0.0, [(10.0, 80.0)])
    first, second = (places(sensor.observe(scene).rows)[0] - scene.motion[0, :2] for scene in (near, far))
    assert np.hypot(*first) == pytest.approx(0.2, abs=1e-6)
    turned = second - first  # 100 m north of the mast a clockwise error moves the object east
    assert turned == pytest.approx([100.0 * math.sin(sensor.offset_yaw_rad), 100.0 * (math.cos(sensor.offset_yaw_rad) - 1)], abs=1e-6)
    heading = sensor.observe(near).rows[0, Detection.HEADING_RAD]
    assert heading == pytest.approx((HEADING + sensor.offset_yaw_rad) % (2 * math.pi))


def test_same_seed_same_frames_and_another_seed_others():
    scene = truth(0.0, ring())
    first, again, other = (RoadsideSensor("a", 0.0, 0.0, FRAME, SensorConfig(), seed).observe(scene) for seed in (1, 1, 2))
    assert first.rows.tobytes() == again.rows.tobytes()
    assert first.rows.tobytes() != other.rows.tobytes()


def test_local_id_is_kept_while_seen_and_new_after_long_occlusion():
    sensor = RoadsideSensor("a", 0.0, 0.0, FRAME, NOISELESS, 1)
    ids = [int(sensor.observe(truth(time_s, [(20.0, 0.0)])).rows[0, Detection.LOCAL_ID]) for time_s in (0.0, 0.1, 0.5, 3.0)]
    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_out_of_range_is_not_seen():
    assert len(RoadsideSensor("a", 0.0, 0.0, FRAME, NOISELESS, 1).observe(truth(0.0, [(0.0, 131.0)])).rows) == 0


def test_between_turns_the_short_way_through_north_and_drops_teleports():
    before, after = truth(0.0, [(0, 0), (0, 0)], math.radians(359.0)), truth(0.1, [(1, 0), (50, 0)], math.radians(1.0))
    middle = between(before, after, 0.05)
    assert middle.ids.tolist() == [1]
    assert math.degrees(middle.motion[0, 3]) % 360.0 == pytest.approx(0.0, abs=1e-9)
    assert middle.motion[0, 0] == pytest.approx(0.5)


def test_the_promised_share_is_connected():
    vehicles = ConnectedVehicles(FRAME, VehicleConfig(), 3)
    parked = ring(1000, 80.0)
    spoken = set()
    for step in range(300):
        before, after = truth(step * 0.1, parked), truth(step * 0.1 + 0.1, parked)
        samples = vehicles.sample(before, after)
        spoken |= {sample.number for sample in samples}
        assert all(before.time_s < sample.time_s <= after.time_s + 1e-9 for sample in samples)
        assert {sample.number for sample in samples} == spoken  # who has had a fix goes on without
    # 1,000 coins of 0.3: sigma 14.5; after 30 s without a sky of 8 s hardly anybody waits for the first fix.
    assert len(spoken) == pytest.approx(300, abs=60)


def awake(vehicles, scene):
    """After the second in which nobody speaks yet."""
    for step in range(WAKES_STEPS):
        assert vehicles.sample(truth(step * 0.1, scene), truth(step * 0.1 + 0.1, scene)) == []
    return vehicles


def test_a_sample_is_beside_the_truth_by_its_own_fix():
    vehicles = awake(ConnectedVehicles(FRAME, VehicleConfig(share=1.0), 3), ring())
    samples = vehicles.sample(truth(0.0, ring()), truth(0.1, ring()))
    for sample in samples:
        error_m = places(sample.row[None])[0] - sample.place_m
        assert error_m == pytest.approx(sample.fix.error_m[:2], abs=1e-6)
        assert sample.row[Detection.POSITION_SIGMA_M] == sample.fix.claimed_sigma_m
    assert len(samples) > 50


def test_wheel_and_gyro_err_by_a_constant_of_the_vehicle_and_by_noise():
    config = VehicleConfig(share=1.0)
    scene, step_m = ring(400, 100.0), np.array([0.6, 0.8])
    vehicles = awake(ConnectedVehicles(FRAME, config, 3), scene)
    vehicles.sample(truth(0.0, scene - step_m), truth(0.1, scene))  # 10 m/s from here on
    speeds, rates = {}, {}
    for step in range(40):
        for sample in vehicles.sample(truth(step * 0.1, scene + step * step_m), truth(step * 0.1 + 0.1, scene + (step + 1) * step_m)):
            speeds.setdefault(sample.number, []).append(sample.row[Detection.SPEED_MPS])
            rates.setdefault(sample.number, []).append(sample.row[Detection.YAW_RATE_RADPS])
    for kept, constant, sigma in (
        (speeds, 10.0 * config.wheel_scale, config.wheel_sigma_mps),
        (rates, config.gyro_bias_radps, config.gyro_sigma_radps),
    ):
        whole = np.array([values for values in kept.values() if len(values) == 40])
        # 368 of 400 have a fix at once; the noise of 14,000 samples is known to 0.6 %, the constants of 360 vehicles to 4 %.
        assert len(whole) > 320
        assert np.std(whole, axis=1, ddof=1).mean() == pytest.approx(sigma, rel=0.03)
        assert np.std(whole.mean(axis=1)) == pytest.approx(math.hypot(constant, sigma / math.sqrt(40)), rel=0.16)


def test_speeds_integrate_to_the_way():
    """SUMO moves by the speed of the step that ended; a car that brakes from 14 m/s must not be 0.7 m further by its own wheels."""
    speeds = np.concatenate([np.full(15, 14.0), np.arange(14.0, -0.2, -0.2), np.zeros(5)]).clip(0.0)
    way_m = np.cumsum(speeds) * 0.1
    config = VehicleConfig(share=1.0, wheel_scale=0.0, wheel_sigma_mps=0.0)
    for seed in range(5):
        vehicles = ConnectedVehicles(FRAME, config, seed)
        samples = []
        for step in range(1, len(speeds)):
            first, second = (truth(i * 0.1, [(way_m[i], 0.0)], math.pi / 2, speeds[i]) for i in (step - 1, step))
            samples += vehicles.sample(first, second)
        measured = np.array([sample.row[Detection.SPEED_MPS] for sample in samples])
        trapezoid_m = np.sum(measured[1:] + measured[:-1]) / 2.0 * 0.1
        assert trapezoid_m == pytest.approx(samples[-1].place_m[0] - samples[0].place_m[0], abs=0.02)


def test_ranges_come_with_every_second_sample_but_not_with_the_first():
    network = CellularNetwork(base_stations(1), 1)
    vehicles = awake(ConnectedVehicles(FRAME, VehicleConfig(share=1.0), 3, network), ring())
    counts = {}
    for step in range(6):
        for sample in vehicles.sample(truth(step * 0.1, ring()), truth(step * 0.1 + 0.1, ring())):
            counts.setdefault(sample.number, []).append(len(sample.ranges))
    assert {tuple(kept) for kept in counts.values()} <= {(0, 4, 0, 4, 0, 4)[:length] for length in range(1, 7)}


def test_pedestrians_and_bicycles_are_not_connected():
    before, after = (truth(time_s, ring(200), classes=ObjectClass.PEDESTRIAN) for time_s in (0.0, 0.1))
    assert ConnectedVehicles(FRAME, VehicleConfig(share=1.0), 1).sample(before, after) == []
