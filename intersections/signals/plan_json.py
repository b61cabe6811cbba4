"""The signals' own file: the lamps of an intersection, what they may show, and its programs; versioned JSON (docs/signals.md).

Rules:
* The form is that of all our files (`own_json`).
* Times are seconds in tenths, the guard's period; anything finer is refused, not rounded.
* When all is read the tables check themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intersections.own_json import Item, OwnFormat, T
from intersections.samples import PhaseState
from intersections.signals.layout import SECOND_NS, TICK_NS, GroupKind, LayoutError, SignalGroup, SignalLayout, Stage, bits
from intersections.signals.plan import Actuation, Program, SignalPlan, Step, Switch

FORM = OwnFormat("v2x-signals", 1, 'not a file of signals: "format" is not "v2x-signals"', LayoutError)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KINDS = {"vehicle": GroupKind.VEHICLE, "pedestrian": GroupKind.PEDESTRIAN}
RESTS = {"stop": PhaseState.STOP_AND_REMAIN, "stop_then_proceed": PhaseState.STOP_THEN_PROCEED}


@dataclass(frozen=True, slots=True)
class SignalFile:
    layout: SignalLayout
    plan: SignalPlan


def load(path: Path) -> SignalFile:
    """Raises LayoutError where the file cannot be read or what is in it is wrong."""
    try:
        return loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, LayoutError) as error:
        raise LayoutError(f"{path}: {error}") from error


def save(file: SignalFile, path: Path) -> None:
    path.write_text(dumps(file), encoding="utf-8")


def loads(text: str) -> SignalFile:
    """Raises LayoutError."""
    head = FORM.head(text)
    groups = FORM.elements(head, "groups", _group)
    index = {group.id: number for number, group in enumerate(groups)}
    stages = FORM.elements(head, "stages", lambda item: Stage(_text(item["id"]), _mask(index, item["greens"])))
    conflicts = _relation(head, "conflicts", index)
    layout = SignalLayout(
        intersection=FORM.read("file", head, lambda item: _text(item["intersection"])),
        groups=groups,
        conflicts=tuple(row | _column(conflicts, number) for number, row in enumerate(conflicts)),
        yields=_relation(head, "yields", index),
        intergreen_ns=_intergreens(head, index),
        stages=stages,
        local=FORM.elements(head, "local", lambda item: (_stage(stages, item["stage"]), _time_ns(item["green_s"]))),
    )
    _check_intergreens(head, layout)
    plan = SignalPlan(
        programs=FORM.elements(head, "programs", lambda item: _program(index, item)),
        switches=FORM.elements(head, "switches", _switch),
        utc_offset_ns=FORM.read("utc_offset_s", head, lambda item: _time_ns(item.get("utc_offset_s", 0))),
        actuation=FORM.read("actuation", head.get("actuation", {}), _actuation),
    )
    plan.check(layout)
    return SignalFile(layout, plan)


def dumps(file: SignalFile) -> str:
    layout, plan = file.layout, file.plan
    pairs = [(i, j) for i, row in enumerate(layout.conflicts) for j in bits(row)]
    name = [group.id for group in layout.groups]
    head = {
        "intersection": layout.intersection,
        "utc_offset_s": _seconds(plan.utc_offset_ns),
        "actuation": {"gap_s": _seconds(plan.actuation.gap_ns), "max_green_s": _seconds(plan.actuation.max_green_ns)},
    }
    lists: dict[str, list[Any]] = {
        "groups": [_group_item(group) for group in layout.groups],
        "conflicts": [[name[i], name[j]] for i, j in pairs if i < j],
        "yields": [[name[i], name[j]] for i, row in enumerate(layout.yields) for j in bits(row)],
        "intergreens": [[name[i], name[j], _seconds(layout.intergreen_ns[i][j])] for i, j in pairs],
        "stages": [{"id": stage.id, "greens": layout.names(stage.greens)} for stage in layout.stages],
        "local": [{"stage": layout.stages[number].id, "green_s": _seconds(green_ns)} for number, green_ns in layout.local],
        "programs": [_program_item(layout, program) for program in plan.programs],
        "switches": [_switch_item(switch) for switch in plan.switches],
    }
    return FORM.dumps(head, lists)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is not a name")
    return value


def _one_of(table: Mapping[str, T], value: Any) -> T:
    if not isinstance(value, str) or value not in table:
        raise ValueError(f"{value!r} is none of {', '.join(table)}")
    return table[value]


def _time_ns(value: Any) -> int:
    if type(value) not in {int, float}:
        raise TypeError(f"{value!r} is not a time in seconds")
    ticks = float(value) * (SECOND_NS / TICK_NS)
    if abs(ticks - round(ticks)) > 1e-6:
        raise ValueError(f"{value!r} s is no multiple of {TICK_NS / SECOND_NS} s")
    return round(ticks) * TICK_NS


def _seconds(time_ns: int) -> float:
    return time_ns / SECOND_NS


def _number(index: Mapping[str, int], value: Any) -> int:
    if not isinstance(value, str) or value not in index:
        raise ValueError(f"group {value!r} is not there")
    return index[value]


def _mask(index: Mapping[str, int], ids: Any) -> int:
    if not isinstance(ids, list):
        raise TypeError(f"{ids!r} is not a list of groups")
    return sum({1 << _number(index, id) for id in ids})


def _group(item: Item) -> SignalGroup:
    return SignalGroup(
        id=_text(item["id"]),
        kind=_one_of(KINDS, item["kind"]),
        min_green_ns=_time_ns(item["min_green_s"]),
        max_green_ns=_time_ns(item["max_green_s"]),
        max_red_ns=_time_ns(item["max_red_s"]),
        yellow_ns=_time_ns(item["yellow_s"]),
        red_yellow_ns=_time_ns(item.get("red_yellow_s", 0)),
        rest=_one_of(RESTS, item.get("rest", "stop")),
    )


def _group_item(group: SignalGroup) -> Item:
    return {
        "id": group.id,
        "kind": next(name for name, kind in KINDS.items() if kind is group.kind),
        "min_green_s": _seconds(group.min_green_ns),
        "max_green_s": _seconds(group.max_green_ns),
        "max_red_s": _seconds(group.max_red_ns),
        "yellow_s": _seconds(group.yellow_ns),
        "red_yellow_s": _seconds(group.red_yellow_ns),
        "rest": next(name for name, rest in RESTS.items() if rest is group.rest),
    }


def _relation(head: Item, key: str, index: Mapping[str, int]) -> tuple[int, ...]:
    rows = [0] * len(index)
    for one, other in FORM.elements(head, key, lambda item: _pair(index, item, 2)):
        rows[one] |= 1 << other
    return tuple(rows)


def _pair(index: Mapping[str, int], item: Any, length: int) -> tuple[int, int]:
    if not isinstance(item, list) or len(item) != length:
        raise TypeError(f"{item!r} is not a list of {length}")
    one, other = _number(index, item[0]), _number(index, item[1])
    if one == other:
        raise ValueError(f"{item[0]!r} stands against itself")
    return one, other


def _column(rows: Sequence[int], number: int) -> int:
    return sum(1 << other for other, row in enumerate(rows) if row >> number & 1)


def _intergreens(head: Item, index: Mapping[str, int]) -> tuple[tuple[int, ...], ...]:
    table = [[0] * len(index) for _ in index]
    for one, other, time_ns in FORM.elements(head, "intergreens", lambda item: (*_pair(index, item, 3), _time_ns(item[2]))):
        table[one][other] = time_ns
    return tuple(tuple(row) for row in table)


def _check_intergreens(head: Item, layout: SignalLayout) -> None:
    """A conflict whose intergreen nobody wrote down is a mistake, not 0 s."""
    written = {(item[0], item[1]) for item in head.get("intergreens", [])}
    for number, row in enumerate(layout.conflicts):
        for other in bits(row):
            pair = layout.groups[number].id, layout.groups[other].id
            if pair not in written:
                raise LayoutError(f"intergreens: none from {pair[0]} to {pair[1]}, which conflict")


def _stage(stages: Sequence[Stage], id: Any) -> int:
    for number, stage in enumerate(stages):
        if stage.id == id:
            return number
    raise ValueError(f"stage {id!r} is not there")


def _program(index: Mapping[str, int], item: Item) -> Program:
    steps = tuple(Step(_mask(index, step["greens"]), _time_ns(step["duration_s"])) for step in item["steps"])
    return Program(_text(item["id"]), steps, _time_ns(item.get("offset_s", 0)))


def _program_item(layout: SignalLayout, program: Program) -> Item:
    steps = [{"greens": layout.names(step.greens), "duration_s": _seconds(step.duration_ns)} for step in program.steps]
    return {"id": program.id, "offset_s": _seconds(program.offset_ns), "steps": steps}


def _switch(item: Item) -> Switch:
    days = item["days"]
    if not isinstance(days, list):
        raise TypeError(f"{days!r} is not a list of days")
    weekdays = sum({1 << _one_of({day: number for number, day in enumerate(DAYS)}, day) for day in days})
    hours, _, minutes = _text(item["at"]).partition(":")
    if not (len(hours) == len(minutes) == 2 and hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):
        raise ValueError(f"{item['at']!r} is not a time of the day like 06:30")
    return Switch(weekdays, (int(hours) * 60 + int(minutes)) * 60 * SECOND_NS, _text(item["program"]))


def _switch_item(switch: Switch) -> Item:
    minutes = switch.time_of_day_ns // (60 * SECOND_NS)
    days = [DAYS[bit] for bit in bits(switch.weekdays)]
    return {"days": days, "at": f"{minutes // 60:02d}:{minutes % 60:02d}", "program": switch.program}


def _actuation(item: Item) -> Actuation:
    default = Actuation()
    return Actuation(
        gap_ns=_time_ns(item.get("gap_s", _seconds(default.gap_ns))),
        max_green_ns=_time_ns(item.get("max_green_s", _seconds(default.max_green_ns))),
    )
