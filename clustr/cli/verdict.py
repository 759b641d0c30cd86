"""Which exit code a result is (clustr/errors.py lists them all)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from clustr.errors import (
    EXIT_CHANGES,
    EXIT_INTERRUPTED,
    ApplyError,
    UnhealthyError,
    UnknownHealthError,
    UnreachableError,
)

if TYPE_CHECKING:
    from clustr.engine.plan import Plan
    from clustr.results import Bootstrapped, Health, Said

DECLINED = 1


def of_plan(plan: Plan, silent: Iterable[str], *, limit: Sequence[str], changes_matter: bool) -> int:
    """A node that is asked for and does not answer makes the plan no whole one, as does a goal nobody could look at."""
    if any(_asked_for(node, limit) for node in silent):
        return UnreachableError.exit_code
    if plan.blind:
        return UnknownHealthError.exit_code
    return EXIT_CHANGES if changes_matter and plan.changes else 0


def _asked_for(node: str, limit: Sequence[str]) -> bool:
    return not limit or any(fnmatchcase(node, glob) for glob in limit)


def of_bootstrap(result: Bootstrapped | None, *, limit: Sequence[str]) -> int:
    """A change that failed counts more than a node that did not answer; silent nodes beyond `limit` do not count."""
    if result is None:
        return DECLINED
    report = result.report
    if report.lost:
        return report.lost.exit_code
    if report.stopped:
        return EXIT_INTERRUPTED
    failed = max((error.exit_code for node, error in report.failed.items() if _asked_for(node, limit)), default=0)
    return failed or (ApplyError.exit_code if report.skipped else 0)


def of_health(health: Health) -> int:
    from clustr.checks.check import State

    states = {finding.state for finding in health.findings}
    if State.FAILED in states:
        return UnhealthyError.exit_code
    return UnknownHealthError.exit_code if State.UNKNOWN in states or not states else 0


def of_answers(said: Sequence[Said]) -> int:
    if any(each.status < 0 for each in said):
        return UnreachableError.exit_code
    return 1 if any(each.status for each in said) else 0
