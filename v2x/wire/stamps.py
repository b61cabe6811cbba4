"""The sender's clock in the three forms of `v2x.v1.Timestamp`, resolved against our own.

Rules:
* A form that rolls over names the moment nearest to `received_ns`; of two equally near the earlier: messages come from the past.
* A leap second's marks, 60000..60999, are the first second of the next minute: Unix time, which is ours, has no 23:59:60.
"""

from enum import IntEnum
from typing import NamedTuple

from positioning.samples import Verdict
from v2x.errors import WireError
from v2x.v1.common_pb2 import Timestamp

Stamp = tuple[int, int]  # StampForm, value

MS_NS = 1_000_000
DAY_NS = 86_400_000 * MS_NS
LATEST_UNIX_NS = 2**63 - 1


class StampForm(IntEnum):
    """Field numbers of the oneof in `Timestamp`."""

    NONE = 0
    UNIX = 1
    SECOND_MARK = 2
    TIME_OF_WEEK = 3


class Cycle(NamedTuple):
    """A count of milliseconds that starts again every `period_ns`, at `start_ns` after the Unix epoch for one."""

    period_ns: int
    start_ns: int
    highest_ms: int


CYCLES = {
    StampForm.SECOND_MARK: Cycle(60_000 * MS_NS, 0, 60_999),
    StampForm.TIME_OF_WEEK: Cycle(7 * DAY_NS, 3 * DAY_NS, 604_799_999),  # 1970-01-01 was a Thursday
}
FORMS = {"unix_ns": StampForm.UNIX, "second_mark_ms": StampForm.SECOND_MARK, "time_of_week_ms": StampForm.TIME_OF_WEEK}


def resolve_stamp(stamp: Stamp, received_ns: int) -> int:
    """Nanoseconds since the Unix epoch by the sender's clock; raises WireError where it sent none or one out of range."""
    form, value = stamp
    if form == StampForm.UNIX:
        if value > LATEST_UNIX_NS:
            raise WireError(Verdict.OUT_OF_RANGE, f"measured.unix_ns {value} lies beyond the year 2262")
        return value
    if form == StampForm.NONE:
        raise WireError(Verdict.OUT_OF_RANGE, "the message has no measured time")
    cycle = CYCLES[StampForm(form)]
    if value > cycle.highest_ms:
        raise WireError(Verdict.OUT_OF_RANGE, f"measured {StampForm(form).name} {value} is not in 0..{cycle.highest_ms}")
    half_ns = cycle.period_ns // 2
    ahead_ns = (cycle.start_ns + value * MS_NS - received_ns + half_ns) % cycle.period_ns - half_ns
    return received_ns + ahead_ns


def stamp_of(message: Timestamp) -> Stamp:
    """The form that is set, and its value."""
    name = message.WhichOneof("form")
    return (StampForm.NONE, 0) if name is None else (FORMS[name], getattr(message, name))
