"""A small town of two by two traffic lights, made by SUMO's own generator while the tests run, and what its sensors say of it."""

import subprocess
from pathlib import Path
from typing import Any

FLOWS = (("left0A0", "B0right0"), ("left1A1", "B1right1"), ("bottom0A0", "A1top0"), ("top1B1", "B0bottom1"), ("right0B0", "A0left0"))
STOP_M = (320.0, 340.0)  # along the approach left0A0
RIDERS = 3
BUS = f"""
  <vType id="bus" vClass="bus" length="12"/>
  <trip id="bus_1" type="bus" line="7" from="left0A0" to="B0right0" depart="5"><stop busStop="halt" duration="20"/></trip>
  <personFlow id="rider" begin="5" end="6" number="{RIDERS}" departPos="325"><ride from="left0A0" to="B0right0" lines="7"/></personFlow>
"""


WALKERS = '<personFlow id="p" begin="6" end="600" period="10" departPos="370"><walk from="left0A0" to="A0B0"/></personFlow>'
PAVED = ["--sidewalks.guess", "--crossings.guess"]


def write_town(folder: Path, *, walkers: bool = False) -> Path:
    """-> its configuration: ten minutes of cars on five relations and a bus. It names outputs that must never come to lie beside it."""
    from v2x.sim.scenario import sumo_home

    net = folder / "town.net.xml"
    words = ["--grid", "--grid.number=2", "--grid.length=150", "--grid.attach-length=400", "--default.lanenumber=2"]
    words += ["--tls.set=A0,A1,B0,B1", f"--output-file={net}"] + PAVED * walkers
    subprocess.run([str(sumo_home() / "bin" / "netgenerate"), *words], check=True, capture_output=True)
    flows = "".join(
        f'<flow id="f{row}" from="{start}" to="{end}" begin="0" end="600" period="{5 + row}" departLane="best" departSpeed="max"/>'
        for row, (start, end) in enumerate(FLOWS)
    )
    (folder / "town.rou.xml").write_text(f"<routes>{flows}{BUS}{WALKERS * walkers}</routes>")
    stop = f'<busStop id="halt" lane="left0A0_{int(walkers)}" startPos="{STOP_M[0]}" endPos="{STOP_M[1]}"/>'
    detector = '<e1Detector id="d" lane="left0A0_0" pos="10" freq="60" file="beside_detector.xml"/>'
    (folder / "town.add.xml").write_text(f"<additional>{stop}{detector}</additional>")
    configuration = folder / "town.sumocfg"
    configuration.write_text(
        '<configuration><input><net-file value="town.net.xml"/><route-files value="town.rou.xml"/><additional-files value="town.add.xml"/>'
        '</input><output><tripinfo-output value="beside_trips.xml"/><summary-output value="beside_summary.xml"/></output>'
        '<time><begin value="0"/><end value="600"/></time><report><log value="beside_log.txt"/></report></configuration>'
    )
    return configuration


def watch(configuration: Path, folder: Path, seed: int, penetration: float, seconds: int, halt_s: int = -1) -> list[dict[str, Any]]:
    """Each second under the shipped programs: what the sensors say (`seen`), beside SUMO's own truth. To be called in a process of its own.
    From second `halt_s` on, whoever enters a junction stops there.

    `truth`: intersection -> [(distance to its stop line, speed, the vehicle's next two roads)] of everybody who goes on through it.
    `inside`: [(speed, the roads it comes from and goes to)] of everybody inside a junction.
    """
    import libsumo
    import numpy as np

    from intersections.signals.conventions import RESCO
    from v2x.importers.sumo_signals import read_signals
    from v2x.sim.signal_arguments import Traffic, sumo_arguments
    from v2x.sim.signal_sensors import SignalSensors

    started = sumo_arguments(Traffic(configuration, seed=seed), folder)
    sites = read_signals(started.network, started.additional, RESCO)
    told: list[dict[str, Any]] = []
    crossed: dict[str, int] = {}
    before: dict[str, str] = {}
    libsumo.start(started.arguments)
    try:
        sensors = SignalSensors(sites, seed, penetration)
        for second in range(seconds):
            libsumo.simulationStep()
            sensors.step()
            lanes = {name: libsumo.vehicle.getLaneID(name) for name in libsumo.vehicle.getIDList()}
            for name, lane in before.items():
                if lanes.get(name, lane).startswith(":") and not lane.startswith(":"):
                    crossed[lane] = crossed.get(lane, 0) + 1
            for name in (name for name, lane in lanes.items() if lane.startswith(":") and 0 <= halt_s <= second):
                libsumo.vehicle.setSpeed(name, 0.0)
            before = lanes
            seen = sensors.observe(second * 1_000_000_000, [np.zeros(len(site.layout.groups)) for site in sites])
            places = {site.layout.intersection: (site.approaches, observation) for site, observation in zip(sites, seen, strict=True)}
            told.append({"places": places, "truth": _truth(lanes), "inside": _inside(lanes), "crossed": dict(crossed)})
    finally:
        libsumo.close()
    return told


