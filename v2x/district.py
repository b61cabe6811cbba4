"""What one process serves: its maps, the intersections made of them, and the build that decides for them.

Rules:
* Live and replayed intersections are made here, from the same map texts.
"""

import hashlib
import platform
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata, resources
from pathlib import Path

import numpy as np

import intersections
import positioning
import v2x
from intersections.map import IntersectionMap, MapError
from intersections.map_json import loads
from intersections.signals.layout import LayoutError
from intersections.step import Intersection
from positioning.samples import Anchor
from v2x.errors import ConfigError
from v2x.log_format import Header, LogError
from v2x.signal_files import signal_config

DISTRIBUTION = "v2x-road"
EXAMPLE_INTERSECTION = "example"
_CODE = (".py", ".so", ".pyd")


def example_map_text() -> str:
    """The packaged crossing: unsignalised, nobody has priority."""
    return resources.files("v2x.example").joinpath("crossing.json").read_text(encoding="utf-8")


def read_maps(paths: Iterable[Path]) -> dict[str, str]:
    """Intersection id -> the text of its map. Raises ConfigError naming the file."""
    texts: dict[str, str] = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            name = loads(text).id
        except (OSError, UnicodeDecodeError, MapError) as error:
            raise ConfigError("--map", f"{path}: {error}") from error
        if name in texts:
            raise ConfigError("--map", f"{path}: a second map of intersection {name}")
        texts[name] = text
    return texts


def parse_maps(texts: Mapping[str, str]) -> dict[str, IntersectionMap]:
    return {name: loads(text) for name, text in texts.items()}


def intersections_of(header: Header) -> dict[str, Intersection]:
    """The intersections a log was recorded of. Raises LogError where this build cannot read its maps or signals."""
    settings = header.settings
    try:
        anchors = tuple(Anchor(**fields) for fields in settings.get("anchors", ()))
        maps = parse_maps(header.maps)
        signals = {name: signal_config(text, maps[name], settings["signal_control"]) for name, text in settings.get("signals", {}).items()}
        return {name: Intersection(map, anchors=anchors, signals=signals.get(name)) for name, map in maps.items()}
    except (MapError, LayoutError) as error:
        raise LogError(f"a map or the signals in the log: {error}") from error


def version() -> str:
    """'source' where the package runs from its folder without being installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "source"


@cache
def build_id() -> str:
    """Names what decides: our code and kernels, the interpreter, NumPy and the CPU family. Equal ids, equal decisions."""
    digest = hashlib.sha256()
    for package in (positioning, intersections, v2x):
        root = Path(str(package.__file__)).parent
        for path in sorted(path for path in root.rglob("*") if path.suffix in _CODE):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    parts = (version(), digest.hexdigest()[:12], f"py{sys.version_info.major}.{sys.version_info.minor}", f"numpy{np.__version__}")
    return "-".join((*parts, platform.machine()))
