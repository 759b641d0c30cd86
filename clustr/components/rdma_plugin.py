"""The fabric in the cluster: the RDMA shared device plugin, a resource for each fabric, rdma/infiniband and rdma/roce.

Ports are told apart by their link type, so one configuration serves every node of a fabric; which nodes those are their
labels say. Functions that manage a B200 board's switches are not kept out: what tells them from a ConnectX-7 port is
no selector of the plugin's but an interface's name, and each node makes that up for itself (docs/gpu.md). Settings:
README of https://github.com/Mellanox/k8s-rdma-shared-dev-plugin; its deployment/k8s/base.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
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
    def of(cls, fabric: Fabric) -> Resource:
        selectors = {"drivers": ["mlx5_core"], "linkTypes": [LINKS[fabric]]}
        resource = {"resourceName": fabric.value, "rdmaHcaMax": SHARES, "selectors": selectors}
        settings = json.dumps({"configList": [resource]})
        return cls(fabric.value, settings, sha256(settings)[:16])


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    """For the first server."""
    found = [fabric for fabric in Fabric if any(fabric in fabrics(each) for each in cluster.nodes if each.in_cluster)]
    if not found:
        return
    resources = [Resource.of(fabric) for fabric in found]
    content = render("rdma_plugin/rdma-plugin.yaml", fabrics=resources, image=IMAGE, label=LABEL)
    yield manifest("clustr-rdma-plugin", content)


def fabrics(node: Node) -> tuple[Fabric, ...]:
    """What the node's ports speak: those that its class names, or else it may be either."""
    if node.rdma is None:
        return ()
    named = {port.fabric for port in node.rdma.ports}
    return tuple(fabric for fabric in Fabric if fabric in named or not named)


def fabric_labels(node: Node) -> dict[str, str]:
    """The labels by which each fabric's DaemonSet finds its nodes."""
    return {f"{LABEL}{fabric}": "true" for fabric in fabrics(node)}
