"""Start: from nothing to a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clustr.cli import verdict
from clustr.cli.help import Group, exit_codes, words
from clustr.cli.options import (
    IgnoreOption,
    InventoryArgument,
    InventoryOption,
    LimitOption,
    OutputOption,
    SchemaOption,
    VerboseOption,
    YesOption,
    about,
    inventory_path,
)
from clustr.errors import InventoryError
from clustr.views.view import Output, choose_view

app = typer.Typer(rich_markup_mode=None)


@app.command(
    help=words(
        "Write a commented inventory. What no option says is asked.",
        "clustr init",
        "clustr init --name lab --user ubuntu --server '10.0.0.[11-13]' --agent '10.0.1.[1-16]'",
    ),
    epilog=exit_codes(),
    rich_help_panel=Group.START,
)
def init(
    inventory: InventoryOption = None,
    name: Annotated[str, typer.Option(help="the cluster's name")] = "",
    user: Annotated[str, typer.Option(help="the login on the nodes")] = "",
    server: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="a server's address, or a range; may be repeated")
    ] = None,
    agent: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="the same for agents")] = None,
    monitor: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="the same for monitors")] = None,
    key: Annotated[str | None, typer.Option(metavar="FILE", help="the SSH key; default: as ssh finds it")] = None,
    bastion: Annotated[
        str | None, typer.Option(metavar="HOST", help="the host through which nodes are reached")
    ] = None,
    sudo_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="environment variable that holds sudo's password")
    ] = None,
    vip: Annotated[str | None, typer.Option(metavar="ADDRESS", help="address before the servers")] = None,
) -> None:
    from clustr.inventory.starter import init_text
    from clustr.views import inventory_view, question

    path = inventory_path(inventory)
    inventory_view.must_be_free(path)
    name = name or question.answer("Name of the cluster", "--name", "lab")
    user = user or question.answer("Login on the nodes", "--user", "root")
    if not server:
        server = question.answers("Addresses of the servers (one, or three)", "--server")
        agent = agent or question.answers("Addresses of the agents (none: leave it empty)", "--agent")
    text = init_text(
        name, user, server, agent or (), monitor or (), key=key, bastion=bastion, sudo_env=sudo_env, vip=vip
    )
    inventory_view.write_inventory(path, text)


@app.command(
    help=words(
        "Show all mistakes in the inventory. No node is contacted.",
        "clustr validate",
        "clustr validate site.yaml --resolved",
    ),
    epilog=exit_codes(3),
    rich_help_panel=Group.START,
)
def validate(
    argument: InventoryArgument = None,
    inventory: InventoryOption = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="print the whole, defaults and ranges resolved")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="print the inventory's JSON Schema, for editors")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    from clustr.views import inventory_view

    if schema:
        return inventory_view.show_schema()
    from clustr import actions

    path = inventory_path(inventory, argument)
    try:
        loaded = actions.validate(path)
    except InventoryError as error:
        if output is Output.TABLE:
            raise
        inventory_view.write_mistakes(error, path)
        raise typer.Exit(error.exit_code) from None
    inventory_view.show_loaded(loaded, path, output, resolved=resolved)


@app.command(
    help=words(
        "Show what bootstrap would change. Nothing is changed.", "clustr plan", "clustr plan --diff --limit 'gpu*'"
    ),
    epilog=exit_codes(3, 4, 5, 9, 10, 130),
    rich_help_panel=Group.START,
)
def plan(
    argument: InventoryArgument = None,
    inventory: InventoryOption = None,
    diff: Annotated[bool, typer.Option("--diff", help="show long files whole")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="exit with 10 where there are changes")] = False,
    limit: LimitOption = None,
    ignore: IgnoreOption = None,
    output: OutputOption = Output.TABLE,
    schema: SchemaOption = False,
    verbose: VerboseOption = False,
) -> None:
    from clustr.views import documents, outcome

    if schema:
        return documents.write_schema("plan")
    from clustr import actions
    from clustr.session import Options

    path, globs = inventory_path(inventory, argument), tuple(limit or ())
    view = choose_view(output, sys.stderr, path, verbose=verbose)
    with about(view):
        made, _ = actions.plan(path, Options(limit=globs, ignore=frozenset(ignore or ())), view)
    outcome.show_plan(made, view, output, whole=diff)
    raise typer.Exit(verdict.of_plan(made, view.ending.silent, limit=globs, changes_matter=exit_code))


@app.command(
    help=words(
        "Make the nodes what the inventory says. It shows the plan and asks first.",
        "clustr bootstrap",
        "clustr bootstrap site.yaml --yes --limit gpu11",
    ),
    epilog=exit_codes(3, 4, 5, 6, 7, 9, 130),
    rich_help_panel=Group.START,
)
def bootstrap(
    argument: InventoryArgument = None,
    inventory: InventoryOption = None,
    yes: YesOption = False,
    limit: LimitOption = None,
    ignore: IgnoreOption = None,
    output: OutputOption = Output.TABLE,
    schema: SchemaOption = False,
    verbose: VerboseOption = False,
) -> None:
    from clustr.views import documents, outcome, question

    if schema:
        return documents.write_schema("bootstrap")
    if not yes:
        question.must_be_able_to_ask("bootstrap")
    from clustr import actions
    from clustr.session import Options

    path, globs = inventory_path(inventory, argument), tuple(limit or ())
    view = choose_view(output, sys.stdout, path, verbose=verbose)
    options = Options(limit=globs, ignore=frozenset(ignore or ()))
    with about(view):
        result = actions.bootstrap(path, options, view, lambda made, _: outcome.wanted(made, view, yes=yes))
    if result is not None:
        outcome.show_bootstrap(result, view, output)
    raise typer.Exit(verdict.of_bootstrap(result, limit=globs))


@app.command(
    help=words(
        "Fetch the cluster's kubeconfig and merge it into your own.",
        "clustr kubeconfig",
        "clustr kubeconfig --to ./lab.kubeconfig",
    ),
    epilog=exit_codes(3, 4, 130),
    rich_help_panel=Group.START,
)
def kubeconfig(
    inventory: InventoryOption = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="merge into this file; default: ~/.kube/config")
    ] = None,
    verbose: VerboseOption = False,
) -> None:
    from clustr import actions
    from clustr.views import outcome

    path = inventory_path(inventory)
    view = choose_view(Output.TABLE, sys.stderr, path, verbose=verbose)
    with about(view):
        outcome.show_kubeconfig(actions.fetch_kubeconfig(path, view, to), view)
