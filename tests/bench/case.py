"""What is measured: the cases, and the rows that they give."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Case(StrEnum):
    COMMAND = "command"  # one command
    FACTS = "facts"
    WORK = "work"  # 20 files, 10 packages, 10 services, 10 kernel settings
    PLAN = "plan"  # the same work looked at, nothing to do: clustr alone


class Again(StrEnum):
    FIRST = "first"
    AGAIN = "again"  # with nothing left to do


COMMAND = ("uname", "-n")


@dataclass(frozen=True)
class Row:
    """One run. Connections and execs are per host, as the hosts' servers counted; an SFTP session is an exec."""

    case: Case
    tool: str
    version: str
    nodes: int
    run: Again
    wall_s: float
    cpu_s: float
    peak_mb: float
    connections: float
    execs: float
    nodes_cpu_s: float  # of all simulated nodes: what they were asked to do, and their SSH server
    whole: bool = True  # False where it did not end within its limit, or did not do all
