"""One crossing in SUMO where a bus line meets busy traffic from south and north, with a dispatcher who orders priority or not."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intersections.buses.orders import DispatchOrder, OrderKind

END_S = 900.0
BUS_EVERY_S, PLANNED_S = 60, (30, 100)  # planned: from entering to its two stops
CARS = (("bottom0A0", "A0top0", 3), ("top0A0", "A0bottom0", 4), ("left0A0", "A0right0", 20), ("right0A0", "A0left0", 20))
RIDERS_EVERY_S = 20
LINE = ("left0A0", "A0right0")
VALID_NS = 600_000_000_000


def write_crossing(folder: Path) -> Path:
    """-> its configuration. All come at fixed times."""
    from v2x.sim.scenario import sumo_home

    net = folder / "crossing.net.xml"
    words = ["--grid", "--grid.number=1", "--grid.attach-length=400", "--tls.set=A0", f"--output-file={net}"]
    subprocess.run([str(sumo_home() / "bin" / "netgenerate"), *words], check=True, capture_output=True)
    stops = "".join(f'<busStop id="{road}" lane="{road}_0" startPos="60" endPos="90"/>' for road in LINE)
    (folder / "crossing.add.xml").write_text(f"<additional>{stops}</additional>")
    flows = "".join(
        f'<flow id="f{row}" from="{start}" to="{end}" begin="0" end="{END_S:g}" period="{period}" departSpeed="max"/>'
        for row, (start, end, period) in enumerate(CARS)
    )
    buses = "".join(_bus(number, depart_s) for number, depart_s in enumerate(range(BUS_EVERY_S, int(END_S) - 200, BUS_EVERY_S)))
    ride = f'<stop busStop="{LINE[0]}" duration="1"/><ride busStop="{LINE[1]}" lines="7"/>'
    riders = f'<personFlow id="rider" begin="0" end="{END_S:g}" period="{RIDERS_EVERY_S}">{ride}</personFlow>'
    (folder / "crossing.rou.xml").write_text(f'<routes><vType id="bus" vClass="bus" length="12"/>{flows}{riders}{buses}</routes>')
    configuration = folder / "crossing.sumocfg"
    configuration.write_text(
        '<configuration><input><net-file value="crossing.net.xml"/><route-files value="crossing.rou.xml"/>'
        f'<additional-files value="crossing.add.xml"/></input><time><begin value="0"/><end value="{END_S:g}"/></time></configuration>'
    )
    return configuration


def _bus(number: int, depart_s: int) -> str:
    calls = "".join(f'<stop busStop="{road}" until="{depart_s + after_s}"/>' for road, after_s in zip(LINE, PLANNED_S, strict=True))
    return f'<vehicle id="bus.{number}" type="bus" line="7" depart="{depart_s}"><route edges="{" ".join(LINE)}"/>{calls}</vehicle>'


def lost_s(configuration: Path, folder: Path, ordered: Sequence[str]) -> tuple[dict[str, float], dict[str, tuple[str, str]]]:
    """What each bus lost on its way, s, where a dispatcher orders priority for some and nothing else; and how each order ended: its state
    and the reason. To be called in a process of its own."""
    from intersections.buses.network import BusNetwork
    from intersections.buses.order_book import OrderBook
    from intersections.buses.order_rules import Limits
    from intersections.buses.orders import DispatchMode
    from intersections.buses.plans import LinePlans
    from intersections.buses.step import Dispatcher
    from intersections.map import Origin
    from intersections.signals.commitments import FREE
    from intersections.signals.conventions import RESCO
    from v2x.importers.sumo_buses import read_bus_network
    from v2x.importers.sumo_signals import read_signals
    from v2x.importers.sumo_xml import read_network
    from v2x.sim.bus_dispatch import BusDispatch, BusReports
    from v2x.sim.bus_drivers import BusDrivers
    from v2x.sim.bus_stops import BusStops
    from v2x.sim.scenario import read_xml
    from v2x.sim.signal_arguments import BusPriority, Control, Dwell, Traffic, sumo_arguments
    from v2x.sim.signal_loop import SignalLoop
    from v2x.sim.signal_planners import PLANNERS
    from v2x.sim.signal_run import Stop, run

    trips, dwell, place = folder / "trips.xml", Dwell(8.0, 2.0), Origin(0.8, 0.2)
    started = sumo_arguments(Traffic(configuration, seed=1, tripinfo=trips, dwell=dwell), folder)
    roads = read_network(started.network)
    network: BusNetwork = read_bus_network(roads, started.routes, started.additional, place)[0]
    buses = BusStops(dwell, {trip.id: trip.departure_s.tolist() for trip in network.trips.values()})
    dispatcher = Dispatcher.of(network, LinePlans(), OrderBook(network, Limits(mode=DispatchMode.ADVISE)))

    def planner_of(site):
        return PLANNERS[Control.ADAPTIVE](site, FREE)

    def parts():
        sites = read_signals(started.network, started.additional, RESCO)
        dispatch = BusDispatch(dispatcher, BusReports(buses, roads, place), BusDrivers(buses, 1))
        loop = SignalLoop(sites, planner_of, 1, 1.0, buses=buses, priority=BusPriority.CONDITIONAL, dispatch=dispatch)
        return [buses, Hand(dispatcher, buses, ordered), dispatch, loop]

    run(started, parts, Stop())
    lost = {trip.get("id", ""): float(trip.get("timeLoss", 0)) for trip in read_xml(trips).iter("tripinfo") if trip.get("vType") == "bus"}
    ended = [one for one in dispatcher.book.ended() if one.order.kind is OrderKind.PRIORITY]
    return lost, {one.order.vehicle: (one.state.name, one.reason) for one in ended}


@dataclass
class Hand:
    """A dispatcher who orders priority to the last stop for every bus he is to, as soon as it is on the road."""

    dispatcher: Any
    buses: Any
    ordered: Sequence[str]
    done: set[str] = field(default_factory=set)

    def step(self, now_s: float) -> None:
        now_ns = round(now_s * 1e9)
        for name, line in self.buses.lines():
            if name in self.ordered and name not in self.done:
                self.done.add(name)
                order = DispatchOrder("", 1, OrderKind.PRIORITY, line, name, name, 1, 0.0, "", now_ns, now_ns + VALID_NS, "anna")
                self.dispatcher.book.order(order, now_ns)
