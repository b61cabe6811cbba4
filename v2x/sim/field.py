"""Everything in the street that sends: two roadside stations, the connected vehicles, the signal controller.

Rules:
* One step yields what was measured within the last 0.1 s, each message with the time its sender hands it over: measurement plus a
  seeded delay, in order per sender as on one stream.
* The stations are staggered by half a period.
* Lamps follow SUMO's own program until somebody commands them. From then on they show what is commanded, as long as that is valid,
  and flash when it is not.
* Simulation seconds are mapped to nanoseconds since the epoch once, by `epoch_ns`; no clock is read here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from positioning.frames import LocalFrame
from positioning.samples import Anchor
from v2x.arrivals import ArrivalKind
from v2x.sim import encode
from v2x.sim.lamps import group_states, letters_of
from v2x.sim.position_score import PositionScore
from v2x.sim.randomness import generator
from v2x.sim.sensors import RoadsideSensor
from v2x.sim.truth import Truth, between
from v2x.sim.vehicles import ConnectedVehicles
from v2x.sim.world import World
from v2x.v1 import signal_pb2, vehicle_pb2

LATENCY_MS = {
    ArrivalKind.RSU_FRAME: (20.0, 80.0),
    ArrivalKind.VEHICLE_SAMPLE: (20.0, 80.0),
    ArrivalKind.RANGES: (50.0, 200.0),  # the network works them out
    ArrivalKind.SIGNAL_STATE: (5.0, 15.0),
}
SEQUENCES = 1 << 32
LEVEL_UNBOUNDED_CM = 65534  # and above: no level is told


@dataclass(frozen=True, slots=True, eq=False)
class Sending:
    """One message on its way. `payload` as the log keeps it: `RsuFrame`, `VehicleSample`, `RangeMeasurements` or `SignalState`."""

    due_ns: int
    kind: ArrivalKind
    source: str
    sequence: int
    measured_ns: int
    payload: bytes
    objects: int


@dataclass(slots=True)
class _Line:
    """One sender's stream: its delay, its order, its numbers."""

    noise: np.random.Generator
    sequence: int
    last_due_ns: int = 0


