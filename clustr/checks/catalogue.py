"""Every check there is, in the order in which a first failure is most likely the cause of the others."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from clustr.checks import certificates, etcd, k3s, monitoring, network, runtime, system
from clustr.checks.check import Check
from clustr.errors import UsageError


def all_checks() -> tuple[Check, ...]:
    groups = (system, network, runtime, etcd, k3s, certificates, monitoring)
    return tuple(check for group in groups for check in group.CHECKS)


def gate_checks(components: frozenset[str]) -> tuple[Check, ...]:
    """What must hold on a node before these components count as done there."""
    return tuple(check for check in all_checks() if check.gates & components)


def only(patterns: Sequence[str]) -> tuple[Check, ...]:
    """The checks whose id matches one of the globs (`k3s.*`), all without any; raises UsageError for one that names
    no check."""
    checks = all_checks()
    for pattern in patterns:
        if not any(fnmatchcase(check.id, pattern) for check in checks):
            raise UsageError(f"no check is called {pattern}", "clustr doctor --help lists them")
    return tuple(
        check for check in checks if not patterns or any(fnmatchcase(check.id, pattern) for pattern in patterns)
    )
