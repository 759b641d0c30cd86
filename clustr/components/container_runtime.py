"""The container runtime where another than k3s's own is asked for: containerd or docker of the distribution.

Held at their version: a runtime that is upgraded by the way restarts under running pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clustr.artifacts import site_ca
from clustr.components import container_toolkit, proxy, rdma, registries
from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages, service, usual_umask
from clustr.errors import PreflightError
from clustr.families import Engine, Family, family
from clustr.inventory.model import Cluster, Network, Node
from clustr.remote.facts import Facts, Seen
from clustr.templates import render

CONTAINERD = "containerd.service"


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    chosen, facts = cluster.runtime.engine, seen[node.name]
    if not node.in_cluster or chosen == "k3s":
        return
    names = family(facts)
    engine = chosen_engine(names, chosen, facts)
    yield packages(names.manager, engine.packages, hold=True, label=f"packages of {chosen}")
    config = _containerd(facts, node, cluster.network) if chosen == "containerd" else _docker(facts, node)
    files = (config, usual_umask(engine.unit), *rdma.memlock(node, engine.unit), *proxy.drop_in(engine.unit, node))
    yield from files
    if chosen == "containerd":
        yield from registries.of_containerd(node)
    else:
        yield from _what_starts_containers(node)
    way_out = (*proxy.variables(cluster, node, seen), *site_ca(cluster, node))
    yield from service(engine.unit, (*files, *way_out))


def _what_starts_containers(node: Node) -> Iterator[Goal]:
    """dockerd leaves that to the system's containerd where one runs (moby, cmd/dockerd, initContainerd), so containers
    inherit from that unit what they may lock in memory."""
    limits = rdma.memlock(node, CONTAINERD)
    if limits:
        yield from limits
        yield from service(CONTAINERD, limits)


def chosen_engine(names: Family, chosen: str, facts: Facts) -> Engine:
    """The runtime that the inventory chose, in the family's packages; raises PreflightError where it has none."""
    found = names.engine(chosen)
    if found is None:
        problem = f"{facts.os.name} has no {chosen} among its packages"
        raise PreflightError(problem, "set runtime.engine: k3s, which brings its own", node=facts.hostname)
    return found


# Where k3s keeps flannel's plugins and network (https://github.com/k3s-io/k3s/pull/10868), and where other CNIs do.
K3S_CNI = ("/var/lib/rancher/k3s/data/cni", "/var/lib/rancher/k3s/agent/etc/cni/net.d")
OWN_CNI = ("/opt/cni/bin", "/etc/cni/net.d")


def _containerd(facts: Facts, node: Node, network: Network) -> Goal:
    programs, configs = K3S_CNI if network.cni == "flannel" else OWN_CNI
    content = render(
        "container_runtime/config.toml",
        systemd_cgroup=facts.cgroup == 2,
        cni_programs=programs,
        cni_configs=configs,
        registries=registries.CERTS if node.artifacts.images else "",
        nvidia=container_toolkit.RUNTIME if container_toolkit.serves_gpus(node, facts) else "",
    )
    return file("/etc/containerd/config.toml", content)


def _docker(facts: Facts, node: Node) -> Goal:
    mirrors = registries.of_docker(node)
    nvidia = container_toolkit.RUNTIME if container_toolkit.serves_gpus(node, facts) else ""
    content = render("container_runtime/daemon.json", systemd_cgroup=facts.cgroup == 2, mirrors=mirrors, nvidia=nvidia)
    return file("/etc/docker/daemon.json", content)
