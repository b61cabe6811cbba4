"""Why a command is not obeyed, looking at who says it, when, and which greens it wants."""

from intersections.signals.control import GreenCommand, GuardMode
from intersections.signals.guard_words import NONE, GuardState, Limits, Refusal
from intersections.signals.layout import SignalLayout

IN_SERVICE = frozenset({GuardMode.COMMANDED, GuardMode.LOCAL})


def refused(
    layout: SignalLayout, limits: Limits, authors: frozenset[str], state: GuardState, command: GreenCommand, now_ns: int
) -> Refusal:
    """The first reason that holds, ACCEPTED if none does."""
    last, everybody = state.sequences.get(command.author, NONE), (1 << len(layout.groups)) - 1
    reasons = (
        (Refusal.UNAUTHORISED, command.author not in authors),
        (Refusal.DUPLICATE, command.sequence == last),
        (Refusal.OLD, command.sequence < last),
        (Refusal.STALE, now_ns - command.issued_ns > limits.command_age_ns),
        (Refusal.FROM_FUTURE, command.issued_ns - now_ns > limits.command_ahead_ns),
        (Refusal.EXPIRED, command.valid_until_ns <= now_ns),
        (Refusal.VALID_TOO_LONG, command.valid_until_ns - now_ns > limits.validity_ns),
        (Refusal.UNKNOWN_GROUP, bool(command.greens & ~everybody)),
        (Refusal.CONFLICT, bool(layout.clash(command.greens & everybody))),
        (Refusal.NOT_IN_SERVICE, state.mode not in IN_SERVICE),
    )
    return next((refusal for refusal, holds in reasons if holds), Refusal.ACCEPTED)
