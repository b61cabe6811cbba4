"""One traffic light of SUMO as a lamp controller: groups' states to the letters of its links, and back."""

import libsumo

from intersections.samples import PhaseState
from v2x.importers.sumo_signals import SignalSite
from v2x.sim.lamps import PHASE_OF_LETTER

LETTER_OF_PHASE = {phase: letter for letter, phase in PHASE_OF_LETTER.items()} | {PhaseState.PERMISSIVE_CLEARANCE: "y"}


class TrafficLight:
    """Links that never change keep their letter; those that the map gives to nobody stay closed."""

    def __init__(self, site: SignalSite) -> None:
        self.id = site.layout.intersection
        self._links_of_group = site.links_of_group
        self._letters = ["r"] * site.state_length
        for link, letter in site.constant.items():
            self._letters[link] = letter
        self._set: str = ""
        self._states: tuple[PhaseState, ...] = ()

    def show(self, states: tuple[PhaseState, ...]) -> None:
        """By group; SUMO holds them until the next call."""
        if states == self._states:
            return
        for links, state in zip(self._links_of_group, states, strict=True):
            for link in links:
                self._letters[link] = LETTER_OF_PHASE[state]
        self._states, self._set = states, "".join(self._letters)
        libsumo.trafficlight.setRedYellowGreenState(self.id, self._set)

    def shown(self) -> tuple[PhaseState, ...]:
        """What SUMO shows, by group; empty before anything was asked of it."""
        if not self._set:
            return ()
        letters = libsumo.trafficlight.getRedYellowGreenState(self.id)
        if letters == self._set:
            return self._states
        return tuple(PHASE_OF_LETTER.get(letters[links[0]], PhaseState.UNKNOWN) for links in self._links_of_group)
