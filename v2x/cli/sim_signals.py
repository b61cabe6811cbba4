"""`v2x sim --control`: a scenario's signals under a planner, scored by SUMO's own outputs."""

import signal
import tempfile
from pathlib import Path

import typer

from v2x.sim.signal_arguments import Control, Traffic, sumo_arguments
from v2x.sim.signal_run import Stop, Tally, run


def play_signals(traffic: Traffic, control: Control, convention: str, penetration: float) -> bool:
    """True where the run was not stopped before its end."""
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop.ask)
    with tempfile.TemporaryDirectory() as folder:
        started = sumo_arguments(traffic, Path(folder))
        tally = run(started, None, stop)
    typer.echo("", err=True)
    rows = {
        "played": f"{tally.now_s - tally.begin_s:g} s under {control}, {convention}, penetration {penetration:g}{', stopped' if stop.asked else ''}"
    } | _rows(tally)
    typer.echo("\n".join(f"  {name:<14} {text}" for name, text in rows.items()))
    return not stop.asked


def _rows(tally: Tally) -> dict[str, str]:
    gridlock = "none" if tally.gridlocked_s is None else f"seen at {tally.gridlocked_s:.0f} s"
    return {
        "vehicles": f"{tally.loaded:,} loaded, {tally.departed:,} departed, {tally.arrived:,} arrived, {tally.inside:,} inside",
        "gridlock": gridlock,
        "teleports": f"{tally.teleports:,}",
        "cpu": f"{tally.sumo_cpu_s:.1f} s in SUMO",
    }
