"""`v2x serve`: a road in the foreground until Ctrl-C or SIGTERM; then nothing that came in is lost."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from v2x.app import LiveRoad, open_road
from v2x.broker import BrokerError
from v2x.cli import application
from v2x.config import Settings, load_settings
from v2x.errors import ConfigError
from v2x.logs import configure_logs
from v2x.progress import show_live_line

serve_app = application()

EXAMPLES = """
Examples:

  v2x serve                                               the packaged example crossing

  v2x serve --map north.json --map south.json

  v2x serve --map north.json --signals north-signals.json

  v2x serve --gtfs gtfs --bus-positions https://example.com/vehicle-positions.pb

  v2x serve --mqtt-url mqtts://user:password@broker:8883  another broker

  V2X_LOG_LEVEL=debug v2x serve --config district.toml
"""


@serve_app.command(epilog=EXAMPLES)
def serve(
    config: Annotated[Path | None, typer.Option(help="Settings, TOML; default: v2x.toml where it is.")] = None,
    map: Annotated[list[Path] | None, typer.Option(help="A map (own JSON); again for more. Default: the packaged example.")] = None,
    signals: Annotated[
        list[Path] | None, typer.Option(help="Control the signals of the intersection in this file (own JSON); again for more.")
    ] = None,
    signal_control: Annotated[str | None, typer.Option(help="adaptive (default), actuated, max-pressure or program.")] = None,
    gtfs: Annotated[Path | None, typer.Option(help="Dispatch the buses of this timetable (GTFS, a folder or a zip).")] = None,
    bus_lines: Annotated[Path | None, typer.Option(help="Plans and modes of its lines (TOML).")] = None,
    bus_positions: Annotated[str | None, typer.Option(help="Poll its vehicles' positions here: a GTFS-RT feed, http[s]://...")] = None,
    bus_network: Annotated[str | None, typer.Option(help="Its name in topics; default: buses.")] = None,
    service_day: Annotated[str | None, typer.Option(help="YYYY-MM-DD; default: today where the agency is.")] = None,
    anchors: Annotated[Path | None, typer.Option(help="Surveyed gNBs, JSON; for vehicles that send ranges.")] = None,
    stations: Annotated[Path | None, typer.Option(help="The registry of stations; default: stations.json in the state folder.")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder for registry, log, broker and endpoints.json; default: state.")] = None,
    grpc: Annotated[str | None, typer.Option(help="Listen for gRPC here; default 127.0.0.1:50051. Port 0: any free one.")] = None,
    mqtt: Annotated[str | None, typer.Option(help="The bundled broker's MQTT listener; default 127.0.0.1:1883.")] = None,
    websocket: Annotated[str | None, typer.Option(help="The bundled broker's websocket listener; default 127.0.0.1:8083.")] = None,
    feeds: Annotated[str | None, typer.Option(help="GTFS-RT and service figures by HTTP, with --gtfs; default 127.0.0.1:8088.")] = None,
    mqtt_url: Annotated[str | None, typer.Option(help="Use this broker and start none: mqtt[s]://[user:password@]host[:port].")] = None,
    region: Annotated[str | None, typer.Option(help="Third level of all topics; default: district.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM, for gRPC.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM, for gRPC.")] = None,
    vehicle_token: Annotated[str | None, typer.Option(help="Ask connected vehicles for this token.")] = None,
    insecure: Annotated[bool | None, typer.Option("--insecure", help="Listen beyond loopback without TLS and tokens.")] = None,
    record: Annotated[bool | None, typer.Option(help="Keep the input log; default: yes.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    progress: Annotated[bool | None, typer.Option(help="The live line; default: where stderr is a terminal.")] = None,
) -> None:
    """Serve intersections: roadside units and vehicles in by gRPC, warnings and tracks out by MQTT."""
    flags = {name: value for name, value in locals().items() if name not in ("config", "map", "signals")}
    settings = load_settings(flags | {"maps": map or None, "signals": signals or None}, config)
    configure_logs(settings.log_level)
    try:
        asyncio.run(serve_until_stopped(settings))
    except BrokerError as wrong:
        raise ConfigError("--mqtt", str(wrong)) from wrong
    except BaseExceptionGroup as wrong:  # with what it brought down on the way out
        told = _told(wrong)
        if told is None:
            raise
        raise told from wrong


async def serve_until_stopped(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_road(settings) as road:
        where = road.endpoints
        websocket = f", websocket {where.websocket}" if where.websocket else ""
        websocket += f", GTFS-RT {where.feeds}" if where.feeds else ""
        typer.echo(f"serving {', '.join(road.served)}: gRPC {where.grpc}, MQTT {where.mqtt}{websocket}; Ctrl-C ends", err=True)
        line = asyncio.create_task(_live_line(road), name="live-line")
        await stop.wait()
        line.cancel()
        await asyncio.wait({line})
    typer.echo(road.summary(), err=True)


async def _live_line(road: LiveRoad) -> None:
    wanted = road.settings.progress
    if sys.stderr.isatty() if wanted is None else wanted:
        await show_live_line(road.progress, lambda: road.drops().total(), sys.stderr)


def _told(group: BaseExceptionGroup[BaseException]) -> ConfigError | None:
    """Tasks fail in groups of groups; an operator wants the one sentence about his settings. None: the fault is ours."""
    mine: BaseException | None = group.subgroup(ConfigError)
    while isinstance(mine, BaseExceptionGroup):
        mine = mine.exceptions[0]
    return mine if isinstance(mine, ConfigError) else None
