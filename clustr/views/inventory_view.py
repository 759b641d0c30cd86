"""An inventory as init writes it and validate sees it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from clustr.errors import InventoryError, UsageError
from clustr.views import documents
from clustr.views.layout import folded
from clustr.views.screen import Screen
from clustr.views.units import count
from clustr.views.view import Output

if TYPE_CHECKING:
    from clustr.inventory.load import Loaded


def must_be_free(path: Path) -> None:
    """Raises UsageError rather than write over an inventory."""
    if path.exists():
        raise UsageError(f"{path} is there already", "choose another file: clustr init --inventory FILE")


def write_inventory(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "choose another: --inventory FILE") from None
    Screen(sys.stdout).show([f"{path} is written. Look through it, then:", f"  clustr plan {path}"])


def show_schema() -> None:
    from clustr.inventory.document import schema

    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")


def write_mistakes(error: InventoryError, path: Path) -> None:
    documents.write({"inventory": str(path), "mistakes": list(error.mistakes) or [error.problem], "warnings": []})


def show_loaded(loaded: Loaded, path: Path, output: Output, *, resolved: bool) -> None:
    from clustr.inventory.resolved import resolved_yaml

    cluster = loaded.cluster
    if output is Output.JSON:
        whole = {"resolved": _plain(resolved_yaml(cluster))} if resolved else {}
        documents.write({"inventory": str(path), "mistakes": [], "warnings": list(loaded.warnings), **whole})
        return
    if resolved:
        Screen(sys.stderr).show(loaded.warnings)
        sys.stdout.write(resolved_yaml(cluster))
        return
    screen = Screen(sys.stdout)
    roles = ((len(cluster.servers), "server"), (len(cluster.agents), "agent"), (len(cluster.monitors), "monitor"))
    nodes = ", ".join(count(number, role) for number, role in roles if number)
    warned = f", {count(len(loaded.warnings), 'warning')}" if loaded.warnings else ""
    text = f"{path.name}: no mistakes{warned}. {cluster.name} has {nodes}. No node was contacted."
    screen.show([*loaded.warnings, *folded(text, screen.width, "")])


def _plain(text: str) -> object:
    import yaml

    return yaml.safe_load(text)
