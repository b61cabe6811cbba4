"""From a plan to a promise: when the end of the present greens is made binding, and how much play is left.

Rules:
* A commitment is made once, when the plan's next change is near, and only narrowed afterwards; before, the planner is free.
* It names the next greens and leaves the planner a window around the time it has in mind: early enough to react to a gap that
  opens sooner, late enough for a platoon that takes longer.
* Nothing is committed while greens are still to end that the present stage has not: their end is by what was committed before.
"""

from dataclasses import dataclass, replace

from intersections.signals.control import UNBOUNDED_NS, Commitment, GuardMode, Plan, Shown
from intersections.signals.layout import SECOND_NS, bits


@dataclass(frozen=True, slots=True)
class Play:
    """How far ahead of its planned end a green is committed, and how much earlier and later than planned it may then end."""

    ahead_ns: int = 12 * SECOND_NS
    early_ns: int = 6 * SECOND_NS
    late_ns: int = 8 * SECOND_NS


def committed(plan: Plan, shown: Shown, play: Play) -> Plan:
    """The plan with the commitment its command should carry, if it is time for one."""
    commitment = _commitment(plan, shown, play)
    return plan if commitment is None else replace(plan, command=replace(plan.command, commitment=commitment))


def _commitment(plan: Plan, shown: Shown, play: Play) -> Commitment | None:
    found = next(((row, greens) for row, greens in enumerate(plan.stages[1:], 1) if plan.stages[0] & ~greens), None)
    if shown.mode is not GuardMode.COMMANDED or shown.commitment is not None or shown.greens & ~plan.stages[0] or found is None:
        return None
    row, greens = found
    end_ns = plan.start_ns[row]
    if end_ns - shown.now_ns > play.ahead_ns:
        return None
    ending = [bit for bit in bits(plan.stages[0] & ~greens) if shown.greens >> bit & 1]
    soonest_ns = max((shown.earliest_end_ns[bit] for bit in ending), default=end_ns)
    last_ns = min((shown.latest_end_ns[bit] for bit in ending), default=UNBOUNDED_NS)
    return Commitment(greens, max(end_ns - play.early_ns, soonest_ns), min(max(end_ns + play.late_ns, soonest_ns), last_ns))
