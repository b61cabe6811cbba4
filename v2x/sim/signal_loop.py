"""All signals of a running SUMO under our control: sensors to controllers, controllers to lamps, neighbours to each other.

Rules:
* Controllers are stepped each 100 ms of SUMO's time and plan each second; SUMO's step may be any whole number of these.
* What an intersection expects to send on reaches its neighbours a second later.
* A traffic light that cannot be read safely stays with its own program and is named.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

import libsumo

from intersections.signals.approaches import Observation
from intersections.signals.control import GuardMode, Plan, PlannedDepartures, Planner, Shown
from intersections.signals.controller import ControlEvent, PlannerEvent, SignalController
from intersections.signals.layout import SECOND_NS, TICK_NS
from intersections.signals.priority import PriorityRequest
from intersections.signals.spat import STATUS, SpatMessage, SpatPublisher, trace_line
from v2x.importers.sumo_signals import SignalSite
from v2x.sim.bus_dispatch import BusDispatch
from v2x.sim.bus_stops import BusStops
from v2x.sim.scenario import ScenarioError
from v2x.sim.signal_advice import AdvisedDrivers
from v2x.sim.signal_arguments import BusPriority
from v2x.sim.signal_buttons import PushButtons
from v2x.sim.signal_lights import TrafficLight
from v2x.sim.signal_sensors import SignalSensors


@dataclass(slots=True)
class ControlTally:
    plans: int = 0
    plan_cpu_s: float = 0.0  # in the ticks that plan: planner, guard and SPaT
    control_cpu_s: float = 0.0  # in all ticks
    sensor_cpu_s: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)  # intersection-seconds

    @property
    def plan_ms(self) -> float:
        """CPU time of one intersection's second."""
        return 1000.0 * self.plan_cpu_s / self.plans if self.plans else 0.0


class UnheardSpat(SpatPublisher):
    """Where nobody listens nothing is said: it would cost more than the rest of the control."""

    def publish(self, shown: Shown, plan: Plan | None) -> SpatMessage:
        del plan
        return SpatMessage(self._layout.intersection, 0, shown.now_ns, shown.mode, STATUS[shown.mode], void=True, events=())


