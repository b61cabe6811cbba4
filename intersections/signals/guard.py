"""The safety layer: the only writer of lamp states. It knows tables and commands, no plans.

Rules:
* Only `_move` changes a lamp, along its sequence. A lamp is lit only if no conflicting one is and all intergreens have passed; a green
  ends only after its minimum. Whatever is wanted, by whomever, goes through these two conditions.
* What is wanted, strongest first: an accepted commitment, whoever is overdue, the command in force, the local plan.
* A call stays until its group's green. While a call waits, each conflicting green ends at its maximum, and the group is served once
  its maximum red is over: at most `GuardTables.overdue_ns` later, however many are overdue.
* Guard time is the caller's clock, held when that goes backwards; a gap of more than `Limits.watchdog_ns` is a fault.
* A fault is latched: all lamps flash until an authorised author resets, then the signals start as after power-up.
"""

from collections import deque
from typing import Any
from zlib import crc32

from intersections.samples import PhaseState
from intersections.signals.control import UNBOUNDED_NS, GreenCommand, GuardMode, Shown
from intersections.signals.face import Face, look
from intersections.signals.guard_tables import COLOUR, Lamp, tables_of
from intersections.signals.guard_words import NONE, Fault, GuardAct, GuardEvent, GuardState, Limits, Refusal, state_from
from intersections.signals.layout import TICK_NS, SignalLayout, bits
from intersections.signals.promises import Window, judge
from intersections.signals.refusals import refused

EVENTS_KEPT = 256
MODES = tuple(GuardMode)
NOT_FED_BACK = frozenset({PhaseState.UNKNOWN})
REST, RED_YELLOW, GREEN, YELLOW = Lamp


