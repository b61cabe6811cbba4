"""`v2x replay LOG`: what was decided, and whether it is what was decided then."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from v2x.cli import application
from v2x.errors import ConfigError
from v2x.events import EventLines
from v2x.log_format import LogError
from v2x.replay import ReplayResult, encoder_of, log_files, replay

replay_app = application()

EXAMPLES = """
Examples:

  v2x replay state/log                                the latest run, as fast as possible

  v2x replay state/log --events events.jsonl          and one JSON line for each event

  v2x replay state/log --from 2026-05-04T08:00:00Z --speed 1
"""


@replay_app.command(epilog=EXAMPLES)
def replay_command(
    log: Annotated[Path, typer.Argument(help="A log file, or the folder of logs (its latest run).")],
    from_: Annotated[str, typer.Option("--from", help="Begin here: an RFC 3339 time.")] = "",
    speed: Annotated[str, typer.Option(help="'max', or a factor: 1 plays as it was.")] = "max",
    events: Annotated[Path | None, typer.Option(help="Write what was decided, one JSON object a line.")] = None,
    tracks: Annotated[bool, typer.Option("--tracks", help="With --events: the 10 Hz reports and arrivals at stops too.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Play an input log again through the same pipeline and verify its decisions. Exits 1 where they differ."""
    try:
        files = log_files(log)
        with ExitStack() as stack:
            out = stack.enter_context(events.open("wb")) if events else None
            sinks = [EventLines(out, encoder_of(files), tracks=tracks)] if out else []
            result = replay(files, sinks, from_ns=_time_ns(from_), speed=_factor(speed))
    except (LogError, OSError) as error:
        raise ConfigError("replay", str(error)) from error
    typer.echo(report(result))
    raise typer.Exit(code=0 if result.same else 1)


def report(result: ReplayResult) -> str:
    if not result.recorded_digest:
        equal = "no END to compare with"
    else:
        equal = "equal to the recorded one" if result.digest == result.recorded_digest else "NOT the recorded one"
    lines = [
        f"steps          {result.steps}",
        f"decisions      {result.decisions}",
        f"decision hash  {result.digest} ({equal})",
        f"states checked {result.states_checked}",
        f"gaps           {len(result.gaps)}, {sum(gap.steps for gap in result.gaps)} steps lost",
    ]
    lines += [f"gap            {gap.steps} steps, {_utc(gap.from_ns)} to {_utc(gap.to_ns)}" for gap in result.gaps]
    lines += [f"note           {note}" for note in result.notes]
    lines += [f"DIFFERS        {difference}" for difference in result.differences]
    return "\n".join(lines)


def _time_ns(text: str) -> int:
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError("--from", f"{text!r} is no RFC 3339 time such as 2026-05-04T08:00:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6) * 1000


def _factor(text: str) -> float | None:
    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not factor > 0.0:
        raise ConfigError("--speed", f"{text!r} is neither 'max' nor a positive factor")
    return factor


def _utc(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")
