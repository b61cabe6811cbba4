"""Who may open which stream, and what the refused are told: always what to do about it."""

import hmac
from typing import TypeAlias

import grpc
import structlog
from grpc.aio import ServicerContext

from v2x.stations import STATION_ID, PeerKind, Station, StationError, StationRegistry
from v2x.tls import is_loopback_peer

OPERATOR = "operator"

log = structlog.get_logger(__name__)

Context: TypeAlias = ServicerContext[bytes, bytes]


class RefusedError(Exception):
    """A stream that is not let in, or not any longer: the gRPC status and the sentence."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def bearer_token(context: Context) -> str:
    """The token of `authorization: Bearer TOKEN`, '' where there is none."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str):
            scheme, _, token = value.partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
    return ""


class Access:
    """`vehicle_token` is asked of vehicles where it is set; then signal controllers need a token of their own."""

    def __init__(self, registry: StationRegistry, vehicle_token: str) -> None:
        self._registry = registry
        self._vehicle_token = vehicle_token

    def admit_station(self, station_id: str, intersection: str, context: Context, now_ns: int) -> Station:
        """The approved station of this name and token; raises RefusedError and lists the station as pending."""
        if not STATION_ID.fullmatch(station_id):
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "station_id has to be 1 to 64 of A-Z a-z 0-9 . _ -")
        self._reload(now_ns)
        station = self._registry.find(station_id)
        refusal = _refusal(station_id, station, bearer_token(context), context.peer())
        if refusal is None:
            assert station is not None
            return station
        self._registry.note_pending(station_id, context.peer(), intersection, refusal.text, now_ns)
        raise refusal

    def is_unchanged(self, station: Station, now_ns: int) -> bool:
        """Whether a station that was let in would be let in again the same way."""
        self._reload(now_ns)
        return self._registry.find(station.id) == station

    def admit_vehicle(self, context: Context, now_ns: int) -> bool:
        """Whether it may preempt signals: an emergency vehicle shows that by its own token. Raises RefusedError."""
        self._reload(now_ns)
        token = bearer_token(context)
        if self._registry.find_by_token(PeerKind.EMERGENCY, token) is not None:
            return True
        if not self._vehicle_token:
            return False
        known = hmac.compare_digest(token.encode(), self._vehicle_token.encode())
        if not known and self._registry.find_by_token(PeerKind.VEHICLE, token) is None:
            raise RefusedError(
                grpc.StatusCode.UNAUTHENTICATED, "vehicles need a token here: send the metadata 'authorization: Bearer TOKEN'"
            )
        return False

    def admit_controller(self, context: Context, now_ns: int) -> Station | None:
        """The signal controller's entry, None where none is asked for; raises RefusedError."""
        self._reload(now_ns)
        station = self._registry.find_by_token(PeerKind.SIGNAL, bearer_token(context))
        if station is None and self._vehicle_token:
            text = "signal controllers need a token of their own; run: v2x station approve ID --kind signal --intersection INTERSECTION"
            raise RefusedError(grpc.StatusCode.UNAUTHENTICATED, text)
        return station

    def admit_driver(self, controller: Station | None, intersection: str, context: Context) -> None:
        """Who may be told what lamps to show, and say what they show; raises RefusedError."""
        if controller is not None:
            return
        registered = any(station.kind == PeerKind.SIGNAL and station.intersection == intersection for station in self._registry.all())
        if registered or not is_loopback_peer(context.peer()):
            text = (
                f"the lamps of {intersection} are commanded from here: send the token of their controller in the metadata "
                f"'authorization: Bearer TOKEN'; for a new one run: v2x station approve ID --kind signal --intersection {intersection}"
            )
            raise RefusedError(grpc.StatusCode.PERMISSION_DENIED, text)

    def admit_operator(self, context: Context, now_ns: int) -> str:
        """The operator's name in the registry; OPERATOR for whoever asks from this machine without a token. Raises RefusedError."""
        self._reload(now_ns)
        operator = self._registry.find_by_token(PeerKind.OPERATOR, bearer_token(context))
        if operator is not None:
            return operator.id
        if not is_loopback_peer(context.peer()):
            text = "ask from the server's own machine, or with an operator's token; run: v2x station approve NAME --kind operator"
            raise RefusedError(grpc.StatusCode.PERMISSION_DENIED, text)
        return OPERATOR

    def _reload(self, now_ns: int) -> None:
        try:
            self._registry.reload_if_due(now_ns)
        except StationError as error:
            log.warning("stations file cannot be read, the earlier entries stay", reason=error.text)


def _refusal(station_id: str, station: Station | None, token: str, peer: str) -> RefusedError | None:
    approve = f"run: v2x station approve {station_id} --intersection INTERSECTION"
    if station is None or not station.approved or station.kind != PeerKind.ROADSIDE:
        return RefusedError(grpc.StatusCode.PERMISSION_DENIED, f"station {station_id} is not approved; {approve}")
    if not token:
        text = f"station {station_id} sent no token, which belongs into the metadata 'authorization: Bearer TOKEN'; for a new one {approve}"
        return RefusedError(grpc.StatusCode.UNAUTHENTICATED, text)
    if not station.has_token(token):
        return RefusedError(
            grpc.StatusCode.UNAUTHENTICATED, f"the token of station {station_id} is not the registered one; for a new one {approve}"
        )
    if station.loopback_only and not is_loopback_peer(peer):
        text = f"station {station_id} is an example and may only speak from the server's own machine; use an id of your own"
        return RefusedError(grpc.StatusCode.FAILED_PRECONDITION, text)
    return None
