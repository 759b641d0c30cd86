"""What a node says of itself, typed and frozen. Only what a bare machine can tell; facts_reader.py asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Interface, ip_interface

from clustr.errors import ClustrError
from clustr.inventory.secrets import Secret
from clustr.remote.gpu_facts import GpuFacts, KubeGpu
from clustr.remote.reach import Reach


class Datastore(StrEnum):
    """What cluster data a server holds on disk."""

    NONE = "none"
    SQLITE = "sqlite"
    ETCD = "etcd"


class Firewall(StrEnum):
    """The active firewall manager; clustr adds rules to it and switches none off."""

    NONE = "none"
    UFW = "ufw"
    FIREWALLD = "firewalld"


class Selinux(StrEnum):
    """What SELinux does now; disabled where it is installed and its kernel part is off."""

    NONE = "none"
    DISABLED = "disabled"
    PERMISSIVE = "permissive"
    ENFORCING = "enforcing"


@dataclass(frozen=True)
class OperatingSystem:
    id: str  # of /etc/os-release: debian, ubuntu, rocky, ...
    version: str  # VERSION_ID: 12, 24.04, 9.4
    codename: str
    name: str  # PRETTY_NAME
    like: tuple[str, ...] = ()  # ID_LIKE: what it was made from


@dataclass(frozen=True)
class PciDevice:
    slot: str  # 0000:4b:00.0
    vendor: str  # 10de, without 0x
    device: str
    kind: str  # class code, 030200
    driver: str = ""  # bound to it: nvidia, nouveau, vfio-pci; "" for none
    numa: int = -1
    subsystem: str = ""  # vendor and device of the board, 10de:16c1; "" where it does not tell
    manages_switches: bool = False  # its VPD says SW_MNG: a ConnectX-7 that is part of an NVSwitch board
    rdma: str = ""  # its RDMA device, mlx5_0; "" for none, as before its driver is loaded

    @property
    def infiniband(self) -> bool:
        """Whether it is an InfiniBand controller, by its class."""
        return self.kind.startswith("0207")


@dataclass(frozen=True)
class Interface:
    name: str
    addresses: tuple[str, ...]  # IPv4 with prefix: 10.0.0.11/24
    mtu: int


@dataclass(frozen=True)
class Swap:
    name: str
    used: int  # kilobytes


@dataclass(frozen=True)
class Controllers:
    """The cgroup controllers that the kernel has switched on, and those that its command line switches off."""

    on: frozenset[str]
    switched_off: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Kernel:
    """What one of the installed kernels has of the modules that Kubernetes needs, built in or loadable."""

    release: str
    modules: frozenset[str]


@dataclass(frozen=True)
class Listener:
    """Who listens on a port that clustr needs: a process ("" for the kernel) and its systemd unit ("" without one)."""

    port: int
    protocol: str  # tcp or udp
    process: str
    unit: str


@dataclass(frozen=True)
class Resolver:
    """A resolv.conf and the name servers in it."""

    path: str
    nameservers: tuple[str, ...]


class Former(StrEnum):
    """What was on a machine before, as its remains tell."""

    CNI = "cni"
    DOCKER = "docker"
    GPU_OPERATOR = "gpu-operator"
    IPTABLES = "iptables"
    KUBEADM = "kubeadm"
    KUBELET = "kubelet"
    KUBESPRAY = "kubespray"
    MICROK8S = "microk8s"
    MOUNTS = "mounts"
    RKE = "rke"
    RKE2 = "rke2"


@dataclass(frozen=True)
class Remains:
    """Something that another system left: a path, a chain of iptables, an interface."""

    of: Former
    what: str


@dataclass(frozen=True)
class KubeNode:
    """A Node object, as a live server tells it."""

    name: str
    ready: bool
    unschedulable: bool
    version: str


@dataclass(frozen=True)
class K3sFacts:
    version: str = ""  # of /usr/local/bin/k3s, as installed; "" where there is none
    datastore: Datastore = Datastore.NONE
    token: Secret | None = None  # K10... form of /var/lib/rancher/k3s/server/token
    ca_hash: str = ""  # sha256 of /var/lib/rancher/k3s/server/tls/server-ca.crt, hex
    api_ready: bool = False
    nodes: tuple[KubeNode, ...] = ()  # as this server's API tells them; () where it does not answer
    agent_data: bool = False  # holds a kubelet's certificates
    gpu: KubeGpu = field(default_factory=KubeGpu)


@dataclass(frozen=True)
class Applying:
    """A clustr-apply unit that is there now, and the verdict that the last one left.

    `run_id` is "" once the run that began it, or a later one, has read how it ended.
    """

    active: bool = False
    run_id: str = ""
    verdict: str = ""  # text of the verdict file, "" where there is none
    who: str = ""  # ana@desk


@dataclass(frozen=True)
class LockFacts:
    """The cluster's lock as this server has it (lock.py); without a run id where a run was cut at its first word."""

    held: bool = False
    run_id: str = ""
    silent_for: int = 0  # seconds since the holder's last beat, by this server's clock
    who: str = ""  # ana@desk
    command: str = ""
    held_for: int = 0  # seconds


