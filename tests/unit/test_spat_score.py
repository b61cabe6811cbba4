"""The scorer of SPaT under test: a broken promise is found, a fault is no broken promise, and ends are judged ten seconds ahead."""

import json
from math import inf

from bench.spat_score import figures, score

GREEN, RED = 6, 3


def line(now_ms: int, state: int, least_ms: int, most_ms: int | None, likely_ms: int | None = None, *, void: int = 0) -> str:
    times = [] if void else [least_ms, most_ms, likely_ms, likely_ms and likely_ms - 2000, likely_ms and likely_ms + 2000, 0.9]
    return json.dumps({"i": "x", "t": now_ms, "mode": "COMMANDED", "void": void, "g": [["g0", state, 0, *times]]})


def green_until(end_ms: int, least_ms: int, most_ms: int | None, likely_ms: int | None = None) -> list[str]:
    return [line(now_ms, GREEN, least_ms, most_ms, likely_ms) for now_ms in range(0, end_ms, 1000)] + [line(end_ms, RED, 0, None)]


def test_a_kept_promise_is_judged_ten_seconds_ahead() -> None:
    tally = score(green_until(20_000, 15_000, 30_000, 21_000))
    assert (tally.ends, tally.broken, tally.void) == (1, 0, 0)
    found = figures(tally.ahead["green"])
    assert (found["width_median_s"], found["error_median_s"], found["band_median_s"], found["band_held_share"]) == (15.0, 1.0, 4.0, 1.0)


def test_ends_before_and_after_the_promise_are_broken_promises() -> None:
    assert score(green_until(20_000, 21_000, 30_000)).broken == 20
    assert score(green_until(20_000, 0, 19_000)).broken == 20


def test_a_promise_that_has_run_out_at_the_end_of_the_trace_is_broken() -> None:
    assert score([line(0, GREEN, 0, 5000), line(9000, GREEN, 9000, 10_000)]).broken == 1


def test_a_fault_voids_and_breaks_nothing() -> None:
    tally = score([line(0, GREEN, 15_000, 30_000), line(1000, GREEN, 0, 0, void=1)])
    assert (tally.ends, tally.void, tally.broken) == (0, 1, 0)


def test_a_state_shorter_than_ten_seconds_is_not_judged_ahead_and_a_likely_time_not_given_counts_against() -> None:
    assert not score(green_until(9000, 0, 20_000)).ahead
    found = figures(score(green_until(20_000, 0, None)).ahead["green"])
    assert found["width_median_s"] == found["error_median_s"] == inf
    assert found["band_held_share"] == 0.0


def test_a_green_that_begins_to_yield_is_the_same_green() -> None:
    tally = score([line(0, GREEN, 5000, 9000), line(1000, GREEN - 1, 5000, 9000), line(6000, RED, 0, None)])
    assert (tally.ends, tally.broken) == (1, 0)
