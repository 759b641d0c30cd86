"""What the user wants: the inventory, resolved and frozen.

`load.py` reads YAML into these types. Defaults, classes and ranges are gone by then: every Node carries its own whole
truth. Nothing here knows what a machine looks like; that is `remote/facts.py`.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, model_validator

from clustr.inventory import fields
from clustr.inventory.frozen import Frozen
from clustr.inventory.gpu import ClusterGpu, Cuda, Dcgm, Driver, NodeClass, Rdma
from clustr.inventory.places import login_of
from clustr.inventory.secrets import Secret
from clustr.versions import DEFAULT_K3S


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

    key: fields.LabelKey
    value: fields.LabelValue = ""
    effect: Effect

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: object) -> object:
        if not isinstance(data, str):
            return data
        rest, _, effect = data.rpartition(":")
        if not rest or effect not in set(Effect):
            raise ValueError(f'"{data}" is no taint: write key=value:Effect with {", ".join(Effect)}')
        key, _, value = rest.partition("=")
        return {"key": fields.qualified(key), "value": fields.label_value(value), "effect": effect}

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


class Bastion(Frozen):
    """The host through which nodes are reached; one connection to it serves them all."""

    host: fields.Host = Field(description="an IPv4 address or a name")
    user: fields.User | None = Field(default=None, description="default: the nodes' user")
    port: fields.Port = Field(default=22, description="of its sshd")
    key: Path | None = Field(default=None, description="private key; default: the nodes' key")


class Ssh(Frozen):
    """How a node is logged in to."""

    user: str | None = None
    port: int = 22
    key: Path | None = None
    password: Secret | None = None
    passphrase: Secret | None = None
    bastion: Bastion | None = None
    host_keys: Literal["accept-new", "strict"] = "accept-new"
    known_hosts: Path | None = None
    connect_timeout: int = Field(default=10, description="seconds for one attempt to connect")
    connect_within: int = Field(default=30, description="seconds in which a node that is not up is tried again")


class Sudo(Frozen):
    """How a login that is not root becomes root; without a password sudo must not ask for one."""

    password: Secret | None = None


class Artifacts(Frozen):
    """Where a node's downloads come from, and how they get out. A proxy whose URL has a login in it is a secret."""

    packages: dict[str, str] = Field(default={}, description="URLs by the name of an archive; * is the folder of all")
    keys: dict[str, Path] = Field(default={}, description="what signs a vendor's mirror instead of the vendor's key")
    mirror: str | None = Field(default=None, description="what takes the place of https://github.com/")
    charts: dict[str, str] = Field(default={}, description="URLs by the host of a chart repository; * for all")
    images: dict[str, str] = Field(default={}, description="URLs by registry; * for all")
    ca: Path | None = Field(default=None, description="PEM file of authorities that the node trusts besides")
    http_proxy: str | Secret | None = None
    https_proxy: str | Secret | None = None
    no_proxy: tuple[str, ...] = ()

    @property
    def proxied(self) -> bool:
        return self.http_proxy is not None or self.https_proxy is not None

    @property
    def secrets(self) -> frozenset[str]:
        """Every part of the proxies that is shown nowhere: URL, login and password, also as the proxy is told it."""
        urls = [proxy.reveal() for proxy in (self.http_proxy, self.https_proxy) if isinstance(proxy, Secret)]
        logins = [login for url in urls if (login := login_of(url))]
        return frozenset(part for login in logins for part in (str(login), login.password) if part) | frozenset(urls)


class Node(Frozen):
    name: str
    address: str = Field(description="how SSH reaches it: an IPv4 address or a name")
    internal_address: str = Field(description="IPv4 address the cluster uses: node-ip, etcd, scrape targets")
    interface: str | None = None
    roles: frozenset[Role]
    class_name: str | None = None
    expects: NodeClass = NodeClass()
    labels: dict[str, str] = Field(default={})
    taints: tuple[Taint, ...] = ()
    ssh: Ssh = Ssh()
    sudo: Sudo = Sudo()
    artifacts: Artifacts = Artifacts()
    driver: Driver = Driver()
    rdma: Rdma | None = Field(default=None, description="None: the fabric's ports are left alone")

    def has(self, role: Role) -> bool:
        return role in self.roles

    @property
    def in_cluster(self) -> bool:
        """Whether Kubernetes runs on it; a node that is only a monitor stays outside."""
        return self.has(Role.SERVER) or self.has(Role.AGENT)

    @property
    def rdma_ports(self) -> frozenset[str]:
        """RDMA devices that it names as ports of the fabric; none: which they are is told by what they speak."""
        return frozenset(port.device for port in self.rdma.ports) if self.rdma else frozenset()


class Network(Frozen):
    """Addresses inside the cluster, and the one under which its API is found."""

    cluster_cidr: fields.Cidr = Field(default=IPv4Network("10.42.0.0/16"), description="pods; each node takes a /24")
    service_cidr: fields.Cidr = Field(default=IPv4Network("10.43.0.0/16"), description="services")
    cni: Literal["flannel", "none"] = Field(default="flannel", description="none: you bring a network of your own")
    vip: fields.Ipv4 | None = Field(
        default=None, description="IPv4 address of a load balancer or virtual IP before the servers"
    )
    api_address: fields.Host | None = Field(
        default=None, description="what the kubeconfig names; default: vip, else a server"
    )


