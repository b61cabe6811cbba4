"""Signalised networks for tests: made by SUMO's own netgenerate and netconvert, or lent (the V2X_DATA folder)."""

import importlib.util
import os
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

_GRID = (
    "--grid --grid.number=2 --grid.length=200 --grid.attach-length=150 --default.lanenumber=2 --no-turnarounds "
    "--default-junction-type=traffic_light"
)
KINDS = {
    "plain": _GRID,
    "turn lanes": f"{_GRID} --turn-lanes=1",
    "left hand": f"{_GRID} --lefthand",
    "crossings": f"{_GRID} --sidewalks.guess --crossings.guess",
    "no internal lanes": f"{_GRID} --no-internal-links",
    "grouped links": f"{_GRID} --tls.group-signals",
    "one approach at a time": f"{_GRID} --tls.layout=incoming",
    "right on red": _GRID.replace("=traffic_light", "=traffic_light_right_on_red"),
    "short": "--grid --grid.x-number=4 --grid.y-number=1 --grid.x-length=40 --grid.attach-length=150 --default-junction-type=traffic_light",
    "spider": "--spider --default-junction-type=traffic_light",
}


@cache
def network(kind: str) -> Path:
    """A network of that kind; 'joint' has one light over several junctions. Skips without SUMO, but not in CI."""
    if importlib.util.find_spec("sumo") is None:
        assert not os.environ.get("CI"), "SUMO is missing; install the sim extra"
        pytest.skip("needs SUMO (the sim extra)")
    if kind == "joint":
        return _run("netconvert", ["-s", str(network("short")), "--tls.join", "--tls.join-dist=60"])
    return _run("netgenerate", KINDS[kind].split())


def demo() -> tuple[Path, Path]:
    """The research crossing that SUMO ships: its network and its real signal plan."""
    network("plain")  # skips without SUMO
    import sumo

    folder = Path(sumo.SUMO_HOME) / "tools" / "game" / "fokr_bs_demo"
    return folder / "fokr_bs.net.xml.gz", folder / "signalPlan.add.xml"


def _run(program: str, options: list[str]) -> Path:
    import sumo

    home = Path(sumo.SUMO_HOME)
    out = Path(mkdtemp(prefix="signal-network-")) / "made.net.xml"
    command = [home / "bin" / program, *options, "--xml-validation=never", "-o", out]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "SUMO_HOME": str(home)})
    return out


def lent(*parts: str) -> Path:
    """A file below V2X_DATA. Skips where it is absent, but not in CI."""
    path = Path(os.environ.get("V2X_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")).joinpath("sumo", *parts)
    if not path.is_file():
        assert not os.environ.get("CI"), f"{path} is missing; set V2X_DATA"
        pytest.skip(f"{path} is missing; set V2X_DATA to the folder of the lent data")
    return path
