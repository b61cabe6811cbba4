"""The daily report of bus service: one HTML page with tables and plots, which needs nothing from anywhere.

The figures are those of `intersections.buses.figures`; the page says how each is defined and how many calls it rests on.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from math import isnan

import numpy as np

from intersections.buses.figures import BUNCHED, EARLY_S, LATE_S, MIN_CALLS, Figures, ServiceRecord
from intersections.buses.network import BusNetwork, Floats
from v2x.svg import Plot, Point

MAX_DIAGRAMS = 4  # lines whose trips are drawn one by one: those that ran most

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1d2b33; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #d8dee2; }
th { font-weight: 600; vertical-align: bottom; } td:first-child, th:first-child { text-align: left; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr)); gap: 1rem; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: #1d2b33; }
svg .title { font-weight: 600; font-size: 14px; } .grid { stroke: #e3e8eb; } .axis { stroke: #5c6b73; }
.note { color: #5c6b73; max-width: 60rem; }
"""


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    value: Callable[[Figures], float]
    form: str


COLUMNS = (
    Column("calls", lambda one: one.calls, "{:.0f}"),
    Column("on time %", lambda one: 100.0 * one.on_time, "{:.1f}"),
    Column("early %", lambda one: 100.0 * one.early, "{:.1f}"),
    Column("late %", lambda one: 100.0 * one.late, "{:.1f}"),
    Column("late by, s", lambda one: one.deviation_s, "{:.0f}"),
    Column("headways", lambda one: one.headways, "{:.0f}"),
    Column("headway CV", lambda one: one.headway_cv, "{:.2f}"),
    Column("headway adherence", lambda one: one.headway_adherence, "{:.2f}"),
    Column("waiting, min", lambda one: one.waiting_s / 60.0, "{:.2f}"),
    Column("excess waiting, min", lambda one: one.excess_waiting_s / 60.0, "{:.2f}"),
    Column("bunched %", lambda one: 100.0 * one.bunched, "{:.1f}"),
    Column("speed, km/h", lambda one: 3.6 * one.speed_mps, "{:.1f}"),
    Column("bus-hours", lambda one: one.bus_hours, "{:.1f}"),
    Column("passenger-km per bus-hour", lambda one: one.passenger_km_per_bus_hour, "{:.0f}"),
    Column("on board", lambda one: one.load, "{:.1f}"),
    Column("most on board", lambda one: one.load_max, "{:.0f}"),
)


@dataclass(frozen=True, slots=True)
class Plotted:
    """`top`: the axis reaches at least this far."""

    title: str
    label: str
    value: Callable[[Figures], float]
    top: float


PLOTTED = (
    Plotted("Calls on time", "%", lambda one: 100.0 * one.on_time, 100.0),
    Plotted("Excess waiting", "min", lambda one: one.excess_waiting_s / 60.0, 1.0),
    Plotted("Headway adherence", "sd of deviations / headway", lambda one: one.headway_adherence, 0.5),
    Plotted("Commercial speed", "km/h", lambda one: 3.6 * one.speed_mps, 10.0),
    Plotted("Passenger-km per bus-hour", "km", lambda one: one.passenger_km_per_bus_hour, 10.0),
    Plotted("On board", "riders, mean", lambda one: one.load, 5.0),
)

NOTES = f"""A call is one bus at one stop. On time: no more than {-EARLY_S:.0f} s early and {LATE_S:.0f} s late.
Headway CV: standard deviation over mean of the headways at a stop, averaged over stops with {MIN_CALLS} headways and more.
Headway adherence: standard deviation of the deviations from the scheduled headways, over the mean scheduled headway.
Waiting: of riders who come at any time, half the mean square headway over the mean; excess waiting: beyond what the timetable would give.
Bunched: departures less than {BUNCHED:.0%} of the scheduled headway after the bus before.
Speed and passenger-km: between stops served, stops included, layovers not. A dash: nothing is known."""


