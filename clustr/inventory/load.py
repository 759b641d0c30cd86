"""An inventory file becomes a Cluster, or a list of everything that is wrong with it.

A part that is wrong is reported and cut out, and the rest is read on: so one run tells all mistakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from clustr.inventory.crosscheck import crosscheck
from clustr.inventory.document import Document
from clustr.inventory.findings import Findings, mistake_of, nearest
from clustr.inventory.model import Cluster
from clustr.inventory.ranges import LIMIT, size
from clustr.inventory.registries import crosscheck_images
from clustr.inventory.resolve import Resolver
from clustr.inventory.source import Mistake, Steps, read_source


@dataclass(frozen=True)
class Loaded:
    """What `read` found; warnings are finished lines, as mistakes are."""

    cluster: Cluster
    warnings: tuple[str, ...] = ()


def load(path: Path) -> Cluster:
    """The cluster, with its secrets; raises InventoryError with all mistakes, a secret or file that is not here too."""
    cluster, findings = _read(path)
    findings.mistakes += findings.absent
    findings.refuse()
    return cluster


def read(path: Path) -> Loaded:
    """The same for `validate`: what is not on this machine (a secret, a key file) is a warning.

    Such a secret raises InventoryError when it is used.
    """
    cluster, findings = _read(path)
    findings.refuse()
    return Loaded(cluster, findings.lines(findings.warnings + findings.absent))


def _read(path: Path) -> tuple[Cluster, Findings]:
    """The cluster as far as it can be read. Raises InventoryError only where nothing can."""
    findings = Findings(read_source(path))
    document, entries = _document(findings)
    resolver = Resolver(document, entries, path, findings)
    placed = resolver.nodes()
    crosscheck(placed, document.network, document.k3s, findings)
    cluster = resolver.cluster([each.node for each in placed])
    crosscheck_images(cluster, findings)
    return cluster, findings


def _document(findings: Findings) -> tuple[Document, list[int]]:
    """The document without its wrong parts, and the place in the file of each node that is left."""
    values = _top(findings)
    nodes = values.get("nodes")
    entries = list(range(len(nodes))) if isinstance(nodes, list) else []
    _not_too_many(nodes if isinstance(nodes, list) else [], findings)
    told: set[Steps] = set()
    # Every round cuts at least one part out; a document with a node is never empty, so the loop ends.
    while True:
        try:
            return Document.model_validate(values), entries
        except ValidationError as error:
            # Pydantic also calls a list too short when all its items are wrong.
            wrong = [each for each in error.errors() if not (each["type"] == "too_short" and each["input"])]
        _tell(wrong, entries, told, findings)
        parts = {_part(values, _cut_at(each)) for each in wrong}
        for *holder, last in sorted(parts, key=_depth, reverse=True):
            _cut(values, holder, last)
            if holder == ["nodes"] and isinstance(last, int):
                del entries[last]
        if not values.get("nodes"):
            findings.refuse()


def _not_too_many(nodes: list[Any], findings: Findings) -> None:
    """Refuses what would not fit into memory, before any range is expanded."""
    for field in ("name", "address", "internal_address"):
        count = 0
        for index, node in enumerate(nodes):
            written = node.get(field) if isinstance(node, dict) else None
            own = size(written) if isinstance(written, str) else 0
            count += own if own <= LIMIT else 0  # else it is refused by itself
            if count > LIMIT:
                findings.mistake(("nodes", index, field), f"makes it more than {LIMIT:,} nodes: write fewer")
                findings.refuse()


def _tell(wrong: Sequence[ErrorDetails], entries: list[int], told: set[Steps], findings: Findings) -> None:
    """Reports the errors, but not what follows from a part that was cut out, or from a typo in a name."""
    before = frozenset(told)
    for each in sorted(wrong, key=lambda each: each["type"] == "missing"):
        steps = _in_file(each["loc"], entries)
        if steps in (told if each["type"] == "missing" else before):
            continue
        findings.mistakes.append(mistake_of(findings.source, each, steps))
        told.update(steps[:length] for length in range(1, len(steps) + 1))
        if each["type"] == "extra_forbidden":
            told.add((*steps[:-1], nearest(steps) or ""))


def _top(findings: Findings) -> dict[str, Any]:
    """What the file holds, without the keys that begin with x- and are free for anchors."""
    values = findings.source.values
    if not isinstance(values, dict):
        if not findings.mistakes:
            text = "is empty" if values is None else "is no mapping"
            findings.mistakes.append(Mistake(1, 1, "", f"{text}: write nodes: and a list; clustr init shows how"))
        findings.refuse()
        raise AssertionError("refuse() raises where there is a mistake")
    return {key: value for key, value in values.items() if not key.startswith("x-")}


def _in_file(steps: Steps, entries: list[int]) -> Steps:
    """The place of an error in the file, where nodes before it may have been cut out."""
    if len(steps) > 1 and steps[0] == "nodes" and isinstance(steps[1], int):
        return ("nodes", entries[steps[1]], *steps[2:])
    return steps


def _cut_at(error: ErrorDetails) -> Steps:
    steps = error["loc"]
    return steps[:-1] if error["type"] == "missing" or steps[-1:] == ("[key]",) else steps


def _part(values: dict[str, Any], steps: Steps) -> Steps:
    """The smallest named part that holds these steps; a node that lacks what they name is one."""
    whole: Any = values
    part: Steps = ()
    for depth, step in enumerate(steps):
        if isinstance(whole, dict) and step in whole:
            part, whole = (*part, step), whole[step]
        elif isinstance(whole, list) and isinstance(step, int) and depth == 1 and steps[0] == "nodes":
            part, whole = (*part, step), whole[step]
            if len(steps) == 2 or not isinstance(whole, dict) or steps[2] not in whole:
                return part
        else:
            break
    return part or ("",)


def _depth(part: Steps) -> tuple[int, int]:
    """The deepest part is cut first; of nodes the last."""
    index = part[1] if len(part) > 1 else 0
    return len(part), index if isinstance(index, int) else 0


def _cut(values: dict[str, Any], holder: Sequence[str | int], last: str | int) -> None:
    """Takes a part out."""
    whole: Any = values
    for step in holder:
        whole = whole[step]
    if isinstance(whole, list):
        del whole[int(last)]
    else:
        whole.pop(last, None)
