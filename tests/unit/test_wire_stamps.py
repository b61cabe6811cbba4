"""The sender's clock forms against ours, at the edges where they roll over."""

from datetime import UTC, datetime

import pytest

from positioning.samples import Verdict
from v2x import wire
from v2x.v1.common_pb2 import Timestamp
from v2x.wire import StampForm, resolve_stamp, stamp_of

MS = 1_000_000
SECOND = 1000 * MS
MINUTE = 60 * SECOND
WEEK = 7 * 24 * 60 * MINUTE


def unix_ns(*fields: int) -> int:
    return int(datetime(*fields, tzinfo=UTC).timestamp()) * SECOND


NOON = unix_ns(2026, 5, 6, 12)
SUNDAY = unix_ns(2026, 5, 3)


def test_unix_time_is_taken_as_it_is() -> None:
    assert resolve_stamp((StampForm.UNIX, 123), NOON) == 123
    assert resolve_stamp((StampForm.UNIX, 2**63 - 1), NOON) == 2**63 - 1


@pytest.mark.parametrize(("mark_ms", "received_ns", "expected_ns"), [
    (30_000, NOON + 30 * SECOND + 80 * MS, NOON + 30 * SECOND),
    (59_950, NOON + 30 * MS, NOON - 50 * MS),  # measured in the minute before
    (20, NOON - 10 * MS, NOON + 20 * MS),  # a clock ahead of ours
    (0, NOON, NOON),
    (0, NOON - 1, NOON),
    (59_999, NOON, NOON - MS),
    (0, NOON + MINUTE // 2, NOON),  # equally near: the earlier
    (0, NOON + MINUTE // 2 + 1, NOON + MINUTE),
    (0, NOON + MINUTE // 2 - 1, NOON),
], ids=str)  # fmt: skip
def test_second_mark_is_nearest_to_receipt(mark_ms: int, received_ns: int, expected_ns: int) -> None:
    assert resolve_stamp((StampForm.SECOND_MARK, mark_ms), received_ns) == expected_ns


@pytest.mark.parametrize(("mark_ms", "expected_ms"), [(60_000, 0), (60_999, 999)])
def test_leap_second_is_the_first_of_the_next_minute(mark_ms: int, expected_ms: int) -> None:
    new_year = unix_ns(2017, 1, 1)  # after the last leap second so far
    for received_ns in (new_year, new_year + 500 * MS, new_year + SECOND + 40 * MS):
        assert resolve_stamp((StampForm.SECOND_MARK, mark_ms), received_ns) == new_year + expected_ms * MS


@pytest.mark.parametrize(("week_ms", "received_ns", "expected_ns"), [
    (0, SUNDAY, SUNDAY),
    (604_799_990, SUNDAY + 15 * MS, SUNDAY - 10 * MS),  # measured in the week before
    (5, SUNDAY - 10 * MS, SUNDAY + 5 * MS),
    (604_799_999, SUNDAY - MS, SUNDAY - MS),
    (302_400_000, SUNDAY, SUNDAY - WEEK // 2),  # equally near: the earlier
    (302_400_000, SUNDAY + 1, SUNDAY + WEEK // 2),
    (3 * 86_400_000 + 43_200_000, NOON, NOON),  # Wednesday noon
], ids=str)  # fmt: skip
def test_time_of_week_is_nearest_to_receipt(week_ms: int, received_ns: int, expected_ns: int) -> None:
    assert resolve_stamp((StampForm.TIME_OF_WEEK, week_ms), received_ns) == expected_ns


@pytest.mark.parametrize("stamp", [
    (StampForm.NONE, 0), (StampForm.UNIX, 2**63), (StampForm.SECOND_MARK, 61_000), (StampForm.SECOND_MARK, 65_535),
    (StampForm.TIME_OF_WEEK, 604_800_000),
])  # fmt: skip
def test_no_time_and_times_out_of_range_are_refused(stamp: wire.Stamp) -> None:
    with pytest.raises(wire.WireError) as error:
        resolve_stamp(stamp, NOON)
    assert error.value.verdict is Verdict.OUT_OF_RANGE


@pytest.mark.parametrize(("message", "stamp"), [
    (Timestamp(), (StampForm.NONE, 0)), (Timestamp(unix_ns=0), (StampForm.UNIX, 0)),
    (Timestamp(second_mark_ms=7), (StampForm.SECOND_MARK, 7)), (Timestamp(time_of_week_ms=9), (StampForm.TIME_OF_WEEK, 9)),
])  # fmt: skip
def test_form_that_is_set(message: Timestamp, stamp: wire.Stamp) -> None:
    assert stamp_of(message) == stamp
