"""`v2x sim`: simulated traffic against a road, by wire in (scaled) real time or in lockstep without sockets."""

import asyncio
import json
import signal
import sys
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from intersections.decisions import Decision, Warning, WarningState
from intersections.map import MapError
from v2x.cli import application
from v2x.clock import ScaledClock
from v2x.errors import ConfigError
from v2x.sim.position_score import as_json, from_json, sentences
from v2x.sim.scenario import ScenarioError
from v2x.sim.setup import SCENARIO_FOLDER, read_tokens, write_setup
from v2x.sim.shared_time import SharedClock
from v2x.sim.signal_arguments import NO_TELEPORT_S, BusPriority, Control, Traffic, read_dwell
from v2x.sim.stage import FIXED_EPOCH_NS, Play, Stage, open_stage
from v2x.v1 import common_pb2

sim_app = application()
STEP_NS = 100_000_000
INTERRUPTED = 130  # as a shell tells of Ctrl-C
BEGINS_IN_S = 0.5  # time to compute the first steps of the world and to open the first streams

EXAMPLES = """
Examples:

  v2x sim --seconds 600                                    the demo crossing in lockstep: warnings by type

  v2x sim --setup state                                    its map, stations, anchors and tokens for a server of your own

  v2x serve --state state --map state/map.json             (in a second terminal)

  v2x sim --link wire --state state                        and the traffic

  v2x sim town.sumocfg --control adaptive --tripinfo t.xml the signals of a SUMO scenario under the optimiser, one file of trips
"""


class Link(StrEnum):
    WIRE = "wire"
    DIRECT = "direct"


class Rules(StrEnum):
    RESCO = "resco"
    SAFE = "safe"


@sim_app.command(epilog=EXAMPLES)
def sim_command(
    scenario: Annotated[Path | None, typer.Argument(help="A .sumocfg or a folder with one; default: the demo crossing.")] = None,
    link: Annotated[Link, typer.Option(help="wire: gRPC to a server; direct: lockstep in this process.")] = Link.DIRECT,
    seconds: Annotated[float, typer.Option(help="Simulated seconds.")] = 180.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same traffic and the same errors.")] = 0,
    state: Annotated[Path, typer.Option(help="The server's state folder (wire: endpoints and tokens).")] = Path("state"),
    setup: Annotated[Path | None, typer.Option(help="Write map, stations, anchors and tokens into this state folder and end.")] = None,
    speed: Annotated[float, typer.Option(help="wire: simulated seconds per second; the server's clock must run alike.")] = 1.0,
    clock: Annotated[Path | None, typer.Option(help="wire: the time page that the server goes by.", hidden=True)] = None,
    send_log: Annotated[Path | None, typer.Option(help="wire: note when each message was sent.")] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="wire: one JSON object a second; --control: one at the end.")] = False,  # noqa: FBT002 - typer's way
    control: Annotated[Control | None, typer.Option(help="direct: who runs the signals; what follows is for this.")] = None,
    begin: Annotated[float | None, typer.Option(help="SUMO's time, s; default: the scenario's.")] = None,
    end: Annotated[float | None, typer.Option(help="SUMO's time, s; default: the scenario's.")] = None,
    penetration: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of connected vehicles; buses always are.")] = 1.0,
    convention: Annotated[Rules, typer.Option(help="resco: no all-red; safe: all-red 2 s, pedestrian clearances.")] = Rules.RESCO,
    teleport: Annotated[float, typer.Option(help="SUMO takes out who stands so many seconds; -1: never.")] = NO_TELEPORT_S,
    tripinfo: Annotated[Path | None, typer.Option(help="Where SUMO writes trips, unfinished and undeparted ones too.")] = None,
    stops: Annotated[Path | None, typer.Option(help="Where SUMO writes stops.")] = None,
    statistics: Annotated[Path | None, typer.Option(help="Where SUMO writes its statistics.")] = None,
    trace: Annotated[Path | None, typer.Option(help="Where each intersection's SPaT goes, one JSON line each 100 ms.")] = None,
    notice: Annotated[
        float | None,
        typer.Option(
            min=0, help="Seconds ahead that adaptive control promises its changes. Default: 10 with --trace, else 0.", show_default=False
        ),
    ] = None,
    jitter: Annotated[
        float, typer.Option(min=0, help="Standard deviation, s, of how far buses depart off their time; drawn by the seed.")
    ] = 0.0,
    dispatch: Annotated[bool, typer.Option("--dispatch", help="Buses are dispatched; needs --dwell.")] = False,  # noqa: FBT002 - typer's way
    dwell: Annotated[str | None, typer.Option(help="8+2: buses wait for no timetable, but 8 s and 2 s for each who boards.")] = None,
    priority: Annotated[
        BusPriority, typer.Option(help="What buses count for: a car, their persons, and more where late.")
    ] = BusPriority.CONDITIONAL,
) -> None:
    """Play simulated traffic: SUMO, two roadside stations, connected vehicles, lamps. With --control: the signals of a scenario."""
    play = Play(scenario=scenario, seed=seed)
    try:
        if control is not None:
            from v2x.cli.sim_signals import SignalPlay, play_signals  # noqa: PLC0415  nothing of it is needed by the other plays

            stay = read_dwell(dwell) if dwell else None
            traffic = Traffic(scenario, seed, begin, end, teleport, tripinfo, stops, statistics, stay, jitter)
            signals = SignalPlay(traffic, control, convention, penetration, trace, notice, priority, dispatch)
            ended = play_signals(signals, as_json=json_lines)
            raise typer.Exit(0 if ended else INTERRUPTED)
        if setup is not None:
            made = write_setup(play, setup)
            typer.echo(f"{made.map_file}: intersection {made.map.id}; stations approved and their tokens in {setup}")
        elif link is Link.WIRE:
            going = SharedClock(clock, speed) if clock else ScaledClock(speed)
            report = _print_json if json_lines else _print_line
            asyncio.run(_play_on_wire(play, state, going, seconds, send_log, report))
        else:
            _play_direct(play, seconds)
    except (ScenarioError, MapError) as error:
        raise ConfigError("sim", str(error)) from error


