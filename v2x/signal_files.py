"""The signals' own files (docs/signals.md) as an intersection of ours takes them: layout, planner, and which lamps of the map are meant.

Rules:
* Beside what `plan_json` reads, a file may say `lamps`: the map's groups that each of its groups drives (by default the one of the
  same name), and `always`: groups of the map whose lamps never change.
* Every signal group of the map is driven by exactly one group, or always the same: a lamp that nobody commands would be dark.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from intersections.map import IntersectionMap
from intersections.samples import PhaseState
from intersections.signals.actuated import ActuatedPlanner
from intersections.signals.approaches import Approaches
from intersections.signals.commitments import Play
from intersections.signals.control import Planner
from intersections.signals.fixed_time import FixedTimePlanner
from intersections.signals.layout import LayoutError, SignalLayout
from intersections.signals.max_pressure import MaxPressurePlanner
from intersections.signals.optimise import AdaptivePlanner
from intersections.signals.plan import SignalPlan
from intersections.signals.plan_json import SignalFile, dumps, loads
from intersections.signals.road import SignalConfig
from v2x.errors import ConfigError

FLAG = "--signals"
ALWAYS = {
    "protected": PhaseState.PROTECTED_MOVEMENT_ALLOWED,
    "permissive": PhaseState.PERMISSIVE_MOVEMENT_ALLOWED,
    "stop_then_proceed": PhaseState.STOP_THEN_PROCEED,
    "stop": PhaseState.STOP_AND_REMAIN,
    "caution": PhaseState.CAUTION_CONFLICTING_TRAFFIC,
    "dark": PhaseState.DARK,
}
CONTROLS: dict[str, Callable[[SignalPlan, SignalLayout, Approaches], Planner]] = {
    "adaptive": lambda _plan, layout, approaches: AdaptivePlanner(layout, approaches, play=Play()),
    "actuated": lambda plan, layout, approaches: ActuatedPlanner(layout, approaches, plan.actuation),
    "max-pressure": lambda _plan, layout, approaches: MaxPressurePlanner(layout, approaches),
    "program": lambda plan, layout, _approaches: FixedTimePlanner(layout, plan),
}
DEFAULT_CONTROL = "adaptive"


def read_signal_files(paths: Iterable[Path], maps: Mapping[str, IntersectionMap], control: str) -> dict[str, str]:
    """Intersection id -> the text of its file. Raises ConfigError naming the file."""
    texts: dict[str, str] = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            name = loads(text).layout.intersection
            signal_config(text, _map_of(name, maps), control)
        except (OSError, UnicodeDecodeError, LayoutError) as error:
            raise ConfigError(FLAG, f"{path}: {error}") from error
        if name in texts:
            raise ConfigError(FLAG, f"{path}: a second file for the signals of intersection {name}")
        texts[name] = text
    return texts


def _map_of(name: str, maps: Mapping[str, IntersectionMap]) -> IntersectionMap:
    if name not in maps:
        raise LayoutError(f"intersection {name} has no map here; its id has to be one of {', '.join(sorted(maps))}")
    return maps[name]


def signal_config(text: str, map: IntersectionMap, control: str) -> SignalConfig:
    """Raises LayoutError where the file is wrong or not of this map."""
    file, extra = loads(text), json.loads(text)
    members = {group.id: (group.id,) for group in file.layout.groups} | _named(extra, "lamps", _members)
    always = _named(extra, "always", _state)
    _check(file.layout, map, members, always)
    return SignalConfig(file.layout, members, always, partial(CONTROLS[control], file.plan))


def with_lamps(file: SignalFile, members: Mapping[str, tuple[str, ...]], always: Mapping[str, PhaseState]) -> str:
    """The text of a file that `signal_config` reads to the same again."""
    words = {state: word for word, state in ALWAYS.items()}
    lamps = {"lamps": {id: list(driven) for id, driven in members.items()}, "always": {id: words[state] for id, state in always.items()}}
    return json.dumps(json.loads(dumps(file)) | lamps, indent=1, ensure_ascii=False) + "\n"


def _named(extra: Mapping[str, Any], key: str, read: Callable[[Any], Any]) -> dict[str, Any]:
    items = extra.get(key, {})
    if not isinstance(items, dict):
        raise LayoutError(f"{key}: not an object")
    try:
        return {id: read(item) for id, item in items.items()}
    except ValueError as error:
        raise LayoutError(f"{key}: {error}") from error


def _members(item: Any) -> tuple[str, ...]:
    if not isinstance(item, list) or not item or not all(isinstance(id, str) for id in item):
        raise ValueError(f"{item!r} is no list of the map's signal groups")
    return tuple(item)


def _state(item: Any) -> PhaseState:
    if item not in ALWAYS:
        raise ValueError(f"{item!r} is none of {', '.join(ALWAYS)}")
    return ALWAYS[item]


def _check(layout: SignalLayout, map: IntersectionMap, members: Mapping[str, tuple[str, ...]], always: Mapping[str, PhaseState]) -> None:
    driven = [id for group in members.values() for id in group] + list(always)
    known = set(map.signal_groups)
    for told, wrong in (
        ("lamps of groups that the file does not have", set(members) - set(layout.index)),
        ("signal groups that the map does not have", set(driven) - known),
        ("signal groups of the map that nobody drives", known - set(driven)),
        ("signal groups that are driven twice", {id for id in driven if driven.count(id) > 1}),
    ):
        if wrong:
            raise LayoutError(f"{told}: {', '.join(sorted(wrong))}")
