"""Buses of lines in a running SUMO: how long they dwell, how late they are, how far behind the bus ahead, and the priority they ask for.

Rules:
* With a dwell given, nobody waits for the timetable: `until` is taken from the stops as each bus departs, in the running simulation; the
  scenario's files stay as they are. The timetable still says how late a bus is.
* A bus stands `fixed_s` and `per_boarder_s` for each who boards at this stop; those who alight need no time of their own. SUMO's own
  boarding time is set to 0, as it would count along with the fixed part instead of after it, and for those who alight too.
* A scenario's own `duration` of a bus's first stop is its layover: so long after it was due to come, it leaves.
* A driver who holds stays `hold_s` beyond that, or until a time if that is later. Without a dwell nobody can be held.
* Who alights and boards the same bus again at the same stop has not boarded.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import libsumo

from intersections.signals.approaches import Observation
from intersections.signals.layout import SECOND_NS
from intersections.signals.priority import DRIVER_PERSONS, PriorityRequest, RequestKind, Role
from v2x.sim.signal_arguments import Dwell

AT_BUS_STOP = 8  # bit of SUMO's stop flags
SLOW_MPS = 5.0  # a bus that stands does not mean to stand for ever
LEAST_PLANNED_S = 60.0  # two buses planned closer than this have no headway to keep


@dataclass(frozen=True, slots=True)
class Service:
    """What a bus knows of itself. Late > 0; `headway_ratio`: gap to the bus of the line ahead / planned gap, at the last stop."""

    lateness_s: float = 0.0
    headway_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Hold:
    """At one stop: so much beyond what boarding takes, and not before a time of the simulation."""

    extra_s: float = 0.0
    until_s: float = 0.0


@dataclass(slots=True)
class _Bus:
    line: str
    until_s: list[float]  # of the stops it has not finished, -1: none
    service: Service = field(default_factory=Service)
    aboard: frozenset[str] = frozenset()
    started_s: float = -1.0  # standing at a stop since
    boarders: int = 0
    served: int = 0  # stops left so far
    leaves_s: float = -1.0  # what SUMO was last told
    holds: dict[int, Hold] = field(default_factory=dict)  # by row of its stops


class BusStops:
    """`step` after each of SUMO's steps. Without a dwell the scenario's own stops are only watched."""

    def __init__(self, dwell: Dwell | None, timetable: Mapping[str, Sequence[float]] | None = None) -> None:
        """`timetable`: by vehicle, the times at which it should leave its stops; else SUMO's `until`, which moves with the departure."""
        self._dwell = dwell
        self._timetable = timetable or {}
        self._buses: dict[str, _Bus] = {}
        self.boarded: Counter[tuple[str, int]] = Counter()  # by vehicle and row of its stops, ever
        self._last: dict[tuple[str, str], tuple[float, float]] = {}  # (line, stop) -> when the last bus left, and should have

    def step(self, now_s: float) -> None:
        simulation = libsumo.simulation
        for name in simulation.getDepartedIDList():
            self._depart(name)
        for name in simulation.getArrivedIDList():
            self._buses.pop(name, None)
        for name in simulation.getStopStartingVehiclesIDList():
            if name in self._buses:
                self._buses[name].started_s, self._buses[name].boarders, self._buses[name].leaves_s = now_s, 0, -1.0
        for name in simulation.getStopEndingVehiclesIDList():
            if name in self._buses:
                self._leave(name, self._buses[name], now_s)
        for name, bus in self._buses.items():
            if self._dwell and bus.started_s >= 0.0:
                self._board(name, bus, self._dwell, now_s)

    def lines(self) -> Iterator[tuple[str, str]]:
        """(vehicle, line) of all that are on the road."""
        return ((name, bus.line) for name, bus in self._buses.items())

    def served(self, name: str) -> int | None:
        """How many of its stops a bus has left; None: it is not on the road."""
        bus = self._buses.get(name)
        return None if bus is None else bus.served

    def hold(self, name: str, row: int, hold: Hold) -> bool:
        """Whether it can still be done: a later word about the same stop replaces an earlier one."""
        bus = self._buses.get(name)
        if bus is None or self._dwell is None or not bus.served <= row:
            return False
        bus.holds[row] = hold
        return True

    def requests(self, seen: Observation, names: Mapping[int, str]) -> tuple[PriorityRequest, ...]:
        """What the buses ask an intersection that are in its sight. `names`: SUMO's, by number in the observation."""
        rows = [(row, self._buses.get(names.get(vehicle, ""))) for row, vehicle in enumerate(seen.vehicle.tolist())]
        return tuple(_request(seen, row, bus.service) for row, bus in rows if bus is not None and seen.movement[row] >= 0)

    def _depart(self, name: str) -> None:
        vehicle = libsumo.vehicle
        stops = vehicle.getStops(name)
        if not any(stop.stopFlags & AT_BUS_STOP for stop in stops):
            return
        until_s = list(self._timetable.get(name, ())) or [
            float(vehicle.getStopParameter(name, row, "until") or -1.0) for row in range(len(stops))
        ]
        self._buses[name] = _Bus(vehicle.getLine(name) or name.rpartition(".")[0] or name, until_s)
        if self._dwell:
            self._buses[name].holds[0] = Hold(until_s=vehicle.getDeparture(name) - vehicle.getDepartDelay(name) + stops[0].duration)
            libsumo.vehicletype.setBoardingDuration(vehicle.getTypeID(name), 0.0)
            for row in range(len(stops)):
                vehicle.setStopParameter(name, row, "until", "-1")
                vehicle.setStopParameter(name, row, "duration", f"{self._dwell.fixed_s:g}")

    def _board(self, name: str, bus: _Bus, dwell: Dwell, now_s: float) -> None:
        boarded = frozenset(libsumo.vehicle.getPersonIDList(name)) - bus.aboard
        bus.aboard |= boarded
        bus.boarders += len(boarded)
        hold = bus.holds.get(bus.served, Hold())
        leaves_s = max(bus.started_s + dwell.fixed_s + dwell.per_boarder_s * bus.boarders + hold.extra_s, hold.until_s)
        told_s = bus.leaves_s if bus.leaves_s >= 0.0 else bus.started_s + dwell.fixed_s
        if leaves_s != told_s:
            bus.leaves_s = leaves_s
            libsumo.vehicle.setBusStop(name, libsumo.vehicle.getStops(name, 1)[0].stoppingPlaceID, duration=max(leaves_s - now_s, 0.0))

    def _leave(self, name: str, bus: _Bus, now_s: float) -> None:
        bus.aboard, bus.started_s = frozenset(libsumo.vehicle.getPersonIDList(name)), -1.0
        bus.holds.pop(bus.served, None)
        self.boarded[name, bus.served] = bus.boarders
        bus.served += 1
        until_s = bus.until_s.pop(0) if bus.until_s else -1.0
        if until_s < 0.0:
            return
        stop = libsumo.vehicle.getStops(name, -1)[-1].stoppingPlaceID
        before_s, planned_s = self._last.get((bus.line, stop), (now_s, until_s))
        gap_s = until_s - planned_s
        bus.service = Service(now_s - until_s, (now_s - before_s) / gap_s if gap_s >= LEAST_PLANNED_S else 1.0)
        self._last[bus.line, stop] = (now_s, until_s)


def _request(seen: Observation, row: int, service: Service) -> PriorityRequest:
    return PriorityRequest(
        requester=int(seen.vehicle[row]),
        role=Role.TRANSIT,
        request_id=0,
        sequence=seen.now_ns // SECOND_NS % 128,
        kind=RequestKind.PRIORITY_REQUEST,
        movement=int(seen.movement[row]),
        arrival_ns=seen.now_ns + round(seen.distance_m[row] / max(seen.speed_mps[row], SLOW_MPS) * SECOND_NS),
        issued_ns=seen.now_ns,
        persons=float(seen.weight[row]) - DRIVER_PERSONS,
        lateness_s=service.lateness_s,
        headway_ratio=service.headway_ratio,
    )
