"""A guard driven by a planner, a preemptor, an attacker and a bad clock, with a twin and the oracle beside it.

The twin hears only what the guard has accepted and is never restarted: it must show the same at every step. So what was refused has
changed nothing, a restart from a snapshot is not seen, and the same inputs give the same trace.
"""

import json
import random

from intersections.samples import PhaseState as P
from intersections.signals.control import Commitment, GreenCommand, GuardMode
from intersections.signals.guard import Guard
from intersections.signals.guard_words import Limits, Refusal
from intersections.signals.layout import SECOND_NS, TICK_NS, GroupKind, SignalGroup, SignalLayout, Stage
from tests.guard_oracle import Oracle

AUTHORS = frozenset({"planner", "preemption"})
EPOCH_NS = 1_700_000_000 * SECOND_NS
LIT = {P.PRE_MOVEMENT, P.PERMISSIVE_MOVEMENT_ALLOWED, P.PROTECTED_MOVEMENT_ALLOWED, P.PERMISSIVE_CLEARANCE, P.PROTECTED_CLEARANCE}


def random_layout(chance: random.Random) -> SignalLayout:
    """Any legal layout of up to eight groups, mostly with times as on a road, some with none at all."""
    count = chance.randint(1, 8)
    groups = tuple(_random_group(chance, number) for number in range(count))
    conflicts, yields = [0] * count, [0] * count
    density = chance.choice((0.2, 0.5, 0.8, 1.0))
    for i in range(count):
        for j in range(i):
            if chance.random() < density:
                conflicts[i] |= 1 << j
                conflicts[j] |= 1 << i
            else:
                yields[i] |= chance.randint(0, 1) << j
                yields[j] |= chance.randint(0, 1) << i
    most = chance.choice((0, 20, 80))
    intergreen_ns = tuple(tuple(g.yellow_ns + chance.randint(0, most) * TICK_NS for _ in groups) for g in groups)
    stages = tuple(Stage(str(number), _random_greens(chance, conflicts)) for number in range(chance.randint(1, 5)))
    local = tuple((chance.randrange(len(stages)), chance.randint(1, 300) * TICK_NS) for _ in range(chance.randint(1, 4)))
    return SignalLayout("random", groups, tuple(conflicts), tuple(yields), intergreen_ns, stages, local)


def _random_group(chance: random.Random, number: int) -> SignalGroup:
    walks = chance.random() < 0.25
    min_green = chance.randint(1, 100)
    max_green = min_green + chance.choice((0, 5, 100, 600))
    yellow, red_yellow = (0, 0) if walks else (chance.choice((0, 1, 30, 40)), chance.choice((0, 0, 10, 20)))
    kind = GroupKind.PEDESTRIAN if walks else GroupKind.VEHICLE
    rest = P.STOP_AND_REMAIN if walks or chance.random() < 0.8 else P.STOP_THEN_PROCEED
    times_ns = [time * TICK_NS for time in (min_green, max_green, chance.choice((1, 100, 600)), yellow, red_yellow)]
    return SignalGroup(f"g{number}", kind, *times_ns, rest)


def _random_greens(chance: random.Random, conflicts: list[int]) -> int:
    greens, order = 0, list(range(len(conflicts)))
    chance.shuffle(order)
    for row in order:
        if not conflicts[row] & greens and (not greens or chance.random() < 0.8):
            greens |= 1 << row
    return greens


