"""Service figures against what theory and arithmetic give, and the page that shows them."""

import asyncio
import re
from datetime import date
from math import isnan, nan, sqrt

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intersections.buses.decisions import BusReport
from intersections.buses.figures import ServiceRecord, waiting_of
from intersections.buses.samples import UNKNOWN_LOAD, StopCall
from tests.bus_scenes import HOUR, MIDNIGHT_NS, SPEED_MPS, network
from v2x.service_live import HTML, JSON, LiveService
from v2x.service_report import report_page
from v2x.svg import Plot, ticks

EIGHT = 8 * HOUR
NETWORK = network()
STOPS = 9


def run(number, late_s=0.0, load=UNKNOWN_LOAD, way="A"):
    """All calls of a trip, `late_s` behind the timetable everywhere, without dwell."""
    trip = NETWORK.trips[f"{way}{number}"]
    for stop, at_s in enumerate((trip.arrival_s + late_s).tolist()):
        yield StopCall("v", trip.id, trip.pattern, stop, at_s, nan if stop == len(trip.arrival_s) - 1 else at_s, load)


def recorded(*runs):
    record = ServiceRecord(NETWORK)
    for calls in runs:
        record.observe(calls)
    return record


def of_line_a(record):
    return next(one for one in record.figures(("line", "direction")) if (one.line, one.direction) == ("A", "0"))


def test_a_punctual_line_is_on_time_and_waits_half_its_headway():
    one = of_line_a(recorded(*(run(number) for number in range(12))))
    assert (one.calls, one.on_time, one.late, one.early) == (12 * STOPS, 1.0, 0.0, 0.0)
    assert one.headways == 11 * (STOPS - 1)  # nobody waits where the line ends
    assert one.waiting_s == pytest.approx(300.0)
    assert one.excess_waiting_s == pytest.approx(0.0, abs=1e-9)
    assert one.headway_cv == pytest.approx(0.0, abs=1e-9)
    assert one.headway_adherence == pytest.approx(0.0, abs=1e-9)
    assert one.bunched == 0.0
    assert one.speed_mps == pytest.approx(SPEED_MPS)
    assert one.bus_hours == pytest.approx(12 * 4000.0 / SPEED_MPS / HOUR)


def test_pairs_of_buses_wait_as_theory_says():
    # Every second bus 9 of 10 minutes late: headways alternate 19 and 1 min; mean square / 2 mean = (361 + 1) / 2 / 20 = 9.05 min.
    one = of_line_a(recorded(*(run(number, 540.0 * (number % 2)) for number in range(12))))
    headways = np.array([1140.0, 60.0] * 5 + [1140.0])
    assert one.waiting_s == pytest.approx((headways**2).sum() / headways.sum() / 2)
    assert one.excess_waiting_s == pytest.approx(one.waiting_s - 300.0)
    assert one.headway_cv == pytest.approx(headways.std() / headways.mean())
    assert one.headway_adherence == pytest.approx(headways.std() / 600.0)
    assert one.bunched == pytest.approx(5 / 11)
    assert one.on_time == pytest.approx(0.5)
    assert one.late == pytest.approx(0.5)


def test_a_trip_that_is_not_run_doubles_the_headway():
    one = of_line_a(recorded(*(run(number) for number in range(12) if number != 5)))
    assert one.waiting_s == pytest.approx((9 * 600.0**2 + 1200.0**2) / (9 * 600.0 + 1200.0) / 2)
    assert one.excess_waiting_s > 0.0


def test_riders_carried_for_an_hour_of_bus():
    one = of_line_a(recorded(run(0, load=30), run(1, load=10)))
    assert one.load == pytest.approx(20.0)
    assert one.load_max == 30.0
    assert one.passenger_km_per_bus_hour == pytest.approx(20.0 * SPEED_MPS * 3.6)
    assert isnan(of_line_a(recorded(run(0))).passenger_km_per_bus_hour)


def test_hours_lines_and_directions_are_told_apart():
    record = recorded(*(run(number, way=way) for way in "AB" for number in range(12)))
    assert [(one.line, one.direction) for one in record.figures(("line", "direction"))] == [("A", "0"), ("A", "1")]
    hours = record.figures(("hour",))
    assert [one.hour for one in hours] == [8, 9, 10][: len(hours)]
    assert sum(one.calls for one in hours) == record.figures()[0].calls == 24 * STOPS


def test_an_open_call_is_replaced_by_its_last_word_and_what_is_not_planned_is_not_kept():
    record = ServiceRecord(NETWORK)
    record.observe([StopCall("v", "A0", "p", 1, EIGHT + 70.0, nan, 5), StopCall("v", "A0", "p", 1, EIGHT + 70.0, EIGHT + 90.0, 9)])
    record.observe([StopCall("v", "ghost", "p", 1, EIGHT, nan, 5), StopCall("v", "A0", "p", 99, EIGHT, nan, 5)])
    assert list(record.calls()) == ["A0"]
    assert record.calls()["A0"][1].tolist() == [EIGHT + 70.0, EIGHT + 90.0, 9.0]


