"""`v2x signals check | import`: signal programs as they are read, with every oddity by name; and other people's into our own file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from intersections.map import MapError
from intersections.signals.conventions import CONVENTIONS, Convention
from intersections.signals.layout import SECOND_NS, GroupKind, LayoutError, SignalLayout, bits
from intersections.signals.plan import SignalPlan
from intersections.signals.plan_json import SignalFile, load
from v2x.cli import application
from v2x.errors import ConfigError
from v2x.importers.signal_file import signal_file
from v2x.importers.sumo_signals import SignalSite, SignalSurvey, read_signals, survey_signals
from v2x.sim.scenario import ScenarioError, read_inputs

REFUSED = 1  # exit code: read, but some signals cannot be taken over

EXAMPLES = """
Examples:

  v2x signals check town.sumocfg                                 every traffic light of a scenario, with its additional files

  v2x signals check town.net.xml --additional programs.add.xml --tl J7 --stages

  v2x signals import town.net.xml --tl J7 --out north.json         into our own file

  v2x signals check north.json
"""

signals_app = application("Read, check and import signal programs.", EXAMPLES)

FileArgument = Annotated[Path, typer.Argument(help="A SUMO network or configuration, or signals in our own format (.json).")]
AdditionalOption = Annotated[list[Path] | None, typer.Option(help="SUMO: a file with programs; may be given again, the last one counts.")]
ConventionOption = Annotated[str, typer.Option(help=f"SUMO: the times it does not tell: {', '.join(CONVENTIONS)}.")]


@signals_app.command("check", epilog=EXAMPLES)
def check_command(
    file: FileArgument,
    additional: AdditionalOption = None,
    convention: ConventionOption = "safe",
    tl: Annotated[str, typer.Option(help="SUMO: this traffic light only.")] = "",
    stages: Annotated[bool, typer.Option("--stages", help="List all stages, the generated ones too.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """What was read, and what is odd. Exits 1 where a traffic light is refused or a green had to be left out, 2 where nothing is read."""
    if file.suffix == ".json":
        read = _load(file)
        typer.echo("\n".join(_told(read.layout, read.plan, stages=stages)))
        return
    survey = _survey(file, additional or [], convention)
    sites = [site for site in survey.sites if not tl or site.layout.intersection == tl]
    refused = {id: reason for id, reason in survey.refused.items() if not tl or id == tl}
    if not sites and not refused:
        raise ConfigError("signals check", f"{file} has no traffic light{f' {tl!r}' if tl else ''}")
    for site in sites:
        typer.echo("\n".join([*_told(site.layout, SignalPlan(site.programs), stages=stages), *_found(site)]))
    for reason in refused.values():
        typer.echo(f"REFUSED {reason}")
    if refused or any(site.refused for site in sites):
        raise typer.Exit(REFUSED)


@signals_app.command("import", epilog=EXAMPLES)
def import_command(
    file: FileArgument,
    out: Annotated[Path, typer.Option("--out", help="Where to write our file.")],
    tl: Annotated[str, typer.Option(help="The traffic light, where there are several.")] = "",
    additional: AdditionalOption = None,
    convention: ConventionOption = "safe",
    id: Annotated[str, typer.Option("--id", help="Id of the intersection; the traffic light's own where not given.")] = "",
) -> None:
    """Read a SUMO traffic light and write our own file."""
    try:
        net, programs = _inputs(file, additional or [])
        sites = read_signals(net, programs, _convention(convention), tl or None)
        if len(sites) != 1:
            names = ", ".join(site.layout.intersection for site in sites)
            raise ConfigError("--tl", f"{file} has {len(sites)} traffic lights; name one: {names}")
        layout = replace(sites[0].layout, intersection=id or sites[0].layout.intersection)
        out.write_text(signal_file(sites[0], layout.intersection), encoding="utf-8")
    except (MapError, ScenarioError, OSError) as error:
        raise ConfigError("signals import", str(error)) from error
    typer.echo("\n".join([*_told(layout, SignalPlan(sites[0].programs), stages=False), *_found(sites[0])]))


def _load(file: Path) -> SignalFile:
    try:
        return load(file)
    except LayoutError as error:
        raise ConfigError("signals check", str(error)) from error


def _survey(file: Path, additional: list[Path], convention: str) -> SignalSurvey:
    try:
        return survey_signals(*_inputs(file, additional), _convention(convention))
    except (MapError, ScenarioError) as error:
        raise ConfigError("signals check", str(error)) from error


def _inputs(file: Path, additional: list[Path]) -> tuple[Path, list[Path]]:
    if file.suffix != ".sumocfg":
        return file, additional
    inputs = read_inputs(file)
    return inputs["net-file"][0], [*inputs["additional-files"], *additional]


def _convention(name: str) -> Convention:
    if name not in CONVENTIONS:
        raise ConfigError("--convention", f"{name!r} is none of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]


def _told(layout: SignalLayout, plan: SignalPlan, *, stages: bool) -> Iterator[str]:
    walkers = sum(group.kind is GroupKind.PEDESTRIAN for group in layout.groups)
    conflicts = sum(row.bit_count() for row in layout.conflicts) // 2
    permissive = sum(row.bit_count() for row in layout.yields)
    yield f"{layout.intersection}"
    yield f"  groups      {len(layout.groups)} ({walkers} for pedestrians): {', '.join(group.id for group in layout.groups)}"
    yield f"  conflicts   {conflicts} pairs; {permissive} yield"
    for program in plan.programs:
        yield f"  program     {program.id}: cycle {program.cycle_ns / SECOND_NS:g} s, offset {program.offset_ns / SECOND_NS:g} s"
    for number, green_ns in layout.local:
        yield f"  local plan  {layout.stages[number].id} {green_ns / SECOND_NS:g} s: {_greens(layout, layout.stages[number].greens)}"
    yield f"  stages      {len(layout.stages)}"
    if stages:
        yield from (f"    {stage.id}: {_greens(layout, stage.greens)}" for stage in layout.stages)


def _greens(layout: SignalLayout, greens: int) -> str:
    """Names; who has to yield in brackets."""
    yielding = layout.permissive(greens)
    return " ".join(f"({layout.groups[bit].id})" if yielding >> bit & 1 else layout.groups[bit].id for bit in bits(greens))


def _found(site: SignalSite) -> Iterator[str]:
    yield from (f"  note: {note}" for note in site.notes)
    yield from (f"  REFUSED {reason}" for reason in site.refused)
