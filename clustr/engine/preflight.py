"""What stands in the way, found before anything is touched: pure rules over the inventory and what the nodes said.

Each finding has a stable name, which `--ignore` takes. Ignoring one loosens no guard elsewhere: where it is not known
which server is first, nothing is founded.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from statistics import median_low

from clustr.artifacts import ARCHITECTURES
from clustr.components.k3s import datastore, first_server, refuses_cgroup_v1
from clustr.errors import PreflightError
from clustr.families import family, known
from clustr.inventory.model import Cluster, Node, Role
from clustr.remote.facts import Datastore, Facts, Seen

CLOCKS_APART = 30  # seconds from the median; certificates and etcd's leases need clocks that agree
CONTAINERD_2_NEEDED = (1, 36)
DISK_FREE_MB = 4096  # of /var/lib: the binary, its data and the images of the parts that k3s packages
# docs.k3s.io/installation/requirements: 2 GB and 512 MB; a machine of 2 GB shows less than that.
MEMORY_MB = {Role.SERVER: 1800, Role.AGENT: 450}
CPUS = {Role.SERVER: 2, Role.AGENT: 1}


class Name(StrEnum):
    """The stable names of findings, which `--ignore` takes."""

    CLUSTER_LOST = "cluster.lost"
    CLUSTER_REJOIN = "cluster.rejoin"
    CLUSTER_SILENT_SERVER = "cluster.silent-server"
    CLUSTER_TWO = "cluster.two"
    K3S_DOWNGRADE = "k3s.downgrade"
    K3S_SKIPPED_MINOR = "k3s.skipped-minor"
    NETWORK_ADDRESS = "network.address"
    NETWORK_INTERFACE = "network.interface"
    NODE_MACHINE_ID = "node.machine-id"
    NODE_SAME_MACHINE = "node.same-machine"
    OS_ARCHITECTURE = "os.architecture"
    OS_CGROUP_V1 = "os.cgroup-v1"
    OS_SYSTEMD = "os.systemd"
    OS_UNSUPPORTED = "os.unsupported"
    RUNTIME_CONTAINERD = "runtime.containerd"
    RUNTIME_MISSING = "runtime.missing"
    SIZE_CPUS = "size.cpus"
    SIZE_DISK = "size.disk"
    SIZE_MEMORY = "size.memory"
    TIME_CLOCK = "time.clock"


@dataclass(frozen=True)
class Finding:
    name: Name
    node: str
    problem: str
    remedy: str


Rule = Callable[[Cluster, Seen], Iterator[Finding]]


def preflight(cluster: Cluster, seen: Seen) -> tuple[Finding, ...]:
    """Everything that stands in the way, all at once. Nodes that do not answer are no finding of their own."""
    return tuple(finding for rule in RULES for finding in rule(cluster, seen))


def system(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node, facts in _answered(cluster, seen):
        if not facts.systemd:
            yield Finding(Name.OS_SYSTEMD, node.name, "systemd does not run there", "boot it with systemd")
        try:
            family(facts)
        except PreflightError as refused:
            yield Finding(Name.OS_UNSUPPORTED, node.name, refused.problem, refused.remedy)
        if facts.architecture not in ARCHITECTURES:
            problem = f"nothing is released for {facts.architecture}"
            yield Finding(Name.OS_ARCHITECTURE, node.name, problem, f"use {' or '.join(ARCHITECTURES)}")


def cgroup(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """KEP-5573: from Kubernetes 1.35 on a kubelet does not start on cgroup v1."""
    if cluster.k3s.allow_cgroup_v1 or not refuses_cgroup_v1(cluster):
        return
    for node, facts in _answered(cluster, seen):
        if node.in_cluster and facts.cgroup == 1:
            problem = f"has cgroup v1, on which the kubelet of {cluster.k3s.version} does not start"
            remedy = "boot it with systemd.unified_cgroup_hierarchy=1, or set k3s.allow_cgroup_v1: true"
            yield Finding(Name.OS_CGROUP_V1, node.name, problem, remedy)


def runtime(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Kubernetes 1.35 is the last on containerd 1.x: kubernetes.io/blog/2025/12/17/kubernetes-v1-35-release."""
    chosen, remedy = cluster.runtime.engine, "set runtime.engine: k3s, which brings its own"
    too_new = chosen == "containerd" and _version(cluster.k3s.version)[:2] >= CONTAINERD_2_NEEDED
    for node, facts in _answered(cluster, seen):
        names = known(facts.os)
        if chosen == "k3s" or not node.in_cluster or names is None:
            continue
        engine = names.engine(chosen)
        if engine is None:
            problem = f"{facts.os.name} has no {chosen} among its packages"
            yield Finding(Name.RUNTIME_MISSING, node.name, problem, remedy)
        elif too_new and engine.containerd_1:
            problem = f"{facts.os.name} has containerd 1.x, on which {cluster.k3s.version} does not run"
            yield Finding(Name.RUNTIME_CONTAINERD, node.name, problem, remedy)