def test_nothing_seen_is_no_figures():
    assert ServiceRecord(NETWORK).figures() == []


def calls_in_order():
    return [call for number in range(4) for call in run(number, 37.0 * number, load=number)]


@given(st.permutations(calls_in_order()))
def test_the_order_of_calls_does_not_matter(calls):
    expected = recorded(calls_in_order()).figures(("line",))
    assert repr(recorded(calls).figures(("line",))) == repr(expected)
    assert repr(recorded(calls, calls).figures(("line",))) == repr(expected)


@given(st.lists(st.floats(1.0, 7200.0), min_size=1, max_size=50))
def test_waiting_is_half_the_mean_headway_and_more_by_its_spread(headways_s):
    # Welding: the mean wait is half the mean headway times one plus the square of its coefficient of variation
    headways = np.array(headways_s)
    cv = headways.std() / headways.mean()
    assert waiting_of(headways) == pytest.approx(headways.mean() / 2 * (1 + cv**2), rel=1e-9)
    assert waiting_of(headways) >= headways.mean() / 2 * (1 - 1e-9)


def test_a_record_goes_on_after_a_restart():
    record, other = recorded(run(0), run(1, 60.0)), ServiceRecord(NETWORK)
    other.restore(record.snapshot())
    for one in (record, other):
        one.observe(run(2))
    assert repr(other.figures(("line", "hour"))) == repr(record.figures(("line", "hour")))


def test_the_page_has_its_figures_and_plots_and_asks_nobody_for_anything():
    record = recorded(*(run(number, 30.0 * number, load=20) for number in range(12)))
    page = report_page(NETWORK, record, date(2024, 5, 15), {"ACCEPTED": 7, "<b>&": 1})
    assert page.count("<svg") == page.count("</svg>") >= 7
    assert not re.search(r"\b(src|href)=|https?://|@import|url\(", page)
    assert "&lt;b&gt;&amp;" in page
    assert "<td>A 0</td>" in page
    assert "12 of 48 planned trips" in page
    assert "nan" not in page


def test_a_page_of_an_empty_day_is_still_a_page():
    assert "0 of 48" in report_page(NETWORK, ServiceRecord(NETWORK), date(2024, 5, 15), {})


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_within(low, span):
    found = ticks(low, low + span)
    assert 1 <= len(found) <= 12
    assert all(low - span * 1e-6 <= value <= low + span * (1 + 1e-6) for value in found)


def test_plots_leave_out_what_is_not_known_and_stay_inside():
    plot = Plot("a <b> plot", "x", "y", (0.0, 10.0), (0.0, 1.0))
    plot.line([(0.0, 0.5), (nan, 1.0), (5.0, nan), (99.0, 7.0)], name="one")
    plot.bars([(1.0, 0.5), (2.0, nan)], 0.5)
    plot.dots([(1.0, sqrt(2.0))])
    text = plot.text()
    assert "nan" not in text
    assert "a &lt;b&gt; plot" in text
    numbers = [float(value) for pair in re.findall(r'points="([^"]*)"', text) for point in pair.split() for value in point.split(",")]
    assert len(numbers) == 4
    assert all(0.0 <= x <= 720.0 for x in numbers[::2])
    assert all(0.0 <= y <= 300.0 for y in numbers[1::2])


async def test_the_day_so_far_is_told_live_and_made_anew_each_minute():
    live = LiveService({"town": NETWORK})
    at_ns = MIDNIGHT_NS + int(9 * HOUR * 1e9)

    def report(number, later_s):
        live.publish([BusReport("town", at_ns, (), tuple(run(number)), ())], at_ns + later_s * 10**9)

    report(0, 0)
    first = orjson.loads(await live.told("town", JSON))
    assert first["all"][0]["calls"] == STOPS
    assert first["line"][0]["line"] == "A"
    assert "load" not in first["all"][0]  # nobody counted
    report(1, 10)
    assert orjson.loads(await live.told("town", JSON)) == first
    report(2, 60)
    assert orjson.loads(await live.told("town", JSON))["all"][0]["calls"] == 3 * STOPS
    assert b"3 of 48 planned trips" in await live.told("town", HTML)
    assert await live.told("town", "ghost") is await live.told("ghost", HTML) is None


async def test_calls_that_come_while_the_page_is_made_neither_disturb_it_nor_wait():
    live = LiveService({"town": NETWORK})
    at_ns = MIDNIGHT_NS + int(9 * HOUR * 1e9)
    live.publish([BusReport("town", at_ns, (), tuple(run(0)), ())], at_ns)
    asked = [asyncio.create_task(live.told("town", JSON)) for _ in range(3)]
    await asyncio.sleep(0)
    live.publish([BusReport("town", at_ns, (), tuple(run(1)), ())], at_ns)
    first, *others = await asyncio.gather(*asked)
    assert orjson.loads(first)["all"][0]["calls"] == STOPS
    assert all(other is first for other in others)
