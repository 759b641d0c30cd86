"""THE ORDER: what is done where, and how many nodes at once."""

from __future__ import annotations

from collections.abc import Sequence

from clustr.components import (
    alertmanager,
    base_os,
    container_runtime,
    container_toolkit,
    cuda,
    dcgm,
    device_plugin,
    fabric_manager,
    gpu_operator,
    k3s_agent,
    k3s_server,
    mig,
    node_exporter,
    node_object,
    nvidia_driver,
    package_source,
    peermem,
    prometheus,
    rdma,
    rdma_plugin,
    selinux,
)
from clustr.components.k3s import api_server, first_server
from clustr.engine.stage import Stage
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def everyone(cluster: Cluster, _seen: Seen) -> Sequence[Node]:
    return cluster.nodes


def first(cluster: Cluster, seen: Seen) -> Sequence[Node]:
    server = first_server(cluster, seen)
    return (server,) if server else ()


def answering(cluster: Cluster, seen: Seen) -> Sequence[Node]:
    server = api_server(cluster, seen)
    return (server,) if server else ()


def other_servers(cluster: Cluster, seen: Seen) -> Sequence[Node]:
    return tuple(node for node in cluster.servers if node not in first(cluster, seen))


def agents(cluster: Cluster, _seen: Seen) -> Sequence[Node]:
    return cluster.agents


def monitors(cluster: Cluster, _seen: Seen) -> Sequence[Node]:
    return cluster.monitors


PREPARE = (
    *(package_source, base_os, selinux),
    *(rdma, nvidia_driver, peermem, fabric_manager, cuda),
    *(container_toolkit, container_runtime, mig, dcgm, node_exporter),
)

STAGES = (
    Stage("Prepare nodes", everyone, PREPARE),
    Stage("First server", first, (k3s_server,), at_once=1),
    Stage("Other servers", other_servers, (k3s_server,), at_once=1),
    Stage("Agents", agents, (k3s_agent,), at_once=50),
    Stage("Node objects", answering, (node_object,)),
    Stage("Cluster services", first, (device_plugin, gpu_operator, rdma_plugin)),
    Stage("Monitoring", monitors, (prometheus, alertmanager)),
)
