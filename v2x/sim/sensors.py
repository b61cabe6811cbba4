"""A roadside station as its sensors are: noisy, slightly misplaced, blind behind lorries, sometimes seeing what is not there.

Rules:
* Noise, misses and false objects are drawn independently per object and frame; the station's offset is drawn once and never told.
* Errors grow from the pose: the yaw error turns every position about the mast, so far objects are further off than near ones.
* False objects: Poisson with 0.2 new ones a frame anywhere in range, each seen again in the next frame with probability 0.2.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from positioning.frames import LocalFrame
from positioning.samples import DETECTION_COLUMNS, Detection, ObjectClass
from v2x.sim.occlusion import visible
from v2x.sim.randomness import generator
from v2x.sim.truth import Motion, Truth

HIDING_CLASSES = (ObjectClass.CAR, ObjectClass.BUS, ObjectClass.TRUCK, ObjectClass.VAN, ObjectClass.TRAM, ObjectClass.UNKNOWN)
FALSE_CLASSES = (ObjectClass.CAR, ObjectClass.BICYCLE, ObjectClass.PEDESTRIAN)
LOCAL_IDS = 65536


@dataclass(frozen=True, slots=True)
class SensorConfig:
    """The error model of issue 2; sigmas are per axis."""

    range_m: float = 130.0
    mast_height_m: float = 6.0
    position_sigma_m: float = 0.3
    heading_sigma_rad: float = math.radians(2.0)
    speed_sigma_mps: float = 0.3
    size_sigma_m: float = 0.15
    offset_m: float = 0.2  # constant, direction unknown
    offset_yaw_rad: float = math.radians(0.3)  # constant, sign unknown
    miss_probability: float = 0.02
    false_births: float = 0.2  # per frame
    false_stays: float = 0.2  # probability to be seen once more
    id_forgotten_s: float = 2.0  # after so long unseen the local id is always new
    id_shaken_s: float = 0.5  # after so long unseen it is new with `id_change_probability`
    id_change_probability: float = 0.3


NOISELESS = SensorConfig(
    position_sigma_m=0.0, heading_sigma_rad=0.0, speed_sigma_mps=0.0, size_sigma_m=0.0, offset_m=0.0, offset_yaw_rad=0.0,
    miss_probability=0.0, false_births=0.0, false_stays=0.0,
)  # fmt: skip
ALL_SEEING = replace(NOISELESS, range_m=1_000.0, mast_height_m=1_000.0)  # the truth itself: from above nobody hides anybody


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One frame's objects. rows: float64 (n, DETECTION_COLUMNS); truth_ids: int64 (n,), -1 = false object."""

    rows: NDArray[np.float64]
    truth_ids: NDArray[np.int64]


