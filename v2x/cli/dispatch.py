"""`v2x dispatch list | watch | accept | change | reject | order | withdraw | text | headway | mode`: orders to buses, from a terminal.

Rules:
* Everything is asked of the running server (`v2x serve --gtfs`), whose address is in `endpoints.json` of the state folder.
* Exit code 1 where the server refused the act; what the operator typed wrong is one sentence and exit code 2, as everywhere.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import grpc
import typer
from google.protobuf.message import Message

from v2x.cli import application
from v2x.cli.station import StateOption, endpoint_of
from v2x.config import load_settings
from v2x.dispatch_messages import clock_text
from v2x.errors import ConfigError
from v2x.v1 import dispatch_pb2 as pb

EXAMPLES = """
Examples:

  v2x dispatch list                                        open proposals and orders, and how each line is run

  v2x dispatch watch --line 20                             every change as it happens; Ctrl-C ends

  v2x dispatch accept mppy1i7v-17                          a proposal becomes an order

  v2x dispatch change mppy1i7v-17 45                       45 instead of what was proposed or ordered

  v2x dispatch reject mppy1i7v-17 --reason "full bus"      not wanted; it is not proposed again

  v2x dispatch order hold bus-9 40 --stop 4                hold at the trip's fifth stop, 40 s beyond boarding

  v2x dispatch order depart-at bus-9 08:17:30 --stop 0     leave the terminal at that time of the service day

  v2x dispatch withdraw mppy1i7v-18 --reason "road closed"

  v2x dispatch text bus-9 "Detour by Via Marconi until noon"

  v2x dispatch headway 20 360                              aim at a bus each 6 min on line 20; 0: as planned

  v2x dispatch mode 20 automatic                           advise, confirm or automatic
"""
KINDS = {  # as typed: kind, and how its value is read
    "depart-at": (pb.ORDER_KIND_DEPART_AT, "clock"),
    "hold": (pb.ORDER_KIND_HOLD, "number"),
    "depart-not-before": (pb.ORDER_KIND_DEPART_NOT_BEFORE, "clock"),
    "speed": (pb.ORDER_KIND_SPEED, "number"),
    "priority": (pb.ORDER_KIND_PRIORITY, ""),
    "insert": (pb.ORDER_KIND_INSERT, ""),
    "cancel": (pb.ORDER_KIND_CANCEL, ""),
}
MODES = {"advise": pb.DISPATCH_MODE_ADVISE, "confirm": pb.DISPATCH_MODE_CONFIRM, "automatic": pb.DISPATCH_MODE_AUTOMATIC}
CLOCKS = frozenset({pb.ORDER_KIND_DEPART_AT, pb.ORDER_KIND_DEPART_NOT_BEFORE})
CALL_S = 15.0
SERVICE = "/v2x.v1.DispatchService/"
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)

dispatch_app = application("Orders to buses: see what is proposed, decide, order by hand, set headways and modes.", EXAMPLES)


@dataclass(frozen=True, slots=True)
class Server:
    flag: str
    state: Path | None
    certificate: Path | None
    token: str

    @property
    def address(self) -> str:
        return self.flag or endpoint_of(load_settings({"state": self.state}))

    @contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        """What the server refuses, or cannot be reached for, is the operator's one sentence."""
        credentials = grpc.ssl_channel_credentials(self.certificate.read_bytes()) if self.certificate is not None else None
        address = self.address
        channel = grpc.insecure_channel(address) if credentials is None else grpc.secure_channel(address, credentials)
        try:
            with channel:
                yield channel
        except grpc.RpcError as error:
            raise ConfigError("--grpc", f"{address}: {error.details()}; does `v2x serve --gtfs` run there?") from error

    @property
    def metadata(self) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self.token}")] if self.token else []

    def act(self, method: str, request: Message) -> None:
        """Ask for one act and tell what came of it."""
        with self.channel() as channel:
            call = channel.unary_unary(SERVICE + method, type(request).SerializeToString, pb.DispatchAnswer.FromString)
            answer = call(request, timeout=CALL_S, metadata=self.metadata)
        if answer.verdict != pb.DISPATCH_VERDICT_TAKEN:
            typer.echo(f"refused: {answer.text}", err=True)
            raise typer.Exit(1)
        typer.echo(f"{answer.order_id} version {answer.version}" if answer.order_id else "done")


