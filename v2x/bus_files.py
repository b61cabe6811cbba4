"""The buses that a process serves: their timetable (GTFS), and the plans and modes of their lines (TOML). Live and replayed alike.

Rules:
* A log names the timetable's folder and its digest, not the timetable: replay reads it again, and refuses another one.
* What the file of lines does not name is as `LinePlan` and `Limits` have it; a word it has and we have not is the operator's mistake.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from intersections.buses.network import BusNetwork
from intersections.buses.order_book import OrderBook
from intersections.buses.order_rules import Limits
from intersections.buses.orders import DispatchMode
from intersections.buses.plans import LinePlan, LinePlans
from intersections.buses.road import BusRoad
from intersections.buses.step import Dispatcher
from v2x.errors import ConfigError
from v2x.importers.gtfs import GtfsFeed, read_gtfs, time_zone

DAY_BEGINS_H = 4  # before that the buses of the day before are still on the road
MODES = {mode.name.lower(): mode for mode in DispatchMode}
PLAN_KEYS = frozenset(field.name for field in fields(LinePlan))


@dataclass(frozen=True, slots=True)
class ServedBuses:
    """`kept`: what the log's header holds of it, from which `buses_of` makes it again."""

    road: BusRoad
    feed: GtfsFeed
    kept: dict[str, Any]


def read_buses(name: str, gtfs: Path, lines: Path | None, day: date | None, now_ns: int) -> ServedBuses:
    """Raises ConfigError naming the flag."""
    day = day or _service_day(gtfs, now_ns)
    try:
        text = lines.read_text(encoding="utf-8") if lines is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("--bus-lines", f"{lines}: {error}") from error
    kept = {"name": name, "gtfs": str(gtfs.resolve()), "digest": digest_of(gtfs), "day": day.isoformat(), "lines": text}
    return _served(kept)


def buses_of(kept: Mapping[str, Any]) -> BusRoad:
    """The buses a log was recorded of. Raises ConfigError where their timetable is not there any more, or is another one."""
    gtfs = Path(kept["gtfs"])
    if digest_of(gtfs) != kept["digest"]:
        raise ConfigError("replay", f"{gtfs} is not the timetable that the log was recorded with")
    return _served(kept).road


def dispatcher_of(network: BusNetwork, plans: LinePlans, limits: Limits) -> Dispatcher:
    """As everybody runs it: `serve`, replay, the simulation."""

    def riders_per_s(pattern: str, stop: int) -> float:
        way = network.patterns[pattern]
        return plans.of(way.line).riders_per_s * max(len(way.stops) - 1 - stop, 0)  # nobody boards at the last

    return Dispatcher.of(network, plans, OrderBook(network, limits, riders_per_s))


def read_lines(text: str) -> tuple[LinePlans, Limits]:
    """`[other]` and `[lines.ID]` with `mode` and the members of LinePlan. Raises ConfigError."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("--bus-lines", f"no TOML: {error}") from error
    if unknown := set(tables) - {"lines", "other"}:
        raise ConfigError("--bus-lines", f"{', '.join(sorted(unknown))}: only [other] and [lines.ID] are known")
    other, mode = _plan("other", tables.get("other", {}))
    read = {line: _plan(f"lines.{line}", table) for line, table in tables.get("lines", {}).items()}
    plans = LinePlans({line: plan for line, (plan, _) in read.items()}, other)
    modes = {line: mode for line, (_, mode) in read.items() if mode is not None}
    holds_s = {plan.hold_most_s for plan, _ in read.values()} | {other.hold_most_s}
    moves_s = {plan.move_most_s for plan, _ in read.values()} | {other.move_most_s}
    limits = Limits(hold_most_s=max(holds_s), respace_most_s=max(moves_s), modes=modes, mode=Limits().mode if mode is None else mode)
    return plans, limits


def _plan(place: str, table: Any) -> tuple[LinePlan, DispatchMode | None]:
    given = dict(table) if isinstance(table, dict) else {"": table}
    word = given.pop("mode", None)
    if word is not None and word not in MODES:
        raise ConfigError("--bus-lines", f"{place}.mode: {word!r} is none of {', '.join(MODES)}")
    if unknown := set(given) - PLAN_KEYS:
        raise ConfigError("--bus-lines", f"{place}: {', '.join(sorted(unknown))}: only mode, {', '.join(sorted(PLAN_KEYS))} are known")
    standby = tuple(given.pop("standby", ()))
    if wrong := [key for key, value in given.items() if type(value) not in {int, float} or value < 0]:
        raise ConfigError("--bus-lines", f"{place}.{wrong[0]}: {given[wrong[0]]!r} is no positive number")
    return LinePlan(**given, standby=standby), MODES.get(word) if word is not None else None


def digest_of(gtfs: Path) -> str:
    """Of all the feed's files. Raises ConfigError."""
    digest = hashlib.sha256()
    try:
        for path in _files(gtfs):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    except OSError as error:
        raise ConfigError("--gtfs", f"{gtfs}: {error}") from error
    return digest.hexdigest()


def _files(gtfs: Path) -> Iterator[Path]:
    yield from sorted(gtfs.glob("*.txt")) if gtfs.is_dir() else (gtfs,)


def _served(kept: Mapping[str, Any]) -> ServedBuses:
    feed = read_gtfs(Path(kept["gtfs"]), date.fromisoformat(kept["day"]))
    plans, limits = read_lines(kept["lines"])
    return ServedBuses(BusRoad(kept["name"], dispatcher_of(feed.network, plans, limits)), feed, dict(kept))


def _service_day(gtfs: Path, now_ns: int) -> date:
    """Today where the agency is; early in the morning yesterday."""
    moment = datetime.fromtimestamp(now_ns / 1e9 - 3600 * DAY_BEGINS_H, UTC)
    return moment.astimezone(time_zone(gtfs)).date()
