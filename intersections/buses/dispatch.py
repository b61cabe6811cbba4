"""What is proposed to the dispatchers of a network now: a table of kinds, each tried on each direction, resolved line by line.

Rules:
* The table is in order of worth: evening departures at the terminal helps all stops and delays nobody who rides.
* Nothing here knows of orders that are open: the order book keeps those. The same place and time give the same proposals.
* What is remembered is when a bus last left each stop; bounded by the network.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf, isfinite, isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses import proposals
from intersections.buses.headways import Bus, Direction, Place, Timetable, View, buses_by_direction
from intersections.buses.network import BusNetwork, Trip
from intersections.buses.order_effects import RidersPerS
from intersections.buses.orders import OrderKind, Proposal
from intersections.buses.plans import LinePlans
from intersections.buses.resolve import Wish, resolved
from intersections.buses.samples import BusState, Prediction, StopCall

KINDS: dict[OrderKind, Callable[[View], Iterator[Wish]]] = {
    OrderKind.DEPART_AT: proposals.respace,
    OrderKind.HOLD: proposals.hold,
    OrderKind.DEPART_NOT_BEFORE: proposals.keep_to_timetable,
    OrderKind.SPEED: proposals.slow_down,
    OrderKind.PRIORITY: proposals.ask_signals,
    OrderKind.INSERT: proposals.insert,
    OrderKind.CANCEL: proposals.cancel,
}


class Proposer:
    """`observe` the stop calls of each step; `propose` each 10 to 30 s. `riders_per_s`: as the order book's; None: as the plans assume."""

    def __init__(self, network: BusNetwork, riders_per_s: RidersPerS | None = None) -> None:
        self._network = network
        self._riders_per_s = riders_per_s
        self._timetable = Timetable(network)
        self._left: dict[Direction, dict[Place, tuple[float, str]]] = defaultdict(dict)
        self._arrived: dict[str, tuple[str, int, float]] = {}  # by vehicle: trip, row, when: where it stands
        self._begun: set[str] = set()  # trips of the day that have left their terminal
        self.cancelled: dict[str, int] = {}  # trips, and the stop from which on they are not run

    def observe(self, calls: Sequence[StopCall]) -> None:
        for call in calls:
            pattern = self._network.patterns.get(call.pattern)
            if pattern is None or not 0 <= call.stop < len(pattern.stops):
                continue
            if isnan(call.left_s):
                self._arrived[call.vehicle] = (call.trip, call.stop, call.arrived_s)
                continue
            self._arrived.pop(call.vehicle, None)
            self._begun |= {call.trip} & self._network.trips.keys()
            left = self._left[pattern.line, pattern.direction]
            place = self._timetable.places[call.pattern][call.stop]
            if call.left_s >= left.get(place, (-inf, ""))[0]:
                left[place] = (call.left_s, call.vehicle)

    def propose(self, states: Sequence[BusState], predictions: Sequence[Prediction], plans: LinePlans, now_ns: int) -> list[Proposal]:
        """Resolved: what together saves each line most."""
        now_s = (now_ns - self._network.midnight_ns) / proposals.SECOND_NS
        found: dict[str, list[Wish]] = defaultdict(list)
        for view in self._views(states, predictions, plans, now_s, now_ns):
            for kind in KINDS.values():
                found[view.direction[0]] += kind(view)
        return [one for line, wanted in found.items() for one in resolved(wanted, plans.of(line).waiting_weight)]

    def _views(
        self, states: Sequence[BusState], predictions: Sequence[Prediction], plans: LinePlans, now_s: float, now_ns: int
    ) -> Iterator[View]:
        buses = buses_by_direction(self._timetable, states, predictions, self.standing(states), self.cancelled)
        duties = {bus.trip.duty for group in buses.values() for bus in group if bus.trip.duty}
        vehicles: dict[str, set[str]] = defaultdict(set)
        for (line, _), group in buses.items():
            vehicles[line] |= {bus.state.vehicle for bus in group}
        busy = frozenset(vehicle for line in vehicles.values() for vehicle in line)
        for direction, group in sorted(buses.items()):
            to_come, absent = self._to_come(direction, group, duties, now_s)
            line = direction[0]
            left = self._left[direction]
            yield View(
                direction,
                plans.of(line),
                self._timetable,
                tuple(group),
                to_come,
                left,
                now_s,
                now_ns,
                len(vehicles[line]),
                busy,
                absent,
                self._riders_per_s,
            )

    def standing(self, states: Sequence[BusState]) -> dict[str, float]:
        """When the vehicles that stand at a stop came there, where that is known."""
        found = {}
        for state in states:
            trip, row, arrived_s = self._arrived.get(state.vehicle, ("", -1, inf))
            if state.at_stop and trip == state.trip and row == state.next_stop and isfinite(arrived_s):
                found[state.vehicle] = arrived_s
        return found

    def _to_come(self, direction: Direction, buses: list[Bus], duties: set[str], now_s: float) -> tuple[tuple[Trip, ...], frozenset[str]]:
        """Trips of the next hour that nobody has begun; and those that are due and whose duty no vehicle is seen on."""
        known = self._begun | {bus.trip.id for bus in buses} | self.cancelled.keys()
        near = self._timetable.departing(direction, now_s - 2.0 * proposals.MISSING_S, now_s + proposals.HORIZON_S)
        unknown = [trip for trip in near if trip.id not in known]
        absent = {trip.id for trip in unknown if self._is_absent(trip, duties, now_s)}
        return tuple(trip for trip in unknown if trip.id not in absent), frozenset(absent)

    def _is_absent(self, trip: Trip, duties: set[str], now_s: float) -> bool:
        """Where duties are known, a vehicle on the trip's duty is seen before its time; elsewhere it shows itself when it leaves."""
        begin_s = float(trip.departure_s[0])
        return trip.duty not in duties and begin_s <= now_s + proposals.MISSING_S if trip.duty else begin_s <= now_s - proposals.MISSING_S

    def snapshot(self) -> dict[str, NDArray[Any]]:
        state = {
            "left": [[*direction, *place, *left] for direction, places in self._left.items() for place, left in places.items()],
            "arrived": self._arrived,
            "begun": sorted(self._begun),
            "cancelled": self.cancelled,
        }
        return {"json": np.frombuffer(json.dumps(state, default=np.generic.item).encode(), np.uint8).copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        state = json.loads(arrays["json"].tobytes())
        self._left = defaultdict(dict)
        for line, direction, stop, visit, left_s, vehicle in state["left"]:
            self._left[line, direction][stop, visit] = (left_s, vehicle)
        self._arrived = {vehicle: (trip, row, arrived_s) for vehicle, (trip, row, arrived_s) in state["arrived"].items()}
        self._begun = set(state["begun"])
        self.cancelled = state["cancelled"]
