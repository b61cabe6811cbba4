"""The dispatch of a simulated town's buses: their reports to the dispatcher, its orders to their drivers, answers back.

Rules:
* Buses report their place, trip, doors and load each second, as their on-board computers do; nothing else is known to the dispatcher.
* The dispatcher is the very one that `serve` runs. Orders and answers go straight from one to the other; no message is lost here.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import libsumo
import numpy as np

from intersections.buses.dispatch import Proposer
from intersections.buses.eta import Predictions
from intersections.buses.matching import Matcher
from intersections.buses.network import BusNetwork
from intersections.buses.order_book import OrderBook
from intersections.buses.order_rules import Limits
from intersections.buses.orders import Acknowledgement, DispatchMode, OrderRecord, OrderState
from intersections.buses.plans import LinePlans
from intersections.buses.samples import BusPosition
from intersections.buses.step import Dispatcher
from intersections.map import Origin
from intersections.signals.layout import SECOND_NS
from v2x.importers.georeference import geodetic_from_plane
from v2x.importers.sumo_xml import SumoNetwork
from v2x.sim.bus_drivers import BusDrivers
from v2x.sim.bus_stops import BusStops


class BusReports:
    """What on-board computers send."""

    def __init__(self, buses: BusStops, network: SumoNetwork, origin: Origin | None = None) -> None:
        self._buses = buses
        self._geodetic = geodetic_from_plane(network.projection, origin)
        self._offset_m = np.array(network.offset_m)

    def positions(self, now_ns: int) -> list[BusPosition]:
        vehicle = libsumo.vehicle
        buses = list(self._buses.lines())
        if not buses:
            return []
        plane_m = np.array([vehicle.getPosition(name) for name, _ in buses]) - self._offset_m
        latitude_rad, longitude_rad = self._geodetic(plane_m[:, 0], plane_m[:, 1])
        return [
            BusPosition(
                vehicle=name,
                measured_ns=now_ns,
                latitude_deg=float(latitude_deg),
                longitude_deg=float(longitude_deg),
                speed_mps=float(vehicle.getSpeed(name)),
                trip=name,
                line=line,
                load=int(vehicle.getPersonNumber(name)),
                doors_open=bool(vehicle.isStopped(name)),
            )
            for (name, line), latitude_deg, longitude_deg in zip(buses, np.degrees(latitude_rad), np.degrees(longitude_rad), strict=True)
        ]


class Boardings:
    """Who comes to the stops, as far as it has been counted: `RidersPerS` of proposals and of the order book."""

    def __init__(self, buses: BusStops, network: BusNetwork) -> None:
        self._buses, self._network = buses, network
        self._begun_s = float(libsumo.simulation.getTime())

    def per_s(self, pattern: str, stop: int) -> float:
        """At the stops of the pattern from `stop` on, by its own line."""
        passed_s = max(float(libsumo.simulation.getTime()) - self._begun_s, 600.0)
        trips = self._network.trips
        boarded = sum(
            count for (name, row), count in self._buses.boarded.items() if row >= stop and name in trips and trips[name].pattern == pattern
        )
        return boarded / passed_s


@dataclass(slots=True)
class DispatchTally:
    """`states`: how many orders came to each, by kind. Passenger-seconds of those whose effect is known, as predicted and as measured."""

    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    ids: set[tuple[str, str]] = field(default_factory=set)  # of orders and states: news of an order need not be of another state
    predicted_s: float = 0.0
    measured_s: float = 0.0
    effects: int = 0
    cpu_s: float = 0.0

    def see(self, records: Sequence[OrderRecord]) -> None:
        for record in records:
            if record.measured is not None and record.predicted is not None:
                self.effects += 1
                self.predicted_s += record.predicted.total_s
                self.measured_s += record.measured.total_s
            elif (record.order.id, record.state.name) not in self.ids:
                self.ids.add((record.order.id, record.state.name))
                self.states[record.order.kind.name, record.state.name] += 1

    def figures(self) -> dict[str, object]:
        states: dict[str, dict[str, int]] = defaultdict(dict)
        for (kind, state), count in self.states.items():
            states[kind][state] = count
        return {
            "states": states,
            "effects": self.effects,
            "predicted_s": self.predicted_s,
            "measured_s": self.measured_s,
            "cpu_s": self.cpu_s,
        }

    def rows(self) -> dict[str, str]:
        """For the summary: by kind, then what it was worth."""
        kinds = sorted({kind for kind, _ in self.states})
        shown = (OrderState.PROPOSED, OrderState.ACCEPTED, OrderState.SENT, OrderState.ACKNOWLEDGED, OrderState.CARRIED_OUT)
        told = {
            kind.lower(): ", ".join(f"{self.states[kind, state.name]:,} {state.name.lower().replace('_', ' ')}" for state in shown)
            for kind in kinds
        }
        return told | {"saved": f"{self.measured_s:,.0f} passenger-seconds by {self.effects:,} orders; predicted {self.predicted_s:,.0f}"}


class BusDispatch:
    """A part of the run: to be stepped after `BusStops`."""

    def __init__(self, dispatcher: Dispatcher, reports: BusReports, drivers: BusDrivers) -> None:
        self.tally = DispatchTally()
        self._dispatcher, self._reports, self._drivers = dispatcher, reports, drivers
        self._answers: list[Acknowledgement] = []

    def step(self, now_s: float) -> None:
        now_ns = self._day_ns(now_s)
        began = time.process_time()
        done = self._dispatcher.step(self._reports.positions(now_ns), self._answers, now_ns)
        self.tally.cpu_s += time.process_time() - began
        for order in done.orders:
            self._drivers.hear(order, now_s)
        self._answers = self._drivers.step(now_s)
        self.tally.see(done.events)

    def priority_orders(self, now_s: float) -> dict[str, int]:
        """As the road asks for them in `serve`."""
        return self._dispatcher.priority_orders(self._day_ns(now_s))

    def priority_granted(self, intersection: str, vehicles: Sequence[str], now_s: float) -> None:
        self._dispatcher.book.signals.grant(intersection, vehicles, self._day_ns(now_s))

    def _day_ns(self, now_s: float) -> int:
        return self._dispatcher.network.midnight_ns + round(now_s * SECOND_NS)


def dispatcher_of(buses: BusStops, planned: BusNetwork) -> Dispatcher:
    """All lines are in automatic mode: the rule orders what it proposes, within its limits."""
    riders_per_s = Boardings(buses, planned).per_s
    book = OrderBook(planned, Limits(mode=DispatchMode.AUTOMATIC), riders_per_s)
    return Dispatcher(planned, Matcher(planned), Predictions(planned), Proposer(planned, riders_per_s), LinePlans(), book)


def dispatch_of(buses: BusStops, planned: BusNetwork, network: SumoNetwork, seed: int, origin: Origin | None = None) -> BusDispatch:
    """To be called when SUMO has started."""
    drivers = BusDrivers(buses, seed, planned.midnight_ns)
    return BusDispatch(dispatcher_of(buses, planned), BusReports(buses, network, origin), drivers)
