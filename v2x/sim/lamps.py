"""The signal controller's view of SUMO's lamps: one state per signal group of the map."""

from collections.abc import Mapping

from intersections.samples import PhaseState

PHASE_OF_LETTER = {  # https://sumo.dlr.de/docs/Simulation/Traffic_Lights.html
    "r": PhaseState.STOP_AND_REMAIN,
    "u": PhaseState.PRE_MOVEMENT,
    "G": PhaseState.PROTECTED_MOVEMENT_ALLOWED,
    "g": PhaseState.PERMISSIVE_MOVEMENT_ALLOWED,
    "y": PhaseState.PROTECTED_CLEARANCE,
    "s": PhaseState.STOP_THEN_PROCEED,
    "o": PhaseState.CAUTION_CONFLICTING_TRAFFIC,
    "O": PhaseState.DARK,
}


LETTER_OF_PHASE = {phase: letter for letter, phase in PHASE_OF_LETTER.items()} | {PhaseState.PERMISSIVE_CLEARANCE: "y"}
FLASH = "o"  # what lamps do that nobody commands


def letters_of(states: Mapping[str, int], groups: Mapping[str, tuple[int, ...]], links: int) -> str:
    """The lamps' state string, `links` long, in which each group shows what `states` says; a lamp that is not named flashes."""
    letters = [FLASH] * links
    for group, members in groups.items():
        for link in members:
            letters[link] = LETTER_OF_PHASE.get(PhaseState(states.get(group, PhaseState.UNKNOWN)), FLASH)
    return "".join(letters)


def group_states(letters: str, groups: Mapping[str, tuple[int, ...]]) -> list[tuple[str, PhaseState]]:
    """`letters` by link index, as SUMO writes them; a group shows what its first link shows."""
    return [(group, PHASE_OF_LETTER.get(letters[links[0]], PhaseState.UNKNOWN)) for group, links in groups.items()]
