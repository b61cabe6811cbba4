"""Vehicles, their late samples and who gives a row back, readable: the twin of `_fusion_ring.pxi` and `_fusion_fleet.pxi`.

Rules:
* Late samples go where they belong in a list kept in order; the state after the window is run again from the state before it.
* The same for any model of a vehicle: the bank's eight states or the wide block's ten.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan
from typing import Generic, Protocol, Self, TypeVar

from positioning.fusion_laws import FUTURE_NS, Delays, Numbers, Sample
from positioning.samples import Verdict


class Model(Protocol):
    """The state of one vehicle, and what its samples do to it. mode is 0 until it has a place."""

    mode: int

    def epoch(self, samples: list[Sample], delays: Delays, *, learn: bool) -> None: ...

    def copied(self) -> Self: ...


M = TypeVar("M", bound=Model)


@dataclass(slots=True)
class Vehicle(Generic[M]):
    id: int
    base: M
    head: M
    heard_ns: int = 0
    floor_ns: int = 0
    ring: list[Sample] = field(default_factory=list)
    placed: bool = False

    def insert(self, s: Sample) -> None:
        self.ring.append(s)
        self.ring.sort(key=lambda s: (s.measured_ns, s.kind, s.detail, [(isnan(value), value) for value in s.v]))

    def first_epoch(self, ring: list[Sample]) -> list[Sample]:
        return [s for s in ring if s.measured_ns == ring[0].measured_ns]

    def retire(self, delays: Delays) -> None:
        oldest = self.first_epoch(self.ring)
        self.base.epoch(oldest, delays, learn=True)
        self.floor_ns, self.ring = oldest[0].measured_ns, self.ring[len(oldest) :]

    def drop_future(self, latest_ns: int) -> None:
        """Received by a clock of ours that was wrong for a moment: it must not keep the present out."""
        if self.floor_ns > latest_ns:
            self.floor_ns, self.ring, self.base.mode = 0, [], 0
        self.ring = [s for s in self.ring if s.measured_ns <= latest_ns]

    def catch_up(self, delays: Delays) -> None:
        self.head, rest = self.base.copied(), self.ring
        while rest:
            now = self.first_epoch(rest)
            self.head.epoch(now, delays, learn=False)
            rest = rest[len(now) :]


@dataclass(slots=True)
class Fleet(Generic[M]):
    """Up to `capacity` vehicles of `made()` models with rings of `room` samples."""

    capacity: int
    room: int
    made: Callable[[], M]
    delays: Delays
    q: Numbers
    vehicles: dict[int, Vehicle[M]] = field(default_factory=dict)
    forgotten: int = 0
    displaced: int = 0
    latest_ns: int = 0

    @property
    def late_ns(self) -> int:
        return int(self.q["late_s"] * 1e9)

    def take(self, id: int, s: Sample, received_ns: int) -> Verdict:
        if id not in self.vehicles:
            if len(self.vehicles) == self.capacity and not self.displace(received_ns - int(self.q["yields_s"] * 1e9)):
                return Verdict.QUEUE_FULL
            self.vehicles[id] = Vehicle(id, self.made(), self.made())
        vehicle = self.vehicles[id]
        if len(vehicle.ring) == self.room and s.measured_ns >= vehicle.ring[0].measured_ns > vehicle.floor_ns:
            vehicle.retire(self.delays)
        if (vehicle.floor_ns and s.measured_ns <= vehicle.floor_ns) or len(vehicle.ring) == self.room:
            return Verdict.STALE
        vehicle.insert(s)
        vehicle.heard_ns = max(vehicle.heard_ns, received_ns)
        return Verdict.ACCEPTED

    def displace(self, before_ns: int) -> bool:
        oldest = min(self.vehicles.values(), key=lambda vehicle: vehicle.heard_ns)
        if oldest.heard_ns >= before_ns:
            return False
        self.displaced += self.forget(oldest.id)
        return True

    def forget(self, id: int) -> bool:
        """The last vehicle takes a forgotten one's place. -> was it known?"""
        rows = list(self.vehicles.values())
        for row, vehicle in enumerate(rows):
            if vehicle.id == id:
                rows[row] = rows[-1]
                self.vehicles = {each.id: each for each in rows[:-1]}
                return True
        return False

    def step(self, now_ns: int) -> list[Vehicle[M]]:
        """-> the vehicles that have a place."""
        self.latest_ns = max(self.latest_ns, now_ns)
        for vehicle in reversed(list(self.vehicles.values())):
            vehicle.heard_ns = min(vehicle.heard_ns, self.latest_ns)
            if vehicle.heard_ns < self.latest_ns - int(self.q["forget_s"] * 1e9):
                self.forgotten += self.forget(vehicle.id)
        for vehicle in self.vehicles.values():
            vehicle.drop_future(self.latest_ns + FUTURE_NS)
            while vehicle.ring and vehicle.ring[0].measured_ns < now_ns - self.late_ns:
                vehicle.retire(self.delays)
        for vehicle in self.vehicles.values():
            vehicle.catch_up(self.delays)
        return [vehicle for vehicle in self.vehicles.values() if vehicle.head.mode]
