"""Every check there is, in the order in which a first failure is most likely the cause of the others."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from clustr.checks import (
    certificates,
    dcgm,
    etcd,
    fabric,
    gpu,
    gpu_health,
    gpu_pods,
    k3s,
    monitoring,
    network,
    runtime,
    system,
)
from clustr.checks.check import Check
from clustr.errors import UsageError


def all_checks() -> tuple[Check, ...]:
    on_nodes = (system, network, gpu, gpu_health, fabric, runtime)
    groups = (*on_nodes, etcd, k3s, gpu_pods, dcgm, certificates, monitoring)
    return tuple(check for group in groups for check in group.CHECKS)


def gate_checks(components: frozenset[str], *, returns: bool = False) -> tuple[Check, ...]:
    """What must hold on a node before these components count as done there; `returns`: and before it takes pods again,
    if it was drained for them."""
    return tuple(check for check in all_checks() if check.gates & components or (returns and check.returns))


def only(patterns: Sequence[str]) -> tuple[Check, ...]:
    """The checks whose id matches one of the globs (`k3s.*`), all without any.

    Raises UsageError for a glob that names no check.
    """
    checks = all_checks()
    for pattern in patterns:
        if not any(fnmatchcase(check.id, pattern) for check in checks):
            raise UsageError(f"no check is called {pattern}", _instead(pattern, [check.id for check in checks]))
    return tuple(check for check in checks if not patterns or any(fnmatchcase(check.id, each) for each in patterns))


def _instead(pattern: str, ids: Sequence[str]) -> str:
    near = get_close_matches(pattern, ids, n=1)
    groups = dict.fromkeys(f"{id.partition('.')[0]}.*" for id in ids)
    return f"did you mean {near[0]}?" if near else f"groups of checks are {', '.join(groups)}"
