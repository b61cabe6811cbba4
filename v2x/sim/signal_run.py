"""SUMO and the signal controllers in lockstep, in one process: what happens in each step, and what is told at the end.

Rules:
* `program` under the resco convention leaves SUMO's own program alone; every other control shows its lamps through the guard.
* A stop (Ctrl-C) ends the run after the step: SUMO closes its files, unfinished trips included.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import libsumo

from v2x.sim.scenario import ScenarioError
from v2x.sim.signal_arguments import Started

GRIDLOCK_S = 300.0  # nobody arrived for so long while vehicles were inside
PROGRESS_S = 60.0


@dataclass(slots=True)
class Tally:
    """What a run can tell of itself; the figures of merit are in SUMO's own files."""

    begin_s: float
    now_s: float
    loaded: int = 0
    departed: int = 0
    arrived: int = 0
    inside: int = 0
    teleports: int = 0
    last_arrival_s: float = 0.0
    gridlocked_s: float | None = None  # when it was seen
    sumo_cpu_s: float = 0.0

    def see(self) -> None:
        """After each step."""
        simulation = libsumo.simulation
        self.now_s = simulation.getTime()
        arrived = simulation.getArrivedNumber()
        self.loaded += simulation.getLoadedNumber()
        self.departed += simulation.getDepartedNumber()
        self.teleports += simulation.getStartingTeleportNumber()
        self.arrived += arrived
        self.inside = self.departed - self.arrived
        if arrived or not self.inside:
            self.last_arrival_s = self.now_s
        elif self.gridlocked_s is None and self.now_s - self.last_arrival_s >= GRIDLOCK_S:
            self.gridlocked_s = self.now_s


@dataclass(slots=True)
class Stop:
    """Set from a signal handler, looked at between two steps."""

    asked: bool = field(default=False)

    def ask(self, *_: object) -> None:
        self.asked = True


class Part(Protocol):
    """What acts on SUMO or watches it: called before each of its steps."""

    def step(self, now_s: float) -> None: ...


def run(started: Started, parts: Callable[[], Sequence[Part]], stop: Stop) -> Tally:
    """`parts` is called once, when SUMO has started. Raises ScenarioError where SUMO cannot go on."""
    try:
        libsumo.start(started.arguments)
        tally = Tally(started.begin_s, libsumo.simulation.getTime())
        tally.see()
        acting = parts()
        while not stop.asked and _goes_on(tally, started.end_s):
            for part in acting:
                part.step(tally.now_s)
            began = time.process_time()
            libsumo.simulationStep()
            tally.sumo_cpu_s += time.process_time() - began
            tally.see()
            _report(tally, started.end_s)
    except libsumo.TraCIException as error:
        raise ScenarioError(f"SUMO: {error}") from error
    finally:
        libsumo.close()
    return tally


def _goes_on(tally: Tally, end_s: float) -> bool:
    return tally.now_s < end_s - 1e-6 and (end_s < float("inf") or libsumo.simulation.getMinExpectedNumber() > 0)


def _report(tally: Tally, end_s: float) -> None:
    if tally.now_s % PROGRESS_S < libsumo.simulation.getDeltaT():
        until = "" if end_s == float("inf") else f" of {end_s:.0f}"
        sys.stderr.write(f"\r{tally.now_s:8.0f}{until} s: {tally.inside:5d} inside, {tally.arrived:6d} arrived")
        sys.stderr.flush()
