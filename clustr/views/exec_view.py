"""The answers to one command, equal ones shown once."""

from __future__ import annotations

from collections.abc import Sequence

from clustr.inventory.ranges import fold
from clustr.results import Said
from clustr.views.layout import wrapped


def exec_lines(said: Sequence[Said], width: int) -> list[str]:
    """The answer of most nodes first; what went wrong last, where the eye is."""
    ordered = sorted(said, key=lambda each: (each.status != 0, each.status < 0, -len(each.nodes)))
    return [line for each in ordered for line in _block(each, width)]


def _block(said: Said, width: int) -> list[str]:
    sign = "✓" if said.status == 0 else "?" if said.status < 0 else "✗"
    how = {0: "", -1: "could not be asked"}.get(said.status, f"status {said.status}")
    head = [f"{sign} {fold(said.nodes)}", *([f"  {how}"] if how else [])]
    return [*wrapped(head, width, ""), *(f"    {line}" for line in said.output.splitlines())]
