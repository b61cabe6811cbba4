"""The four arms with signals that are controlled from here, and somebody who drives their lamps as he is told."""

import json
from dataclasses import replace

from intersections.decisions import LampCommand
from intersections.map_json import dumps
from intersections.samples import CommandKind, CommandSample
from intersections.signals.layout import SECOND_NS, TICK_NS
from intersections.step import Intersection
from tests.scenes import signalised
from v2x.arrivals import ArrivalKind
from v2x.clock import SetClock
from v2x.commands import command_arrival, encode_command
from v2x.pipeline import NoLog, Pipeline
from v2x.signal_files import signal_config
from v2x.v1 import common_pb2, signal_pb2
from v2x.wire import arrival

START_NS = 1_780_000_000_000_000_000
FLASHING, RED, DARK = (
    signal_pb2.PHASE_STATE_CAUTION_CONFLICTING_TRAFFIC,
    signal_pb2.PHASE_STATE_STOP_AND_REMAIN,
    signal_pb2.PHASE_STATE_DARK,
)
SERVED_NS = START_NS + 10 * SECOND_NS  # the start-up is over


def signal_text(intersection="example", **changed):
    """Two streets and all crossings together, one after the other."""
    times = {"min_green_s": 5, "max_green_s": 40, "max_red_s": 90}
    groups = [{"id": id, "kind": "vehicle", "yellow_s": 3, **times} for id in ("ns", "ew")]
    groups.append({"id": "walk", "kind": "pedestrian", "yellow_s": 0, **times})
    pairs = [("ns", "ew"), ("ns", "walk"), ("ew", "walk")]
    file = {
        "format": "v2x-signals",
        "version": 1,
        "intersection": intersection,
        "groups": groups,
        "conflicts": pairs,
        "intergreens": [[one, other, 5] for pair in pairs for one, other in (pair, pair[::-1])],
        "stages": [{"id": group["id"], "greens": [group["id"]]} for group in groups],
        "local": [{"stage": group["id"], "green_s": 10} for group in groups],
        "programs": [{"id": "day", "steps": [{"greens": [group["id"]], "duration_s": 15} for group in groups]}],
    }
    return json.dumps(file | changed)


def reset_arrival(now_ns, kind=CommandKind.RESET_SIGNALS):
    sample = CommandSample("c-1", kind, "example", "centre", "", "", now_ns + SECOND_NS, now_ns, "looked at")
    return command_arrival(sample, encode_command(sample))


def signalised_map():
    return signalised().map


def map_text():
    return dumps(signalised_map())


def controlled(control="actuated", **changed):
    map = signalised_map()
    return Intersection(map, signals=replace(signal_config(signal_text(), map, control), **changed))


class LampDriver:
    """A sink that shows what it is told, and says so; flashing as long as it is told nothing."""

    def __init__(self, groups=("ns", "ew", "walk")):
        self.states = dict.fromkeys(groups[:-1], FLASHING) | {groups[-1]: DARK}
        self.broken = {}  # what is shown instead; None: not told
        self.commands = []
        self.decisions = []
        self._sequence = 0

    def publish(self, decisions, now_ns):
        self.decisions += [(now_ns, decision) for decision in decisions]
        for decision in decisions:
            if isinstance(decision, LampCommand):
                self.commands.append(decision)
                self.states = dict(decision.groups)

    def of(self, kind):
        return [(now_ns, decision) for now_ns, decision in self.decisions if isinstance(decision, kind)]

    def state(self, now_ns):
        self._sequence += 1
        states = {group: state for group, state in (self.states | self.broken).items() if state is not None}
        groups = [signal_pb2.SignalGroupState(group_id=group, state=state) for group, state in states.items()]
        measured = common_pb2.Timestamp(unix_ns=now_ns)
        return signal_pb2.SignalState(intersection_id="example", sequence=self._sequence, measured=measured, groups=groups)

    def arrival(self, now_ns):
        payload = self.state(now_ns).SerializeToString()
        return arrival(ArrivalKind.SIGNAL_STATE, "lamps", "example", now_ns, now_ns, payload)


class SignalRoad:
    """A pipeline whose lamps are driven, stepped by hand."""

    def __init__(self, intersection=None, log=None, buses=None):
        self.driver = LampDriver()
        self.clock = SetClock(START_NS)
        self.intersection = intersection or controlled()
        self.pipeline = Pipeline({"example": self.intersection}, log or NoLog(), [self.driver], buses)

    def run(self, from_s, to_s, arrivals=None, *, feedback=True):
        """Ticks in [from_s, to_s): what the lamps say, then `arrivals(now_ns)`, 20 ms after each tick; the guard on time."""
        for tick in range(round(from_s * 10), round(to_s * 10)):
            now_ns = START_NS + tick * TICK_NS
            if self.pipeline.next_deadline_ns <= now_ns:
                self.pipeline.step(now_ns, [])
            heard_ns = now_ns + 20_000_000
            heard = [self.driver.arrival(heard_ns)] if feedback else []
            self.pipeline.step(heard_ns, heard + (arrivals(heard_ns) if arrivals else []))
        return self.driver

    def modes(self, from_s=0.0):
        return list(dict.fromkeys(one.mode for one in self.driver.commands if one.issued_ns >= START_NS + from_s * SECOND_NS))
