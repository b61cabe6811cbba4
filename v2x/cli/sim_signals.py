"""`v2x sim --control`: a scenario's signals under a planner, scored by SUMO's own outputs."""

import json
import signal
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from v2x.sim.bus_stops import BusStops
from v2x.sim.signal_arguments import Control, Traffic, sumo_arguments
from v2x.sim.signal_run import Stop, Tally, run


def play_signals(traffic: Traffic, control: Control, convention: str, penetration: float, *, as_json: bool) -> bool:
    """True where the run was not stopped before its end."""
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop.ask)
    with tempfile.TemporaryDirectory() as folder:
        started = sumo_arguments(traffic, Path(folder))
        tally = run(started, BusStops(traffic.dwell).step, stop)
    typer.echo("", err=True)
    played = {"control": control.value, "convention": convention, "penetration": penetration, "stopped": stop.asked}
    typer.echo(json.dumps(played | asdict(tally)) if as_json else _words(played, tally))
    return not stop.asked


def _words(played: dict[str, Any], tally: Tally) -> str:
    rows = {
        "played": f"{tally.now_s - tally.begin_s:g} s under {', '.join(f'{name} {value}' for name, value in played.items())}",
        "vehicles": f"{tally.loaded:,} loaded, {tally.departed:,} departed, {tally.arrived:,} arrived, {tally.inside:,} inside",
        "gridlock": "none" if tally.gridlocked_s is None else f"seen at {tally.gridlocked_s:.0f} s",
        "teleports": f"{tally.teleports:,}",
        "cpu": f"{tally.sumo_cpu_s:.1f} s in SUMO",
    }
    return "\n".join(f"  {name:<14} {text}" for name, text in rows.items())
