"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from clustr.errors import ClustrError, UsageError
from clustr.views.commands import DEFAULT_INVENTORY, copyable
from clustr.views.view import Output, View

InventoryOption = Annotated[
    Path | None,
    typer.Option("--inventory", "-i", metavar="FILE", help="the inventory; default: ./inventory.yaml"),
]
InventoryArgument = Annotated[
    Path | None, typer.Argument(metavar="INVENTORY", help="the same as --inventory", show_default=False)
]
OutputOption = Annotated[
    Output,
    typer.Option("--output", help="json: one document on stdout at the end, progress on stderr"),
]
SchemaOption = Annotated[bool, typer.Option("--schema", help="print the JSON document's schema and do nothing else")]
LimitOption = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="NODE", help="only these nodes, names or globs; may be repeated"),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="FINDING", help="go on in spite of this preflight finding; may be repeated"),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="show what the nodes' scripts print")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]


def inventory_path(option: Path | None, argument: Path | None = None) -> Path:
    """The one inventory that is meant. Raises UsageError where two are named."""
    if option and argument and option != argument:
        raise UsageError(f"two inventories are named: {argument} and {option}", "name one")
    return argument or option or DEFAULT_INVENTORY


@contextmanager
def about(view: View) -> Iterator[None]:
    """Inside, the commands that an error proposes name the view's inventory. At the end the terminal is left whole."""
    try:
        yield
    except ClustrError as error:
        error.remedy, error.detail = (copyable(text, view.inventory) for text in (error.remedy, error.detail))
        raise
    finally:
        view.end()
