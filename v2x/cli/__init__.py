"""One module for each command of `v2x`, imported when the command is asked for; and what their helps have in common."""

import typer

WIDTH = 120  # columns of help, where the terminal has as many


def application(help: str | None = None, epilog: str | None = None) -> typer.Typer:
    """A command's; with `help`, one of commands. Help is plain text: typer's boxes show a flag as `<bool>` and cut examples short."""
    return typer.Typer(
        help=help,
        epilog=epilog,
        no_args_is_help=help is not None,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"max_content_width": WIDTH},
    )
