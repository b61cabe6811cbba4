"""A bus corridor of our own, made at run time by SUMO's netgenerate: what the demo shows bus dispatch on, on any machine.

Six signalised crossings, A to F, 400 m apart on a main road from west to east, side roads of 300 m. Two lines, both ways, each every five
minutes, with a terminal in the west and, behind a fork at E, one in the east (line 1) and one in the south (line 2): 14 stops. Cars,
and riders who appear at their stop; each takes whichever line comes first that serves his stop.

Rules:
* Everything follows from these lines and the seed. The place on earth is the origin below, by a transverse Mercator projection.
* Each bus is a vehicle of its own: its stops' `until` are the timetable, in SUMO's time. It comes to its terminal `LAYOVER_S` early.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from v2x.sim.randomness import generator
from v2x.sim.scenario import sumo_home

ORIGIN_DEG = (48.0, 11.0)  # latitude, longitude of the network's x = 0, y = 0
CROSSINGS = "ABCDEF"
BLOCK_M, SIDE_M, LIMIT_MPS = 400, 300, 13.89
CYCLE_S = 60
ENDS = ("left", "right", "top", "bottom")  # what netgenerate calls the far ends of side roads
STOP_FROM_M, STOP_TO_M = 100, 145  # along its road, in the lane at the kerb: room for three buses
LINES = {  # by line and direction: roads, each with a stop but where a - follows
    ("1", "east"): ("left0A0", "A0B0", "B0C0", "C0D0", "D0E0", "E0F0-", "F0right0"),
    ("1", "west"): ("right0F0", "F0E0-", "E0D0", "D0C0", "C0B0", "B0A0", "A0left0"),
    ("2", "east"): ("left0A0", "A0B0", "B0C0", "C0D0", "D0E0", "E0bottom4"),
    ("2", "west"): ("bottom4E0", "E0D0", "D0C0", "C0B0", "B0A0", "A0left0"),
}
HEADWAY_S, LINE_OFFSET_S = 300.0, {"1": 180.0, "2": 330.0}  # line 2 between two buses of line 1
TIMETABLE_MPS = 5.0  # stops, lamps and all
LAYOVER_S = 150.0
RIDERS_H = 90  # from a stop in a direction, to any of those that follow
MAIN_VEH_H, SIDE_VEH_H = 350, 80
BUSES = 18  # of a line and direction
RIDERS_S, CARS_S, END_S = 4800.0, 5400.0, 7200.0  # the last of them come; and everybody has long left


@dataclass(frozen=True, slots=True)
class Call:
    """A line's stop: its road, and how far the timetable has it from the first one, s."""

    road: str
    after_s: float


