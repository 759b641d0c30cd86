"""One thing wrong on a node that is as recorded otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from clustr.checks.check import State

ALL = r"(?s)^.*$"


@dataclass(frozen=True)
class Wrong:
    """The answer to one command, found by a piece of it, with a pattern in its output replaced."""

    check: str
    command: str
    pattern: str
    instead: str
    evidence: str
    node: str = "cp1"
    state: State = State.FAILED
    status: int = 0
    stderr: str = ""
    besides: tuple[tuple[str, str], ...] = ()  # what is answered to commands that are asked only then
