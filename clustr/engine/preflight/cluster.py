"""The cluster that is there already, or is to be founded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clustr.components.k3s import datastore, first_server
from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.inventory.model import Cluster, Role
from clustr.remote.facts import Datastore, Seen


def founding(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """A cluster is founded only where it is sure that there is none."""
    if first_server(cluster, seen) is None:
        for node in cluster.servers:
            if not seen.answered(node.name):
                problem = "does not answer and may hold the cluster's data, which no other server does"
                yield Finding(
                    Name.CLUSTER_SILENT_SERVER, node.name, problem, "bring it up; no second cluster is founded"
                )
    elif all(datastore(seen, node) is Datastore.NONE for node in cluster.servers):
        for node, facts in answered(cluster, seen):
            if facts.k3s.agent_data:
                problem = "was part of a cluster whose data no server holds"
                remedy = (
                    "restore a server's data; or, to begin anew, run k3s-uninstall.sh or k3s-agent-uninstall.sh on it"
                )
                yield Finding(Name.CLUSTER_LOST, node.name, problem, remedy)


def rejoining(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """k3s takes a node whose data is gone for a stranger with a known name (docs.k3s.io, cli/agent: node passwords)."""
    live = next((node.name for node in cluster.servers if seen.answered(node.name) and seen[node.name].k3s.nodes), "")
    for node, facts in answered(cluster, seen):
        if not node.in_cluster or not seen.knows(node.name):
            continue
        is_server = node.has(Role.SERVER)
        gone = datastore(seen, node) is Datastore.NONE if is_server else not facts.k3s.agent_data
        if gone:
            problem = f"the cluster knows it as {'a server' if is_server else 'an agent'}, but its data there is gone"
            remedy = f"take its old self out, then it joins anew: on {live}, k3s kubectl delete node {node.name}"
            yield Finding(Name.CLUSTER_REJOIN, node.name, problem, remedy)


def two_clusters(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    first = first_server(cluster, seen)
    ours = seen[first.name].k3s.ca_hash if first and seen.answered(first.name) else ""
    for node, facts in answered(cluster, seen):
        if first and node.has(Role.SERVER) and ours and facts.k3s.ca_hash not in ("", ours):
            problem = f"is of another cluster than {first.name}: its CA is another"
            remedy = f"take one of the two out of the inventory; {first.name} counts since it comes first"
            yield Finding(Name.CLUSTER_TWO, node.name, problem, remedy)


def versions(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Kubernetes goes back no version, and API servers leave no minor out (version skew policy)."""
    wanted = _version(cluster.k3s.version)
    for node, facts in answered(cluster, seen):
        there = _version(facts.k3s.version)
        in_use = facts.k3s.agent_data or facts.k3s.datastore is not Datastore.NONE
        if not node.in_cluster or not there or not in_use:
            continue
        if wanted < there:
            problem = f"runs {facts.k3s.version}, newer than {cluster.k3s.version}: Kubernetes cannot go back"
            remedy = f"set k3s.version: {facts.k3s.version}"
            yield Finding(Name.K3S_DOWNGRADE, node.name, problem, remedy)
        elif node.has(Role.SERVER) and wanted[0] == there[0] and wanted[1] > there[1] + 1:
            problem = f"runs {facts.k3s.version}; {cluster.k3s.version} leaves out a minor version"
            remedy = f"set k3s.version to one of v{there[0]}.{there[1] + 1} first"
            yield Finding(Name.K3S_SKIPPED_MINOR, node.name, problem, remedy)


def _version(text: str) -> tuple[int, ...]:
    """v1.36.5+k3s1 -> (1, 36, 5, 1); () for what is none."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)(?:\+.*?(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()
