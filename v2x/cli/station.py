"""`v2x station list | approve | revoke | check`: who may send, who tried, and what is wrong with one that sends.

Rules:
* `list`, `approve` and `revoke` work on the registry file alone, with or without a running server, which sees the change within a second.
* `check` asks the running server, whose address is in `endpoints.json` of the state folder.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import grpc
import typer

from v2x.cli import application
from v2x.config import Settings, load_settings
from v2x.errors import ConfigError
from v2x.stations import PeerKind, Pose, StationRegistry
from v2x.v1 import operator_pb2

EXAMPLES = """
Examples:

  v2x station list                                         the registered, and those that tried

  v2x station approve rsu-7 --intersection north --latitude 52.2746 --longitude 10.5269 --heading 90

  v2x station approve lamps-north --kind signal --intersection north

  v2x station check rsu-7                                  watch it for 10 s and say what is wrong

  v2x station revoke rsu-7
"""

MARKS = {
    operator_pb2.FINDING_SEVERITY_GOOD: "good ",
    operator_pb2.FINDING_SEVERITY_NOTE: "note ",
    operator_pb2.FINDING_SEVERITY_FAULT: "FAULT",
}
ANSWER_MARGIN_S = 10.0

station_app = application("List, approve and check roadside stations.", EXAMPLES)

StateOption = Annotated[Path | None, typer.Option(help="State folder of the server; default: state.")]
StationsOption = Annotated[Path | None, typer.Option(help="The registry; default: stations.json in the state folder.")]
StationArgument = Annotated[str, typer.Argument(metavar="ID", help="The station's id.")]


@station_app.command("list", epilog=EXAMPLES)
def list_command(state: StateOption = None, stations: StationsOption = None) -> None:
    """Show registered stations, and those that tried to speak and may not yet."""
    registry = StationRegistry(_settings(state, stations).stations_file)
    for station in registry.all():
        pose = station.pose
        place = f"{pose.latitude_deg:.7f} {pose.longitude_deg:.7f}, looks to {pose.heading_deg:g} degree" if pose else "no pose"
        status = "approved" if station.approved else "revoked"
        typer.echo(f"{station.id}  {status}  {station.kind}  {station.intersection or '-'}  {place}")
    pending = registry.pending()
    if pending:
        typer.echo("\nTried, and may not yet:" if registry.all() else "Tried, and may not yet:")
    for one in pending:
        last = datetime.fromtimestamp(one.last_seen_ns / 1e9, UTC).isoformat(timespec="seconds")
        typer.echo(f"{one.id}  {one.attempts} times, last {last} from {one.peer}, for intersection {one.intersection or '-'}: {one.reason}")
    if not pending and not registry.all():
        typer.echo("No station is registered, none tried. Start one, or run: v2x station approve ID --intersection INTERSECTION")


@station_app.command("approve", epilog=EXAMPLES)
def approve_command(
    station: StationArgument,
    intersection: Annotated[
        str, typer.Option(help="The intersection it stands at; asked of roadside stations and signal controllers.")
    ] = "",
    latitude: Annotated[float | None, typer.Option(help="Where it stands, degrees.")] = None,
    longitude: Annotated[float | None, typer.Option(help="Where it stands, degrees.")] = None,
    heading: Annotated[float, typer.Option(help="Where it looks, degrees clockwise from north.")] = 0.0,
    kind: Annotated[PeerKind, typer.Option(help="What it may do.")] = PeerKind.ROADSIDE,
    state: StateOption = None,
    stations: StationsOption = None,
) -> None:
    """Let a station in, and show its new token once."""
    if (latitude is None) != (longitude is None):
        raise ConfigError("--latitude, --longitude", "both or neither")
    pose = Pose(latitude, longitude, heading) if latitude is not None and longitude is not None else None
    registry = StationRegistry(_settings(state, stations).stations_file)
    token = registry.approve(station, intersection, pose, kind)
    typer.echo(f"{station} is approved. Its token, shown only now:", err=True)
    typer.echo(token)
    typer.echo("It belongs into the call metadata: authorization: Bearer TOKEN", err=True)


@station_app.command("revoke", epilog=EXAMPLES)
def revoke_command(station: StationArgument, state: StateOption = None, stations: StationsOption = None) -> None:
    """Refuse a station's next streams; `approve` lets it in again with a new token."""
    StationRegistry(_settings(state, stations).stations_file).revoke(station)
    typer.echo(f"{station} is revoked; a running server ends its stream within seconds.")


@station_app.command("check", epilog=EXAMPLES)
def check_command(
    station: StationArgument,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long to watch.")] = 10.0,
    server: Annotated[str, typer.Option("--grpc", help="The server, HOST:PORT; default: from endpoints.json in the state folder.")] = "",
    tls_certificate: Annotated[Path | None, typer.Option(help="The server's certificate, PEM, where it has one.")] = None,
    token: Annotated[str, typer.Option(envvar="V2X_OPERATOR_TOKEN", help="An operator's token, asked for from other machines.")] = "",
    state: StateOption = None,
) -> None:
    """Watch a live station through the running server and say what is wrong. Exit code 1 where something is."""
    address = server or endpoint_of(_settings(state, None))
    typer.echo(f"watching {station} for {seconds:g} s ...", err=True)
    worst = 0
    try:
        for finding in _findings(address, tls_certificate, token, station, seconds):
            typer.echo(f"{MARKS[finding.severity]}  {finding.topic:<9}  {finding.text}")
            worst = max(worst, finding.severity)
    except grpc.RpcError as error:
        raise ConfigError("--grpc", f"{address}: {error.details()}; does `v2x serve` run there?") from error
    if worst == operator_pb2.FINDING_SEVERITY_FAULT:
        raise typer.Exit(1)


def _findings(address: str, certificate: Path | None, token: str, station: str, seconds: float) -> Iterator[operator_pb2.StationFinding]:
    credentials = grpc.ssl_channel_credentials(certificate.read_bytes()) if certificate is not None else None
    channel = grpc.insecure_channel(address) if credentials is None else grpc.secure_channel(address, credentials)
    with channel:
        check = channel.unary_stream(
            "/v2x.v1.StationService/Check",
            request_serializer=operator_pb2.CheckStationRequest.SerializeToString,
            response_deserializer=operator_pb2.StationFinding.FromString,
        )
        request = operator_pb2.CheckStationRequest(station_id=station, duration_ms=round(seconds * 1000))
        yield from check(request, timeout=seconds + ANSWER_MARGIN_S, metadata=[("authorization", f"Bearer {token}")] if token else [])


def _settings(state: Path | None, stations: Path | None) -> Settings:
    return load_settings({"state": state, "stations": stations})


def endpoint_of(settings: Settings) -> str:
    try:
        return str(json.loads(settings.endpoints_file.read_text())["grpc"])
    except (OSError, ValueError, KeyError) as error:
        text = f"{settings.endpoints_file} names no server; start `v2x serve`, or give --state or --grpc HOST:PORT"
        raise ConfigError("--state", text) from error
