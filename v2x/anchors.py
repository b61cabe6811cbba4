"""The file of surveyed gNBs: a JSON list of {"id", "latitude_deg", "longitude_deg", "height_m"}, heights above the road.

Rule: a file that is wrong anywhere is refused as a whole, in one sentence that says where.
"""

import math
from pathlib import Path

import orjson

from positioning.samples import Anchor
from v2x.errors import ConfigError
from v2x.wire.vehicles import IDENTIFIER

MAX_ANCHORS = 10_000  # a city's; an intersection takes those within its reach
MEMBERS = {"latitude_deg": (-90.0, 90.0), "longitude_deg": (-180.0, 180.0), "height_m": (-50.0, 500.0)}


def read_anchors(path: Path | None) -> tuple[Anchor, ...]:
    """() without a file. Raises ConfigError."""
    if path is None:
        return ()
    try:
        rows = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigError("--anchors", f"{path}: {error}") from error
    try:
        return anchors_of(rows)
    except ValueError as error:
        raise ConfigError("--anchors", f"{path}: {error}") from error


def anchors_of(rows: object) -> tuple[Anchor, ...]:
    """Raises ValueError."""
    if not isinstance(rows, list) or len(rows) > MAX_ANCHORS:
        raise ValueError(f"a list of at most {MAX_ANCHORS} gNBs is wanted")
    anchors = tuple(_anchor(number, row) for number, row in enumerate(rows))
    seen: set[str] = set()
    for anchor in anchors:
        if anchor.id in seen:
            raise ValueError(f"two gNBs with the id {anchor.id}")
        seen.add(anchor.id)
    return anchors


def _anchor(number: int, row: object) -> Anchor:
    where = f"gNB {number}"
    if not isinstance(row, dict) or row.keys() != {"id", *MEMBERS}:
        raise ValueError(f"{where}: an object with id, {', '.join(MEMBERS)} is wanted")
    if not isinstance(row["id"], str) or IDENTIFIER.fullmatch(row["id"]) is None:
        raise ValueError(f"{where}: id has to be 1..64 of A-Z a-z 0-9 . _ -")
    latitude_deg, longitude_deg, height_m = (_number(f"{where} ({row['id']})", name, row[name]) for name in MEMBERS)
    return Anchor(row["id"], math.radians(latitude_deg), math.radians(longitude_deg), height_m)


def _number(where: str, name: str, value: object) -> float:
    lowest, highest = MEMBERS[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise ValueError(f"{where}: {name} has to be a number in {lowest:g}..{highest:g}")
    return float(value)
