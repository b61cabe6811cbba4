"""Connected vehicles: some of the motor traffic says where it believes to be, as a single-frequency receiver would.

Rules:
* Whether a vehicle is connected follows from the seed and its number alone.
* A receiver's position error is a Gauss-Markov process per axis (1.5 m, 60 s) with 0.2 m of white noise on top.
* Every vehicle samples at 10 Hz at a phase of its own.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from positioning.frames import LocalFrame
from positioning.samples import DETECTION_COLUMNS, Detection, ObjectClass, Role
from v2x.sim.randomness import generator
from v2x.sim.scenario import STEP_S
from v2x.sim.truth import Motion, Truth

CONNECTED_CLASSES = frozenset({ObjectClass.CAR, ObjectClass.BUS, ObjectClass.TRUCK, ObjectClass.VAN, ObjectClass.MOTORCYCLE})
BRAKES_MPS2 = -0.8  # harder than engine drag shows the brake lights


@dataclass(frozen=True, slots=True)
class ReceiverConfig:
    share: float = 0.3
    correlated_sigma_m: float = 1.5
    correlation_s: float = 60.0
    white_sigma_m: float = 0.2
    speed_sigma_mps: float = 0.1
    heading_sigma_rad: float = math.radians(1.0)
    yaw_rate_sigma_radps: float = math.radians(0.3)
    acceleration_sigma_mps2: float = 0.1


@dataclass(slots=True)
class _Receiver:
    temporary_id: str
    phase_s: float
    noise: np.random.Generator
    error_m: NDArray[np.float64]
    sequence: int


@dataclass(frozen=True, slots=True, eq=False)
class OwnSample:
    """One vehicle's own sample; row: float64 (DETECTION_COLUMNS,)."""

    number: int
    temporary_id: str
    sequence: int
    time_s: float
    object_class: ObjectClass
    role: Role
    row: NDArray[np.float64]
    brake_applied: bool


class ConnectedVehicles:
    def __init__(self, frame: LocalFrame, config: ReceiverConfig, seed: int) -> None:
        self._frame = frame
        self._config = config
        self._seed = seed
        self._receivers: dict[int, _Receiver | None] = {}  # None = not connected

    def sample(self, before: Truth, after: Truth) -> list[OwnSample]:
        """Every connected vehicle's sample within (before, after]; vehicles present at both."""
        common, first, second = np.intersect1d(before.ids, after.ids, assume_unique=True, return_indices=True)
        self._forget(after)
        chosen = [(number, receiver, i, j) for number, i, j in zip(common.tolist(), first.tolist(), second.tolist(), strict=True)
                  if (receiver := self._receiver(number, ObjectClass(after.classes[j]))) is not None]  # fmt: skip
        if not chosen:
            return []
        phases_s = np.array([receiver.phase_s for _, receiver, _, _ in chosen])
        fractions = (phases_s / STEP_S)[:, None]
        start, end = before.motion[[item[2] for item in chosen]], after.motion[[item[3] for item in chosen]]
        motion = np.where(fractions < 0.5, start, end)  # angles and flags from the nearer step; what moves, linearly
        motion[:, : Motion.SPEED_MPS + 1] = (start + fractions * (end - start))[:, : Motion.SPEED_MPS + 1]
        errors = np.array([self._drift(receiver) for _, receiver, _, _ in chosen])
        rows = self._rows(motion, after.sizes_m[[item[3] for item in chosen]], errors)
        return [self._sample(number, receiver, before.time_s, after.classes[j], motion[index], rows[index])
                for index, (number, receiver, _, j) in enumerate(chosen)]  # fmt: skip

    def temporary_ids(self) -> dict[int, str]:
        """Of the connected vehicles present: truth id -> temporary id."""
        return {number: receiver.temporary_id for number, receiver in self._receivers.items() if receiver is not None}

    def _forget(self, truth: Truth) -> None:
        present = set(truth.ids.tolist())
        for number in [number for number in self._receivers if number not in present]:
            del self._receivers[number]

    def _receiver(self, number: int, object_class: ObjectClass) -> _Receiver | None:
        if number not in self._receivers:
            noise = generator(self._seed, "vehicle", number)
            connected = noise.random() < self._config.share and object_class in CONNECTED_CLASSES
            self._receivers[number] = self._equipped(noise) if connected else None
        return self._receivers[number]

    def _equipped(self, noise: np.random.Generator) -> _Receiver:
        temporary_id = f"veh-{noise.integers(1 << 32):08x}"
        phase_s = STEP_S * (1.0 - noise.random())  # in (0, STEP_S], as the interval is open at its start
        error_m = self._config.correlated_sigma_m * noise.standard_normal(2)
        return _Receiver(temporary_id, phase_s, noise, error_m, int(noise.integers(1 << 16)))

    def _drift(self, receiver: _Receiver) -> NDArray[np.float64]:
        """Nine normal draws: the error east and north (m), then speed, heading, yaw rate, acceleration (in their sigmas)."""
        config = self._config
        kept = math.exp(-STEP_S / config.correlation_s)
        fresh = config.correlated_sigma_m * math.sqrt(1.0 - kept * kept)
        draws = receiver.noise.standard_normal(8)
        receiver.error_m = kept * receiver.error_m + fresh * draws[:2]
        draws[2:4] = receiver.error_m + config.white_sigma_m * draws[2:4]
        receiver.sequence = (receiver.sequence + 1) & 0xFFFFFFFF
        return draws[2:]

    def _rows(self, motion: NDArray[np.float64], sizes_m: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
        config = self._config
        rows = np.full((len(motion), DETECTION_COLUMNS), np.nan)
        east, north = (motion[:, :2] + errors[:, :2]).T.copy()
        rows[:, Detection.LATITUDE_RAD], rows[:, Detection.LONGITUDE_RAD] = self._frame.geodetic_from_enu(east, north)
        rows[:, Detection.SPEED_MPS] = np.abs(motion[:, Motion.SPEED_MPS] + config.speed_sigma_mps * errors[:, 2])
        heading = motion[:, Motion.HEADING_RAD] + config.heading_sigma_rad * errors[:, 3]
        rows[:, Detection.HEADING_RAD] = np.mod(heading, 2.0 * math.pi)
        rows[:, Detection.YAW_RATE_RADPS] = motion[:, Motion.YAW_RATE_RADPS] + config.yaw_rate_sigma_radps * errors[:, 4]
        rows[:, Detection.ACCELERATION_MPS2] = motion[:, Motion.ACCELERATION_MPS2] + config.acceleration_sigma_mps2 * errors[:, 5]
        rows[:, Detection.LENGTH_M : Detection.HEIGHT_M + 1] = sizes_m
        rows[:, Detection.POSITION_SIGMA_M] = math.hypot(config.correlated_sigma_m, config.white_sigma_m)
        return rows

    def _sample(self, number: int, receiver: _Receiver, start_s: float, object_class: int, motion: NDArray[np.float64],
                row: NDArray[np.float64]) -> OwnSample:  # fmt: skip
        role = Role.BUS if object_class == ObjectClass.BUS else Role.PRIVATE
        braking = bool(motion[Motion.ACCELERATION_MPS2] < BRAKES_MPS2)
        return OwnSample(number, receiver.temporary_id, receiver.sequence, start_s + receiver.phase_s, ObjectClass(object_class), role,
                         row, braking)  # fmt: skip
