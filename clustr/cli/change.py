"""Change: a cluster that is there."""

from __future__ import annotations

import sys

import typer

from clustr.cli import verdict
from clustr.cli.help import Group, exit_codes, words
from clustr.cli.options import InventoryOption, VerboseOption, YesOption, about, inventory_path
from clustr.views.view import Output, choose_view

app = typer.Typer(rich_markup_mode=None)


@app.command(
    help=words(
        "Show who holds the cluster's lock, and free it. A run that is gone loses it by itself after a minute.",
        "clustr unlock",
        "clustr unlock -i site.yaml --yes",
    ),
    epilog=exit_codes(3, 4, 130),
    rich_help_panel=Group.CHANGE,
)
def unlock(inventory: InventoryOption = None, yes: YesOption = False, verbose: VerboseOption = False) -> None:
    from clustr import actions
    from clustr.remote.lock import Held
    from clustr.views import lock_view, question

    if not yes:
        question.must_be_able_to_ask("unlock")
    path = inventory_path(inventory)
    view = choose_view(Output.TABLE, sys.stderr, path, verbose=verbose)
    freed = False

    def agree(held: Held) -> bool:
        nonlocal freed
        freed = lock_view.may_free(held, view, yes=yes)
        return freed

    with about(view):
        held = actions.unlock(path, view, agree)
    lock_view.show_unlocked(held, freed=freed)
    raise typer.Exit(0 if held is None or freed else verdict.DECLINED)
