"""Small parts of a road for tests: arrivals, and an intersection that decides in a way one can foresee."""

import numpy as np

from intersections.decisions import Cause, SensorFault
from intersections.samples import CommandKind, CommandSample
from v2x.arrivals import Arrival, ArrivalKind

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000


def command_arrival(number, intersection="north", received_ns=START_NS):
    sample = CommandSample(f"c{number}", CommandKind.RESET_TRACKS, intersection, "test", "", "", received_ns + 1, received_ns)
    payload = f"command {number}".encode() * 10
    return Arrival(ArrivalKind.COMMAND, "test", intersection, received_ns, received_ns, payload, sample)


class TallyIntersection:
    """Decides one fault a step, naming how many steps and samples came before: any lost or reordered step shows."""

    signals = None

    def __init__(self, name):
        self.name = name
        self.tally = np.zeros(2, dtype=np.int64)
        self.seen = []

    def snapshot(self):
        return {"tally": self.tally.copy()}

    def restore(self, state):
        self.tally = state["tally"].copy()


def tally_step(intersection, samples, now_ns):
    intersection.seen.append((now_ns, [sample.id for sample in samples]))
    intersection.tally += (1, len(samples))
    steps, count = intersection.tally.tolist()
    fault = SensorFault(f"{steps}", intersection.name, "", "", "speed", f"{steps} {count}", now_ns, False, Cause("timer", 0))
    return [fault], now_ns - now_ns % PERIOD_NS + PERIOD_NS
