"""SUMO in process: after every step the truth of all road users as arrays.

Rules:
* One simulation per process (libsumo); `close` it before the next.
* Positions are centres: SUMO gives the middle of the front bumper, half a length ahead along the heading.
* What is shown lies half a second behind SUMO, so that `inertia` can look to both sides; lamps and truth are of one time.
* Positions and headings leave SUMO's plane through `Plane`: metres in the map's own frame, clockwise from true north.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import libsumo
import numpy as np
from libsumo import constants
from numpy.typing import NDArray

from positioning.samples import ObjectClass
from v2x.sim.inertia import HALF_STEPS, smoothed
from v2x.sim.plane import Plane
from v2x.sim.scenario import STEP_S, Scenario
from v2x.sim.truth import Motion, Truth, wrapped

VEHICLE_VARIABLES = [constants.VAR_POSITION, constants.VAR_ANGLE, constants.VAR_SPEED, constants.VAR_ACCELERATION]
PERSON_VARIABLES = [constants.VAR_POSITION, constants.VAR_ANGLE, constants.VAR_SPEED]
CLASS_OF_VCLASS = {
    "passenger": ObjectClass.CAR,
    "private": ObjectClass.CAR,
    "taxi": ObjectClass.CAR,
    "emergency": ObjectClass.CAR,
    "bus": ObjectClass.BUS,
    "coach": ObjectClass.BUS,
    "truck": ObjectClass.TRUCK,
    "trailer": ObjectClass.TRUCK,
    "delivery": ObjectClass.VAN,
    "motorcycle": ObjectClass.MOTORCYCLE,
    "moped": ObjectClass.MOTORCYCLE,
    "bicycle": ObjectClass.BICYCLE,
    "tram": ObjectClass.TRAM,
    "pedestrian": ObjectClass.PEDESTRIAN,
}


@dataclass(frozen=True, slots=True)
class _Body:
    """What does not change about a road user."""

    number: int
    object_class: ObjectClass
    length_m: float
    width_m: float
    height_m: float


@dataclass(slots=True)
class Health:
    """Whether the traffic itself stayed sound."""

    collisions: int = 0
    teleports: int = 0
    departed: int = 0
    waiting: int = 0  # outside the network now, because its entry is full
    most_waiting: int = 0


class World:
    """The running simulation. `step` moves it by 0.1 s."""

    def __init__(self, scenario: Scenario, plane: Plane, seed: int, warm_up_s: float = 0.0) -> None:
        self.health = Health()
        self._plane = plane
        self._bodies: dict[str, _Body] = {}
        self._count = 0
        self._headings: dict[int, float] = {}
        libsumo.start(_arguments(scenario, seed))
        self.start_s = scenario.begin_s + warm_up_s
        self._window: deque[tuple[Truth, dict[str, str]]] = deque(maxlen=2 * HALF_STEPS + 1)
        while libsumo.simulation.getTime() < self.start_s + (HALF_STEPS - 0.5) * STEP_S:
            self._advance()
        self.truth = self._show()

    def step(self) -> Truth:
        self._advance()
        self.truth = self._show()
        return self.truth

    def lamps(self, traffic_light: str) -> str:
        """One letter per link index, as SUMO writes it."""
        return self._window[HALF_STEPS][1][traffic_light]

    def lamps_now(self, traffic_light: str) -> str:
        """As SUMO has them, half a second ahead of what is shown: what a controller that commands them has to hear."""
        letters: str = libsumo.trafficlight.getRedYellowGreenState(traffic_light)
        return letters

    def set_lamps(self, traffic_light: str, letters: str) -> None:
        """From now on these, until others are set: SUMO's own program has ended."""
        libsumo.trafficlight.setRedYellowGreenState(traffic_light, letters)

    def close(self) -> None:
        libsumo.close()

    def _advance(self) -> None:
        libsumo.simulationStep()
        simulation = libsumo.simulation
        for name in simulation.getDepartedIDList():
            self._bodies[name] = self._body(libsumo.vehicle, name, libsumo.vehicle.getVehicleClass(name))
            libsumo.vehicle.subscribe(name, VEHICLE_VARIABLES)
        for name in simulation.getDepartedPersonIDList():
            self._bodies[name] = self._body(libsumo.person, name, "pedestrian")
            libsumo.person.subscribe(name, PERSON_VARIABLES)
        for name in (*simulation.getArrivedIDList(), *simulation.getArrivedPersonIDList()):
            self._bodies.pop(name, None)
        self.health.collisions += len(simulation.getCollisions())
        self.health.teleports += simulation.getStartingTeleportNumber()
        self.health.departed = self._count
        self.health.waiting = len(simulation.getPendingVehicles())
        self.health.most_waiting = max(self.health.most_waiting, self.health.waiting)
        lights = libsumo.trafficlight
        self._window.append((self._read(), {name: str(lights.getRedYellowGreenState(name)) for name in lights.getIDList()}))

    def _show(self) -> Truth:
        truth = smoothed([truth for truth, _ in self._window])
        heading_rad = truth.motion[:, Motion.HEADING_RAD]
        truth.motion[:, Motion.YAW_RATE_RADPS] = self._yaw_rates(truth.ids, heading_rad)
        return truth

    def _body(self, domain: Any, name: str, vehicle_class: str) -> _Body:
        self._count += 1
        object_class = CLASS_OF_VCLASS.get(vehicle_class, ObjectClass.UNKNOWN)
        return _Body(self._count, object_class, domain.getLength(name), domain.getWidth(name), domain.getHeight(name))

    def _read(self) -> Truth:
        rows = []
        for name, values in (*libsumo.vehicle.getAllSubscriptionResults().items(), *libsumo.person.getAllSubscriptionResults().items()):
            body = self._bodies.get(name)
            x, y = values[constants.VAR_POSITION]
            if body is None or abs(x) > 1e7:  # teleporting vehicles are nowhere
                continue
            acceleration = values.get(constants.VAR_ACCELERATION, 0.0)
            rows.append((body.number, body.object_class, x, y, values[constants.VAR_ANGLE], values[constants.VAR_SPEED], acceleration,
                         body.length_m, body.width_m, body.height_m))  # fmt: skip
        rows.sort()
        return self._truth(libsumo.simulation.getTime(), np.array(rows, dtype=np.float64).reshape(-1, 10))

    def _truth(self, time_s: float, rows: NDArray[np.float64]) -> Truth:
        ids = rows[:, 0].astype(np.int64)
        grid_rad, half_m = np.radians(rows[:, 4]), rows[:, 7] / 2.0
        x, y = rows[:, 2] - half_m * np.sin(grid_rad), rows[:, 3] - half_m * np.cos(grid_rad)
        motion = np.empty((len(rows), len(Motion)))
        motion[:, :2] = self._plane.enu(x, y)
        motion[:, Motion.SPEED_MPS] = rows[:, 5]
        motion[:, Motion.HEADING_RAD] = self._plane.true_headings(grid_rad)
        motion[:, Motion.YAW_RATE_RADPS] = 0.0
        motion[:, Motion.ACCELERATION_MPS2] = rows[:, 6]
        return Truth(time_s, ids, rows[:, 1].astype(np.uint8), motion, np.ascontiguousarray(rows[:, 7:10]))

    def _yaw_rates(self, ids: NDArray[np.int64], heading_rad: NDArray[np.float64]) -> NDArray[np.float64]:
        before = np.array([self._headings.get(number, heading) for number, heading in zip(ids.tolist(), heading_rad, strict=True)])
        self._headings = dict(zip(ids.tolist(), heading_rad.tolist(), strict=True))
        return wrapped(heading_rad - before.reshape(-1)) / STEP_S


def _arguments(scenario: Scenario, seed: int) -> list[str]:
    options = {
        "step-length": f"{STEP_S:g}",
        "seed": f"{seed}",
        "no-step-log": "true",
        "no-warnings": "true",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return ["sumo", "--configuration-file", str(scenario.configuration), *words]
