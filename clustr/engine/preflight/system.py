"""The machine itself: its system, its cgroups, its size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clustr.artifacts import ARCHITECTURES
from clustr.components.container_runtime import chosen_engine
from clustr.components.k3s import minor
from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.errors import PreflightError
from clustr.families import family, known
from clustr.inventory.model import Cluster, Role
from clustr.remote.facts import Seen

CONTAINERD_2_NEEDED = (1, 36)


@dataclass(frozen=True)
class Minimum:
    """`disk_free_mb` is of /var/lib. A machine of 2 GB shows less than that."""

    memory_mb: int
    cpus: int
    disk_free_mb: int


# k3s: docs.k3s.io/installation/requirements (2 GB, 512 MB); on disk its binary, its data, and the images of what it
# packages. Prometheus and Alertmanager: what kube-prometheus asks for them (400 and 100 MiB;
# github.com/prometheus-operator/kube-prometheus, manifests/) beside a system; on disk their programs, three segments of
# the log (prometheus.io/docs/prometheus/latest/storage) and a month of a few nodes.
MINIMUMS = {
    Role.SERVER: Minimum(1800, 2, 4096),
    Role.AGENT: Minimum(450, 1, 4096),
    Role.MONITOR: Minimum(900, 1, 2048),
}


def system(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node, facts in answered(cluster, seen):
        if not facts.systemd:
            yield Finding(Name.OS_SYSTEMD, node.name, "systemd does not run there", "boot it with systemd")
        try:
            family(facts)
        except PreflightError as refused:
            yield Finding(Name.OS_UNSUPPORTED, node.name, refused.problem, refused.remedy)
        if facts.architecture not in ARCHITECTURES:
            problem = f"nothing is released for {facts.architecture}"
            yield Finding(Name.OS_ARCHITECTURE, node.name, problem, f"use {' or '.join(ARCHITECTURES)}")


def runtime(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Kubernetes 1.35 is the last on containerd 1.x: kubernetes.io/blog/2025/12/17/kubernetes-v1-35-release."""
    chosen = cluster.runtime.engine
    too_new = chosen == "containerd" and minor(cluster.k3s.version) >= CONTAINERD_2_NEEDED
    for node, facts in answered(cluster, seen):
        names = known(facts.os)
        if chosen == "k3s" or not node.in_cluster or names is None:
            continue
        try:
            engine = chosen_engine(names, chosen, facts)
        except PreflightError as refused:
            yield Finding(Name.RUNTIME_MISSING, node.name, refused.problem, refused.remedy)
            continue
        if too_new and engine.containerd_1:
            problem = f"{facts.os.name} has containerd 1.x, on which {cluster.k3s.version} does not run"
            yield Finding(Name.RUNTIME_CONTAINERD, node.name, problem, "set runtime.engine: k3s, which brings its own")


def size(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Each against the role that needs most of it, of those that the node has."""
    for node, facts in answered(cluster, seen):
        roles = [
            role for role in MINIMUMS if node.has(role) and (role is not Role.MONITOR or cluster.monitoring.enabled)
        ]
        if not roles:
            continue
        role = max(roles, key=lambda role: MINIMUMS[role].memory_mb)
        if facts.memory_mb < MINIMUMS[role].memory_mb:
            problem = f"has {facts.memory_mb} MB of memory; as {role} it needs {MINIMUMS[role].memory_mb}"
            yield Finding(Name.SIZE_MEMORY, node.name, problem, "give it more memory")
        role = max(roles, key=lambda role: MINIMUMS[role].cpus)
        if facts.cpus < MINIMUMS[role].cpus:
            problem = f"has {facts.cpus} CPU; as {role} it needs {MINIMUMS[role].cpus}"
            yield Finding(Name.SIZE_CPUS, node.name, problem, "give it more")
        needed = max(MINIMUMS[role].disk_free_mb for role in roles)
        if facts.disk_free_mb < needed:
            problem = f"has {facts.disk_free_mb} MB free in /var/lib; {needed} are needed"
            yield Finding(Name.SIZE_DISK, node.name, problem, "make room there")
