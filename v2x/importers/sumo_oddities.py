"""What is odd in a signal program, by the names of its groups: a person has to see it before the program is trusted."""

from collections.abc import Iterator, Sequence

from intersections.signals.layout import bits
from v2x.importers.sumo_groups import GroupedLinks
from v2x.importers.sumo_lamps import Links, Pairs, Rules
from v2x.importers.sumo_xml import SumoProgram

# (from, to) of one lamp -> what is odd about it
_CHANGES = {
    ("r", "u"): "red-yellow",
    ("G", "r"): "green to red without yellow",
    ("r", "y"): "red to yellow",
    ("y", "G"): "yellow back to green",
}
_ALIKE = str.maketrans("gYs", "Gyr")


def oddities(links: Links, rules: Rules, groups: GroupedLinks, program: SumoProgram) -> Iterator[str]:
    yield from _constants(groups)
    if links.unknown:
        yield f"no right of way known for links {_numbers(sorted(links.unknown))}: their conflicts are unknown"
    yield from _changes(groups, program)
    for pairs, text in (
        (rules.doubtful, "green against green, taken as yielding by the junction's right of way"),
        (rules.refused, "green against green between foes of whom nobody yields, refused"),
    ):
        if found := _named_pairs(groups, pairs):
            yield f"program {program.id}: {text}: {found}"
    if any(letter in "oO" for text in groups.letters for letter in text):
        yield f"program {program.id}: lamps are off in part of the cycle; read as closed"


def _constants(groups: GroupedLinks) -> Iterator[str]:
    for letters, text in (
        ("Gg", "always green, open and yielding"),
        ("s", "always stop, then proceed"),
        ("r", "never green, closed"),
    ):
        if found := sorted(link for link, letter in groups.constant.items() if letter in letters):
            yield f"links {_numbers(found)} are {text}"


def _changes(groups: GroupedLinks, program: SumoProgram) -> Iterator[str]:
    for (before, after), text in _CHANGES.items():
        found = 0
        count = 0
        for bit, letters in enumerate(groups.letters):
            plain = letters.translate(_ALIKE)
            odd = sum(plain[number - 1] == before and plain[number] == after for number in range(len(plain)))
            if odd:
                found |= 1 << bit
                count += odd * len(groups.members[bit])
        if found:
            walkers = " (all for pedestrians, whose lamps have no yellow)" if all(groups.crossing[bit] for bit in bits(found)) else ""
            yield f"program {program.id}: {text}, {count} times: {groups.names(found)}{walkers}"


def _named_pairs(groups: GroupedLinks, pairs: Pairs) -> str:
    bit_of = {link: bit for bit, members in enumerate(groups.members) for link in members}
    name = {link: groups.name(bit) for link, bit in bit_of.items()} | {link: f"link {link}" for link in groups.constant}
    return ", ".join(sorted({" and ".join(sorted((name[one], name[other]))) for one, other in pairs}))


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(str(value) for value in values)