AddressOption = Annotated[str, typer.Option("--grpc", help="The server, HOST:PORT; default: from endpoints.json in the state folder.")]
CertificateOption = Annotated[Path | None, typer.Option(help="The server's certificate, PEM, where it has one.")]
TokenOption = Annotated[str, typer.Option(envvar="V2X_OPERATOR_TOKEN", help="An operator's token, asked for from other machines.")]
OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id, from `v2x dispatch list`.")]
VersionOption = Annotated[int, typer.Option(min=0, help="Only if it is still this version; 0: whichever it is.")]
VehicleArgument = Annotated[str, typer.Argument(metavar="VEHICLE", help="The vehicle's id.")]
LineArgument = Annotated[str, typer.Argument(metavar="LINE", help="The line's id (GTFS: route_id).")]
ValidOption = Annotated[float, typer.Option("--valid", min=10, max=14400, help="For so many seconds from now; later nobody acts on it.")]
ReasonOption = Annotated[str, typer.Option(help="For the record.")]


@dispatch_app.callback()
def _server(
    context: typer.Context,
    grpc: AddressOption = "",
    tls_certificate: CertificateOption = None,
    token: TokenOption = "",
    state: StateOption = None,
) -> None:
    context.obj = Server(grpc, state, tls_certificate, token)


@dispatch_app.command("list", epilog=EXAMPLES)
def list_command(
    context: typer.Context,
    line: Annotated[str, typer.Option(help="Of this line only.")] = "",
    vehicle: Annotated[str, typer.Option(help="To this vehicle only.")] = "",
    ended: Annotated[int, typer.Option(min=0, max=1000, help="So many that have ended as well.")] = 0,
) -> None:
    """Show open proposals and orders, and the mode of each line."""
    server: Server = context.obj
    with server.channel() as channel:
        call = channel.unary_unary(f"{SERVICE}List", pb.ListOrdersRequest.SerializeToString, pb.ListOrdersResponse.FromString)
        listed = call(pb.ListOrdersRequest(line=line, vehicle=vehicle, ended=ended), timeout=CALL_S, metadata=server.metadata)
    for order in listed.orders:
        typer.echo(order_line(order))
    if not listed.orders:
        typer.echo("no open proposals or orders")
    for one in listed.lines:
        headway = f", headway {one.headway_s:g} s" if one.headway_s else ""
        typer.echo(f"line {one.line}: {pb.DispatchMode.Name(one.mode).removeprefix('DISPATCH_MODE_').lower()}{headway}", err=True)


@dispatch_app.command("watch", epilog=EXAMPLES)
def watch_command(context: typer.Context, line: Annotated[str, typer.Option(help="Of this line only.")] = "") -> None:
    """Show every change of an order as it happens."""
    server: Server = context.obj
    with server.channel() as channel:
        call = channel.unary_stream(f"{SERVICE}Watch", pb.WatchOrdersRequest.SerializeToString, pb.BusOrder.FromString)
        try:
            for order in call(pb.WatchOrdersRequest(line=line), metadata=server.metadata):
                typer.echo(f"{_time(order.changed_unix_ns)}  {order_line(order)}")
        except KeyboardInterrupt:
            typer.echo("", err=True)


@dispatch_app.command("accept", epilog=EXAMPLES)
def accept_command(context: typer.Context, order: OrderArgument, version: VersionOption = 0) -> None:
    """Make an order of a proposal."""
    context.obj.act("Accept", pb.AcceptOrderRequest(order_id=order, version=version))


@dispatch_app.command("change", epilog=EXAMPLES)
def change_command(
    context: typer.Context,
    order: OrderArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Seconds, m/s, or HH:MM:SS, as its kind asks.")],
    valid: Annotated[float, typer.Option(min=0, max=14400, help="For so many seconds from now; 0: as before.")] = 0.0,
    version: VersionOption = 0,
) -> None:
    """Give a proposal or an order another value. A proposal is accepted by that; an order is sent again."""
    number = _number(value, "clock" if ":" in value else "number")
    end_ns = _end_ns(valid) if valid else 0
    context.obj.act("Change", pb.ChangeOrderRequest(order_id=order, version=version, value=number, valid_until_unix_ns=end_ns))


@dispatch_app.command("reject", epilog=EXAMPLES)
def reject_command(context: typer.Context, order: OrderArgument, reason: ReasonOption = "") -> None:
    """Decline a proposal; the same is not proposed again."""
    context.obj.act("Reject", pb.RejectOrderRequest(order_id=order, reason=reason))


