"""From a plan to a promise: when the end of the present greens is made binding, and how much play is left.

Rules:
* A commitment is made once, when the plan's next change is near, and only narrowed afterwards; before, the planner is free.
* It names the next greens and leaves the planner a window around the time it has in mind: early enough to react to a gap that
  opens sooner, late enough for a platoon that takes longer.
* Nothing is committed on the way from one stage to the next: the lamps in between have times of their own.
"""

from dataclasses import dataclass, replace

from intersections.signals.control import Commitment, GuardMode, Plan, Shown
from intersections.signals.layout import SECOND_NS, SignalLayout, bits
from intersections.signals.spat import expected_end_ns


@dataclass(frozen=True, slots=True)
class Play:
    """How far ahead of its planned end a green is committed, and how much earlier and later than planned it may then end."""

    ahead_ns: int = 12 * SECOND_NS
    early_ns: int = 6 * SECOND_NS
    late_ns: int = 8 * SECOND_NS


def committed(layout: SignalLayout, plan: Plan, shown: Shown, play: Play) -> Plan:
    """The plan with the commitment its command should carry, if it is time for one."""
    commitment = _commitment(layout, plan, shown, play)
    return plan if commitment is None else replace(plan, command=replace(plan.command, commitment=commitment))


def _commitment(layout: SignalLayout, plan: Plan, shown: Shown, play: Play) -> Commitment | None:
    if shown.mode is not GuardMode.COMMANDED or shown.commitment is not None or shown.wanted != shown.greens:
        return None
    if plan.stages[0] != shown.greens:
        return Commitment(plan.stages[0], shown.now_ns, shown.now_ns + play.late_ns)
    if len(plan.stages) == 1:
        return None
    greens = plan.stages[1]
    ends_ns = [expected_end_ns(layout, shown, plan, row) for row in bits(shown.greens & ~greens)]
    end_ns = max((end for end in ends_ns if end is not None), default=plan.start_ns[1])
    if end_ns - shown.now_ns > play.ahead_ns:
        return None
    return Commitment(greens, max(end_ns - play.early_ns, shown.now_ns), end_ns + play.late_ns)