class Drive:
    def __init__(self, layout: SignalLayout, limits: Limits | None = None, *, now_ns: int = EPOCH_NS) -> None:
        self.layout, self.limits, self.now_ns = layout, limits or Limits(), now_ns
        self.guard, self.twin = (Guard(layout, now_ns, AUTHORS, self.limits) for _ in range(2))
        self.oracle = Oracle(layout, self.limits, now_ns)
        self.sequence = dict.fromkeys([*AUTHORS, "stranger"], 0)
        self.heard: dict[str, int] = {}
        self.greens, self.until_ns = 0, 0
        self.all = (1 << len(layout.groups)) - 1
        self.accepted = dict.fromkeys(("plain", "committed", "narrowed"), 0)
        self.shown, self.steps = None, 0
        self.step(0)

    # Time

    def step(self, passed_ns: int = TICK_NS, calls: int = 0) -> None:
        self.now_ns += passed_ns
        self.steps += 1
        self.shown = self.guard.step(self.now_ns, calls)
        assert self.twin.step(self.now_ns, calls) == self.shown
        self.oracle.step(self.now_ns, calls, self.shown)

    def run(self, steps: int, calls: int = 0) -> None:
        for _ in range(steps):
            self.step(TICK_NS, calls)

    def start(self) -> None:
        """Until the signals are in service."""
        while self.shown.mode not in {GuardMode.LOCAL, GuardMode.COMMANDED}:
            self.step()

    @property
    def seconds(self) -> float:
        return self.steps * TICK_NS / SECOND_NS

    # Commands

    def command(self, greens: int, commitment: Commitment | None = None, **changed: object) -> Refusal:
        """Legal unless something is `changed`: then it must be refused, if that makes it illegal."""
        author = changed.get("author", "planner")
        self.sequence[author] = self.sequence.get(author, 0) + 1
        fields = {
            "author": author,
            "sequence": self.sequence[author],
            "issued_ns": self.now_ns,
            "valid_until_ns": self.now_ns + 10 * SECOND_NS,
        }
        command = GreenCommand(**(fields | {"greens": greens, "commitment": commitment} | changed))
        refusals = sum(self.guard.refused.values())
        verdict = self.guard.command(command, self.now_ns)
        assert sum(self.guard.refused.values()) == refusals + bool(verdict)
        legal = self._is_legal(command)
        if not legal:
            assert verdict, "an illegal command was accepted"
        if not verdict:
            self.heard[author] = command.sequence
            self.oracle.accepted(command, self.now_ns)
            assert self.twin.command(command, self.now_ns) is Refusal.ACCEPTED
        elif legal and commitment is None:
            assert verdict is Refusal.COMMITTED
            assert self.shown.commitment is not None, "a legal command was refused"
            assert greens != self.shown.commitment.greens
        return verdict

    def _is_legal(self, command: GreenCommand) -> bool:
        age_ns, validity_ns = self.now_ns - command.issued_ns, command.valid_until_ns - self.now_ns
        rows = [row for row in range(len(self.layout.groups)) if command.greens >> row & 1]
        return (
            command.author in AUTHORS
            and command.sequence > self.heard.get(command.author, -1)
            and -self.limits.command_ahead_ns <= age_ns <= self.limits.command_age_ns
            and 0 < validity_ns <= self.limits.validity_ns
            and not command.greens & ~self.all
            and not any(self.layout.conflicts[row] & command.greens for row in rows)
            and self.shown.mode in {GuardMode.LOCAL, GuardMode.COMMANDED}
        )

    def plan(self, seconds: int, chance: random.Random, *, call_share: float, commit_share: float, author: str = "planner") -> None:
        """A planner of no sense: each second holds or changes, with or without a commitment; calls come and stay until they are green."""
        stages = [stage.greens for stage in self.layout.stages] + [0]
        calls, wanted = 0, chance.choice(stages)
        for _ in range(seconds):
            if chance.random() < 0.15:
                wanted = chance.choice(stages)
            kept = self.shown.commitment
            if kept is not None and chance.random() < 0.8:
                self._keep(kept, chance, author)
            elif chance.random() < commit_share:
                wanted = next((stage for stage in chance.sample(stages, len(stages)) if self.shown.wanted & ~stage), wanted)
                begin_ns = self.now_ns + chance.randint(-20, 200) * TICK_NS // 2
                commitment = Commitment(wanted, begin_ns, begin_ns + chance.choice((0, 5, 50, 400)) * TICK_NS)
                greens = chance.choice((self.shown.wanted, self.shown.greens, wanted))
                verdict = self.command(greens, commitment, author=author)
                self.accepted["committed"] += not verdict
            else:
                self.accepted["plain"] += not self.command(wanted, author=author)
            if chance.random() < call_share:
                calls |= 1 << chance.randrange(len(self.layout.groups))
            for _ in range(10):
                self.step(TICK_NS, calls)
                calls &= ~self.shown.greens

    def _keep(self, kept: Commitment, chance: random.Random, author: str) -> None:
        narrower = None
        if chance.random() < 0.5:
            first_ns = kept.earliest_ns + chance.randint(-3, 10) * TICK_NS
            narrower = Commitment(kept.greens, first_ns, kept.latest_ns + chance.randint(-10, 3) * TICK_NS)
        greens = kept.greens if chance.random() < 0.3 else self.shown.greens
        self.accepted["narrowed"] += not self.command(greens, narrower, author=author)

    # What goes wrong

    def restart(self, away_ns: int = 0) -> None:
        """From a snapshot that went through JSON. The twin is restarted too only if the road was left alone for too long."""
        snapshot = json.loads(json.dumps(self.guard.snapshot()))
        kept = json.loads(json.dumps(self.twin.snapshot()))
        self.now_ns += away_ns
        self.guard = Guard(self.layout, self.now_ns, AUTHORS, self.limits)
        assert self.guard.restore(snapshot, self.now_ns)
        if 0 <= away_ns <= self.limits.watchdog_ns:
            self.now_ns -= away_ns
            return
        self.twin = Guard(self.layout, self.now_ns, AUTHORS, self.limits)
        assert self.twin.restore(kept, self.now_ns)
        self.oracle.now_ns = self.now_ns
        self.oracle.still = 0
        if self.shown.mode != GuardMode.FAULT:
            self.oracle.restarted()
        self.step()

    def feed_back(self, states: tuple[P, ...], *, faulty: bool = False) -> None:
        for guard in (self.guard, self.twin):
            guard.feedback(states, self.now_ns)
        self.oracle.fault_due |= faulty

    def conflict_in_the_feedback(self, chance: random.Random) -> bool:
        """Two conflicting groups lit in the feedback, if the layout has such."""
        pairs = [(i, j) for i, row in enumerate(self.layout.conflicts) for j in range(i) if row >> j & 1]
        if not pairs:
            return False
        states = [P.STOP_AND_REMAIN] * len(self.layout.groups)
        for row in chance.choice(pairs):
            states[row] = chance.choice(sorted(LIT))
        self.feed_back(tuple(states), faulty=True)
        self.step()
        return True

    def reset(self, author: str = "planner") -> Refusal:
        verdict = self.guard.reset(author, self.now_ns)
        right = author in AUTHORS and self.shown.mode == GuardMode.FAULT
        assert (verdict is Refusal.ACCEPTED) == right
        if right:
            assert self.twin.reset(author, self.now_ns) is Refusal.ACCEPTED
            self.oracle.reset()
        return verdict

    def clock(self, passed_ns: int) -> None:
        self.step(passed_ns)
