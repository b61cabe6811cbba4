"""The command line: `v2x serve | demo | sim | replay | eta-score | map | signals | station | dispatch | bench-client`.

Rules:
* A command's module is imported when the command is asked for: `v2x --help` stays quick, and a missing extra is told in a sentence.
* What the operator did wrong ends with one sentence on stderr and exit code 2; a defect of ours ends with its traceback.
"""

import importlib
import sys
from typing import Annotated, NamedTuple

import typer

from v2x.cli import application
from v2x.errors import ConfigError


class Room(NamedTuple):
    """Where a command's typer application lies, what it is for, and the extra it needs."""

    module: str
    application: str
    summary: str
    extra: str = ""


ROOMS = {
    "serve": Room("v2x.cli.serve", "serve_app", "Serve intersections: gRPC in, warnings out by MQTT."),
    "demo": Room("v2x.demo.command", "demo_app", "Play recorded traffic through the whole road.", "sim"),
    "sim": Room("v2x.cli.sim", "sim_app", "Simulated traffic against the road, by wire or in lockstep.", "sim"),
    "report": Room("v2x.cli.report", "report_app", "Report a day of bus service from timetable and positions."),
    "replay": Room("v2x.cli.replay", "replay_app", "Play an input log again and verify what was decided."),
    "eta-score": Room("v2x.cli.eta_score", "eta_score_app", "Predict arrivals on a recorded day and score them."),
    "map": Room("v2x.cli.map", "map_app", "Import, check and show maps."),
    "signals": Room("v2x.cli.signals", "signals_app", "Read, check and import signal programs."),
    "station": Room("v2x.cli.station", "station_app", "List, approve and check roadside stations."),
    "dispatch": Room("v2x.cli.dispatch", "dispatch_app", "Orders to buses: list, accept, change, reject, order, withdraw, text."),
    "bench-client": Room("v2x.load.client", "bench_app", "Load a server with stations; measure latency and loss."),
}

EXAMPLES = """
Examples:

  v2x serve                              the packaged example crossing, on this machine only

  v2x serve --map north.json             a crossing of your own

  v2x station approve rsu-7 --intersection north

  v2x replay state/log --events events.jsonl
"""

overview = application("Vehicle-road cooperation for a city district.", EXAMPLES)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        from v2x.district import build_id, version  # noqa: PLC0415 - costs NumPy and pyproj

        typer.echo(f"v2x {version()} ({build_id()})")
        raise typer.Exit


@overview.callback()
def _overview(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version and build.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Vehicle-road cooperation for a city district."""


def _list_in_overview(name: str, room: Room) -> None:
    @overview.command(name, help=room.summary)
    def _listed() -> None:
        """Never called: `main` hands a named command to its room."""


for _name, _room in ROOMS.items():
    _list_in_overview(_name, _room)


def open_room(name: str) -> typer.Typer:
    """The typer application of a command. Raises ConfigError where its extra is not installed."""
    room = ROOMS[name]
    try:
        application = getattr(importlib.import_module(room.module), room.application)
    except ModuleNotFoundError as error:
        if not room.extra or (error.name or "").split(".")[0] in ("v2x", "intersections", "positioning"):
            raise
        raise ConfigError(f"v2x {name}", f"needs {error.name}; install the extra: pip install 'v2x-road[{room.extra}]'") from error
    assert isinstance(application, typer.Typer)
    return application


def main() -> None:
    words = sys.argv[1:]
    try:
        if words and words[0] in ROOMS:
            open_room(words[0])(args=words[1:], prog_name=f"v2x {words[0]}")
        else:
            overview(prog_name="v2x")
    except ConfigError as error:
        typer.echo(f"v2x: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
