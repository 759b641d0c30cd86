"""Every rule, in the order in which their findings are told."""

from __future__ import annotations

from clustr.engine.preflight.cluster import founding, rejoining, two_clusters, versions
from clustr.engine.preflight.findings import Finding, Rule
from clustr.engine.preflight.machines import clocks, twins
from clustr.engine.preflight.network import addresses
from clustr.engine.preflight.system import cgroup, runtime, size, system
from clustr.inventory.model import Cluster
from clustr.remote.facts import Seen

RULES: tuple[Rule, ...] = (
    system,
    cgroup,
    runtime,
    size,
    twins,
    addresses,
    clocks,
    founding,
    rejoining,
    two_clusters,
    versions,
)


def preflight(cluster: Cluster, seen: Seen) -> tuple[Finding, ...]:
    """Everything that stands in the way, all at once. Nodes that do not answer are no finding of their own."""
    return tuple(finding for rule in RULES for finding in rule(cluster, seen))
