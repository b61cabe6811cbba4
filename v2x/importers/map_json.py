"""MAP messages as JSON: SAE J2735 (as the US ODE writes it, or bare) and YD/T 3709 / T/CSAE 53 (nodes, links, lanes).

Read with tolerance for how JSON writes ASN.1 (`json_forms`), never for what it says: a lane that is named must be there.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from intersections.map import IntersectionMap, MapError
from v2x.importers.j2735_map import survey_intersection
from v2x.importers.json_forms import Item, items
from v2x.importers.surveyed import Survey, map_from_survey
from v2x.importers.ydt_map import survey_node

_WRAPPERS = (
    ("payload", "data"),
    ("payload", "MapData"),
    ("MessageFrame", "value", "MapData"),
    ("value", "MapData"),
    ("MapData",),
)


def import_map_json(path: Path, junction: str | None = None, map_id: str | None = None, region: str = "district") -> IntersectionMap:
    """Raises MapError where the file is no MAP message, or names what is not in it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MapError(f"{path}: {error}") from error
    return map_from_message(document, junction, map_id, region)


def map_from_message(document: Any, junction: str | None = None, map_id: str | None = None, region: str = "district") -> IntersectionMap:
    return map_from_survey(_survey(_unwrapped(document), junction), map_id, region)


def _survey(message: Item, junction: str | None) -> Survey:
    try:
        if "intersections" in message:
            return survey_intersection(_one(items(message["intersections"]), junction))
        nodes = items(message["nodes"])
        return survey_node(_one([node for node in nodes if _connects(node)], junction), nodes)
    except MapError:
        raise
    except KeyError as error:
        raise MapError(f"the MAP message has no {error} where one is needed") from error
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise MapError(f"the MAP message cannot be read: {error}") from error


def _unwrapped(document: Any) -> Item:
    """The message inside an envelope."""
    candidates = [document, *(_inside(document, keys) for keys in _WRAPPERS)]
    for candidate in candidates:
        if isinstance(candidate, Mapping) and ("intersections" in candidate or "nodes" in candidate):
            return candidate
    raise MapError('not a MAP message: neither "intersections" (J2735) nor "nodes" (YD/T 3709) in it')


def _inside(document: Any, keys: Iterable[str]) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def _connects(node: Item) -> bool:
    """Neighbours are in a message only for the lanes that lead to them; the intersection itself has connections."""
    return any(lane.get("connectsTo") for link in items(node.get("inLinks")) for lane in items(link.get("lanes")))


def _one(candidates: list[Item], junction: str | None) -> Item:
    by_id = {str(one["id"]["id"]): one for one in candidates}
    if junction is None and len(by_id) == 1:
        return next(iter(by_id.values()))
    if junction in by_id:
        return by_id[junction]
    names = ", ".join(sorted(by_id)[:20]) or "none"
    if junction is not None:
        raise MapError(f"the MAP message has no intersection {junction!r}; it has {names}")
    raise MapError(f"the MAP message has {len(by_id)} intersections; name one with --junction: {names}")
