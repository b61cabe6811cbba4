"""Servers under measurement, each a process of its own: the real one as `v2x serve` runs it, and the floor."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from v2x.load.client import endpoints_of
from v2x.load.district import District

READY_S = 60.0
PAGE_BYTES = 4096


class ServerUnderTest:
    """`with ServerUnderTest(district, "v2x", "serve", ...) as server:` until it listens; ended by SIGINT, which must succeed."""

    def __init__(self, district: District, *words: str) -> None:
        self.district = district
        self._words = words
        self._said = district.folder / "server.log"

    def __enter__(self) -> Self:
        endpoints = self.district.folder / "state" / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        with self._said.open("wb") as said:
            self._process = subprocess.Popen([sys.executable, "-m", *self._words], stdout=said, stderr=said)
        deadline_s = time.monotonic() + READY_S
        while not endpoints.exists():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self._process.kill()
                raise RuntimeError(f"the server did not come up:\n{self._said.read_text()}")
            time.sleep(0.05)
        self.grpc, self.mqtt = endpoints_of(self.district)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(READY_S)
        if code != 0:
            raise RuntimeError(f"the server ended with {code}:\n{self._said.read_text()}")

    def resident_bytes(self) -> int:
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * PAGE_BYTES

    def last_words(self) -> str:
        """Its closing summary, once it has ended."""
        said = self._said.read_text()
        return said[max(said.rfind("  ran for"), 0) :].rstrip()


def real_server(district: District) -> ServerUnderTest:
    return ServerUnderTest(district, "v2x", "serve", "--config", str(district.folder / "v2x.toml"), "--log-level", "warning")


def floor_server(district: District) -> ServerUnderTest:
    return ServerUnderTest(district, "bench.floor_server", str(district.folder / "v2x.toml"))
