"""What a check is, and what comes of one. The checks themselves are listed in catalogue.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from clustr.inventory.model import Cluster, Node

if TYPE_CHECKING:
    from clustr.checks.backend import Host

    Look = Callable[[Host, Node, Cluster], str]

Applies = Callable[[Cluster, Node], str | None]


class Severity(StrEnum):
    """What it means when the check does not hold."""

    FAILURE = "failure"
    WARNING = "warning"


class State(StrEnum):
    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    UNKNOWN = "unknown"  # it could not look, which is never ok
    SKIPPED = "skipped"  # it does not apply to this node


class CheckFailed(Exception):
    """It looked, and found something else than it wanted."""


class DoesNotApply(Exception):
    """Only the node itself could tell that there is nothing to look at, such as a GPU; the text is the reason."""


class CouldNotLook(Exception):
    """It has no answer: a command is missing, refused, killed or too slow, or says what nobody can read."""


@dataclass(frozen=True)
class Check:
    """One statement about a healthy node.

    `on` gives the reason why it does not apply to a node, or None. `gates` are the components that are not done before
    it holds; with `returns` it must hold before a node that was drained takes pods again. `look` returns what it found,
    raises CheckFailed, DoesNotApply, or anything else where it could not look.
    """

    id: str
    says: str
    on: Applies
    fix: str  # the next command; {node} is the node's name
    gates: frozenset[str]
    severity: Severity
    source: str  # where the rule comes from: a link or a document's name
    look: Look
    returns: bool = False


@dataclass(frozen=True)
class Finding:
    """What a check, or a comparison of nodes, came to on one node."""

    check: str
    says: str
    node: str
    state: State
    evidence: str
    fix: str
    severity: Severity
    source: str
    seconds: float = 0.0


def everywhere(cluster: Cluster, node: Node) -> None:
    return None


def check(
    id: str,
    *,
    says: str,
    fix: str,
    on: Applies = everywhere,
    gates: tuple[str, ...] = (),
    returns: bool = False,
    severity: Severity = Severity.FAILURE,
    source: str = "",
) -> Callable[[Look], Check]:
    """Makes a function that looks into a Check."""

    def made(look: Look) -> Check:
        return Check(id, says, on, fix, frozenset(gates), severity, source, look, returns)

    return made


def must(condition: bool, *, found: str, wanted: str, evidence: str = "") -> None:
    """Raises CheckFailed unless the condition holds. It stands under `python -O`, which a bare assert does not."""
    if not condition:
        raise CheckFailed("\n".join(filter(None, (f"{found}; wanted: {wanted}", evidence.strip()))))
