"""The machine itself: its system, its cgroups, its size."""

from __future__ import annotations

from collections.abc import Iterator

from clustr.artifacts import ARCHITECTURES
from clustr.components.container_runtime import chosen_engine
from clustr.components.k3s import minor
from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.errors import PreflightError
from clustr.families import family, known
from clustr.inventory.model import Cluster, Role
from clustr.remote.facts import Seen

CONTAINERD_2_NEEDED = (1, 36)
DISK_FREE_MB = 4096  # of /var/lib: the binary, its data and the images of the parts that k3s packages
# docs.k3s.io/installation/requirements: 2 GB and 512 MB; a machine of 2 GB shows less than that.
MEMORY_MB = {Role.SERVER: 1800, Role.AGENT: 450}
CPUS = {Role.SERVER: 2, Role.AGENT: 1}


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
    for node, facts in answered(cluster, seen):
        if not node.in_cluster:
            continue
        role = Role.SERVER if node.has(Role.SERVER) else Role.AGENT
        if facts.memory_mb < MEMORY_MB[role]:
            problem = f"has {facts.memory_mb} MB of memory; a {role} needs {MEMORY_MB[role]}"
            yield Finding(Name.SIZE_MEMORY, node.name, problem, "give it more memory")
        if facts.cpus < CPUS[role]:
            problem = f"has {facts.cpus} CPU; a {role} needs {CPUS[role]}"
            yield Finding(Name.SIZE_CPUS, node.name, problem, "give it more")
        if facts.disk_free_mb < DISK_FREE_MB:
            problem = f"has {facts.disk_free_mb} MB free in /var/lib; {DISK_FREE_MB} are needed"
            yield Finding(Name.SIZE_DISK, node.name, problem, "make room there")