class RoadsideSensor:
    """One station. `last_seen_s` tells when each truth id last had a free ray, by geometry alone."""

    def __init__(
        self, station: str, east_m: float, north_m: float, frame: LocalFrame, config: SensorConfig, seed: int, phase_s: float = 0.0
    ) -> None:
        self.station = station
        self.phase_s = phase_s  # when within a step of the world it measures
        self.config = config
        self.mast_m = np.array([east_m, north_m, config.mast_height_m])
        self.last_seen_s: dict[int, float] = {}
        self._frame = frame
        self._noise = generator(seed, "sensor", station)
        direction = self._noise.uniform(0.0, 2.0 * math.pi)
        self.offset_m = config.offset_m * np.array([math.sin(direction), math.cos(direction)])
        self.offset_yaw_rad = config.offset_yaw_rad * float(self._noise.choice([-1.0, 1.0]))
        self._local_ids: dict[int, tuple[int, float]] = {}  # truth id -> local id, when last detected
        self._next_local = int(self._noise.integers(LOCAL_IDS))
        self._ghosts = _Ghosts(self._noise, config)

    def observe(self, truth: Truth) -> Seen:
        """What this station reports of the truth at this moment."""
        seen = truth.take(self.free_rays(truth))
        self.last_seen_s.update(dict.fromkeys(seen.ids.tolist(), truth.time_s))
        detected = seen.take(self._noise.random(len(seen.ids)) >= self.config.miss_probability)
        ghost_ids, ghosts = self._ghosts.step(self.mast_m[:2])
        numbers = [*(self._local_id(number, truth.time_s) for number in detected.ids.tolist()), *map(self._ghost_id, ghost_ids)]
        classes = np.concatenate([detected.classes, ghosts.classes])
        motion, sizes_m = np.vstack([detected.motion, ghosts.motion]), np.vstack([detected.sizes_m, ghosts.sizes_m])
        truth_ids = np.concatenate([detected.ids, np.full(len(ghosts.ids), -1)])
        rows = self._rows(motion, sizes_m, truth_ids < 0)
        rows[:, Detection.LOCAL_ID], rows[:, Detection.OBJECT_CLASS] = numbers, classes
        return Seen(rows, truth_ids)

    def free_rays(self, truth: Truth) -> NDArray[np.bool_]:
        """Within range and not hidden; (n,)."""
        position = truth.motion[:, :2]
        in_range = np.hypot(*(position - self.mast_m[:2]).T) <= self.config.range_m
        hides = in_range & np.isin(truth.classes, HIDING_CLASSES)
        boxes = np.column_stack([position, truth.motion[:, Motion.HEADING_RAD], truth.sizes_m])[hides]
        own_box = np.where(hides, np.cumsum(hides) - 1, -1)[in_range]
        free = np.zeros(len(truth.ids), dtype=bool)
        free[in_range] = visible(self.mast_m, position[in_range], truth.sizes_m[in_range, 2], boxes, own_box)
        return free

    def _rows(self, motion: NDArray[np.float64], sizes_m: NDArray[np.float64], is_false: NDArray[np.bool_]) -> NDArray[np.float64]:
        config, count, draw = self.config, len(motion), self._noise.standard_normal
        east_north = self._misplaced(motion[:, :2]) + config.position_sigma_m * draw((count, 2))
        heading = motion[:, Motion.HEADING_RAD] + self.offset_yaw_rad + config.heading_sigma_rad * draw(count)
        rows = np.full((count, DETECTION_COLUMNS), np.nan)
        latitude, longitude = self._frame.geodetic_from_enu(east_north[:, 0].copy(), east_north[:, 1].copy())
        rows[:, Detection.LATITUDE_RAD], rows[:, Detection.LONGITUDE_RAD] = latitude, longitude
        rows[:, Detection.SPEED_MPS] = np.abs(motion[:, Motion.SPEED_MPS] + config.speed_sigma_mps * draw(count))
        rows[:, Detection.HEADING_RAD] = np.mod(heading, 2.0 * math.pi)
        rows[:, Detection.LENGTH_M : Detection.HEIGHT_M + 1] = np.maximum(sizes_m + config.size_sigma_m * draw((count, 3)), 0.05)
        rows[:, Detection.POSITION_SIGMA_M] = max(config.position_sigma_m, 0.01)
        rows[:, Detection.SPEED_SIGMA_MPS] = max(config.speed_sigma_mps, 0.01)
        rows[:, Detection.HEADING_SIGMA_RAD] = max(config.heading_sigma_rad, math.radians(0.0125))
        belief = np.where(is_false, self._noise.beta(5.0, 4.0, count), self._noise.beta(9.0, 1.5, count))  # means 0.56 and 0.86
        rows[:, Detection.EXISTENCE] = belief
        return rows

    def _misplaced(self, east_north: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions as a mast sees them that believes in a pose off by `offset_m` and, clockwise, `offset_yaw_rad`."""
        sine, cosine = math.sin(self.offset_yaw_rad), math.cos(self.offset_yaw_rad)
        mast = self.mast_m[:2]
        turned: NDArray[np.float64] = (east_north - mast) @ np.array([[cosine, -sine], [sine, cosine]])
        moved: NDArray[np.float64] = turned + mast + self.offset_m
        return moved

    def _local_id(self, number: int, now_s: float) -> int:
        known = self._local_ids.get(number)
        local = self._new_local() if known is None or self._forgets(now_s - known[1]) else known[0]
        self._local_ids[number] = (local, now_s)
        return local

    def _forgets(self, unseen_s: float) -> bool:
        config = self.config
        shaken = unseen_s > config.id_shaken_s and self._noise.random() < config.id_change_probability
        return unseen_s > config.id_forgotten_s or bool(shaken)

    def _ghost_id(self, known: int) -> int:
        if known not in self._ghosts.local_ids:
            self._ghosts.local_ids[known] = self._new_local()
        return self._ghosts.local_ids[known]

    def _new_local(self) -> int:
        self._next_local = (self._next_local + 1) % LOCAL_IDS
        return self._next_local


class _Ghosts:
    """False objects: born anywhere in range, drifting straight on for as long as they are seen."""

    def __init__(self, noise: np.random.Generator, config: SensorConfig) -> None:
        self.local_ids: dict[int, int] = {}
        self._noise = noise
        self._config = config
        self._count = 0
        self._alive: list[tuple[int, ObjectClass, float, float, float, float]] = []

    def step(self, mast_m: NDArray[np.float64]) -> tuple[list[int], Truth]:
        self._alive = [ghost for ghost in self._alive if self._noise.random() < self._config.false_stays]
        self._alive += list(self._born(mast_m, int(self._noise.poisson(self._config.false_births))))
        numbers = [ghost[0] for ghost in self._alive]
        self.local_ids = {number: self.local_ids[number] for number in numbers if number in self.local_ids}
        count = len(numbers)
        motion = np.zeros((count, len(Motion)))
        motion[:, :4] = np.array([ghost[2:] for ghost in self._alive]).reshape(count, 4)
        classes = np.array([ghost[1] for ghost in self._alive], dtype=np.uint8)
        return numbers, Truth(0.0, np.array(numbers, dtype=np.int64), classes, motion, np.tile([3.0, 1.2, 1.5], (count, 1)))

    def _born(self, mast_m: NDArray[np.float64], count: int) -> Iterator[tuple[int, ObjectClass, float, float, float, float]]:
        for _ in range(count):
            self._count += 1
            distance, bearing, heading, speed, kind = self._noise.random(5)
            radius_m, bearing_rad = self._config.range_m * math.sqrt(distance), 2.0 * math.pi * bearing
            east, north = mast_m[0] + radius_m * math.sin(bearing_rad), mast_m[1] + radius_m * math.cos(bearing_rad)
            object_class = FALSE_CLASSES[int(kind * len(FALSE_CLASSES))]
            yield self._count, object_class, east, north, 10.0 * speed, 2.0 * math.pi * heading
