"""Where a server may listen: loopback freely, anywhere else only with TLS, or when the operator says `--insecure`."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

import grpc

from v2x.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Binding:
    """Host and port to listen on (port 0: any free one), and the TLS files where there are some."""

    host: str = "127.0.0.1"
    port: int = 50051
    certificate: Path | None = None
    private_key: Path | None = None
    insecure: bool = False

    @property
    def is_loopback(self) -> bool:
        return is_loopback_host(self.host)

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_peer(peer: str) -> bool:
    """Whether gRPC's name of a peer ('ipv4:127.0.0.1:5001', 'ipv6:[::1]:5001', 'unix:...') is this machine.

    gRPC writes the brackets of IPv6 peers percent-encoded.
    """
    family, _, rest = peer.partition(":")
    if family == "unix":
        return True
    host = rest.replace("%5B", "[").replace("%5D", "]").rpartition(":")[0]
    return family in ("ipv4", "ipv6") and is_loopback_host(host)


def server_credentials(binding: Binding) -> grpc.ServerCredentials | None:
    """Credentials to listen with; None means plain text, which only loopback or `--insecure` may have."""
    if (binding.certificate is None) != (binding.private_key is None):
        raise ConfigError("--tls-certificate, --tls-key", "TLS needs both")
    if binding.certificate is not None and binding.private_key is not None:
        pair = _read(binding.private_key, "--tls-key"), _read(binding.certificate, "--tls-certificate")
        return grpc.ssl_server_credentials([pair])
    if not binding.is_loopback and not binding.insecure:
        raise ConfigError("--grpc", f"{binding.host} can be reached from outside: give --tls-certificate and --tls-key, or --insecure")
    return None


def _read(path: Path, flag: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(flag, f"{path}: {error.strerror}") from error