def size(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node, facts in _answered(cluster, seen):
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


def twins(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """One machine under two names, and machines copied with their machine-id."""
    by_id: dict[str, list[Node]] = defaultdict(list)
    for node, facts in _answered(cluster, seen):
        by_id[facts.machine_id].append(node)
    for machine_id, (first, *others) in by_id.items():
        for node in others if machine_id else ():
            if seen[node.name].boot_id == seen[first.name].boot_id:
                problem, remedy = f"is the same machine as {first.name}", "correct its address in the inventory"
                yield Finding(Name.NODE_SAME_MACHINE, node.name, problem, remedy)
            else:
                problem = f"has the machine-id of {first.name}; it is a copy"
                remedy = "rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot"
                yield Finding(Name.NODE_MACHINE_ID, node.name, problem, remedy)


def addresses(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node, facts in _answered(cluster, seen):
        held = {address.partition("/")[0]: port.name for port in facts.interfaces for address in port.addresses}
        known = ", ".join(f"{address} ({name})" for address, name in held.items())
        if node.internal_address not in held:
            problem = f"does not have the internal address {node.internal_address}"
            yield Finding(
                Name.NETWORK_ADDRESS, node.name, problem, f"it has {known}; set internal_address to one of these"
            )
        elif node.interface and held[node.internal_address] != node.interface:
            problem = f"has {node.internal_address} at {held[node.internal_address]}, not at {node.interface}"
            yield Finding(Name.NETWORK_INTERFACE, node.name, problem, f"it has {known}; correct interface")


def clocks(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    answered = list(_answered(cluster, seen))
    if not answered:
        return
    middle = median_low(facts.clock for _, facts in answered)
    for node, facts in answered:
        apart = facts.clock - middle
        if abs(apart) > CLOCKS_APART:
            problem = f"its clock is {abs(apart):.0f} s {'ahead' if apart > 0 else 'behind'} of the others'"
            yield Finding(Name.TIME_CLOCK, node.name, problem, "set it: date -u -s '...', or chronyc makestep")


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
        for node, facts in _answered(cluster, seen):
            if facts.k3s.agent_data:
                problem = "was part of a cluster whose data no server holds"
                remedy = (
                    "restore a server's data; or, to begin anew, run k3s-uninstall.sh or k3s-agent-uninstall.sh on it"
                )
                yield Finding(Name.CLUSTER_LOST, node.name, problem, remedy)


def rejoining(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """k3s takes a node whose data is gone for a stranger with a known name (docs.k3s.io, cli/agent: node passwords)."""
    live = next((node.name for node in cluster.servers if seen.answered(node.name) and seen[node.name].k3s.nodes), "")
    for node, facts in _answered(cluster, seen):
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
    for node, facts in _answered(cluster, seen):
        if first and node.has(Role.SERVER) and ours and facts.k3s.ca_hash not in ("", ours):
            problem = f"is of another cluster than {first.name}: its CA is another"
            remedy = f"take one of the two out of the inventory; {first.name} counts since it comes first"
            yield Finding(Name.CLUSTER_TWO, node.name, problem, remedy)


def versions(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Kubernetes goes back no version, and API servers leave no minor out (version skew policy)."""
    wanted = _version(cluster.k3s.version)
    for node, facts in _answered(cluster, seen):
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


def _answered(cluster: Cluster, seen: Seen) -> Iterator[tuple[Node, Facts]]:
    return ((node, seen[node.name]) for node in cluster.nodes if seen.answered(node.name))


def _version(text: str) -> tuple[int, ...]:
    """v1.36.5+k3s1 -> (1, 36, 5, 1); () for what is none."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)(?:\+.*?(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()