def report_page(network: BusNetwork, record: ServiceRecord, day: date, verdicts: Mapping[str, int]) -> str:
    total, lines = record.figures(), record.figures(("line", "direction"))
    hours, line_hours = record.figures(("hour",)), record.figures(("line", "direction", "hour"))
    parts = [
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Bus service {day}</title><style>{STYLE}</style></head><body>',
        f"<h1>Bus service on {day:%A, %d %B %Y}</h1>",
        f"<p>{len(record.calls())} of {len(network.trips)} planned trips were seen.</p>",
        _table("All lines", total, _all),
        f'<p class="note">{NOTES}</p>',
        _plots("By hour", _hourly(hours)),
        _plots("Headways and lateness", _spreads(network, record)),
        _table("By line and direction", lines, _line),
        _plots("The trips of the busiest lines", _diagrams(network, record, lines)),
        _table("By hour, all lines", hours, _hour),
        _table("By line, direction and hour", line_hours, lambda one: f"{_line(one)}, {_hour(one)}"),
        _counts(verdicts),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _all(_: Figures) -> str:
    return "all"


def _line(one: Figures) -> str:
    return f"{one.line} {one.direction}".strip()


def _hour(one: Figures) -> str:
    return f"{one.hour:02d}–{one.hour + 1:02d} h"


def _table(title: str, rows: Sequence[Figures], name: Callable[[Figures], str]) -> str:
    head = "".join(f"<th>{escape(column.head)}</th>" for column in COLUMNS)
    body = "\n".join(
        f"<tr><td>{escape(name(one))}</td>{''.join(f'<td>{_cell(column, one)}</td>' for column in COLUMNS)}</tr>" for one in rows
    )
    return f"<h2>{escape(title)}</h2><table><thead><tr><th></th>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _cell(column: Column, one: Figures) -> str:
    value = column.value(one)
    return "–" if isnan(value) else column.form.format(value)


def _plots(title: str, plots: Iterable[Plot]) -> str:
    return f'<h2>{escape(title)}</h2><div class="plots">{"".join(plot.text() for plot in plots)}</div>'


def _hourly(hours: Sequence[Figures]) -> Iterable[Plot]:
    if not hours:
        return
    span = (hours[0].hour, hours[-1].hour + 1.0)
    for plotted in PLOTTED:
        points = [(one.hour + 0.5, plotted.value(one)) for one in hours]
        known = [y for _, y in points if not isnan(y)]
        if known:
            plot = Plot(plotted.title, "hour of the service day", plotted.label, span, (min(*known, 0.0), max(*known, plotted.top) * 1.05))
            plot.bars(points, 0.8)
            yield plot


def _spreads(network: BusNetwork, record: ServiceRecord) -> Iterable[Plot]:
    ratios, lateness_min = record.headway_ratios(), _lateness_min(network, record)
    if len(ratios):
        yield _histogram("Actual over scheduled headway", "ratio", ratios, (0.0, 3.0), 0.1)
    if len(lateness_min):
        yield _histogram("Lateness at stops", "min", lateness_min, (-10.0, 20.0), 1.0)


def _lateness_min(network: BusNetwork, record: ServiceRecord) -> Floats:
    found = [calls[1:, 0] - network.trips[trip].arrival_s[1:] for trip, calls in record.calls().items()]
    late_s = np.concatenate([*found, np.empty(0)])
    return np.asarray(late_s[~np.isnan(late_s)] / 60.0)


def _histogram(title: str, label: str, values: Floats, span: Point, step: float) -> Plot:
    edges = np.arange(span[0], span[1] + step / 2, step)
    counts = np.histogram(np.clip(values, span[0], span[1] - step / 2), edges)[0] / len(values) * 100.0
    plot = Plot(title, label, "% of calls", span, (0.0, 1.1 * float(counts.max())))
    plot.bars(zip(((edges[1:] + edges[:-1]) / 2).tolist(), counts.tolist(), strict=True), 0.9 * step)
    return plot


def _diagrams(network: BusNetwork, record: ServiceRecord, lines: Sequence[Figures]) -> Iterable[Plot]:
    """Place over time of every trip: where lines lie together, buses are bunched."""
    for one in sorted(lines, key=lambda one: (-one.headways, one.line, one.direction))[:MAX_DIAGRAMS]:
        tracks = [points for trip in record.calls() if (points := _track(network, record, trip, one))]
        if not tracks:
            continue
        times = [x for points in tracks for x, _ in points]
        top_km = max(y for points in tracks for _, y in points)
        plot = Plot(
            f"Line {_line(one)}: place over time", "hour of the service day", "km", (min(times), max(times)), (0.0, max(top_km, 0.1))
        )
        for points in tracks:
            plot.line(points, weight=1.0)
        yield plot


def _track(network: BusNetwork, record: ServiceRecord, trip: str, of: Figures) -> list[Point]:
    pattern = network.patterns[network.trips[trip].pattern]
    if (pattern.line, pattern.direction) != (of.line, of.direction):
        return []
    track: list[Point] = []
    for place_m, (arrived_s, left_s, _) in zip(pattern.stop_m.tolist(), record.calls()[trip].tolist(), strict=True):
        track += [(time_s / 3600.0, place_m / 1000.0) for time_s in (arrived_s, left_s) if not isnan(time_s)]
    return track


def _counts(verdicts: Mapping[str, int]) -> str:
    rows = "\n".join(f"<tr><td>{escape(name)}</td><td>{count}</td></tr>" for name, count in sorted(Counter(verdicts).items()) if count)
    return f"<h2>What was met in feed and positions</h2><table><tbody>\n{rows}\n</tbody></table>"
