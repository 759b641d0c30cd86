"""Look: at a cluster that is there. Nothing of this changes a node, unless the command that exec is given does."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from clustr.cli import verdict
from clustr.cli.help import Group, exit_codes, words
from clustr.cli.options import (
    InventoryArgument,
    InventoryOption,
    LimitOption,
    OutputOption,
    SchemaOption,
    VerboseOption,
    about,
    inventory_path,
)
from clustr.errors import UsageError
from clustr.views.view import Output, choose_view

app = typer.Typer(rich_markup_mode=None)


@app.command(
    help=words(
        "Run all checks on all nodes. Each failure comes with its fix.",
        "clustr doctor",
        "clustr doctor --only 'k3s.*' --limit 'gpu*'",
    ),
    epilog=exit_codes(3, 4, 8, 9, 130),
    rich_help_panel=Group.LOOK,
)
def doctor(
    argument: InventoryArgument = None,
    inventory: InventoryOption = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK", help="only these checks, names or globs")
    ] = None,
    limit: LimitOption = None,
    output: OutputOption = Output.TABLE,
    schema: SchemaOption = False,
    verbose: VerboseOption = False,
) -> None:
    from clustr.views import documents, outcome

    if schema:
        return documents.write_schema("doctor")
    from clustr import actions
    from clustr.session import Options

    path = inventory_path(inventory, argument)
    view = choose_view(output, sys.stderr, path, verbose=verbose)
    with about(view):
        health = actions.doctor(path, Options(limit=tuple(limit or ()), only=tuple(only or ())), view)
    outcome.show_health(health, view, output)
    raise typer.Exit(verdict.of_health(health))


@app.command(
    "exec",
    help=words(
        "Run one command as root on many nodes. Equal answers are shown once.",
        "clustr exec -- uname -r",
        "clustr exec --limit 'gpu*' -- sh -c 'lspci | grep -ci nvidia'",
    ),
    epilog=exit_codes(3, 4, 130),
    rich_help_panel=Group.LOOK,
)
def execute(
    command: Annotated[list[str] | None, typer.Argument(metavar="-- COMMAND", show_default=False)] = None,
    inventory: InventoryOption = None,
    limit: LimitOption = None,
    output: OutputOption = Output.TABLE,
    schema: SchemaOption = False,
    verbose: VerboseOption = False,
) -> None:
    from clustr.views import documents, outcome

    if schema:
        return documents.write_schema("exec")
    if not command:
        raise UsageError("no command is given", "clustr exec -- uname -r")
    from clustr import actions
    from clustr.session import Options

    path = inventory_path(inventory)
    view = choose_view(output, sys.stderr, path, verbose=verbose)
    with about(view):
        said = actions.execute(path, command, Options(limit=tuple(limit or ())), view)
    outcome.show_answers(said, view, output)
    raise typer.Exit(verdict.of_answers(said))
