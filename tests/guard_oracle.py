"""Judges a guard by what it shows, and by nothing else: no table, no timer and no decision of the guard is looked at.

Written from the invariants of the issue, not from the guard. It is told what went in (time, calls, accepted commands, faults that were
caused) and sees what came out. `h_ns` is time as far as it went forwards. Where steps come late or off their grid, what is bound to
happen is late by as much (`late_ns`); what must not happen before a time must not happen before it even then.
"""

from intersections.samples import PhaseState as P
from intersections.signals.control import UNBOUNDED_NS, GuardMode
from intersections.signals.layout import TICK_NS, GroupKind

RED, RED_YELLOW, GREEN, YELLOW = "red", "red-yellow", "green", "yellow"
COLOUR = {
    P.STOP_AND_REMAIN: RED,
    P.STOP_THEN_PROCEED: RED,
    P.PRE_MOVEMENT: RED_YELLOW,
    P.PROTECTED_MOVEMENT_ALLOWED: GREEN,
    P.PERMISSIVE_MOVEMENT_ALLOWED: GREEN,
    P.PROTECTED_CLEARANCE: YELLOW,
    P.PERMISSIVE_CLEARANCE: YELLOW,
}
PERMISSIVE = {P.PERMISSIVE_MOVEMENT_ALLOWED, P.PERMISSIVE_CLEARANCE}
PROTECTED = {P.PROTECTED_MOVEMENT_ALLOWED, P.PROTECTED_CLEARANCE}
DARK = {GuardMode.FLASHING, GuardMode.FAULT}
SERVICE = {GuardMode.LOCAL, GuardMode.COMMANDED}
FLASHES = {GroupKind.VEHICLE: P.CAUTION_CONFLICTING_TRAFFIC, GroupKind.PEDESTRIAN: P.DARK}
NEVER = UNBOUNDED_NS


