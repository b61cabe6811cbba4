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


def group_states(letters: str, groups: Mapping[str, tuple[int, ...]]) -> list[tuple[str, PhaseState]]:
    """`letters` by link index, as SUMO writes them; a group shows what its first link shows."""
    return [(group, PHASE_OF_LETTER.get(letters[links[0]], PhaseState.UNKNOWN)) for group, links in groups.items()]
