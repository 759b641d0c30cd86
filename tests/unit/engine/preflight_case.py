"""What a case of preflight is, and the cluster that most are made on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from clustr.inventory.model import Cluster
from clustr.remote.facts import Seen
from tests.components.k3s_nodes import cluster_of

THREE = cluster_of("cp1", "cp2", "cp3", "gpu1")


@dataclass(frozen=True)
class Case:
    """Where a finding is made. `beside` are findings that cannot but come with it."""

    seen: Callable[[Cluster], Seen]
    node: str = "gpu1"
    cluster: Cluster = field(default_factory=lambda: THREE)
    beside: frozenset[tuple[str, str]] = frozenset()
    words: str = ""  # that the problem has to say
