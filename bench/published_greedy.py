"""The RESCO benchmark's own greedy agent ("MAXWAVE") on whatever SUMO is found first: its published delay checks the measuring.

Every 10 s the green phase of the shipped program with the most vehicles within 200 m on its open lanes; 3 s of yellow before a change
(Ault and Sharon 2021, and the benchmark's published sources). `python -m bench.published_greedy SUMOCFG END_S SEED TRIPINFO`
"""

import sys
from collections.abc import Sequence

STEP_S, YELLOW_S, RANGE_M = 10, 3, 200.0
OPEN = frozenset("Gg")


def greens(states: Sequence[str]) -> list[str]:
    return [state for state in dict.fromkeys(states) if "y" not in state and set(state) - set("rs")]


def yellow(now: str, following: str) -> str:
    return "".join("y" if old in OPEN and new in "rs" else old for old, new in zip(now, following, strict=True))


def play(configuration: str, end_s: float, seed: int, tripinfo: str) -> None:
    import libsumo

    options = {"seed": seed, "time-to-teleport": -1, "tripinfo-output": tripinfo, "no-step-log": "true", "no-warnings": "true"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    libsumo.start(["sumo", "-c", configuration, "--tripinfo-output.write-unfinished", *words])
    lights = libsumo.trafficlight
    phases = {light: greens([phase.state for phase in lights.getAllProgramLogics(light)[0].phases]) for light in lights.getIDList()}
    shown = {light: states[0] for light, states in phases.items()}
    while libsumo.simulation.getTime() < end_s:
        count = _approaching()
        chosen = {light: max(states, key=lambda state: _wave(light, state, count)) for light, states in phases.items()}
        for light, state in chosen.items():
            lights.setRedYellowGreenState(light, yellow(shown[light], state))
        for _ in range(YELLOW_S):
            libsumo.simulationStep()
        for light, state in chosen.items():
            lights.setRedYellowGreenState(light, state)
        for _ in range(STEP_S - YELLOW_S):
            libsumo.simulationStep()
        shown = chosen
    libsumo.close()


def _approaching() -> dict[str, int]:
    """Vehicles on each lane that are within range of a signal."""
    import libsumo

    count: dict[str, int] = {}
    for name in libsumo.vehicle.getIDList():
        ahead = libsumo.vehicle.getNextTLS(name)
        if ahead and ahead[0][2] <= RANGE_M:
            lane = libsumo.vehicle.getLaneID(name)
            count[lane] = count.get(lane, 0) + 1
    return count


def _wave(light: str, state: str, count: dict[str, int]) -> int:
    import libsumo

    links = libsumo.trafficlight.getControlledLinks(light)
    lanes = {link[0][0] for link, letter in zip(links, state, strict=True) if letter == "G" and link}
    return sum(count.get(lane, 0) for lane in lanes)


if __name__ == "__main__":
    play(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
