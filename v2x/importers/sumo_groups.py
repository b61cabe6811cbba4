"""From SUMO's links and one program to signal groups, their times, and the stages."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from intersections.map import MapError
from intersections.samples import PhaseState
from intersections.signals.control import UNBOUNDED_NS
from intersections.signals.conventions import SAFE, Convention
from intersections.signals.layout import TICK_NS, GroupKind, SignalGroup, SignalLayout, Stage, bits
from intersections.signals.plan import Program, Step, merged
from intersections.signals.stages import generated_stages, program_stages
from v2x.importers.sumo_lamps import Links, Pairs, Rules
from v2x.importers.sumo_xml import SumoProgram

GREEN = frozenset("Gg")
_OPEN = frozenset("GgsoO")


@dataclass(frozen=True, slots=True)
class GroupedLinks:
    """`members[bit]`: links of the group, its letters `letters[bit]` phase by phase. `constant`: what never changes, and its letter."""

    members: tuple[tuple[int, ...], ...]
    letters: tuple[str, ...]
    crossing: tuple[bool, ...]
    conflicts: tuple[int, ...]
    yields: tuple[int, ...]
    constant: dict[int, str]

    def name(self, bit: int) -> str:
        return f"g{self.members[bit][0]}"

    def names(self, mask: int) -> str:
        return ", ".join(self.name(bit) for bit in bits(mask))


def grouped(links: Links, rules: Rules, states: Sequence[str]) -> GroupedLinks:
    """Raises MapError where no link ever changes."""
    letters = {link: "".join(state[link] for state in states) for link in links.moves}
    constant = {link: _constant(links, link, text) for link, text in letters.items() if not _changes(text)}
    clashes, yields, before = _rows(rules.clashes), _rows(rules.yields), _rows((other, one) for one, other in rules.yields)
    members: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for link in links.moves:
        if link not in constant:
            members[letters[link], link in links.crossings, clashes[link], yields[link], before[link]].append(link)
    if not members:
        raise MapError("no link ever changes between green and red")
    groups = sorted(tuple(group) for group in members.values())
    bit_of = {link: bit for bit, group in enumerate(groups) for link in group}
    return GroupedLinks(
        members=tuple(groups),
        letters=tuple(letters[group[0]] for group in groups),
        crossing=tuple(group[0] in links.crossings for group in groups),
        conflicts=_masks(rules.clashes, bit_of, len(groups)),
        yields=_masks(rules.yields, bit_of, len(groups)),
        constant=constant,
    )


def _changes(letters: str) -> bool:
    return bool(GREEN & set(letters)) and not set(letters) <= _OPEN


def _constant(links: Links, link: int, letters: str) -> str:
    """Always open: yielding where its path meets another's. 's' is kept; never green is closed."""
    if not set(letters) & _OPEN:
        return "r"
    if set(letters) == {"s"}:
        return "s"
    return "g" if any(link == one for one, _ in links.foes) else "G"