class Snapshots(Frozen):
    """k3s's own etcd snapshots."""

    schedule: fields.Cron = Field(default="0 */6 * * *", description="cron, in the servers' time zone")
    keep: fields.Whole = Field(default=12, ge=1, description="snapshots kept on each server")


class K3s(Frozen):
    """The release of k3s and its settings."""

    version: fields.K3sVersion = Field(default=DEFAULT_K3S, description="a release of k3s")
    snapshots: Snapshots = Snapshots()
    kubelet_args: tuple[fields.KubeletArg, ...] = Field(default=(), description="name=value, on every node")
    server_config: dict[fields.ConfigKey, fields.ConfigValue] = Field(
        default={}, description="further keys of config.yaml on servers, as k3s names them"
    )
    agent_config: dict[fields.ConfigKey, fields.ConfigValue] = Field(
        default={}, description="further keys of config.yaml on agents"
    )
    registries: Path | None = Field(
        default=None, description="a registries.yaml of k3s: mirrors of image registries, and how to log in to them"
    )
    allow_cgroup_v1: fields.Flag = Field(
        default=False, description="let the kubelet run on cgroup v1, which it refuses from 1.35"
    )


class Addons(Frozen):
    """The parts that k3s packages; what is off goes into `disable`."""

    traefik: fields.Flag = Field(default=True, description="ingress controller")
    servicelb: fields.Flag = Field(default=True, description="load balancer for Services")
    local_storage: fields.Flag = Field(
        default=True,
        validation_alias=AliasChoices("local-storage", "local_storage"),
        description="volumes on the nodes' disks",
    )
    metrics_server: fields.Flag = Field(
        default=True, validation_alias=AliasChoices("metrics-server", "metrics_server"), description="kubectl top"
    )


class Runtime(Frozen):
    """What runs the containers."""

    engine: Literal["k3s", "containerd", "docker"] = Field(default="k3s", description="k3s: its own containerd")


class Monitoring(Frozen):
    """Prometheus and Alertmanager on the monitor node, node_exporter on every node."""

    enabled: fields.Flag = Field(default=True, description="false: none of it, what clustr put there is removed")
    retention: fields.Duration = Field(default="30d", description="how long Prometheus keeps samples")
    alert_receivers: tuple[fields.Url, ...] = Field(default=(), description="URLs that get alerts as webhooks")


class Time(Frozen):
    """Where the nodes' clocks come from."""

    servers: tuple[fields.Host, ...] = Field(default=(), description="NTP servers; empty: the distribution's own pool")


class Rollout(Frozen):
    """How many nodes that work may be disturbed at once, and how many may fail before none is started."""

    at_once: fields.AtOnce = Field(default="10%", description="a number of nodes, or a share of them; at least one")
    max_failures: fields.Whole = Field(default=1, ge=0, description="past it, no further node is started")
    drain_seconds: fields.Whole = Field(default=600, ge=1, description="a drain that takes longer counts as refused")

    def width(self, nodes: int) -> int:
        """Nodes at once, at least one: 10% of 50 is 5, of 3 is 1."""
        share = int(self.at_once[:-1]) * nodes // 100 if self.at_once.endswith("%") else int(self.at_once)
        return max(1, share)


class System(Frozen):
    """Settings of the operating system on every node."""

    packages: tuple[fields.Package, ...] = Field(default=(), description="further packages on every node")
    sysctls: dict[fields.SysctlKey, fields.SysctlValue] = Field(default={}, description="further kernel settings")
    journal_max: fields.Size = Field(default="2G", description="most that the journal may take of the disk")


class Cluster(Frozen):
    name: str
    nodes: tuple[Node, ...]
    network: Network = Network()
    k3s: K3s = K3s()
    addons: Addons = Addons()
    runtime: Runtime = Runtime()
    monitoring: Monitoring = Monitoring()
    time: Time = Time()
    rollout: Rollout = Rollout()
    system: System = System()
    cuda: Cuda = Cuda()
    dcgm: Dcgm = Dcgm()
    cluster_gpu: ClusterGpu = ClusterGpu.CLUSTR
    source: Path = Field(description="the inventory file this was read from")
    files: dict[Path, str] = Field(  # one may hold passwords of registries
        default={}, repr=False, exclude=True, description="texts of the files that go to nodes, by path"
    )

    def __copy__(self) -> Cluster:
        """A copy may be given other nodes: what was found among these is not kept for it."""
        made = super().__copy__()
        for found in ("by_name", "servers", "agents", "monitors"):
            made.__dict__.pop(found, None)
        return made

    @cached_property
    def by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def node(self, name: str) -> Node:
        return self.by_name[name]

    def with_role(self, role: Role) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.has(role))

    @cached_property
    def servers(self) -> tuple[Node, ...]:
        return self.with_role(Role.SERVER)

    @cached_property
    def agents(self) -> tuple[Node, ...]:
        """Nodes that are agents and no servers."""
        return tuple(node for node in self.with_role(Role.AGENT) if not node.has(Role.SERVER))

    @cached_property
    def monitors(self) -> tuple[Node, ...]:
        return self.with_role(Role.MONITOR)

    @property
    def registration(self) -> str:
        """The name under which nodes find the servers; /etc/hosts gives it the vip's or every server's address."""
        return f"{self.name}.k3s.internal"
