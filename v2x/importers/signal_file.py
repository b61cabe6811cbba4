"""A signal site read from SUMO as the signals' own file for a map read from the same network: what `v2x serve --signals` takes."""

from dataclasses import replace

from intersections.samples import PhaseState
from intersections.signals.plan import SignalPlan
from intersections.signals.plan_json import SignalFile
from v2x.importers.sumo_signals import SignalSite
from v2x.signal_files import with_lamps

# SUMO's letters of links that never change ("Simulation/Traffic Lights" of its documentation); blinking and off are cautions.
CONSTANT: dict[str, PhaseState] = {
    "G": PhaseState.PROTECTED_MOVEMENT_ALLOWED,
    "g": PhaseState.PERMISSIVE_MOVEMENT_ALLOWED,
    "s": PhaseState.STOP_THEN_PROCEED,
    "r": PhaseState.STOP_AND_REMAIN,
    "o": PhaseState.CAUTION_CONFLICTING_TRAFFIC,
    "O": PhaseState.DARK,
}


def signal_file(site: SignalSite, intersection: str) -> str:
    """Its text. A map made of the same network names one signal group a link, `g` and the link's number."""
    layout = replace(site.layout, intersection=intersection)
    lamps = {group.id: tuple(f"g{link}" for link in links) for group, links in zip(layout.groups, site.links_of_group, strict=True)}
    always = {f"g{link}": CONSTANT.get(letter, PhaseState.DARK) for link, letter in site.constant.items()}
    return with_lamps(SignalFile(layout, SignalPlan(site.programs)), lamps, always)