class SignalLoop:
    """To be made when SUMO has started. `step` before each of its steps."""

    def __init__(
        self,
        sites: Sequence[SignalSite],
        planner_of: Callable[[SignalSite], Planner],
        seed: int,
        penetration: float,
        trace: TextIO | None = None,
        drivers: AdvisedDrivers | None = None,
        buses: BusStops | None = None,
        priority: BusPriority = BusPriority.PERSONS,
        dispatch: BusDispatch | None = None,
    ) -> None:
        """`dispatch`: whose orders of priority are heard, where priority is conditional."""
        now_ns = self._now_ns = _now_ns()
        step_s = float(libsumo.simulation.getDeltaT())
        self._ticks = round(step_s * SECOND_NS / TICK_NS)
        if not self._ticks or abs(self._ticks * TICK_NS - step_s * SECOND_NS) > 1.0:
            raise ScenarioError(f"SUMO's step of {step_s:g} s is no multiple of {TICK_NS / SECOND_NS:g} s")
        self.tally = ControlTally()
        groups = [len(site.layout.groups) for site in sites]
        self._lights = [TrafficLight(site) for site in sites]
        spat_of = UnheardSpat if trace is None and drivers is None else SpatPublisher
        self._controllers = [
            SignalController(site.layout, site.approaches, planner_of(site), now_ns, spat=spat_of(site.layout)) for site in sites
        ]
        self._sensors = SignalSensors(sites, seed, penetration, persons=priority is not BusPriority.NONE)
        self._buses = buses if priority is BusPriority.CONDITIONAL else None
        self._dispatch = dispatch if priority is BusPriority.CONDITIONAL else None
        self._buttons = PushButtons(crossings_of(sites), groups)
        self._greens = [0] * len(sites)
        self._modes = [GuardMode.FLASHING] * len(sites)
        self._neighbours = neighbours_of(sites)
        self._departures: list[PlannedDepartures | None] = [None] * len(sites)
        self._step_s = step_s
        self._trace = trace
        self._drivers = drivers

    def step(self, now_s: float) -> None:
        now_ns = self._now_ns = _now_ns()
        due = now_ns % SECOND_NS < self._ticks * TICK_NS  # the first step of each second
        began = time.process_time()
        self._sensors.step()
        self._buttons.press(now_s, self._greens)
        seen = self._sensors.observe(now_ns, self._buttons.wait_s(now_s, self._step_s)) if due else [None] * len(self._lights)
        sensed = time.process_time()
        sent = [tuple(departures for row in rows if (departures := self._departures[row]) is not None) for rows in self._neighbours]
        names = self._sensors.names() if self._buses is not None and due else {}
        ordered = self._ordered(names, now_s)
        for row, one in enumerate(seen):
            requests = self._buses.requests(one, names) if self._buses is not None and one is not None else ()
            self._tick(row, now_ns, one, sent[row], requests, ordered)
            if self._dispatch is not None and ordered:
                granted = [names[number] for number in self._controllers[row].priority.granted_orders if number in ordered]
                self._dispatch.priority_granted(self._lights[row].id, granted, now_s)
        planned = time.process_time()
        if self._drivers is not None and due:
            self._drivers.drive(self._sensors.names())
        for tick in range(1, self._ticks):
            for row in range(len(self._controllers)):
                self._tick(row, now_ns + tick * TICK_NS, None, (), (), {})
        self.tally.sensor_cpu_s += sensed - began
        self.tally.plan_cpu_s += planned - sensed if due else 0.0
        self.tally.control_cpu_s += time.process_time() - sensed
        self.tally.modes.update(mode.name for mode in self._modes if due)

    def _ordered(self, names: Mapping[int, str], now_s: float) -> dict[int, int]:
        """For whom priority is ordered, by number, and how many ride there."""
        riding = self._dispatch.priority_orders(now_s) if self._dispatch is not None and names else {}
        return {number: riding[name] for number, name in names.items() if name in riding} if riding else {}

    def _tick(
        self,
        row: int,
        now_ns: int,
        seen: Observation | None,
        sent: tuple[PlannedDepartures, ...],
        requests: tuple[PriorityRequest, ...],
        ordered: Mapping[int, int],
    ) -> None:
        light, controller = self._lights[row], self._controllers[row]
        if now_ns == self._now_ns and (states := light.shown()):  # between two of SUMO's steps nobody but we change a lamp
            controller.feedback(states, now_ns)
        done = controller.step(now_ns, seen, sent, requests, ordered)
        light.show(done.shown.states)
        self._greens[row], self._modes[row] = done.shown.greens, done.shown.mode
        self.tally.events.update(_name(event) for event in done.events)
        if done.plan is not None:
            self._departures[row] = done.plan.departures
            self.tally.plans += 1
        if self._drivers is not None and seen is not None:
            self._drivers.hear(row, seen, done.shown, done.spat)
        if self._trace is not None:
            self._trace.write(trace_line(done.spat) + "\n")

    def modes(self) -> dict[str, GuardMode]:
        return {light.id: mode for light, mode in zip(self._lights, self._modes, strict=True)}

    def close(self) -> ControlTally:
        for controller in self._controllers:
            self.tally.verdicts.update({verdict.name: count for verdict, count in controller.verdicts.items()})
        return self.tally


def _name(event: ControlEvent) -> str:
    return f"planner {event.verdict.name}" if isinstance(event, PlannerEvent) else f"{event.act.name} {event.reason}".strip()


def _now_ns() -> int:
    now_s: float = libsumo.simulation.getTime()
    return round(now_s * 1000.0) * 1_000_000


def crossings_of(sites: Sequence[SignalSite]) -> Mapping[str, tuple[int, int]]:
    """SUMO's crossing -> its intersection and group."""
    crossings: dict[str, tuple[int, int]] = {}
    for site, place in enumerate(sites):
        links = libsumo.trafficlight.getControlledLinks(place.layout.intersection)
        for group, members in enumerate(place.links_of_group):
            if place.approaches.group_crossing[group]:
                crossings |= {links[link][0][1].rpartition("_")[0]: (site, group) for link in members if links[link]}
    return crossings


def neighbours_of(sites: Sequence[SignalSite]) -> list[list[int]]:
    """For each intersection, whose exits lead to it."""
    row = {site.layout.intersection: number for number, site in enumerate(sites)}
    into: list[set[int]] = [set() for _ in sites]
    for number, site in enumerate(sites):
        for name in site.approaches.exit_neighbour:
            if name in row and row[name] != number:
                into[row[name]].add(number)
    return [sorted(numbers) for numbers in into]