class Oracle:
    def __init__(self, layout, limits, now_ns):
        self.layout, self.limits, self.groups = layout, limits, layout.groups
        self.rows = range(len(layout.groups))
        self.all = (1 << len(self.groups)) - 1
        self.now_ns, self.h_ns, self.late_ns = now_ns, 0, 0
        self.still = 0
        self.command = None  # (greens, h_ns until which it holds)
        self.fault_due = False  # a fault was caused: the next step must show it
        self.reset_due = self.restart_due = False  # it was told to start as after power-up
        self.told_ns = 0
        self.bound_ns = self._waiting_bound_ns()
        self.cycle_ns = sum(green_ns + self._change_ns() for _, green_ns in layout.local)
        self.intergreen_ns = max(
            (layout.intergreen_ns[i][j] for i in self.rows for j in self.rows if layout.conflicts[i] >> j & 1), default=0
        )
        self.mode = GuardMode.FLASHING
        self.local_first, self.local_late_ns = False, 0
        self._forget()
        self.mode_since_ns = 0
        self.states, self.bands = None, None
        self.transitions = 0

    def _forget(self):
        """After power-up, a fault, or a start: nothing that was promised, waited for or lit counts any more."""
        count = len(self.groups)
        self.colour, self.since_ns = [RED] * count, [self.h_ns] * count
        self.green_end_ns = [-NEVER] * count
        self.cap_ns, self.wait_ns = [NEVER] * count, [NEVER] * count
        self.excused_ns = [self._excused()] * count
        self.waiting = self.closed_calls = 0
        self.first_ns, self.last_ns = [-NEVER] * count, [NEVER] * count
        self.commitment = None
        self.cut = 0
        self.local_seen, self.local_since_ns = set(), None
        self.next_ns = self.next_on_time_ns = NEVER

    def _excused(self):
        """What steps were late by before a state began excuses nothing in it, but that they may be off the grid of older promises."""
        return self.late_ns - TICK_NS if self.late_ns else 0

    def _change_ns(self):
        """Generous: from what is lit, everything ends and something else opens."""
        longest = max(row[j] for row in self.layout.intergreen_ns for j in self.rows)
        return (
            max(g.red_yellow_ns + g.min_green_ns + g.yellow_ns for g in self.groups)
            + longest
            + max(g.red_yellow_ns for g in self.groups)
            + 3 * TICK_NS
        )

    def _waiting_bound_ns(self):
        """From the maximum red on: a commitment (a maximum green and two changes), then each group once."""
        return max(g.max_green_ns for g in self.groups) + (len(self.groups) + 2) * self._change_ns()

    # What went in

    def restarted(self):
        self.restart_due, self.told_ns = True, self.h_ns

    def reset(self):
        self.reset_due, self.told_ns = True, self.h_ns

    def accepted(self, command, now_ns):
        """An accepted command. The caller has checked that it was legal."""
        to_h_ns = self.h_ns + max(0, now_ns - self.now_ns) - now_ns
        self.command = (command.greens, command.valid_until_ns + to_h_ns)
        if command.commitment is None:
            return
        promised = command.commitment
        then = promised.greens
        if self.commitment is not None and not self.commitment["then_due"]:
            kept = self.commitment
            assert then == kept["then"]
            assert promised.earliest_ns + to_h_ns > kept["earliest"] - TICK_NS
            assert promised.latest_ns + to_h_ns < kept["latest"] + TICK_NS
            kept["earliest"] = max(kept["earliest"], promised.earliest_ns + to_h_ns)
            kept["latest"] = min(kept["latest"], promised.latest_ns + to_h_ns)
            return
        lit = sum(1 << i for i in self.rows if self.colour[i] in {GREEN, RED_YELLOW})
        hold = lit if then == command.greens else command.greens
        assert not lit & ~hold
        assert hold & ~then
        self.commitment = {
            "then": then, "ending": hold & ~then, "earliest": promised.earliest_ns + to_h_ns,
            "latest": promised.latest_ns + to_h_ns, "late": self._excused(), "then_due": 0,
        }  # fmt: skip

    # What came out

    def step(self, now_ns, calls, shown):
        passed_ns = now_ns - self.now_ns
        self.now_ns = now_ns
        if passed_ns > 0:
            self.h_ns += passed_ns
            self.late_ns += passed_ns - TICK_NS if passed_ns >= TICK_NS else passed_ns
            self.still = 0
        else:
            self.still += 1
        if passed_ns > self.limits.watchdog_ns:
            if self.mode == GuardMode.FLASHING:
                self.restarted()
            else:
                self.fault_due = True
        if self.still >= self.limits.still_steps:
            self.fault_due = True
        if shown.mode != self.mode or self.fault_due or self.reset_due or self.restart_due:
            self._mode(shown.mode)
        new = calls & self.closed_calls & ~self.waiting if shown.mode in SERVICE else 0
        if new:
            self._call(new)
        if shown.states is not self.states or shown.mode in DARK:
            self._lamps(shown)
        bands = (shown.earliest_end_ns, shown.latest_end_ns)
        if self.bands is None or bands[0] is not self.bands[0] or bands[1] is not self.bands[1] or new:
            self._promised(shown, bands)
        if self.h_ns >= self.next_ns or self.h_ns - self.late_ns > self.next_on_time_ns:
            self._overdue(shown)
        if shown.mode in SERVICE:
            self._who(shown)

    def _mode(self, mode):
        fault, reset, restart = self.fault_due, self.reset_due, self.restart_due
        self.fault_due = self.reset_due = self.restart_due = False
        old, age_ns = self.mode, self.h_ns - self.mode_since_ns
        if fault or (old == GuardMode.FAULT and not reset and not restart):
            assert mode == GuardMode.FAULT, "a fault is latched"
        elif reset or restart:
            assert mode == GuardMode.FLASHING, "it starts as after power-up"
        elif old == GuardMode.FLASHING:
            assert mode == GuardMode.ALL_RED, "flashing is followed by all-red"
            assert age_ns >= self.limits.flash_ns
            assert all(self.h_ns >= first_ns for first_ns in self.first_ns)
            assert all(self.h_ns - self.late_ns <= last_ns for last_ns in self.last_ns)
        elif old == GuardMode.ALL_RED:
            assert mode == GuardMode.LOCAL, "all-red is followed by the local plan"
            assert age_ns >= max(self.limits.all_red_ns, self.intergreen_ns)
            self.local_first = True
        else:
            assert {old, mode} == {GuardMode.COMMANDED, GuardMode.LOCAL}, f"{old.name} is not followed by {mode.name}"
        if mode in DARK or old in DARK:
            self._forget()
            self.command = None
            self.local_first = False
        self.local_seen, self.local_since_ns = set(), None
        self.mode, self.mode_since_ns = mode, self.told_ns if reset or restart else self.h_ns
        if old == GuardMode.FLASHING and mode == GuardMode.ALL_RED:
            self.first_ns, self.last_ns = [-NEVER] * len(self.groups), [NEVER] * len(self.groups)

    def _call(self, new):
        for i in self.rows:
            if new >> i & 1:
                self.waiting |= 1 << i
                self.wait_ns[i] = self.h_ns
                for j in self.rows:
                    if self.layout.conflicts[i] >> j & 1 and self.colour[j] == GREEN and self.cap_ns[j] == NEVER:
                        self.cap_ns[j] = self.h_ns + self.groups[j].max_green_ns
        self._next()

    def _lamps(self, shown):
        self.states = shown.states
        assert len(shown.states) == len(self.groups)
        if shown.mode in DARK:
            assert all(state == FLASHES[g.kind] for state, g in zip(shown.states, self.groups, strict=True)), "all lamps flash"
            assert shown.greens == 0
            return
        colours = [COLOUR[state] for state in shown.states]
        lit = sum(1 << i for i in self.rows if colours[i] != RED)
        greens = sum(1 << i for i in self.rows if colours[i] == GREEN)
        assert shown.greens == greens
        for i in self.rows:
            state = shown.states[i]
            if lit >> i & 1:
                assert not self.layout.conflicts[i] & lit, f"{self.groups[i].id} is lit with a conflicting group"
                assert state not in PERMISSIVE or self.layout.yields[i] & lit, "permissive, and nobody to yield to"
                assert state not in PROTECTED or not self.layout.yields[i] & lit, "protected, and somebody to yield to"
            else:
                assert state == self.groups[i].rest
        if shown.mode == GuardMode.ALL_RED:
            assert not lit
            return
        opened = sum(1 << i for i in self.rows if colours[i] != RED and self.colour[i] == RED)
        if self.local_first and opened:
            self.local_first = False
            first = self.layout.stages[self.layout.local[0][0]].greens
            assert opened == first, "the first stage comes first"
        for i in self.rows:
            if colours[i] != self.colour[i]:
                self._transition(i, colours[i])
        self._next()

    def _transition(self, i, new):
        group, old, age_ns = self.groups[i], self.colour[i], self.h_ns - self.since_ns[i]
        self.transitions += 1
        sequence = [RED, *([RED_YELLOW] if group.red_yellow_ns else []), GREEN, *([YELLOW] if group.yellow_ns else [])]
        assert new == sequence[(sequence.index(old) + 1) % len(sequence)], f"{group.id}: {old} is followed by {new}"
        at_least_ns = {RED: 0, RED_YELLOW: group.red_yellow_ns, GREEN: group.min_green_ns, YELLOW: group.yellow_ns}[old]
        assert age_ns >= at_least_ns, f"{group.id}: {old} for {age_ns / 1e9} s"
        assert self.h_ns >= self.first_ns[i], f"{group.id}: {old} ended before it was promised"
        assert self.h_ns - self.late_ns <= self.last_ns[i], f"{group.id}: {old} ended after it was promised"
        self.first_ns[i], self.last_ns[i] = -NEVER, NEVER
        if new == GREEN:
            for j in self.rows:
                if self.layout.conflicts[i] >> j & 1:
                    assert self.h_ns - self.green_end_ns[j] >= self.layout.intergreen_ns[j][i], f"intergreen {j} to {i}"
                    self.cut &= ~(1 << j)
            self.waiting &= ~(1 << i)
            self.wait_ns[i] = NEVER
            waits = any(self.waiting >> j & 1 and self.layout.conflicts[i] >> j & 1 for j in self.rows)
            self.cap_ns[i] = self.h_ns + group.max_green_ns if waits else NEVER
        if old == GREEN:
            self._green_ended(i)
        self.colour[i], self.since_ns[i], self.excused_ns[i] = new, self.h_ns, self._excused()

    def _green_ended(self, i):
        self.green_end_ns[i] = self.h_ns
        if self.h_ns >= self.cap_ns[i]:
            self.cut |= 1 << i
        self.cap_ns[i] = NEVER
        kept = self.commitment
        if kept is not None and kept["ending"] >> i & 1:
            assert self.h_ns >= kept["earliest"], "a committed green ended too early"
            assert self.h_ns <= kept["latest"] + self.late_ns - kept["late"], "a committed green ended too late"
            kept["ending"] &= ~(1 << i)
            kept["then_due"] = kept["latest"] + self._change_ns()

    def _promised(self, shown, bands):
        """A promise is kept from the step it is published at until the state ends; times are on the clock of that step."""
        self.bands = bands
        to_h_ns = self.h_ns - self.now_ns
        for i in self.rows:
            first_ns, last_ns = bands[0][i] + to_h_ns, bands[1][i]
            self.first_ns[i] = max(self.first_ns[i], first_ns)
            if last_ns != NEVER:
                self.last_ns[i] = min(self.last_ns[i], last_ns + to_h_ns - self.excused_ns[i])
        self._next()

    def _next(self):
        """When something must have happened at the latest."""
        self.closed_calls = sum(1 << i for i in self.rows if self.colour[i] in {RED, YELLOW})
        exact = [
            self.since_ns[i] + (self.groups[i].yellow_ns if self.colour[i] == YELLOW else self.groups[i].red_yellow_ns)
            for i in self.rows
            if self.colour[i] in {YELLOW, RED_YELLOW}
        ]
        self.next_ns = min([NEVER, *exact, *self.cap_ns])
        waits = [self.wait_ns[i] + self.groups[i].max_red_ns + self.bound_ns for i in self.rows if self.waiting >> i & 1]
        self.next_on_time_ns = min([*self.last_ns, *(wait_ns - self.late_ns for wait_ns in waits), NEVER])

    def _overdue(self, shown):
        if shown.mode in DARK:
            return
        for i in self.rows:
            age_ns = self.h_ns - self.since_ns[i]
            assert self.colour[i] != YELLOW or age_ns < self.groups[i].yellow_ns, "yellow too long"
            assert self.colour[i] != RED_YELLOW or age_ns < self.groups[i].red_yellow_ns, "red-yellow too long"
            assert self.h_ns < self.cap_ns[i], "maximum green passed while somebody waits"
            assert self.h_ns - self.late_ns <= self.last_ns[i], f"{self.groups[i].id}: {self.colour[i]} lasts longer than promised"
            if self.waiting >> i & 1:
                bound_ns = self.groups[i].max_red_ns + self.bound_ns + self.late_ns
                assert self.h_ns - self.wait_ns[i] <= bound_ns, f"{self.groups[i].id} starves"
        self._next()

    def _who(self, shown):
        """COMMANDED while a command holds, else LOCAL: then its stages within a cycle, if nobody waits and nothing else is promised."""
        commanded = self.command is not None and self.h_ns < self.command[1]
        assert (shown.mode == GuardMode.COMMANDED) == commanded
        kept = self.commitment
        if kept is not None:
            self._kept(kept)
        if shown.mode != GuardMode.LOCAL or self.waiting or self.commitment is not None or self.cut:
            self.local_since_ns = None
            return
        if self.local_since_ns is None:
            self.local_since_ns, self.local_seen, self.local_late_ns = self.h_ns, set(), self.late_ns
        self.local_seen.add(shown.greens)
        late_ns = self.late_ns - self.local_late_ns
        if self.h_ns - self.local_since_ns > self.cycle_ns + self._change_ns() + late_ns + self.local_extra_ns():
            for stage, _ in self.layout.local:
                greens = self.layout.stages[stage].greens
                assert any(greens & seen == greens for seen in self.local_seen), "a stage of the local plan was left out"
            self.local_since_ns = None

    def local_extra_ns(self):
        """It may have begun anywhere in its plan."""
        return max(green_ns for _, green_ns in self.layout.local) + self._change_ns()

    def _kept(self, kept):
        if not kept["ending"]:
            missing = kept["then"] & ~self.cut & sum(1 << i for i in self.rows if self.colour[i] in {RED, YELLOW})
            if not missing:
                self.commitment = None
            else:
                assert self.h_ns <= kept["then_due"] + self.late_ns - kept["late"], "what a commitment names does not open"
        else:
            assert self.h_ns <= kept["latest"] + self.late_ns - kept["late"], "a committed green does not end"