@dataclass(slots=True)
class Field:
    """`step` moves the world on and returns the messages measured meanwhile, ordered by the time they are due."""

    world: World
    intersection: str
    frame: LocalFrame
    sensors: Sequence[RoadsideSensor]
    vehicles: ConnectedVehicles | None
    traffic_light: str  # '' = none
    groups: Mapping[str, tuple[int, ...]]
    seed: int
    epoch_ns: int
    anchors: tuple[Anchor, ...] = ()  # surveyed (and simulated) gNBs
    before: Truth = field(init=False)
    truth: Truth = field(init=False)
    positions: PositionScore = field(init=False, default_factory=PositionScore)
    _lines: dict[str, _Line] = field(init=False, default_factory=dict)
    _command: signal_pb2.SignalCommand | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.before = self.truth = self.world.truth

    def time_ns(self, time_s: float) -> int:
        return self.epoch_ns + round((time_s - self.world.start_s) * 1e6) * 1_000

    def step(self) -> list[Sending]:
        if self._command is not None:
            self._light(self._command)
        self.before, self.truth = self.truth, self.world.step()
        sendings = [*self._frames(), *self._samples(), *self._signals()]
        sendings.sort(key=lambda sending: (sending.due_ns, sending.source))
        return sendings

    def truth_at(self, time_s: float) -> Truth:
        """Within the last step."""
        return between(self.before, self.truth, time_s)

    def hear(self, vehicle: str, position: vehicle_pb2.CorrectedPosition) -> None:
        """A position has come back to a vehicle."""
        place = position.position
        place_m = self.frame.enu_from_geodetic(math.radians(place.latitude_e7 * 1e-7), math.radians(place.longitude_e7 * 1e-7))[0]
        time_s = self.world.start_s + (position.time_unix_ns - self.epoch_ns) / 1e9
        level_cm = position.protection_level_cm if position.HasField("protection_level_cm") else LEVEL_UNBOUNDED_CM
        level_m = level_cm / 100.0 if level_cm < LEVEL_UNBOUNDED_CM else math.nan
        self.positions.judge(vehicle, time_s, place_m, level_m, alert=position.alert)

    def obey(self, command: signal_pb2.SignalCommand) -> Sending:
        """Lamps follow at once, and so does word of it: nothing about traffic, so nothing waits for the next step."""
        self._command = command
        self._light(command)
        return replace(self._signals()[0], due_ns=self.time_ns(self.truth.time_s))

    def _light(self, command: signal_pb2.SignalCommand) -> None:
        valid = command.valid_until_unix_ns > self.time_ns(self.truth.time_s)
        states = {group.group_id: int(group.state) for group in command.groups} if valid else {}
        links = len(self.world.lamps_now(self.traffic_light))
        self.world.set_lamps(self.traffic_light, letters_of(states, self.groups, links))

    def _frames(self) -> list[Sending]:
        sendings = []
        for sensor in self.sensors:
            time_s = self.before.time_s + sensor.phase_s
            seen = sensor.observe(self.truth_at(time_s))
            measured_ns, sequence = self.time_ns(time_s), self._next(sensor.station)
            payload = encode.rsu_frame(sensor.station, self.intersection, sequence, measured_ns, seen)
            sendings.append(self._sending(ArrivalKind.RSU_FRAME, sensor.station, sequence, measured_ns, payload, len(seen.rows)))
        return sendings

    def _samples(self) -> Iterator[Sending]:
        samples = [] if self.vehicles is None else self.vehicles.sample(self.before, self.truth)
        self.positions.show(self.before, self.truth, samples)
        for sample in samples:
            measured_ns, vehicle = self.time_ns(sample.time_s), sample.temporary_id
            payload = encode.vehicle_sample(sample, measured_ns)
            yield self._sending(ArrivalKind.VEHICLE_SAMPLE, vehicle, sample.sequence, measured_ns, payload, 1)
            if sample.ranges:  # they are not on the vehicle's line before the network has worked them out: nothing waits for them
                payload = encode.range_measurements(sample, measured_ns)
                yield self._sending(ArrivalKind.RANGES, vehicle, sample.sequence, measured_ns, payload, 0, f"{vehicle} ranges")

    def _signals(self) -> list[Sending]:
        if not self.traffic_light:
            return []
        source = f"signal {self.intersection}"  # as the road names the cause of what a controller's message makes it decide
        measured_ns, sequence = self.time_ns(self.truth.time_s), self._next(source)
        letters = self.world.lamps(self.traffic_light) if self._command is None else self.world.lamps_now(self.traffic_light)
        states = group_states(letters, self.groups)
        payload = encode.signal_state(self.intersection, sequence, measured_ns, states)
        return [self._sending(ArrivalKind.SIGNAL_STATE, source, sequence, measured_ns, payload, 0)]

    def _next(self, source: str) -> int:
        line = self._line(source)
        line.sequence = (line.sequence + 1) % SEQUENCES
        return line.sequence

    def _line(self, source: str) -> _Line:
        if source not in self._lines:
            noise = generator(self.seed, "line", source)
            self._lines[source] = _Line(noise, int(noise.integers(1 << 16)))
        return self._lines[source]

    def _sending(self, kind: ArrivalKind, source: str, sequence: int, measured_ns: int, payload: bytes, objects: int,
                 line_of: str = "") -> Sending:  # fmt: skip
        line = self._line(line_of or source)
        delay_ns = round(line.noise.uniform(*LATENCY_MS[kind]) * 1e6)
        line.last_due_ns = max(measured_ns + delay_ns, line.last_due_ns + 1)
        return Sending(line.last_due_ns, kind, source, sequence, measured_ns, payload, objects)
