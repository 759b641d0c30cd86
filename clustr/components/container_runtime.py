"""The container runtime where another than k3s's own is asked for: Debian's containerd, or docker with compose.

Held at their version: a runtime that is upgraded by the way restarts under running pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clustr.components.families import Family, family
from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages, service
from clustr.inventory.model import Cluster, Network, Node
from clustr.remote.facts import Seen
from clustr.templates import render


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    if not node.in_cluster:
        return
    names, systemd_cgroup = family(seen[node.name]), seen[node.name].cgroup == 2
    if cluster.runtime.engine == "containerd":
        yield from _containerd(names, systemd_cgroup, cluster.network)
    elif cluster.runtime.engine == "docker":
        yield from _docker(names, systemd_cgroup)


def _containerd(names: Family, systemd_cgroup: bool, network: Network) -> Iterator[Goal]:
    yield packages((names.containerd.package, "runc"), hold=True, label="packages of containerd")
    folders = K3S_CNI if network.cni == "flannel" else OWN_CNI
    content = render(
        "container_runtime/config.toml", systemd_cgroup=systemd_cgroup, cni_programs=folders[0], cni_configs=folders[1]
    )
    config = file("/etc/containerd/config.toml", content)
    yield config
    yield from service(names.containerd.unit, [config])


# Where k3s keeps flannel's plugins and network (https://github.com/k3s-io/k3s/pull/10868), and where other CNIs do.
K3S_CNI = ("/var/lib/rancher/k3s/data/cni", "/var/lib/rancher/k3s/agent/etc/cni/net.d")
OWN_CNI = ("/opt/cni/bin", "/etc/cni/net.d")


def _docker(names: Family, systemd_cgroup: bool) -> Iterator[Goal]:
    wanted = (names.docker.package, *names.docker_packages, names.containerd.package, "runc")
    yield packages(wanted, hold=True, label="packages of docker")
    config = file("/etc/docker/daemon.json", render("container_runtime/daemon.json", systemd_cgroup=systemd_cgroup))
    yield config
    yield from service(names.docker.unit, [config])
