"""Connected vehicles: some of the motor traffic says where it believes to be and how it moves, and measures ranges to base stations.

Rules:
* Whether a vehicle is connected follows from the seed and its number alone.
* Its position is the centre of its footprint, as all positions on the wire: where the antennas sit on the roof is its own to subtract.
* GNSS is a receiver's in a city (`receiver`), 5G is simulated (`cellular`); wheel and gyro err by a constant of the vehicle and by noise.
* Every vehicle samples at 10 Hz at a phase of its own; every second sample comes with ranges, the first does not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from positioning.frames import LocalFrame
from positioning.samples import DETECTION_COLUMNS, Detection, FixStatus, ObjectClass, Role
from v2x.sim.cellular import CellularNetwork, Range
from v2x.sim.randomness import generator
from v2x.sim.receiver import Fix, UrbanReceiver
from v2x.sim.scenario import STEP_S
from v2x.sim.truth import Motion, Truth

CONNECTED_CLASSES = frozenset({ObjectClass.CAR, ObjectClass.BUS, ObjectClass.TRUCK, ObjectClass.VAN, ObjectClass.MOTORCYCLE})
BRAKES_MPS2 = -0.8  # harder than engine drag shows the brake lights
RANGES_EVERY = 2  # samples
WAKES_STEPS = 10  # SUMO sets vehicles down anywhere; after `inertia`'s window they no longer turn by 300 degrees/s


@dataclass(frozen=True, slots=True)
class VehicleConfig:
    """What a series-production car carries; one standard deviation each."""

    share: float = 0.3  # of the motor traffic that is connected
    wheel_scale: float = 0.005  # constant: tyre wear, pressure, load
    wheel_sigma_mps: float = 0.03
    gyro_bias_radps: float = math.radians(0.05)  # constant: what is left when the car calibrates while it stands
    gyro_sigma_radps: float = math.radians(0.1)
    heading_sigma_rad: float = math.radians(1.0)
    acceleration_sigma_mps2: float = 0.1


@dataclass(slots=True)
class _Vehicle:
    temporary_id: str
    phase_s: float
    sequence: int
    receiver: UrbanReceiver
    wheel_scale: float
    gyro_bias_radps: float
    motion_noise: np.random.Generator
    range_noise: np.random.Generator
    speed_mps: float = 0.0  # over the latest step
    steps: int = 0
    samples: int = 0

    def speaks(self, fix: Fix) -> bool:
        """Not before it moves as a vehicle does, and not before its receiver's first position. Asked once a step."""
        self.steps += 1
        return self.samples > 0 or (self.steps > WAKES_STEPS and fix.status is not FixStatus.NONE)


@dataclass(frozen=True, slots=True, eq=False)
class OwnSample:
    """One vehicle's own sample. row: float64 (DETECTION_COLUMNS,), without a position where the fix has none."""

    number: int
    temporary_id: str
    sequence: int
    time_s: float
    object_class: ObjectClass
    role: Role
    row: NDArray[np.float64]
    brake_applied: bool
    fix: Fix
    height_m: float  # of the fix, above the ellipsoid
    place_m: NDArray[np.float64]  # east, north: where it really is
    ranges: list[Range]


