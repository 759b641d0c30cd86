"""What a finding of preflight is, and the stable names that `--ignore` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Facts, Seen


class Name(StrEnum):
    """The stable names of findings, which `--ignore` takes; docs/preflight.md tells each."""

    CLUSTER_LOST = "cluster.lost"
    CLUSTER_REJOIN = "cluster.rejoin"
    CLUSTER_SILENT_SERVER = "cluster.silent-server"
    CLUSTER_TWO = "cluster.two"
    DNS_LOOPBACK = "dns.loopback"
    DNS_NO_ANSWER = "dns.no-answer"
    DNS_NO_SERVER = "dns.no-server"
    FABRIC_PORTS = "fabric.ports"
    FABRIC_SECURE_BOOT = "fabric.secure-boot"
    FABRIC_STACK = "fabric.stack"
    GPU_BOOT_FULL = "gpu.boot-full"
    GPU_BRANCH = "gpu.branch"
    GPU_CANDIDATE = "gpu.candidate"
    GPU_COUNT = "gpu.count"
    GPU_DEVICE_PLUGIN = "gpu.device-plugin"
    GPU_DKMS = "gpu.dkms"
    GPU_HEADERS = "gpu.headers"
    GPU_KERNEL = "gpu.kernel"
    GPU_MIG = "gpu.mig"
    GPU_MISSING_DRIVER = "gpu.missing-driver"
    GPU_MIXED_SOURCES = "gpu.mixed-sources"
    GPU_MODEL = "gpu.model"
    GPU_MODULES = "gpu.modules"
    GPU_OPERATOR_DRIVER = "gpu.operator-driver"
    GPU_RUNFILE = "gpu.runfile"
    GPU_RUNTIME = "gpu.runtime"
    GPU_SECURE_BOOT = "gpu.secure-boot"
    GPU_SYSTEM = "gpu.system"
    GPU_TOOLKIT_LEFT = "gpu.toolkit-left"
    GPU_UNKNOWN_CHIP = "gpu.unknown-chip"
    K3S_DOWNGRADE = "k3s.downgrade"
    K3S_SKIPPED_MINOR = "k3s.skipped-minor"
    NETWORK_ADDRESS = "network.address"
    NETWORK_INTERFACE = "network.interface"
    NETWORK_SAME_ADDRESS = "network.same-address"
    NETWORK_UNREACHED = "network.unreached"
    NODE_HOST_KEY = "node.host-key"
    NODE_HOSTNAME = "node.hostname"
    NODE_LOGIN = "node.login"
    NODE_MACHINE_ID = "node.machine-id"
    NODE_NAME = "node.name"
    NODE_SAME_MACHINE = "node.same-machine"
    NODE_SUDO = "node.sudo"
    NODE_UNREACHABLE = "node.unreachable"
    OS_ARCHITECTURE = "os.architecture"
    OS_CGROUP_CONTROLLERS = "os.cgroup-controllers"
    OS_CGROUP_V1 = "os.cgroup-v1"
    OS_KERNEL_MODULES = "os.kernel-modules"
    OS_SWAP = "os.swap"
    OS_SYSTEMD = "os.systemd"
    OS_UNSUPPORTED = "os.unsupported"
    PACKAGES_MIRROR = "packages.mirror"
    PACKAGES_SOURCE = "packages.source"
    PORT_TAKEN = "port.taken"
    PREFLIGHT_UNKNOWN = "preflight.unknown"
    REMAINS_CNI = "remains.cni"
    REMAINS_DOCKER = "remains.docker"
    REMAINS_GPU_OPERATOR = "remains.gpu-operator"
    REMAINS_IPTABLES = "remains.iptables"
    REMAINS_KUBEADM = "remains.kubeadm"
    REMAINS_KUBELET = "remains.kubelet"
    REMAINS_KUBESPRAY = "remains.kubespray"
    REMAINS_MICROK8S = "remains.microk8s"
    REMAINS_MOUNTS = "remains.mounts"
    REMAINS_RKE = "remains.rke"
    REMAINS_RKE2 = "remains.rke2"
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


def newcomers(cluster: Cluster, seen: Seen) -> Iterator[tuple[Node, Facts]]:
    """The nodes that have still to show what they can: those that the running cluster does not know as Ready.

    A node that is a monitor alone is none once clustr has put something there.
    """
    ready = {known.name for known in seen.kube_nodes() if known.ready}
    for node, facts in answered(cluster, seen):
        if node.name not in ready if node.in_cluster else not facts.records:
            yield node, facts


def unknown(node: Node, what: str, why: str, remedy: str) -> Finding:
    """What a rule says that could not look: it does not hold silently."""
    return Finding(Name.PREFLIGHT_UNKNOWN, node.name, f"{what} could not be told: {why}", remedy)
