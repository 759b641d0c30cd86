"""What a finding of preflight is, and the stable names that `--ignore` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Facts, Seen


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


def answered(cluster: Cluster, seen: Seen) -> Iterator[tuple[Node, Facts]]:
    """The nodes that told what they are, in the inventory's order."""
    return ((node, seen[node.name]) for node in cluster.nodes if seen.answered(node.name))
