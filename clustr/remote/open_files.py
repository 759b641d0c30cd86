"""The limit of open files: each node's connection is one, held through the run."""

from __future__ import annotations

import resource

from clustr.errors import UsageError

BESIDE = 256  # logs, the agent, what the connections of the moment need while they log in


def allow_connections(count: int) -> None:
    """Raises this process's soft limit as far as it must, which it may up to the hard one (getrlimit(2)).

    Raises UsageError where even the hard one is too low.
    """
    needed = count + BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _reaches(soft, needed):
        return
    if not _reaches(hard, needed):
        problem = f"{count:,} connections need {needed:,} open files, and this login may have {hard:,}"
        raise UsageError(problem, f"ulimit -n {needed}, as root, or a larger nofile in /etc/security/limits.conf")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _reaches(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= needed
