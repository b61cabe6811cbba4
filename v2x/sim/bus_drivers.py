"""Simulated bus drivers: they read orders, answer, and most of them do what they are told.

Rules:
* Who complies is drawn by vehicle from the seed: of ten drivers nine obey; of the rest half never answer, half are a minute or two late.
* A driver obeys the highest version he has heard of an order, and none after its `valid_until`: the same rules as in `examples/driver.py`.
* What cannot be done in SUMO (a trip begun by a standby bus, one cut short) is rejected with that reason.
"""

from collections.abc import Callable
from dataclasses import dataclass

import libsumo

from intersections.buses.orders import Acknowledgement, Answer, DispatchOrder, OrderKind
from intersections.signals.layout import SECOND_NS
from v2x.sim.bus_stops import BusStops, Hold
from v2x.sim.randomness import generator

OBEDIENT = 0.9
REACTION_S = (3.0, 12.0)  # a glance at the screen, not while turning
LATE_S = (60.0, 150.0)


@dataclass(frozen=True, slots=True)
class _Driver:
    answers: bool
    reaction_s: tuple[float, float]


class BusDrivers:
    """`hear` what comes for a vehicle; `step` gives what is said back, and does in SUMO what was ordered."""

    def __init__(self, buses: BusStops, seed: int, midnight_ns: int = 0) -> None:
        self._buses = buses
        self._seed = seed
        self._midnight_ns = midnight_ns
        self._drivers: dict[str, _Driver] = {}
        self._versions: dict[str, int] = {}
        self._waiting: list[tuple[float, DispatchOrder]] = []
        self._slow: dict[str, tuple[int, float]] = {}  # who drives slower: until which stop, and the usual speed

    def hear(self, order: DispatchOrder, now_s: float) -> None:
        if order.version <= self._versions.get(order.id, 0):
            return  # it was sent again
        self._versions[order.id] = order.version
        driver = self._drivers.get(order.vehicle) or self._drivers.setdefault(order.vehicle, _driver(self._seed, order.vehicle))
        if driver.answers:
            delay_s = generator(self._seed, "driver reads", order.id, order.version).uniform(*driver.reaction_s)
            self._waiting.append((now_s + delay_s, order))

    def step(self, now_s: float) -> list[Acknowledgement]:
        for vehicle, (stop, usual_mps) in list(self._slow.items()):
            served = self._buses.served(vehicle)
            if served is None or served > stop:
                del self._slow[vehicle]
                if served is not None:
                    libsumo.vehicle.setMaxSpeed(vehicle, usual_mps)
        due = [order for time_s, order in self._waiting if time_s <= now_s]
        self._waiting = [(time_s, order) for time_s, order in self._waiting if time_s > now_s]
        return [self._read(order, now_s) for order in due]

    def _read(self, order: DispatchOrder, now_s: float) -> Acknowledgement:
        now_ns = self._midnight_ns + round(now_s * SECOND_NS)
        if order.version < self._versions[order.id]:
            refusal = "superseded"
        elif now_ns > order.valid_until_ns:
            refusal = "too late"
        elif order.withdrawn:
            refusal = ""
            self._obey_withdrawal(order)
        else:
            refusal = _ACTS[order.kind](self, order)
        answer = Answer.REJECTED if refusal else Answer.ACCEPTED
        return Acknowledgement(order.id, order.version, order.vehicle, answer, refusal, now_ns)

    def _obey_withdrawal(self, order: DispatchOrder) -> None:
        if order.kind in (OrderKind.HOLD, OrderKind.DEPART_AT, OrderKind.DEPART_NOT_BEFORE):
            self._buses.hold(order.vehicle, order.stop, Hold())
        elif order.kind is OrderKind.SPEED and order.vehicle in self._slow:
            self._slow[order.vehicle] = (-1, self._slow[order.vehicle][1])

    def _hold(self, order: DispatchOrder) -> str:
        return "" if self._buses.hold(order.vehicle, order.stop, Hold(extra_s=order.value)) else "already left"

    def _wait(self, order: DispatchOrder) -> str:
        return "" if self._buses.hold(order.vehicle, order.stop, Hold(until_s=order.value)) else "already left"

    def _slow_down(self, order: DispatchOrder) -> str:
        served = self._buses.served(order.vehicle)
        if served is None or served > order.stop:
            return "already passed"
        _, usual_mps = self._slow.get(order.vehicle, (0, libsumo.vehicle.getMaxSpeed(order.vehicle)))
        self._slow[order.vehicle] = (order.stop, usual_mps)
        libsumo.vehicle.setMaxSpeed(order.vehicle, min(order.value, usual_mps))
        return ""

    def _read_only(self, order: DispatchOrder) -> str:
        del order
        return ""

    def _cannot(self, order: DispatchOrder) -> str:
        return f"{order.kind.name.lower()} cannot be done here"


def _driver(seed: int, vehicle: str) -> _Driver:
    drawn = generator(seed, "driver", vehicle).random()
    if drawn < OBEDIENT:
        return _Driver(True, REACTION_S)
    return _Driver(drawn < (1.0 + OBEDIENT) / 2.0, LATE_S)


_ACTS: dict[OrderKind, Callable[[BusDrivers, DispatchOrder], str]] = {
    OrderKind.DEPART_AT: BusDrivers._wait,
    OrderKind.HOLD: BusDrivers._hold,
    OrderKind.DEPART_NOT_BEFORE: BusDrivers._wait,
    OrderKind.SPEED: BusDrivers._slow_down,
    OrderKind.INSERT: BusDrivers._cannot,
    OrderKind.CANCEL: BusDrivers._cannot,
    OrderKind.TEXT: BusDrivers._read_only,
}
