"""`v2x sim --control`: a scenario's signals under a planner, scored by SUMO's own outputs."""

import json
import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import typer

from intersections.buses.network import BusNetwork
from intersections.signals.commitments import FREE, USUAL_NOTICE_S, Play
from intersections.signals.control import Planner
from intersections.signals.conventions import CONVENTIONS, RESCO
from intersections.signals.layout import SECOND_NS
from v2x.importers.sumo_buses import read_bus_network
from v2x.importers.sumo_signals import SignalSite, SignalSurvey, survey_signals
from v2x.importers.sumo_xml import read_network
from v2x.sim.bus_dispatch import DispatchTally, dispatch_of
from v2x.sim.bus_stops import BusStops
from v2x.sim.scenario import ScenarioError
from v2x.sim.signal_arguments import BusPriority, Control, Started, Traffic, sumo_arguments
from v2x.sim.signal_loop import ControlTally, SignalLoop
from v2x.sim.signal_planners import PLANNERS
from v2x.sim.signal_run import Part, Stop, Tally, run


@dataclass(frozen=True, slots=True)
class SignalPlay:
    traffic: Traffic
    control: Control
    convention: str
    penetration: float = 1.0
    trace: Path | None = None
    notice_s: float | None = None  # of each change that is promised; None: promises where somebody reads them
    priority: BusPriority = BusPriority.PERSONS
    dispatch: bool = False

    def __post_init__(self) -> None:
        if self.dispatch and self.traffic.dwell is None:
            raise ScenarioError("dispatched buses need a dwell, such as --dwell 8+2: without one nobody can be held")

    @property
    def promises(self) -> Play:
        notice_s = (0.0 if self.trace is None else USUAL_NOTICE_S) if self.notice_s is None else self.notice_s
        return Play(round(notice_s * SECOND_NS)) if notice_s else FREE

    @property
    def untouched(self) -> bool:
        """SUMO plays its own program by itself."""
        return self.control is Control.PROGRAM and self.convention == RESCO.name


@dataclass(slots=True)
class _Told:
    """What there is to tell at the end."""

    refused: dict[str, str] = field(default_factory=dict)
    tally: ControlTally = field(default_factory=ControlTally)
    dispatch: DispatchTally | None = None


def play_signals(play: SignalPlay, *, as_json: bool) -> bool:
    """True where the run was not stopped before its end. Raises ScenarioError and MapError."""
    stop, told = Stop(), _Told()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop.ask)
    with ExitStack() as stack:
        started = sumo_arguments(play.traffic, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        trace = stack.enter_context(play.trace.open("w", encoding="utf-8")) if play.trace else None
        network, buses = _buses(play, started)
        loops: list[SignalLoop] = []

        def planner_of(site: SignalSite) -> Planner:
            return PLANNERS[play.control](site, play.promises)

        def parts() -> Sequence[Part]:
            dispatch = dispatch_of(buses, network, read_network(started.network), play.traffic.seed) if network and play.dispatch else None
            told.dispatch = dispatch.tally if dispatch else None
            if not play.untouched:
                survey: SignalSurvey = survey_signals(started.network, started.additional, CONVENTIONS[play.convention])
                told.refused = survey.refused
                seed, penetration = play.traffic.seed, play.penetration
                loops.append(SignalLoop(survey.sites, planner_of, seed, penetration, trace, None, buses, play.priority, dispatch))
            return [buses, *([dispatch] if dispatch else []), *loops]

        tally = run(started, parts, stop)
        for loop in loops:
            told.tally = loop.close()
    typer.echo("", err=True)
    words = _json if as_json else _words
    typer.echo(words(play, tally, told, stopped=stop.asked))
    return not stop.asked


def _buses(play: SignalPlay, started: Started) -> tuple[BusNetwork | None, BusStops]:
    """The timetable is needed where departures are off time: SUMO's own moves along with them."""
    if not play.dispatch and not play.traffic.jitter_s:
        return None, BusStops(play.traffic.dwell)
    network, _ = read_bus_network(read_network(started.network), started.routes, started.additional)
    return network, BusStops(play.traffic.dwell, {trip.id: trip.departure_s.tolist() for trip in network.trips.values()})


def _json(play: SignalPlay, tally: Tally, told: _Told, *, stopped: bool) -> str:
    played = {"control": play.control.value, "convention": play.convention, "penetration": play.penetration, "stopped": stopped}
    control = {name.name: getattr(told.tally, name.name) for name in fields(told.tally)}  # asdict makes other counters of counters
    dispatch = {"dispatch": told.dispatch.figures()} if told.dispatch else {}
    return json.dumps(played | asdict(tally) | control | {"refused": told.refused, "plan_ms": told.tally.plan_ms} | dispatch)


def _words(play: SignalPlay, tally: Tally, told: _Told, *, stopped: bool) -> str:
    how = f"{play.control.value}, {play.convention}, penetration {play.penetration:g}{', stopped' if stopped else ''}"
    rows = {
        "played": f"{tally.now_s - tally.begin_s:g} s: {how}",
        "vehicles": f"{tally.loaded:,} loaded, {tally.departed:,} departed, {tally.arrived:,} arrived, {tally.inside:,} inside",
        "gridlock": "none" if tally.gridlocked_s is None else f"seen at {tally.gridlocked_s:.0f} s",
        "teleports": f"{tally.teleports:,}",
        "cpu": f"{tally.sumo_cpu_s:.1f} s in SUMO, {told.tally.sensor_cpu_s:.1f} s sensors, {told.tally.control_cpu_s:.1f} s control",
    }
    if told.tally.plans:
        rows |= {
            "plans": f"{told.tally.plans:,}, {told.tally.plan_ms:.2f} ms of CPU each; {_counts(told.tally.verdicts)}",
            "events": _counts(told.tally.events),
            "modes": f"{_counts(told.tally.modes)} (intersection-seconds)",
        }
    if told.dispatch:
        rows |= {f"orders {kind}": text for kind, text in told.dispatch.rows().items()}
    rows |= {f"left to SUMO: {light}": reason for light, reason in told.refused.items()}
    return "\n".join(f"  {name:<14} {text}" for name, text in rows.items())


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