class ConnectedVehicles:
    """Without a network nobody measures ranges."""

    def __init__(self, frame: LocalFrame, config: VehicleConfig, seed: int, network: CellularNetwork | None = None) -> None:
        self._frame = frame
        self._config = config
        self._seed = seed
        self._network = network
        self._vehicles: dict[int, _Vehicle | None] = {}  # None = not connected

    def sample(self, before: Truth, after: Truth) -> list[OwnSample]:
        """The samples within (before, after] of all connected vehicles that are present at both and have something to say."""
        common, first, second = np.intersect1d(before.ids, after.ids, assume_unique=True, return_indices=True)
        self._forget(after)
        connected = [
            (number, vehicle, i, j)
            for number, i, j in zip(common.tolist(), first.tolist(), second.tolist(), strict=True)
            if (vehicle := self._vehicle(number, ObjectClass(after.classes[j]))) is not None
        ]
        if not connected:
            return []
        _, vehicles, starts, ends = zip(*connected, strict=True)
        motion = _motion_within(before.motion[list(starts)], after.motion[list(ends)], vehicles)
        fixes = [vehicle.receiver.fix() for vehicle in vehicles]
        rows = self._rows(motion, after.sizes_m[list(ends)], fixes, vehicles)
        return [
            self._sample(number, vehicle, before.time_s, after.classes[j], motion[index], rows[index], fixes[index])
            for index, (number, vehicle, _, j) in enumerate(connected)
            if vehicle.speaks(fixes[index])
        ]

    def _forget(self, truth: Truth) -> None:
        present = set(truth.ids.tolist())
        for number in [number for number in self._vehicles if number not in present]:
            del self._vehicles[number]

    def _vehicle(self, number: int, object_class: ObjectClass) -> _Vehicle | None:
        if number not in self._vehicles:
            chance = generator(self._seed, "vehicle", number)
            connected = chance.random() < self._config.share and object_class in CONNECTED_CLASSES
            self._vehicles[number] = self._equipped(number, chance) if connected else None
        return self._vehicles[number]

    def _equipped(self, number: int, chance: np.random.Generator) -> _Vehicle:
        motion_noise = generator(self._seed, "wheel and gyro", number)
        return _Vehicle(
            temporary_id=f"veh-{chance.integers(1 << 32):08x}",
            phase_s=STEP_S * (1.0 - chance.random()),  # in (0, STEP_S], as the interval is open at its start
            sequence=int(chance.integers(1 << 16)),
            receiver=UrbanReceiver(generator(self._seed, "gnss", number), STEP_S),
            wheel_scale=1.0 + self._config.wheel_scale * motion_noise.standard_normal(),
            gyro_bias_radps=self._config.gyro_bias_radps * motion_noise.standard_normal(),
            motion_noise=motion_noise,
            range_noise=generator(self._seed, "gnb noise", number),
        )

    def _rows(
        self, motion: NDArray[np.float64], sizes_m: NDArray[np.float64], fixes: Sequence[Fix], vehicles: Sequence[_Vehicle]
    ) -> NDArray[np.float64]:
        config = self._config
        draws = np.array([vehicle.motion_noise.standard_normal(4) for vehicle in vehicles])
        constants = np.array([(vehicle.wheel_scale, vehicle.gyro_bias_radps) for vehicle in vehicles])
        rows = np.full((len(motion), DETECTION_COLUMNS), np.nan)
        east, north = (motion[:, :2] + np.array([fix.error_m[:2] for fix in fixes])).T.copy()
        rows[:, Detection.LATITUDE_RAD], rows[:, Detection.LONGITUDE_RAD] = self._frame.geodetic_from_enu(east, north)
        wheel_mps = constants[:, 0] * motion[:, Motion.SPEED_MPS] + config.wheel_sigma_mps * draws[:, 0]
        rows[:, Detection.SPEED_MPS] = np.maximum(wheel_mps, 0.0)
        heading = motion[:, Motion.HEADING_RAD] + config.heading_sigma_rad * draws[:, 1]
        rows[:, Detection.HEADING_RAD] = np.mod(heading, 2.0 * math.pi)
        rows[:, Detection.YAW_RATE_RADPS] = motion[:, Motion.YAW_RATE_RADPS] + constants[:, 1] + config.gyro_sigma_radps * draws[:, 2]
        rows[:, Detection.ACCELERATION_MPS2] = motion[:, Motion.ACCELERATION_MPS2] + config.acceleration_sigma_mps2 * draws[:, 3]
        rows[:, Detection.LENGTH_M : Detection.HEIGHT_M + 1] = sizes_m
        rows[:, Detection.POSITION_SIGMA_M] = [fix.claimed_sigma_m for fix in fixes]
        return rows

    def _sample(self, number: int, vehicle: _Vehicle, start_s: float, object_class: int, motion: NDArray[np.float64],
                row: NDArray[np.float64], fix: Fix) -> OwnSample:  # fmt: skip
        vehicle.samples += 1
        vehicle.sequence = (vehicle.sequence + 1) & 0xFFFFFFFF
        role = Role.BUS if object_class == ObjectClass.BUS else Role.PRIVATE
        braking = bool(motion[Motion.ACCELERATION_MPS2] < BRAKES_MPS2)
        place_m = motion[:2].copy()
        ranges = self._network.ranges(place_m, vehicle.range_noise) if self._network and vehicle.samples % RANGES_EVERY == 0 else []
        return OwnSample(number, vehicle.temporary_id, vehicle.sequence, start_s + vehicle.phase_s, ObjectClass(object_class), role,
                         row, braking, fix, self._frame.height_m + fix.error_m[2], place_m, ranges)  # fmt: skip


def _motion_within(start: NDArray[np.float64], end: NDArray[np.float64], vehicles: Sequence[_Vehicle]) -> NDArray[np.float64]:
    """(n, 6) within a step, each vehicle at its phase; called once a step.

    Positions are linear in a step. A wheel measures the way of the vehicle's centre (SUMO's speed is the front bumper's) at its own time:
    the mean over half a step to either side, so that its speeds integrate to the way. A gyro's rate is the mean over the last period.
    """
    fractions = np.array([vehicle.phase_s for vehicle in vehicles]) / STEP_S
    share = fractions[:, None]
    motion = np.where(share < 0.5, start, end)  # angles and acceleration from the nearer step
    for columns in ([Motion.EAST_M, Motion.NORTH_M], [Motion.YAW_RATE_RADPS]):
        motion[:, columns] = (start + share * (end - start))[:, columns]
    speeds = np.hypot(*(end[:, :2] - start[:, :2]).T) / STEP_S
    earlier = np.array([vehicle.speed_mps for vehicle in vehicles])
    motion[:, Motion.SPEED_MPS] = np.maximum(earlier + (fractions + 0.5) * (speeds - earlier), 0.0)
    for vehicle, speed_mps in zip(vehicles, speeds.tolist(), strict=True):
        vehicle.speed_mps = speed_mps
    return motion
