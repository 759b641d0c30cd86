"""The session's first bootstrap, with all that can be seen of it from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.cluster import Done, LabCluster
from tests.lab.terminal import at_terminal


@dataclass(frozen=True)
class Bootstrapped:
    """`processes` are all command lines and environments that any process on the machine or its nodes had meanwhile.

    `shown` and `done` are plan and bootstrap as a person runs them, at a terminal.
    """

    cluster: LabCluster
    planned: list[dict[str, Any]]
    shown: Done
    before: dict[str, str]
    after_plan: dict[str, str]
    done: Done
    run: Path
    processes: frozenset[bytes]


# What a plan may not touch: everything but what the kernel, logs and caches write by themselves.
LISTING = """
find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /dev/shm -o -path /tmp -o -path /var/log \\
  -o -path /var/cache {leave} \\) -prune -o -printf '%p %s %m %u:%g %T@\\n' | sort
"""


def listing(cluster: LabCluster, leave: tuple[str, ...] = ()) -> dict[str, str]:
    """Path, size, mode, owner and time of change of every file, made inside each node."""
    script = LISTING.format(leave=" ".join(f"-o -path {path}" for path in leave))
    return {name: cluster.on(name, script) for name in cluster.nodes}


@contextmanager
def sampled_processes() -> Iterator[set[bytes]]:
    """While inside, /proc/*/cmdline and environ of every process are collected, over and over."""
    found: set[bytes] = set()
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    with suppress(OSError):
                        found.add((process / name).read_bytes())

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def watched_bootstrap(cluster: LabCluster) -> Bootstrapped:
    before = listing(cluster)
    planned = cluster.plan()
    shown = as_a_person(cluster, "plan")
    after_plan = listing(cluster)
    with sampled_processes() as processes:
        done = as_a_person(cluster, "bootstrap", "--yes")
    return Bootstrapped(cluster, planned, shown, before, after_plan, done, cluster.runs[-1], frozenset(processes))


def as_a_person(cluster: LabCluster, *words: str) -> Done:
    """Beside the inventory, which needs no naming then."""
    return at_terminal(cluster.command(*words), cluster.env(), cluster.inventory.parent)
