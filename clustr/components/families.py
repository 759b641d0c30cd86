"""What distributions call things. The one place where they differ; a component asks, it never tests for a system."""

from __future__ import annotations

from dataclasses import dataclass

from clustr.errors import PreflightError
from clustr.inventory.model import Cluster, Node, Role
from clustr.remote.facts import Facts


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
class Family:
    """Distributions of one kind, by the names in their packages."""

    packages: tuple[str, ...]  # what nodes need beside the parts that have a component of their own
    time_pool: str  # NTP pool of the distribution, for inventories that name no servers
    chrony: Daemon
    chrony_config: str
    containerd: Daemon
    containerd_1: bool  # its containerd is a 1.x
    docker: Daemon
    docker_packages: tuple[str, ...]  # client and compose
    node_exporter: Daemon
    prometheus: Daemon
    alertmanager: Daemon

    def monitoring(self, cluster: Cluster, node: Node) -> tuple[Daemon, ...]:
        """What a node runs of the monitoring."""
        monitor = cluster.monitoring.enabled and node.has(Role.MONITOR)
        return (self.node_exporter, *((self.prometheus, self.alertmanager) if monitor else ()))


# curl and ca-certificates come first: whatever is downloaded needs them. The others are called by the kubelet and
# kube-proxy (https://docs.k3s.io/installation/requirements) or by people who look after the node.
PACKAGES = ("ca-certificates", "curl", "conntrack", "ethtool", "iptables", "kmod", "procps", "socat")


def _debian(pool: str, docker_packages: tuple[str, ...], *, containerd_1: bool = False) -> Family:
    return Family(
        packages=PACKAGES,
        time_pool=pool,
        chrony=Daemon("chrony.service", package="chrony"),
        chrony_config="/etc/chrony/chrony.conf",
        containerd=Daemon("containerd.service", package="containerd"),
        containerd_1=containerd_1,
        docker=Daemon("docker.service", package="docker.io"),
        docker_packages=docker_packages,
        node_exporter=_monitoring("prometheus-node-exporter"),
        prometheus=_monitoring("prometheus"),
        alertmanager=_monitoring("prometheus-alertmanager"),
    )


def _monitoring(name: str) -> Daemon:
    return Daemon(f"{name}.service", f"/etc/default/{name}", package=name)


# Debian 13 took the client out of docker.io; Ubuntu's compose 2 has a name of its own (packages.debian.org,
# packages.ubuntu.com).
FAMILIES = {
    ("debian", "12"): _debian("2.debian.pool.ntp.org", ("docker-compose",), containerd_1=True),
    ("debian", "13"): _debian("2.debian.pool.ntp.org", ("docker-cli", "docker-compose"), containerd_1=True),
    ("ubuntu", "22.04"): _debian("ntp.ubuntu.com", ("docker-compose-v2",)),
    ("ubuntu", "24.04"): _debian("ntp.ubuntu.com", ("docker-compose-v2",)),
    ("ubuntu", "26.04"): _debian("ntp.ubuntu.com", ("docker-compose-v2",)),
}


def family(facts: Facts) -> Family:
    """The names that hold on a machine; raises PreflightError for a system that clustr does not know."""
    try:
        return FAMILIES[facts.os.id, facts.os.version]
    except KeyError:
        known = ", ".join(f"{name} {version}" for name, version in FAMILIES)
        raise PreflightError(
            f"{facts.os.name} is no system that clustr knows", f"use one of: {known}", node=facts.hostname
        ) from None
