"""`v2x map import | show | check`: other people's maps into ours, and a look at the result."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from intersections.geojson import feature_collection
from intersections.geometry import Polyline
from intersections.map import IntersectionMap, MapError, Origin
from intersections.map_json import load, save
from v2x.cli import application
from v2x.errors import ConfigError
from v2x.importers.map_json import import_map_json
from v2x.importers.sumo_net import RADIUS_M, import_sumo_net

SHARP_BEND_RAD = math.radians(60)  # no vehicle turns so far at one vertex: the source's geometry is broken there

EXAMPLES = """
Examples:

  v2x map import town.net.xml.gz --junction J7 --out north.json      a SUMO network

  v2x map import grid.net.xml --origin 32.03,118.69 --out a.json      one without a projection

  v2x map import map-message.json --out north.json                    a MAP message (J2735, YD/T 3709)

  v2x map show north.json --geojson north.geojson

  v2x map check north.json
"""

map_app = application("Import, check and show maps.", EXAMPLES)


@map_app.command("import", epilog=EXAMPLES)
def import_command(
    file: Annotated[Path, typer.Argument(help="A SUMO network (.net.xml, .net.xml.gz) or a MAP message (.json).")],
    out: Annotated[Path, typer.Option("--out", help="Where to write our map.")],
    junction: Annotated[str, typer.Option(help="Traffic light, junction or intersection id, where the file has several.")] = "",
    radius: Annotated[float, typer.Option(min=20, max=2000, help="SUMO: lanes up to this far from the junction, m.")] = RADIUS_M,
    origin: Annotated[str, typer.Option(help="LAT,LON of x = 0, y = 0 of a SUMO network without a projection, degrees.")] = "",
    id: Annotated[str, typer.Option("--id", help="Id of the map; the junction's own where not given.")] = "",
    region: Annotated[str, typer.Option(help="Region, a level of the topics.")] = "district",
) -> None:
    """Read another format and write our own."""
    try:
        if file.suffix == ".json":
            map = import_map_json(file, junction or None, id or None, region)
        else:
            map = import_sumo_net(file, junction or None, radius, _origin(origin), id or None, region)
        save(map, out)
    except (MapError, OSError) as error:
        raise ConfigError("map import", str(error)) from error
    typer.echo("\n".join(summary(map)))


@map_app.command("show", epilog=EXAMPLES)
def show_command(
    map_file: Annotated[Path, typer.Argument(metavar="MAP.json", help="A map in our own format.")],
    geojson: Annotated[Path | None, typer.Option(help="Write to this file instead of standard output.")] = None,
) -> None:
    """The map as GeoJSON: lanes, connections, stop lines, crossings, conflict zones."""
    text = json.dumps(feature_collection(_load("map show", map_file)), ensure_ascii=False)
    if geojson is None:
        typer.echo(text)
        return
    try:
        geojson.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError("--geojson", str(error)) from error


@map_app.command("check", epilog=EXAMPLES)
def check_command(map_file: Annotated[Path, typer.Argument(metavar="MAP.json", help="A map in our own format.")]) -> None:
    """Whether the map is valid, what is in it, and what looks odd. Exits 2 where it is not valid."""
    typer.echo("\n".join(summary(_load("map check", map_file))))


def summary(map: IntersectionMap) -> list[str]:
    kinds = Counter(lane.kind.value for lane in map.lanes)
    priorities = Counter(connection.priority.value for connection in map.connections)
    reach_m = max(float(np.hypot(*lane.polyline.T).max()) for lane in map.lanes)
    latitude, longitude = math.degrees(map.origin.latitude_rad), math.degrees(map.origin.longitude_rad)
    return [
        f"{map.region}/{map.id} at {latitude:.7f}, {longitude:.7f}, reaching {reach_m:.0f} m",
        f"lanes          {len(map.lanes)} ({_counts(kinds)})",
        f"connections    {len(map.connections)} ({_counts(priorities)})",
        f"crossings      {len(map.crossings)}",
        f"conflict zones {len(map.zones)}",
        f"signal groups  {len(map.signal_groups)}",
        *(f"note: {note}" for note in notes(map)),
    ]


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def notes(map: IntersectionMap) -> Iterator[str]:
    """What is allowed but probably not meant."""
    used = {connection.signal_group for connection in map.connections} | {crossing.signal_group for crossing in map.crossings}
    for group in map.signal_groups:
        if group not in used:
            yield f"signal group {group!r} rules nothing"
    if not map.connections:
        yield "no connections: no path leads through the junction"
    for connection in map.connections:
        bend_rad = _sharpest_bend_rad(connection.path)
        if bend_rad > SHARP_BEND_RAD:
            yield f"connection {connection.id!r} bends by {math.degrees(bend_rad):.0f} degrees at one vertex"


def _sharpest_bend_rad(path: Polyline) -> float:
    steps = np.diff(path, axis=0)
    headings = np.arctan2(steps[:, 0], steps[:, 1])
    turns = np.abs((np.diff(headings) + np.pi) % (2 * np.pi) - np.pi)
    return float(turns.max(initial=0.0))


def _load(command: str, map_file: Path) -> IntersectionMap:
    try:
        return load(map_file)
    except MapError as error:
        raise ConfigError(command, str(error)) from error


def _origin(text: str) -> Origin | None:
    """LAT,LON in degrees."""
    if not text:
        return None
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError("--origin", f"{text!r} is not LAT,LON in degrees, such as 32.03,118.69") from error
    if not (abs(latitude) < 90 and abs(longitude) <= 180):
        raise ConfigError("--origin", f"{text!r} is not on the earth: latitude comes first, in degrees")
    return Origin(math.radians(latitude), math.radians(longitude))
