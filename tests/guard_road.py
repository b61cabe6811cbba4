"""The crossing of `signal_layouts` under a guard that is stepped on its grid; seconds count from its start."""

from intersections.signals.control import UNBOUNDED_NS, Commitment, GreenCommand
from intersections.signals.guard import Guard
from intersections.signals.layout import SECOND_NS, TICK_NS
from tests.signal_layouts import crossing

BEGIN_NS = 1_000 * SECOND_NS
AUTHORS = frozenset({"planner", "preemption"})


def ns(second):
    return BEGIN_NS + round(second * SECOND_NS)


class Road:
    def __init__(self, layout=None, **limits):
        self.guard = Guard(layout or crossing(), BEGIN_NS, AUTHORS, **limits)
        self.now_ns, self.sequence, self.shown = BEGIN_NS - TICK_NS, 0, []
        self.step()

    @property
    def last(self):
        return self.shown[-1]

    @property
    def second(self):
        return round((self.now_ns - BEGIN_NS) / SECOND_NS, 9)

    def step(self, calls=0, passed_ns=TICK_NS):
        self.now_ns += passed_ns
        self.shown.append(self.guard.step(self.now_ns, calls))
        return self.last

    def run(self, until_s, calls=0):
        """Up to and with the step at that second."""
        while self.second < until_s:
            self.step(calls)
        return self.last

    def want(self, greens, *, commitment=None, author="planner", valid_s=50, **changed):
        self.sequence += 1
        fields = {"sequence": self.sequence, "issued_ns": self.now_ns, "valid_until_ns": self.now_ns + round(valid_s * SECOND_NS)} | changed
        return self.guard.command(GreenCommand(author, greens=greens, commitment=commitment, **fields), self.now_ns)

    def commit(self, greens, then, earliest_s, latest_s, **changed):
        return self.want(greens, commitment=Commitment(then, ns(earliest_s), ns(latest_s)), **changed)

    def changes(self, bit, since_s=0):
        """(second, state) whenever the group's lamp changes."""
        seen = [(round((shown.now_ns - BEGIN_NS) / SECOND_NS, 9), shown.states[bit].name) for shown in self.shown]
        changed = [after for before, after in zip([(None, None), *seen], seen, strict=False) if before[1] != after[1]]
        return [change for change in changed if change[0] >= since_s]

    def ends(self, bit):
        """(earliest, latest) second at which the group's present lamp ends."""
        first_ns, last_ns = self.last.earliest_end_ns[bit], self.last.latest_end_ns[bit]
        return (first_ns - BEGIN_NS) / SECOND_NS, None if last_ns == UNBOUNDED_NS else (last_ns - BEGIN_NS) / SECOND_NS

    def events(self):
        return [(event.act.name, event.reason, event.groups) for event in self.guard.take_events()]
