"""What a family of distributions is: one package manager, and the names that hold there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from clustr.inventory.model import Cluster, Node, Role


class Manager(StrEnum):
    """What installs packages. templates/engine/NAME.sh holds what goals of packages call."""

    APT = "apt"
    DNF = "dnf"


@dataclass(frozen=True)
class Upstream:
    """The release that stands in where a distribution has no package; artifacts.py knows it by `release`."""

    release: str
    version: str
    programs: tuple[str, ...]  # the first is the daemon, the others check its configuration


@dataclass(frozen=True)
class Daemon:
    """A program that serves: its unit, the file that holds its arguments, and the package or else the release."""

    unit: str
    defaults: str = ""
    package: str = ""
    upstream: Upstream | None = None


@dataclass(frozen=True)
class Engine:
    """A container runtime in a distribution's own packages."""

    unit: str
    packages: tuple[str, ...]
    containerd_1: bool = False  # its containerd is a 1.x


# chrony 4.6 reads the list itself; time zones are given up as their place
# (https://chrony-project.org/doc/4.6/chrony.conf.html, leapseclist).
LEAP_ZONE = "leapsectz right/UTC"
LEAP_LIST = "leapseclist /usr/share/zoneinfo/leap-seconds.list"


@dataclass(frozen=True)
class Time:
    """chrony, and where a distribution keeps its parts."""

    unit: str
    config: str
    pool: str  # NTP pool of the distribution, for inventories that name no servers
    keys: str
    drift: str
    leap_seconds: str  # the line of chrony.conf that tells where they are listed
    fragments: str = ""  # folder of further files that the distribution's own configuration reads


@dataclass(frozen=True)
class Policy:
    """The SELinux policy of k3s: packages, and the repository that has them, below `site` as its key is."""

    packages: tuple[str, ...]
    repository: str
    archive: str  # its name in `artifacts.packages`
    site: str
    folder: str
    key: str  # that signs the packages
    fingerprint: str


@dataclass(frozen=True)
class Family:
    """Distributions of one kind, by the names in their packages."""

    manager: Manager
    packages: tuple[str, ...]  # what nodes need beside the parts that have a component of their own
    time: Time
    node_exporter: Daemon
    prometheus: Daemon
    alertmanager: Daemon
    rdma: tuple[str, ...] = ()  # rdma-core: libraries, drivers' parts in user space, tools that ask the fabric
    containerd: Engine | None = None  # None where its repositories have none
    docker: Engine | None = None
    # Of the running kernel, where it comes without modules that pods need; {variant} is "" or one like "-64k".
    kernel_packages: tuple[str, ...] = ()
    network_manager: bool = False
    hinders: tuple[str, ...] = ()  # units that k3s's network does not work beside
    k3s_policy: Policy | None = None

    def engine(self, name: str) -> Engine | None:
        """The runtime of this name in the inventory (`runtime.engine`)."""
        return {"containerd": self.containerd, "docker": self.docker}.get(name)

    def monitoring(self, cluster: Cluster, node: Node) -> tuple[Daemon, ...]:
        """What a node runs of the monitoring."""
        monitor = cluster.monitoring.enabled and node.has(Role.MONITOR)
        return (self.node_exporter, *((self.prometheus, self.alertmanager) if monitor else ()))