def _rows(pairs: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    rows: dict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        rows[one].add(other)
    return defaultdict(frozenset, {link: frozenset(others) for link, others in rows.items()})


def _masks(pairs: Pairs, bit_of: Mapping[int, int], count: int) -> tuple[int, ...]:
    masks = [0] * count
    for one, other in pairs:
        if one in bit_of and other in bit_of and bit_of[one] != bit_of[other]:
            masks[bit_of[one]] |= 1 << bit_of[other]
    return tuple(masks)


def layout_of(
    tl: str, groups: GroupedLinks, source: SumoProgram, lengths_m: Mapping[int, float], convention: Convention
) -> tuple[SignalLayout, Program, tuple[str, ...]]:
    """The tables, the program in terms of groups, and what had to be left out of it."""
    durations_ns = [_ticks_ns(duration_s) for duration_s, _ in source.phases]
    refused: list[str] = []
    steps: list[Step] = []
    marked: list[Step] = []
    for number, duration_ns in enumerate(durations_ns):
        greens, dropped = _without_clash(groups, number)
        steps.append(Step(greens, duration_ns))
        marked.append(Step(greens | (_protected(groups, number) & greens) << len(groups.members), duration_ns))
        if dropped:
            refused.append(f"program {source.id}, phase {number}: green of {groups.names(dropped)} beside {groups.names(greens)}")
    program = Program(source.id, merged(steps), _ticks_ns(source.offset_s))
    local = _served(groups, program_stages(marked, len(groups.members)), convention)
    stages = generated_stages(groups.conflicts, groups.yields, (greens for greens, _ in local))
    layout = SignalLayout(
        intersection=tl,
        groups=tuple(_group(groups, bit, durations_ns, convention) for bit in range(len(groups.members))),
        conflicts=groups.conflicts,
        yields=groups.yields,
        intergreen_ns=_intergreens(groups, durations_ns, lengths_m, convention),
        stages=tuple(Stage(f"s{number}", greens) for number, greens in enumerate(stages)),
        local=tuple((stages.index(greens), green_ns) for greens, green_ns in local if greens in stages),
    )
    return layout, program, tuple(refused)


def _without_clash(groups: GroupedLinks, phase: int) -> tuple[int, int]:
    """Greens and red-yellows of a phase as wanted greens, and the greens that had to go because of a conflict with another."""
    letters = [text[phase] for text in groups.letters]
    green = sum(1 << bit for bit, letter in enumerate(letters) if letter in GREEN)
    dropped = 0
    while clash := [bit for bit in bits(green) if groups.conflicts[bit] & green]:
        worst = max(clash, key=lambda bit: ((groups.conflicts[bit] & green).bit_count(), bit))
        green &= ~(1 << worst)
        dropped |= 1 << worst
    for bit, letter in enumerate(letters):
        if letter == "u" and not groups.conflicts[bit] & green:
            green |= 1 << bit
    return green, dropped


def _protected(groups: GroupedLinks, phase: int) -> int:
    """Groups with 'G'; none in a clearance phase, which is on its way to something else."""
    letters = [text[phase] for text in groups.letters]
    return 0 if set(letters) & set("yYu") else sum(1 << bit for bit, letter in enumerate(letters) if letter == "G")


def _served(groups: GroupedLinks, stages: list[tuple[int, int]], convention: Convention) -> list[tuple[int, int]]:
    """Every group is green in some stage of the local plan: those left out get one of their own."""
    served = 0
    for greens, _ in stages:
        served |= greens
    for bit in range(len(groups.members)):
        if not served >> bit & 1:
            extra = 1 << bit
            for other in range(len(groups.members)):
                if not served >> other & 1 and not groups.conflicts[other] & extra:
                    extra |= 1 << other
            stages = [*stages, (extra, convention.min_green_ns)]
            served |= extra
    return stages


def _group(groups: GroupedLinks, bit: int, durations_ns: Sequence[int], convention: Convention) -> SignalGroup:
    closed = {letter for letter in groups.letters[bit] if letter in "rs"}
    pedestrian = groups.crossing[bit]
    return SignalGroup(
        id=groups.name(bit),
        kind=GroupKind.PEDESTRIAN if pedestrian else GroupKind.VEHICLE,
        min_green_ns=convention.pedestrian_green_ns if pedestrian else convention.min_green_ns,
        max_green_ns=convention.max_green_ns,
        max_red_ns=convention.max_red_ns,
        yellow_ns=0 if pedestrian else convention.yellow_ns,
        red_yellow_ns=0 if pedestrian else _red_yellow_ns(groups.letters[bit], durations_ns),
        rest=PhaseState.STOP_THEN_PROCEED if closed == {"s"} else PhaseState.STOP_AND_REMAIN,
    )


def _red_yellow_ns(letters: str, durations_ns: Sequence[int]) -> int:
    """The shortest red-yellow that the program shows before a green; 0 where some green begins without."""
    found: list[int] = []
    for phase in range(len(letters)):
        if letters[phase] not in GREEN or letters[phase - 1] in GREEN:
            continue
        shown_ns, before = 0, phase - 1
        while letters[before] == "u" and before > phase - len(letters):
            shown_ns += durations_ns[before]
            before -= 1
        found.append(shown_ns)
    return min(found, default=0)


def _intergreens(
    groups: GroupedLinks, durations_ns: Sequence[int], lengths_m: Mapping[int, float], convention: Convention
) -> tuple[tuple[int, ...], ...]:
    """Only between groups that conflict: elsewhere it counts nowhere and is 0."""
    rows = []
    for one, conflicts in enumerate(groups.conflicts):
        if groups.crossing[one]:
            walk_ns = _walk_ns(max(lengths_m[link] for link in groups.members[one]), convention)
            gaps_ns = [min(walk_ns, _shown_gap_ns(groups, durations_ns, one, other, convention)) for other in range(len(groups.members))]
        else:
            gaps_ns = [convention.yellow_ns + convention.all_red_ns] * len(groups.members)
        rows.append(tuple(gap_ns if conflicts >> other & 1 else 0 for other, gap_ns in enumerate(gaps_ns)))
    return tuple(rows)


def _walk_ns(length_m: float, convention: Convention) -> int:
    speed_mps = convention.walking_mps or SAFE.walking_mps
    assert speed_mps is not None
    return ceil(round(length_m / speed_mps * 10, 6)) * TICK_NS


def _shown_gap_ns(groups: GroupedLinks, durations_ns: Sequence[int], one: int, other: int, convention: Convention) -> int:
    """The shortest time in the program from the end of one's green to the start of the other's, where the convention goes by it."""
    if convention.walking_mps is not None:
        return UNBOUNDED_NS
    return min(_gaps_ns(groups.letters[one], groups.letters[other], durations_ns), default=UNBOUNDED_NS)


def _gaps_ns(one: str, other: str, durations_ns: Sequence[int]) -> Iterator[int]:
    count = len(one)
    for end in range(count):
        if one[end] in GREEN or one[end - 1] not in GREEN or other[end - 1] in GREEN:
            continue
        gap_ns = 0
        for ahead in range(count):
            phase = (end + ahead) % count
            if other[phase] in GREEN:
                yield gap_ns
                break
            gap_ns += durations_ns[phase]


def _ticks_ns(time_s: float) -> int:
    return round(time_s * 1e9 / TICK_NS) * TICK_NS