class Guard:
    """Step it every 100 ms. `authors` may command and reset; `calls` of a step are the groups somebody waits for."""

    def __init__(self, layout: SignalLayout, now_ns: int, authors: frozenset[str], limits: Limits = Limits()) -> None:  # noqa: B008  frozen
        self.layout = layout
        self.limits = limits
        self._authors = authors
        self._tables = tables_of(layout)
        self._all = (1 << len(layout.groups)) - 1
        all_red_ns = max(limits.all_red_ns, self._tables.longest_intergreen_ns)
        self._start_up_ns = {GuardMode.FLASHING: limits.flash_ns, GuardMode.ALL_RED: all_red_ns}
        self._fingerprint = crc32(repr(layout).encode())
        self._events: deque[GuardEvent] = deque(maxlen=EVENTS_KEPT)
        self._state = self._fresh(now_ns, now_ns)
        self._changed = True
        self._face: Face

    # What the caller does

    def step(self, now_ns: int, calls: int = 0) -> Shown:
        state = self._state
        passed_ns = now_ns - state.heard_ns
        state.heard_ns = now_ns
        if 0 < passed_ns <= self.limits.watchdog_ns:
            state.t_ns += passed_ns
            state.still = 0
        else:
            self._clock_is_odd(passed_ns)
            state = self._state
        if state.wrong and state.t_ns - min(state.wrong_ns[bit] for bit in bits(state.wrong)) >= self.limits.mismatch_ns:
            self._fail(Fault.LAMP_MISMATCH, state.wrong)
        mode = self._state.mode
        if mode == GuardMode.COMMANDED or mode == GuardMode.LOCAL:  # noqa: PLR1714  ten times a second for every intersection
            self._serve(calls)
        elif mode != GuardMode.FAULT:
            self._start_up(calls)
        return self._show()

    def command(self, command: GreenCommand, now_ns: int) -> Refusal:
        """ACCEPTED, or why not; then nothing has changed."""
        late_ns = max(0, now_ns - self._state.heard_ns)
        to_guard_ns = self._state.t_ns + late_ns - now_ns
        found: Refusal | Window | None = refused(self.layout, self.limits, self._authors, self._state, command, now_ns)
        found = found or judge(self._tables, self.layout, self._state, command, to_guard_ns)
        if isinstance(found, Refusal):
            self._count(found, command.author, now_ns, command.greens & self._all)
            return found
        self._obey(command, to_guard_ns, found)
        return Refusal.ACCEPTED

    def feedback(self, states: tuple[PhaseState, ...], now_ns: int) -> None:
        """What the lamps really show, by group; UNKNOWN where nothing is known. Of another length it is wrong for every group."""
        state = self._state
        if state.mode == GuardMode.FAULT:
            return
        read = states if len(states) == len(self.layout.groups) else (PhaseState.DARK,) * len(self.layout.groups)
        lit = sum(1 << bit for bit, seen in enumerate(read) if COLOUR.get(seen, REST) != REST)
        if clash := self.layout.clash(lit):
            self._fail(Fault.FEEDBACK_CONFLICT, clash)
            return
        shown = self._show().states
        wrong = 0
        for bit, (seen, meant) in enumerate(zip(read, shown, strict=True)):
            if seen in NOT_FED_BACK or seen == meant or COLOUR.get(seen, NONE) == COLOUR.get(meant):
                continue
            wrong |= 1 << bit
            if not state.wrong >> bit & 1:
                state.wrong_ns[bit] = state.t_ns + max(0, now_ns - state.heard_ns)
        state.wrong = wrong

    def reset(self, author: str, now_ns: int) -> Refusal:
        """Ends a latched fault: the signals start as after power-up."""
        refusal = Refusal.ACCEPTED if self._state.mode == GuardMode.FAULT else Refusal.NO_FAULT
        if author not in self._authors:
            refusal = Refusal.UNAUTHORISED
        if refusal:
            self._count(refusal, author, now_ns, 0)
            return refusal
        self._events.append(GuardEvent(now_ns, GuardAct.RESET, Fault(self._state.fault).name, author))
        self._restart(GuardMode.FLASHING)
        return refusal

    def take_events(self) -> list[GuardEvent]:
        """What has happened since the last call, the oldest first; never more than EVENTS_KEPT."""
        events = list(self._events)
        self._events.clear()
        return events

    @property
    def refused(self) -> dict[Refusal, int]:
        return {refusal: count for refusal, count in zip(Refusal, self._state.refused, strict=True) if count}

    # Time and modes

    def _clock_is_odd(self, passed_ns: int) -> None:
        state = self._state
        if passed_ns > 0:
            state.t_ns += passed_ns
            state.still = 0
            if state.mode == GuardMode.FLASHING:  # nobody saw it: it begins anew
                self._restart(GuardMode.FLASHING)
            else:
                self._fail(Fault.WATCHDOG, 0)
            return
        if passed_ns < 0:
            self._changed = True
            self._tell(GuardAct.CLOCK_BACK)
        state.still += 1
        if state.still >= self.limits.still_steps:
            self._fail(Fault.CLOCK_STOPPED, 0)

    def _start_up(self, calls: int) -> None:
        state = self._state
        if state.t_ns < state.mode_since_ns + self._start_up_ns[GuardMode(state.mode)]:
            return
        if state.mode == GuardMode.FLASHING:
            state.since_ns = [state.t_ns] * len(self.layout.groups)
            self._enter(GuardMode.ALL_RED)
        else:
            state.local, state.local_since_ns = 0, state.t_ns
            self._enter(GuardMode.LOCAL)
            self._serve(calls)

    def _enter(self, mode: GuardMode) -> None:
        self._state.mode = mode
        self._state.mode_since_ns = self._state.t_ns
        self._changed = True
        self._tell(GuardAct.MODE, mode.name)

    def _fail(self, fault: Fault, groups: int) -> None:
        if self._state.mode != GuardMode.FAULT:
            self._tell(GuardAct.FAULT, fault.name, groups=groups)
            self._restart(GuardMode.FAULT)
            self._state.fault = fault

    def _restart(self, mode: GuardMode) -> None:
        """As after power-up, but whose sequence was heard and what was refused is not forgotten."""
        old = self._state
        self._state = self._fresh(old.heard_ns, old.t_ns)
        self._state.sequences, self._state.refused, self._state.still = old.sequences, old.refused, old.still
        self._enter(mode)

    def _fresh(self, heard_ns: int, t_ns: int) -> GuardState:
        count = len(self.layout.groups)
        never, zero = [UNBOUNDED_NS] * count, [0] * count
        return GuardState(
            heard_ns=heard_ns, t_ns=t_ns, since_ns=[t_ns] * count, ready_ns=zero[:], cap_ns=never[:], due_ns=never[:],
            called_ns=zero[:], lamp=zero[:], at=[self._all, 0, 0, 0], wrong_ns=zero[:], mode_since_ns=t_ns,
        )  # fmt: skip

    # Lamps

    def _serve(self, calls: int) -> None:
        state, at, t_ns = self._state, self._state.at, self._state.t_ns
        new = calls & self._all & ~state.called & ~(at[GREEN] | at[RED_YELLOW])
        if new:
            self._register(new)
        passing = at[YELLOW] | at[RED_YELLOW]
        if passing:
            self._move_after(passing)
        if t_ns >= state.cap_next_ns:
            self._cut()
        wanted = self._wanted()
        if wanted != state.wanted:
            state.wanted = wanted
            self._changed = True
        closing = at[GREEN] & ~wanted
        if closing:
            self._move_after(closing)
        if wanted & at[REST]:
            self._open(wanted & at[REST])
        if state.latest_ns != NONE:
            self._release()

    def _move_after(self, groups: int) -> None:
        """Those whose lamp has lasted as long as it must."""
        state = self._state
        for bit in bits(groups):
            if state.t_ns >= state.since_ns[bit] + self._tables.lasts_ns[bit][state.lamp[bit]]:
                self._move(bit)

    def _open(self, groups: int) -> None:
        """Those that nothing stands against. A rest lasts for one period at least, as was promised."""
        state = self._state
        for bit in bits(groups):
            if state.since_ns[bit] + TICK_NS <= state.t_ns >= state.ready_ns[bit] and not self.layout.conflicts[bit] & ~state.at[REST]:
                self._move(bit)

    def _move(self, bit: int) -> None:
        """To the next lamp of the group's sequence."""
        state, one = self._state, 1 << bit
        old = state.lamp[bit]
        new = self._tables.follow[bit][old]
        state.at[old] ^= one
        state.at[new] ^= one
        state.lamp[bit] = new
        state.since_ns[bit] = state.t_ns
        self._changed = True
        if new == GREEN:
            self._greet(bit)
        if old == GREEN:
            state.cap_ns[bit] = UNBOUNDED_NS
            state.cap_next_ns = min(state.cap_ns)
            for other in self._tables.conflicting[bit]:
                state.ready_ns[other] = max(state.ready_ns[other], state.t_ns + self._tables.gap_ns[bit][other])

    def _greet(self, bit: int) -> None:
        """A green begins: its own call is served, and those who wait for its end limit it."""
        state, conflicts = self._state, self.layout.conflicts[bit]
        state.called &= ~(1 << bit)
        state.due_ns[bit] = UNBOUNDED_NS
        state.due_next_ns = min(state.due_ns)
        state.spent &= ~conflicts
        if conflicts & state.called:
            self._limit(bit)

    def _limit(self, bit: int) -> None:
        state = self._state
        state.cap_ns[bit] = state.t_ns + self.layout.groups[bit].max_green_ns
        state.cap_next_ns = min(state.cap_ns)

    def _register(self, new: int) -> None:
        state = self._state
        state.called |= new
        self._changed = True
        for bit in bits(new):
            state.called_ns[bit] = state.t_ns
            state.due_ns[bit] = state.t_ns + self.layout.groups[bit].max_red_ns
            for other in bits(self.layout.conflicts[bit] & state.at[GREEN]):
                if state.cap_ns[other] == UNBOUNDED_NS:
                    self._limit(other)
        state.due_next_ns = min(state.due_ns)

    def _cut(self) -> None:
        """Greens at their maximum end; who has waited longest against each is due now."""
        state = self._state
        for bit in bits(state.at[GREEN]):
            if state.cap_ns[bit] <= state.t_ns:
                state.spent |= 1 << bit
                waiting = bits(self.layout.conflicts[bit] & state.called)
                longest = min(waiting, key=state.called_ns.__getitem__)
                state.due_ns[longest] = min(state.due_ns[longest], state.t_ns)
                self._tell(GuardAct.CUT, groups=1 << bit)
                self._move(bit)
        state.due_next_ns = min(state.due_ns)

    # What is wanted

    def _wanted(self) -> int:
        state = self._state
        if state.until_ns != NONE and state.t_ns >= state.until_ns:
            state.until_ns = NONE
            self._enter(GuardMode.LOCAL)
        if state.latest_ns != NONE:
            wanted = self._committed()
        else:
            wanted = state.greens if state.mode == GuardMode.COMMANDED else self._local()
            if state.t_ns >= state.due_next_ns:
                wanted = self._forced(wanted)
        return wanted & ~state.spent

    def _committed(self) -> int:
        """The change is made when the command in force asks for it, and by itself at the latest."""
        state = self._state
        if not state.switched:
            asked = state.t_ns >= state.earliest_ns and state.mode == GuardMode.COMMANDED and state.greens == state.then
            opening = state.hold & ~(state.then | state.spent | state.at[GREEN] | state.at[RED_YELLOW])
            if (asked or state.t_ns >= state.latest_ns) and not opening:
                state.switched = 1
                self._changed = True
        return state.then if state.switched else state.hold

    def _release(self) -> None:
        """The commitment is kept once all that it names is open, and all that it ends has ended."""
        state = self._state
        lit = state.at[GREEN] | state.at[RED_YELLOW]
        if state.switched and not state.then & ~state.spent & ~lit and not state.hold & ~state.then & lit:
            state.latest_ns = NONE
            self._changed = True

    def _forced(self, wanted: int) -> int:
        """The overdue in the order in which they became so, and of what was wanted that which stands against none of them."""
        state, conflicts = self._state, self.layout.conflicts
        forced = against = 0
        overdue = [bit for bit in bits(state.called) if state.due_ns[bit] <= state.t_ns]
        for bit in sorted(overdue, key=state.due_ns.__getitem__):
            if not against >> bit & 1:
                forced |= 1 << bit
                against |= conflicts[bit]
        if forced & ~state.wanted:
            self._tell(GuardAct.FORCED, groups=forced & ~state.wanted)
        return forced | wanted & ~against

    def _local(self) -> int:
        """The stage of the local plan: shown for its time from when all of it is open, beginning with the one nearest to what is lit."""
        state, stages, plan = self._state, self.layout.stages, self.layout.local
        if state.local == NONE:
            lit = state.at[GREEN] | state.at[RED_YELLOW]
            state.local = min(range(len(plan)), key=lambda row: (stages[plan[row][0]].greens ^ lit).bit_count())
            state.local_since_ns = state.t_ns
        greens, green_ns = stages[plan[state.local][0]].greens & ~state.spent, plan[state.local][1]
        open_ns = max([state.local_since_ns, *(state.since_ns[bit] for bit in bits(greens))])
        if not greens & ~state.at[GREEN] and state.t_ns >= open_ns + green_ns:
            state.local = (state.local + 1) % len(plan)
            state.local_since_ns = state.t_ns
        return stages[plan[state.local][0]].greens

    # Commands

    def _obey(self, command: GreenCommand, to_guard_ns: int, found: Window | None) -> None:
        state = self._state
        state.sequences[command.author] = command.sequence
        state.author, state.greens, state.until_ns = command.author, command.greens, command.valid_until_ns + to_guard_ns
        state.local = NONE
        if state.mode != GuardMode.COMMANDED:
            self._enter(GuardMode.COMMANDED)
        if found is not None:
            state.hold, state.then, state.switched = found.hold, found.then, 0
            state.earliest_ns, state.latest_ns = found.earliest_ns, found.latest_ns
            self._changed = True

    def _count(self, refusal: Refusal, author: str, now_ns: int, groups: int) -> None:
        self._state.refused[refusal] += 1
        self._events.append(GuardEvent(now_ns, GuardAct.REFUSED, refusal.name, author, groups))

    def _tell(self, act: GuardAct, reason: str = "", *, groups: int = 0) -> None:
        self._events.append(GuardEvent(self._state.heard_ns, act, reason, "", groups))

    # What is shown

    def _show(self) -> Shown:
        if self._changed:
            self._face = look(self.layout, self._tables, self._state, self._start_up_ns)
            self._changed = False
        state = self._state
        states, since_ns, earliest_ns, latest_ns, commitment = self._face
        greens, wanted = state.at[GREEN], state.wanted
        return Shown(state.heard_ns, MODES[state.mode], states, since_ns, greens, wanted, earliest_ns, latest_ns, commitment)

    # Restarts

    def snapshot(self) -> dict[str, Any]:
        """All that the guard remembers, of ints, texts, lists and dicts."""
        return {"layout": self._fingerprint, "state": self._state.plain()}

    def restore(self, snapshot: dict[str, Any], now_ns: int) -> bool:
        """Goes on where the snapshot was taken, if the lamps were not left alone for longer than the watchdog allows; otherwise starts as
        after power-up. What must not be forgotten stays in either case: a latched fault, the sequences heard. False: it is not of such
        a guard, and nothing has changed."""
        state = state_from(snapshot.get("state"), self.layout) if snapshot.get("layout") == self._fingerprint else None
        if state is None:
            self._tell(GuardAct.SNAPSHOT_REFUSED)
            return False
        self._state = state
        self._changed = True
        if not 0 <= now_ns - state.heard_ns <= self.limits.watchdog_ns:
            fault, state.heard_ns = Fault(state.fault), now_ns
            self._restart(GuardMode.FAULT if fault else GuardMode.FLASHING)
            self._state.fault = fault
        return True
