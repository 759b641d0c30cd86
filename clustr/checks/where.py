"""To which nodes a check applies: the reason why not, or None."""

from __future__ import annotations

from clustr.inventory.model import Cluster, Node, Role


def in_cluster(cluster: Cluster, node: Node) -> str | None:
    return None if node.in_cluster else "it is no Kubernetes node"


def with_flannel(cluster: Cluster, node: Node) -> str | None:
    if node.in_cluster and cluster.network.cni != "flannel":
        return "the cluster brings a network plugin of its own"
    return in_cluster(cluster, node)


def with_own_plugin(cluster: Cluster, node: Node) -> str | None:
    if node.in_cluster and cluster.network.cni == "flannel":
        return "the network is flannel's"
    return in_cluster(cluster, node)


def servers(cluster: Cluster, node: Node) -> str | None:
    return None if node.has(Role.SERVER) else "it is no server"


def etcd_members(cluster: Cluster, node: Node) -> str | None:
    if node.has(Role.SERVER) and len(cluster.servers) == 1:
        return "a single server keeps its data in sqlite"
    return servers(cluster, node)


def embedded_runtime(cluster: Cluster, node: Node) -> str | None:
    if node.in_cluster and cluster.runtime.engine != "k3s":
        return f"k3s uses {cluster.runtime.engine}"
    return in_cluster(cluster, node)


def own_containerd(cluster: Cluster, node: Node) -> str | None:
    return None if cluster.runtime.engine == "containerd" else f"the runtime is {cluster.runtime.engine}'s"


def docker(cluster: Cluster, node: Node) -> str | None:
    return None if cluster.runtime.engine == "docker" else f"the runtime is {cluster.runtime.engine}'s"


def monitored(cluster: Cluster, node: Node) -> str | None:
    return None if cluster.monitoring.enabled else "monitoring is switched off"


def monitors(cluster: Cluster, node: Node) -> str | None:
    return monitored(cluster, node) if node.has(Role.MONITOR) else "it is no monitor"
