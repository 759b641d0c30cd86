"""What the user wants: the inventory, resolved and frozen.

`load.py` reads YAML into these types. Defaults, classes and ranges are gone by then: every Node carries its own whole
truth. Nothing here knows what a machine looks like; that is `remote/facts.py`.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from clustr.inventory.secrets import Secret


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Role(StrEnum):
    SERVER = "server"
    AGENT = "agent"
    MONITOR = "monitor"


class Effect(StrEnum):
    """What a taint does to pods that do not tolerate it (Kubernetes API, Taint)."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Taint(Frozen):
    """Written `key=value:Effect` or `key:Effect`."""

    key: str
    value: str = ""
    effect: Effect


class Bastion(Frozen):
    """The host through which nodes are reached; one connection to it serves them all."""

    host: str
    user: str | None = None
    port: int = 22
    key: Path | None = None


class Ssh(Frozen):
    user: str | None = None
    port: int = 22
    key: Path | None = None
    password: Secret | None = None
    passphrase: Secret | None = None
    bastion: Bastion | None = None
    host_keys: Literal["accept-new", "strict"] = "accept-new"
    known_hosts: Path | None = None
    connect_timeout: int = Field(default=10, description="seconds for one attempt to connect")


class Sudo(Frozen):
    """How a login that is not root becomes root; without a password sudo must not ask for one."""

    password: Secret | None = None


class NodeClass(Frozen):
    """What nodes of one kind are expected to be; the doctor compares machines with it."""

    gpus: int | None = None
    model: str | None = None
    ib_ports: int | None = None
    ib_rate: int | None = Field(default=None, description="Gbit/s of one port")


class Node(Frozen):
    name: str
    address: str = Field(description="how SSH reaches it: an IPv4 address or a name")
    internal_address: str = Field(description="IPv4 address the cluster uses: node-ip, etcd, scrape targets")
    interface: str | None = None
    roles: frozenset[Role]
    class_name: str | None = None
    expects: NodeClass = NodeClass()
    labels: dict[str, str] = {}
    taints: tuple[Taint, ...] = ()
    ssh: Ssh = Ssh()
    sudo: Sudo = Sudo()

    def has(self, role: Role) -> bool:
        return role in self.roles

    @property
    def in_cluster(self) -> bool:
        """Whether Kubernetes runs on it; a node that is only a monitor stays outside."""
        return self.has(Role.SERVER) or self.has(Role.AGENT)


class Network(Frozen):
    cluster_cidr: IPv4Network = IPv4Network("10.42.0.0/16")
    service_cidr: IPv4Network = IPv4Network("10.43.0.0/16")
    cni: Literal["flannel", "none"] = "flannel"
    vip: str | None = Field(default=None, description="address of a load balancer or virtual IP before the servers")
    api_address: str | None = Field(default=None, description="what the kubeconfig names; default: vip, else a server")


class Snapshots(Frozen):
    """k3s's own etcd snapshots."""

    schedule: str = "0 */6 * * *"
    keep: int = 12


class K3s(Frozen):
    version: str
    snapshots: Snapshots = Snapshots()
    kubelet_args: tuple[str, ...] = ()
    server_config: dict[str, object] = Field(
        default={}, description="further keys of config.yaml on servers, as k3s names them"
    )
    agent_config: dict[str, object] = Field(default={}, description="further keys of config.yaml on agents")
    allow_cgroup_v1: bool = False


class Addons(Frozen):
    """The parts that k3s packages; what is off goes into `disable`."""

    traefik: bool = True
    servicelb: bool = True
    local_storage: bool = True
    metrics_server: bool = True


class Runtime(Frozen):
    engine: Literal["k3s", "containerd", "docker"] = "k3s"


class Monitoring(Frozen):
    enabled: bool = True
    retention: str = "30d"
    alert_receivers: tuple[str, ...] = Field(default=(), description="URLs that get alerts as webhooks")


class Artifacts(Frozen):
    """Where downloads come from: the releases' own places, or a mirror with the same paths."""

    mirror: str | None = None
    ca: Path | None = None


class Time(Frozen):
    servers: tuple[str, ...] = Field(default=(), description="NTP servers; empty: the distribution's own pool")


class Rollout(Frozen):
    """How many nodes that work may be disturbed at once, and how many may fail before none is started."""

    at_once: str = "10%"
    max_failures: int = 1

    def width(self, nodes: int) -> int:
        """Nodes at once, at least one: 10% of 50 is 5, of 3 is 1."""
        share = int(self.at_once[:-1]) * nodes // 100 if self.at_once.endswith("%") else int(self.at_once)
        return max(1, share)


class System(Frozen):
    """Settings of the operating system on every node."""

    packages: tuple[str, ...] = ()
    sysctls: dict[str, str] = {}
    journal_max: str = "2G"


class Cluster(Frozen):
    name: str
    nodes: tuple[Node, ...]
    network: Network = Network()
    k3s: K3s
    addons: Addons = Addons()
    runtime: Runtime = Runtime()
    monitoring: Monitoring = Monitoring()
    artifacts: Artifacts = Artifacts()
    time: Time = Time()
    rollout: Rollout = Rollout()
    system: System = System()
    source: Path = Field(description="the inventory file this was read from")

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def with_role(self, role: Role) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.has(role))

    @property
    def servers(self) -> tuple[Node, ...]:
        return self.with_role(Role.SERVER)

    @property
    def agents(self) -> tuple[Node, ...]:
        """Nodes that are agents and no servers."""
        return tuple(node for node in self.with_role(Role.AGENT) if not node.has(Role.SERVER))

    @property
    def monitors(self) -> tuple[Node, ...]:
        return self.with_role(Role.MONITOR)

    @property
    def registration(self) -> str:
        """The name under which nodes find the servers; /etc/hosts gives it the vip's or every server's address."""
        return f"{self.name}.k3s.internal"
