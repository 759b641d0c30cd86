"""The command line: options, then an action, then an exit code. `run` is where errors become words and exit codes."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper

import typer

from clustr.cli import change, look, start
from clustr.cli.help import EXIT_CODES, Group, GroupedCommands, exit_codes
from clustr.errors import EXIT_INTERRUPTED, ClustrError

app = typer.Typer(
    cls=GroupedCommands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Bare Linux servers to a GPU Kubernetes cluster, over SSH, from one YAML inventory.",
    epilog=exit_codes(*EXIT_CODES),
)
for group in (start, look, change):
    app.add_typer(group.app)


@app.command(rich_help_panel=Group.LOOK)
def version() -> None:
    """Show clustr's version."""
    from importlib.metadata import version as version_of

    typer.echo(f"clustr {version_of('clustr')}")


def run() -> None:
    """The console script. It ends at once, whatever threads still wait: what runs on a node outlives this process."""
    code = _run()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _run() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except SystemExit as end:
        by_ctrl_c = isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt)  # as typer raises it
        return _interrupted() if by_ctrl_c else int(end.code or 0)
    except ClustrError as error:
        from clustr.views.errors_view import show_error

        show_error(error)
        return error.exit_code
    except Exception as error:
        return _unexpected(error)
    return 0


def _interrupted() -> int:
    typer.echo("Interrupted. Work begun on a node goes on there, and the next run finds it.", err=True)
    return EXIT_INTERRUPTED


def _unexpected(error: Exception) -> int:
    from clustr.engine.window import Interrupted
    from clustr.views.errors_view import show_unexpected

    if isinstance(error, Interrupted):
        return _interrupted()
    show_unexpected(error)
    return ClustrError.exit_code


if __name__ == "__main__":
    run()