def write_corridor(folder: Path, seed: int) -> Path:
    """The scenario's configuration, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_network(folder / "corridor.net.xml")
    files = {
        "stops.add.xml": ("additional", _stops()),
        "buses.rou.xml": ("routes", _buses()),
        "riders.rou.xml": ("routes", _riders(seed)),
        "cars.rou.xml": ("routes", _cars()),
    }
    for name, (root, rows) in files.items():
        (folder / name).write_text("\n".join([f"<{root}>", *rows, f"</{root}>", ""]), encoding="utf-8")
    configuration = folder / "corridor.sumocfg"
    configuration.write_text(
        '<configuration><input><net-file value="corridor.net.xml"/><additional-files value="stops.add.xml"/>'
        '<route-files value="buses.rou.xml,riders.rou.xml,cars.rou.xml"/></input>'
        f'<time><begin value="0"/><end value="{END_S:g}"/></time></configuration>\n',
        encoding="utf-8",
    )
    return configuration


def calls(line: str, direction: str) -> list[Call]:
    """The stops of a line in order."""
    roads = LINES[line, direction]
    lengths_m = (SIDE_M if any(end in road for end in ENDS) else BLOCK_M for road in roads)
    places_m = accumulate(lengths_m, initial=0)
    return [Call(road, place_m / TIMETABLE_MPS) for road, place_m in zip(roads, places_m, strict=False) if not road.endswith("-")]


def _write_network(path: Path) -> None:
    words = {
        "grid.x-number": len(CROSSINGS),
        "grid.y-number": 1,
        "grid.length": BLOCK_M,
        "grid.attach-length": SIDE_M,
        "default.lanenumber": 2,
        "default.speed": LIMIT_MPS,
        "no-turnarounds": "true",
        "tls.cycle.time": CYCLE_S,
        "tls.set": ",".join(f"{name}0" for name in CROSSINGS),
        "output-file": path,
    }
    program = sumo_home() / "bin" / "netgenerate"
    given = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    subprocess.run([str(program), "--grid", *given], check=True, capture_output=True)  # noqa: S603  SUMO's own, of the installed wheel
    place = f"+proj=tmerc +lat_0={ORIGIN_DEG[0]:g} +lon_0={ORIGIN_DEG[1]:g} +ellps=WGS84 +datum=WGS84 +units=m +no_defs"
    path.write_text(path.read_text(encoding="utf-8").replace('projParameter="!"', f'projParameter="{place}"'), encoding="utf-8")


def _stops() -> Iterator[str]:
    for road in sorted({call.road for line in LINES for call in calls(*line)}):
        yield f'<busStop id="{road}" lane="{road}_0" startPos="{STOP_FROM_M}" endPos="{STOP_TO_M}"/>'


def _buses() -> Iterator[str]:
    """In order of departure, as SUMO wants them."""
    yield '<vType id="bus" vClass="bus" length="12" personCapacity="80"/>'
    planned = [(LINE_OFFSET_S[way[0]] + number * HEADWAY_S, number, way) for way in LINES for number in range(BUSES)]
    yield from (_bus(f"{line}{direction}.{number}", line, direction, time_s) for time_s, number, (line, direction) in sorted(planned))


def _bus(name: str, line: str, direction: str, planned_s: float) -> str:
    roads = " ".join(road.removesuffix("-") for road in LINES[line, direction])
    first, *others = (f'busStop="{call.road}" until="{planned_s + call.after_s:g}"' for call in calls(line, direction))
    stops = "".join(f"<stop {stop}/>" for stop in (f'{first} duration="{LAYOVER_S:g}"', *others))
    return f'<vehicle id="bus_{name}" type="bus" line="{line}" depart="{planned_s - LAYOVER_S:g}"><route edges="{roads}"/>{stops}</vehicle>'


def _riders(seed: int) -> Iterator[str]:
    """They come evenly (Poisson), and go to a stop ahead that a line takes them to without a change."""
    found: list[tuple[float, str]] = []
    for direction in ("east", "west"):
        for origin, goals in _destinations(direction).items():
            chance = generator(seed, "riders", origin)
            times_s = np.sort(chance.uniform(0.0, RIDERS_S, chance.poisson(RIDERS_H * RIDERS_S / 3600.0)))
            for number, time_s in enumerate(times_s):
                goal, lines = goals[chance.integers(len(goals))]
                found.append((time_s, _rider(f"{origin}.{number}", time_s, origin, goal, lines)))
    yield from (row for _, row in sorted(found))


def _destinations(direction: str) -> dict[str, list[tuple[str, str]]]:
    """From each stop of a direction: the stops ahead, and the lines that go there."""
    lines = {line: [call.road for call in calls(line, direction)] for line, way in LINES if way == direction}
    pairs: dict[tuple[str, str], list[str]] = {}
    for line, roads in lines.items():
        for row, origin in enumerate(roads):
            for goal in roads[row + 1 :]:
                pairs.setdefault((origin, goal), []).append(line)
    ahead: dict[str, list[tuple[str, str]]] = {}
    for (origin, goal), names in pairs.items():
        ahead.setdefault(origin, []).append((goal, " ".join(names)))
    return ahead


def _rider(name: str, time_s: float, origin: str, goal: str, lines: str) -> str:
    ways = f'<stop busStop="{origin}" duration="1"/><ride busStop="{goal}" lines="{lines}"/>'
    return f'<person id="rider_{name}" depart="{time_s:.1f}">{ways}</person>'


def _cars() -> Iterator[str]:
    """Both ways along the main road, and straight across it; SUMO draws who drives when, by its seed."""
    flows = [("left0A0", "F0right0", MAIN_VEH_H), ("right0F0", "A0left0", MAIN_VEH_H)]
    for number, name in enumerate(CROSSINGS):
        south, north = (f"bottom{number}{name}0", f"{name}0bottom{number}"), (f"top{number}{name}0", f"{name}0top{number}")
        flows += [(south[0], north[1], SIDE_VEH_H), (north[0], south[1], SIDE_VEH_H)]
    for row, (origin, goal, rate) in enumerate(flows):
        yield (
            f'<flow id="car{row}" from="{origin}" to="{goal}" begin="0" end="{CARS_S:g}" probability="{rate / 3600:.4f}" '
            'departLane="best" departSpeed="max"/>'
        )