def _truth(lanes: dict[str, str]) -> dict[str, list[tuple[float, float, tuple[str, str]]]]:
    import libsumo

    truth: dict[str, list[tuple[float, float, tuple[str, str]]]] = {}
    for name, lane in lanes.items():
        for light, _, distance_m, _ in libsumo.vehicle.getNextTLS(name)[:1]:
            route, index = libsumo.vehicle.getRoute(name), libsumo.vehicle.getRouteIndex(name)
            first = index + lane.startswith(":")
            truth.setdefault(light, []).append((distance_m, libsumo.vehicle.getSpeed(name), (route[first], route[first + 1])))
    return truth


def _inside(lanes: dict[str, str]) -> list[tuple[float, tuple[str, str]]]:
    import libsumo

    inside = [name for name, lane in lanes.items() if lane.startswith(":")]
    ways = [libsumo.vehicle.getRoute(name)[libsumo.vehicle.getRouteIndex(name) :][:2] for name in inside]
    return [(libsumo.vehicle.getSpeed(name), (way[0], way[1])) for name, way in zip(inside, ways, strict=True)]


def tampered(configuration: Path, folder: Path) -> list[tuple[float, str, str]]:
    """A run in which somebody else sets a light of SUMO all green at 40 s: (time, light, guard's mode) of each second."""
    import libsumo

    from intersections.signals.commitments import FREE
    from intersections.signals.conventions import RESCO
    from v2x.importers.sumo_signals import read_signals
    from v2x.sim.signal_arguments import Control, Traffic, sumo_arguments
    from v2x.sim.signal_loop import SignalLoop
    from v2x.sim.signal_planners import PLANNERS

    started = sumo_arguments(Traffic(configuration), folder)
    sites = read_signals(started.network, started.additional, RESCO)
    told = []
    libsumo.start(started.arguments)
    try:
        loop = SignalLoop(sites, lambda site: PLANNERS[Control.PROGRAM](site, FREE), 0, 1.0)
        for second in range(60):
            loop.step(float(second))
            told += [(float(second), light, mode) for light, mode in loop.modes().items()]
            if second == 40:
                letters = libsumo.trafficlight.getRedYellowGreenState(sites[0].layout.intersection)
                libsumo.trafficlight.setRedYellowGreenState(sites[0].layout.intersection, "G" * len(letters))
            libsumo.simulationStep()
    finally:
        libsumo.close()
    return told


def buttons(configuration: Path, folder: Path) -> list[tuple[dict[str, float], set[str], set[str]]]:
    """Each second of three minutes under the shipped programs: (crossing -> wait s, crossings that are green, where somebody stands)."""
    import libsumo

    from intersections.signals.conventions import RESCO
    from v2x.importers.sumo_signals import read_signals
    from v2x.sim.signal_arguments import Traffic, sumo_arguments
    from v2x.sim.signal_buttons import PushButtons
    from v2x.sim.signal_loop import crossings_of

    started = sumo_arguments(Traffic(configuration), folder)
    sites = read_signals(started.network, started.additional, RESCO)
    told = []
    libsumo.start(started.arguments)
    try:
        places = crossings_of(sites)
        pressed = PushButtons(places, [len(site.layout.groups) for site in sites])
        for second in range(180):
            libsumo.simulationStep()
            letters = [libsumo.trafficlight.getRedYellowGreenState(site.layout.intersection) for site in sites]
            greens = [
                sum(1 << bit for bit, links in enumerate(site.links_of_group) if lit[links[0]] in "Gg")
                for site, lit in zip(sites, letters, strict=True)
            ]
            pressed.press(float(second), greens)
            waits = pressed.wait_s(float(second), 1.0)
            standing = {libsumo.person.getNextEdge(name) for name in libsumo.person.getIDList() if libsumo.person.getSpeed(name) < 0.2}
            told.append(
                (
                    {crossing: float(waits[site][bit]) for crossing, (site, bit) in places.items()},
                    {crossing for crossing, (site, bit) in places.items() if greens[site] >> bit & 1},
                    standing & set(places),
                )
            )
    finally:
        libsumo.close()
    return told
