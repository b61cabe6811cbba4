"""What the guard can answer, how long it is patient, and all that it remembers.

Rules:
* A refusal has a name and changes nothing but its own count.
* `GuardState` is the whole memory of a guard: ints and lists of ints, so that a snapshot is its copy and goes through JSON unchanged.
* Times in it are guard time: it passes as the caller's clock does, but never backwards.
"""

from dataclasses import asdict, dataclass, field, fields
from enum import IntEnum
from typing import Any

from intersections.signals.control import UNBOUNDED_NS, GuardMode
from intersections.signals.layout import SECOND_NS, TICK_NS, SignalLayout


class Refusal(IntEnum):
    """What became of a command or a reset."""

    ACCEPTED = 0
    UNAUTHORISED = 1
    DUPLICATE = 2  # the author's last sequence again
    OLD = 3  # a sequence before the author's last
    STALE = 4  # issued too long ago
    FROM_FUTURE = 5  # issued later than now
    EXPIRED = 6  # valid until a time that has passed
    VALID_TOO_LONG = 7
    UNKNOWN_GROUP = 8
    CONFLICT = 9  # greens that may never be lit together
    NOT_IN_SERVICE = 10  # starting up, or a fault is latched
    COMMITTED = 11  # neither what an accepted commitment holds nor what it leads to
    COMMITMENT_MALFORMED = 12  # ends nothing, ends before it begins, or names greens that cannot be lit together
    COMMITMENT_WIDENED = 13  # not within the one accepted before
    COMMITMENT_UNSETTLED = 14  # other greens than those it starts from are still lit
    COMMITMENT_BELOW_MINIMUM = 15  # minimum greens and intergreens last longer
    COMMITMENT_ABOVE_MAXIMUM = 16  # maximum green may end it before
    COMMITMENT_OVERDUE = 17  # somebody has waited too long and comes first
    NO_FAULT = 18  # nothing to reset


class Fault(IntEnum):
    NONE = 0
    FEEDBACK_CONFLICT = 1  # conflicting groups are lit in the feedback
    LAMP_MISMATCH = 2  # a lamp does not follow
    WATCHDOG = 3  # the guard was not stepped
    CLOCK_STOPPED = 4  # the guard is stepped, but its clock does not go on


class GuardAct(IntEnum):
    MODE = 0
    REFUSED = 1
    FAULT = 2
    RESET = 3
    CLOCK_BACK = 4  # guard time was held
    FORCED = 5  # a group has waited too long and is served now
    CUT = 6  # a green has reached its maximum while somebody else waits
    SNAPSHOT_REFUSED = 7


@dataclass(frozen=True, slots=True)
class GuardEvent:
    """`reason`: the GuardMode, Refusal or Fault by its name; `groups`: whom it concerns."""

    now_ns: int
    act: GuardAct
    reason: str = ""
    author: str = ""
    groups: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, the same for every intersection."""

    flash_ns: int = 5 * SECOND_NS  # at start-up, for drivers to see that the signals come back
    all_red_ns: int = 3 * SECOND_NS  # after it; longer where an intergreen is longer
    watchdog_ns: int = 5 * TICK_NS  # between two steps
    still_steps: int = 5  # in a row without the clock going on
    mismatch_ns: int = 3 * TICK_NS  # a lamp and its feedback take their time; with two steps more it is still within 0.5 s
    command_age_ns: int = 5 * SECOND_NS
    command_ahead_ns: int = SECOND_NS
    validity_ns: int = 60 * SECOND_NS


NONE = -1


@dataclass(slots=True)
class GuardState:
    """`at`: the groups in each Lamp, as masks. Lists have one entry per group."""

    heard_ns: int  # the caller's clock at the last step
    t_ns: int  # guard time at the last step
    since_ns: list[int]  # when each lamp began
    ready_ns: list[int]  # not lit before: intergreens of conflicting groups
    cap_ns: list[int]  # a green ends then at the latest
    due_ns: list[int]  # a waiting call is served then in any case
    called_ns: list[int]
    lamp: list[int]
    at: list[int]
    wrong_ns: list[int]  # since when the feedback differs
    mode: int = GuardMode.FLASHING
    mode_since_ns: int = 0
    fault: int = Fault.NONE
    still: int = 0
    called: int = 0  # groups that wait; a call stays until its green
    spent: int = 0  # greens cut at their maximum, closed until somebody else was served
    wrong: int = 0  # groups whose feedback differs
    wanted: int = 0
    greens: int = 0  # of the command in force
    until_ns: int = NONE
    author: str = ""
    hold: int = 0  # of the commitment in force: the greens it starts from
    then: int = 0
    earliest_ns: int = NONE
    latest_ns: int = NONE
    switched: int = 0
    local: int = NONE  # index in the local plan
    local_since_ns: int = NONE
    cap_next_ns: int = UNBOUNDED_NS
    due_next_ns: int = UNBOUNDED_NS
    sequences: dict[str, int] = field(default_factory=dict)
    refused: list[int] = field(default_factory=lambda: [0] * len(Refusal))

    def plain(self) -> dict[str, Any]:
        return asdict(self)


PER_GROUP = ("since_ns", "ready_ns", "cap_ns", "due_ns", "called_ns", "lamp", "wrong_ns")


def state_from(plain: Any, layout: SignalLayout) -> GuardState | None:
    """None if it is not the memory of a guard of this layout, or one that no guard could have."""
    if not isinstance(plain, dict) or set(plain) != {known.name for known in fields(GuardState)}:
        return None
    lengths = dict.fromkeys(PER_GROUP, len(layout.groups)) | {"at": 4, "refused": len(Refusal)}
    sequences = plain["sequences"]
    typed = (
        all(_are_ints(plain[name], length) for name, length in lengths.items()),
        all(isinstance(plain[name], int) for name in set(plain) - set(lengths) - {"author", "sequences"}),
        isinstance(plain["author"], str),
        isinstance(sequences, dict) and all(isinstance(author, str) and isinstance(number, int) for author, number in sequences.items()),
    )
    if not all(typed):
        return None
    copied = {name: list(plain[name]) for name in lengths} | {"sequences": dict(sequences)}
    state = GuardState(**(plain | copied))
    return state if _is_sound(state, layout) else None


def _are_ints(values: Any, length: int) -> bool:
    return isinstance(values, list) and len(values) == length and all(isinstance(value, int) for value in values)


def _is_sound(state: GuardState, layout: SignalLayout) -> bool:
    """The lamps are as the masks say and nothing that conflicts is lit; every index has its row."""
    at = [sum(1 << bit for bit, lamp in enumerate(state.lamp) if lamp == number) for number in range(4)]
    lit = at[1] | at[2] | at[3]
    indices = state.mode in set(GuardMode) and state.fault in set(Fault) and NONE <= state.local < len(layout.local)
    return at == state.at and at[0] | lit == (1 << len(layout.groups)) - 1 and not layout.clash(lit) and indices