@dataclass(frozen=True)
class Record:
    """Something that clustr put on the node, and the script that takes it away again."""

    order: int
    component: str
    about: str  # the node that it is about, "" for the one it is on
    goal: str
    undo: str  # bash; `# stays: COMMAND` where it stays and is only named (packages)


@dataclass(frozen=True)
class Facts:
    hostname: str
    machine_id: str
    boot_id: str
    os: OperatingSystem
    architecture: str  # x86_64, aarch64
    kernel: str  # running
    next_kernel: str  # what the boot loader's default starts
    cpus: int
    memory_mb: int
    disk_free_mb: int  # of /var/lib
    clock: float  # unix time when the script ran
    cgroup: int  # 1 or 2
    systemd: bool  # PID 1
    firewall: Firewall
    asked: float = 0.0  # unix time of this machine, at the moment when the answer had arrived
    memory_free_mb: int = 0  # what can be had without swap
    controllers: Controllers | None = None  # None, here and below: it could not tell
    kernels: tuple[Kernel, ...] = ()
    working_modules: frozenset[str] = frozenset()  # those of them whose effect is there now
    unknown_modules: frozenset[str] = frozenset()  # those that may be built in without a trace
    listeners: tuple[Listener, ...] | None = None
    resolvers: tuple[Resolver, ...] = ()
    remains: tuple[Remains, ...] = ()  # looked for only where k3s is not installed
    selinux: Selinux = Selinux.NONE
    interfaces: tuple[Interface, ...] = ()
    swaps: tuple[Swap, ...] = ()
    pci: tuple[PciDevice, ...] = ()
    gpu: GpuFacts = field(default_factory=GpuFacts)  # asked only where a device of NVIDIA's is
    k3s: K3sFacts = K3sFacts()
    applying: Applying = Applying()
    lock: LockFacts = LockFacts()
    records: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What all nodes said in one look. Goals are made from this and the cluster alone."""

    facts: Mapping[str, Facts]
    silent: Mapping[str, ClustrError] = field(default_factory=dict)  # nodes that did not answer, and why
    new_token: Secret | None = None  # made by bootstrap where no server holds one yet
    reach: Mapping[str, Reach] = field(default_factory=dict)  # of the nodes that were asked what they reach
    sums: Mapping[str, str] = field(default_factory=dict)  # sha256 of artifacts, by URL path (inventory.lock)

    def __getitem__(self, node: str) -> Facts:
        return self.facts[node]

    def answered(self, node: str) -> bool:
        return node in self.facts

    @cached_property
    def networks(self) -> Mapping[tuple[str, str], str]:
        """By node and address: the network that the node has the address in. Read once, as every node's goals ask."""
        return {
            (name, str(found.ip)): str(found.network)
            for name, facts in self.facts.items()
            for interface in facts.interfaces
            for found in map(ip_interface, interface.addresses)
            if isinstance(found, IPv4Interface)
        }

    def kube_nodes(self) -> tuple[KubeNode, ...]:
        """Node objects, from the first server that could tell; () where no cluster answers."""
        return next((facts.k3s.nodes for facts in self.facts.values() if facts.k3s.nodes), ())

    def knows(self, node: str) -> bool:
        """Whether the running cluster has this node."""
        return node in self._known

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(known.name for known in self.kube_nodes())
