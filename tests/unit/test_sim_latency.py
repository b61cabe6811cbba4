"""Receipts joined with the send log: who is counted, and how often."""

import math

from v2x.sim.latency import Receipts


def book(tmp_path, sent):
    path = tmp_path / "sends.txt"
    path.write_text(sent)
    return Receipts(path)


def test_latency_is_receipt_less_sending(tmp_path):
    receipts = book(tmp_path, "rsu-a 1 1000000\nsignal 38 7 2000000\n")
    receipts.note("warning", "rsu-a", 1, "w1", 4_000_000)
    receipts.note("signal", "signal 38", 7, "s", 3_000_000)
    assert receipts.quantiles("warning").p50_ms == 3.0
    assert receipts.quantiles("signal").p50_ms == 1.0
    assert receipts.quantiles("warning", "signal").count == 2


def test_a_repetition_or_redelivery_counts_once_and_the_timer_never(tmp_path):
    receipts = book(tmp_path, "rsu-a 1 0\n")
    receipts.note("warning", "rsu-a", 1, "w1", 1_000_000)
    receipts.note("warning", "rsu-a", 1, "w1", 501_000_000)
    receipts.note("warning", "timer", 0, "w1", 600_000_000)
    assert (receipts.quantiles("warning").count, receipts.quantiles("warning").p999_ms, receipts.unmatched()) == (1, 1.0, 0)


def test_a_receipt_without_a_sending_is_told(tmp_path):
    receipts = book(tmp_path, "")
    receipts.note("warning", "stranger", 1, "w1", 1)
    assert receipts.unmatched() == 1
    assert math.isnan(receipts.quantiles("warning").p50_ms)


def test_the_log_is_read_while_it_grows_and_half_a_line_waits(tmp_path):
    receipts = book(tmp_path, "rsu-a 1 0\nrsu-a 2 10")
    for sequence in (1, 2):
        receipts.note("warning", "rsu-a", sequence, "w1", 2_000_000)
    assert receipts.quantiles("warning").count == 1
    with receipts.send_log.open("a") as file:
        file.write("00000\n")
    assert receipts.quantiles("warning").count == 2
    assert receipts.quantiles("warning").p50_ms == 1.5
