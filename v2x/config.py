"""What an operator can set: by file (`v2x.toml` or `--config FILE`), by environment (`V2X_GRPC=...`), by flag; the later wins.

Rules:
* Construction is validation; what is wrong is a `ConfigError` that names the flag and says what to do.
* Nothing but loopback is listened on without TLS and tokens, unless `--insecure` says so.
"""

import ipaddress
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from v2x import recorder
from v2x.errors import ConfigError
from v2x.signal_files import CONTROLS, DEFAULT_CONTROL

DEFAULT_FILE = Path("v2x.toml")
LISTENERS = ("grpc", "mqtt", "websocket", "feeds")


class Settings(BaseSettings):
    """Every setting with its default; `docs/operators.md` explains each."""

    model_config = SettingsConfigDict(env_prefix="V2X_", extra="forbid", frozen=True)

    grpc: str = "127.0.0.1:50051"
    mqtt: str = "127.0.0.1:1883"  # the bundled broker's listeners
    websocket: str = "127.0.0.1:8083"
    feeds: str = "127.0.0.1:8088"  # GTFS-RT and the day's service by HTTP, where buses are dispatched
    mqtt_url: str = ""  # another broker; then the bundled one is not started
    maps: tuple[Path, ...] = ()
    signals: tuple[Path, ...] = ()  # of the intersections whose signals are controlled from here
    signal_control: str = DEFAULT_CONTROL
    gtfs: Path | None = None  # the timetable of the buses that are dispatched from here
    bus_network: str = "buses"  # its name in topics, beside the intersections'
    bus_lines: Path | None = None  # plans and modes of its lines
    bus_positions: str = ""  # a GTFS-RT feed to poll
    service_day: date | None = None  # default: today where the agency is
    anchors: Path | None = None  # surveyed gNBs, for vehicles that send ranges to them
    stations: Path | None = None  # default: stations.json in the state folder
    state: Path = Path("state")
    region: str = "district"
    insecure: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    vehicle_token: str = ""  # asked of connected vehicles where set; signal controllers then need tokens of their own
    record: bool = True
    log_folder: Path | None = None  # default: log in the state folder
    log_file_bytes: int = recorder.FILE_BYTES
    log_keep_files: int = recorder.KEEP_FILES
    log_level: str = "info"
    progress: bool | None = None  # the live line; default: where stderr is a terminal

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not among ours
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @field_validator(*LISTENERS)
    @classmethod
    def _is_address(cls, text: str) -> str:
        split_address(text)
        return text

    @field_validator("log_level")
    @classmethod
    def _is_level(cls, text: str) -> str:
        if text not in ("debug", "info", "warning", "error"):
            raise ValueError("one of debug, info, warning, error")
        return text

    @field_validator("signal_control")
    @classmethod
    def _is_control(cls, text: str) -> str:
        if text not in CONTROLS:
            raise ValueError(f"one of {', '.join(CONTROLS)}")
        return text

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("--tls-certificate and --tls-key come together")
        for name in LISTENERS:
            if not is_loopback(getattr(self, name)) and not self.insecure:
                self._check_guard(name)
        return self

    def _check_guard(self, name: str) -> None:
        """The bundled broker never leaves loopback guarded: a broker with TLS and accounts of one's own does."""
        address = getattr(self, name)
        if name == "feeds":
            raise ValueError(f"--feeds {address}: feeds are told on loopback; put a web server with TLS before them, or use --insecure")
        if name != "grpc":
            raise ValueError(
                f"--{name} {address}: the bundled broker listens on loopback only; name a broker of your own with --mqtt-url, "
                "or accept strangers with --insecure"
            )
        if self.tls_certificate is None or not self.vehicle_token:
            raise ValueError(
                f"--grpc {address} can be reached from outside: give --tls-certificate, --tls-key and --vehicle-token, "
                "or accept strangers with --insecure"
            )

    @property
    def stations_file(self) -> Path:
        return self.stations or self.state / "stations.json"

    @property
    def log_path(self) -> Path:
        return self.log_folder or self.state / "log"

    @property
    def endpoints_file(self) -> Path:
        return self.state / "endpoints.json"


def load_settings(flags: Mapping[str, Any], file: Path | None = None) -> Settings:
    """Flags that are None were not given. Raises ConfigError."""
    if file is not None and not file.is_file():
        raise ConfigError("--config", f"{file} is no file")

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file or DEFAULT_FILE)

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return FromFile(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        text = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"--{name.replace('_', '-')}" if name else "configuration", text) from error
    except ValueError as error:  # a file that is no TOML
        raise ConfigError("--config", f"{file or DEFAULT_FILE}: {error}") from error


def split_address(text: str) -> tuple[str, int]:
    """'host:port' or '[v6]:port' -> host, port. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is no HOST:PORT")
    return host.strip("[]"), int(port)


def join_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(address: str) -> bool:
    host, _ = split_address(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
