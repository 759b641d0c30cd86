"""The fabric in the cluster: the RDMA shared device plugin, a resource for each fabric, rdma/infiniband and rdma/roce.

Ports are told apart by their link type, so one configuration serves every node of a fabric; which nodes those are their
labels say. That hands out whatever else speaks the same, such as the ConnectX-7 functions that manage a B200 board's
switches; what keeps them out is an interface's name alone, so it takes classes that name theirs. Settings: README of
https://github.com/Mellanox/k8s-rdma-shared-dev-plugin; its deployment/k8s/base.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clustr.engine.goal import Goal
from clustr.engine.makers import manifest, sha256
from clustr.inventory.gpu import Fabric
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.templates import render
from clustr.versions import RDMA_PLUGIN

IMAGE = f"ghcr.io/mellanox/k8s-rdma-shared-dev-plugin:{RDMA_PLUGIN}"
LABEL = "clustr.io/fabric."  # then its name
LINKS = {Fabric.INFINIBAND: "infiniband", Fabric.ROCE: "ether"}  # as netlink calls them
SHARES = 1000  # pods of one node that may have a fabric at once


@dataclass(frozen=True)
class Resource:
    name: str
    settings: str
    sum: str

    @classmethod
    def of(cls, fabric: Fabric, interfaces: Sequence[str]) -> Resource:
        """`interfaces`: of its ports on all nodes; none: all that speak it."""
        selectors = {"drivers": ["mlx5_core"], "linkTypes": [LINKS[fabric]]}
        if interfaces:
            selectors["ifNames"] = list(interfaces)
        resource = {"resourceName": fabric.value, "rdmaHcaMax": SHARES, "selectors": selectors}
        settings = json.dumps({"configList": [resource]})
        return cls(fabric.value, settings, sha256(settings)[:16])


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    """For the first server."""
    having = {
        fabric: [each for each in cluster.nodes if each.in_cluster and fabric in fabrics(each)] for fabric in Fabric
    }
    resources = [Resource.of(fabric, interfaces(nodes, fabric)) for fabric, nodes in having.items() if nodes]
    if not resources:
        return
    content = render("rdma_plugin/rdma-plugin.yaml", fabrics=resources, image=IMAGE, label=LABEL)
    yield manifest("clustr-rdma-plugin", content)


def interfaces(nodes: Iterable[Node], fabric: Fabric) -> tuple[str, ...]:
    """Of the fabric's ports on these nodes, in order; () unless every one of them is named."""
    found: set[str | None] = set()
    for node in nodes:
        named = [port for port in node.rdma.ports if port.fabric is fabric] if node.rdma else []
        found |= {port.interface for port in named} if named else {None}
    return tuple(sorted(name for name in found if name)) if None not in found else ()


def fabrics(node: Node) -> tuple[Fabric, ...]:
    """What the node's ports speak: those that its class names, or else it may be either."""
    if node.rdma is None:
        return ()
    named = {port.fabric for port in node.rdma.ports}
    return tuple(fabric for fabric in Fabric if fabric in named or not named)


def fabric_labels(node: Node) -> dict[str, str]:
    """The labels by which each fabric's DaemonSet finds its nodes."""
    return {f"{LABEL}{fabric}": "true" for fabric in fabrics(node)}
