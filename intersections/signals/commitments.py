"""From a plan to a promise: when the end of the present greens is made binding, and how much play is left.

Rules:
* A commitment is made once, when the plan's next change is near, and only narrowed afterwards; before, the planner is free.
* It names the next greens and leaves the planner a window around the time it has in mind: early enough to react to a gap that
  opens sooner, late enough for a platoon that takes longer.
* Nothing is committed while greens are still to end that the present stage has not: their end is by what was committed before.
"""

from dataclasses import dataclass, replace
from math import inf

from intersections.signals.control import UNBOUNDED_NS, Commitment, GuardMode, Plan, Shown
from intersections.signals.layout import SECOND_NS, bits

USUAL_NOTICE_S = 10.0


@dataclass(frozen=True, slots=True)
class Play:
    """`notice_ns`: how long before it at least a change is planned; with one less than a second to go it is committed, and may then
    come so much earlier and later than planned."""

    notice_ns: int = round(USUAL_NOTICE_S * SECOND_NS)
    early_ns: int = 0
    late_ns: int = 3 * SECOND_NS


FREE = Play(0, 0, 0)  # promise nothing


def first_change(shown: Shown, now_ns: int, play: Play) -> tuple[float, float, int, bool]:
    """(earliest s from now, latest, greens, bound): when a planner may next change what is wanted, and to what if that is bound."""
    commitment = shown.commitment
    if commitment is None or shown.wanted == commitment.greens:
        opened_ns = max((shown.earliest_end_ns[bit] for bit in bits(shown.wanted & ~shown.greens)), default=now_ns)
        return max(opened_ns - now_ns, play.notice_ns) / SECOND_NS if play != FREE else 0.0, inf, 0, False
    earliest_s = max(commitment.earliest_ns - now_ns, 0) / SECOND_NS
    return earliest_s, max((commitment.latest_ns - now_ns) / SECOND_NS, earliest_s), commitment.greens, True


def committed(plan: Plan, shown: Shown, play: Play) -> Plan:
    """The plan with the commitment its command should carry, if it is time for one."""
    commitment = None if play == FREE else _commitment(plan, shown, play)
    return plan if commitment is None else replace(plan, command=replace(plan.command, commitment=commitment))


def _commitment(plan: Plan, shown: Shown, play: Play) -> Commitment | None:
    found = next(((row, greens) for row, greens in enumerate(plan.stages[1:], 1) if plan.stages[0] & ~greens), None)
    promised = shown.commitment is not None and shown.wanted != shown.commitment.greens
    if shown.mode is not GuardMode.COMMANDED or promised or shown.greens & ~plan.stages[0] or found is None:
        return None
    row, greens = found
    end_ns = plan.start_ns[row]
    if end_ns - shown.now_ns > play.notice_ns + SECOND_NS:
        return None
    ending = [bit for bit in bits(plan.stages[0] & ~greens) if shown.greens >> bit & 1]
    soonest_ns = max((shown.earliest_end_ns[bit] for bit in ending), default=shown.now_ns)
    last_ns = min((shown.latest_end_ns[bit] for bit in ending), default=UNBOUNDED_NS)
    latest_ns = min(max(end_ns + play.late_ns, soonest_ns), last_ns)
    return Commitment(greens, min(max(end_ns - play.early_ns, soonest_ns), latest_ns), latest_ns)
