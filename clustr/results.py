"""What the commands come to, for the views to draw and the command line to turn into an exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clustr.checks.check import Finding
from clustr.engine.plan import Plan
from clustr.engine.run import Report


@dataclass(frozen=True)
class Bootstrapped:
    """What was to be done, how it went, and where the cluster's kubeconfig is now (None: no server has one)."""

    plan: Plan
    report: Report
    kubeconfig: Path | None


@dataclass(frozen=True)
class Health:
    cluster: str
    findings: tuple[Finding, ...]
    nodes: int
    checks: int
    seconds: float


@dataclass(frozen=True)
class Said:
    """What some nodes answered to a command, word for word the same."""

    nodes: tuple[str, ...]
    status: int  # -1 where the node could not be asked
    output: str
