"""Which stations, signal controllers, vehicle fleets and operators may speak: one JSON file, and the list of those that tried.

Rules:
* Tokens are kept as salted hashes and shown once, at approval. They are 256 random bits, so one round of SHA-256 is enough:
  slow hashes protect what people choose, and would cost each opened stream 50 ms.
* Both files are replaced whole (written beside, then renamed): a reader never sees half of one.
* The server reads the registry again when its file changed; `v2x station` writes it. Neither needs the other to run.
"""

import hashlib
import hmac
import math
import os
import re
import secrets
import tempfile
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from v2x.errors import ConfigError

STATION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PENDING_CAPACITY = 256  # strangers remembered; the one not seen for longest goes
REREAD_AFTER_NS = 1_000_000_000
REWRITE_AFTER_NS = 1_000_000_000
SALT_BYTES = 16


class StationError(ConfigError):
    """The registry cannot do what was asked; the text says what to do."""

    def __init__(self, text: str) -> None:
        super().__init__("stations", text)


class PeerKind(StrEnum):
    """What an entry may do: send roadside frames, lamp states, vehicle samples, preempt signals as well, or ask how stations do."""

    ROADSIDE = "roadside"
    SIGNAL = "signal"
    VEHICLE = "vehicle"
    EMERGENCY = "emergency"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a station stands and where it looks: WGS84 degrees, clockwise from north."""

    latitude_deg: float
    longitude_deg: float
    heading_deg: float = 0.0

    def __post_init__(self) -> None:
        limits = {"latitude_deg": 90.0, "longitude_deg": 180.0, "heading_deg": 360.0}
        for name, limit in limits.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and abs(value) <= limit):
                raise StationError(f"{name} {value} is not within -{limit:g}..{limit:g}")


@dataclass(frozen=True, slots=True)
class Station:
    """One entry of the registry. `token` is 'salt$hash' in hexadecimal; `intersection` is '' where it does not apply."""

    id: str
    kind: PeerKind
    intersection: str
    pose: Pose | None
    token: str
    approved: bool
    loopback_only: bool = False

    def has_token(self, token: str) -> bool:
        salt, _, expected = self.token.partition("$")
        return bool(expected) and hmac.compare_digest(_digest(salt, token), expected)


@dataclass(frozen=True, slots=True)
class PendingStation:
    """A station that tried to speak and may not yet."""

    id: str
    peer: str
    intersection: str
    reason: str
    first_seen_ns: int
    last_seen_ns: int
    attempts: int


def hash_token(token: str) -> str:
    salt = secrets.token_hex(SALT_BYTES)
    return f"{salt}${_digest(salt, token)}"


class StationRegistry:
    """The registry file and the pending file beside it."""

    def __init__(self, path: Path, builtin: tuple[Station, ...] = ()) -> None:
        """`builtin` entries (the packaged example) are known without the file; an entry of the file wins over them."""
        self._path = path
        self._pending_path = path.with_name(f"{path.stem}.pending{path.suffix}")
        self._builtin = {station.id: station for station in builtin}
        self._stations: dict[str, Station] = {}
        self._signature: tuple[int, int, int] | None = None
        self._checked_ns = -REREAD_AFTER_NS
        self._pending: dict[str, PendingStation] = {}
        self._pending_signature: tuple[int, int, int] | None = None
        self._pending_unwritten = False
        self._pending_written_ns = -REWRITE_AFTER_NS
        self.reload()

    def reload(self) -> bool:
        """Read the file again if it changed; whether it did. Raises StationError naming file and entry."""
        signature = _signature(self._path)
        if signature == self._signature:
            return False
        self._stations = _read_registry(self._path) if signature else {}
        self._signature = signature
        return True

    def reload_if_due(self, now_ns: int) -> bool:
        """As `reload`, at most once a second."""
        if 0 <= now_ns - self._checked_ns < REREAD_AFTER_NS:
            return False
        self._checked_ns = now_ns
        return self.reload()

    def find(self, station_id: str) -> Station | None:
        return self._stations.get(station_id) or self._builtin.get(station_id)

    def all(self) -> list[Station]:
        return sorted((self._builtin | self._stations).values(), key=lambda station: station.id)

    def find_by_token(self, kind: PeerKind, token: str) -> Station | None:
        """The approved entry of this kind that has this token; for peers that do not name themselves."""
        for station in self.all():
            if station.kind is kind and station.approved and station.has_token(token):
                return station
        return None

    def approve(self, station_id: str, intersection: str, pose: Pose | None = None, kind: PeerKind = PeerKind.ROADSIDE) -> str:
        """Write an approved entry and return its new token, which is shown only now. An earlier token ends."""
        if not STATION_ID.fullmatch(station_id):
            raise StationError(f"{station_id!r} is no station id: 1 to 64 of A-Z a-z 0-9 . _ -")
        if kind in (PeerKind.ROADSIDE, PeerKind.SIGNAL) and not intersection:
            raise StationError(f"{station_id} needs an intersection: --intersection ID")
        self.reload()
        token = secrets.token_urlsafe(32)
        known = self.find(station_id)
        pose = pose or (known.pose if known else None)
        self._write(Station(station_id, kind, intersection, pose, hash_token(token), approved=True))
        self._forget_pending(station_id)
        return token

    def revoke(self, station_id: str) -> None:
        """Keep the entry, refuse its streams."""
        self.reload()
        station = self.find(station_id)
        if station is None:
            raise StationError(f"station {station_id} is not registered; run: v2x station list")
        self._write(replace(station, approved=False))

    def pending(self) -> list[PendingStation]:
        """Those that tried and may not yet, the latest first; read again from the file."""
        self._read_pending()
        return sorted(self._pending.values(), key=lambda pending: -pending.last_seen_ns)

    def note_pending(self, station_id: str, peer: str, intersection: str, reason: str, now_ns: int) -> None:
        """Remember a refused station where `v2x station list` finds it; written by `flush_pending`."""
        if not self._pending_unwritten:
            self._read_pending()
        before = self._pending.pop(station_id, None)
        first_ns, attempts = (before.first_seen_ns, before.attempts) if before else (now_ns, 0)
        self._pending[station_id] = PendingStation(station_id, peer, intersection, reason, first_ns, now_ns, attempts + 1)
        while len(self._pending) > PENDING_CAPACITY:
            del self._pending[min(self._pending, key=lambda key: self._pending[key].last_seen_ns)]
        self._pending_unwritten = True
        self.flush_pending(now_ns)

    def flush_pending(self, now_ns: int) -> None:
        """Write the pending list if it changed, at most once a second: a stranger who hammers costs no file each time."""
        if self._pending_unwritten and not 0 <= now_ns - self._pending_written_ns < REWRITE_AFTER_NS:
            self._pending_written_ns = now_ns
            self._write_pending()

    def _forget_pending(self, station_id: str) -> None:
        self._read_pending()
        if self._pending.pop(station_id, None):
            self._write_pending()

    def _write(self, station: Station) -> None:
        stations = self._stations | {station.id: station}
        ordered = [_entry(stations[key]) for key in sorted(stations)]
        _replace_file(self._path, {"version": 1, "stations": ordered}, is_durable=True)
        self._stations = stations
        self._signature = _signature(self._path)

    def _read_pending(self) -> None:
        signature = _signature(self._pending_path)
        if signature == self._pending_signature:
            return
        try:
            rows = orjson.loads(self._pending_path.read_bytes()) if signature else []
            self._pending = {row["id"]: PendingStation(**row) for row in rows}
        except (orjson.JSONDecodeError, TypeError, KeyError) as error:
            raise StationError(f"{self._pending_path}: {error}; delete the file, it only lists who tried") from error
        self._pending_signature = signature

    def _write_pending(self) -> None:
        _replace_file(self._pending_path, [asdict(pending) for pending in self._pending.values()], is_durable=False)
        self._pending_signature = _signature(self._pending_path)
        self._pending_unwritten = False


def _digest(salt: str, token: str) -> str:
    return hashlib.sha256(f"{salt}{token}".encode()).hexdigest()


def _signature(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file is replaced; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _replace_file(path: Path, content: object, *, is_durable: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _entry(station: Station) -> dict[str, Any]:
    pose = asdict(station.pose) if station.pose else {}
    return {
        "id": station.id,
        "kind": station.kind,
        "intersection": station.intersection,
        **pose,
        "token": station.token,
        "approved": station.approved,
        "loopback_only": station.loopback_only,
    }


def _read_registry(path: Path) -> dict[str, Station]:
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise StationError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != 1 or not isinstance(content.get("stations"), list):
        raise StationError(f'{path}: expected {{"version": 1, "stations": [...]}}')
    stations = [_station(path, index, entry) for index, entry in enumerate(content["stations"])]
    return {station.id: station for station in stations}


def _station(path: Path, index: int, entry: dict[str, Any]) -> Station:
    place = f"{path}: station {index}"
    try:
        station_id = entry["id"]
        if not isinstance(station_id, str) or not STATION_ID.fullmatch(station_id):
            raise StationError(f"{place}: {station_id!r} is no station id")
        place = f"{path}: station {station_id}"
        has_pose = "latitude_deg" in entry
        pose = Pose(float(entry["latitude_deg"]), float(entry["longitude_deg"]), float(entry.get("heading_deg", 0.0))) if has_pose else None
        kind = PeerKind(entry.get("kind", PeerKind.ROADSIDE))
        flags = bool(entry["approved"]), bool(entry.get("loopback_only", False))
        return Station(station_id, kind, str(entry.get("intersection", "")), pose, str(entry["token"]), *flags)
    except KeyError as error:
        raise StationError(f"{place}: {error.args[0]} is missing") from error
    except (TypeError, ValueError) as error:
        raise StationError(f"{place}: {error}") from error
