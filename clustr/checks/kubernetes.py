"""A node as Kubernetes knows it, asked with the node's own kubelet's credentials and through its own way to the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clustr.checks.backend import Host
from clustr.checks.check import CheckFailed
from clustr.inventory.model import Node

KUBELET = "/var/lib/rancher/k3s/agent/kubelet.kubeconfig"


@dataclass(frozen=True)
class Condition:
    status: str  # True, False or Unknown
    message: str
    since: str


@dataclass(frozen=True)
class KubeNode:
    conditions: Mapping[str, Condition]
    unschedulable: bool
    internal_address: str
    version: str
    runtime: str
    capacity: dict[str, str]  # what it has of each resource, whoever uses it
    allocatable: dict[str, str]


def kube_node(host: Host, node: Node) -> KubeNode:
    """Raises CheckFailed where the API knows no such node."""
    text = host.check_output(
        f"k3s kubectl --kubeconfig={KUBELET} --request-timeout=10s get node %s --ignore-not-found -o json", node.name
    )
    if not text.strip():
        raise CheckFailed(f"Kubernetes knows no node {node.name}")
    return read_kube_node(json.loads(text))


def read_kube_node(document: Mapping[str, Any]) -> KubeNode:
    status = document["status"]
    conditions = {
        each["type"]: Condition(each["status"], each.get("message", ""), each.get("lastTransitionTime", ""))
        for each in status["conditions"]
    }
    addresses = {each["type"]: each["address"] for each in reversed(status["addresses"])}
    info = status["nodeInfo"]
    return KubeNode(
        conditions,
        bool(document["spec"].get("unschedulable", False)),
        addresses.get("InternalIP", ""),
        info["kubeletVersion"],
        info["containerRuntimeVersion"],
        dict(status.get("capacity", {})),
        dict(status.get("allocatable", {})),
    )