@dispatch_app.command("order", epilog=EXAMPLES)
def order_command(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")],
    vehicle: VehicleArgument,
    value: Annotated[
        str, typer.Argument(metavar="[VALUE]", help="hold: seconds; speed: m/s; departures: HH:MM:SS of the service day.")
    ] = "",
    trip: Annotated[str, typer.Option(help="Default: the vehicle's present trip.")] = "",
    stop: Annotated[int | None, typer.Option(min=0, help="Row of the trip's stops, the first is 0. Default: its next stop.")] = None,
    valid: ValidOption = 600.0,
) -> None:
    """Give an order by hand. It replaces what the driver was told before."""
    if kind not in KINDS:
        raise ConfigError("KIND", f"{kind!r} is none of {', '.join(KINDS)}")
    number, form = KINDS[kind]
    request = pb.GiveOrderRequest(kind=number, vehicle=vehicle, trip=trip, value=_number(value, form), valid_until_unix_ns=_end_ns(valid))
    if stop is not None:
        request.stop = stop
    context.obj.act("Order", request)


@dispatch_app.command("withdraw", epilog=EXAMPLES)
def withdraw_command(context: typer.Context, order: OrderArgument, reason: ReasonOption = "") -> None:
    """Take back an order; the driver is told."""
    context.obj.act("Withdraw", pb.WithdrawOrderRequest(order_id=order, reason=reason))


@dispatch_app.command("text", epilog=EXAMPLES)
def text_command(
    context: typer.Context,
    vehicle: VehicleArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="At most 200 characters.")],
    valid: ValidOption = 600.0,
) -> None:
    """Send a text to a driver; it stands beside his order."""
    context.obj.act("Text", pb.SendTextRequest(vehicle=vehicle, text=text, valid_until_unix_ns=_end_ns(valid)))


@dispatch_app.command("headway", epilog=EXAMPLES)
def headway_command(
    context: typer.Context,
    line: LineArgument,
    seconds: Annotated[float, typer.Argument(metavar="SECONDS", min=0, help="0: as planned.")],
) -> None:
    """Set the headway that a line aims at."""
    context.obj.act("SetHeadway", pb.SetHeadwayRequest(line=line, headway_s=seconds))


@dispatch_app.command("mode", epilog=EXAMPLES)
def mode_command(
    context: typer.Context, line: LineArgument, mode: Annotated[str, typer.Argument(metavar="MODE", help=f"One of {', '.join(MODES)}.")]
) -> None:
    """Set how proposals of a line become orders."""
    if mode not in MODES:
        raise ConfigError("MODE", f"{mode!r} is none of {', '.join(MODES)}")
    context.obj.act("SetMode", pb.SetModeRequest(line=line, mode=MODES[mode]))


def order_line(order: pb.BusOrder) -> str:
    """One order in one line: what, to whom, how it stands, and why."""
    state = pb.OrderState.Name(order.state).removeprefix("ORDER_STATE_").lower().replace("_", " ")
    kind = pb.OrderKind.Name(order.kind).removeprefix("ORDER_KIND_").lower().replace("_", "-")
    value = clock_text(order.value) if order.kind in CLOCKS else (f"{order.value:g}" if order.value else "")
    where = f"trip {order.trip} stop {order.stop}" if order.trip else ""
    effect, word = (order.measured, "saved") if order.HasField("measured") else (order.predicted, "would save")
    worth = f"{word} {effect.waiting_s + effect.in_vehicle_s:.0f} passenger-s" if order.HasField("predicted") else ""
    head = f"{order.id} v{order.version}  {state:<15} {order.vehicle}  line {order.line}"
    parts = (
        head,
        f"{kind} {value}".strip(),
        where,
        order.text,
        worth,
        order.why,
        order.reason,
        f"until {_time(order.valid_until_unix_ns)}",
    )
    return "  ".join(part for part in parts if part)


def _number(text: str, form: str) -> float:
    """`form`: clock, number, or '' for a kind that has no value."""
    if not form:
        if text:
            raise ConfigError("VALUE", f"{text!r}: this kind has no value")
        return 0.0
    if form == "clock":
        match = _CLOCK.fullmatch(text)
        if match is None:
            raise ConfigError("VALUE", f"{text!r} is no time of the service day such as 08:17:30 (past midnight: 24:05:00)")
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return 3600.0 * hours + 60.0 * minutes + seconds
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError("VALUE", f"{text!r} is no number") from error


def _end_ns(valid_s: float) -> int:
    return time.time_ns() + round(valid_s * 1e9)


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9).astimezone().strftime("%H:%M:%S")