async def _play_on_wire(play: Play, state: Path, clock: ScaledClock, seconds: float, send_log: Path | None, report: Any) -> None:
    from v2x.sim.latency import SendLog  # noqa: PLC0415  as is gRPC, not needed in lockstep
    from v2x.sim.wire_link import PeerError, WireCounts, WireLink  # noqa: PLC0415

    try:
        server = json.loads((state / "endpoints.json").read_text())["grpc"]
        tokens = read_tokens(state)
    except FileNotFoundError as error:
        raise ConfigError("--state", f"{error.filename} is missing: run v2x sim --setup {state} and v2x serve --state {state}") from error
    stage = open_stage(play, state / SCENARIO_FOLDER, FIXED_EPOCH_NS)
    stage.field.epoch_ns = round(clock.now_ns() + BEGINS_IN_S * clock.speed * 1e9) // STEP_NS * STEP_NS  # on the grid of reports
    with SendLog(send_log or state / "sends.txt") as sends:
        link = WireLink(stage.field, clock, server, tokens, sends)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, link.stop)

        def each_second(counts: WireCounts, sim_s: float) -> None:
            report(_figures(stage, counts, sim_s) | _pace(clock, sim_s), final=False)

        try:
            await link.run(seconds, each_second)
        except PeerError as error:
            raise ConfigError(f"--state {state}", str(error)) from error
    report(_figures(stage, link.counts, link.played_s) | _pace(clock, link.played_s), final=True)
    stage.field.world.close()


def _pace(clock: ScaledClock, played_s: float) -> dict[str, float]:
    """How fast it really went: what a shared clock waited for is real time too."""
    waited_s = clock.slip_ns() / 1e9 if isinstance(clock, SharedClock) else 0.0
    return {"speed": round(clock.speed * played_s / max(played_s + waited_s, 1.0), 2)}


def _figures(stage: Stage, counts: Any, sim_s: float) -> dict[str, Any]:
    names = dict(zip(common_pb2.Verdict.values(), common_pb2.Verdict.keys(), strict=True))
    rejected: dict[str, int] = {}
    for report in counts.latest_reports.values():
        for label, entries in (("frames", report.frames_rejected), ("objects", report.objects_rejected)):
            for entry in entries:
                key = f"{label} {names[entry.verdict].removeprefix('VERDICT_')}"
                rejected[key] = rejected.get(key, 0) + entry.count
    health = stage.field.world.health
    return {
        "sim_s": round(sim_s, 1),
        "frames": counts.frames,
        "objects": counts.objects,
        "samples": counts.samples,
        "ranges": counts.ranges,
        "signals": counts.signals,
        "vehicles": counts.vehicles,
        "positions": as_json(stage.field.positions.figures()),
        "downlinks": dict(counts.downlinks),
        "dropped_by_streams": counts.dropped,
        "most_late_ms": round(counts.most_late_ms, 1),
        "rejected": rejected,
        "advice": sorted({text for report in counts.latest_reports.values() for text in report.advice}),
        "road_users": len(stage.field.truth.ids),
        "collisions": health.collisions,
        "waiting": health.waiting,
        "most_waiting": health.most_waiting,
        "teleports": health.teleports,
    }


def _print_json(figures: dict[str, Any], *, final: bool) -> None:
    print(json.dumps(figures | {"final": final}), flush=True)


def _print_line(figures: dict[str, Any], *, final: bool) -> None:
    text = ", ".join(f"{figures[name]:,} {name}" for name in ("frames", "objects", "samples", "ranges", "signals", "road_users"))
    sys.stdout.write(f"\r{figures['sim_s']:7.1f} s: {text}" + ("\n" if final else ""))
    if final:
        print("\n".join(f"  {name:<14} {words}" for name, words in sentences(from_json(figures["positions"])).items()))
    sys.stdout.flush()


class _WarningCount:
    """A sink that counts what was raised."""

    def __init__(self) -> None:
        self.raised: dict[str, int] = {}

    def publish(self, decisions: Any, now_ns: int) -> None:  # noqa: ARG002  the protocol's
        for decision in decisions:
            self._count(decision)

    def _count(self, decision: Decision) -> None:
        if isinstance(decision, Warning) and decision.state is WarningState.RAISED:
            self.raised[decision.kind] = self.raised.get(decision.kind, 0) + 1


def _play_direct(play: Play, seconds: float) -> None:
    from v2x.sim.direct_link import play_direct  # noqa: PLC0415  as is the whole core, not needed on the wire

    warnings = _WarningCount()
    started_s = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        stage = open_stage(play, Path(folder))
        pipeline = play_direct(stage.field, stage.map, seconds, [warnings])
        stage.field.world.close()
    cpu_s = time.process_time() - started_s
    rows = {
        "played": f"{seconds:g} s of {stage.scenario.name} in {cpu_s:.1f} s of CPU",
        "warnings": ", ".join(f"{count} {kind}" for kind, count in sorted(warnings.raised.items())) or "none",
        "decisions": f"{pipeline.decisions:,}, hash {pipeline.digest.hex()}",
        "traffic": f"{stage.field.world.health}",
    }
    rows |= sentences(stage.field.positions.figures())
    typer.echo("\n".join(f"  {name:<14} {text}" for name, text in rows.items()))
    typer.echo("\n".join(f"  {text}" for text in stage.scenario.provenance))
